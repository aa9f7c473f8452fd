"""From tokens to numbers: words, their characters, and how they are capitalised."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.text import Ragged, Vocabulary
from lexon.text.batches import Rows
from lexon.vectors import KeyedVectors

Array = npt.NDArray[Any]
Sentences = Sequence[Sequence[str]]

_DIGIT = re.compile(r"\d")
#: Kinds of capitalisation: no letter or digit; digits; digits and letters; lower; first letter
#: upper; all upper; upper among lower.
CASES = 7


def case_of(token: str) -> int:
    """How a token is capitalised: a number below :data:`CASES`."""
    digits = _DIGIT.search(token) is not None
    letters = [sign for sign in token if sign.isalpha()]
    if not letters:
        return 1 if digits else 0
    if digits:
        return 2
    if token.islower() or not any(sign.isupper() for sign in letters):
        return 3
    if token.isupper() and len(letters) > 1:
        return 5
    return 4 if letters[0].isupper() and not any(sign.isupper() for sign in letters[1:]) else 6


@dataclass(frozen=True, eq=False)
class Encoded:
    """Sentences as numbers of distinct tokens, and what there is to know of each of these.

    Shapes: tokens: S rows of token numbers, B lengths; words (U) int32, the word of each distinct
    token; cases (U); characters: U sequences of character numbers.
    """

    tokens: Ragged
    words: Rows
    cases: Rows
    characters: Ragged

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def lengths(self) -> Array:
        return self.tokens.lengths

    def take(self, sentences: npt.ArrayLike) -> Encoded:
        """Some of the sentences."""
        return Encoded(self.tokens.take(sentences), self.words, self.cases, self.characters)


@dataclass(frozen=True, eq=False)
class TokenEncoder:
    """Gives tokens their numbers; 0 is an unknown word, or character.

    Words are looked up in lower case (where ``lowercase``) and with 0 for every digit; characters
    as they are.
    """

    words: Vocabulary
    characters: Vocabulary
    lowercase: bool = True

    @classmethod
    def learn(
        cls,
        sentences: Sentences,
        lowercase: bool,
        min_count: int = 1,
        max_size: int | None = None,
        vectors: KeyedVectors | None = None,
    ) -> TokenEncoder:
        """The encoder of these sentences' words and characters.

        Behind the words met come those that have a vector, for texts to be tagged will hold them.
        """
        forms = ([form(token, lowercase) for token in sentence] for sentence in sentences)
        words = Vocabulary.build(forms, min_count=min_count, max_size=max_size)
        if vectors is not None:
            new = [word for word in vectors.index_to_key if word not in words]
            new = new[: None if max_size is None else max_size - len(words)]
            counts = [*words.counts.tolist(), *[0] * len(new)]
            words = Vocabulary([*words.words, *new], counts)
        signs = (normal(token) for sentence in sentences for token in sentence)
        return cls(words, Vocabulary.build(signs), lowercase)

    def __call__(self, sentences: Sentences) -> Encoded:
        """Sentences of tokens as numbers."""
        numbers: dict[str, int] = {}
        rows = [[numbers.setdefault(token, len(numbers)) for token in one] for one in sentences]
        distinct = list(numbers)
        return Encoded(
            Ragged.from_lists(rows),
            self.words.encode([form(token, self.lowercase) for token in distinct]),
            np.fromiter(map(case_of, distinct), np.int32, count=len(distinct)),
            self.characters.encode_batch([normal(token) for token in distinct]),
        )

    @property
    def rare(self) -> Array:
        """Which words were met once (V); the unknown word is not one."""
        rare: Array = self.words.counts == 1
        rare[0] = False
        return rare

    def to_json(self) -> dict[str, Any]:
        return {"words": self.words.to_json(), "characters": self.characters.to_json()}

    @classmethod
    def from_json(cls, content: dict[str, Any], lowercase: bool) -> TokenEncoder:
        """The encoder of a file's content.

        Raises:
            ModelFileError, KeyError: the content is not as it should be.
        """
        words, characters = (
            Vocabulary.from_json(content[name]) for name in ("words", "characters")
        )
        return cls(words, characters, lowercase)


def normal(token: str) -> str:
    """A token in NFC: é is one and the same however it was typed."""
    return token if token.isascii() else unicodedata.normalize("NFC", token)


def form(token: str, lowercase: bool) -> str:
    """The word that a token is looked up as."""
    token = normal(token)
    return _DIGIT.sub("0", token.lower() if lowercase else token)
