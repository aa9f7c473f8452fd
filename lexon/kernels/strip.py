"""Products of a few rows with weights that serve for many time steps, strip by strip.

A strip is one or two vectors of columns of B (K, N), packed row after row. Two vectors leave
room for tiles so tall that a batch is one or a few of them, of nearly equal heights: twenty rows
are 10 + 10, not 12 + 8, and each number of the strip is loaded that much less often. As in
``product.py`` each number of C is one sum over k in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lexon import parallel
from lexon.kernels.compile import inlined
from lexon.kernels.product import PACK_BLOCK, PACKING, Array, aligned
from lexon.kernels.shared import shared
from lexon.kernels.simd import registers, transpose
from lexon.kernels.wide import _repeated, load, store

_BYTES = registers().bytes
#: Columns of a full strip, in vectors, and the tallest tile over it: as many sums as fit.
VECTORS = 2
TALLEST = registers().rows[0] * registers().vectors // VECTORS
#: Rows and columns that a thread sums at a time: they and a strip stay in its own cache.
_ROWS_AT_ONCE, _COLUMNS_AT_ONCE = 800, 4 * TALLEST


def strip_width(dtype: Any) -> int:
    """Columns of a full strip."""
    return VECTORS * _BYTES // np.dtype(dtype).itemsize


class _Tile:
    """Writes the instructions of one tile of ``rows`` x ``vectors`` vectors.

    The numbers of A stand next to each other along k, or down its rows: with a stride that is
    known, their addresses need no chain of sums, longer than the multiply-adds take. Along k two
    steps share an address.
    """

    def __init__(self, builder: Any, kind: Any, rows: int, vectors: int, along: bool) -> None:
        self.builder, self.rows, self.vectors, self.along = builder, rows, vectors, along
        self.itemsize = 8 if kind == types.float64 else 4
        number = ir.DoubleType() if kind == types.float64 else ir.FloatType()
        self.vector = ir.VectorType(number, _BYTES // self.itemsize)
        self.index = ir.IntType(64)

    def build(
        self, a: Any, a_stride: Any, b: Any, c: Any, c_row: Any, depth: Any, add: Any
    ) -> None:
        self.a, self.a_stride, self.b, self.c, self.c_row = a, a_stride, b, c, c_row
        builder, number = self.builder, self._number
        pairs = builder.and_(depth, number(-2))
        sums = self._loop(number(0), pairs, 2, self._first_sums(add))
        sums = self._loop(pairs, depth, 1, sums)
        for cell, total in zip(self._cells(), sums, strict=True):
            builder.store(total, cell).align = self.itemsize

    def _number(self, value: int) -> Any:
        return ir.Constant(self.index, value)

    def _vector(self, place: Any, offset: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(place, [offset]), self.vector.as_pointer())

    def _cells(self) -> Iterator[Any]:
        """Where the sums belong."""
        for m in range(self.rows):
            line = self.builder.mul(self.c_row, self._number(m))
            for v in range(self.vectors):
                yield self._vector(
                    self.c, self.builder.add(line, self._number(v * self.vector.count))
                )

    def _first_sums(self, add: Any) -> list[Any]:
        """What stands in C, or zeros."""
        builder = self.builder
        zero = ir.Constant(self.vector, None)
        with builder.if_else(add) as (then, otherwise):
            with then:
                loaded = [builder.load(cell, align=self.itemsize) for cell in self._cells()]
                loaded_in = builder.block
            with otherwise:
                cleared_in = builder.block
        sums = []
        for value in loaded:
            sums.append(builder.phi(self.vector))
            sums[-1].add_incoming(value, loaded_in)
            sums[-1].add_incoming(zero, cleared_in)
        return sums

    def _loop(self, start: Any, stop: Any, steps: int, first: list[Any]) -> list[Any]:
        """The sums after k from start to stop, ``steps`` at a time."""
        builder = self.builder
        before, body = builder.block, builder.append_basic_block("sum")
        after = builder.append_basic_block("after")
        builder.cbranch(builder.icmp_signed("<", start, stop), body, after)
        builder.position_at_end(body)
        k = builder.phi(self.index)
        sums = [builder.phi(self.vector) for _ in first]
        added: list[Any] = list(sums)
        for step in range(steps):
            added = self._one_step(k, step, added)
        following = builder.add(k, self._number(steps))
        for phi, old, new in zip([k, *sums], [start, *first], [following, *added], strict=True):
            phi.add_incoming(old, before)
            phi.add_incoming(new, body)
        builder.cbranch(builder.icmp_signed("<", following, stop), body, after)
        builder.position_at_end(after)
        results = []
        for old, new in zip(first, added, strict=True):
            results.append(builder.phi(self.vector))
            results[-1].add_incoming(old, before)
            results[-1].add_incoming(new, body)
        return results

    def _one_step(self, k: Any, step: int, sums: list[Any]) -> list[Any]:
        """sums + A[:, k + step] B[k + step, :]."""
        builder, number = self.builder, self._number
        line = self.vectors * self.vector.count
        row = builder.gep(self.b, [builder.mul(k, number(line))])
        columns = [
            builder.load(
                self._vector(row, number(step * line + v * self.vector.count)),
                align=self.itemsize,
            )
            for v in range(self.vectors)
        ]
        added = []
        for m in range(self.rows):
            if self.along:
                place = builder.gep(self.a, [builder.mul(self.a_stride, number(m))])
                place = builder.gep(builder.gep(place, [k]), [number(step)])
            else:
                place = builder.gep(
                    self.a, [builder.mul(self.a_stride, builder.add(k, number(step)))]
                )
                place = builder.gep(place, [number(m)])
            everywhere = _repeated(builder, builder.load(place), self.vector)
            for v in range(self.vectors):
                product = builder.fmul(everywhere, columns[v], flags=["contract"])
                total = sums[m * self.vectors + v]
                added.append(builder.fadd(total, product, flags=["contract"]))
        return added


def _any_tile(
    context, rows, a, a_at, a_stride, b, b_at, c, c_at, c_row, depth, add, vectors, along
):
    """C (+)= A B for up to ``TALLEST`` rows: jumps to the tile of that height."""
    if not isinstance(vectors, types.IntegerLiteral) or not isinstance(along, types.BooleanLiteral):
        return None
    index = types.intp

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        def place(array: int) -> Any:
            whole = context.make_array(signature.args[array])(context, builder, given[array])
            return builder.gep(whole.data, [given[array + 1]])

        height, a_stride, c_row, depth, add = (given[i] for i in (0, 3, 8, 9, 10))
        values = place(1), a_stride, place(4), place(6), c_row, depth, add
        end = builder.append_basic_block("end")
        jump = builder.switch(height, end)
        for rows in range(1, TALLEST + 1):
            block = builder.append_basic_block(f"rows_{rows}")
            jump.add_case(ir.Constant(height.type, rows), block)
            builder.position_at_end(block)
            kind = signature.args[1].dtype
            _Tile(builder, kind, rows, vectors.literal_value, along.literal_value).build(*values)
            builder.branch(end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    signature = types.void(
        index, a, index, index, b, index, c, index, index, index, types.boolean, vectors, along
    )
    return signature, generate


any_tile: Any = intrinsic(_any_tile)


@inlined
def strip_product(a, a_at, a_row, rows, b, b_at, vectors, c, c_at, c_row, depth):
    """C = A B for one strip of B: ``rows`` rows of A, in tiles of nearly equal heights."""
    tallest = TALLEST - 1  # two steps at a time take some registers more
    tiles = (rows + tallest - 1) // tallest
    m = 0
    while tiles > 0:
        height = (rows - m + tiles - 1) // tiles
        x, y = a_at + m * a_row, c_at + m * c_row
        if vectors == 1:
            any_tile(height, a, x, a_row, b, b_at, c, y, c_row, depth, False, 1, True)
        else:
            any_tile(height, a, x, a_row, b, b_at, c, y, c_row, depth, False, 2, True)
        m += height
        tiles -= 1


@inlined
def strip_sums(a, a_k, rows, b, b_at, vectors, c, c_at, c_row, depth, begun):
    """C (+)= A B for one strip of B, where A stands column after column."""
    for m in range(0, rows, TALLEST):
        height, y = min(TALLEST, rows - m), c_at + m * c_row
        if vectors == 1:
            any_tile(height, a, m, a_k, b, b_at, c, y, c_row, depth, begun, 1, False)
        else:
            any_tile(height, a, m, a_k, b, b_at, c, y, c_row, depth, begun, 2, False)


@inlined
def whole_vectors(columns, itemsize):
    """The numbers of the vectors that hold so many columns."""
    lanes = _BYTES // itemsize
    return (columns + lanes - 1) // lanes * lanes


def pack_strips(matrix: Array) -> Array:
    """B (K, N) as strips; missing columns are zeros."""
    return _packed(np.ascontiguousarray(matrix), 0, matrix.shape[1], 0)


def pack_before(h: Array, column: int, states: Array, first: Array, stride: int) -> Array:
    """h_prev (S, H) as strips: h moved on by one step, ``states`` (B, H) in the rows ``first``.

    h are the columns of an array (S, ...) from ``column`` on.
    """
    units, rows = states.shape[1], len(first)
    strips = _packed(h, column, units, stride)
    flat = states.reshape(-1)
    _put_rows(rows, rows, 0.0, flat, units, 0, first, 0, units, len(h), strips)
    return strips


def _packed(matrix: Array, column: int, columns: int, shift: int) -> Array:
    depth, line = matrix.shape
    strips = aligned(depth * padded_to_vectors(columns, matrix), matrix.dtype)
    work, length = PACKING * depth * columns, PACK_BLOCK // max(columns, 1)
    own, places = (matrix.reshape(-1), line, column), np.arange(depth)
    _put_rows(depth, length, work, *own, places, shift, columns, depth, strips)
    return strips


def pack_gates(weight: Array, gates: int) -> Array:
    """Strips of Uᵀ for U (G H, K): for each block of units its columns of every gate."""
    units, depth = weight.shape[0] // gates, weight.shape[1]
    strips = aligned(gates * padded_to_vectors(units, weight) * depth, weight.dtype)
    tasks, flat = -(-units // strip_width(weight.dtype)), np.ascontiguousarray(weight).reshape(-1)
    length = PACK_BLOCK * tasks // max(flat.size, 1)
    _pack_gates(tasks, length, PACKING * flat.size, flat, gates, units, depth, strips)
    return strips


def padded_to_vectors(columns: int, matrix: Array) -> int:
    """Columns of whole vectors."""
    lanes = _BYTES // matrix.itemsize
    return -(-columns // lanes) * lanes


@shared
def _put_rows(first_row, last_row, flat, line, start, places, shift, columns, depth, strips):
    """Row k of B becomes row ``places[k] + shift`` of the strips, if there is such a row.

    B are the columns from ``start`` on of rows of ``line`` numbers.
    """
    lanes = _BYTES // flat.itemsize
    full = VECTORS * lanes
    for k in range(first_row, last_row):
        row = places[k] + shift
        if row < 0 or row >= depth:
            continue
        for first in range(0, columns, full):
            width = whole_vectors(min(full, columns - first), flat.itemsize)
            for left in range(0, width, lanes):
                column = first + left
                number = load(flat, k * line + start + column, columns - column)
                store(strips, first * depth + row * width + left, lanes, number)


@shared
def _pack_gates(task, last_task, flat, gates, units, depth, strips):
    """Some blocks of units."""
    lanes = _BYTES // flat.itemsize
    full = VECTORS * lanes
    at = task * full * gates * depth
    for first in range(task * full, min(last_task * full, units), full):
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


def sums_over_rows(
    a: Array, first: int, total: Array, bs: tuple[Array, ...], cs: tuple[Array, ...]
) -> None:
    """Sums over the rows, in order: of A (S, M) into ``total`` (M), of Aᵀ B into each C (M, N).

    A are the columns of ``a`` from ``first`` on, as many as sums; each B (S, N) is given in strips.
    Threads share the columns of A: how many each takes at a time changes no bit.
    """
    rows, line = a.shape
    if rows == 0:
        for sums in (total, *cs):
            sums.fill(0)
        return
    columns, widths = len(total), np.array([c.shape[1] for c in cs])
    work, tasks = 2.0 * rows * columns * widths.sum(), parallel.threads()
    tasks *= max(-(-columns // (_COLUMNS_AT_ONCE * tasks)), 1)
    flat = tuple(c.reshape(-1) for c in cs)
    length = -(-columns // tasks)
    _sums(columns, length, work, a.reshape(-1), line, first, rows, bs, widths, total, flat)


@shared
def _sums(first, last, a, line, start, depth, bs, widths, total, cs):
    """The sums of columns ``first`` to ``last`` of A."""
    lanes = _BYTES // a.itemsize
    height, at_once = last - first, min(_ROWS_AT_ONCE, depth)
    tall = whole_vectors(height, a.itemsize)
    own, edge = np.empty(at_once * tall, a.dtype), np.empty(height * VECTORS * lanes, a.dtype)
    total[first:last] = 0
    for begin in range(0, depth, _ROWS_AT_ONCE):
        steps = min(_ROWS_AT_ONCE, depth - begin)
        _take_columns(a, begin * line + start + first, line, steps, height, own, total, first)
        for which in range(len(bs)):
            b, c = bs[which], cs[which]
            _add_strips(own, tall, height, b, begin, depth, steps, c, first, widths[which], edge)


@inlined
def _add_strips(own, tall, height, b, begin, depth, steps, c, first, columns, edge):
    """Rows of C from ``first`` on: sums over some rows of A and B, from row ``begin`` on."""
    lanes = _BYTES // c.itemsize
    full = VECTORS * lanes
    for column in range(0, columns, full):
        used, at = min(full, columns - column), first * columns + column
        width = whole_vectors(used, c.itemsize)
        row = column * depth + begin * width
        if width == used:
            strip_sums(own, tall, height, b, row, width // lanes, c, at, columns, steps, begin > 0)
            continue
        # The last strip is wider than what is left of C: its sums go through a buffer.
        for m in range(height):
            for n in range(0, used, lanes):
                before = load(c, at + m * columns + n, used - n)
                store(edge, m * width + n, lanes, before)
        strip_sums(own, tall, height, b, row, width // lanes, edge, 0, width, steps, begin > 0)
        for m in range(height):
            for n in range(0, used, lanes):
                sums = load(edge, m * width + n, lanes)
                store(c, at + m * columns + n, used - n, sums)


@inlined
def _take_columns(a, at, line, rows, columns, own, total, first):
    """Some columns of A, to have them near, row after row; their sums are added to ``total``."""
    lanes = _BYTES // a.itemsize
    tall = whole_vectors(columns, a.itemsize)
    part = np.zeros(tall, a.dtype)
    for k in range(rows):
        for m in range(0, columns, lanes):
            numbers = load(a, at + k * line + m, columns - m)
            store(own, k * tall + m, lanes, numbers)
            store(part, m, lanes, load(part, m, lanes) + numbers)
    for m in range(columns):
        total[first + m] += part[m]
