"""Pairs of words: counting, joining and spelling do what their twins in plain Python do."""

from __future__ import annotations

import inspect
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexon.kernels import pairs, reference_pairs
from lexon.kernels.pairs import PairTable, count_pairs, join_pairs, spell

SENTENCES = st.lists(st.lists(st.integers(0, 5), max_size=9), max_size=6)
CONNECTS = st.lists(st.booleans(), min_size=6, max_size=6).map(np.array)


def flat(sentences):
    ids = np.array([word for sentence in sentences for word in sentence], np.int32)
    return ids, np.cumsum([0, *map(len, sentences)])


def counted(table, connects):
    number, keys, counts = table.frequent(connects, 1)
    assert number == len(keys)
    return dict(zip(table.sequences(keys, connects), counts.tolist(), strict=True))


@given(SENTENCES, CONNECTS, st.integers(1, 3))
@settings(deadline=None)
def test_count_pairs_equals_its_twin(sentences, connects, parts):
    ids, starts = flat(sentences)
    found = {}
    for part in range(parts):
        own = counted(count_pairs(ids, starts, connects, part, parts), connects)
        assert not own.keys() & found.keys(), "a pair is in two parts"
        found |= own
    assert found == reference_pairs.count_pairs(ids, starts, connects, 0, 1)


def test_many_pairs_make_the_table_grow():
    ids = np.random.default_rng(1).integers(0, 200, 20_000).astype(np.int32)
    connects = np.arange(200) % 5 == 0
    starts = np.arange(0, 20_001, 40)
    wanted = reference_pairs.count_pairs(ids, starts, connects, 0, 1)
    parts = [count_pairs(ids, starts, connects, part, 2) for part in range(2)]
    assert counted(parts[0], connects) | counted(parts[1], connects) == wanted
    assert 0.3 < parts[0].size / (parts[0].size + parts[1].size) < 0.7
    assert all(2 * part.size <= len(part.slots) < 8 * part.size for part in parts)
    number, keys, counts = parts[0].frequent(connects, 3)
    assert number > len(keys) == np.count_nonzero(counts >= 3) > 0


@st.composite
def phrases(draw):
    """Some sequences of words that may be phrases, and the ids to put for them."""
    connects = draw(CONNECTS)
    inner, outer = np.flatnonzero(connects).tolist(), np.flatnonzero(~connects).tolist()
    if not outer:
        return connects, {}
    ends = st.sampled_from(outer)
    between = st.lists(st.sampled_from(inner), max_size=2) if inner else st.just([])
    sequence = st.tuples(ends, between, ends).map(lambda s: (s[0], *s[1], s[2]))
    chosen = draw(st.lists(sequence, max_size=12, unique=True))
    return connects, {words: 6 + n for n, words in enumerate(chosen)}


@given(SENTENCES, phrases(), st.integers(0, 1000))
@settings(deadline=None, max_examples=300)
def test_join_pairs_equals_its_twin(sentences, given, before):
    connects, known = given
    ids, starts = flat(sentences)
    twin, twin_borders, borders = np.empty_like(ids), np.empty_like(starts), np.empty_like(starts)
    plain = (ids, starts, connects, known, twin, twin_borders, before)
    wanted = reference_pairs.join_pairs(*plain)
    slots = PairTable.of(known, connects).slots
    assert join_pairs(ids, starts, connects, slots, ids, borders, before) == wanted  # in place
    np.testing.assert_array_equal(ids[:wanted], twin[:wanted])
    np.testing.assert_array_equal(borders, twin_borders)


@given(SENTENCES, st.integers(0, 99))
@settings(deadline=None)
def test_spell_equals_its_twin(sentences, before):
    ids, starts = flat(sentences)
    words = [b"a", b"", b"longer", b"\xff", "é中".encode(), b"z"]
    text = np.frombuffer(bytearray(b"-".join(words)), np.uint8)
    stops = np.cumsum([len(word) + 1 for word in words]) - 1
    lengths = np.array([len(word) for word in words])
    given = (ids, starts + before, text, stops - lengths, stops)
    wanted = reference_pairs.spell(*given)
    np.testing.assert_array_equal(spell(*given), wanted)
    out = np.empty_like(wanted)
    pairs._spell.py_func(*given, out)  # in plain Python writing beyond the end is an error
    np.testing.assert_array_equal(out, wanted)


def test_neighbours_alike_do_not_crowd():
    """Pairs of words that stand beside each other in the vocabulary are as good as chance."""
    left, right = np.divmod(np.arange(30_000), 150)
    ids = np.column_stack([left, right + 200]).ravel().astype(np.int32)
    table = count_pairs(ids, np.arange(0, len(ids) + 1, 2), np.zeros(400, np.bool_), 0, 1)
    full = np.flatnonzero(np.concatenate([[True], table.slots[:, 0] == 0, [True]]))
    assert table.size == 30_000
    assert max(b - a for a, b in pairwise(full.tolist())) < 90


@pytest.mark.parametrize("name", ["count_pairs", "join_pairs", "spell"])
def test_every_kernel_has_a_twin(name):
    own = getattr(pairs, name)
    own = list(inspect.signature(getattr(own, "py_func", own)).parameters)
    twin = list(inspect.signature(getattr(reference_pairs, name)).parameters)
    assert [n for n in own if n != "slots"] == [n for n in twin if n != "phrases"]
