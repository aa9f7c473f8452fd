"""``lexon vectors analogy``."""

from __future__ import annotations

from typing import Any

import click

from lexon.cli.vectors.opening import opened, reading_options
from lexon.cli.vectors.similar import show
from lexon.errors import InputError


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("file")
@click.argument("terms", nargs=-1, required=True)
@click.option("--topn", type=click.IntRange(1), default=10, help="How many words [10].")
@click.option("--restrict", type=click.IntRange(1), help="Search the first words only.")
@click.option("--cosmul", is_flag=True, help="Multiply cosines instead of adding vectors.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@reading_options
def command(
    file: str,
    terms: tuple[str, ...],
    topn: int,
    restrict: int | None,
    cosmul: bool,
    as_json: bool,
    **reading: Any,
) -> None:
    """Print the words nearest to a sum of words: WORD, then + WORD or - WORD as often as you like.

    \b
    lexon vectors analogy wiki.lexon king - man + woman
    lexon vectors analogy wiki.lexon paris - france + italy --topn 3
    """
    positive, negative = _sides(terms)
    vectors = opened(file, **reading)
    search = vectors.most_similar_cosmul if cosmul else vectors.most_similar
    found: Any = search(positive, negative, topn, restrict)
    show(found, as_json, {"positive": positive, "negative": negative}, None)


def _sides(terms: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The words that are added, and those that are taken away."""
    if len(terms) == 1 and " " in terms[0].strip():
        terms = tuple(terms[0].split())  # given as one, in quotes
    words = ["+", *terms] if terms[0] not in ("+", "-") else list(terms)
    sides: dict[str, list[str]] = {"+": [], "-": []}
    for sign, word in zip(words[::2], words[1::2], strict=False):
        if sign not in sides or word in sides:
            break
        sides[sign].append(word)
    else:
        if len(words) % 2 == 0 and sides["+"]:
            return sides["+"], sides["-"]
    raise InputError(
        f"{' '.join(terms)!r:.200} is not a sum of words\n"
        "  put + or - between them, with blanks around: king - man + woman"
    )
