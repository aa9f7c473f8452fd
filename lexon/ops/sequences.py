"""Pooling over sequences laid end to end: over all of time, or over windows of it."""

from __future__ import annotations

import numpy as np

from lexon.errors import InputError, ShapeError
from lexon.graph.declare import op
from lexon.graph.node import Pull
from lexon.graph.tensor import Array
from lexon.kernels.ngram import starts_of
from lexon.kernels.rows import add_segments, max_segments, spread_segments


def checked_lengths(operation: str, lengths: Array, rows: int) -> Array:
    """``lengths`` as int64, after checking that they cover the rows.

    Raises:
        ShapeError: they are no whole numbers side by side, one is negative, or they do not add up
            to the number of rows.
    """
    given = np.asarray(lengths)
    if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
        raise ShapeError(
            f"{operation}: lengths are {given.dtype} of shape {given.shape}\n"
            "  give whole numbers, how many rows each sequence has"
        )
    lengths = given.astype(np.int64, copy=False)
    if lengths.size and lengths.min() < 0:
        raise ShapeError(f"{operation}: a length is negative: {lengths.min()}")
    if lengths.sum() != rows:
        raise ShapeError(
            f"{operation}: the lengths add up to {lengths.sum()}, but there are {rows} rows\n"
            f"  lengths (B) = {lengths.shape}, S = {rows}\n"
            "  give the rows of all sequences end to end, and for each its number of rows"
        )
    return lengths


@op("x: S D | lengths: B -> y: B D")
def max_over_time(x: Array, *, lengths: Array) -> tuple[Array, Pull]:
    """y[b] = the largest row values of sequence b (0 for an empty one); the first one wins ties.

    Shapes: x (S, D), lengths (B) with sum S -> y (B, D).
    """
    lengths = checked_lengths("max_over_time", lengths, len(x))
    y, pull = _largest(x, starts_of(lengths), lengths)
    return y, pull


@op("x: S D | lengths: B -> y: B D")
def mean_over_time(x: Array, *, lengths: Array) -> tuple[Array, Pull]:
    """y[b] = the mean row of sequence b (0 for an empty one).

    Shapes: x (S, D), lengths (B) with sum S -> y (B, D).
    """
    lengths = checked_lengths("mean_over_time", lengths, len(x))
    scale = (1 / np.maximum(lengths, 1)).astype(x.dtype)
    return _scaled_sum(x, starts_of(lengths), lengths, scale)


@op("x: S D | lengths: B -> y: B D")
def sum_over_time(x: Array, *, lengths: Array) -> tuple[Array, Pull]:
    """y[b] = the sum of the rows of sequence b (0 for an empty one).

    Shapes: x (S, D), lengths (B) with sum S -> y (B, D).
    """
    lengths = checked_lengths("sum_over_time", lengths, len(x))
    return _scaled_sum(x, starts_of(lengths), lengths, np.ones(len(lengths), x.dtype))


def pooled_lengths(lengths: Array, size: int, stride: int) -> Array:
    """How many windows each sequence has: the last one may be cut short by its end."""
    if size < 1 or stride < 1:
        raise InputError(f"pooled_lengths: size {size} and stride {stride} must be 1 or more")
    lengths = np.asarray(lengths, np.int64)
    full = -(-np.maximum(lengths - size, 0) // stride) + 1
    full -= (full - 1) * stride >= lengths  # where stride > size the last may begin past the end
    return np.where(lengths > 0, full, 0)


@op("x: S D | lengths: B -> y: P D")
def max_pool(x: Array, *, lengths: Array, size: int, stride: int) -> tuple[Array, Pull]:
    """The largest values within windows of ``size`` rows, every ``stride`` rows.

    Shapes: x (S, D), lengths (B) -> y (P, D), P = sum of ``pooled_lengths``. The last window of a
    sequence may be cut short by its end; no window sees a neighbour. Units: size, stride in rows.
    """
    starts, sizes = _windows("max_pool", x, lengths, size, stride)
    return _largest(x, starts, sizes)


@op("x: S D | lengths: B -> y: P D")
def mean_pool(x: Array, *, lengths: Array, size: int, stride: int) -> tuple[Array, Pull]:
    """The mean rows of windows of ``size`` rows, every ``stride`` rows.

    Shapes and windows as in ``max_pool``; a window cut short is the mean of the rows it has.
    """
    starts, sizes = _windows("mean_pool", x, lengths, size, stride)
    return _scaled_sum(x, starts, sizes, (1 / np.maximum(sizes, 1)).astype(x.dtype))


def _windows(
    operation: str, x: Array, lengths: Array, size: int, stride: int
) -> tuple[Array, Array]:
    """First row and number of rows of every window."""
    if size < 1 or stride < 1:
        raise InputError(f"{operation}: size {size} and stride {stride} must be 1 or more")
    lengths = checked_lengths(operation, lengths, len(x))
    number = pooled_lengths(lengths, size, stride)
    inside = (np.arange(number.sum()) - np.repeat(starts_of(number), number)) * stride
    sizes = np.minimum(size, np.repeat(lengths, number) - inside)
    return np.repeat(starts_of(lengths), number) + inside, np.maximum(sizes, 0)


def _largest(x: Array, starts: Array, lengths: Array) -> tuple[Array, Pull]:
    y = np.empty((len(lengths), x.shape[1]), x.dtype)
    where = np.empty(y.shape, np.int64)
    max_segments(np.ascontiguousarray(x), starts, lengths, y, where)

    def pull(dy: Array) -> Array:
        dx = np.zeros_like(x)
        won = where >= 0
        columns = np.broadcast_to(np.arange(x.shape[1]), where.shape)
        np.add.at(dx, (where[won], columns[won]), dy[won])
        return dx

    return y, pull


def _scaled_sum(x: Array, starts: Array, lengths: Array, scale: Array) -> tuple[Array, Pull]:
    y = np.empty((len(lengths), x.shape[1]), x.dtype)
    add_segments(np.ascontiguousarray(x), starts, lengths, scale, y)

    def pull(dy: Array) -> Array:
        dx = np.zeros(x.shape, x.dtype)
        spread_segments(np.ascontiguousarray(dy), starts, lengths, scale, dx)
        return dx

    return y, pull
