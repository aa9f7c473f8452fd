"""Conditional random fields: what the twins in plain NumPy do, and what listing all paths tells."""

from __future__ import annotations

import inspect
from itertools import pairwise, product

import numpy as np
import pytest

from lexon.kernels import crf, reference_crf
from lexon.kernels.ngram import starts_of

DTYPES = [np.float32, np.float64]
LENGTHS = [[], [0], [1], [5], [0, 2, 0, 0, 5, 1, 0], [0, 0], [3] * 20]


def field(lengths, classes=4, dtype=np.float64, seed=0, scale=1.0, whole=False):
    """x, a, start, stop and the lengths."""
    random, lengths = np.random.default_rng(seed), np.array(lengths, np.int64)
    shapes = (int(lengths.sum()), classes), (classes, classes), (classes,), (classes,)
    arrays = [scale * random.normal(size=shape) for shape in shapes]
    return *((np.round(x) if whole else x).astype(dtype) for x in arrays), lengths


def room(dtype):
    return {"rtol": 3e-5, "atol": 3e-5} if dtype is np.float32 else {"rtol": 1e-12, "atol": 1e-12}


def paths_of(x, a, start, stop):
    """Every path of one sequence and its score."""
    for path in product(range(x.shape[1]), repeat=len(x)):
        score = start[path[0]] + stop[path[-1]] + sum(x[t, y] for t, y in enumerate(path))
        yield path, score + sum(a[i, j] for i, j in pairwise(path))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [1, 2, 9, 33])
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_sums_and_marginals_equal_their_twins(lengths, classes, dtype):
    x, a, start, stop, lengths = field(lengths, classes, dtype, seed=classes)
    weights = np.linspace(-1, 2, len(lengths)).astype(dtype)
    alpha, totals = crf.log_partition(x, a, start, stop, lengths)
    wide = [array.astype(np.float64) for array in (x, a, start, stop)]
    exact, wanted = reference_crf.log_partition(*wide, lengths)
    np.testing.assert_allclose(alpha, exact, **room(dtype))
    np.testing.assert_allclose(totals, wanted, **room(dtype))
    got = crf.marginals(alpha, a, stop, lengths, weights)
    twin = reference_crf.marginals(exact, wide[1], wide[3], lengths, weights)
    for ours, theirs in zip(got, twin, strict=True):
        np.testing.assert_allclose(ours, theirs, **room(dtype))
        assert ours.dtype == dtype


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_best_paths_equal_their_twins_also_where_many_tie(lengths, dtype):
    given = field(lengths, 5, dtype, seed=3, whole=True)
    for ours, theirs in zip(crf.best_paths(*given), reference_crf.best_paths(*given), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    *arrays, lengths = given
    path = np.random.default_rng(1).integers(0, 5, int(lengths.sum()))
    ours = crf.path_scores(*arrays, path, lengths)
    np.testing.assert_array_equal(ours, reference_crf.path_scores(*arrays, path, lengths))


@pytest.mark.parametrize("length", [1, 2, 4])
def test_everything_by_listing_all_paths(length):
    x, a, start, stop, lengths = field([length], 3, seed=length)
    found = list(paths_of(x, a, start, stop))
    scores = np.array([score for _, score in found])
    share = np.exp(scores - scores.max())
    share /= share.sum()
    alpha, totals = crf.log_partition(x, a, start, stop, lengths)
    assert totals[0] == pytest.approx(np.log(np.exp(scores).sum()), rel=1e-13)
    p, pairs = crf.marginals(alpha, a, stop, lengths, np.ones(1))
    wanted, transitions = np.zeros_like(p), np.zeros_like(a)
    for (path, _), part in zip(found, share, strict=True):
        wanted[np.arange(length), path] += part
        for i, j in pairwise(path):
            transitions[i, j] += part
    np.testing.assert_allclose(p, wanted, rtol=1e-12)
    np.testing.assert_allclose(pairs, transitions, rtol=1e-12, atol=1e-15)
    path, best = crf.best_paths(x, a, start, stop, lengths)
    assert tuple(path) == found[int(scores.argmax())][0]
    assert best[0] == pytest.approx(scores.max(), rel=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("far", [1e4, -1e4])
def test_far_out_nothing_overflows(far, dtype):
    """Scores of ten thousand, for and against: probabilities stay probabilities."""
    x, a, start, stop, lengths = field([300, 1, 7], 4, dtype, seed=5)
    x[::3, 1] += dtype(far)
    a[2, 3] = a[0, 0] = far
    alpha, totals = crf.log_partition(x, a, start, stop, lengths)
    _exact, wanted = reference_crf.log_partition(
        *(array.astype(np.float64) for array in (x, a, start, stop)), lengths
    )
    np.testing.assert_allclose(totals, wanted, rtol=1e-6)
    p, pairs = crf.marginals(alpha, a, stop, lengths, np.ones(3, dtype))
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-4 if dtype is np.float32 else 1e-11)
    assert pairs.sum() == pytest.approx(299 + 6, rel=1e-4)
    assert np.isfinite(crf.best_paths(x, a, start, stop, lengths)[1]).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_long_sequence_loses_no_digits(dtype):
    """Ten thousand rows alike: the sum is that of one row, to the power of them."""
    rows, classes = 10_000, 3
    x = np.full((rows, classes), 7, dtype)
    none = np.zeros((classes, classes), dtype)
    alpha, totals = crf.log_partition(x, none, none[0], none[0], np.array([rows]))
    assert totals[0] == pytest.approx(rows * (7 + np.log(classes)), rel=1e-7)
    p, _ = crf.marginals(alpha, none, none[0], np.array([rows]), np.ones(1, dtype))
    np.testing.assert_allclose(p, 1 / classes, rtol=1e-4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_impossible_tags_and_transitions(dtype):
    x, a, start, stop, lengths = field([4, 1], 3, dtype)
    a[:, 1] = -np.inf  # tag 1 can only begin
    start[2] = stop[0] = -np.inf
    alpha, totals = crf.log_partition(x, a, start, stop, lengths)
    p, pairs = crf.marginals(alpha, a, stop, lengths, np.ones(2, dtype))
    np.testing.assert_array_equal(p[1:4, 1], 0)
    assert p[0, 2] == p[3, 0] == p[4, 0] == 0 and (pairs[:, 1] == 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert np.isfinite(totals).all()
    path, _ = crf.best_paths(x, a, start, stop, lengths)
    assert 1 not in path[1:4] and path[0] != 2 and path[3] != 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("place", [0, 2])
def test_a_nan_stays_visible(place, dtype):
    x, a, start, stop, lengths = field([3, 2], 4, dtype)
    x[place, 1] = np.nan
    alpha, totals = crf.log_partition(x, a, start, stop, lengths)
    np.testing.assert_array_equal(np.isnan(totals), [True, False])
    p, _ = crf.marginals(alpha, a, stop, lengths, np.ones(2, dtype))
    assert np.isnan(p[0]).any() and np.isfinite(p[3:]).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sequence_is_its_own_and_threads_change_no_bit(dtype, on_threads):
    given = field([4, 0, 9, 1] * 8, 9, dtype)
    x, a, start, stop, lengths = given
    weights = np.ones(len(lengths), dtype)

    def everything():
        alpha, totals = crf.log_partition(*given)
        p, pairs = crf.marginals(alpha, a, stop, lengths, weights)
        return [alpha, totals, p, pairs, *crf.best_paths(*given)]

    one, many = on_threads(1, everything), on_threads(2, everything)
    assert [array.tobytes() for array in one] == [array.tobytes() for array in many]
    for b, begin in enumerate(starts_of(lengths)):
        rows = slice(begin, begin + lengths[b])
        alone = x[rows], a, start, stop, lengths[b : b + 1]
        alpha, totals = crf.log_partition(*alone)
        assert alpha.tobytes() == one[0][rows].tobytes() and totals[0] == one[1][b]
        p, _ = crf.marginals(alpha, a, stop, alone[-1], weights[:1])
        assert p.tobytes() == one[2][rows].tobytes()
        assert crf.best_paths(*alone)[0].tobytes() == one[4][rows].tobytes()


def test_every_kernel_has_a_twin():
    public = {
        name
        for name, value in vars(crf).items()
        if inspect.isfunction(value) and value.__module__ == crf.__name__ and name[0] != "_"
    }
    assert public == {"log_partition", "marginals", "path_scores", "best_paths"}
    assert public <= vars(reference_crf).keys()
