"""Matrix products on packed weights: C = A B + bias, the rows of C independent of each other.

B (K, N) is packed once into panels, a few vectors wide, and serves until it changes. Every number
of C is one sum over k in order, whatever the shapes and however many threads work on it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lexon.kernels.compile import inlined, kernel
from lexon.kernels.simd import registers, tile, transpose
from lexon.parallel import blocks, share

Array = npt.NDArray[Any]

_BYTES = registers().bytes
_TALLEST = registers().rows[0]
_WIDEST = registers().vectors
_tall_1, _tall_2, _tall_w = (tile(_TALLEST, v) for v in (1, 2, _WIDEST))
_four_1, _four_2, _four_w = (tile(4, v) for v in (1, 2, _WIDEST))
_two_1, _two_2, _two_w = (tile(2, v) for v in (1, 2, _WIDEST))
_one_1, _one_2, _one_w = (tile(1, v) for v in (1, 2, _WIDEST))

#: Rows of A, and panels of B, that one thread takes at a time.
ROWS_A_BLOCK, PANELS_A_BLOCK = 64, 2


class Panels(NamedTuple):
    """A matrix B (K, N) packed for the micro-kernel."""

    data: Array  # panel after panel, each (K, its width)
    depth: int  # K
    columns: int  # N


def panel_width(dtype: npt.DTypeLike) -> int:
    """Columns of a full panel."""
    return _WIDEST * _BYTES // np.dtype(dtype).itemsize


def aligned(size: int, dtype: npt.DTypeLike) -> Array:
    """An empty array that begins at a multiple of a vector register's width."""
    itemsize = np.dtype(dtype).itemsize
    room = np.empty(size + _BYTES // itemsize, dtype)
    skip = -room.ctypes.data % _BYTES // itemsize
    return room[skip : skip + size]


def pack(matrix: Array) -> Panels:
    """Pack B (K, N), of any strides, into panels; missing columns are zeros."""
    depth, columns = matrix.shape
    lanes = _BYTES // matrix.itemsize
    data = aligned(-(-columns // lanes) * lanes * depth, matrix.dtype)
    if matrix.T.flags.c_contiguous:
        _pack_columns(matrix.T.reshape(-1), depth, columns, data)
    else:
        _pack(matrix, data)
    return Panels(data, depth, columns)


def product(a: Array, panels: Panels, bias: Array | None = None) -> Array:
    """C = A B + bias for A (M, K), of any strides."""
    rows, depth = a.shape
    flat, row_stride, k_stride = _flat(a)
    c = np.empty((rows, panels.columns), a.dtype)
    if bias is None:
        bias = _NO_BIAS[a.dtype.char]
    work = 2.0 * rows * depth * panels.columns
    whole = -(-panels.columns // panel_width(a.dtype))

    def by_rows(start: int, stop: int) -> None:
        multiply(flat, row_stride, k_stride, start, stop, *panels, 0, whole, bias, c)

    def by_panels(start: int, stop: int) -> None:
        multiply(flat, row_stride, k_stride, 0, rows, *panels, start, stop, bias, c)

    if whole <= PANELS_A_BLOCK and rows < 2 * ROWS_A_BLOCK:
        by_panels(0, whole)
    elif rows >= 2 * ROWS_A_BLOCK:
        share(by_rows, blocks(rows, ROWS_A_BLOCK), work)
    else:
        share(by_panels, blocks(whole, PANELS_A_BLOCK), work)
    return c


_NO_BIAS = {char: np.empty(0, char) for char in "fd"}


def _flat(a: Array) -> tuple[Array, int, int]:
    """The numbers of A in a row, and its strides over rows and columns, in numbers."""
    if a.T.flags.c_contiguous:
        return a.T.reshape(-1), 1, a.shape[0]
    return np.ascontiguousarray(a).reshape(-1), a.shape[1], 1


@kernel
def _pack(matrix, data):
    depth, columns = matrix.shape
    lanes = _BYTES // matrix.itemsize
    at = 0
    for first in range(0, columns, _WIDEST * lanes):
        used = min(_WIDEST * lanes, columns - first)
        width = (used + lanes - 1) // lanes * lanes
        for k in range(depth):
            for column in range(used):
                data[at + column] = matrix[k, first + column]
            for column in range(used, width):
                data[at + column] = 0
            at += width


@kernel
def _pack_columns(flat, depth, columns, data):
    """As ``_pack`` for a matrix whose columns stand one after the other."""
    lanes = _BYTES // flat.itemsize
    at = 0
    for first in range(0, columns, _WIDEST * lanes):
        used = min(_WIDEST * lanes, columns - first)
        width = (used + lanes - 1) // lanes * lanes
        for left in range(0, width, lanes):
            there = min(lanes, used - left)
            start = (first + left) * depth
            k = 0
            if there == lanes:
                while k + lanes <= depth:
                    transpose(flat, start + k, depth, data, at + k * width + left, width)
                    k += lanes
            for rest in range(k, depth):
                for n in range(lanes):
                    number = flat[start + n * depth + rest] if n < there else 0
                    data[at + rest * width + left + n] = number
        at += depth * width


@inlined
def panel_product(a, a_at, a_row, a_k, rows, b, b_at, vectors, c, c_at, c_row, depth, add):
    """C (+)= A B for one panel of B: ``rows`` rows of A, tallest tiles first."""
    m = 0
    while m + _TALLEST <= rows:
        x, y = a_at + m * a_row, c_at + m * c_row
        if vectors == 1:
            _tall_1(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, add)
        elif vectors == 2:
            _tall_2(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, add)
        else:
            _tall_w(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, add)
        m += _TALLEST
    if m + 4 <= rows:
        x, y = a_at + m * a_row, c_at + m * c_row
        if vectors == 1:
            _four_1(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, add)
        elif vectors == 2:
            _four_2(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, add)
        else:
            _four_w(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, add)
        m += 4
    if m + 2 <= rows:
        x, y = a_at + m * a_row, c_at + m * c_row
        if vectors == 1:
            _two_1(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, add)
        elif vectors == 2:
            _two_2(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, add)
        else:
            _two_w(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, add)
        m += 2
    if m < rows:
        x, y = a_at + m * a_row, c_at + m * c_row
        if vectors == 1:
            _one_1(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, add)
        elif vectors == 2:
            _one_2(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, add)
        else:
            _one_w(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, add)


@kernel
def multiply(a, a_row, a_k, first, last, b, depth, columns, panel, last_panel, bias, c):
    """Rows ``first`` to ``last`` of C, and its panels ``panel`` to ``last_panel``."""
    lanes = _BYTES // a.itemsize
    full = _WIDEST * lanes
    flat = c.reshape(-1)
    edge = np.empty(_TALLEST * full, a.dtype)
    for j in range(panel, last_panel):
        column = j * full
        used = min(full, columns - column)
        vectors = (used + lanes - 1) // lanes
        b_at = j * depth * full
        if bias.size:
            for m in range(first, last):
                for n in range(used):
                    c[m, column + n] = bias[column + n]
        if vectors * lanes == used:
            panel_product(
                a, first * a_row, a_row, a_k, last - first, b, b_at, vectors,
                flat, first * columns + column, columns, depth, bias.size > 0,
            )  # fmt: skip
            continue
        # The last panel is wider than what is left of C: its tiles go through a buffer.
        for m in range(first, last, _TALLEST):
            rows = min(_TALLEST, last - m)
            for r in range(rows):
                for n in range(used):
                    edge[r * full + n] = c[m + r, column + n] if bias.size else 0
            panel_product(
                a, m * a_row, a_row, a_k, rows, b, b_at, vectors, edge, 0, full, depth, True
            )
            for r in range(rows):
                for n in range(used):
                    c[m + r, column + n] = edge[r * full + n]
