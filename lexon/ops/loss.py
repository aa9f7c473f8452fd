"""Losses: how far predictions are from the truth, as one number."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import numpy as np

from lexon.errors import InputError, ShapeError
from lexon.graph.declare import op
from lexon.graph.node import Pull
from lexon.graph.tensor import Array, Tensor
from lexon.kernels.product import product
from lexon.kernels.softmax import cross_entropy_gradient, softmax_gradient
from lexon.kernels.softmax import softmax_cross_entropy as kernel
from lexon.kernels.strip import pack_strips, sums_over_rows
from lexon.ops.classes import checked_classes
from lexon.ops.elementwise import multiply, softplus, subtract
from lexon.ops.product import linear
from lexon.ops.reduce import log_softmax, sum_
from lexon.ops.shape import index

Reduction = Literal["mean", "sum"]

#: Logits that a thread turns into probabilities at a time, and operations for each.
SOFTMAX_BLOCK, SOFTMAX_WORK = 200_000, 40.0


@op("x: * | targets: * -> loss: ")
def squared_error(x: Array, *, targets: Array, reduction: Reduction = "mean") -> tuple[Array, Pull]:
    """loss = mean (or sum) of (x - targets)².

    Shapes: x and targets alike, of any shape -> a single number.
    """
    t = np.asarray(targets, x.dtype)
    if t.shape != x.shape:
        raise ShapeError(
            f"squared_error: x is {x.shape}, targets are {t.shape}\n  give one target per number"
        )
    scale = _scale(reduction, x.size, x.dtype)
    difference = x - t
    loss = np.asarray((difference * difference).sum() * scale, x.dtype)
    return loss, lambda dy: dy * 2 * scale * difference


@squared_error.composed
def _squared_error(x: Tensor, *, targets: Array, reduction: Reduction = "mean") -> Tensor:
    difference = subtract(x, targets)
    total = sum_(multiply(difference, difference))
    return multiply(total, float(_scale(reduction, x.value.size, x.dtype)))


@op("x: ... C | weights: C -> loss: ")
def binary_cross_entropy(
    x: Array,
    *,
    targets: Array,
    weights: Array | None = None,
    reduction: Reduction = "mean",
) -> tuple[Array, Pull]:
    """loss = mean (or sum) of -t log y - (1 - t) log(1 - y), y = sigmoid(x), taken on the logits.

    Equations: max(x, 0) - x t + log(1 + e**-|x|), which no x overflows.
    Shapes: x (..., C) logits, targets of the same shape in [0, 1], weights (C) or none. The mean
    is over all numbers. Units: x in logits, the loss in nats.
    """
    t = np.asarray(targets, x.dtype)
    if t.shape != x.shape:
        raise ShapeError(f"binary_cross_entropy: x is {x.shape}, targets are {t.shape}")
    scale = _scale(reduction, x.size, x.dtype)
    factor = scale if weights is None else scale * np.asarray(weights, x.dtype)
    decay = np.exp(-np.abs(x))
    loss = (factor * (np.maximum(x, 0) - x * t + np.log1p(decay))).sum(dtype=x.dtype)

    def pull(dy: Array) -> Array:
        y = np.where(x >= 0, 1, decay) / (1 + decay)
        gradient: Array = dy * factor * (y - t)
        return gradient

    return np.asarray(loss, x.dtype), pull


@binary_cross_entropy.composed
def _binary_cross_entropy(
    x: Tensor, *, targets: Array, weights: Array | None = None, reduction: Reduction = "mean"
) -> Tensor:
    each = subtract(softplus(x), multiply(x, np.asarray(targets, x.dtype)))
    factor = np.ones(1, x.dtype) if weights is None else np.asarray(weights, x.dtype)
    total = sum_(multiply(each, factor))
    return multiply(total, float(_scale(reduction, x.value.size, x.dtype)))


@op("x: N C | weights: C -> loss: ")
def cross_entropy(
    x: Array,
    *,
    targets: Array,
    weights: Array | None = None,
    reduction: Reduction = "mean",
) -> tuple[Array, Pull]:
    """loss = mean (or sum) of -log softmax(x)[target], softmax and logarithm in one step.

    Equations: loss = sum_n v_n (log sum_c e**x[n, c] - x[n, t_n]) / sum_n v_n, v_n the weight of
    the class t_n (1 without weights); with probabilities t[n, c] as targets, v_n = sum_c v_c
    t[n, c] and the loss is -sum_c v_c t[n, c] log softmax(x)[n, c].
    Shapes: x (N, C) logits, targets (N) class numbers or (N, C) probabilities, weights (C).
    Units: x in logits, the loss in nats.

    Raises:
        InputError: a target is not a class number.
    """
    t = np.asarray(targets)
    if t.shape[:1] != x.shape[:1] or (t.ndim == 2 and t.shape != x.shape) or t.ndim > 2:
        raise ShapeError(
            f"cross_entropy: N is {len(x)} in one argument and {t.shape} in another\n"
            f"  x (N, C) = {x.shape}\n  targets (N) or (N, C) = {t.shape}"
        )
    if t.ndim == 2:
        v = np.ones(x.shape[1], x.dtype) if weights is None else np.asarray(weights, x.dtype)
        return _with_probabilities(x, np.asarray(t, x.dtype), v, reduction)
    t = checked_classes("cross_entropy", t, x.shape[1])
    weight = None if weights is None else np.asarray(weights, x.dtype)[t]
    return _with_classes(x, t, weight, reduction)


def _with_classes(
    x: Array, t: Array, weight: Array | None, reduction: Reduction
) -> tuple[Array, Pull]:
    total = len(x) if weight is None else float(weight.sum())
    weight = np.ones(len(x), x.dtype) if weight is None else weight
    losses, p = np.empty(len(x), x.dtype), np.empty(x.shape, x.dtype)
    kernel(np.ascontiguousarray(x), t, weight, losses, p)
    scale = 1 / max(total, 1e-30) if reduction == "mean" else _scale(reduction, 1, x.dtype)

    def pull(dy: Array) -> Array:
        dx = np.empty(x.shape, x.dtype)
        cross_entropy_gradient(p, t, weight, x.dtype.type(dy * scale), dx)
        return dx

    return np.asarray(losses.sum() * scale, x.dtype), pull


def _with_probabilities(x: Array, t: Array, v: Array, reduction: Reduction) -> tuple[Array, Pull]:
    weighted = t * v
    each = weighted.sum(axis=1, keepdims=True)
    scale = (
        1 / max(float(each.sum()), 1e-30) if reduction == "mean" else _scale(reduction, 1, v.dtype)
    )
    shifted = x - x.max(axis=1, keepdims=True, initial=-np.inf)
    power = np.exp(shifted)
    total = power.sum(axis=1, keepdims=True)
    loss = -(weighted * (shifted - np.log(total))).sum() * scale

    def pull(dy: Array) -> Array:
        dx: Array = (each * (power / total) - weighted) * (dy * x.dtype.type(scale))
        return dx

    return np.asarray(loss, x.dtype), pull


@cross_entropy.composed
def _cross_entropy(
    x: Tensor, *, targets: Array, weights: Array | None = None, reduction: Reduction = "mean"
) -> Tensor:
    t = np.asarray(targets)
    if t.ndim == 1:
        t = np.eye(x.shape[1], dtype=x.dtype)[t]
    weighted = t * (1 if weights is None else np.asarray(weights))
    total = sum_(multiply(log_softmax(x), -weighted.astype(x.dtype)))
    return multiply(total, float(1 / weighted.sum() if reduction == "mean" else 1.0))


@op("x: N D, w: V D, b: V | targets: N -> loss: ")
def linear_cross_entropy(
    x: Array, w: Array, b: Array, *, targets: Array, reduction: Reduction = "mean"
) -> tuple[Array, Pull]:
    """The last layer of a language model and its loss: cross-entropy of x wᵀ + b.

    Equations: z[n, v] = sum_d x[n, d] w[v, d] + b[v]; loss = mean (or sum) over n of
    log sum_v e**z[n, v] - z[n, t_n]. dz = softmax(z) less 1 at the target, over N: it takes the
    place of the logits, which are not kept beside it.
    Shapes: x (N, D), w (V, D), b (V), targets (N) class numbers. Units: the loss in nats.

    Raises:
        ShapeError: there are not as many targets as rows.
        InputError: a target is not a class number.
    """
    t = np.asarray(targets)
    if t.shape != x.shape[:1]:
        raise ShapeError(
            f"linear_cross_entropy: N is {len(x)} in x and {t.shape} in targets\n"
            "  give one class number a row"
        )
    t = checked_classes("linear_cross_entropy", t, len(w))
    z, losses = product(x, w.T, b), np.empty(len(x), x.dtype)
    length = SOFTMAX_BLOCK // max(len(w), 1)
    softmax_gradient(len(x), length, SOFTMAX_WORK * z.size, z, t, losses)
    scale = _scale(reduction, len(x), x.dtype)

    def pull(dy: Array) -> tuple[object, ...]:
        each = x.dtype.type(dy * scale)

        @cache
        def sums() -> tuple[Array, Array]:
            """Gradients of w and b, made together."""
            dw, db = np.empty_like(w, order="C"), np.empty_like(b)
            sums_over_rows(z, 0, db, (pack_strips(x * each),), (dw,))
            return dw, db * each

        return (lambda: product(z, w) * each, lambda: sums()[0], lambda: sums()[1])

    return np.asarray(losses.sum() * scale, x.dtype), pull


@linear_cross_entropy.composed
def _linear_cross_entropy(
    x: Tensor, w: Tensor, b: Tensor, *, targets: Array, reduction: Reduction = "mean"
) -> Tensor:
    return cross_entropy(linear(x, w, b), targets=targets, reduction=reduction)


@op("x: N C | targets: N -> loss: ")
def ranking_loss(
    x: Array,
    *,
    targets: Array,
    margin: float = 2.5,
    wrong_margin: float = 0.5,
    scale: float = 2.0,
    reduction: Reduction = "mean",
) -> tuple[Array, Pull]:
    """The true class is to score above ``margin``, the best wrong one below ``-wrong_margin``.

    Equations: loss = mean (or sum) over n of log(1 + e**(g (margin - x[n, t_n]))) +
    log(1 + e**(g (wrong_margin + x[n, w_n]))), g the ``scale``, w_n the wrong class of the highest
    score (the first one wins ties). A target of -1 is none of the classes: its first term is left
    out and every class is wrong. With a single class the second term of its own rows is left out.
    Shapes: x (N, C) scores, targets (N) class numbers or -1. Units: the loss in nats.
    Source: dos Santos, Xiang, Zhou 2015, Classifying relations by ranking, equation 1.

    Raises:
        InputError: a target is no class number and not -1.
    """
    t, rival = _rivals(x, targets)
    each = _scale(reduction, len(x), x.dtype)
    true, wrong = np.flatnonzero(t >= 0), np.flatnonzero(rival >= 0)
    below = scale * (margin - x[true, t[true]])
    above = scale * (wrong_margin + x[wrong, rival[wrong]])
    loss = np.logaddexp(0, below).sum() + np.logaddexp(0, above).sum()

    def pull(dy: Array) -> Array:
        dx = np.zeros_like(x)
        factor = dy * each * scale
        dx[true, t[true]] -= factor * _logistic(below)
        dx[wrong, rival[wrong]] += factor * _logistic(above)
        return dx

    return np.asarray(loss * each, x.dtype), pull


@ranking_loss.composed
def _ranking_loss(
    x: Tensor,
    *,
    targets: Array,
    margin: float = 2.5,
    wrong_margin: float = 0.5,
    scale: float = 2.0,
    reduction: Reduction = "mean",
) -> Tensor:
    t, rival = _rivals(x.value, targets)
    true, wrong = np.flatnonzero(t >= 0), np.flatnonzero(rival >= 0)
    below = (margin - index(x, index=(true, t[true]))) * scale
    above = (index(x, index=(wrong, rival[wrong])) + wrong_margin) * scale
    total = sum_(softplus(below)) + sum_(softplus(above))
    return multiply(total, float(_scale(reduction, len(x.value), x.dtype)))


def _rivals(x: Array, targets: Array) -> tuple[Array, Array]:
    """The targets, and the wrong class of the highest score for each row; -1 where there is none.

    Raises:
        InputError: a target is no class number and not -1.
    """
    t = np.asarray(targets)
    none = t == -1
    classes = checked_classes("ranking_loss", np.where(none, 0, t), x.shape[1])
    t = np.where(none, -1, classes)
    others = x.copy()
    rows = np.flatnonzero(t >= 0)
    others[rows, t[rows]] = -np.inf
    rival = others.argmax(axis=1) if len(x) else np.empty(0, np.int64)
    return t, np.where((t >= 0) & (x.shape[1] == 1), -1, rival)


def _logistic(x: Array) -> Array:
    """1 / (1 + e**-x), which no x overflows."""
    decay = np.exp(-np.abs(x))
    y: Array = np.where(x >= 0, 1, decay) / (1 + decay)
    return y


def _scale(reduction: Reduction, size: int, dtype: Any) -> Any:
    if reduction not in ("mean", "sum"):
        raise InputError(f'reduction {reduction!r} is neither "mean" nor "sum"')
    return dtype.type(1 / max(size, 1) if reduction == "mean" else 1)
