"""``lexon vectors convert``."""

from __future__ import annotations

from typing import Any

import click

from lexon.cli.options import check_output
from lexon.cli.vectors.opening import opened, reading_options

_FORMATS = ("lexon", "word2vec", "binary", "glove")


@click.command()
@click.argument("source")
@click.argument("target")
@click.option("--format", type=click.Choice(_FORMATS), help="Of TARGET; told by its suffix.")
@click.option("--from", "given", type=click.Choice(_FORMATS), help="Of SOURCE; recognised.")
@reading_options
def command(
    source: str, target: str, format: str | None, given: str | None, **reading: Any
) -> None:
    """Write the vectors of SOURCE to TARGET: .lexon, .txt or .vec (word2vec), .bin, .glove.

    \b
    lexon vectors convert GoogleNews-vectors-negative300.bin.gz news.lexon
    lexon vectors convert wiki.lexon wiki.vec.xz
    lexon vectors convert glove.6B.100d.txt glove.lexon
    """
    from lexon.vectors import formats

    path = check_output("TARGET", target, source)
    format = format or formats.format_of(path)
    vectors = opened(source, format=given, **reading)
    formats.write(vectors, path, format)
    click.echo(
        f"{target}: {len(vectors):,} words of {vectors.vector_size:,} numbers, {format},"
        f" {path.stat().st_size:,} bytes"
    )
