"""``lexon train``."""

from __future__ import annotations

from typing import Any

import click

from lexon.cli.jobs import JOBS, job
from lexon.cli.jobs.common import keeping, outputs, resumption
from lexon.cli.options import (
    network_options,
    reading_options,
    resuming_options,
)
from lexon.errors import InputError


@click.command()
@click.argument("file")
@click.option(
    "--task",
    type=click.Choice(list(JOBS)),
    help="The job: texts into classes [text], --target from a table, or another one.",
)
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
@click.option("--test-from", help="Of series: rows from this time on are the test part.")
@click.option(
    "--test-share",
    type=click.FloatRange(0, 1, max_open=True),
    help="Of series: or the last share of the time [0.2].",
)
@network_options
@reading_options
@click.option("--seed", type=int, default=1, show_default=True, help="Of all chance there is.")
@click.option("--threads", type=int, help="Threads to use; changes no bit of the result.")
@click.option("--report", help="Write an HTML report to this file.")
@click.option("--baseline/--no-baseline", default=True, help="Train the simple rival as well.")
@resuming_options
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
@click.option("--quiet", is_flag=True, help="Print the verdict only.")
def command(file: str, model_file: str, **options: Any) -> int:
    """Train a network on FILE and write it, its tokenizer and its labels to one model file.

    FILE is CSV, TSV, JSON lines, fastText lines, or lines that begin with their label; .gz and
    .xz too. Format, encoding and columns are recognised and printed. Ctrl-C ends training: the
    best epoch so far is written, the exit code is 130, and --resume goes on with the rest.

    \b
    lexon train reviews.csv --text review --label stars --model cnn -o reviews.lexon
    lexon train news.jsonl --label topics --epochs 10 -o news.lexon --report news.html
    lexon train computers.csv --target price --model mlp -o prices.lexon
    lexon train weather.csv --series high_temp --by city --order date --past 5..7 -o weather.lexon
    lexon train TRAIN_FILE.TXT --task relation --model cnn -o relations.lexon
    lexon train names.conll --task tag --model bilstm-crf -o names.lexon
    """
    from lexon.parallel import threads

    if options["threads"] is not None:
        threads(options["threads"])
    path = outputs(model_file, options, file, options["valid"], options["test"])
    _refuse_pairs(options)
    with keeping(resumption(path, options)):
        status: int = job(_kind(options)).train(file, path, options)
        return status


def _kind(options: dict[str, Any]) -> str:
    """Which job it is: the one named, or the one that the other options tell.

    Raises:
        InputError: they tell another one, or do not say enough.
    """
    task: str | None = options["task"]
    kind = task or "text"
    for option, owner, column in (("target", "table", "predict"), ("series", "series", "forecast")):
        if options[option] is None and task == owner:
            raise InputError(f"--task {owner} needs --{option}: the column to {column}")
        if options[option] is not None:
            if task not in (None, owner):
                raise InputError(f"--task {task} does not go with --{option}\n  give one of them")
            kind = owner
    for name in ("test_from", "test_share"):
        if options[name] is not None and kind != "series":
            raise InputError(f"--{name.replace('_', '-')} is of a job on series\n  give --series")
    return kind


def _refuse_pairs(options: dict[str, Any]) -> None:
    """Raise InputError for two options of which one would be ignored."""
    of_texts = ("text", "label", "separator")
    pairs = [
        ("hold_out", "valid"),
        *((name, "target") for name in of_texts),
        *((name, "series") for name in (*of_texts, "target", "valid")),
        *((name, "test") for name in ("test_from", "test_share")),
        ("test_share", "test_from"),
    ]
    for one, other in pairs:
        if options[one] is not None and options[other] is not None:
            names = (name.replace("_", "-") for name in (one, other))
            raise InputError("--{} does not go with --{}\n  give one of them".format(*names))
