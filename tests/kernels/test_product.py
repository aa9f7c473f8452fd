"""Packed products: equal to the reference, each number one sum over k wherever it stands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexon.kernels import reference
from lexon.kernels.product import MANY_ROWS, aligned, pack, panel_width, product
from lexon.kernels.simd import registers

DTYPES = [np.float32, np.float64]


def random_pair(rows, depth, columns, dtype, seed=0):
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(rows, depth)), random.normal(size=(depth, columns))
    return a.astype(dtype), b.astype(dtype), random.normal(size=columns).astype(dtype)


def whole(shape, dtype, seed):
    """Small whole numbers: their sums and products are exact, in any order."""
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(dtype)


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 131])
def test_equals_the_reference_in_every_shape_of_tile(rows, dtype):
    full = panel_width(dtype)
    for columns in (0, 1, full // 3, full // 2, full - 1, full, full + 1, 2 * full + 3, 5 * full):
        for depth in (0, 1, 2, 17):
            a, b = whole((rows, depth), dtype, 1), whole((depth, columns), dtype, 2)
            bias = whole(columns, dtype, 3)
            np.testing.assert_array_equal(product(a, pack(b)), reference.product(a, b))
            np.testing.assert_array_equal(product(a, pack(b), bias), reference.product(a, b, bias))
            np.testing.assert_array_equal(product(a, b, bias), reference.product(a, b, bias))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("depth", [511, 512, 513, 1100])
def test_long_sums_are_cut_and_added_in_order(depth, dtype):
    full = panel_width(dtype)
    for rows, columns in ((5, full), (MANY_ROWS + 1, full + 3), (3, 2 * full)):
        a, b = whole((rows, depth), dtype, 1), whole((depth, columns), dtype, 2)
        bias = whole(columns, dtype, 3)
        for right in (b, pack(b)):
            np.testing.assert_array_equal(product(a, right), reference.product(a, b))
            np.testing.assert_array_equal(product(a, right, bias), reference.product(a, b, bias))


@pytest.mark.parametrize("dtype", DTYPES)
@given(
    rows=st.integers(0, 40),
    depth=st.integers(0, 70),
    columns=st.integers(0, 110),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_is_accurate(dtype, rows, depth, columns, seed):
    a, b, bias = random_pair(rows, depth, columns, dtype, seed)
    exact = reference.product(a.astype(np.float64), b.astype(np.float64), bias)
    room = (abs(a) @ abs(b) + abs(bias)) * (depth + 1) * np.finfo(dtype).eps
    assert (abs(product(a, pack(b), bias) - exact) <= room + 1e-300).all()


LAYOUTS = {
    "rows": lambda x: np.ascontiguousarray(x),
    "columns": lambda x: np.asfortranarray(x),
    "every other": lambda x: np.repeat(np.repeat(x, 2, 0), 2, 1)[::2, ::2],
    "backwards": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "one row repeated": lambda x: np.broadcast_to(x[:1], x.shape),
    "read-only": lambda x: np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_strides_change_nothing(layout, dtype):
    a, b, bias = random_pair(9, 5, 53, dtype)
    a, b = LAYOUTS[layout](a), LAYOUTS[layout](b)
    before = a.copy(), b.copy()
    expected = product(a.copy(), pack(b.copy()), bias)
    assert same_bits(product(a, pack(b), np.repeat(bias, 2)[::2]), expected)
    assert same_bits(product(a.T.copy().T, pack(b), bias), expected)
    assert same_bits(product(a, b, bias), expected)
    assert same_bits(product(a, b.T.copy().T, bias), expected)
    assert same_bits(a.copy(), before[0])
    assert same_bits(b.copy(), before[1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_does_not_depend_on_how_many_there_are(dtype):
    a, b, bias = random_pair(MANY_ROWS + 3, 67, 75, dtype)
    c, panels = product(a, pack(b), bias), pack(b)
    for rows in (1, 2, 3, 5, 7, 8, 12, MANY_ROWS, len(a) - 1):
        for first in (0, 1, len(a) - rows):
            some = slice(first, first + rows)
            assert same_bits(product(a[some], panels, bias), c[some])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_column_does_not_depend_on_its_neighbours(dtype):
    a, b, bias = random_pair(11, 67, 75, dtype)
    c = product(a, pack(b), bias)
    for first, last in [(0, 1), (3, 40), (74, 75), (20, 75)]:
        alone = product(a, pack(b[:, first:last]), bias[first:last])
        assert same_bits(alone, np.ascontiguousarray(c[:, first:last]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_nan_stays_in_its_row_and_its_column(dtype):
    a, b, _ = random_pair(13, 9, 50, dtype)
    c, a, b = product(a, pack(b)), a.copy(), b.copy()
    a[4, 2], b[5, 33] = np.nan, np.inf
    harmed = product(a, pack(b))
    reached = np.zeros(c.shape, bool)
    reached[4] = reached[:, 33] = True
    np.testing.assert_array_equal(np.isfinite(harmed), ~reached)
    np.testing.assert_array_equal(harmed[~reached], c[~reached])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [7, 2 * MANY_ROWS + 5], ids=["by panels", "by rows"])
def test_threads_change_no_bit(rows, dtype, on_threads):
    columns = 6 * panel_width(dtype) + 1 if rows < MANY_ROWS else panel_width(dtype) + 1
    assert columns < MANY_ROWS or rows < MANY_ROWS
    a, b, bias = random_pair(rows, 33, columns, dtype)
    for right in (pack(b), b):
        one, two, five = (on_threads(n, lambda: product(a, right, bias)) for n in (1, 2, 5))  # noqa: B023
        assert same_bits(one, two)
        assert same_bits(one, five)


@pytest.mark.parametrize("dtype", DTYPES)
def test_packing_begins_on_a_register(dtype):
    for size in (1, 7, 100):
        arrays = [aligned(size, dtype) for _ in range(20)]
        assert {array.size for array in arrays} == {size}
        assert {array.ctypes.data % registers().bytes for array in arrays} == {0}
