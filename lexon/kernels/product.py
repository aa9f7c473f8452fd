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
from lexon.kernels.wide import load, store

Array = npt.NDArray[Any]

_BYTES = registers().bytes
_TALLEST = registers().rows[0]
_WIDEST = registers().vectors
_tall_1, _tall_2, _tall_w = (tile(_TALLEST, v) for v in (1, 2, _WIDEST))
_four_1, _four_2, _four_w = (tile(4, v) for v in (1, 2, _WIDEST))
_two_1, _two_2, _two_w = (tile(2, v) for v in (1, 2, _WIDEST))
_one_1, _one_2, _one_w = (tile(1, v) for v in (1, 2, _WIDEST))

#: From so many rows of A on, and no fewer than half the columns, they are what threads share: each
#: then has the rows it had in the product before; else the panels of B, which are met once. A
#: block has about as many where there are enough.
MANY_ROWS = 128
#: Where each block of rows packs B for itself, it has so many times as many.
PACKED_FOR = 2
#: Floating-point operations that one thread takes at a time, at least, and blocks at most.
A_BLOCK, BLOCKS_A_THREAD = 4_000_000, 4
#: Numbers of a column that are summed before the next rows of A: of a panel, so much stays near.
_DEEP = 512
#: Bytes of A that stay near while they meet one panel after the other.
_NEAR = 256 << 10
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

    Where B serves once, the threads that multiply with a part of it pack it on the way.
    """
    rows, depth = a.shape
    columns = b.columns if isinstance(b, Panels) else b.shape[1]
    c = np.empty((rows, columns), a.dtype)
    bias = _NO_BIAS[a.dtype.char] if bias is None else np.ascontiguousarray(bias)
    work, left, rest = 2.0 * rows * depth * columns, _flat(a), (depth, columns, bias, c)
    if rows >= MANY_ROWS and 2 * rows >= columns:
        if isinstance(b, Panels):
            length = _rows_at_once(rows, work, MANY_ROWS)
            _by_rows(rows, length, work, *left, b.data, 0, 0, True, *rest)
        else:
            length = _rows_at_once(rows, work, PACKED_FOR * MANY_ROWS)
            _by_rows(rows, length, work, *left, *_flat(b), False, *rest)
    elif isinstance(b, Panels):
        panels = -(-columns // panel_width(a.dtype))
        _by_panels(panels, -(-panels // _parts(work)), work, *left, rows, b.data, *rest)
    else:
        vectors = -(-columns * a.itemsize // _BYTES)
        length = _vectors_at_once(vectors, work)
        _by_own_panels(vectors, length, work, *left, rows, *_flat(b), *rest)
    return c


def _parts(work: float) -> int:
    """How many blocks are worth a call, up to some for each thread. No bit depends on it."""
    return max(min(int(work / A_BLOCK), BLOCKS_A_THREAD * parallel.threads()), 1)


def _rows_at_once(rows: int, work: float, few: int) -> int:
    """Rows of a block, in tallest tiles: not ``few``, as all of B is met anew for each block."""
    parts = min(_parts(work), parallel.threads() * -(-rows // (parallel.threads() * few)))
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
def panel_product(a, a_at, a_row, a_k, rows, b, b_at, vectors, c, c_at, c_row, depth, begun, s, s_at, s_row):  # fmt: skip  # noqa: E501
    """C = A B for one panel of B: ``rows`` rows of A, tallest tiles first.

    Where they have ``begun``, the sums go on from S, rows ``s_row`` apart.
    """
    m = 0
    while m + _TALLEST <= rows:
        x, y, z = a_at + m * a_row, c_at + m * c_row, s_at + m * s_row
        if vectors == 1:
            _tall_1(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, begun, s, z, s_row)
        elif vectors == 2:
            _tall_2(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, begun, s, z, s_row)
        else:
            _tall_w(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, begun, s, z, s_row)
        m += _TALLEST
    if m + 4 <= rows:
        x, y, z = a_at + m * a_row, c_at + m * c_row, s_at + m * s_row
        if vectors == 1:
            _four_1(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, begun, s, z, s_row)
        elif vectors == 2:
            _four_2(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, begun, s, z, s_row)
        else:
            _four_w(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, begun, s, z, s_row)
        m += 4
    if m + 2 <= rows:
        x, y, z = a_at + m * a_row, c_at + m * c_row, s_at + m * s_row
        if vectors == 1:
            _two_1(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, begun, s, z, s_row)
        elif vectors == 2:
            _two_2(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, begun, s, z, s_row)
        else:
            _two_w(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, begun, s, z, s_row)
        m += 2
    if m < rows:
        x, y, z = a_at + m * a_row, c_at + m * c_row, s_at + m * s_row
        if vectors == 1:
            _one_1(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, begun, s, z, s_row)
        elif vectors == 2:
            _one_2(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, begun, s, z, s_row)
        else:
            _one_w(a, x, a_row, a_k, b, b_at, c, y, c_row, depth, begun, s, z, s_row)


@inlined
def _add_products(a, a_at, a_row, a_k, rows, b, b_at, depth, c, first, column, end, begun, bias, edge):  # fmt: skip  # noqa: E501
    """``rows`` rows of C from ``first`` on, the panel at ``column``: ``depth`` products more.

    Columns from ``end`` on are not its own; sums that have not ``begun`` begin with the bias.
    """
    lanes = _BYTES // a.itemsize
    full, row, flat = _WIDEST * lanes, c.shape[1], c.reshape(-1)
    used, at = min(full, end - column), first * row + column
    vectors = (used + lanes - 1) // lanes
    if vectors * lanes == used:
        start, start_at, start_row = (flat, at, row) if begun else (bias, column, 0)
        some = begun or bias.size > 0
        panel_product(a, a_at, a_row, a_k, rows, b, b_at, vectors, flat, at, row, depth, some, start, start_at, start_row)  # fmt: skip  # noqa: E501
        return
    # The last panel is wider than what is left of C: its tiles go through a buffer.
    for m in range(0, rows, _TALLEST):
        height, there = min(_TALLEST, rows - m), at + m * row
        for r in range(height):
            for v in range(0, used, lanes):
                if begun:
                    start = load(flat, there + r * row + v, used - v)
                else:
                    start = load(bias, column + v, min(bias.size, used - v))
                store(edge, r * full + v, lanes, start)
        panel_product(a, a_at + m * a_row, a_row, a_k, height, b, b_at, vectors, edge, 0, full, depth, True, edge, 0, full)  # fmt: skip  # noqa: E501
        for r in range(height):
            for v in range(0, used, lanes):
                sums = load(edge, r * full + v, lanes)
                store(flat, there + r * row + v, used - v, sums)


@inlined
def _multiply_panel(a, a_row, a_k, first, last, b, b_at, depth, c, column, end, bias, edge):
    """Rows ``first`` to ``last`` of C, the panel at ``column``."""
    lanes = _BYTES // a.itemsize
    width = (min(_WIDEST * lanes, end - column) + lanes - 1) // lanes * lanes
    for k in range(0, max(depth, 1), _DEEP):
        _add_products(
            a, first * a_row + k * a_k, a_row, a_k, last - first, b, b_at + k * width,
            min(_DEEP, depth - k), c, first, column, end, k > 0, bias, edge,
        )  # fmt: skip


@inlined
def multiply(a, a_row, a_k, first, last, b, depth, columns, panel, last_panel, bias, c):
    """Rows ``first`` to ``last`` of C, and its panels ``panel`` to ``last_panel``."""
    full = _WIDEST * (_BYTES // a.itemsize)
    edge = np.empty(_TALLEST * full, a.dtype)
    for column in range(panel * full, min(last_panel * full, columns), full):
        _multiply_panel(
            a, a_row, a_k, first, last, b, column * depth, depth, c, column, columns, bias, edge
        )


@shared
def _by_rows(first, last, a, a_row, a_k, b, b_k, b_n, packed, depth, columns, bias, c):
    """Some rows of C: a part of A that stays near meets all panels, packed here if not before."""
    lanes = _BYTES // a.itemsize
    full, deepest = _WIDEST * lanes, min(depth, _DEEP)
    edge = np.empty(_TALLEST * full, a.dtype)
    own = np.empty(0 if packed else deepest * ((columns + lanes - 1) // lanes * lanes), a.dtype)
    near = max(_NEAR // (max(deepest, 1) * a.itemsize * _TALLEST), 1) * _TALLEST
    for k in range(0, max(depth, 1), _DEEP):
        deep = min(_DEEP, depth - k)
        panels, height = (b, depth) if packed else (own, deep)
        if not packed:
            for column in range(0, columns, full):
                used = min(full, columns - column)
                _pack_panel(b[k * b_k :], b_k, b_n, deep, column, used, own, column * deep)
        for m in range(first, last, near):
            for column in range(0, columns, full):
                width = (min(full, columns - column) + lanes - 1) // lanes * lanes
                _add_products(
                    a, m * a_row + k * a_k, a_row, a_k, min(near, last - m), panels,
                    column * height + (k * width if packed else 0), deep, c, m, column, columns,
                    k > 0, bias, edge,
                )  # fmt: skip


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
        _multiply_panel(a, a_row, a_k, 0, rows, packed, 0, depth, c, at, end, bias, edge)
