"""Products of a few rows with weights that serve for many time steps, strip by strip.

A strip is one or two vectors of columns of B (K, N), packed row after row. Two vectors leave
room for tiles so tall that a batch is one or a few of them, of nearly equal heights: twenty rows
are 10 + 10, not 12 + 8, and each number of the strip is loaded that much less often. As in
``product.py`` each number of C is one sum over k in order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lexon.kernels.compile import inlined, kernel
from lexon.kernels.product import Array, aligned
from lexon.kernels.simd import _Tile, registers, transpose
from lexon.kernels.wide import load, store
from lexon.parallel import blocks, share

_BYTES = registers().bytes
#: Columns of a full strip, in vectors, and the tallest tile over it: as many sums as fit.
VECTORS = 2
TALLEST = registers().rows[0] * registers().vectors // VECTORS
#: Rows over which a thread sums before it takes the next strip: both stay in the nearest cache.
_ROWS_AT_ONCE = 192


def strip_width(dtype: Any) -> int:
    """Columns of a full strip."""
    return VECTORS * _BYTES // np.dtype(dtype).itemsize


def _any_tile(context, rows, a, a_at, a_row, a_k, b, b_at, c, c_at, c_row, depth, add, vectors):
    """C (+)= A B for up to ``TALLEST`` rows: jumps to the tile of that height."""
    if not isinstance(vectors, types.IntegerLiteral):
        return None
    index = types.intp
    tile = a, index, index, index, b, index, c, index, index, index, types.boolean

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        height, values = given[0], given[1:-1]
        end = builder.append_basic_block("end")
        jump = builder.switch(height, end)
        for rows in range(1, TALLEST + 1):
            block = builder.append_basic_block(f"rows_{rows}")
            jump.add_case(ir.Constant(height.type, rows), block)
            builder.position_at_end(block)
            of_tile = types.void(*tile)
            _Tile(context, builder, of_tile, values, rows, vectors.literal_value).build()
            builder.branch(end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    return types.void(index, *tile, vectors), generate


any_tile: Any = intrinsic(_any_tile)


@inlined
def strip_product(a, a_at, a_row, a_k, rows, b, b_at, vectors, c, c_at, c_row, depth, add):
    """C (+)= A B for one strip of B: ``rows`` rows of A, in tiles of nearly equal heights."""
    tiles = (rows + TALLEST - 1) // TALLEST
    m = 0
    while tiles > 0:
        height = (rows - m + tiles - 1) // tiles
        x, y = a_at + m * a_row, c_at + m * c_row
        if vectors == 1:
            any_tile(height, a, x, a_row, a_k, b, b_at, c, y, c_row, depth, add, 1)
        else:
            any_tile(height, a, x, a_row, a_k, b, b_at, c, y, c_row, depth, add, 2)
        m += height
        tiles -= 1


@inlined
def whole_vectors(columns, itemsize):
    """The numbers of the vectors that hold so many columns."""
    lanes = _BYTES // itemsize
    return (columns + lanes - 1) // lanes * lanes


def pack_strips(matrix: Array) -> Array:
    """B (K, N) as strips; missing columns are zeros."""
    depth, columns = matrix.shape
    strips = aligned(depth * _whole(columns, matrix), matrix.dtype)
    _pack_strips(np.ascontiguousarray(matrix).reshape(-1), depth, columns, strips)
    return strips


def pack_gates(weight: Array, gates: int) -> Array:
    """Strips of Uᵀ for U (G H, K): for each block of units its columns of every gate."""
    units, depth = weight.shape[0] // gates, weight.shape[1]
    strips = aligned(gates * _whole(units, weight) * depth, weight.dtype)
    _pack_gates(np.ascontiguousarray(weight).reshape(-1), gates, units, depth, strips)
    return strips


def _whole(columns: int, matrix: Array) -> int:
    lanes = _BYTES // matrix.itemsize
    return -(-columns // lanes) * lanes


@kernel
def _pack_strips(flat, depth, columns, strips):
    lanes = _BYTES // flat.itemsize
    full = VECTORS * lanes
    at = 0
    for first in range(0, columns, full):
        width = whole_vectors(min(full, columns - first), flat.itemsize)
        for k in range(depth):
            for left in range(0, width, lanes):
                column = first + left
                number = load(flat, k * columns + column, columns - column)
                store(strips, at + left, lanes, number)
            at += width


@kernel
def _pack_gates(flat, gates, units, depth, strips):
    lanes = _BYTES // flat.itemsize
    full = VECTORS * lanes
    at = 0
    for first in range(0, units, full):
        used = min(full, units - first)
        width = whole_vectors(used, flat.itemsize)
        for gate in range(gates):
            for left in range(0, width, lanes):
                there = min(lanes, used - left)
                start = (gate * units + first + left) * depth
                k = 0
                if there == lanes:
                    while k + lanes <= depth:
                        transpose(flat, start + k, depth, strips, at + k * width + left, width)
                        k += lanes
                for rest in range(k, depth):
                    for n in range(lanes):
                        number = flat[start + n * depth + rest] if n < there else 0
                        strips[at + rest * width + left + n] = number
            at += depth * width


def row_sums(a: Array, b: Array) -> Array:
    """C = Aᵀ B, summed over the rows of A (S, M) and B (S, N) in order."""
    rows, height = a.shape
    strips, flat = pack_strips(b), np.ascontiguousarray(a).reshape(-1)
    c = np.empty((height, b.shape[1]), a.dtype)

    def some(first: int, last: int) -> None:
        _row_sums(flat, rows, height, first, last, strips, b.shape[1], c.reshape(-1))

    share(some, blocks(height, 2 * TALLEST), 2.0 * a.size * b.shape[1])
    return c


@kernel
def _row_sums(a, rows, height, first, last, strips, columns, c):
    """Rows ``first`` to ``last`` of C."""
    lanes = _BYTES // a.itemsize
    full = VECTORS * lanes
    own = last - first
    padded = whole_vectors(columns, a.itemsize)
    part = np.empty(_ROWS_AT_ONCE * own, a.dtype)
    total = np.zeros(own * padded, a.dtype)
    for begin in range(0, rows, _ROWS_AT_ONCE):
        depth = min(_ROWS_AT_ONCE, rows - begin)
        for k in range(depth):
            for m in range(0, own, lanes):
                number = load(a, (begin + k) * height + first + m, own - m)
                store(part, k * own + m, own - m, number)
        for column in range(0, columns, full):
            width = whole_vectors(min(full, columns - column), a.itemsize)
            strip_product(
                part, 0, 1, own, own, strips, column * rows + begin * width, width // lanes,
                total, column, padded, depth, True,
            )  # fmt: skip
    for m in range(own):
        for n in range(0, columns, lanes):
            there = columns - n
            store(c, (first + m) * columns + n, there, load(total, m * padded + n, lanes))
