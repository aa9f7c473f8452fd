"""The file of vectors that every command takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from lexon.vectors import KeyedVectors


def reading_options(command: Any) -> Any:
    """How the file of vectors is read."""
    from_file = click.option("--encoding", default="utf-8", help="Of the words [utf-8].")
    limit = click.option("--limit", type=click.IntRange(1), help="Read the first words only.")
    return limit(from_file(command))


def opened(file: str, encoding: str, limit: int | None, format: str | None = None) -> KeyedVectors:
    """The vectors of a file; what is odd about it is said on standard error.

    Raises:
        InputError: as `lexon.vectors.open_vectors`.
    """
    from lexon.vectors.formats import quietly_opened

    vectors, notes = quietly_opened(file, format=format, limit=limit, encoding=encoding)
    for note in notes:
        click.echo(note, err=True)
    return vectors
