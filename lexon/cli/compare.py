"""``lexon compare``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lexon.cli.jobs.common import settings, voices
from lexon.cli.options import check_output, network_options, reading_options, whole
from lexon.errors import InputError


def _models(context: click.Context, option: click.Parameter, value: str) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()]


@click.command("compare")
@click.argument("file")
@click.option("--text", help="Column of the texts; guessed when not given.")
@click.option("--label", help="Column of the labels; guessed when not given.")
@click.option(
    "--models",
    callback=_models,
    default="baseline,linear,mlp,cnn",
    show_default=True,
    help="Networks, and baseline: a linear model on TF-IDF.",
)
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
@network_options
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

    \b
    lexon compare reviews.csv --models baseline,linear,cnn --cv 5 --report comparison.html
    lexon compare train.tsv --test test.tsv --models cnn,bilstm --seeds 3
    """
    from lexon.parallel import threads
    from lexon.tasks import TextClassifier
    from lexon.tasks.common import rows_digest
    from lexon.tasks.compare import Comparison
    from lexon.tasks.job import identity
    from lexon.train.cells import Cells

    if options["threads"] is not None:
        threads(options["threads"])
    if options["cv"] is not None and options["test"] is not None:
        raise InputError("--cv does not go with --test\n  give one of them")
    if options["model"] is not None:
        raise InputError("--model names one network\n  name several: --models linear,cnn")
    if options["report"] is not None:
        check_output("--report", options["report"], file, options["test"])
    _, say = voices(options)
    texts, labels, splits = _data(file, options, say)
    given = settings(TextClassifier, options | {"hold_out": None, "seed": 1})
    seeds = range(1, options["seeds"] + 1)
    job = Comparison(options["models"], texts, labels, splits, seeds, given)
    place = Path(options["report"] or f"{Path(file).name}.compare")
    digest = rows_digest(list(zip(texts, labels, strict=True)))
    own = identity(given | {"splits": [split.test.tolist() for split in splits]}, digest)
    kept = Cells(place.with_name(place.name + ".cells"), own)
    if options["resume"]:
        job.load(kept.read())
        say(f"{len(job.done):,} cells of an earlier run are done")
    number = sum(1 for _ in job.cells())

    def told(name: str, cell: Any) -> None:
        kept.write(job.to_json())
        left = number - len(job.done)
        say(f"{name}: {cell.measure} {cell.score:.4f}, {cell.training:.1f} s; {left} cells left")

    try:
        job.run(told)
    except KeyboardInterrupt:
        if kept.path.exists():
            click.echo(f"{kept.path} is kept: --resume goes on from it", err=True)
        raise
    _show(job, file, options, say)
    kept.remove()


def _data(file: str, options: dict[str, Any], say: Any) -> tuple[list[str], list[Any], list[Any]]:
    """All texts and labels, and how they are split."""
    import numpy as np

    from lexon.tasks.compare import Split, folds, held_out
    from lexon.tasks.given import read_labels
    from lexon.text import read_examples

    names = ("text", "label", "format", "encoding", "delimiter", "header", "separator")
    reading = {name: options[name] for name in names}

    def read(source: str) -> tuple[list[str], list[Any]]:
        found = read_examples(source, **reading)
        say(found.table.recognised.describe() if found.table else source)
        for note in found.notes:
            say(f"  {note}")
        return found.texts, read_labels(list(found.labels or ()))[0]

    texts, labels = read(file)
    if options["test"] is not None:
        rows = np.arange(len(texts))
        more, theirs = read(options["test"])
        texts, labels = texts + more, labels + theirs
        return texts, labels, [Split("test", rows, np.arange(len(rows), len(texts)))]
    if options["cv"] is not None:
        return texts, labels, folds(labels, options["cv"], 1)
    return texts, labels, held_out(labels, options["share"], 1)


def _show(job: Any, file: str, options: dict[str, Any], say: Any) -> None:
    from lexon.report.comparison import figures, write
    from lexon.tasks.compare import TEST

    standings = job.standings()
    if options["report"] is not None:
        write(standings, file, options["report"])
        say(f"report: {options['output']}")
    if options["as_json"]:
        rows_of = [dict(vars(one), mean=one.mean, spread=one.spread) for one in standings]
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
    click.echo(f"beside the best: {TEST}")
