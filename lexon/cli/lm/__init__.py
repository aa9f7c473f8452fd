"""``lexon lm``: language models, a module for each command."""

from __future__ import annotations

from typing import ClassVar

import click

from lexon.cli import Commands


class _Language(Commands):
    table: ClassVar[dict[str, str]] = {
        "train": "Train a language model on running text.",
        "generate": "Write text that goes on from a prompt.",
        "evaluate": "Perplexity and bits per character of a text, token by token.",
    }
    package = "lexon.cli.lm"


@click.command(cls=_Language)
def command() -> None:
    """Language models: the probability of every next word, or of every next character.

    \b
    lexon lm train novel.txt -o novel.lexon
    lexon lm generate novel.lexon
    lexon lm evaluate novel.lexon chapter.txt
    """
