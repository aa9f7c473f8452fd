"""Explicit vector code over listed rows of a table: products with a vector, sums, updates.

A table's rows are ``width`` numbers long, a whole number of vector registers, and follow each
other without gaps. Every result is summed in one order, which depends neither on the place of a
row in its list nor on its neighbours there. Offsets count numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from lexon.kernels.lean import part
from lexon.kernels.simd import lanes, prefetch_line

#: Lists that ``dots`` reads are filled up to a multiple of this many rows.
GROUP = 4
#: So many row numbers behind the end of a list may be read; they must be rows.
PAD = 2 * GROUP
#: Vectors of a row that are held in registers at a time.
_HELD = 8
#: So many vectors may meet the rows of one list together.
TOGETHER = 4
#: So many exchange with the rows of one list.
MOST_EXCHANGED = 10
#: Vectors of each that are held in registers, where 1, 2, ... go together or exchange: of x, y and
#: the row 2 * count + 1, of 32 registers. With 16 the compiler reads some x from memory again.
_HELD_TOGETHER = [_HELD] + [_HELD // 2] * (TOGETHER - 1)
_HELD_EXCHANGED = [max(1, min(4, 14 // count)) for count in range(1, MOST_EXCHANGED + 1)]


class _Writer:
    """Writes instructions on vectors of one number type."""

    def __init__(self, context: Any, builder: Any, signature: Any, given: Any) -> None:
        self.context, self.builder, self.signature, self.given = context, builder, signature, given
        dtype = signature.args[0].dtype
        self.itemsize = 8 if dtype == types.float64 else 4
        self.lanes = lanes(self.itemsize)
        self.vector = ir.VectorType(context.get_data_type(dtype), self.lanes)

    def data(self, place: int) -> Any:
        array = self.context.make_array(self.signature.args[place])
        return array(self.context, self.builder, self.given[place]).data

    def at(self, base: Any, *offsets: Any) -> Any:
        for offset in offsets:
            base = self.builder.gep(base, [offset])
        return base

    def number(self, value: int) -> Any:
        return ir.Constant(ir.IntType(64), value)

    def row(self, table: Any, width: Any, ids: Any, place: Any) -> Any:
        """Where the row begins whose number is ids[place]."""
        row = self.builder.sext(self.builder.load(self.at(ids, place)), ir.IntType(64))
        return self.at(table, self.builder.mul(row, width))

    def load(self, line: Any, v: int = 0) -> Any:
        loaded = self.builder.load(self._place(line, v))
        loaded.align = self.itemsize
        return loaded

    def store(self, value: Any, line: Any, v: int = 0) -> None:
        self.builder.store(value, self._place(line, v)).align = self.itemsize

    def _place(self, line: Any, v: int) -> Any:
        place = self.at(line, self.number(v * self.lanes))
        return self.builder.bitcast(place, self.vector.as_pointer())

    def repeat(self, number: Any) -> Any:
        nothing = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
        return self.builder.shuffle_vector(first, nothing, _places([0] * self.lanes))

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        product = self.builder.fmul(a, b, flags=["contract"])
        return self.builder.fadd(c, product, flags=["contract"])

    def zero(self) -> Any:
        return ir.Constant(self.vector, [0.0] * self.lanes)

    def variable(self, value: Any) -> Any:
        """A place that the compiler keeps in a register."""
        place = cgutils.alloca_once(self.builder, self.vector)
        self.builder.store(value, place)
        return place

    def sums(self, vectors: list[Any]) -> list[Any]:
        """The sum of the lanes of each vector: vectors that hold one number for each given one.

        Neighbouring lanes are added until one is left; two vectors share one while they can.
        """
        builder, size = self.builder, self.lanes
        for _ in range(size.bit_length() - 1):
            joined = []
            for i in range(0, len(vectors), 2):
                pair = vectors[i], vectors[min(i + 1, len(vectors) - 1)]
                length = pair[0].type.count * (2 if len(vectors) > 1 else 1)
                even = builder.shuffle_vector(*pair, _places(range(0, length, 2)))
                odd = builder.shuffle_vector(*pair, _places(range(1, length, 2)))
                joined.append(builder.fadd(even, odd))
            vectors = joined
        return vectors

    def for_blocks(self, width: Any, write: Callable[[int, Any], None], held: int = _HELD) -> None:
        """``write(vectors, offset)`` for pieces of rows: ``held`` vectors, the last one fewer."""
        builder = self.builder
        step = self.number(held * self.lanes)
        pieces = builder.udiv(builder.add(width, builder.sub(step, self.number(1))), step)
        with cgutils.for_range(builder, pieces) as loop:
            offset = builder.mul(loop.index, step)
            left = builder.udiv(builder.sub(width, offset), self.number(self.lanes))
            self.for_number(left, held, lambda vectors: write(vectors, offset))

    def for_rows_together(
        self, count: Any, width: Any, held: list[int], write: Callable[[int, int, Any], None]
    ) -> None:
        """``write(count, vectors, offset)`` for pieces of rows: held[count - 1] vectors."""

        def pieces(n: int) -> None:
            self.for_blocks(width, partial(write, n), held[n - 1])

        self.for_number(count, len(held), pieces)

    def for_number(self, number: Any, most: int, write: Callable[[int], None]) -> None:
        """``write(n)`` for the n that ``number`` is at run time; above ``most`` counts as that.

        Comparisons, one after the other: a table of jumps is up to 6 % slower.
        """
        builder = self.builder
        end = builder.append_basic_block("end")
        for n in range(1, most):
            here, further = (builder.append_basic_block(name) for name in ("here", "further"))
            builder.cbranch(builder.icmp_signed("==", number, self.number(n)), here, further)
            builder.position_at_end(here)
            write(n)
            builder.branch(end)
            builder.position_at_end(further)
        write(most)
        builder.branch(end)
        builder.position_at_end(end)


def _places(numbers: Any) -> Any:
    chosen = list(numbers)
    return ir.Constant(ir.VectorType(ir.IntType(32), len(chosen)), chosen)


def _write(generate: Callable[[_Writer], None]) -> Callable[..., Any]:
    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        generate(_Writer(context, builder, signature, given))
        return context.get_dummy_value()

    return code


@cache
def _products(rows: int, most: int) -> Any:
    """out[first + shift + j * stride + i] = h_j . table[ids[first + i]], i < rows, j < count.

    h_j begins ``width`` numbers after h_(j - 1); count is 1 to ``most``.
    """

    def generate(w: _Writer) -> None:
        builder = w.builder
        _, h_at, _, width, _, first, _, shift, stride, count = w.given
        h, table, ids, out = w.at(w.data(0), h_at), w.data(2), w.data(4), w.data(6)
        lines = [w.row(table, width, ids, builder.add(first, w.number(i))) for i in range(rows)]
        vectors = builder.udiv(width, w.number(w.lanes))

        def products(count: int) -> None:
            own = [w.at(h, builder.mul(width, w.number(j))) for j in range(count)]
            totals = [[w.variable(w.zero()) for _ in lines] for _ in own]
            with cgutils.for_range(builder, vectors) as loop:
                offset = builder.mul(loop.index, w.number(w.lanes))
                parts = [w.load(w.at(line, offset)) for line in own]
                for i, line in enumerate(lines):
                    row = w.load(w.at(line, offset))
                    for part, sums in zip(parts, totals, strict=True):
                        builder.store(w.multiply_add(part, row, builder.load(sums[i])), sums[i])
            for j, sums in enumerate(totals):
                at = builder.add(builder.add(first, shift), builder.mul(stride, w.number(j)))
                for result in w.sums([builder.load(total) for total in sums]):
                    where = builder.bitcast(w.at(out, at), result.type.as_pointer())
                    builder.store(result, where).align = w.itemsize
                    at = builder.add(at, w.number(result.type.count))

        w.for_number(count, most, products)

    @intrinsic
    def products(context, h, h_at, table, width, ids, first, out, shift, stride, count):
        index = types.intp
        signature = types.void(h, index, table, index, ids, index, out, index, index, index)
        return signature, _write(generate)

    return products


_products_2, _products_4 = _products(2, TOGETHER), _products(GROUP, TOGETHER)
_products_8 = _products(2 * GROUP, 1)


@part
def dots(h, h_at, table, ids, first, last, out, shift, stride, count):
    """out[i + shift + j * stride] = h_j . table[ids[i]] for i from first to last, j < count.

    i goes on to whole groups. There are up to TOGETHER h, ``width`` numbers after each other.
    """
    width = table.shape[1]
    i = first
    while count == 1 and i + GROUP < last:
        _products_8(h, h_at, table, width, ids, i, out, shift, stride, count)
        i += 2 * GROUP
    while i + 2 < last:
        _products_4(h, h_at, table, width, ids, i, out, shift, stride, count)
        i += GROUP
    if i < last:
        _products_2(h, h_at, table, width, ids, i, out, shift, stride, count)


def _combine(context, table, width, ids, first, last, factors, shift, stride, y, y_at, count, add):
    """y_j (+)= sum of factors[i + shift + j * stride] * table[ids[i]], first to last, in order.

    The y stand ``width`` numbers after each other; there are 1 to TOGETHER of them.
    """

    def generate(w: _Writer) -> None:
        builder = w.builder
        _, width, _, first, last, _, shift, stride, _, y_at, count, add = w.given
        table, ids, factors = w.data(0), w.data(2), w.at(w.data(5), shift)
        y = w.at(w.data(8), y_at)

        def combine(count: int, vectors: int, offset: Any) -> None:
            lines = [w.at(y, builder.mul(width, w.number(j)), offset) for j in range(count)]
            totals = [
                [w.variable(builder.select(add, w.load(own, v), w.zero())) for v in range(vectors)]
                for own in lines
            ]
            with cgutils.for_range(builder, last, start=first) as loop:
                line = w.at(w.row(table, width, ids, loop.index), offset)
                row = [w.load(line, v) for v in range(vectors)]
                for j, sums in enumerate(totals):
                    at = builder.add(loop.index, builder.mul(stride, w.number(j)))
                    factor = w.repeat(builder.load(w.at(factors, at)))
                    for part, total in zip(row, sums, strict=True):
                        added = w.multiply_add(factor, part, builder.load(total))
                        builder.store(added, total)
            for own, sums in zip(lines, totals, strict=True):
                for v, total in enumerate(sums):
                    w.store(builder.load(total), own, v)

        w.for_rows_together(count, width, _HELD_TOGETHER, combine)

    index = types.intp
    signature = types.void(
        table, index, ids, index, index, factors, index, index, y, index, index, types.boolean
    )
    return signature, _write(generate)


def _spread(context, table, width, ids, first, last, factors, shift, stride, x, x_at, count):
    """table[ids[i]] += sum of factors[i + shift + j * stride] * x_j, first to last, in order.

    The x stand ``width`` numbers after each other; there are 1 to TOGETHER of them.
    """

    def generate(w: _Writer) -> None:
        builder = w.builder
        _, width, _, first, last, _, shift, stride, _, x_at, count = w.given
        table, ids, factors = w.data(0), w.data(2), w.at(w.data(5), shift)
        x = w.at(w.data(8), x_at)

        def spread(count: int, vectors: int, offset: Any) -> None:
            own = [w.at(x, builder.mul(width, w.number(j)), offset) for j in range(count)]
            held = [[w.load(line, v) for v in range(vectors)] for line in own]
            with cgutils.for_range(builder, last, start=first) as loop:
                line = w.at(w.row(table, width, ids, loop.index), offset)
                places = [builder.mul(stride, w.number(j)) for j in range(count)]
                each = [
                    w.repeat(builder.load(w.at(factors, builder.add(loop.index, place))))
                    for place in places
                ]
                for v in range(vectors):
                    total = w.load(line, v)
                    for factor, parts in zip(each, held, strict=True):
                        total = w.multiply_add(factor, parts[v], total)
                    w.store(total, line, v)

        w.for_rows_together(count, width, _HELD_TOGETHER, spread)

    index = types.intp
    signature = types.void(table, index, ids, index, index, factors, index, index, x, index, index)
    return signature, _write(generate)


def _exchange(context, table, width, ids, first, last, factors, shift, stride, x, y, at, count):
    """y_j = sum_i f_ij table[ids[i]] and, of all i, table[ids[i]] += sum_j f_ij x_j.

    f_ij = factors[i + shift + j * stride], i from first to last; the x and the y both begin at
    ``at``, ``width`` numbers after each other, 1 to MOST_EXCHANGED of them. No row may be listed
    twice: each is read once, and gives what it was before it takes.
    """

    def generate(w: _Writer) -> None:
        builder = w.builder
        _, width, _, first, last, _, shift, stride, _, _, at, count = w.given
        table, ids, factors = w.data(0), w.data(2), w.at(w.data(5), shift)
        x, y = w.at(w.data(8), at), w.at(w.data(9), at)

        def exchange(count: int, vectors: int, offset: Any) -> None:
            places = [builder.mul(width, w.number(j)) for j in range(count)]
            given = [
                [w.load(w.at(x, place, offset), v) for v in range(vectors)] for place in places
            ]
            totals = [[w.variable(w.zero()) for _ in range(vectors)] for _ in places]
            with cgutils.for_range(builder, last, start=first) as loop:
                line = w.at(w.row(table, width, ids, loop.index), offset)
                before = [w.load(line, v) for v in range(vectors)]
                after = list(before)
                for j, (own, sums) in enumerate(zip(given, totals, strict=True)):
                    place = builder.add(loop.index, builder.mul(stride, w.number(j)))
                    factor = w.repeat(builder.load(w.at(factors, place)))
                    for v in range(vectors):
                        total = w.multiply_add(factor, before[v], builder.load(sums[v]))
                        builder.store(total, sums[v])
                        after[v] = w.multiply_add(factor, own[v], after[v])
                for v in range(vectors):
                    w.store(after[v], line, v)
            for place, sums in zip(places, totals, strict=True):
                for v, total in enumerate(sums):
                    w.store(builder.load(total), w.at(y, place, offset), v)

        w.for_rows_together(count, width, _HELD_EXCHANGED, exchange)

    index = types.intp
    signature = types.void(
        table, index, ids, index, index, factors, index, index, x, y, index, index
    )
    return signature, _write(generate)


def _gather(context, table, width, ids, first, last, y, y_at):
    """y_i = table[ids[i]] for i from first to last; the y stand ``width`` numbers apart."""

    def copy(w: _Writer, line: Any, own: Any, vectors: int) -> None:
        for v in range(vectors):
            w.store(w.load(line, v), own, v)

    index = types.intp
    return types.void(table, index, ids, index, index, y, index), _row_by_row(copy)


def _scatter(context, table, width, ids, first, last, y, y_at):
    """table[ids[i]] += y_i for i from first to last, in order."""

    def add(w: _Writer, line: Any, own: Any, vectors: int) -> None:
        added = [w.load(own, v) for v in range(vectors)]
        sums = [w.builder.fadd(w.load(line, v), part) for v, part in enumerate(added)]
        for v, total in enumerate(sums):
            w.store(total, line, v)

    index = types.intp
    return types.void(table, index, ids, index, index, y, index), _row_by_row(add)


def _row_by_row(write: Callable[[_Writer, Any, Any, int], None]) -> Callable[..., Any]:
    """``write`` for each listed row of a table (``line``) and its own row of y (``own``)."""

    def generate(w: _Writer) -> None:
        builder = w.builder
        _, width, _, first, last, _, y_at = w.given
        table, ids, y = w.data(0), w.data(2), w.at(w.data(5), y_at)

        def piece(vectors: int, offset: Any) -> None:
            with cgutils.for_range(builder, last, start=first) as loop:
                place = builder.mul(builder.sub(loop.index, first), width)
                line = w.at(w.row(table, width, ids, loop.index), offset)
                write(w, line, w.at(y, place, offset), vectors)

        w.for_blocks(width, piece)

    return _write(generate)


combine: Any = intrinsic(_combine)
exchange: Any = intrinsic(_exchange)
spread: Any = intrinsic(_spread)
gather: Any = intrinsic(_gather)
scatter: Any = intrinsic(_scatter)


def _prefetch(context, table, width, row):
    """Ask for a row's cache lines ahead of its use."""
    signature = types.void(table, types.intp, types.intp)

    def generate(w: _Writer) -> None:
        builder = w.builder
        _, width, row = w.given
        line = w.at(w.data(0), builder.mul(row, width))
        step = 64 // w.itemsize
        with cgutils.for_range(builder, builder.udiv(width, w.number(step))) as loop:
            place = w.at(line, builder.mul(loop.index, w.number(step)))
            prefetch_line(builder, place, written=True, kept=True)

    return signature, _write(generate)


prefetch: Any = intrinsic(_prefetch)


#: So many coefficients are computed at a time.
STEP = 16


def _pulls(context, numbers, at, wanted, weight, first, rate):
    """g = rate * (wanted - weight * sigmoid(s)) for STEP numbers s, which g replaces.

    numbers[at + i] takes wanted[first + i] and weight[first + i].
    """

    def generate(w: _Writer) -> None:
        builder = w.builder
        w.vector = ir.VectorType(w.vector.element, STEP)
        w.lanes = STEP
        _, at, _, _, first, rate = w.given
        place = w.at(w.data(0), at)
        power = _exponential(w, builder.fneg(w.load(place)))
        one = _all(w, 1.0)
        sigmoid = builder.fdiv(one, builder.fadd(one, power))
        parts = []
        for array in (2, 3):
            line = w.at(w.data(array), first)
            kind = ir.VectorType(ir.FloatType(), STEP)
            part = builder.load(builder.bitcast(line, kind.as_pointer()))
            part.align = 4
            parts.append(part if w.itemsize == 4 else builder.fpext(part, w.vector))
        weighed = builder.fmul(parts[1], sigmoid)
        w.store(builder.fmul(w.repeat(rate), builder.fsub(parts[0], weighed)), place)

    index = types.intp
    signature = types.void(numbers, index, wanted, weight, index, numbers.dtype)
    return signature, _write(generate)


def _all(w: _Writer, number: float) -> Any:
    return ir.Constant(w.vector, [number] * STEP)


def _exponential(w: _Writer, x: Any) -> Any:
    """e**x for a vector, by the formula of ``elementary.exponential``."""
    builder = w.builder
    if w.itemsize == 8:
        return _call(w, f"llvm.exp.v{STEP}f64", x)
    held = builder.select(builder.fcmp_ordered(">", x, _all(w, -104.0)), x, _all(w, -104.0))
    held = builder.select(builder.fcmp_ordered("<", held, _all(w, 89.0)), held, _all(w, 89.0))
    scaled = w.multiply_add(held, _all(w, _single(1.44269504)), _all(w, 0.5))
    n = _call(w, f"llvm.floor.v{STEP}f32", scaled)
    r = w.multiply_add(n, _all(w, _single(-0.693359375)), held)
    r = w.multiply_add(n, _all(w, _single(2.12194440e-4)), r)
    p = _all(w, _single(1.9875691500e-4))
    for c in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1):
        p = w.multiply_add(p, r, _all(w, _single(c)))
    p = builder.fadd(w.multiply_add(builder.fmul(p, r), r, r), _all(w, 1.0))
    whole = ir.VectorType(ir.IntType(32), STEP)

    def power_of_two(exponent: Any) -> Any:
        biased = builder.add(exponent, ir.Constant(whole, [127] * STEP))
        shifted = builder.shl(biased, ir.Constant(whole, [23] * STEP))
        return builder.bitcast(shifted, w.vector)

    exponent = builder.fptosi(n, whole)
    half = builder.ashr(exponent, ir.Constant(whole, [1] * STEP))
    result = builder.fmul(p, power_of_two(half))
    result = builder.fmul(result, power_of_two(builder.sub(exponent, half)))
    return builder.select(builder.fcmp_unordered("uno", x, x), x, result)


def _call(w: _Writer, name: str, x: Any) -> Any:
    kind = ir.FunctionType(w.vector, [w.vector])
    return w.builder.call(cgutils.get_or_insert_function(w.builder.module, kind, name), [x])


def _single(number: float) -> float:
    """The float32 nearest to a number: what a constant of LLVM's float type must be."""
    return float(np.float32(number))


pulls: Any = intrinsic(_pulls)
