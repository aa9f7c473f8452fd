"""``lexon vectors similar``."""

from __future__ import annotations

import json
from typing import Any

import click

from lexon.cli.vectors.opening import opened, reading_options


@click.command()
@click.argument("file")
@click.argument("words", nargs=-1, required=True)
@click.option("--topn", type=click.IntRange(1), default=10, help="How many words [10].")
@click.option("--restrict", type=click.IntRange(1), help="Search the first words only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@reading_options
def command(
    file: str,
    words: tuple[str, ...],
    topn: int,
    restrict: int | None,
    as_json: bool,
    **reading: Any,
) -> None:
    """Print the words nearest to each of WORDS, by cosine.

    \b
    lexon vectors similar wiki.lexon bank
    lexon vectors similar cc.zh.300.vec.gz 北京 上海 --topn 5 --json
    """
    vectors = opened(file, **reading)
    for word, found in zip(
        words, vectors.most_similar_batch(words, topn=topn, restrict_vocab=restrict), strict=True
    ):
        show(found, as_json, {"word": word}, word if len(words) > 1 else None)


def show(
    found: list[tuple[str, float]], as_json: bool, asked: dict[str, Any], title: str | None
) -> None:
    """Print words and their cosines."""
    if as_json:
        similar = [{"word": word, "cosine": cosine} for word, cosine in found]
        click.echo(json.dumps(asked | {"similar": similar}, ensure_ascii=False))
        return
    if title:
        click.echo(f"{title}:")
    for word, cosine in found:
        click.echo(f"{cosine:7.4f}  {word}")
