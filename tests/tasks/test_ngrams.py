"""Counted n-grams: probabilities by hand, and that they are probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from lexon.tasks.ngrams import KneserNey


def test_a_bigram_by_hand() -> None:
    # a b a c a b: bigrams ab 2, ba 1, ac 1, ca 1; different words in front of a: 2, b: 1, c: 1.
    rival = KneserNey(np.array([0, 1, 0, 2, 0, 1]), 3, order=2)
    upper = 3 / (3 + 2 * 1)  # three bigrams once, one twice
    lower = 2 / (2 + 2 * 1)
    b = (1 - lower) / 4 + lower * 3 / 4 / 3
    after_a = (2 - upper) / 3 + upper * 2 / 3 * b
    assert rival.scores(np.array([0, 1]))[0] == pytest.approx(-np.log(after_a))
    a = (2 - lower) / 4 + lower * 3 / 4 / 3
    after_c = (1 - upper) / 1 + upper * 1 / 1 * a
    assert rival.scores(np.array([2, 0]))[0] == pytest.approx(-np.log(after_c))


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_sum_to_one(order: int) -> None:
    random = np.random.default_rng(0)
    ids = random.integers(0, 6, 200) % random.integers(1, 7, 200)
    rival = KneserNey(ids, 8, order)
    for context in ([0], [5, 5, 5], [7, 0, 1], [0, 1, 2, 3, 0], [7]):
        each = [rival.scores(np.array([*context, word]))[-1] for word in range(8)]
        assert np.exp(-np.array(each)).sum() == pytest.approx(1)


def test_longer_contexts_help_where_they_decide() -> None:
    ids = np.array([0, 0, 1, 1] * 100)
    short, long = (KneserNey(ids, 2, order).scores(ids[:50]).mean() for order in (2, 3))
    assert long < 0.1 < 0.5 < short


def test_a_text_as_short_as_the_order() -> None:
    rival = KneserNey(np.array([1, 2]), 4, 2)
    assert np.isfinite(rival.scores(np.array([1, 2, 3, 0]))).all()
