"""Splitting and numbering words: each kernel does what its twin does, and keeps its pace."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexon.kernels import characters, reference_tokens, tokens
from lexon.kernels.tokens import PADDING, STOP, WordTable, split_words

#: Few different bytes: words repeat, are prefixes of each other, and stand between odd spaces.
TEXTS = st.one_of(
    st.lists(st.sampled_from(list(b"ab \n\t\r\v\f\0\x1c\x85\xc3\xa9")), max_size=60).map(bytes),
    st.lists(st.sampled_from([b"a" * n for n in range(20)]), max_size=30).map(b" ".join),
)


def padded(raw: bytes, behind: int = 0xFF) -> np.ndarray:
    """The text with padding that spoils a result which depends on it."""
    return np.frombuffer(bytearray(raw) + bytes([behind] * PADDING), np.uint8)


def laid_out(words):
    raw = b"".join(words)
    stops = np.cumsum([len(word) for word in words], dtype=np.int64)
    return padded(raw), stops - [len(word) for word in words], stops


def everything(table):
    return table.entries.tolist(), list(table.words(np.arange(len(table)))), table.is_utf8()


@given(TEXTS)
@settings(deadline=None)
def test_split_words_equals_its_twin(raw):
    for behind in 0xFF, 32, 10:
        text = padded(raw, behind)
        found = split_words(text, len(raw))
        for own, other in zip(found, reference_tokens.split_words(text, len(raw)), strict=True):
            np.testing.assert_array_equal(own, other)
    cut = [raw[start:stop] for start, stop in zip(*found[:2], strict=True)]
    assert cut == raw.split()
    assert len(found[2]) == raw.count(b"\n")


SIGNS = st.text(st.sampled_from("ab1 \n\t中文。é\u0301\u3099\u200b\U0001f600\U00020000\uffff\x7f"))


@given(SIGNS, st.integers(1, 200))
@settings(deadline=None)
def test_split_characters_equals_its_twin(signs, known):
    raw = signs.encode()
    kinds = np.random.default_rng(known).integers(0, 5, 0x1F000 if known % 2 else 10 + known)
    kinds = kinds.astype(np.uint8)
    kinds[10] = characters.BETWEEN
    found = characters.split_characters(padded(raw), len(raw), kinds)
    twin = reference_tokens.split_characters(padded(raw), len(raw), kinds)
    for own, other in zip(found, twin, strict=True):
        np.testing.assert_array_equal(own, other)


@pytest.mark.parametrize("raw", [b"", b"a", b"a b", b"a b ", b"\n", b"\n\n\n", b" a\nb\n"])
def test_nothing_is_written_beyond_the_ends_of_arrays(raw, monkeypatch):
    """In plain Python that is an error; in compiled code it would be another's memory."""
    monkeypatch.setattr(tokens, "_split", tokens._split.py_func)
    starts, stops, borders = split_words(padded(raw), len(raw))
    assert [raw[a:b] for a, b in zip(starts, stops, strict=True)] == raw.split()
    assert len(borders) == raw.count(b"\n")


@given(st.lists(TEXTS, max_size=4))
@settings(deadline=None)
def test_table_equals_its_twin(raws):
    table, twin = WordTable(room=1), reference_tokens.WordTable()
    for offset, raw in enumerate(raws):
        words = split_words(padded(raw), len(raw))[:2]
        found = table.find(padded(raw), *words)
        np.testing.assert_array_equal(found, twin.find(padded(raw), *words))
        one = table.number(padded(raw), *words, 1000 * offset)
        np.testing.assert_array_equal(one, twin.number(padded(raw), *words, 1000 * offset))
        assert one.dtype == np.int32
        assert not len(table) or len(table.arena) > table.entries[-1, STOP] + PADDING
    assert everything(table) == everything(twin)


@given(TEXTS, TEXTS)
@settings(deadline=None)
def test_add_equals_its_twin(raw, other):
    results = []
    for kind in WordTable, reference_tokens.WordTable:
        table = kind()
        table.number(padded(raw), *split_words(padded(raw), len(raw))[:2], 50)
        starts, stops, _ = split_words(padded(other), len(other))
        numbers = np.arange(len(starts))
        ids = table.add(padded(other), starts, stops, 3 + numbers, 7 * numbers % 99)
        results.append((ids.tolist(), *everything(table)))
    assert results[0] == results[1]


@given(
    ids=st.lists(st.integers(0, 5), max_size=30),
    names=st.permutations([-1, -1, 0, 1, 2, 3]),
    places=st.lists(st.integers(0, 30), max_size=9),
)
@settings(deadline=None)
def test_renumber_equals_its_twin(ids, names, places):
    ids, names = np.array(ids, np.int32), np.array(names, np.int32)
    borders = np.sort(np.minimum(np.array(places, np.int64), len(ids)))
    twin, twin_starts = np.empty_like(ids), np.empty_like(borders)
    wanted = reference_tokens.renumber(ids, borders, names, twin, twin_starts, 1000)
    assert tokens.renumber(ids, borders, names, ids, borders, 1000) == wanted  # in place
    np.testing.assert_array_equal(ids[:wanted], twin[:wanted])
    np.testing.assert_array_equal(borders, twin_starts)


FAMILIES = {
    "numbers": [b"%d" % n for n in range(30_000)],
    "even numbers": [b"%08d" % (2 * n) for n in range(30_000)],
    "one letter repeated": [b"x" * n for n in range(3_000)],
    "one beginning": [b"antidisestablishment%d" % n for n in range(30_000)],
    "one end": [b"%d-wise-and-otherwise" % n for n in range(30_000)],
    "two letters": [bytes(97 + (n >> k & 1) for k in range(15)) for n in range(2**15)],
    "zero bytes": [bytes(8) + n.to_bytes(2, "big") + bytes(8) for n in range(30_000)],
    "Chinese characters": [chr(0x4E00 + n).encode() for n in range(20_000)],
}


@pytest.mark.parametrize("key", [0, 1, 2**64 - 1])
@pytest.mark.parametrize("family", FAMILIES)
def test_words_alike_do_not_crowd(family, key):
    """A word is found within a few steps: as with a hash that is pure chance, or nearly."""
    words = FAMILIES[family]
    table = WordTable(room=2**16, key=key)
    assert table.number(*laid_out(words)).tolist() == list(range(len(words)))
    runs = runs_of(table)
    # Of pure chance at this load: Knuth, The Art of Computer Programming, 6.4 on linear probing.
    assert runs.max() < 40
    assert (runs.astype(float) ** 2).sum() / len(words) < 3.5


def runs_of(table):
    """The lengths of the runs of full slots."""
    full = np.diff(np.concatenate([[0], table.slots != 0, [0]]).astype(np.int8))
    return np.flatnonzero(full == -1) - np.flatnonzero(full == 1)


def test_words_made_to_collide_under_one_key_part_under_another():
    words = [b"%d" % n for n in range(100_000)]
    wide = WordTable(room=2**20, key=5)
    wide.number(*laid_out(words))
    places = np.flatnonzero(wide.slots)
    ids = (wide.slots[places] & np.uint64(2**32 - 1)).astype(int) - 1
    crowd = [words[i] for i in ids[places % 1024 == 7]]
    assert 60 < len(crowd) < 140

    def longest_run(key, room):
        table = WordTable(room=room, key=key)
        assert table.number(*laid_out(crowd)).tolist() == list(range(len(crowd)))
        assert table.find(*laid_out(crowd)).tolist() == list(range(len(crowd)))
        return runs_of(table).max()

    assert longest_run(key=5, room=512) > 0.9 * len(crowd)
    assert longest_run(key=6, room=512) < 10
    assert longest_run(key=5, room=1) < 10  # it has grown, and its key has changed
    assert WordTable().key != WordTable().key


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 16, 17, 24])
def test_words_of_equal_hash_are_told_apart(length):
    """Forged: the slot where another word is looked for says that this word is there."""
    word = bytes(range(65, 65 + length))
    others = [word + b"!", word + b"\0", word[:-1], word[1:], word + bytes(8)]
    others += [word[:i] + b"!" + word[i + 1 :] for i in range(length)]
    for other in others:
        known, alone = WordTable(key=5), WordTable(key=5)
        known.number(*laid_out([word]))
        alone.number(*laid_out([other]))
        known.slots = alone.slots.copy()  # both words have id 0
        assert known.find(*laid_out([other])).tolist() == [0 if other == word else -1]
        assert known.number(*laid_out([other, other])).tolist() == [other != word] * 2


def test_every_kernel_has_a_twin_with_its_arguments():
    for home, name in (
        (tokens, "split_words"),
        (tokens, "renumber"),
        (characters, "split_characters"),
    ):
        own = getattr(home, name)
        twin = inspect.signature(getattr(reference_tokens, name))
        assert list(inspect.signature(getattr(own, "py_func", own)).parameters) == list(
            twin.parameters
        )
    for name, method in vars(WordTable).items():
        if inspect.isfunction(method) and name[0] != "_":
            twin = getattr(reference_tokens.WordTable, name)
            assert inspect.signature(method) == inspect.signature(twin)
    public = {n for n, v in vars(tokens).items() if getattr(v, "__module__", "") == tokens.__name__}
    assert {n for n in public if n[0] != "_"} == {
        "split_words",
        "renumber",
        "WordTable",
        "load",
        "fold",
    }
