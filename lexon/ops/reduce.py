"""Operations that bring many elements down to few: sums, means, extremes, softmax.

``axis`` is one axis, several, or None for all. Sum, mean, maximum and minimum over no elements
are 0, as everywhere in lexon.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from lexon.graph.declare import op
from lexon.graph.tensor import Array
from lexon.ops.elementwise import exp, log, negative, sqrt, unbounded
from lexon.ops.shape import Axis, Back, axes_of


def _restored(y: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    """``y`` with the reduced axes put back as axes of size 1."""
    return y if keepdims else np.expand_dims(y, axes)


def _removed(y: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    return y if keepdims else np.squeeze(y, axes)


@op("x: * -> y: *")
def sum_(x: Array, *, axis: Axis = None, keepdims: bool = False) -> tuple[Array, Back]:
    """y = sum of x over ``axis``; every summand gets the whole gradient.

    >>> from lexon.graph import Tensor
    >>> sum_(Tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0).value.tolist()
    [4.0, 6.0]
    """
    axes, before = axes_of("sum", axis, x.shape), x.shape
    y = x.sum(axes, keepdims=keepdims)
    return y, lambda dy: np.broadcast_to(_restored(dy, axes, keepdims), before)


@op("x: * -> y: *")
def mean(x: Array, *, axis: Axis = None, keepdims: bool = False) -> tuple[Array, Back]:
    """y = mean of x over ``axis``, 0 over no elements.

    Equations: y = 1/n sum of x; dx = dy / n
    """
    axes, before = axes_of("mean", axis, x.shape), x.shape
    n = max(_count(before, axes), 1)
    y = x.sum(axes, keepdims=keepdims) / n
    return y, lambda dy: np.broadcast_to(_restored(dy / n, axes, keepdims), before)


@mean.composed
def _mean(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    n = _count(x.shape, axes_of("mean", axis, x.shape))
    return sum_(x, axis=axis, keepdims=keepdims) / float(max(n, 1))


def _count(shape: tuple[int, ...], axes: tuple[int, ...]) -> int:
    return prod(shape[a] for a in axes)


@op("x: * -> y: *")
def max_(x: Array, *, axis: Axis = None, keepdims: bool = False) -> tuple[Array, Back]:
    """y = largest element of x over ``axis``, 0 over no elements; ties share dy equally."""
    return _extreme("max", np.max, x, axis, keepdims)


@op("x: * -> y: *")
def min_(x: Array, *, axis: Axis = None, keepdims: bool = False) -> tuple[Array, Back]:
    """y = smallest element of x over ``axis``, 0 over no elements; ties share dy equally."""
    return _extreme("min", np.min, x, axis, keepdims)


@min_.composed
def _min(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    return negative(max_(negative(x), axis=axis, keepdims=keepdims))


def _extreme(
    operation: str, choose: Callable[..., Any], x: Array, axis: Axis, keepdims: bool
) -> tuple[Array, Back]:
    axes = axes_of(operation, axis, x.shape)
    if _count(x.shape, axes) == 0:
        nothing = x.sum(axes, keepdims=keepdims)
        return nothing, lambda dy: np.zeros_like(x)
    y = np.asarray(choose(x, axis=axes, keepdims=True))

    def pull(dy: Array) -> Array:
        chosen = (x == y).astype(dy.dtype)
        share: Array = chosen / np.maximum(chosen.sum(axes, keepdims=True), 1)  # no winner: NaN
        return _restored(dy, axes, keepdims) * share

    return _removed(y, axes, keepdims), pull


@op("x: * -> y: *")
def norm(x: Array, *, axis: Axis = None, keepdims: bool = False) -> tuple[Array, Back]:
    """The Euclidean length of x over ``axis``.

    Equations: y = sqrt(sum of x^2); dx = dy x / y, and 0 where y = 0
    """
    axes = axes_of("norm", axis, x.shape)
    with unbounded():
        y = np.sqrt((x * x).sum(axes, keepdims=True))

    def pull(dy: Array) -> Array:
        direction: Array = x / np.where(y == 0, 1, y)
        return _restored(dy, axes, keepdims) * direction

    return _removed(y, axes, keepdims), pull


@norm.composed
def _norm(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    return sqrt(sum_(x * x, axis=axis, keepdims=keepdims))


def _peak(x: Array, axes: tuple[int, ...]) -> Array:
    """Largest element over ``axes``, kept as axes of size 1; 0 where that is infinite."""
    m = np.max(x, axis=axes, keepdims=True, initial=-np.inf)
    return np.where(np.isfinite(m), m, 0)


@op("x: * -> y: *")
def logsumexp(x: Array, *, axis: Axis = -1, keepdims: bool = False) -> tuple[Array, Back]:
    """y = ln(sum of e^x) over ``axis``, shifted by the largest x so that nothing overflows.

    Equations: y = m + ln(sum of e^(x - m)), m = max x; dx = dy e^(x - y)
    """
    axes = axes_of("logsumexp", axis, x.shape)
    m = _peak(x, axes)
    with unbounded():  # a sum over no elements, or of e^-inf only, is 0: ln 0
        y = m + np.log(np.exp(x - m).sum(axes, keepdims=True))

    def pull(dy: Array) -> Array:
        weights: Array = np.exp(x - np.where(np.isfinite(y), y, 0))
        return _restored(dy, axes, keepdims) * weights

    return _removed(y, axes, keepdims), pull


@logsumexp.composed
def _logsumexp(x: Any, *, axis: Axis = -1, keepdims: bool = False) -> Any:
    m = max_(x, axis=axis, keepdims=True)
    y = log(sum_(exp(x - m), axis=axis, keepdims=True)) + m
    return y if keepdims else sum_(y, axis=axis)


@op("x: * -> y: *")
def softmax(x: Array, *, axis: Axis = -1) -> tuple[Array, Back]:
    """Positive numbers that add up to 1 over ``axis``: a probability for each class.

    Equations: y = e^x / sum of e^x; dx = y (dy - sum of dy y)
    Source: Bridle 1990

    >>> from lexon.graph import Tensor
    >>> softmax(Tensor([0.0, 0.0])).value.tolist()
    [0.5, 0.5]
    """
    axes = axes_of("softmax", axis, x.shape)
    with unbounded():
        e = np.exp(x - _peak(x, axes))
        y = e / e.sum(axes, keepdims=True)

    def pull(dy: Array) -> Array:
        dx: Array = y * (dy - (dy * y).sum(axes, keepdims=True))
        return dx

    return y, pull


@softmax.composed
def _softmax(x: Any, *, axis: Axis = -1) -> Any:
    e = exp(x - max_(x, axis=axis, keepdims=True))
    return e / sum_(e, axis=axis, keepdims=True)


@op("x: * -> y: *")
def log_softmax(x: Array, *, axis: Axis = -1) -> tuple[Array, Back]:
    """y = ln(softmax(x)) over ``axis``, without computing the small probabilities.

    Equations: y = x - ln(sum of e^x); dx = dy - e^y sum of dy
    """
    axes = axes_of("log_softmax", axis, x.shape)
    with unbounded():
        shifted = x - _peak(x, axes)
        y = shifted - np.log(np.exp(shifted).sum(axes, keepdims=True))

    def pull(dy: Array) -> Array:
        dx: Array = dy - np.exp(y) * dy.sum(axes, keepdims=True)
        return dx

    return y, pull


@log_softmax.composed
def _log_softmax(x: Any, *, axis: Axis = -1) -> Any:
    return x - logsumexp(x, axis=axis, keepdims=True)
