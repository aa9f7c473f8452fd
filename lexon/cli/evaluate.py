"""``lexon evaluate``."""

from __future__ import annotations

import json
from typing import Any

import click

from lexon.cli.options import check_output, read_rows, reading_options
from lexon.errors import InputError


@click.command()
@click.argument("model")
@click.argument("file")
@click.option("--text", help="Column of the texts; guessed when not given.")
@click.option("--label", help="Column of the labels; guessed when not given.")
@click.option("--target", help="Column of the target; the one trained on when not given.")
@click.option("--json", "as_json", is_flag=True, help="Print all scores as JSON.")
@click.option("--report", help="Write an HTML report to this file.")
@reading_options
def command(
    model: str,
    file: str,
    text: str | None,
    label: str | None,
    target: str | None,
    as_json: bool,
    report: str | None,
    **reading: Any,
) -> None:
    """Score the model file MODEL on FILE, whose answers are known.

    \b
    lexon evaluate reviews.lexon test.csv --label stars
    lexon evaluate prices.lexon new_computers.csv --json
    """
    from lexon import storage
    from lexon.tasks import TextClassifier, load
    from lexon.text import read_examples

    if report is not None:
        check_output("--report", report, file, model)
    fitted = load(model)
    if isinstance(fitted, TextClassifier):
        if target is not None:
            raise InputError("--target: this model reads texts\n  name their labels: --label")
        examples = read_examples(file, text=text, label=label, **reading)
        for note in examples.notes:
            click.echo(f"{file}: {note}", err=True)
        evaluation = fitted.evaluate(examples.texts, list(examples.labels or ()), file)
    else:
        from lexon.tasks.table_job import evaluate_table

        if text is not None:
            raise InputError("--text: this model reads attributes, all columns of a file")
        if label is not None and target is not None:
            raise InputError("--label does not go with --target\n  give one of them")
        table, column = read_rows(file, reading), target or label
        evaluation = evaluate_table(fitted, table, file, column, lambda s: click.echo(s, err=True))
    if report:
        from lexon.report import render_evaluation

        facts = {"model": model, "data": file, "rows": f"{evaluation.rows:,}"}
        page = render_evaluation(evaluation, f"{model} on {file}", facts)
        with storage.replacing(report) as temporary:
            temporary.write_text(page, encoding="utf-8")
    if as_json:
        click.echo(json.dumps(evaluation.to_json(), ensure_ascii=False))
        return
    scores = "  ".join(f"{name} {value:.4f}" for name, value in evaluation.scores.items())
    click.echo(f"{file}: {evaluation.rows:,} rows  {scores}")
    if evaluation.per_class:
        _print_classes(evaluation)


def _print_classes(evaluation: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("class", box=None)
    for heading in ("precision", "recall", "F1", "rows"):
        table.add_column(heading, justify="right")
    for score in evaluation.per_class:
        figures = (f"{value:.4f}" for value in (score.precision, score.recall, score.f1))
        table.add_row(score.name, *figures, f"{score.support:,}")
    Console().print(table)
