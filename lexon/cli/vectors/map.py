"""``lexon vectors map``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from lexon.cli.options import check_output
from lexon.cli.vectors.opening import opened, reading_options


@click.command()
@click.argument("file")
@click.option("-o", "--output", required=True, help="The page to write, such as map.html.")
@click.option(
    "--words", type=click.IntRange(1), default=2_000, help="How many words to draw [2,000]."
)
@click.option(
    "--layout",
    type=click.Choice(["pca", "tsne"]),
    default="pca",
    help="Two main directions, or neighbours kept together (slower) [pca].",
)
@click.option("--title", help="Of the page; the file's name when not given.")
@reading_options
def command(
    file: str, output: str, words: int, layout: str, title: str | None, **reading: Any
) -> None:
    """Draw the first words of FILE, the most frequent ones, on a page that works offline.

    \b
    lexon vectors map wiki.lexon -o map.html
    lexon vectors map wiki.lexon -o map.html --words 5000 --layout tsne
    """
    from lexon import storage
    from lexon.vectors.map import render

    path = check_output("--output", output, file)
    vectors = opened(file, **reading)
    page = render(vectors, words, layout, title or Path(file).name, _say)
    if sys.stderr.isatty():
        click.echo("\r\033[K", err=True, nl=False)
    with storage.replacing(path) as temporary:
        temporary.write_bytes(page.encode())
    click.echo(f"{output}: {min(words, len(vectors)):,} words, {path.stat().st_size:,} bytes")


def _say(stage: str, share: float) -> None:
    """How far it is, on one line of a terminal."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{stage}: {share:.0%}", err=True, nl=False)
