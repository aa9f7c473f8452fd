"""exp, tanh and sigmoid of the kernels: accurate, and the same wherever a number stands."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from lexon.kernels import elementary, reference
from lexon.kernels.compile import OPTIONS
from lexon.kernels.elementary import exponential, logistic, tangent

NAMES = ["exponential", "tangent", "logistic"]
#: Largest error over all float32 numbers, in units in the last place of the result.
WORST = {"exponential": 1.5, "tangent": 3.0, "logistic": 3.0}
#: e**x below it, and a sigmoid below its half, may be 0.
SMALLEST = 2.0**-125


@numba.njit(**OPTIONS)
def _exponentials(x, y):
    for i in range(x.size):
        y[i] = exponential(x[i])


@numba.njit(**OPTIONS)
def _tangents(x, y):
    for i in range(x.size):
        y[i] = tangent(x[i])


@numba.njit(**OPTIONS)
def _logistics(x, y):
    for i in range(x.size):
        y[i] = logistic(x[i])


def values(name, x):
    """The kernel's values, taken in one loop that vectorises."""
    y = np.empty_like(x)
    {"exponential": _exponentials, "tangent": _tangents, "logistic": _logistics}[name](x, y)
    return y


def sweep():
    """Numbers from all over float32, and many of those where the functions change."""
    pattern = np.arange(0, 2**32, 4093, dtype=np.uint64).astype(np.uint32)
    everywhere = pattern.view(np.float32)
    dense = np.linspace(-110, 110, 500_001), np.linspace(-1, 1, 200_001)
    return np.concatenate([everywhere[np.isfinite(everywhere)], *dense]).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_float32_is_accurate_over_its_whole_range(name):
    x = sweep()
    y = values(name, x)
    with np.errstate(over="ignore"):
        exact = getattr(reference, name)(x.astype(np.float64))
        unit = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    fits = exact < np.finfo(np.float32).max
    np.testing.assert_array_equal(y[~fits], np.inf)
    lost = {"exponential": SMALLEST, "logistic": SMALLEST / 2, "tangent": 0.0}[name]
    room = WORST[name] * unit[fits] + lost * (x[fits] < -86.6)
    assert (np.abs(y[fits] - exact[fits]) <= room).all()


@pytest.mark.parametrize("name", NAMES)
def test_float64_is_the_librarys(name):
    x = np.concatenate([np.linspace(-750, 700, 10_001), np.linspace(-1, 1, 1_001)])
    exact = getattr(reference, name)(x)
    np.testing.assert_allclose(values(name, x), exact, rtol=4e-15, atol=1e-300)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_far_out_and_not_a_number(name, dtype):
    x = np.array([np.nan, np.inf, -np.inf, 1e4, -1e4, 0.0] * 7, dtype)
    expected = {
        "exponential": [np.nan, np.inf, 0, np.inf, 0, 1],
        "tangent": [np.nan, 1, -1, 1, -1, 0],
        "logistic": [np.nan, 1, 0, 1, 0, 0.5],
    }
    np.testing.assert_array_equal(values(name, x), np.array(expected[name] * 7, dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_a_value_does_not_depend_on_its_place(name, dtype):
    x = np.random.default_rng(5).uniform(-30, 30, 1003).astype(dtype)
    together = values(name, x)
    alone = np.concatenate([values(name, x[i : i + 1]) for i in range(len(x))])
    assert together.tobytes() == alone.tobytes()
    for first, last in [(1, 1003), (3, 70), (500, 517)]:
        assert values(name, x[first:last]).tobytes() == together[first:last].tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_outside_of_kernels_it_is_the_same_function(name):
    x = np.linspace(-20, 20, 101)
    outside = getattr(elementary, name)(x)
    np.testing.assert_allclose(outside, getattr(reference, name)(x), rtol=1e-14)
