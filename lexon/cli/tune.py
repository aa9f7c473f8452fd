"""``lexon tune``."""

from __future__ import annotations

import re
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from lexon.cli.jobs.common import kept_results, say_unused, settings, voices
from lexon.cli.options import (
    check_same_labels,
    models_option,
    read_labelled,
    reading_options,
    text_options,
    whole,
)

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def _seconds(context: click.Context, option: click.Parameter, value: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", value)
    if not found:
        raise click.BadParameter(f"{value!r} is no time such as 90s, 5m or 2h")
    return float(found[1]) * _UNITS[found[2]]


@click.command("tune")
@click.argument("file")
@click.option("--text", help="Column of the texts; guessed when not given.")
@click.option("--label", help="Column of the labels; guessed when not given.")
@click.option("--valid", help="File held out to choose by, instead of a share of the rows.")
@models_option("linear,mlp,cnn", "Networks.")
@click.option(
    "--time",
    "seconds",
    callback=_seconds,
    default="5m",
    show_default=True,
    help="How long to search: 90s, 5m, 2h.",
)
@text_options("model", "epochs")
@reading_options
@whole("--seed", least=0, default=1, help="Of all chance there is.")
@whole("--threads", help="Threads to use; changes no score.")
@click.option("--resume", is_flag=True, help="Go on from the trials of a run cut short.")
@click.option("--quiet", is_flag=True, help="Print the command only.")
def command(file: str, seconds: float, **options: Any) -> int:
    """Search for good settings on FILE, and print the command that trains the winner.

    Many settings are tried for a few epochs, the best of them for longer. Options that are given
    stay as they are. The score that is told is that on the held-out rows, which chose: look at
    other rows once, at the end (lexon train ... --test). Ctrl-C prints the best command so far,
    the exit code is 130, and --resume goes on.

    \b
    lexon tune reviews.csv --time 5m
    lexon tune reviews.csv --models cnn,bilstm --time 1h --dropout 0.5
    """
    from lexon.parallel import threads

    if options["threads"] is not None:
        threads(options["threads"])
    _, say = voices(options)
    parts = _data(file, options, say)
    search, kept = _search(file, seconds, options, parts, say)

    def told(trial: Any) -> None:
        kept.write([asdict(one) for one in search.trials])
        shown = {name: value for name, value in trial.settings.items() if name != "seed"}
        said = " ".join(f"{name}={value}" for name, value in shown.items())
        say(f"{trial.score:.4f}  {trial.seconds:5.1f} s  {said}")

    interrupted = False
    try:
        search.run(*parts, told, say)
    except KeyboardInterrupt:
        if kept.path.exists():
            click.echo(f"interrupted; {kept.path} is kept: --resume goes on from it", err=True)
        if not search.finished:
            raise
        interrupted = True
    winner = search.best
    say(f"best of {len(search.trials):,} trials: {winner.score:.4f} on the held-out rows")
    click.echo(train_command(file, options, winner.settings))
    if interrupted:
        return 130
    kept.remove()
    return 0


def _data(file: str, options: dict[str, Any], say: Any) -> tuple[list[str], list[Any], Any]:
    """Texts, labels, and texts and labels that are held out, if a file of them is given."""
    train = read_labelled(file, options, say)
    texts, labels = train.texts, list(train.labels or ())
    if options["valid"] is None:
        return texts, labels, None
    valid = read_labelled(options["valid"], options, say)
    check_same_labels(train, valid, options["valid"])
    return texts, labels, (valid.texts, list(valid.labels or ()))


def _search(
    file: str, seconds: float, options: dict[str, Any], parts: tuple[Any, Any, Any], say: Any
) -> tuple[Any, Any]:
    """The search, with the trials of an earlier one, and where its own are kept."""
    from lexon.tasks import TextClassifier
    from lexon.tasks.common import rows_digest
    from lexon.tasks.job import identity
    from lexon.tasks.tune import Search, Trial

    texts, labels, valid = parts
    fixed = settings(TextClassifier, options | {"hold_out": None})
    fixed.pop("seed")
    search = Search(options["models"], fixed, seconds, options["seed"])
    digest = rows_digest(zip(texts, labels, strict=True), valid and zip(*valid, strict=True))
    own = identity(fixed | {"models": options["models"], "seed": options["seed"]}, digest)
    kept = kept_results(Path(f"{Path(file).name}.tune"), own, file, options["valid"])
    for model in options["models"]:
        say_unused(TextClassifier(**fixed | {"model": model}), options, say)
    if options["resume"]:
        search.trials = kept.read(lambda found: [Trial(**trial) for trial in found]) or []
        say(f"{len(search.trials):,} trials are done in an earlier run")
    return search, kept


def train_command(file: str, options: dict[str, Any], found: dict[str, Any]) -> str:
    """The command that trains a network with these settings on the same rows."""
    words = ["lexon", "train", file]
    for name in ("text", "label", "valid", "format", "encoding", "delimiter", "separator"):
        if options[name] is not None:
            words += [f"--{name}", str(options[name])]
    if options["header"] is not None:
        words.append("--header" if options["header"] else "--no-header")
    for name, value in found.items():
        words += _option(name, value)
    return shlex.join([*words, "-o", _model_file(file)])


def _model_file(file: str) -> str:
    """A name for the model: that of the data, without what says how these are packed."""
    path = Path(file if file != "-" else "model")
    packed = path.suffix in (".gz", ".xz", ".bz2", ".zst")
    return f"{Path(path.stem).stem if packed else path.stem}.lexon"


def _option(name: str, value: Any) -> list[str]:
    """A setting as the command line takes it."""
    if isinstance(value, bool):
        switches = {"lowercase": ("lowercase", "keep-case"), "static": ("static", "trained")}
        return [f"--{switches[name][0 if value else 1]}"]
    if isinstance(value, (list, tuple)):
        value = ",".join(map(str, value))
    if isinstance(value, dict):
        value = ",".join(f"{label}={weight}" for label, weight in value.items())
    option = {"output": "output-layer"}.get(name, name.replace("_", "-"))
    return [f"--{option}", str(value)]
