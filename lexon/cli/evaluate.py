"""``lexon evaluate``."""

from __future__ import annotations

import json
from typing import Any

import click

from lexon.cli.jobs import job_of
from lexon.cli.options import check_output, reading_options


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
    as_json: bool,
    report: str | None,
    **options: Any,
) -> None:
    """Score the model file MODEL on FILE, whose answers are known.

    \b
    lexon evaluate reviews.lexon test.csv --label stars
    lexon evaluate prices.lexon new_computers.csv --json
    """
    from lexon import storage
    from lexon.tasks import load

    if report is not None:
        check_output("--report", report, file, model)
    fitted = load(model)
    evaluation = job_of(fitted).evaluate(fitted, file, options)
    if report:
        from lexon.report import render_evaluation

        facts = {"model": model, "data": file, "rows": f"{evaluation.rows:,}"}
        page = render_evaluation(evaluation, f"{model} on {file}", facts)
        with storage.replacing(report) as temporary:
            temporary.write_text(page, encoding="utf-8")
    if as_json:
        click.echo(json.dumps(evaluation.to_json(), ensure_ascii=False))
        return
    from lexon.train.history import shown

    scores = "  ".join(f"{name} {shown(value)}" for name, value in evaluation.scores.items())
    click.echo(f"{file}: {evaluation.rows:,} rows  {scores}")
    if evaluation.per_class:
        _print_classes(evaluation)
    if evaluation.groups:
        _print_groups(evaluation)


def _print_groups(evaluation: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(evaluation.by, box=None)
    for heading in (*evaluation.groups[0].scores, "rows"):
        table.add_column(heading, justify="right")
    for group in evaluation.groups:
        figures = (f"{value:.4f}" for value in group.scores.values())
        table.add_row(group.name, *figures, f"{group.rows:,}")
    Console().print(table)


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
