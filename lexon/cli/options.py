"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lexon.errors import InputError

if TYPE_CHECKING:
    from lexon.text.table import Table

Command = Callable[..., Any]


def check_output(option: str, name: str, *inputs: str | None) -> Path:
    """The path of a file to write, checked before the work begins.

    Raises:
        InputError: it is a folder, no plain file, in a folder that is not there, or an input.
    """
    path = Path(name)
    try:
        if not name or path.is_dir():
            fault = "this is a folder"
        elif "\0" in name:
            fault = "there is a NUL character in it"
        elif not path.parent.is_dir():
            fault = f"there is no folder {str(path.parent)!r}"
        elif path.exists() and not path.is_file():
            fault = "this is a device or a pipe, and a file is put in its place when it is whole"
        elif path.exists() and any(_same(path, given) for given in inputs if given):
            fault = "this is one of the files to read"
        elif not os.access(path.parent, os.W_OK):
            fault = "its folder cannot be written to"
        else:
            return path
    except (OSError, ValueError) as error:
        fault = getattr(error, "strerror", None) or str(error)
    raise InputError(f"{option} {name!r:.80}: {fault}\n  give the path of a file to write")


def _same(path: Path, given: str) -> bool:
    try:
        return path.samefile(given)
    except (OSError, ValueError):
        return False


def _windows(context: click.Context, option: click.Parameter, value: str | None) -> Any:
    if value is None:
        return None
    try:
        return tuple(int(size) for size in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a list of numbers such as 3,4,5") from None


def _class_weight(context: click.Context, option: click.Parameter, value: str | None) -> Any:
    if value is None or value == "balanced":
        return value
    try:
        pairs = [pair.rsplit("=", 1) for pair in value.split(",")]
        return {label: float(weight) for label, weight in pairs}
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither balanced nor label=weight,...") from None


#: Networks; a job on attributes has the first two.
MODELS = ("linear", "mlp", "cnn", "rnn", "gru", "lstm", "birnn", "bigru", "bilstm",
          "bilstm-crf", "bigru-crf")  # fmt: skip

_NETWORK: list[Callable[[Command], Command]] = [
    click.option("--model", type=click.Choice(MODELS), help="Which network."),
    click.option("--epochs", type=int, help="Passes over the training rows."),
    click.option("--batch-size", type=int, help="Rows a step."),
    click.option("--patience", type=int, help="Epochs without gain before training stops."),
    click.option("--optimizer", help="adadelta, adagrad, adam, adamw, rmsprop or sgd."),
    click.option("--learning-rate", type=float, help="How far a step goes."),
    click.option("--clip", type=float, help="Largest norm of the gradient."),
    click.option("--dropout", type=float, help="Probability to drop a feature in training."),
    click.option("--max-norm", type=float, help="Longest row of the last layer."),
    click.option("--windows", callback=_windows, help="n-gram sizes of the cnn, such as 3,4,5."),
    click.option("--filters", type=int, help="Filters of each n-gram size."),
    click.option("--dimension", type=int, help="Width of word vectors."),
    click.option("--hidden", type=int, help="Width of the hidden layer."),
    click.option("--layers", type=int, help="Recurrent layers on top of each other."),
    click.option("--pool", type=click.Choice(["max", "mean", "last", "attention"])),
    click.option(
        "--characters",
        type=click.Choice(["cnn", "bilstm", "none"]),
        help="What reads the characters of a word, in tagging.",
    ),
    click.option("--scheme", help="Of chunk tags: IOB1, IOB2, BIOES, BILOU, BMES, or none."),
    click.option("--vectors", type=click.Path(), help="File of word vectors to begin with."),
    click.option("--static/--trained", default=None, help="Leave those vectors as they are."),
    click.option("--tokens", type=click.Choice(["auto", "words", "spaces", "characters"])),
    click.option("--lowercase/--keep-case", default=None, help="Take Good for good [lowercase]."),
    click.option("--min-count", type=int, help="Rarer words are unknown."),
    click.option("--max-vocabulary", type=int, help="Keep the most frequent words only."),
    click.option("--word-ngrams", type=int, help="Take runs of so many tokens as words, too."),
    click.option("--class-weight", callback=_class_weight, help="balanced, or label=weight,..."),
    click.option("--threshold", type=float, help="Probability to give one of several labels."),
    click.option("--output-layer", "output", type=click.Choice(["softmax", "sigmoid"])),
]

#: The estimator's parameters that are options.
DEFAULTS = (
    "model", "epochs", "batch_size", "patience", "optimizer", "learning_rate", "clip", "dropout",
    "max_norm", "windows", "filters", "dimension", "hidden", "layers", "pool", "vectors", "static",
    "tokens", "lowercase", "min_count", "max_vocabulary", "word_ngrams", "class_weight",
    "threshold", "output", "characters", "scheme",
)  # fmt: skip


def network_options(command: Command) -> Command:
    """The settings of networks and training; what is not given is the estimator's default."""
    for option in reversed(_NETWORK):
        command = option(command)
    return command


def whole(*names: str, least: int = 1, **about: Any) -> Callable[[Command], Command]:
    """An option that takes a whole number from ``least`` on."""
    shown = about.get("default") is not None
    return click.option(*names, type=click.IntRange(least), show_default=shown, **about)


_RESUMING: list[Callable[[Command], Command]] = [
    click.option("--resume", is_flag=True, help="Go on from the checkpoint of a run cut short."),
    click.option(
        "--checkpoint-every",
        type=click.FloatRange(0),
        default=30.0,
        show_default=True,
        metavar="SECONDS",
        help="Save the state of training so often, beside the file that is written.",
    ),
]


def resuming_options(command: Command) -> Command:
    """What keeps long training from being lost."""
    for option in reversed(_RESUMING):
        command = option(command)
    return command


_READING: list[Callable[[Command], Command]] = [
    click.option(
        "--format",
        type=click.Choice(["csv", "tsv", "jsonl", "fasttext", "labelled", "lines", "conll"]),
        help="Of the data files; recognised when not given.",
    ),
    click.option("--encoding", help="Such as utf-8, gb18030, latin-1; recognised."),
    click.option("--delimiter", help="Between the columns of CSV; recognised."),
    click.option("--header/--no-header", default=None, help="Of CSV and TSV; recognised."),
    click.option("--separator", help="Between several labels in one cell, such as ';'."),
]


def reading_options(command: Command) -> Command:
    """How data files are read."""
    for option in reversed(_READING):
        command = option(command)
    return command


def read_rows(source: str, reading: dict[str, Any]) -> Table:
    """The table of a file of attributes, read by the options of :func:`reading_options`.

    Raises:
        InputError: the file was recognised as texts, or as :func:`lexon.text.read_table` has it.
    """
    from lexon.text import read_table

    options = ("format", "encoding", "delimiter", "header")
    table = read_table(source, **{name: reading[name] for name in options})
    if reading["format"] is None and table.recognised.format not in ("csv", "tsv", "jsonl"):
        raise InputError(
            f"{table.recognised.describe()}: taken as texts, where a table is wanted\n"
            "  say what it is: --format csv"
        )
    return table
