"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lexon.errors import InputError

if TYPE_CHECKING:
    from lexon.text import Examples
    from lexon.text.table import Table

Command = Callable[..., Any]


def check_output(
    option: str, name: str, *inputs: str | None, remedy: str = "give the path of a file to write"
) -> Path:
    """The path of a file to write, checked before the work begins.

    Raises:
        InputError: it is a folder, no plain file, in a folder that is not there, or an input;
            ends with the remedy.
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
    raise InputError(f"{option} {name!r:.80}: {fault}\n  {remedy}")


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


def _names(context: click.Context, option: click.Parameter, value: str | None) -> Any:
    return None if value is None else tuple(value.split(","))


def _past(context: click.Context, option: click.Parameter, value: str | None) -> Any:
    if value is None:
        return None
    try:
        least, dots, most = value.partition("..")
        return int(least), int(most if dots else least)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither 7 nor a range such as 5..7") from None


#: What becomes of values over time; relations have "piecewise".
POOLS = ("max", "mean", "last", "attention", "piecewise")
#: Networks; attributes have the first two, series rnn, gru and lstm, tags the last ones.
MODELS = ("linear", "mlp", "cnn", "rnn", "gru", "lstm", "birnn", "bigru", "bilstm",
          "bilstm-crf", "bigru-crf")  # fmt: skip

_NETWORK: list[Callable[[Command], Command]] = [
    click.option(
        "--model", type=click.Choice(MODELS), help="Which network [cnn; mlp for attributes]."
    ),
    click.option(
        "--epochs", type=int, help="Passes over the training rows [25; 40 for attributes]."
    ),
    click.option(
        "--batch-size", type=int, help="Rows a step [50; by their number for attributes]."
    ),
    click.option("--patience", type=int, help="Epochs without gain before training stops [5; 10]."),
    click.option(
        "--optimizer",
        help="adadelta, adagrad, adam, adamw, rmsprop or sgd [what suits the network].",
    ),
    click.option(
        "--learning-rate", type=float, help="How far a step goes [what suits the optimizer]."
    ),
    click.option(
        "--schedule",
        type=click.Choice(["constant", "cosine"]),
        help="What becomes of the learning rate; cosine: it falls to 0 [constant].",
    ),
    click.option("--clip", type=float, help="Largest norm of the gradient [any]."),
    click.option(
        "--dropout", type=float, help="Probability to drop a feature in training [0.5; 0.1]."
    ),
    click.option("--word-dropout", type=float, help="Probability to hide a word in training [0]."),
    click.option("--max-norm", type=float, help="Longest row of the last layer [3]."),
    click.option("--windows", callback=_windows, help="n-gram sizes of the cnn [3,4,5]."),
    click.option("--filters", type=int, help="Filters of each n-gram size [100]."),
    click.option("--dimension", type=int, help="Width of word vectors [300]."),
    click.option("--hidden", type=int, help="Width of the hidden layer [mlp 256; recurrent 128]."),
    click.option("--layers", type=int, help="Recurrent layers on top of each other [1]."),
    click.option(
        "--pool",
        type=click.Choice(POOLS),
        help="What becomes of values over time [max; piecewise for relations].",
    ),
    click.option(
        "--characters",
        type=click.Choice(["cnn", "bilstm", "none"]),
        help="What reads the characters of a word, in tagging [cnn].",
    ),
    click.option("--scheme", help="Of chunk tags: IOB1, IOB2, BIOES, BILOU, BMES, or none."),
    click.option("--vectors", type=click.Path(), help="File of word vectors to begin with."),
    click.option("--static/--trained", default=None, help="Leave those vectors as they are."),
    click.option(
        "--tokens",
        type=click.Choice(["auto", "words", "spaces", "characters"]),
        help="How texts are cut [auto: by the script].",
    ),
    click.option("--lowercase/--keep-case", default=None, help="Take Good for good [lowercase]."),
    click.option("--min-count", type=int, help="Rarer words are unknown [1]."),
    click.option("--max-vocabulary", type=int, help="Keep the most frequent words only [all]."),
    click.option(
        "--word-ngrams", type=int, help="Take runs of so many tokens as words, too [linear, mlp 2]."
    ),
    click.option(
        "--class-weight", callback=_class_weight, help="balanced, or label=weight,... [all 1]."
    ),
    click.option(
        "--threshold", type=float, help="Probability to give one of several labels [0.5]."
    ),
    click.option(
        "--output-layer",
        "output",
        type=click.Choice(["softmax", "sigmoid"]),
        help="For two classes: two scores, or one [softmax].",
    ),
    click.option("--series", help="Column to forecast from the rows before: a job on series."),
    click.option("--by", help="Column that tells several series apart, such as city."),
    click.option("--order", help="Column of their order in time, such as date."),
    click.option("--leave-out", callback=_names, help="Columns that are no inputs: year,month."),
    click.option("--past", callback=_past, help="Rows to forecast from, such as 5..7 [5..7]."),
    click.option("--loss", type=click.Choice(["ranking", "cross-entropy"]), help="Of relations."),
    click.option("--other", help="Label of rows without a relation [Other]."),
    click.option("--position-dimension", type=int, help="Width of vectors of distances to spans."),
    click.option("--max-distance", type=int, help="Tokens from which on distances are the same."),
    click.option("--affix-dimension", type=int, help="Width of vectors of words' affixes."),
    click.option("--context", type=int, help="Tokens kept around the spans; all of them."),
]

#: The estimator's parameters that are options.
DEFAULTS = (
    "model", "epochs", "batch_size", "patience", "optimizer", "learning_rate", "schedule", "clip",
    "dropout", "word_dropout", "max_norm", "windows", "filters", "dimension", "hidden", "layers",
    "pool", "vectors", "static", "tokens", "lowercase", "min_count", "max_vocabulary",
    "word_ngrams", "class_weight", "threshold", "output", "series", "by", "order", "past",
    "leave_out", "loss", "other", "position_dimension", "max_distance", "affix_dimension",
    "context", "characters", "scheme",
)  # fmt: skip


#: Settings of other jobs than that on texts.
_NOT_OF_TEXTS = {
    "series", "by", "order", "leave_out", "past", "loss", "other", "position_dimension",
    "max_distance", "affix_dimension", "context", "characters", "scheme",
}  # fmt: skip


def network_options(command: Command) -> Command:
    """The settings of networks and training; what is not given is the estimator's default."""
    for option in reversed(_NETWORK):
        command = option(command)
    return command


def text_options(*decided: str) -> Callable[[Command], Command]:
    """As `network_options`, of texts alone, without those ``decided`` by the command itself."""

    def add(command: Command) -> Command:
        every: Any = network_options(lambda: None)
        left_out = _NOT_OF_TEXTS.union(decided)
        own = [each for each in every.__click_params__ if each.name not in left_out]
        command.__dict__.setdefault("__click_params__", []).extend(own)
        return command

    return add


def whole(
    *names: str, least: int = 1, most: int | None = None, **about: Any
) -> Callable[[Command], Command]:
    """An option that takes a whole number from ``least`` on, up to ``most``."""
    shown = about.get("default") is not None
    return click.option(*names, type=click.IntRange(least, most), show_default=shown, **about)


def models_option(default: str, about: str) -> Callable[[Command], Command]:
    """The option ``--models``: names with commas between them, as a list."""

    def names(context: click.Context, option: click.Parameter, value: str) -> list[str]:
        return [name.strip() for name in value.split(",") if name.strip()]

    return click.option("--models", callback=names, default=default, show_default=True, help=about)


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
        type=click.Choice(
            ["csv", "tsv", "jsonl", "fasttext", "labelled", "lines", "semeval", "conll"]
        ),
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


#: The options that say where texts and labels stand in a data file.
READING = ("text", "label", "format", "encoding", "delimiter", "header", "separator")


def read_labelled(source: str, options: dict[str, Any], say: Callable[[str], None]) -> Examples:
    """The labelled texts of a file, by the options of :data:`READING`; says how it was read.

    Raises:
        InputError: as :func:`lexon.text.read_examples` has it.
    """
    from lexon.text import read_examples

    found = read_examples(source, **{name: options[name] for name in READING})
    say(found.table.recognised.describe() if found.table else source)
    for note in found.notes:
        say(f"  {note}")
    return found


def check_same_labels(train: Examples, other: Examples, source: str) -> None:
    """Raise InputError if of two files only one has several labels a text."""
    if train.multi_label != other.multi_label:
        raise InputError(
            f"{source}: one file has several labels a text, the other has one\n"
            "  give both files the same form"
        )


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
