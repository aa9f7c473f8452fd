"""``lexon train``."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from lexon.cli.options import (
    DEFAULTS,
    check_output,
    network_options,
    read_rows,
    reading_options,
)
from lexon.errors import InputError, NonFiniteError


@click.command()
@click.argument("file")
@click.option("-o", "--model-file", required=True, help="The model file to write.")
@click.option("--text", help="Column of the texts; guessed when not given.")
@click.option("--label", help="Column of the labels; guessed when not given.")
@click.option("--target", help="Column to predict from all others: a job on attributes.")
@click.option("--valid", help="File held out to choose the best epoch, instead of a share.")
@click.option("--test", help="File looked at once, at the end.")
@click.option(
    "--hold-out",
    type=click.FloatRange(0, 1, max_open=True),
    help="Share of the rows held out without --valid [0.1].",
)
@network_options
@reading_options
@click.option("--seed", type=int, default=1, show_default=True, help="Of all chance there is.")
@click.option("--threads", type=int, help="Threads to use; changes no bit of the result.")
@click.option("--report", help="Write an HTML report to this file.")
@click.option("--baseline/--no-baseline", default=True, help="Train the simple rival as well.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint of a run cut short.")
@click.option(
    "--checkpoint-every",
    type=click.FloatRange(0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Save the state of training so often, beside the model file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
@click.option("--quiet", is_flag=True, help="Print the verdict only.")
def command(file: str, model_file: str, target: str | None, **options: Any) -> int:
    """Train a network on FILE and write it, its tokenizer and its labels to one model file.

    FILE is CSV, TSV, JSON lines, fastText lines, or lines that begin with their label; .gz and
    .xz too. Format, encoding and columns are recognised and printed. Ctrl-C ends training: the
    best epoch so far is written, the exit code is 130, and --resume goes on with the rest.

    \b
    lexon train reviews.csv --text review --label stars --model cnn -o reviews.lexon
    lexon train news.jsonl --label topics --epochs 10 -o news.lexon --report news.html
    lexon train computers.csv --target price --model mlp -o prices.lexon
    """
    from lexon.parallel import threads

    if options["threads"] is not None:
        threads(options["threads"])
    inputs = (file, options["valid"], options["test"])
    path = check_output("-o", model_file, *inputs)
    if options["report"] is not None:
        check_output("--report", options["report"], *inputs)
        if Path(options["report"]).absolute() == path.absolute():
            raise InputError("--report and -o name the same file\n  give two names")
    _refuse_pairs(options | {"target": target})
    job = _train_text if target is None else _train_table
    resumption = _resumption(path, options)
    try:
        return job(file, path, target, options)
    except NonFiniteError:  # it would end the same way again
        resumption.finish()
        raise
    except KeyboardInterrupt:
        if resumption.path.exists():
            click.echo(f"{resumption.path} is kept: --resume goes on from it", err=True)
        raise


def _refuse_pairs(options: dict[str, Any]) -> None:
    """Raise InputError for two options of which one would be ignored."""
    pairs = [("hold_out", "valid"), *((name, "target") for name in ("text", "label", "separator"))]
    for one, other in pairs:
        if options[one] is not None and options[other] is not None:
            names = (name.replace("_", "-") for name in (one, other))
            raise InputError("--{} does not go with --{}\n  give one of them".format(*names))


def _train_text(file: str, path: Path, _: str | None, options: dict[str, Any]) -> int:
    from lexon.cli.progress import Terminal
    from lexon.tasks import TextClassifier
    from lexon.tasks.job import Part, train_text
    from lexon.text import read_examples

    console, say = _voices(options)
    names = ("format", "encoding", "delimiter", "header", "separator")
    reading = {name: options[name] for name in names}

    def read(source: str, text: str | None, label: str | None) -> Any:
        examples = read_examples(source, text=text, label=label, **reading)
        say(examples.table.recognised.describe() if examples.table else source)
        for note in examples.notes:
            say(f"  {note}")
        return examples

    train = read(file, options["text"], options["label"])
    others = {}
    for part in ("valid", "test"):
        if options[part]:
            others[part] = read(options[part], options["text"], options["label"])
            _check_same_labels(train, others[part], options[part])
    model = TextClassifier(**_settings(TextClassifier, options))
    _say_unused(model, options, say)
    outcome = train_text(
        model,
        Part.of("training", train),
        valid=Part.of("held-out", others["valid"]) if "valid" in others else None,
        test=Part.of("test", others["test"]) if "test" in others else None,
        baseline=options["baseline"],
        watcher=None if options["quiet"] else Terminal(console),
        resumption=_resumption(path, options),
        after_fit=_writing(path, say),
        say=say,
    )
    notes = [note for examples in (train, *others.values()) for note in examples.notes]
    return _finish(outcome, path, options, notes, say)


def _train_table(file: str, path: Path, target: str | None, options: dict[str, Any]) -> int:
    from lexon.cli.progress import Terminal
    from lexon.tasks.table_job import train_table

    console, say = _voices(options)
    tables = {}
    for part, source in (("train", file), ("valid", options["valid"]), ("test", options["test"])):
        if source:
            tables[part] = read_rows(source, options)
            say(tables[part].recognised.describe())
    assert target is not None

    def settings(kind: type) -> dict[str, Any]:
        found = _settings(kind, options)
        _say_unused(kind(**found), options, say)
        return found

    _, outcome = train_table(
        tables["train"],
        target,
        settings=settings,
        valid=tables.get("valid"),
        test=tables.get("test"),
        baseline=options["baseline"],
        watcher=None if options["quiet"] else Terminal(console, "rows"),
        resumption=_resumption(path, options),
        after_fit=_writing(path, say),
        say=say,
    )
    return _finish(outcome, path, options, [], say)


def _voices(options: dict[str, Any]) -> tuple[Any, Callable[[str], None]]:
    """The console for progress, and what says a line; both on standard error."""
    from rich.console import Console

    console = Console(stderr=True)
    if options["quiet"]:
        return console, lambda line: None
    return console, lambda line: click.echo(line, err=True)


def _settings(kind: type, options: dict[str, Any]) -> dict[str, Any]:
    """The estimator's parameters among the options given.

    Raises:
        InputError: an option was given that this kind of model does not have.
    """
    from inspect import signature

    known = signature(kind).parameters
    given = {name: options[name] for name in DEFAULTS if options[name] is not None}
    strange = sorted(given.keys() - known.keys())
    if strange:
        raise InputError(
            f"--{strange[0].replace('_', '-')} is no setting of this job"
            f"\n  its settings are {', '.join(sorted(known))}"
        )
    if options["hold_out"] is not None:
        given["validation_fraction"] = options["hold_out"]
    return given | {"seed": options["seed"]}


def _say_unused(model: Any, options: dict[str, Any], say: Callable[[str], None]) -> None:
    """Say which of the options given this network has no use for."""
    unused = [name for name in model.unused() if options[name] is not None]
    if unused:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in unused)
        say(f"no use in model {model.model}: {named}")


def _check_same_labels(train: Any, other: Any, source: str) -> None:
    if train.multi_label != other.multi_label:
        raise InputError(
            f"{source}: one file has several labels a text, the other has one\n"
            "  give both files the same form"
        )


def _resumption(path: Path, options: dict[str, Any]) -> Any:
    from lexon.tasks.job import Resumption

    checkpoint = path.with_name(path.name + ".checkpoint")
    return Resumption(checkpoint, options["resume"], options["checkpoint_every"])


def _writing(path: Path, say: Callable[[str], None]) -> Callable[[Any], None]:
    """What writes the trained model: before it is scored, so that no trouble there loses it."""

    def write(model: Any) -> None:
        model.save(path)
        say(f"model: {path} ({path.stat().st_size:,} bytes)")

    return write


def _finish(
    outcome: Any,
    path: Path,
    options: dict[str, Any],
    notes: list[str],
    say: Callable[[str], None],
) -> int:
    """Write the report, and say how it went; the exit code."""
    resumption, history = _resumption(path, options), outcome.history
    interrupted = history.stopped == "interrupted"
    if not interrupted:
        resumption.finish()
    command = shlex.join(["lexon", *sys.argv[1:]])
    outcome = replace(outcome, command=command, notes=(*notes, *outcome.notes))
    if options["report"]:
        from lexon.report import write

        write(outcome, options["report"])
        say(f"report: {options['report']}")
    if options["as_json"]:
        click.echo(json.dumps(_summary(outcome), ensure_ascii=False))
    else:
        click.echo(outcome.verdict)
    if not interrupted:
        return 0
    click.echo(
        f"lexon: interrupted; {path} holds epoch {history.best}, the best of"
        f" {len(history.epochs)}, and --resume goes on",
        err=True,
    )
    return 130


def _summary(outcome: Any) -> dict[str, Any]:
    return {
        "verdict": outcome.verdict,
        "network": [evaluation.to_json() for evaluation in outcome.evaluations],
        "baseline": [evaluation.to_json() for evaluation in outcome.baseline],
        "history": outcome.history.to_json(),
        "seconds": outcome.seconds,
        "memory": outcome.memory,
    }
