"""The kernels of conditional random fields in plain NumPy, name by name: the specification."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.kernels.reference import starts_of

Array = npt.NDArray[Any]


def _sum(scores: Array) -> Array:
    """log sum_i e**scores[i, ...]."""
    top = scores.max(axis=0)
    held = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        return held + np.log(np.exp(scores - held).sum(axis=0))


def log_partition(
    x: Array, a: Array, start: Array, stop: Array, lengths: Array
) -> tuple[Array, Array]:
    """alpha (S, C), each row less its largest; and the logarithm of the sum over all paths (B)."""
    alpha, totals = np.empty_like(x), np.zeros(len(lengths))
    for b, (begin, length) in enumerate(zip(starts_of(lengths), lengths, strict=True)):
        for t in range(begin, begin + length):
            arriving = start if t == begin else _sum(alpha[t - 1][:, None] + a)
            row = arriving + x[t]
            alpha[t] = row - row.max()
            totals[b] += row.max()
        if length:
            totals[b] += _sum(alpha[begin + length - 1] + stop)
    return alpha, totals


def marginals(
    alpha: Array, a: Array, stop: Array, lengths: Array, weights: Array
) -> tuple[Array, Array]:
    """Probability of every tag in every row, from sums over what may follow it."""
    p, pairs = np.empty_like(alpha), np.zeros_like(a)
    for begin, length, weight in zip(starts_of(lengths), lengths, weights, strict=True):
        # p(y_t-1 = i | y_t = j) = alpha[t - 1, i] a[i, j] over its sum
        for t in range(begin + length - 1, begin - 1, -1):
            if t == begin + length - 1:
                final = alpha[t] + stop
                p[t] = np.exp(final - _sum(final))
                continue
            scores = alpha[t][:, None] + a
            given = np.exp(scores - np.nan_to_num(_sum(scores), neginf=0))
            p[t] = given @ p[t + 1]
            pairs += weight * given * p[t + 1]
    return p, pairs


def path_scores(
    x: Array, a: Array, start: Array, stop: Array, path: Array, lengths: Array
) -> Array:
    """The score of one path a sequence (B)."""
    scores = np.zeros(len(lengths))
    for b, (begin, length) in enumerate(zip(starts_of(lengths), lengths, strict=True)):
        own = path[begin : begin + length]
        if length:
            scores[b] = start[own[0]] + x[np.arange(begin, begin + length), own].sum()
            scores[b] += a[own[:-1], own[1:]].sum() + stop[own[-1]]
    return scores


def best_paths(
    x: Array, a: Array, start: Array, stop: Array, lengths: Array
) -> tuple[Array, Array]:
    """The path (S) that scores most in each sequence, and its score (B)."""
    path = np.empty(len(x), np.int64)
    for begin, length in zip(starts_of(lengths), lengths, strict=True):
        held, before = start, []
        for t in range(begin, begin + length):
            if t > begin:
                scores = held[:, None] + a
                before.append(scores.argmax(axis=0))
                held = scores.max(axis=0)
            held = held + x[t]
        tag = int((held + stop).argmax())
        for t in range(begin + length - 1, begin - 1, -1):
            path[t] = tag
            if t > begin:
                tag = before[t - begin - 1][tag]
    return path, path_scores(x, a, start, stop, path, lengths)
