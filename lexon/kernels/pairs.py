"""Neighbouring words: counting pairs of ids, joining pairs to one id, and writing ids as text.

A phrase is two words, or two words with connecting words between them (of, the). Pairs stand in
a hash table: key ((left << 31) | right) + 1, where left is a word, or V + n for the n-th beginning
of a phrase that ends with a connecting word so far. The value of a pair whose right word connects
is n + 1; of any other it is what is asked of the pair. The same in plain Python:
``reference_pairs.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.kernels.compile import inlined, kernel
from lexon.kernels.tokens import fold

Array = npt.NDArray[Any]

#: Bits of the right word in a key.
RIGHT = 31

_WORD = (1 << RIGHT) - 1
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_THREE = np.uint64(0xBB67AE8584CAA73B)


def _key(left: int, right: int) -> int:
    return ((left << RIGHT) | right) + 1


@inlined
def _home(key, mask):
    return np.int64(fold(fold(np.uint64(key), _GOLDEN), _THREE)) & mask


@kernel
def _put(keys, values, slots):
    """Put pairs that are all different into slots with room for them."""
    mask = len(slots) - 1
    for i in range(len(keys)):
        at = _home(keys[i], mask)
        while slots[at, 0] != 0:
            at = (at + 1) & mask
        slots[at, 0] = keys[i]
        slots[at, 1] = values[i]


class PairTable:
    """A hash table of pairs with open addressing, at most half full.

    Units: 32 to 64 bytes a pair (three halves of that while it grows).
    """

    def __init__(self, room: int = 1024) -> None:
        self.size = 0
        self.nodes = 0
        self.slots = np.zeros((2 * room, 2), np.int64)

    @classmethod
    def of(cls, phrases: Mapping[tuple[int, ...], int], connects: Array) -> PairTable:
        """The table by which `join_pairs` puts ids for phrases."""
        values: dict[int, int] = {}
        nodes = 0
        for (left, *between, right), value in phrases.items():
            for word in between:
                key = _key(left, word)
                if key not in values:
                    nodes += 1
                    values[key] = nodes
                left = len(connects) + values[key] - 1
            values[_key(left, right)] = value + 1
        table = cls(1 << max(3, len(values).bit_length()))
        _put(np.array(list(values), np.int64), np.array(list(values.values())), table.slots)
        table.size, table.nodes = len(values), nodes
        return table

    def frequent(self, connects: Array, least: int) -> tuple[int, Array, Array]:
        """How many whole pairs there are; the keys of those counted ``least`` times, ascending.

        Shapes: keys and counts (N,) int64.
        """
        keys, values = self.slots[:, 0], self.slots[:, 1]
        inner = np.count_nonzero(connects[(keys[keys != 0] - 1) & _WORD]) if self.nodes else 0
        places = np.flatnonzero(values >= least)
        places = places[~connects[(keys[places] - 1) & _WORD]]
        places = places[np.argsort(keys[places])]
        return self.size - int(inner), keys[places], values[places]

    def sequences(self, keys: Array, connects: Array) -> list[tuple[int, ...]]:
        """The ids of the words of pairs: two, and those of connecting words between them."""
        beginnings: dict[int, int] = {}
        if self.nodes:
            full = self.slots[self.slots[:, 0] != 0]
            inner = full[connects[(full[:, 0] - 1) & _WORD]]
            beginnings = dict(zip(inner[:, 1].tolist(), inner[:, 0].tolist(), strict=True))

        def words(key: int) -> tuple[int, ...]:
            left, right = divmod(key - 1, 1 << RIGHT)
            if left < len(connects):
                return left, right
            return *words(beginnings[left - len(connects) + 1]), right

        return [words(key) for key in keys.tolist()]

    def grow(self) -> None:
        """Make room for as many pairs again."""
        old, self.slots = self.slots, np.zeros((2 * len(self.slots), 2), np.int64)
        old = old[old[:, 0] != 0]
        _put(old[:, 0].copy(), old[:, 1].copy(), self.slots)


def count_pairs(ids: Array, starts: Array, connects: Array, part: int, parts: int) -> PairTable:
    """How often words stand side by side in a sentence, or with connecting words between them.

    The values of pairs are their counts. Of all pairs those are counted here whose first word
    belongs to ``part`` of ``parts``: so threads share the work, and nothing is to be added up.

    Shapes: ids (T,) int32; starts (sentences + 1,) int64; connects (V,) bool.
    """
    table, at, line, left = PairTable(), 0, 0, -1
    while at < len(ids):
        at, line, left, table.size, table.nodes = _count(
            *(ids, starts, connects, part, parts, at, line, left),
            *(table.slots, table.size, table.nodes),
        )
        if at < len(ids):
            table.grow()
    return table


@kernel
def _count(ids, starts, connects, part, parts, at, line, left, slots, size, nodes):
    mask = len(slots) - 1
    for i in range(at, len(ids)):
        while starts[line] <= i:
            line += 1
            left = -1
        right = np.int64(ids[i])
        if left >= 0:
            key = ((left << RIGHT) | right) + 1
            place = _home(key, mask)
            while slots[place, 0] != 0 and slots[place, 0] != key:
                place = (place + 1) & mask
            if slots[place, 0] == 0:
                if 2 * (size + 1) > len(slots):
                    return i, line, left, size, nodes
                slots[place, 0] = key
                size += 1
                nodes += connects[right]
                slots[place, 1] = nodes if connects[right] else 0
            if connects[right]:
                left = len(connects) + slots[place, 1] - 1
            else:
                slots[place, 1] += 1
        if not connects[right]:
            left = right if _home(right, _WORD) % parts == part else -1
    return len(ids), line, left, size, nodes


@kernel
def join_pairs(ids, starts, connects, slots, kept, borders, before):
    """Put one id for every pair that is found, from left to right; borders move along.

    The value of a pair is the id to put, plus 1. ``kept`` may be ``ids``. ``before`` is added to
    the borders. Returns how many ids there are then.
    """
    mask = len(slots) - 1
    count = line = 0
    begin = left = np.int64(-1)  # where a phrase may have begun, and what it is so far
    for i in range(len(ids) + 1):
        while line < len(starts) and starts[line] == i:
            if begin >= 0:
                for k in range(begin, i):
                    kept[count] = ids[k]
                    count += 1
            begin = left = np.int64(-1)
            borders[line] = before + count
            line += 1
        if i == len(ids):
            break
        right = np.int64(ids[i])
        value = np.int64(0)
        if left >= 0:
            key = ((left << RIGHT) | right) + 1
            place = _home(key, mask)
            while slots[place, 0] != 0 and slots[place, 0] != key:
                place = (place + 1) & mask
            if slots[place, 0] == key:
                value = slots[place, 1]
        if begin >= 0 and connects[right]:
            left = len(connects) + value - 1 if value > 0 else np.int64(-1)
        elif value > 0:
            kept[count] = value - 1
            count += 1
            begin = left = np.int64(-1)
        else:
            if begin >= 0:
                for k in range(begin, i):
                    kept[count] = ids[k]
                    count += 1
            begin = left = np.int64(-1)
            if connects[right]:
                kept[count] = right
                count += 1
            else:
                begin, left = np.int64(i), right
    return count


def spell(ids: Array, starts: Array, text: Array, word_starts: Array, word_stops: Array) -> Array:
    """The text of sentences of ids, one a line, a space between words; shape (bytes,) uint8."""
    lengths = word_stops - word_starts
    empty = int(np.count_nonzero(starts[1:] == starts[:-1]))
    out = np.empty(int(lengths[ids].sum()) + len(ids) + empty, np.uint8)
    _spell(ids, starts, text, word_starts, word_stops, out)
    return out


@kernel
def _spell(ids, starts, text, word_starts, word_stops, out):
    at = 0
    for line in range(len(starts) - 1):
        for i in range(starts[line] - starts[0], starts[line + 1] - starts[0]):
            for k in range(word_starts[ids[i]], word_stops[ids[i]]):
                out[at] = text[k]
                at += 1
            out[at] = 32
            at += 1
        at -= starts[line + 1] > starts[line]
        out[at] = 10
        at += 1
