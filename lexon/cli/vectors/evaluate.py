"""``lexon vectors evaluate``."""

from __future__ import annotations

import json
from typing import Any

import click

from lexon.cli.vectors.opening import opened, reading_options
from lexon.errors import InputError


@click.command()
@click.argument("file")
@click.option("--analogies", multiple=True, help="File of lines 'a b c d' in sections ': name'.")
@click.option("--pairs", multiple=True, help="File of lines 'word word number'.")
@click.option(
    "--restrict",
    type=click.IntRange(1),
    default=300_000,
    help="Use the first words only [300,000]; published figures often use 30,000.",
)
@click.option("--case-sensitive", is_flag=True, help="Take King and king for two words.")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
@reading_options
def command(
    file: str,
    analogies: tuple[str, ...],
    pairs: tuple[str, ...],
    restrict: int,
    case_sensitive: bool,
    as_json: bool,
    **reading: Any,
) -> None:
    """Score the vectors in FILE: analogies answered, and agreement with people's judgements.

    \b
    lexon vectors evaluate wiki.lexon --analogies questions-words.txt --restrict 30000
    lexon vectors evaluate wiki.lexon --pairs wordsim353.tsv --pairs simlex999.tsv
    """
    from lexon.vectors import evaluate

    if not analogies and not pairs:
        raise InputError("nothing to score on\n  give --analogies FILE or --pairs FILE, or both")
    vectors = opened(file, **reading)
    options = {"restrict_vocab": restrict, "case_insensitive": not case_sensitive}
    answered = {path: evaluate.analogies(vectors, path, **options)[1] for path in analogies}  # type: ignore[arg-type]
    judged = {path: evaluate.pairs(vectors, path, **options) for path in pairs}  # type: ignore[arg-type]
    counts = {
        path: {part["section"]: _count(part) for part in sections}
        for path, sections in answered.items()
    }
    if as_json:
        found = {
            "file": file,
            "restrict": restrict,
            "analogies": counts,
            "pairs": {path: score._asdict() for path, score in judged.items()},
        }
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    _print_analogies(counts)
    for path, score in judged.items():
        left = f", {score.unreadable} lines left out" if score.unreadable else ""
        click.echo(
            f"{path}: Spearman {score.spearman[0]:.4f}  Pearson {score.pearson[0]:.4f}"
            f"  ({score.pairs:,} pairs, {score.unknown:,} with unknown words{left})"
        )


def _count(section: Any) -> dict[str, Any]:
    counts: dict[str, Any] = {
        name: len(section[name]) for name in ("correct", "incorrect", "skipped")
    }
    asked = counts["correct"] + counts["incorrect"]
    return {"accuracy": counts["correct"] / asked if asked else None} | counts


def _print_analogies(counts: dict[str, dict[str, dict[str, Any]]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    for path, sections in counts.items():
        table = Table(box=None)
        table.add_column(Text(path))
        for heading in ("right", "of", "skipped", "accuracy"):
            table.add_column(heading, justify="right")
        for name, count in sections.items():
            asked = count["correct"] + count["incorrect"]
            share = f"{count['accuracy']:.2%}" if asked else "-"
            figures = f"{count['correct']:,}", f"{asked:,}", f"{count['skipped']:,}", share
            table.add_row(Text(name), *figures)
        Console().print(table)
