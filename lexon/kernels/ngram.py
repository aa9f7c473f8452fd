"""Convolution over the n-grams of texts laid end to end, with max or mean over time.

For a text of L rows and a window of K rows, n-gram t is the rows t - margin ... t - margin + K - 1,
where rows outside the text are zeros:

    edges "wide"    margin K - 1, L + K - 1 n-grams (none if L = 0)
    edges "valid"   margin 0, max(L - K + 1, 1) n-grams (none if L = 0)

As the rows of a text stand end to end, an n-gram is K D numbers in a row: the convolution is one
matrix product whose rows overlap. No neighbour is ever seen: each block of texts is copied with
zeros between.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon import parallel
from lexon.kernels.compile import inlined
from lexon.kernels.product import _BYTES, _WIDEST, Panels, pack, panel_product, panel_width, product
from lexon.kernels.shared import shared

Array = npt.NDArray[Any]

#: Texts that one thread takes at a time, and filters when weights' gradients are summed.
TEXTS_A_BLOCK, FILTERS_A_BLOCK = 8, 8


def counts(lengths: Array, window: int, wide: bool) -> Array:
    """How many n-grams each text has."""
    n = lengths + (window - 1) if wide else np.maximum(lengths - window + 1, 1)
    return np.where(lengths > 0, n, 0)


def starts_of(lengths: Array) -> Array:
    """Where each text begins among the rows."""
    return np.cumsum(lengths) - lengths


def pack_filters(w: Array) -> Panels:
    """Filters w (F, K, D) packed for the products below."""
    filters, window, depth = w.shape
    return pack(w.reshape(filters, window * depth).T)


def feature_map(
    x: Array, panels: Panels, bias: Array, lengths: Array, window: int, wide: bool
) -> Array:
    """z (T, F): every filter on every n-gram, texts end to end."""
    number = counts(lengths, window, wide)
    z = np.empty((int(number.sum()), panels.columns), x.dtype)
    _map(
        len(lengths), TEXTS_A_BLOCK, 2.0 * z.size * panels.depth,
        x, starts_of(lengths), lengths, number, starts_of(number), window, wide, *panels, bias, z,
    )  # fmt: skip
    return z


def max_over_time(
    x: Array, panels: Panels, bias: Array, lengths: Array, window: int, wide: bool
) -> tuple[Array, Array]:
    """y (B, F): the largest value of every filter; where (B, F): in which n-gram, -1 for none."""
    y = np.empty((len(lengths), panels.columns), x.dtype)
    where = np.empty(y.shape, np.int32)
    number = counts(lengths, window, wide)
    work = 2.0 * number.sum() * y.shape[1] * panels.depth
    given = x, starts_of(lengths), lengths, number, window, wide, *panels, bias, y, where
    if len(lengths) > TEXTS_A_BLOCK:
        _max_of_texts(len(lengths), TEXTS_A_BLOCK, work, *given)
    else:  # too few texts to share: share the filters
        whole = -(-panels.columns // panel_width(x.dtype))
        length = 1 if work >= parallel.WORTH_SHARING else whole
        _max_of_panels(whole, length, work, *given)
    return y, where


def max_filters_gradient(
    x: Array, dy: Array, where: Array, lengths: Array, window: int, wide: bool
) -> Array:
    """dw (F, K, D): upstream times the n-gram that won, added up over texts in order."""
    depth = x.shape[1]
    dw = np.zeros((dy.shape[1], window, depth), x.dtype)
    starts, margin = starts_of(lengths), (window - 1) if wide else 0
    work = 2.0 * dy.size * window * depth
    _max_filters(dy.shape[1], FILTERS_A_BLOCK, work, x, dy, where, starts, lengths, margin, dw)
    return dw


def max_rows_gradient(
    w: Array, dy: Array, where: Array, lengths: Array, rows: int, wide: bool
) -> Array:
    """dx (S, D): upstream times the filter, at the rows of the n-gram that won."""
    window, depth = w.shape[1:]
    dx = np.zeros((rows, depth), w.dtype)
    starts, margin = starts_of(lengths), (window - 1) if wide else 0
    work = 2.0 * dy.size * window * depth
    _max_rows(len(lengths), TEXTS_A_BLOCK, work, w, dy, where, starts, lengths, margin, dx)
    return dx


def map_rows_gradient(w: Array, dz: Array, lengths: Array, rows: int, wide: bool) -> Array:
    """dx (S, D) of the feature map: one product for every row k of the window."""
    dx = np.zeros((rows, w.shape[2]), w.dtype)
    for k, met in enumerate(_meetings(dz, lengths, w.shape[1], wide)):
        dx += product(met, pack(w[:, k]))
    return dx


def map_filters_gradient(x: Array, dz: Array, lengths: Array, window: int, wide: bool) -> Array:
    """dw (F, K, D) of the feature map, added up over rows in order."""
    dw = np.empty((dz.shape[1], window, x.shape[1]), x.dtype)
    panels = pack(x)
    for k, met in enumerate(_meetings(dz, lengths, window, wide)):
        dw[:, k] = product(met.T, panels)
    return dw


def _meetings(dz: Array, lengths: Array, window: int, wide: bool) -> Iterator[Array]:
    """For k = 0 ... K - 1, row by row (S, F): the gradient of the n-gram with this row in place k.

    0 where there is no such n-gram.
    """
    number = counts(lengths, window, wide)
    text = np.repeat(np.arange(len(lengths)), lengths)
    last = np.arange(len(text)) - starts_of(lengths)[text] + (window - 1 if wide else 0)
    first = starts_of(number)[text]
    padded = np.concatenate([dz, np.zeros((1, dz.shape[1]), dz.dtype)])
    for k in range(window):
        t = last - k
        there = (t >= 0) & (t < number[text])
        yield padded[np.where(there, first + t, len(dz))]


@inlined
def _with_zeros(x, starts, lengths, window, first, last):
    """The rows of some texts, window - 1 rows of zeros before, between and after."""
    depth, gap = x.shape[1], window - 1
    rows = gap
    for b in range(first, last):
        rows += lengths[b] + gap
    padded = np.zeros((rows, depth), x.dtype)
    at = gap
    for b in range(first, last):
        for s in range(lengths[b]):
            for d in range(depth):
                padded[at + s, d] = x[starts[b] + s, d]
        at += lengths[b] + gap
    return padded


@inlined
def _panel_of_map(padded, window, panels, j, depth, columns, bias, z):
    """z (n-grams of the block, panel): all n-grams that begin in a row of ``padded``."""
    lanes = _BYTES // padded.itemsize
    full = _WIDEST * lanes
    used = min(full, columns - j * full)
    vectors = (used + lanes - 1) // lanes
    width = vectors * lanes
    rows = padded.shape[0] - window + 1
    for t in range(rows):
        for n in range(width):
            z[t * width + n] = bias[j * full + n] if n < used else 0
    stride = padded.shape[1]
    panel_product(
        padded.reshape(-1), 0, stride, 1, rows, panels, j * depth * full, vectors, z, 0, width,
        depth, True, z, 0, width,
    )  # fmt: skip
    return used, width


@shared
def _max_of_texts(first, last, x, starts, lengths, number, window, wide, panels, depth, columns, bias, y, where):  # fmt: skip  # noqa: E501
    full = _WIDEST * (_BYTES // x.itemsize)
    whole = (columns + full - 1) // full
    _max(x, starts, lengths, number, window, wide, panels, depth, columns, bias, first, last, 0, whole, y, where)  # fmt: skip  # noqa: E501


@shared
def _max_of_panels(panel, end, x, starts, lengths, number, window, wide, panels, depth, columns, bias, y, where):  # fmt: skip  # noqa: E501
    _max(x, starts, lengths, number, window, wide, panels, depth, columns, bias, 0, lengths.size, panel, end, y, where)  # fmt: skip  # noqa: E501


@inlined
def _max(x, starts, lengths, number, window, wide, panels, depth, columns, bias, first, last, panel, end, y, where):  # fmt: skip  # noqa: E501
    padded = _with_zeros(x, starts, lengths, window, first, last)
    lanes = _BYTES // x.itemsize
    full = _WIDEST * lanes
    z = np.empty(padded.shape[0] * full, x.dtype)
    best, place = np.empty(full, x.dtype), np.empty(full, np.int32)
    for j in range(panel, end):
        used, width = _panel_of_map(padded, window, panels, j, depth, columns, bias, z)
        at = 0
        for b in range(first, last):
            line = (at if wide else at + window - 1) * width
            for n in range(width):
                best[n] = z[line + n] if number[b] else 0
                place[n] = 0 if number[b] else -1
            for t in range(1, number[b]):
                row = z[line + t * width : line + t * width + width]
                for n in range(width):
                    better = (row[n] > best[n]) | (row[n] != row[n])
                    best[n] = row[n] if better else best[n]
                    place[n] = t if better else place[n]
            for n in range(used):
                y[b, j * full + n] = best[n]
                where[b, j * full + n] = place[n]
            at += lengths[b] + window - 1


@shared
def _map(first, last, x, starts, lengths, number, outs, window, wide, panels, depth, columns, bias, out):  # fmt: skip  # noqa: E501
    padded = _with_zeros(x, starts, lengths, window, first, last)
    full = _WIDEST * (_BYTES // x.itemsize)
    z = np.empty(padded.shape[0] * full, x.dtype)
    for j in range((columns + full - 1) // full):
        used, width = _panel_of_map(padded, window, panels, j, depth, columns, bias, z)
        at = 0
        for b in range(first, last):
            line = at if wide else at + window - 1
            for t in range(number[b]):
                for n in range(used):
                    out[outs[b] + t, j * full + n] = z[(line + t) * width + n]
            at += lengths[b] + window - 1


@inlined
def _add_scaled(total, factor, x):
    """total += factor * x, as far as total goes."""
    for i in range(total.size):
        total[i] += factor * x[i]


@inlined
def _inside(t, margin, window, length):
    """Which rows k of n-gram t lie inside the text: from, to."""
    begin = t - margin
    return max(0, -begin), min(window, length - begin)


@shared
def _max_filters(first, last, x, dy, where, starts, lengths, margin, dw):
    window, depth = dw.shape[1], dw.shape[2]
    rows = x.reshape(-1)
    for f in range(first, last):
        total = dw[f].reshape(-1)
        for b in range(lengths.size):
            g, t = dy[b, f], where[b, f]
            if g == 0 or t < 0:
                continue
            low, high = _inside(t, margin, window, lengths[b])
            at = (starts[b] + t - margin) * depth
            _add_scaled(total[low * depth : high * depth], g, rows[at + low * depth :])


@shared
def _max_rows(first, last, w, dy, where, starts, lengths, margin, dx):
    window, depth = w.shape[1], w.shape[2]
    out = dx.reshape(-1)
    for b in range(first, last):
        for f in range(w.shape[0]):
            g, t = dy[b, f], where[b, f]
            if g == 0 or t < 0:
                continue
            filter_ = w[f].reshape(-1)
            low, high = _inside(t, margin, window, lengths[b])
            at = (starts[b] + t - margin) * depth
            _add_scaled(out[at + low * depth : at + high * depth], g, filter_[low * depth :])
