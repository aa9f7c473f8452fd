"""Matrix products on packed weights: C = A B + bias, the rows of C independent of each other.

B (K, N) is packed once into panels, a few vectors wide, and serves until it changes. Every number
of C is one sum over k in order, whatever the shapes and however many threads work on it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lexon import parallel
from lexon.kernels.compile import inlined
from lexon.kernels.shared import shared
from lexon.kernels.simd import copy, registers, tile, transpose

Array = npt.NDArray[Any]

_BYTES = registers().bytes
_TALLEST = registers().rows[0]
_WIDEST = registers().vectors
_tall_1, _tall_2, _tall_w = (tile(_TALLEST, v) for v in (1, 2, _WIDEST))
_four_1, _four_2, _four_w = (tile(4, v) for v in (1, 2, _WIDEST))
_two_1, _two_2, _two_w = (tile(2, v) for v in (1, 2, _WIDEST))
_one_1, _one_2, _one_w = (tile(1, v) for v in (1, 2, _WIDEST))

#: From so many rows of A on, and no fewer than columns, they are what threads share; else the
#: panels of B. A block has about as many where there are enough.
MANY_ROWS = 128
#: Floating-point operations that one thread takes at a time, at least, and blocks at most.
A_BLOCK, BLOCKS_A_THREAD = 4_000_000, 4
#: Numbers of a column that are summed before the next rows of A: of a panel, so much stays near.
_DEEP = 512
#: Floating-point operations that packing a number counts for, and numbers that one thread packs
#: at a time.
PACKING, PACK_BLOCK = 16.0, 30_000


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
    skip = -room.__array_interface__["data"][0] % _BYTES // itemsize
    return room[skip : skip + size]


def pack(matrix: Array) -> Panels:
    """Pack B (K, N), of any strides, into panels; missing columns are zeros."""
    depth, columns = matrix.shape
    lanes = _BYTES // matrix.itemsize
    data = aligned(-(-columns // lanes) * lanes * depth, matrix.dtype)
    flat, full = _flat(matrix), panel_width(matrix.dtype)
    panels = -(-columns // full)
    length = PACK_BLOCK * panels // max(matrix.size, 1)
    _pack(panels, length, PACKING * matrix.size, *flat, depth, columns, data)
    return Panels(data, depth, columns)


def product(a: Array, b: Array | Panels, bias: Array | None = None) -> Array:
    """C = A B + bias for A (M, K), of any strides; B (K, N) packed, or of any strides.

    Where B serves once, each of its panels is packed by the thread that multiplies with it.
    """
    rows, depth = a.shape
    columns = b.columns if isinstance(b, Panels) else b.shape[1]
    many_rows = rows >= max(MANY_ROWS, columns)
    if many_rows and not isinstance(b, Panels):
        b = pack(b)
    c = np.empty((rows, columns), a.dtype)
    bias = _NO_BIAS[a.dtype.char] if bias is None else np.ascontiguousarray(bias)
    work = 2.0 * rows * depth * columns
    whole = -(-columns // panel_width(a.dtype))
    left = _flat(a)
    if many_rows:
        _by_rows(rows, _rows_at_once(rows, work), work, *left, *b, whole, bias, c)
    elif isinstance(b, Panels):
        _by_panels(whole, -(-whole // _parts(work)), work, *left, rows, *b, bias, c)
    else:
        vectors, right = -(-columns * a.itemsize // _BYTES), (*_flat(b), depth, columns)
        length = _vectors_at_once(vectors, work)
        _by_own_panels(vectors, length, work, *left, rows, *right, bias, c)
    return c


def _parts(work: float) -> int:
    """How many blocks are worth a call, up to some for each thread. No bit depends on it."""
    return max(min(int(work / A_BLOCK), BLOCKS_A_THREAD * parallel.threads()), 1)


def _rows_at_once(rows: int, work: float) -> int:
    """Rows of a block, in tallest tiles: many, as all of B is met anew for each block."""
    parts = min(_parts(work), parallel.threads() * -(-rows // (parallel.threads() * MANY_ROWS)))
    return -(-rows // (parts * _TALLEST)) * _TALLEST


def _vectors_at_once(vectors: int, work: float) -> int:
    """Vectors of columns of a block: equal parts where panels are few, whole panels else."""
    few = min(_parts(work), parallel.threads())
    if vectors < few * BLOCKS_A_THREAD**2 * _WIDEST:
        return -(-vectors // few)
    return -(-vectors // (few * BLOCKS_A_THREAD * _WIDEST)) * _WIDEST


_NO_BIAS = {char: np.empty(0, char) for char in "fd"}


def _flat(a: Array) -> tuple[Array, int, int]:
    """The numbers of a matrix in a row, and its strides over rows and columns, in numbers."""
    if a.T.flags.c_contiguous:
        return a.T.reshape(-1), 1, a.shape[0]
    return np.ascontiguousarray(a).reshape(-1), a.shape[1], 1


@inlined
def _pack_panel(b, b_k, b_n, depth, first, used, data, at):
    """Columns ``first`` to ``first + used`` of B, row after row, filled up to whole vectors."""
    lanes = _BYTES // b.itemsize
    width = (used + lanes - 1) // lanes * lanes
    if b_n == 1:
        whole = used // lanes * lanes
        for k in range(depth):
            row, packed = k * b_k + first, at + k * width
            for column in range(0, whole, lanes):
                copy(b, row + column, data, packed + column)
            for column in range(whole, width):
                data[packed + column] = b[row + column] if column < used else 0
        return
    # The columns of B stand one after the other: squares of them are turned in registers.
    for left in range(0, width, lanes):
        there = min(lanes, used - left)
        start = (first + left) * b_n
        k = 0
        if there == lanes:
            while k + lanes <= depth:
                transpose(b, start + k, b_n, data, at + k * width + left, width)
                k += lanes
        for rest in range(k, depth):
            for n in range(lanes):
                number = b[start + n * b_n + rest] if n < there else 0
                data[at + rest * width + left + n] = number


@shared
def _pack(panel, last_panel, b, b_k, b_n, depth, columns, data):
    full = _WIDEST * (_BYTES // b.itemsize)
    for first in range(panel * full, min(last_panel * full, columns), full):
        _pack_panel(b, b_k, b_n, depth, first, min(full, columns - first), data, first * depth)


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


@inlined
def _multiply_panel(a, a_row, a_k, first, last, b, b_at, depth, columns, column, used, edge, bias, c):  # fmt: skip  # noqa: E501
    """Rows ``first`` to ``last`` of C and one panel: ``used`` columns from ``column`` on."""
    lanes = _BYTES // a.itemsize
    full = _WIDEST * lanes
    flat = c.reshape(-1)
    vectors = (used + lanes - 1) // lanes
    if bias.size:
        for m in range(first, last):
            at = m * columns + column
            for n in range(0, used // lanes * lanes, lanes):
                copy(bias, column + n, flat, at + n)
            for n in range(used // lanes * lanes, used):
                flat[at + n] = bias[column + n]
    if vectors * lanes == used:
        for k in range(0, max(depth, 1), _DEEP):
            panel_product(
                a, first * a_row + k * a_k, a_row, a_k, last - first, b, b_at + k * used, vectors,
                flat, first * columns + column, columns, min(_DEEP, depth - k),
                k > 0 or bias.size > 0,
            )  # fmt: skip
        return
    # The last panel is wider than what is left of C: its tiles go through a buffer.
    for m in range(first, last, _TALLEST):
        rows = min(_TALLEST, last - m)
        for r in range(rows):
            for n in range(used):
                edge[r * full + n] = c[m + r, column + n] if bias.size else 0
        panel_product(a, m * a_row, a_row, a_k, rows, b, b_at, vectors, edge, 0, full, depth, True)
        for r in range(rows):
            for n in range(used):
                c[m + r, column + n] = edge[r * full + n]


@inlined
def multiply(a, a_row, a_k, first, last, b, depth, columns, panel, last_panel, bias, c):
    """Rows ``first`` to ``last`` of C, and its panels ``panel`` to ``last_panel``."""
    full = _WIDEST * (_BYTES // a.itemsize)
    edge = np.empty(_TALLEST * full, a.dtype)
    for j in range(panel, last_panel):
        at = j * full
        used = min(full, columns - at)
        _multiply_panel(
            a, a_row, a_k, first, last, b, at * depth, depth, columns, at, used, edge, bias, c
        )


@shared
def _by_rows(first, last, a, a_row, a_k, b, depth, columns, panels, bias, c):
    """Some rows of C."""
    multiply(a, a_row, a_k, first, last, b, depth, columns, 0, panels, bias, c)


@shared
def _by_panels(panel, last_panel, a, a_row, a_k, rows, b, depth, columns, bias, c):
    """Some panels of C, all rows."""
    multiply(a, a_row, a_k, 0, rows, b, depth, columns, panel, last_panel, bias, c)


@shared
def _by_own_panels(first, last, a, a_row, a_k, rows, b, b_k, b_n, depth, columns, bias, c):
    """Some columns of C, all rows, from vector ``first`` to ``last``: packed on the way."""
    lanes = _BYTES // a.itemsize
    full, end = _WIDEST * lanes, min(last * lanes, columns)
    edge = np.empty(_TALLEST * full, a.dtype)
    packed = np.empty(full * depth, a.dtype)
    for at in range(first * lanes, end, full):
        used = min(full, end - at)
        _pack_panel(b, b_k, b_n, depth, at, used, packed, 0)
        _multiply_panel(a, a_row, a_k, 0, rows, packed, 0, depth, columns, at, used, edge, bias, c)
