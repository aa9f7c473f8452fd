"""Huffman's tree: a prefix code, as short as can be."""

from __future__ import annotations

import heapq
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexon.vectors.huffman import huffman


def least_total(counts):
    """The weighted length of the best code, by adding up what a heap joins."""
    heap, total = list(counts), 0
    heapq.heapify(heap)
    while len(heap) > 1:
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        total += joined
        heapq.heappush(heap, joined)
    return total


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=60))
def test_code_is_the_shortest_and_no_word_is_the_beginning_of_another(counts):
    counts = sorted(counts, reverse=True)
    tree = huffman(counts)
    lengths = np.diff(tree.starts)
    assert (lengths * counts).sum() == least_total(counts)
    codes = sorted("".join(map(str, tree.codes(w))) for w in range(len(counts)))
    assert all(not b.startswith(a) for a, b in itertools.pairwise(codes))


def test_nodes_and_codes_tell_the_same_tree():
    """Two words part at the node where their codes first differ, and shared nodes before it."""
    counts = np.sort(np.random.default_rng(1).integers(1, 1000, 50))[::-1]
    tree = huffman(counts)
    for one in range(50):
        for other in range(one):
            a, b = tree.codes(one), tree.codes(other)
            shorter = min(len(a), len(b))
            parting = int(np.flatnonzero(a[:shorter] != b[:shorter])[0])
            same = tree.nodes(one)[:shorter] == tree.nodes(other)[:shorter]
            assert same[: parting + 1].all()
            assert not np.isin(tree.nodes(one)[parting + 1 :], tree.nodes(other)).any()
    assert {int(tree.nodes(w)[0]) for w in range(50)} == {48}


@pytest.mark.parametrize("size", [0, 1, 2])
def test_smallest_trees(size):
    tree = huffman(np.arange(size, 0, -1))
    assert np.diff(tree.starts).tolist() == [int(size > 1)] * size
    assert tree.path.tolist() == ([1, 0] if size == 2 else [])


def test_probabilities_of_all_words_sum_to_one():
    tree = huffman([9, 7, 4, 3, 1])
    scores = np.random.default_rng(0).normal(size=4)
    left = 1 / (1 + np.exp(-scores))
    total = sum(
        np.prod(np.where(tree.codes(w) == 0, left[tree.nodes(w)], 1 - left[tree.nodes(w)]))
        for w in range(5)
    )
    assert total == pytest.approx(1, rel=1e-12)
