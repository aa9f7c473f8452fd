"""Softmax and cross-entropy in one pass over each row, the logits overwritten by the gradient."""

from __future__ import annotations

import numpy as np

from lexon.kernels.compile import kernel
from lexon.kernels.elementary import exponential
from lexon.kernels.shared import shared
from lexon.kernels.simd import registers
from lexon.kernels.wide import larger, load, spread, store

_BYTES = registers().bytes


@kernel
def softmax_cross_entropy(x, targets, weights, losses, p):
    """losses[n] = weights[n] (log sum_c e**x[n, c] - x[n, targets[n]]); p = softmax of the rows.

    The sum over classes is taken in order: a row's bits do not depend on its neighbours.
    """
    rows, classes = x.shape
    for n in range(rows):
        top = x[n, 0]
        for c in range(1, classes):
            top = max(top, x[n, c])
        for c in range(classes):
            p[n, c] = exponential(x[n, c] - top)
        total = p[n, 0]
        for c in range(1, classes):
            total += p[n, c]
        for c in range(classes):
            p[n, c] /= total
        # The difference first: beside a large ``top`` the logarithm's digits would be lost.
        losses[n] = weights[n] * (np.log(total) + (top - x[n, targets[n]]))


@kernel
def cross_entropy_gradient(p, targets, weights, upstream, dx):
    """dx[n, c] = upstream weights[n] (p[n, c] - 1 if c is targets[n], p[n, c] else)."""
    for n in range(p.shape[0]):
        each = upstream * weights[n]
        for c in range(p.shape[1]):
            dx[n, c] = each * p[n, c]
        dx[n, targets[n]] -= each


@shared
def softmax_gradient(first, last, x, targets, losses):
    """losses[n] = log sum_c e**x[n, c] - x[n, targets[n]], and x[n] becomes its gradient.

    The gradient is softmax(x[n]), less 1 at the target; of the rows from ``first`` to ``last``.
    Sums over classes are taken lane by lane, then over the lanes.
    """
    classes, lanes = x.shape[1], _BYTES // x.itemsize
    whole = classes // lanes * lanes
    flat, sums = x.reshape(-1), np.empty(lanes, x.dtype)
    for n in range(first, last):
        at = n * classes
        own = x[n, targets[n]]
        most = spread(own)
        for c in range(0, whole, lanes):
            most = larger(load(flat, at + c, lanes), most)
        store(sums, 0, lanes, most)
        top = sums.max()
        for c in range(whole, classes):
            top = max(top, x[n, c])
        total, shift = spread(x.dtype.type(0)), spread(top)
        for c in range(0, whole, lanes):
            power = exponential(load(flat, at + c, lanes) - shift)
            store(flat, at + c, lanes, power)
            total = total + power
        store(sums, 0, lanes, total)
        all_classes = sums.sum()
        for c in range(whole, classes):
            x[n, c] = exponential(x[n, c] - top)
            all_classes += x[n, c]
        share = spread(x.dtype.type(1) / all_classes)
        for c in range(0, classes, lanes):
            p = load(flat, at + c, classes - c) * share
            store(flat, at + c, classes - c, p)
        x[n, targets[n]] -= 1
        losses[n] = np.log(all_classes) + (top - own)
