"""From texts to word numbers: tokenizer, vocabulary, and runs of tokens taken as words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lexon.graph import Array
from lexon.text import Ragged, Tokenizer, Vocabulary


@dataclass(frozen=True, eq=False)
class TextEncoder:
    """Cuts a text into tokens and gives the number of each in the vocabulary; 0 is unknown.

    Units: ``longest`` in tokens: runs of two to so many are words of their own, behind the tokens.
    """

    tokenizer: Tokenizer
    vocabulary: Vocabulary
    longest: int = 1

    @classmethod
    def learn(
        cls,
        texts: Sequence[str],
        tokenizer: Tokenizer,
        longest: int = 1,
        min_count: int = 1,
        max_size: int | None = None,
    ) -> tuple[TextEncoder, Ragged]:
        """The encoder whose vocabulary is that of ``texts``, and the numbers of their words.

        Raises:
            InputError: the vocabulary is larger than a model file holds.
        """
        tokenizer = tokenizer.resolve(texts)
        cut = [_with_runs(tokenizer(text), longest) for text in texts]
        vocabulary = Vocabulary.build(cut, min_count=min_count, max_size=max_size)
        return cls(tokenizer, vocabulary, longest), vocabulary.encode_batch(cut)

    def tokens(self, text: str) -> list[str]:
        """The tokens of a text, and behind them its runs of two, of three, ..."""
        return _with_runs(self.tokenizer(text), self.longest)

    def __call__(self, texts: Sequence[str]) -> Ragged:
        """The word numbers of texts, end to end."""
        return self.vocabulary.encode_batch([self.tokens(text) for text in texts])

    def to_json(self) -> dict[str, Any]:
        return {"tokenizer": self.tokenizer.to_json(), "vocabulary": self.vocabulary.to_json()}

    @classmethod
    def from_json(cls, content: dict[str, Any], longest: int = 1) -> TextEncoder:
        """The encoder of a file's content.

        Raises:
            ModelFileError, ValueError, KeyError: the content is not as it should be.
        """
        tokenizer = Tokenizer.from_json(content["tokenizer"])
        if tokenizer.kind == "auto":
            raise ValueError("the kind of tokens is not decided")
        return cls(tokenizer, Vocabulary.from_json(content["vocabulary"]), longest)


def _with_runs(tokens: list[str], longest: int) -> list[str]:
    runs = tokens
    for n in range(2, longest + 1):
        runs = runs + [" ".join(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
    return runs


def forget_words(ids: Array, rate: float, rng: np.random.Generator) -> Array:
    """Each word is taken for an unknown one with probability ``rate``."""
    return np.where(rng.random(len(ids)) < rate, 0, ids) if rate else ids
