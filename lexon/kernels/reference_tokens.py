"""What ``tokens.py`` and ``characters.py`` do, in plain Python and NumPy: the specification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def split_words(text: Array, size: int) -> tuple[Array, Array, Array]:
    """Where words start and stop, and for each line feed how many words stand before it."""
    raw = text[:size]
    inside = np.concatenate([[False], ~np.isin(raw, list(b" \t\n\r\v\f")), [False]])
    starts = np.flatnonzero(inside[1:] & ~inside[:-1])
    stops = np.flatnonzero(inside[:-1] & ~inside[1:])
    return starts, stops, np.searchsorted(starts, np.flatnonzero(raw == 10))


def split_characters(text: Array, size: int, kinds: Array) -> tuple[Array, Array, Array]:
    """Where words of one character, or of a run of them, start and stop; the ends of lines."""
    starts: list[int] = []
    stops: list[int] = []
    borders: list[int] = []
    at, before = 0, 0  # between words 0, alone 1, in a run 2; a mark is 3, a joiner 4
    for sign in bytes(text[:size]).decode():
        kind = int(kinds[min(ord(sign), len(kinds) - 1)])
        if kind >= 3 and before:
            kind = before
        elif kind == 4:
            kind = 0
        elif kind and not kind == before == 2:
            starts.append(at)
            stops.append(at)
        at += len(sign.encode())
        if kind:
            stops[-1] = at
        if sign == "\n":
            borders.append(len(starts))
        before = 1 if kind == 3 else kind
    return np.array(starts, np.int64), np.array(stops, np.int64), np.array(borders, np.int64)


def renumber(
    ids: Array, borders: Array, names: Array, kept: Array, starts: Array, before: int
) -> int:
    """Give ids other names, leave out those named -1, and move borders along."""
    named = names[ids]
    starts[: len(borders)] = before + np.concatenate([[0], np.cumsum(named >= 0)])[borders]
    named = named[named >= 0]
    kept[: len(named)] = named
    return len(named)


class WordTable:
    """Words numbered in the order in which they come, with their counts."""

    def __init__(self) -> None:
        self.ids: dict[bytes, int] = {}
        self.counts: list[int] = []
        self.firsts: list[int] = []

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def entries(self) -> Array:
        """Where each word starts and stops, its count, and where it was first."""
        lengths = np.array([len(word) for word in self.ids], np.int64)
        stops = np.cumsum(lengths + 1) - 1  # a zero byte behind each
        return np.column_stack([stops - lengths, stops, self.counts, self.firsts])

    def number(self, text: Array, starts: Array, stops: Array, offset: int = 0) -> Array:
        """Ids of words; new words get the next ids."""
        count = np.ones(len(starts), np.int64)
        return self.add(text, starts, stops, count, starts + offset)

    def find(self, text: Array, starts: Array, stops: Array) -> Array:
        """Ids of words, -1 for those that are not in the table."""
        words = _cut(text, starts, stops)
        return np.array([self.ids.get(word, -1) for word in words], np.int32)

    def add(self, text: Array, starts: Array, stops: Array, counts: Array, firsts: Array) -> Array:
        """Ids of words that were counted before."""
        ids = np.empty(len(starts), np.int32)
        for i, word in enumerate(_cut(text, starts, stops)):
            ids[i] = word_id = self.ids.setdefault(word, len(self.ids))
            if word_id == len(self.counts):
                self.counts.append(0)
                self.firsts.append(int(firsts[i]))
            self.counts[word_id] += int(counts[i])
            self.firsts[word_id] = min(self.firsts[word_id], int(firsts[i]))
        return ids

    def words(self, ids: Array) -> Iterator[bytes]:
        """The bytes of words."""
        known = list(self.ids)
        return (known[i] for i in ids)

    def is_utf8(self) -> bool:
        """Whether every word is valid UTF-8."""
        try:
            _ = [word.decode() for word in self.ids]
        except UnicodeDecodeError:
            return False
        return True


def _cut(text: Array, starts: Array, stops: Array) -> list[bytes]:
    return [bytes(text[start:stop]) for start, stop in zip(starts, stops, strict=True)]
