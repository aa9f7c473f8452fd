"""Ragged sequences against plain lists, and their portions."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexon.errors import ShapeError
from lexon.text import Ragged, portions

SEQUENCES = st.lists(st.lists(st.integers(0, 99), max_size=5), min_size=1, max_size=8)


@given(st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=6), st.integers(0, 7))
def test_cut_leaves_the_first_rows_of_each(sequences: list[list[int]], longest: int) -> None:
    ragged = Ragged.from_lists(sequences).cut(longest)
    expected = [sequence[:longest] for sequence in sequences]
    assert ragged.rows.tolist() == list(chain(*expected))
    assert ragged.lengths.tolist() == list(map(len, expected))


@given(SEQUENCES, st.data())
def test_take_is_indexing_of_lists(sequences: list[list[int]], data: st.DataObject) -> None:
    ragged = Ragged.from_lists(sequences)
    indices = data.draw(st.lists(st.integers(-len(sequences), len(sequences) - 1), max_size=9))
    taken = ragged.take(indices)
    expected = [sequences[index] for index in indices]
    assert taken.rows.tolist() == list(chain(*expected))
    assert taken.lengths.tolist() == list(map(len, expected))
    assert (taken.rows.dtype, taken.lengths.dtype) == (np.int32, np.int64)
    parts = [ragged.rows[s : s + n] for s, n in zip(ragged.starts, ragged.lengths, strict=True)]
    assert [part.tolist() for part in parts] == sequences
    mask = np.array([len(sequence) > 2 for sequence in sequences])
    assert ragged.take(mask).rows.tolist() == [*chain(*(s for s in sequences if len(s) > 2))]


def test_nothing_at_all() -> None:
    empty = Ragged.from_lists([])
    assert (len(empty), len(empty.take([])), len(Ragged.from_lists([[], []]).take([1]))) == (
        0,
        0,
        1,
    )


def test_wrong_lengths_and_indices() -> None:
    with pytest.raises(ShapeError, match="S is 3 by the lengths and 2 by the rows"):
        Ragged(np.zeros(2, np.int32), np.array([1, 2]))
    with pytest.raises(ShapeError, match="a length is -1"):
        Ragged(np.zeros(2, np.int32), np.array([3, -1]))
    with pytest.raises(IndexError):
        Ragged.from_lists([[1]]).take([1])


def test_portions_are_few_enough_sequences_and_rows() -> None:
    long = np.array([30_000, 30_000, 90_000, 5, 5])
    assert list(portions(long, 256, 50_000)) == [(0, 1), (1, 2), (2, 3), (3, 5)]
    empty = np.zeros(600, np.int64)
    assert list(portions(empty, 256, 50_000)) == [(0, 256), (256, 512), (512, 600)]
    assert list(portions(empty[:0], 256, 50_000)) == [(0, 0)]
