"""Words of a text as numbers: splitting bytes at white space, and a table from words to ids.

Nothing here makes a Python object per word. A text is an array of bytes with ``PADDING`` bytes
to spare behind its end, so that eight bytes can be loaded at any place of it. The same in plain
Python and NumPy: ``reference_tokens.py``.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lexon.errors import InputError
from lexon.kernels.compile import inlined, kernel

Array = npt.NDArray[Any]

#: Bytes that may be read, and never matter, behind the end of a text.
PADDING = 8
#: What ends a word: the white space of ASCII. Line feed ends a sentence, too.
WHITE = b" \t\n\r\v\f"
#: Columns of a table's entries.
START, STOP, COUNT, FIRST = range(4)

_MOST_WORDS = 2**31 - 1
_AHEAD = 32  # words whose places are looked up together
_KINDS = np.zeros(256, np.uint8)
_KINDS[list(WHITE)] = 1
_ONES, _LOWER, _HALF = np.uint64(2**64 - 1), np.uint64(2**32 - 1), np.uint64(32)
# Odd numbers with their bits well mixed: the fractions of the golden ratio and of the root of 3.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_THREE = np.uint64(0xBB67AE8584CAA73B)


def _load(context, text, at):
    """The eight bytes of the text from a place on, wherever it lies in memory."""
    signature = types.uint64(text, types.intp)

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, given[0])
        place = builder.gep(array.data, [given[1]])
        loaded = builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()))
        loaded.align = 1
        return loaded

    return signature, generate


def _fold(context, one, other):
    """The lower and the upper half of a product of 64 x 64 bits, added without carry."""
    signature = types.uint64(types.uint64, types.uint64)

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        half, whole = ir.IntType(64), ir.IntType(128)
        product = builder.mul(*(builder.zext(value, whole) for value in given))
        upper = builder.lshr(product, ir.Constant(whole, 64))
        return builder.xor(builder.trunc(product, half), builder.trunc(upper, half))

    return signature, generate


load: Any = intrinsic(_load)
fold: Any = intrinsic(_fold)


@inlined
def _tail(text, at, length):
    """The first ``length`` bytes, 0 to 8, of those from a place on; the rest zero."""
    half = np.uint64(4 * length)
    return load(text, at) & ~(_ONES << half << half)


@inlined
def _hash(text, start, stop, key):
    """64 bits that depend on every byte of the word and on the key."""
    mixed = key ^ (np.uint64(stop - start) * _THREE)
    at = start
    while stop - at > 8:
        mixed = fold(mixed ^ load(text, at), _GOLDEN)
        at += 8
    mixed = fold(mixed ^ _tail(text, at, stop - at), _GOLDEN)
    return fold(mixed ^ key, _THREE)


@kernel
def _number(text, starts, stops, done, offset, key, slots, arena, entries, size, learn, ids):
    """Ids of the words from ``done`` on; stops before a new word that finds no room.

    Written out in one piece: a function with this loop inside is called with the references to
    its arrays counted up and down, which takes five times as long.
    """
    mask = np.int64(len(slots) - 1)
    hashes, sums = np.empty(_AHEAD, np.uint64), np.zeros(1, np.int64)
    begun = ended = done
    for i in range(done, len(starts)):
        if i == ended:  # ask for the memory of several words at once, and wait for it once
            begun, ended = i, min(i + _AHEAD, len(starts))
            for k in range(begun, ended):
                hashes[k - begun] = _hash(text, starts[k], stops[k], key)
            for k in range(begun, ended):
                guess = np.int64(slots[np.int64(hashes[k - begun] & _LOWER) & mask] & _LOWER)
                sums[0] += arena[entries[guess - (guess > 0), START]]
        start, stop = starts[i], stops[i]
        mixed = hashes[i - begun]
        tag = mixed >> _HALF
        at = np.int64(mixed & _LOWER) & mask
        word = np.int64(-1)
        while slots[at] != 0:
            if slots[at] >> _HALF == tag:
                word = np.int64(slots[at] & _LOWER) - 1
                begin = entries[word, START]
                if entries[word, STOP] - begin == stop - start:
                    k = start
                    difference = np.uint64(0)
                    while stop - k > 8:
                        difference |= load(text, k) ^ load(arena, begin)
                        k += 8
                        begin += 8
                    last = _tail(text, k, stop - k) ^ _tail(arena, begin, stop - k)
                    if difference | last == 0:
                        break
            word = np.int64(-1)
            at = (at + 1) & mask
        if word < 0 and learn:
            begin = entries[size - 1, STOP] + 1 if size else 0
            end = begin + stop - start
            full = 2 * (size + 1) > len(slots) or size == len(entries)
            if full or end + 1 + PADDING > len(arena):
                return i, size
            for k in range(stop - start):
                arena[begin + k] = text[start + k]
            arena[end] = 0
            word = size
            size += 1
            entries[word, START] = begin
            entries[word, STOP] = end
            entries[word, COUNT] = 0
            entries[word, FIRST] = offset + start
            slots[at] = tag << _HALF | np.uint64(size)
        if learn:
            entries[word, COUNT] += 1
        ids[i] = word
    return len(starts), size


@kernel
def _spread(arena, entries, size, key, slots):
    """Put words that are all different into empty slots."""
    mask = np.int64(len(slots) - 1)
    for word in range(size):
        mixed = _hash(arena, entries[word, START], entries[word, STOP], key)
        at = np.int64(mixed & _LOWER) & mask
        while slots[at] != 0:
            at = (at + 1) & mask
        slots[at] = mixed >> _HALF << _HALF | np.uint64(word + 1)


class WordTable:
    """Words numbered in the order in which they come, with their counts.

    A hash table with open addressing, at most half full. The words' bytes stand in one array, a
    zero byte behind each. The hash is keyed by chance, and by another key whenever the table
    grows: no file can be prepared to make many words share a place. The key decides where a word
    is looked for and nothing else, so results do not depend on it.

    Shapes: `entries` (W, 4) int64: where in `arena` each word starts and stops, how often it was
    numbered, and where it was first.
    Units: about 60 bytes per distinct word and those of the word itself (twice that while the
    table grows).
    """

    def __init__(self, room: int = 1024, key: int | None = None) -> None:
        self.size = 0
        self.key = np.uint64(secrets.randbits(64) if key is None else key)
        self.slots = np.zeros(2 * room, np.uint64)
        self.arena = np.zeros(8 * room, np.uint8)
        self._entries = np.zeros((room, 4), np.int64)

    def __len__(self) -> int:
        return self.size

    @property
    def entries(self) -> Array:
        return self._entries[: self.size]

    def number(self, text: Array, starts: Array, stops: Array, offset: int = 0) -> Array:
        """Ids (N,) int32 of the words text[starts[i] : stops[i]]; new words get the next ids.

        ``offset`` is added to the place where a word is first.

        Raises:
            InputError: there are more distinct words than ids.
        """
        ids, done = self._walk(text, starts, stops, 0, offset, True, None)
        while done < len(starts):
            self._grow(int(stops[done] - starts[done]))
            ids, done = self._walk(text, starts, stops, done, offset, True, ids)
        return ids

    def find(self, text: Array, starts: Array, stops: Array) -> Array:
        """Ids (N,) int32 of words, -1 for those that are not in the table."""
        return self._walk(text, starts, stops, 0, 0, False, None)[0]

    def _walk(
        self,
        text: Array,
        starts: Array,
        stops: Array,
        done: int,
        offset: int,
        learn: bool,
        ids: Array | None,
    ) -> tuple[Array, int]:
        ids = np.empty(len(starts), np.int32) if ids is None else ids
        table = self.key, self.slots, self.arena, self._entries, self.size
        done, self.size = _number(text, starts, stops, done, offset, *table, learn, ids)
        return ids, done

    def add(self, text: Array, starts: Array, stops: Array, counts: Array, firsts: Array) -> Array:
        """Ids (N,) of words that were counted before, and may repeat; their counts are added.

        A word is first where any of them was first.
        """
        size, before = self.size, self.entries[:, COUNT].copy()
        ids = self.number(text, starts, stops)
        self.entries[:size, COUNT] = before
        self.entries[size:, COUNT] = 0
        self.entries[size:, FIRST] = np.iinfo(np.int64).max
        np.add.at(self.entries[:, COUNT], ids, counts)
        np.minimum.at(self.entries[:, FIRST], ids, firsts)
        return ids

    def words(self, ids: Array) -> Iterator[bytes]:
        """The bytes of words."""
        raw = self.arena.data
        for at in range(0, len(ids), 2**14):  # a Python object for each would fill the memory
            some = ids[at : at + 2**14]
            starts, stops = self._entries[some, START], self._entries[some, STOP]
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
                yield bytes(raw[start:stop])

    def is_utf8(self) -> bool:
        """Whether every word is valid UTF-8."""
        used = int(self.entries[-1, STOP]) if self.size else 0
        try:
            # The zero bytes between words keep the end of one and the start of the next apart.
            str(self.arena.data[:used], "utf-8")
        except UnicodeDecodeError:
            return False
        return True

    def _grow(self, length: int) -> None:
        """Make room for a word of so many bytes and for as many words again."""
        used = int(self.entries[-1, STOP]) + 1 if self.size else 0
        if used + length + 9 > len(self.arena):
            self.arena = _longer(self.arena, 2 * (used + length + 9))
        if self.size == len(self._entries):
            if self.size >= _MOST_WORDS:
                raise InputError(
                    f"there are more than {_MOST_WORDS:,} different words"
                    "\n  is this a text with spaces between its words?"
                )
            self._entries = _longer(self._entries, 2 * self.size)
        if 2 * (self.size + 1) > len(self.slots):
            self.slots = np.zeros(2 * len(self.slots), np.uint64)
            self.key = _fresh_key(self.key)
            _spread(self.arena, self._entries, self.size, self.key, self.slots)


def _longer(array: Array, length: int) -> Array:
    longer = np.zeros((length, *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer


def _fresh_key(key: np.uint64) -> np.uint64:
    """Another key; which one cannot be told by who does not know the first."""
    return np.uint64((int(key) * 0xD1342543DE82EF95 + 1) % 2**64)


def split_words(text: Array, size: int) -> tuple[Array, Array, Array]:
    """Where the words of the first ``size`` bytes start and stop, and the ends of the lines.

    Shapes: starts, stops (N,) int64; borders (L,) int64, for each line feed how many words stand
    before it.
    """
    most = size // 2 + 2
    starts, stops = np.empty(most, np.int64), np.empty(most, np.int64)
    borders = np.empty(np.count_nonzero(text[:size] == 10) + 1, np.int64)
    words, lines = _split(text, size, _KINDS, starts, stops, borders)
    return starts[:words], stops[:words], borders[:lines]


@kernel
def _split(text, size, kinds, starts, stops, borders):
    # Without branches: every place is written down, and overwritten if it is no border.
    started = stopped = lines = 0
    outside = np.uint8(1)
    for i in range(size):
        white = kinds[text[i]]
        starts[started] = i
        started += outside & ~white
        stops[stopped] = i
        stopped += white & ~outside
        borders[lines] = stopped
        lines += text[i] == 10
        outside = white
    stops[stopped] = size
    return started, lines


@kernel
def renumber(ids, borders, names, kept, starts, before):
    """Give ids other names and leave out those named -1; borders move along.

    ``kept`` may be ``ids`` and ``starts`` may be ``borders``. ``before`` is added to the borders.
    Returns how many are kept.
    """
    line = count = 0
    for i in range(len(ids)):
        while line < len(borders) and borders[line] <= i:
            starts[line] = before + count
            line += 1
        name = names[ids[i]]
        kept[count] = name
        count += name >= 0
    while line < len(borders):
        starts[line] = before + count
        line += 1
    return count
