"""exp, tanh and sigmoid as the kernels use them: one formula for every place in an array.

Made of products, sums and comparisons only, so that they vectorise; accurate to a few units in
the last place of float32. In float64 they are the library's functions: right, and not fast.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

f32 = np.float32


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


@overload(exponential, **_INLINE)
def _exponential(x):
    if x == types.float32:
        return _exponential_32
    return lambda x: np.exp(x)


def _exponential_32(x):
    # e**x = 2**n e**r with n = round(x / ln 2); e**r by its Taylor-like polynomial on +-ln2/2
    # (coefficients: Cephes expf). Arguments are held just outside of where e**x is neither 0 nor
    # infinite; there 2**n is no float32, but 2**(n/2) twice is.
    held = min(max(x, f32(-104.0)), f32(89.0))
    n = np.floor(held * f32(1.44269504) + f32(0.5))
    r = held - n * f32(0.693359375) - n * f32(-2.12194440e-4)
    p = f32(1.9875691500e-4)
    p = p * r + f32(1.3981999507e-3)
    p = p * r + f32(8.3334519073e-3)
    p = p * r + f32(4.1665795894e-2)
    p = p * r + f32(1.6666665459e-1)
    p = p * r + f32(5.0000001201e-1)
    p = p * r * r + r + f32(1)
    whole = np.int32(n)
    half = whole >> np.int32(1)
    one = np.int32((half + np.int32(127)) << np.int32(23)).view(np.float32)
    other = np.int32((whole - half + np.int32(127)) << np.int32(23)).view(np.float32)
    return p * one * other if x == x else x


@overload(tangent, **_INLINE)
def _tangent(x):
    if x == types.float32:
        return _tangent_32
    return lambda x: np.tanh(x)


def _tangent_32(x):
    # Near 0 the quotient below would lose digits: there an odd polynomial (Cephes tanhf).
    square = x * x
    p = f32(-5.70498872745e-3)
    p = p * square + f32(2.06390887954e-2)
    p = p * square + f32(-5.37397155531e-2)
    p = p * square + f32(1.33314422036e-1)
    p = p * square + f32(-3.33332819422e-1)
    small = p * square * x + x
    large = f32(1) - f32(2) / (exponential(f32(2) * abs(x)) + f32(1))
    signed = large if x >= f32(0) else -large
    return small if abs(x) < f32(0.625) else signed if x == x else x


@overload(logistic, **_INLINE)
def _logistic(x):
    if x == types.float32:
        return lambda x: f32(1) / (f32(1) + exponential(-x))
    return lambda x: 1 / (1 + np.exp(-x))
