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

#: Tokens, and the first token and the one behind the last of e1 and of e2.
Cut = tuple[list[str], tuple[int, int, int, int]]


def cut(tokenizer: Tokenizer, texts: Sequence[MarkedText]) -> list[Cut]:
    """The tokens of each text; a span begins and ends with a token of its own.

    Raises:
        InputError: there is no token in a span: it holds invisible signs only.
    """
    found = []
    for row, text in enumerate(texts):
        pieces = [tokenizer(piece) for piece in text.pieces]
        if not (pieces[1] and pieces[3]):
            raise InputError(f"text {row}: a span has no token: {str(text)!r:.80}\n  mark a word")
        ends = np.cumsum([len(piece) for piece in pieces]).tolist()
        first, second = (ends[0], ends[1]), (ends[2], ends[3])
        spans = (*first, *second) if text.e1_first else (*second, *first)
        found.append(([token for piece in pieces for token in piece], spans))
    return found


@dataclass(frozen=True, eq=False)
class MarkedIds:
    """Word numbers of B texts, and where their spans are.

    Shapes: spans (B, 4): the first token of e1 and the one behind its last, the same of e2.
    """

    ids: Ragged
    spans: Array

    @classmethod
    def of(cls, vocabulary: Vocabulary, cuts: Sequence[Cut]) -> MarkedIds:
        """The word numbers of cut texts."""
        ids = vocabulary.encode_batch([tokens for tokens, _ in cuts])
        spans = np.array([spans for _, spans in cuts], np.int64).reshape(-1, 4)
        return cls(ids, spans)

    def take(self, rows: Array) -> MarkedIds:
        return MarkedIds(self.ids.take(rows), self.spans[rows])

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
