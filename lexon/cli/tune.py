"""``lexon tune``."""

from __future__ import annotations

import re
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from lexon.cli.jobs.common import settings, voices
from lexon.cli.options import network_options, reading_options, whole
from lexon.errors import InputError

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def _models(context: click.Context, option: click.Parameter, value: str) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()]


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
@click.option(
    "--models", callback=_models, default="linear,mlp,cnn", show_default=True, help="Networks."
)
@click.option(
    "--time",
    "seconds",
    callback=_seconds,
    default="5m",
    show_default=True,
    help="How long to search: 90s, 5m, 2h.",
)
@network_options
@reading_options
@whole("--seed", least=0, default=1, help="Of all chance there is.")
@whole("--threads", help="Threads to use; changes no score.")
@click.option("--resume", is_flag=True, help="Go on from the trials of a run cut short.")
@click.option("--quiet", is_flag=True, help="Print the command only.")
def command(file: str, seconds: float, **options: Any) -> None:
    """Search for good settings on FILE, and print the command that trains the winner.

    Many settings are tried for a few epochs, the best of them for longer. Options that are given
    stay as they are. The score that is told is that on the held-out rows, which chose: look at
    other rows once, at the end (lexon train ... --test).

    \b
    lexon tune reviews.csv --time 5m
    lexon tune reviews.csv --models cnn,bilstm --time 1h --dropout 0.5
    """
    from lexon.parallel import threads
    from lexon.tasks import TextClassifier
    from lexon.tasks.common import rows_digest
    from lexon.tasks.given import read_labels
    from lexon.tasks.job import identity
    from lexon.tasks.tune import Search, Trial
    from lexon.text import read_examples
    from lexon.train.cells import Cells

    if options["threads"] is not None:
        threads(options["threads"])
    if options["model"] is not None:
        raise InputError("--model names one network\n  say --models " + options["model"])
    _, say = voices(options)
    names = ("text", "label", "format", "encoding", "delimiter", "header", "separator")
    reading = {name: options[name] for name in names}

    def read(source: str) -> tuple[list[str], list[Any]]:
        found = read_examples(source, **reading)
        say(found.table.recognised.describe() if found.table else source)
        return found.texts, read_labels(list(found.labels or ()))[0]

    texts, labels = read(file)
    valid = None if options["valid"] is None else read(options["valid"])
    fixed = settings(TextClassifier, options | {"hold_out": None})
    fixed.pop("seed")
    digest = rows_digest(zip(texts, labels, strict=True), valid and zip(*valid, strict=True))
    own = identity(fixed | {"models": options["models"], "seed": options["seed"]}, digest)
    kept = Cells(Path(f"{Path(file).name}.tune"), own)
    past = [Trial(**trial) for trial in kept.read() or []] if options["resume"] else []
    search = Search(options["models"], fixed, seconds, options["seed"], past)

    def told(trial: Any) -> None:
        kept.write([asdict(one) for one in search.trials])
        shown = {name: value for name, value in trial.settings.items() if name != "seed"}
        said = " ".join(f"{name}={value}" for name, value in shown.items())
        say(f"{trial.score:.4f}  {trial.seconds:5.1f} s  {said}")

    try:
        winner = search.run(texts, labels, valid, told)
    except KeyboardInterrupt:
        if not search.trials:
            raise
        winner = search.best
        say(f"interrupted; {kept.path} is kept: --resume goes on from it")
    else:
        kept.remove()
    say(f"best of {len(search.trials):,} trials: {winner.score:.4f} on the held-out rows")
    click.echo(train_command(file, options, winner.settings))


def train_command(file: str, options: dict[str, Any], found: dict[str, Any]) -> str:
    """The command that trains a network with these settings on the same rows."""
    words = ["lexon", "train", file]
    for name in ("text", "label", "valid", "format", "encoding", "delimiter", "separator"):
        if options[name] is not None:
            words += [f"--{name}", str(options[name])]
    for name, value in found.items():
        words += _option(name, value)
    return shlex.join([*words, "-o", f"{Path(file).name.split('.')[0]}.lexon"])


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
