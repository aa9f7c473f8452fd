"""The kernels in plain NumPy, name by name: the specification, for any float type.

Where a kernel takes packed ``panels`` (and the window's size with them), its twin takes the
matrix or the filters themselves. The optimisers' rules: ``reference_update.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


# elementary.py


def exponential(x: Array) -> Array:
    """e**x."""
    return np.exp(x)


def tangent(x: Array) -> Array:
    """tanh x."""
    return np.tanh(x)


def logistic(x: Array) -> Array:
    """1 / (1 + e**-x), without the overflow of e**-x."""
    decay = np.exp(-np.abs(x))
    return np.where(np.signbit(x), decay, 1) / (1 + decay)


# product.py


def product(a: Array, b: Array, bias: Array | None = None) -> Array:
    """C = A B + bias."""
    return a @ b if bias is None else a @ b + bias


# rows.py


def unique_rows(ids: Array, size: int) -> tuple[Array, Array]:
    """Distinct ``ids`` in ascending order, and for each id its place among them."""
    rows, places = np.unique(ids, return_inverse=True)
    return rows, places


def add_rows(values: Array, places: Array, totals: Array) -> None:
    """totals[places[i]] += values[i]."""
    np.add.at(totals, places, values)


def first_outside(numbers: Array, limit: int) -> int:
    """Where the first of the numbers is that is not from 0 to limit - 1; -1 if all are."""
    outside = np.flatnonzero((numbers < 0) | (numbers >= limit))
    return int(outside[0]) if outside.size else -1


def cosines(matrix: Array, scale: Array, query: Array, scores: Array) -> None:
    scores[:] = matrix @ query * scale


def add_segments(x: Array, starts: Array, lengths: Array, scale: Array, y: Array) -> None:
    """y[b] = scale[b] * sum of the rows of sequence b."""
    for b, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        y[b] = scale[b] * x[start : start + length].sum(axis=0)


def spread_segments(dy: Array, starts: Array, lengths: Array, scale: Array, dx: Array) -> None:
    """dx[s] += scale[b] * dy[b] for every row s of sequence b."""
    for b, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        dx[start : start + length] += scale[b] * dy[b]


def max_segments(x: Array, starts: Array, lengths: Array, y: Array, where: Array) -> None:
    """y[b, d] = largest x[s, d] of sequence b (0 if it has no rows); where: the first such s.

    NaN is larger than all; of several the last is named.
    """
    for b, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        y[b], where[b] = _largest(x[start : start + length])
        where[b] += start if length else 0


def _largest(rows: Array) -> tuple[Array, Array]:
    """The largest number of each column, and in which row: 0 and -1 if there are no rows."""
    if not len(rows):
        return np.zeros(rows.shape[1], rows.dtype), np.full(rows.shape[1], -1)
    nan = np.isnan(rows)
    last_nan = len(rows) - 1 - nan[::-1].argmax(axis=0)
    return rows.max(axis=0), np.where(nan.any(axis=0), last_nan, rows.argmax(axis=0))


# softmax.py


def softmax_cross_entropy(
    x: Array, targets: Array, weights: Array, losses: Array, p: Array
) -> None:
    """losses[n] = weights[n] (log sum_c e**x[n, c] - x[n, targets[n]]); p = softmax of the rows."""
    shifted = x - x.max(axis=1, keepdims=True, initial=-np.inf)
    power = np.exp(shifted)
    p[...] = power / power.sum(axis=1, keepdims=True)
    own = shifted[np.arange(len(x)), targets]
    losses[...] = weights * (np.log(power.sum(axis=1)) - own)


def cross_entropy_gradient(
    p: Array, targets: Array, weights: Array, upstream: float, dx: Array
) -> None:
    """dx[n, c] = upstream weights[n] (p[n, c] - 1 if c is targets[n], p[n, c] else)."""
    own = np.arange(p.shape[1]) == targets[:, None]
    dx[...] = upstream * weights[:, None] * (p - own)


def softmax_gradient(first: int, last: int, x: Array, targets: Array, losses: Array) -> None:
    """losses[n] = log sum_c e**x[n, c] - x[n, targets[n]], and x[n] becomes its gradient."""
    rows = slice(first, last)
    own, weights = targets[rows], np.ones(last - first)
    softmax_cross_entropy(x[rows].copy(), own, weights, losses[rows], x[rows])
    x[np.arange(first, last), own] -= 1


# ngram.py


def counts(lengths: Array, window: int, wide: bool) -> Array:
    """How many n-grams each text has."""
    return np.array([len(list(_ngrams(length, window, wide))) for length in lengths], np.int64)


def starts_of(lengths: Array) -> Array:
    """Where each text begins among the rows."""
    return np.array([sum(lengths[:b]) for b in range(len(lengths))], np.int64)


def _ngrams(length: int, window: int, wide: bool) -> Iterator[tuple[int, int, int]]:
    """For each n-gram of a text its first row (outside: negative), and which k lie inside."""
    margin = window - 1 if wide else 0
    last = length - 1 if wide else max(length - window, 0)
    for begin in range(-margin, last + 1 if length else -margin):
        yield begin, max(-begin, 0), min(window, length - begin)


def _each(lengths: Array, window: int, wide: bool) -> Iterator[tuple[slice, slice]]:
    """For each n-gram of all texts: which of the rows it covers, and with which k."""
    for start, length in zip(starts_of(lengths), lengths, strict=True):
        for begin, low, high in _ngrams(length, window, wide):
            yield slice(start + begin + low, start + begin + high), slice(low, high)


def feature_map(x: Array, w: Array, bias: Array, lengths: Array, wide: bool) -> Array:
    """z (T, F): every filter w (F, K, D) on every n-gram, texts end to end."""
    grams = _each(lengths, w.shape[1], wide)
    z = [np.einsum("fkd,kd->f", w[:, k], x[rows]) + bias for rows, k in grams]
    return np.array(z, x.dtype).reshape(len(z), len(w))


def max_over_time(
    x: Array, w: Array, bias: Array, lengths: Array, wide: bool
) -> tuple[Array, Array]:
    """y (B, F): the largest value of every filter; where (B, F): in which n-gram, -1 for none."""
    z, number = feature_map(x, w, bias, lengths, wide), counts(lengths, w.shape[1], wide)
    texts = zip(starts_of(number), number, strict=True)
    best = [_largest(z[start : start + n]) for start, n in texts]
    y = np.array([values for values, _ in best], x.dtype)
    where = np.array([places for _, places in best], np.int32)
    return y.reshape(len(lengths), len(w)), where.reshape(len(lengths), len(w))


def max_filters_gradient(
    x: Array, dy: Array, where: Array, lengths: Array, window: int, wide: bool
) -> Array:
    """dw (F, K, D): upstream times the n-gram that won."""
    return map_filters_gradient(x, _of_map(dy, where, lengths, window, wide), lengths, window, wide)


def max_rows_gradient(
    w: Array, dy: Array, where: Array, lengths: Array, rows: int, wide: bool
) -> Array:
    """dx (S, D): upstream times the filter, at the rows of the n-gram that won."""
    return map_rows_gradient(w, _of_map(dy, where, lengths, w.shape[1], wide), lengths, rows, wide)


def _of_map(dy: Array, where: Array, lengths: Array, window: int, wide: bool) -> Array:
    """Upstream of the maximum as upstream dz (T, F) of the feature map."""
    number = counts(lengths, window, wide)
    dz = np.zeros((number.sum(), dy.shape[1]), dy.dtype)
    b, f = np.nonzero(where >= 0)
    dz[starts_of(number)[b] + where[b, f], f] = dy[b, f]
    return dz


def map_rows_gradient(w: Array, dz: Array, lengths: Array, rows: int, wide: bool) -> Array:
    """dx (S, D) of the feature map."""
    dx = np.zeros((rows, w.shape[2]), w.dtype)
    for t, (covered, k) in enumerate(_each(lengths, w.shape[1], wide)):
        dx[covered] += np.einsum("f,fkd->kd", dz[t], w[:, k])
    return dx


def map_filters_gradient(x: Array, dz: Array, lengths: Array, window: int, wide: bool) -> Array:
    """dw (F, K, D) of the feature map."""
    dw = np.zeros((dz.shape[1], window, x.shape[1]), x.dtype)
    for t, (covered, k) in enumerate(_each(lengths, window, wide)):
        dw[:, k] += np.einsum("f,kd->fkd", dz[t], x[covered])
    return dw


# responses.py


def max_of_responses(
    responses: Array, rows: Array, lengths: Array, windows: Array, wide: bool, bias: Array, y: Array
) -> None:
    """y (B, windows x F): every filter's largest value, from what each word makes of its slices."""
    filters = y.shape[1] // len(windows)
    ends = np.cumsum(windows) * filters
    for place, window in enumerate(windows):
        slices = responses[rows, ends[place] - window * filters : ends[place]]
        x = slices.reshape(len(rows), window * filters)
        one_each = np.zeros((filters, window, window, filters), y.dtype)
        for f in range(filters):
            one_each[f, np.arange(window), np.arange(window), f] = 1
        w = one_each.reshape(filters, window, window * filters)
        columns = slice(place * filters, (place + 1) * filters)
        best, where = max_over_time(x, w, bias[columns], lengths, wide)
        y[:, columns] = np.where(where >= 0, best, 0)
