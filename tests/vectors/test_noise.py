"""Negatives, windows and sub-sampling are drawn with the probabilities they should have."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from lexon.kernels import windows
from lexon.kernels.sampling import draw
from lexon.kernels.windows import Corpus, Rules
from lexon.kernels.wordvectors import Tables
from lexon.vectors.noise import keep_probabilities, keep_thresholds, noise
from lexon.vectors.room import new_plans, new_table, new_words
from lexon.vectors.training import Settings, outputs_of

COUNTS = np.array([5000, 800, 800, 120, 30, 7, 1])
KEY, DRAWS, LEVEL = np.uint64(99), 200_000, 1e-4


@pytest.mark.parametrize("exponent", [0.75, 0.0, 1.0, -0.5])
def test_negatives_are_drawn_by_powers_of_counts(exponent):
    drawn = np.empty(DRAWS, np.int64)
    draw(KEY, 0, noise(COUNTS, exponent), drawn)
    expected = COUNTS**exponent / (COUNTS**exponent).sum() * DRAWS
    assert chisquare(np.bincount(drawn, minlength=7), expected).pvalue > LEVEL


def test_another_exponent_is_noticed():
    drawn = np.empty(DRAWS, np.int64)
    draw(KEY, 0, noise(COUNTS, 0.73), drawn)
    expected = COUNTS**0.75 / (COUNTS**0.75).sum() * DRAWS
    assert chisquare(np.bincount(drawn, minlength=7), expected).pvalue < LEVEL


def test_a_single_word_is_always_drawn():
    drawn = np.empty(10, np.int64)
    draw(KEY, 0, noise([3]), drawn)
    assert not drawn.any()


def test_keep_probabilities_are_those_of_the_formulas():
    share = COUNTS / COUNTS.sum()
    sample = 0.01
    tool = np.minimum(1, np.sqrt(sample / share) + sample / share)
    paper = np.minimum(1, np.sqrt(sample / share))
    np.testing.assert_allclose(keep_probabilities(COUNTS, sample), tool, rtol=1e-13)
    np.testing.assert_allclose(keep_probabilities(COUNTS, sample, paper=True), paper, rtol=1e-13)
    assert paper[0] < tool[0] < 1
    np.testing.assert_array_equal(keep_probabilities(COUNTS, 0), 1)


def plan_of(rules, tokens, keep=1.0):
    """The plan of one long sentence, and where its kept words stand."""
    size = len(tokens)
    tables = Tables(new_table(7, 4, np.float32), new_table(7, 4, np.float32))
    outputs = outputs_of(COUNTS, Settings(sg=True))
    plan, room = (type(a)(*(x[0] for x in a)) for a in new_plans(rules, outputs, tables, size))
    starts = np.array([0, size])
    tokens.flags.writeable = starts.flags.writeable = False
    words = new_words(size, rules.window)
    corpus = Corpus(tokens, starts, keep_thresholds(np.full(7, keep)))
    own, own_end = windows.keep_words(corpus, 0, size, KEY, rules.window, words)
    count = windows.plan_windows(rules, outputs, words, own, own_end, KEY, room.context, plan)
    return plan, count, words.positions[own:own_end]


@pytest.mark.parametrize("keep", [1.0, 0.2])
@pytest.mark.parametrize("shrink", [True, False])
def test_reaches_of_windows_are_uniform_however_rarely_a_word_is_kept(shrink, keep):
    rules = Rules(windows.CBOW, windows.NEGATIVES, 5, shrink, 1, 1, 1, 1, False)
    plan, count, _ = plan_of(rules, np.zeros(30_000, np.int32), keep)
    reach = np.diff(plan.inputs[: count + 1])[5:-5] / 2
    if shrink:
        assert chisquare(np.bincount(reach.astype(int), minlength=6)[1:]).pvalue > LEVEL
    else:
        np.testing.assert_array_equal(reach, 5)


@pytest.mark.parametrize("exact", [True, False])
def test_negatives_of_plans_are_drawn_by_powers_of_counts(exact):
    """Of a pair: what is left when a negative that is the answer itself was skipped."""
    objective = windows.NEGATIVES if exact else windows.SHARED_NEGATIVES
    rules = Rules(windows.CENTRE_TO_CONTEXT, objective, 2, True, 5, 8, 1, 1, False)
    plan, count, _ = plan_of(rules, np.full(20_000, 3, np.int32))
    listed = plan.lasts[count - 1]
    answers, ids = plan.wanted[:listed] == 1, plan.output_ids[:listed]
    np.testing.assert_array_equal(ids[answers], 3)
    others = np.bincount(ids[~answers], weights=plan.weight[:listed][~answers], minlength=7)
    probability = COUNTS**0.75 / (COUNTS**0.75).sum()
    expected = 5 * answers.sum() * probability
    assert others[3] == 0
    # Shared negatives of a window weigh up to 4 x 5 / 8: the variance grows by as much.
    heaviest = plan.weight[:listed][~answers].max()
    distance = (
        (others - expected)[probability != probability[3]] ** 2 / expected[[0, 1, 2, 4, 5, 6]]
    ).sum()
    assert distance < 30 * heaviest
    assert distance > 0


def test_no_negative_is_a_word_of_its_window():
    random = np.random.default_rng(0)
    tokens = random.integers(3, 7, 2_000).astype(np.int32)  # the frequent ones are elsewhere
    inside = {}
    for outside in (False, True):
        rules = Rules(windows.CBOW, windows.NEGATIVES, 2, False, 5, 1, 1, 1, outside)
        plan, count, positions = plan_of(rules, tokens.copy())
        inside[outside] = 0
        for p in range(count):
            own = tokens[max(0, positions[p] - 2) : positions[p] + 3]
            negatives = plan.output_ids[plan.firsts[p] + 1 : plan.lasts[p]]
            inside[outside] += np.isin(negatives, own).sum()
    assert inside[True] == 0 < inside[False]


def test_a_text_of_few_words_has_negatives_all_the_same():
    rules = Rules(windows.CBOW, windows.NEGATIVES, 5, False, 5, 1, 1, 1, True)
    plan, count, _ = plan_of(rules, np.tile(np.arange(7, dtype=np.int32), 30))
    listed = plan.lasts[count - 1]
    assert (plan.wanted[:listed] == 0).sum() > count


def test_words_are_kept_with_their_probability():
    rules = Rules(windows.CBOW, windows.NEGATIVES, 5, True, 1, 1, 1, 1, False)
    _, _, positions = plan_of(rules, np.zeros(100_000, np.int32), keep=0.3)
    assert chisquare([len(positions), 1e5 - len(positions)], [3e4, 7e4]).pvalue > LEVEL
    halves = np.bincount(positions[:-1] // 1000, minlength=100)
    assert 60 < halves.var() * 100 / len(positions) * 100 < 100  # 0.3 x 0.7 x 1000 is 210: binomial
