"""Rows of a table: look up, and add gradients up by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.kernels.compile import kernel
from lexon.kernels.shared import shared
from lexon.kernels.simd import registers
from lexon.kernels.wide import ask_ahead, load, spread, store

Array = npt.NDArray[Any]

_BYTES = registers().bytes
#: How far ahead of their use numbers are asked for, in bytes.
_AHEAD = 8192


def unique_rows(ids: Array, size: int) -> tuple[Array, Array]:
    """Distinct ``ids`` in ascending order, and for each id its place among them."""
    if 16 * len(ids) < size:  # few ids: sorting them is cheaper than a walk over the table
        rows, places = np.unique(ids, return_inverse=True)
        return rows.astype(np.int64), places.astype(np.int64)
    return _unique(ids, size)


@kernel
def _unique(ids, size):
    place = np.full(size, -1, np.int64)
    for i in ids:
        place[i] = 0
    found = 0
    for row in range(size):
        if place[row] == 0:
            place[row] = found
            found += 1
    rows = np.empty(found, np.int64)
    places = np.empty(ids.size, np.int64)
    for i in range(ids.size):
        places[i] = place[ids[i]]
        rows[places[i]] = ids[i]
    return rows, places


@kernel
def first_outside(numbers, limit):
    """Where the first of the numbers is that is not from 0 to limit - 1; -1 if all are."""
    for n in range(numbers.size):
        if numbers[n] < 0 or numbers[n] >= limit:
            return n
    return -1


@kernel
def add_rows(values, places, totals):
    """totals[places[i]] += values[i], i in order."""
    width = values.shape[1]
    for i in range(values.shape[0]):
        p = places[i]
        for d in range(width):
            totals[p, d] += values[i, d]


@shared
def cosines(first, last, matrix, scale, query, scores):
    """scores[n] = scale[n] * the inner product of row n and the query: sums lane by lane."""
    columns, lanes, ahead = query.size, _BYTES // query.itemsize, _AHEAD // query.itemsize
    flat, zero, sums = matrix.reshape(-1), spread(query.dtype.type(0)), np.empty(lanes, query.dtype)
    for n in range(first, last):
        at, one, two = n * columns, zero, zero
        for d in range(0, columns, 2 * lanes):
            ask_ahead(flat, at + d + ahead)
            ask_ahead(flat, at + d + ahead + lanes)
            one = one + load(flat, at + d, columns - d) * load(query, d, columns - d)
            rest = max(columns - d - lanes, 0)
            two = two + load(flat, at + d + lanes, rest) * load(query, d + lanes, rest)
        store(sums, 0, lanes, one + two)
        scores[n] = scale[n] * sums.sum()


@kernel
def add_segments(x, starts, lengths, scale, y):
    """y[b] = scale[b] * sum of the rows of sequence b, rows in order."""
    width = x.shape[1]
    for b in range(lengths.size):
        for d in range(width):
            y[b, d] = 0
        for s in range(starts[b], starts[b] + lengths[b]):
            for d in range(width):
                y[b, d] += x[s, d]
        for d in range(width):
            y[b, d] *= scale[b]


@kernel
def spread_segments(dy, starts, lengths, scale, dx):
    """dx[s] += scale[b] * dy[b] for every row s of sequence b."""
    width = dy.shape[1]
    for b in range(lengths.size):
        for s in range(starts[b], starts[b] + lengths[b]):
            for d in range(width):
                dx[s, d] += scale[b] * dy[b, d]


@kernel
def max_segments(x, starts, lengths, y, where):
    """y[b, d] = largest x[s, d] of sequence b (0 if it has no rows); where: the first such s."""
    width = x.shape[1]
    for b in range(lengths.size):
        first = starts[b]
        for d in range(width):
            y[b, d] = x[first, d] if lengths[b] else 0
            where[b, d] = first if lengths[b] else -1
        for s in range(first + 1, first + lengths[b]):
            for d in range(width):
                better = (x[s, d] > y[b, d]) | (x[s, d] != x[s, d])
                y[b, d] = x[s, d] if better else y[b, d]
                where[b, d] = s if better else where[b, d]
