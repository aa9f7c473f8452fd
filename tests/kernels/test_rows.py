"""Rows, segments and the softmax: each kernel does what its twin in plain NumPy does."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexon.kernels import elementary, ngram, product, reference, responses, rows, softmax

DTYPES = [np.float32, np.float64]
LENGTHS = [[], [0], [1], [3], [0, 2, 0, 0, 5, 1, 0], [4, 4], [0, 0]]


def whole(shape, dtype, seed=0):
    """Small whole numbers: sums are exact, and many values tie."""
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(dtype)


def compare(name, module, inputs, outputs):
    """Call kernel and twin; they write the same, and leave the inputs alone."""
    before = [array.copy() for array in inputs]
    twins = [array.copy() for array in outputs]
    getattr(module, name)(*inputs, *outputs)
    getattr(reference, name)(*inputs, *twins)
    for array, twin in zip(outputs, twins, strict=True):
        np.testing.assert_array_equal(array, twin)
    for array, old in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(array, old)


@given(ids=st.lists(st.integers(0, 12), max_size=40), kind=st.sampled_from(["i8", "i4", "u1"]))
@settings(deadline=None)
def test_unique_rows_equals_its_twin(ids, kind):
    ids = np.array(ids, kind)
    found, places = rows.unique_rows(ids, 13)
    distinct, wanted = reference.unique_rows(ids, 13)
    np.testing.assert_array_equal(found, distinct)
    np.testing.assert_array_equal(places, wanted)
    assert found.dtype == places.dtype == np.int64


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("number", "width"), [(0, 3), (1, 1), (20, 5), (9, 0)])
def test_add_rows_equals_its_twin(number, width, dtype):
    values = whole((number, width), dtype)
    places = np.random.default_rng(2).integers(0, 4, number)
    compare("add_rows", rows, [values, places], [whole((4, width), dtype, 1)])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [0, 1, 33])
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_segments_equal_their_twins(lengths, width, dtype):
    lengths = np.array(lengths, np.int64)
    starts = ngram.starts_of(lengths)
    x, dy = whole((lengths.sum(), width), dtype), whole((len(lengths), width), dtype, 1)
    scale = whole(len(lengths), dtype, 2)
    spoiled = np.full((len(lengths), width), np.nan, dtype)
    compare("add_segments", rows, [x, starts, lengths, scale], [spoiled.copy()])
    compare("spread_segments", rows, [dy, starts, lengths, scale], [whole(x.shape, dtype, 3)])
    compare("max_segments", rows, [x, starts, lengths], [spoiled, np.full(spoiled.shape, 99)])


@pytest.mark.parametrize("dtype", DTYPES)
def test_segments_may_overlap(dtype):
    x, starts, lengths = whole((9, 4), dtype), np.array([0, 2, 4, 8]), np.array([4, 4, 5, 1])
    y = np.empty((4, 4), dtype)
    compare("max_segments", rows, [x, starts, lengths], [y, np.empty((4, 4), np.int64)])
    scale = np.array([1, 2, 3, 4], dtype)
    compare("add_segments", rows, [x, starts, lengths, scale], [y])
    compare("spread_segments", rows, [y, starts, lengths, scale], [np.zeros((9, 4), dtype)])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("nans", [[0], [2], [4], [1, 3]])
def test_the_maximum_keeps_nan_visible(nans, dtype):
    x = whole((5, 3), dtype)
    x[nans, 1] = np.nan
    starts, lengths = np.array([0]), np.array([5])
    y, where = np.empty((1, 3), dtype), np.empty((1, 3), np.int64)
    compare("max_segments", rows, [x, starts, lengths], [y, where])
    np.testing.assert_array_equal(np.isnan(y[0]), [False, True, False])


def cross_entropy(module, x, targets, weights):
    losses, p = np.full(len(x), np.nan, x.dtype), np.full(x.shape, np.nan, x.dtype)
    module.softmax_cross_entropy(x, targets, weights, losses, p)
    return losses, p


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("columns", [0, 1, 16, 31, 100, 300])
def test_cosines_equal_their_twin(columns, dtype):
    random = np.random.default_rng(columns)
    matrix, query = random.normal(size=(9, columns)).astype(dtype), random.normal(size=columns)
    scale, query = random.random(9).astype(dtype), query.astype(dtype)
    scores, wanted = np.full((2, 9), np.nan, dtype)
    rows.cosines(9, 4, 0.0, matrix, scale, query, scores)
    reference.cosines(matrix, scale, query, wanted)
    np.testing.assert_allclose(scores, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [1, 2, 17, 1000])
@pytest.mark.parametrize("number", [0, 1, 9])
def test_softmax_equals_its_twin(number, classes, dtype):
    random = np.random.default_rng(classes)
    x = (4 * random.normal(size=(number, classes))).astype(dtype)
    targets, weights = random.integers(0, classes, number), random.uniform(0, 2, number)
    exact = cross_entropy(reference, x.astype(np.float64), targets, weights)
    room = {"rtol": 3e-6, "atol": 3e-6} if dtype is np.float32 else {"rtol": 1e-13, "atol": 1e-14}
    for got, wanted in zip(
        cross_entropy(softmax, x, targets, weights.astype(dtype)), exact, strict=True
    ):
        np.testing.assert_allclose(got, wanted, **room)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [1, 2, 17, 1000])
@pytest.mark.parametrize("offset", [0, 1e4, -1e4])
def test_the_gradient_of_softmax_equals_its_twin(classes, offset, dtype):
    random = np.random.default_rng(classes)
    x = (4 * random.normal(size=(9, classes)) + offset).astype(dtype)
    targets, exact, wanted = random.integers(0, classes, 9), x.astype(np.float64), np.zeros(9)
    reference.softmax_gradient(2, 8, exact, targets, wanted)
    losses = np.zeros(9, dtype)
    softmax.softmax_gradient(6, 4, 0.0, x[2:8], targets[2:8], losses[2:8])
    room = {"rtol": 3e-6, "atol": 3e-6} if dtype is np.float32 else {"rtol": 1e-13, "atol": 1e-14}
    np.testing.assert_allclose(x, exact, **room)
    np.testing.assert_allclose(losses, wanted, **room)


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_of_a_row_is_its_own(dtype):
    x = np.random.default_rng(3).normal(size=(9, 37)).astype(dtype)
    targets, weights = np.arange(9), np.ones(9, dtype)
    losses, p = cross_entropy(softmax, x, targets, weights)
    for n in range(9):
        one = slice(n, n + 1)
        loss, q = cross_entropy(softmax, x[one], targets[one], weights[one])
        assert loss.tobytes() == losses[one].tobytes()
        assert q.tobytes() == p[one].tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("offset", [1e4, -1e4, 0])
def test_softmax_keeps_its_digits_far_out(offset, dtype):
    """A loss of ln 2 beside logits of 10 000 loses nothing."""
    x = np.array([[0, 0, -np.inf], [0, 1, -1e4]], dtype) + dtype(offset)
    losses, p = cross_entropy(softmax, x, np.array([0, 0]), np.ones(2, dtype))
    wanted = [np.log(2), np.log(1 + np.e)]
    np.testing.assert_allclose(losses, wanted, rtol=2 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(p[:, 2], 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_softmax_hides_no_nan(bad, dtype):
    x = np.zeros((3, 4), dtype)
    x[1, 2] = bad
    losses, p = cross_entropy(softmax, x, np.zeros(3, np.int64), np.ones(3, dtype))
    np.testing.assert_array_equal(np.isnan(losses), [False, True, False])
    assert np.isnan(p[1, 2])
    assert np.isfinite(p[[0, 2]]).all()


#: Public functions that are about how, not what: they have no twin.
HOW = {
    "pack",
    "pack_filters",
    "aligned",
    "panel_width",
    "panel_product",
    "multiply",
}


@pytest.mark.parametrize("module", [elementary, ngram, product, responses, rows, softmax])
def test_every_kernel_has_a_twin(module):
    functions = {
        name
        for name, value in vars(module).items()
        if inspect.isfunction(inspect.unwrap(getattr(value, "py_func", value)))
        and getattr(value, "__module__", "") == module.__name__
        and not name.startswith("_")
    }
    assert functions - HOW, "nothing was looked at"
    assert functions - HOW <= vars(reference).keys()


@pytest.mark.parametrize("module", [rows, reference])
@pytest.mark.parametrize(
    ("numbers", "place"), [([], -1), ([0, 4, 2], -1), ([0, 5, -1], 1), ([3, -1], 1), ([9], 0)]
)
def test_the_first_number_outside(numbers, place, module):
    assert module.first_outside(np.array(numbers, np.int64), 5) == place


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (7, 4)])
def test_the_gradient_of_cross_entropy_equals_its_twin(shape, dtype):
    random = np.random.default_rng(shape[0])
    p, weights = random.random(shape).astype(dtype), random.random(shape[0]).astype(dtype)
    targets = random.integers(0, shape[1], shape[0])
    dx = np.full((2, *shape), np.nan, dtype)
    softmax.cross_entropy_gradient(p, targets, weights, dtype(0.3), dx[0])
    reference.cross_entropy_gradient(p, targets, weights, dtype(0.3), dx[1])
    np.testing.assert_allclose(dx[0], dx[1], rtol=1e-5, atol=1e-7)
