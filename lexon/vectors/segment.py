"""Words of Chinese text, which is written without spaces between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lexon.errors import InputError

#: The names of segmenters, and what each needs: a package, and the extra that installs it.
SEGMENTERS = {"jieba": ("rjieba", "chinese")}


def segmenter(name: str = "jieba") -> Callable[[str], list[str]]:
    """A function from a line of text to its words, for ``CorpusSettings(segment=...)``.

    ``jieba`` takes the likeliest words of a dictionary, and finds others by a hidden Markov
    model; letters and digits are words in runs, every other sign is one. White space is none.

    Raises:
        InputError: there is no such segmenter, or its package is not installed.
    """
    if name not in SEGMENTERS:
        raise InputError(
            f"there is no segmenter {name!r}; use one of {', '.join(SEGMENTERS)},"
            " or give a function from a line to its words"
        )
    package, extra = SEGMENTERS[name]
    try:
        import rjieba
    except ImportError:
        raise InputError(
            f"the segmenter {name} needs the package {package}, which is not installed"
            f"\n  pip install 'lexon[{extra}]', or take every character as a word: characters"
        ) from None
    return Jieba(rjieba)


class Jieba:
    """Splits a line by the package rjieba."""

    def __init__(self, package: Any) -> None:
        self._cut = package.cut

    def __call__(self, line: str) -> list[str]:
        """The words of a line, those of white space left out."""
        return [word for word in self._cut(line) if not word.isspace()]
