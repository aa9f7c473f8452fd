"""``lexon predict``."""

from __future__ import annotations

from typing import Any

import click

from lexon.cli.jobs import job_of
from lexon.cli.options import reading_options


@click.command()
@click.argument("model")
@click.argument("inputs", nargs=-1)
@click.option("--text", help="Column of the texts in a file; guessed when not given.")
@click.option("--proba", is_flag=True, help="Print the probability of every label.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@reading_options
def command(
    model: str,
    inputs: tuple[str, ...],
    **options: Any,
) -> None:
    """Predict with the model file MODEL: texts, files, or lines from standard input (-).

    \b
    lexon predict reviews.lexon "a wonderful film" "too long"
    lexon predict reviews.lexon new.csv --proba
    cat texts.txt | lexon predict reviews.lexon -
    lexon predict prices.lexon computers.csv --json
    """
    from lexon.tasks import load

    fitted = load(model)
    job_of(fitted).predict(fitted, inputs, options)
