"""From marked texts to word numbers and the places of their two spans, in tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError
from lexon.text import MarkedText, Ragged, Tokenizer, Vocabulary

Array = npt.NDArray[Any]

#: How many signs of a word's beginning and of its ending are words of their own.
BEGINNING, ENDING = 5, 3
#: Tokens, and the first token and the one behind the last of e1 and of e2.
Cut = tuple[list[str], tuple[int, int, int, int]]


def cut(tokenizer: Tokenizer, texts: Sequence[MarkedText], context: int | None = None) -> list[Cut]:
    """The tokens of each text; a span begins and ends with a token of its own.

    Units: ``context`` in tokens: as many are kept before the first span and behind the second.

    Raises:
        InputError: there is no token in a span: it holds invisible signs only.
    """
    found = []
    for row, text in enumerate(texts):
        pieces = [tokenizer(piece) for piece in text.pieces]
        if not (pieces[1] and pieces[3]):
            raise InputError(f"text {row}: a span has no token: {str(text)!r:.80}\n  mark a word")
        if context is not None:
            pieces[0] = pieces[0][max(len(pieces[0]) - context, 0) :]
            pieces[4] = pieces[4][:context]
        ends = np.cumsum([len(piece) for piece in pieces]).tolist()
        first, second = (ends[0], ends[1]), (ends[2], ends[3])
        spans = (*first, *second) if text.e1_first else (*second, *first)
        found.append(([token for piece in pieces for token in piece], spans))
    return found


def affixes(tokens: Sequence[str]) -> tuple[list[str], list[str]]:
    """The beginnings and the endings of tokens."""
    return [token[:BEGINNING] for token in tokens], [token[-ENDING:] for token in tokens]


@dataclass(frozen=True, eq=False)
class MarkedIds:
    """Word numbers of B texts, where their spans are, and numbers of the words' affixes, if any.

    Shapes: spans (B, 4): the first token of e1 and the one behind its last, the same of e2.
    """

    ids: Ragged
    spans: Array
    affixes: tuple[Ragged, ...] = ()

    @classmethod
    def of(cls, vocabularies: Sequence[Vocabulary], cuts: Sequence[Cut]) -> MarkedIds:
        """The numbers of cut texts, by the vocabulary of words and those of affixes, if any."""
        vocabulary, *others = vocabularies
        ids = vocabulary.encode_batch([tokens for tokens, _ in cuts])
        spans = np.array([spans for _, spans in cuts], np.int64).reshape(-1, 4)
        found = zip(*(affixes(tokens) for tokens, _ in cuts), strict=True) if cuts else ((), ())
        beside = (known.encode_batch(each) for known, each in zip(others, found, strict=False))
        return cls(ids, spans, tuple(beside))

    def take(self, rows: Array) -> MarkedIds:
        beside = tuple(each.take(rows) for each in self.affixes)
        return MarkedIds(self.ids.take(rows), self.spans[rows], beside)

    def __len__(self) -> int:
        return len(self.ids)

    def distances(self, span: int, max_distance: int) -> Array:
        """The class of each token's distance to span e1 (0) or e2 (1) (S): 0 to 2 ``max_distance``.

        Equations: ``max_distance`` within the span; less before it, more behind it, one for each
        token; clipped.
        """
        lengths = self.ids.lengths
        places = np.arange(len(self.ids.rows)) - np.repeat(self.ids.starts, lengths)
        start, end = (np.repeat(self.spans[:, 2 * span + side], lengths) for side in (0, 1))
        away = np.minimum(places - start, 0) + np.maximum(places - end + 1, 0)
        return np.clip(away, -max_distance, max_distance) + max_distance

    def ngram_pieces(self, window: int) -> Array:
        """How many n-grams fall into each of the three pieces (B, 3), with wide edges.

        The first piece ends with the span that stands first, the second with the other one. An
        n-gram falls where its middle token does; one whose middle is outside falls to the nearest.
        """
        ends = np.sort(self.spans[:, [1, 3]], axis=1)
        shift = window - 1 - window // 2  # n-grams that begin so far before their middle
        length = self.ids.lengths[:, None]
        total = length + window - 1
        bounds = np.where(ends == length, total, ends + shift)
        return np.diff(np.hstack([bounds, total]), axis=1, prepend=0)
