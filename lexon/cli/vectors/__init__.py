"""``lexon vectors``: what can be done with word vectors, a module for each command."""

from __future__ import annotations

from typing import ClassVar

import click

from lexon.cli import Commands


class _Vectors(Commands):
    table: ClassVar[dict[str, str]] = {
        "train": "Train word vectors on a text.",
        "similar": "Find the words nearest to a word.",
        "analogy": "Answer: king - man + woman.",
        "evaluate": "Score vectors on analogies and on pairs that people judged.",
        "phrases": "Join words that stand together often.",
        "convert": "Write vectors in another format.",
        "map": "Draw the frequent words on a page to look into.",
    }
    package = "lexon.cli.vectors"


@click.command(cls=_Vectors)
def command() -> None:
    """Word vectors: from a file of text, or a file of vectors in any usual format.

    \b
    lexon vectors train wiki.txt -o wiki.lexon
    lexon vectors similar wiki.lexon bank river
    lexon vectors analogy wiki.lexon king - man + woman
    lexon vectors convert GoogleNews-vectors.bin.gz news.lexon
    """
