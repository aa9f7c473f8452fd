"""From counted words to the vocabulary: which words are kept, and their ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError
from lexon.kernels.tokens import COUNT, FIRST, PADDING, START, STOP, WordTable
from lexon.text.tokens import HAN_RUN

Array = npt.NDArray[Any]

#: Bytes that are no UTF-8 are kept in words as lone surrogates, and written as the same bytes.
ERRORS = "surrogateescape"


class Rule(NamedTuple):
    """Which words are kept.

    Units: `min_count` tokens; `max_final_vocab` words: with more, `min_count` rises until no more
    are left (words of equal count stay or go together). `known` words are kept with their ids
    0, 1, ... whatever their counts; beside them new ones where `grow` is true. Counts are of
    words in lower case if `lower`.
    """

    min_count: int
    max_final_vocab: int | None
    lower: bool
    known: Sequence[str] | None
    grow: bool


class Chosen(NamedTuple):
    """The words kept, by id, and what was seen in all.

    Shapes: counts (V,) int64; ids: for each table (W,) int32, the final id of its words or -1.
    """

    words: list[str]
    counts: Array
    ids: list[Array]
    raw_words: int
    raw_vocabulary: int
    undecodable: int
    min_count: int


def choose(tables: Sequence[WordTable], rule: Rule) -> Chosen:
    """The vocabulary of the words that were counted in several tables.

    Words stand by falling count, those of equal count in the order in which they came first;
    new words beside known ones likewise, behind them.

    Raises:
        InputError: no words were counted, or all are below `min_count`.
    """
    whole, ids = _one_table(tables, rule.lower)
    counts, firsts = whole.entries[:, COUNT], whole.entries[:, FIRST]
    if not len(whole):
        raise InputError("the corpus is empty: there is no word in it\n  give one with text")
    final = np.full(len(whole), -1, np.int32)
    known = list(rule.known or ())
    found = whole.find(*laid_out(known))
    final[found[found >= 0]] = np.flatnonzero(found >= 0)
    min_count = _effective(counts, rule)
    new = np.flatnonzero((counts >= min_count) & (final < 0))
    if rule.known is not None and not rule.grow:
        new = new[:0]
    new = new[np.lexsort((firsts[new], -counts[new]))]
    final[new] = np.arange(len(known), len(known) + len(new))
    if not len(new) and rule.known is None:
        raise _too_rare(whole, counts, min_count)
    return Chosen(
        words=known + list(map(_decoded, whole.words(new))),
        counts=np.concatenate([np.where(found >= 0, counts[found], 0), counts[new]]),
        ids=[final[each] for each in ids],
        raw_words=int(counts.sum()),
        raw_vocabulary=len(whole),
        undecodable=_undecodable(whole),
        min_count=min_count,
    )


def laid_out(words: Sequence[str]) -> tuple[Array, Array, Array]:
    """The bytes of words end to end, and where each starts and stops.

    Lone surrogates that do not stand for a byte become U+FFFD: no text can hold them.

    Raises:
        TypeError: one of them is not a str.
    """
    text = "\0".join(words)
    if text.count("\0") == max(0, len(words) - 1):
        raw = _encoded(text)
        stops = np.flatnonzero(_padded(raw)[: len(raw) + 1] == 0)[: len(words)]
        starts = np.concatenate([np.zeros(1, np.int64), stops[:-1] + 1])[: len(words)]
    else:  # the mark between words is in one of them
        encoded = [_encoded(word) for word in words]
        raw = b"".join(encoded)
        stops = np.cumsum([len(word) for word in encoded])
        starts = stops - [len(word) for word in encoded]
    return _padded(raw), starts, stops


def _padded(raw: bytes) -> Array:
    return np.frombuffer(bytearray(raw) + bytes(PADDING), np.uint8)


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", ERRORS)
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _one_table(tables: Sequence[WordTable], lower: bool) -> tuple[WordTable, list[Array]]:
    """All words in one table, as text; and the id there of each word of each table."""
    whole = tables[0]
    ids: list[Array] = [np.arange(len(whole), dtype=np.int32)]
    ids += [whole.add(table.arena, *_columns(table)) for table in tables[1:]]
    if not lower:
        return whole, ids
    words = [_decoded(word).lower() for word in whole.words(np.arange(len(whole)))]
    lowered = WordTable()
    renamed = lowered.add(*laid_out(words), *_columns(whole)[2:])
    return lowered, [renamed[each] for each in ids]


def _decoded(word: bytes) -> str:
    return word.decode("utf-8", ERRORS)


def _columns(table: WordTable) -> tuple[Array, ...]:
    return tuple(table.entries[:, column].copy() for column in (START, STOP, COUNT, FIRST))


def _effective(counts: Array, rule: Rule) -> int:
    """The count a word must reach."""
    most = rule.max_final_vocab
    if most is None or most >= len(counts):
        return rule.min_count
    first_out = np.partition(counts, len(counts) - 1 - most)[len(counts) - 1 - most]
    return max(rule.min_count, int(first_out) + 1)


def _undecodable(whole: WordTable) -> int:
    """How many tokens are no UTF-8, or hold the sign that another reader put for that."""
    sign = "\N{REPLACEMENT CHARACTER}".encode()
    if whole.is_utf8() and bytes(whole.arena.data).find(sign) < 0:
        return 0
    words, counts = whole.words(np.arange(len(whole))), whole.entries[:, COUNT].tolist()
    broken = (sign in word or not _is_utf8(word) for word in words)
    return sum(count for count, bad in zip(counts, broken, strict=True) if bad)


def _is_utf8(word: bytes) -> bool:
    try:
        word.decode()
    except UnicodeDecodeError:
        return False
    return True


def _too_rare(whole: WordTable, counts: Array, min_count: int) -> InputError:
    top = int(counts.argmax())
    falling = np.sort(counts)[::-1]
    half = int(falling[np.searchsorted(np.cumsum(falling), counts.sum() / 2)])
    word = _decoded(next(whole.words(np.array([top]))))
    remedy = f"give more text, or min_count={half} (--min-count {half})"
    if len(word) > 10 and HAN_RUN.search(word):
        remedy = "for Chinese without spaces: characters (--characters) or segment (--segment)"
    return InputError(
        f"no word is left: the most frequent of {len(counts):,} words, {word!r:.80}, occurs"
        f" {int(counts[top]):,} times, and min_count is {min_count:,}\n"
        f"  {remedy}"
    )
