"""What ``pairs.py`` does, in plain Python and NumPy: the specification."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def count_pairs(
    ids: Array, starts: Array, connects: Array, part: int, parts: int
) -> dict[tuple[int, ...], int]:
    """How often words stand side by side, or with connecting words between them.

    ``part`` of ``parts`` holds every pair in one part only; here the first holds all.
    """
    counts: Counter[tuple[int, ...]] = Counter()
    for words in _sentences(ids, starts):
        ends = [i for i, word in enumerate(words) if not connects[word]]
        counts.update(tuple(words[a : b + 1]) for a, b in pairwise(ends))
    return dict(counts) if part == 0 else {}


def join_pairs(
    ids: Array,
    starts: Array,
    connects: Array,
    phrases: Mapping[tuple[int, ...], int],
    kept: Array,
    borders: Array,
    before: int,
) -> int:
    """Put one id for every phrase that is found, from left to right; borders move along."""
    out: list[int] = []
    borders[0] = before
    for line, words in enumerate(_sentences(ids, starts)):
        begin = 0
        while begin < len(words):
            after = (i for i in range(begin + 1, len(words)) if not connects[words[i]])
            end = len(words) if connects[words[begin]] else next(after, len(words))
            phrase = phrases.get(tuple(words[begin : end + 1])) if end < len(words) else None
            out.append(words[begin] if phrase is None else phrase)
            begin = begin + 1 if phrase is None else end + 1
        borders[line + 1] = before + len(out)
    kept[: len(out)] = out
    return len(out)


def spell(ids: Array, starts: Array, text: Array, word_starts: Array, word_stops: Array) -> Array:
    """The text of sentences of ids, one a line, a space between words."""
    words = [bytes(text[a:b]) for a, b in zip(word_starts, word_stops, strict=True)]
    lines = (
        b" ".join(words[i] for i in ids) + b"\n" for ids in _sentences(ids, starts - starts[0])
    )
    return np.frombuffer(b"".join(lines), np.uint8)


def _sentences(ids: Array, starts: Array) -> Iterator[list[int]]:
    for start, stop in pairwise(starts):
        yield ids[start:stop].tolist()
