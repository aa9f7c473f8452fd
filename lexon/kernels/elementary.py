"""exp, tanh and sigmoid as the kernels use them: one formula for every place in an array.

Made of products, sums and comparisons only, so that they vectorise; accurate to a few units in
the last place of float32, where what is below 2**-125 may be 0. In float64 they are the library's
functions: right, and not fast.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from lexon.kernels.compile import inlined

f32 = np.float32
#: 3 * 2**22: its sum with a number of up to 2**21 is rounded to a whole number.
ROUNDING = f32(3 << 22)


def exponential(x: Any) -> Any:
    """e**x."""
    return np.exp(x)


def tangent(x: Any) -> Any:
    """tanh x."""
    return np.tanh(x)


def logistic(x: Any) -> Any:
    """1 / (1 + e**-x)."""
    return 1 / (1 + np.exp(-x))


_INLINE: dict[str, Any] = {
    "inline": "never",
    "jit_options": {"fastmath": {"contract"}, "error_model": "numpy"},
}


@inlined
def _growth(x):
    """e**r - 1 and 2**(n - 1), where x = n ln 2 + r: e**x is 2 (1 + first) second."""
    # Of a number so large only whole units remain: n is in its last bits.
    moved = x * f32(1.44269504) + ROUNDING
    n = moved - ROUNDING
    r = x - n * f32(0.693359375) - n * f32(-2.12194440e-4)
    # The best polynomial on +-ln2/2 that begins with r: relative error 3e-9.
    p = f32(1.38144670593e-3)
    p = p * r + f32(8.36878041118e-3)
    p = p * r + f32(4.16683942109e-2)
    p = p * r + f32(1.66665201078e-1)
    p = p * r + f32(4.99999934125e-1)
    # Half of 2**n, as 2**128 is no float32.
    half = np.int32((f32(moved).view(np.int32) + np.int32(126)) << np.int32(23)).view(np.float32)
    return p * (r * r) + r, half


@overload(exponential, **_INLINE)
def _exponential(x):
    if x == types.float32:
        return _exponential_32
    return lambda x: np.exp(x)


def _exponential_32(x):
    # Arguments are held where the result is just infinite, or just under 2**-125 and then 0.
    held = f32(-87.33) if x < f32(-87.33) else x
    held = f32(89.0) if held > f32(89.0) else held
    growth, half = _growth(held)
    return (growth * f32(2) + f32(2)) * half


@overload(tangent, **_INLINE)
def _tangent(x):
    if x == types.float32:
        return _tangent_32
    return lambda x: np.tanh(x)


def _tangent_32(x):
    # tanh |x| = h / (h + 1) with h = (e**2|x| - 1) / 2; from 9.02 on it is 1 in float32.
    size = abs(x)
    size = f32(9.02) if size > f32(9.02) else size
    growth, half = _growth(size + size)
    h = growth * half + (half - f32(0.5))
    return np.copysign(h / (h + f32(1)), x)


@overload(logistic, **_INLINE)
def _logistic(x):
    if x == types.float32:
        return lambda x: f32(1) / (f32(1) + exponential(-x))
    return lambda x: 1 / (1 + np.exp(-x))
