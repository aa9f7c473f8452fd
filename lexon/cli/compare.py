"""``lexon compare``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lexon.cli.jobs.common import command_line, kept_results, say_unused, settings, voices
from lexon.cli.options import (
    check_output,
    check_same_labels,
    models_option,
    read_labelled,
    reading_options,
    text_options,
    whole,
)
from lexon.errors import InputError


@click.command("compare")
@click.argument("file")
@click.option("--text", help="Column of the texts; guessed when not given.")
@click.option("--label", help="Column of the labels; guessed when not given.")
@models_option("baseline,linear,mlp,cnn", "Networks, and baseline: a linear model on TF-IDF.")
@whole("--cv", least=2, help="Test every row once, in so many folds.")
@click.option("--test", help="File to test on.")
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.2,
    show_default=True,
    help="Of the rows to test, without --cv and --test.",
)
@whole("--seeds", default=1, help="Train every network so often, with seeds 1, 2, ...")
@text_options("model")
@reading_options
@click.option("--report", help="Write an HTML report to this file.")
@click.option("--resume", is_flag=True, help="Go on from the cells of a run cut short.")
@whole("--threads", help="Threads to use; changes no score.")
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
@click.option("--quiet", is_flag=True, help="Print the table only.")
def command(file: str, **options: Any) -> None:
    """Train several networks on the same rows of FILE and test them on the same others.

    One table: mean score and its spread over folds or seeds, time to train, time to predict a
    text, size of the model file, and whether the best is better than each by more than chance.
    Settings go to every network that has a use for them. Ctrl-C keeps what is done, the exit code
    is 130, and --resume goes on with the rest.

    \b
    lexon compare reviews.csv --models baseline,linear,cnn --cv 5 --report comparison.html
    lexon compare train.tsv --test test.tsv --models cnn,bilstm --seeds 3
    """
    from lexon.parallel import threads
    from lexon.tasks.common import rows_digest
    from lexon.tasks.job import identity

    _check(file, options)
    if options["threads"] is not None:
        threads(options["threads"])
    _, say = voices(options)
    job = _comparison(file, options, say)
    digest = rows_digest(list(zip(job.texts, job.labels, strict=True)))
    splits = {"splits": [split.test.tolist() for split in job.splits]}
    place = Path(options["report"] or f"{Path(file).name}.compare")
    place = place.with_name(place.name + ".cells")
    own = identity({**job.settings, **splits}, digest)
    kept = kept_results(place, own, file, options["test"])
    _run(job, kept, options["resume"], say)
    _show(job, file, options, {"data": digest[:16]}, say)
    kept.remove()
    if all(job.done[name].failed for name, *_ in job.cells()):
        raise InputError("no model could be trained\n  the table tells why")


def _check(file: str, options: dict[str, Any]) -> None:
    """Raise InputError for options that do not go together, or a report that cannot be written."""
    if options["cv"] is not None and options["test"] is not None:
        raise InputError("--cv does not go with --test\n  give one of them")
    if options["report"] is not None:
        check_output("--report", options["report"], file, options["test"])


def _comparison(file: str, options: dict[str, Any], say: Any) -> Any:
    """The cells to train, on the rows of the files."""
    from lexon.tasks import TextClassifier
    from lexon.tasks.compare import BASELINE, Comparison

    texts, labels, splits = _data(file, options, say)
    given = settings(TextClassifier, options | {"hold_out": None, "seed": 1})
    seeds = range(1, options["seeds"] + 1)
    job = Comparison(options["models"], texts, labels, splits, seeds, given)
    for model in options["models"]:
        if model != BASELINE:
            say_unused(TextClassifier(**given | {"model": model}), options, say)
    return job


def _data(file: str, options: dict[str, Any], say: Any) -> tuple[list[str], list[Any], list[Any]]:
    """All texts and labels, and how they are split."""
    import numpy as np

    from lexon.tasks.compare import Split, folds, held_out

    train = read_labelled(file, options, say)
    texts, labels = train.texts, list(train.labels or ())
    if options["test"] is not None:
        test = read_labelled(options["test"], options, say)
        check_same_labels(train, test, options["test"])
        rows = np.arange(len(texts))
        texts, labels = texts + test.texts, labels + list(test.labels or ())
        return texts, labels, [Split("test", rows, np.arange(len(rows), len(texts)))]
    if options["cv"] is not None:
        return texts, labels, folds(labels, options["cv"], 1)
    return texts, labels, held_out(labels, options["share"], 1)


def _run(job: Any, kept: Any, resume: bool, say: Any) -> None:
    """Train the cells, each kept when it is done."""
    if resume:
        kept.read(job.load)
        number = sum(1 for _ in job.cells())
        say(f"{number - job.left:,} of {number:,} cells are done in an earlier run")

    def told(name: str, cell: Any) -> None:
        kept.write(job.to_json())
        found = f"failed: {cell.failed}" if cell.failed else f"{job.measure} {cell.score:.4f}"
        say(f"{name}: {found}, {cell.training:.1f} s; cells left: {job.left:,}")

    try:
        job.run(told)
    except KeyboardInterrupt:
        if kept.path.exists():
            click.echo(f"{kept.path} is kept: --resume goes on from it", err=True)
        raise


def _show(job: Any, file: str, options: dict[str, Any], facts: dict[str, str], say: Any) -> None:
    from lexon.report.comparison import figures, notes, write
    from lexon.tasks.compare import TEST

    standings = job.standings()
    if options["report"] is not None:
        write(standings, file, options["report"], job.facts() | facts, command_line())
        say(f"report: {options['report']}")
    if options["as_json"]:
        rows_of = [dict(vars(one), spread=one.spread) for one in standings]
        click.echo(json.dumps({"test": TEST, "table": rows_of}, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    head, rows = figures(standings)
    for place, heading in enumerate(head):
        table.add_column(heading, justify="left" if place in (0, len(head) - 1) else "right")
    for row in rows:
        table.add_row(*row)
    Console(width=None if Console().is_terminal else 120).print(table)
    for note in notes(standings):
        click.echo(note)
