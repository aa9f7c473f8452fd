"""The vector micro-kernel: a small block of a matrix product held in registers.

``tile(rows, vectors)`` computes a block of rows x (vectors * lanes) numbers of

    C = A B (+ S)        A (rows, K), B (K, vectors * lanes) packed row after row

Each number of C is one sum over k in order, by one fused multiply-add per k: its bits depend
neither on the shape of the tile nor on what stands beside it.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic


class Registers(NamedTuple):
    """What the processor offers and the tile shape that fills it."""

    bytes: int  # width of a vector register
    rows: tuple[int, ...]  # tile heights, tallest first
    vectors: int  # widest tile, in vectors


@cache
def registers() -> Registers:
    """Ask the compiler which registers it uses for this processor (or for NUMBA_CPU_NAME)."""
    triple, name, features = cpu_target.target_context.codegen().magic_tuple()
    machine = llvm.Target.from_triple(triple).create_target_machine(
        cpu=name, features=features or "", opt=2
    )
    assembly = machine.emit_assembly(llvm.parse_assembly(_probe(triple)))
    if "zmm" in assembly:  # 32 registers: 8 x 3 sums, 3 columns of B, 1 number of A
        return Registers(64, (8, 4, 2, 1), 3)
    if "ymm" in assembly:  # 16 registers: 6 x 2 sums, 2 columns of B, 1 number of A
        return Registers(32, (6, 4, 2, 1), 2)
    if "xmm" in assembly:
        return Registers(16, (6, 4, 2, 1), 2)
    return Registers(16, (8, 4, 2, 1), 3)  # NEON: 32 registers of 16 bytes


def _probe(triple: str) -> str:
    vector = "<16 x float>"
    return f"""
    target triple = "{triple}"
    define void @probe({vector}* %p) {{
      %x = load {vector}, {vector}* %p, align 4
      %y = fadd {vector} %x, %x
      store {vector} %y, {vector}* %p, align 4
      ret void
    }}""".replace(f"{vector}*", "ptr")


def lanes(itemsize: int) -> int:
    """Numbers of ``itemsize`` bytes in a vector."""
    return registers().bytes // itemsize


def prefetch_line(builder: Any, place: Any, *, written: bool, kept: bool) -> None:
    """Ask for the cache line of a place ahead of its use: to write there, to keep it in cache."""
    flag, line = ir.IntType(32), ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [line, flag, flag, flag])
    ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    flags = (int(written), 3 if kept else 0, 1)  # 1: data, not instructions
    builder.call(ask, [builder.bitcast(place, line), *(ir.Constant(flag, n) for n in flags)])


@cache
def tile(rows: int, vectors: int) -> Any:
    """The micro-kernel for a block of ``rows`` x ``vectors`` vectors, as a Numba intrinsic.

    Arguments: a, its offset, its strides over rows and over k; b (packed), its offset; c, its
    offset and its stride over rows; K; whether the sums begin with numbers of s instead of zeros,
    s, its offset and its stride over rows (0 for a bias). Offsets and strides count numbers.
    """

    @intrinsic
    def block(context, a, a_at, a_row, a_k, b, b_at, c, c_at, c_row, depth, begun, s, s_at, s_row):
        index = types.intp
        signature = types.void(
            a, index, index, index, b, index, c, index, index, index, types.boolean, s, index, index
        )

        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            _Tile(context, builder, signature, given, rows, vectors).build()
            return context.get_dummy_value()

        return signature, generate

    return block


def _transpose(context, a, a_at, a_row, b, b_at, b_row):
    """B[k, n] = A[n, k] for a square of lanes x lanes numbers, held in registers.

    Offsets and strides over rows count numbers. Halves, quarters, ... of pairs of rows change
    places until every column has become a row.
    """
    index = types.intp
    signature = types.void(a, index, index, b, index, index)

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        number = context.get_data_type(signature.args[0].dtype)
        itemsize = 8 if signature.args[0].dtype == types.float64 else 4
        width = lanes(itemsize)
        vector = ir.VectorType(number, width)

        def line(place: int, row: int) -> Any:
            array = context.make_array(signature.args[place])(context, builder, given[place])
            _, at, stride = given[place : place + 3]
            offset = builder.add(at, builder.mul(stride, ir.Constant(stride.type, row)))
            return builder.bitcast(builder.gep(array.data, [offset]), vector.as_pointer())

        rows = []
        for i in range(width):
            rows.append(builder.load(line(0, i)))
            rows[-1].align = itemsize
        half = width // 2
        while half:
            for i in (i for i in range(width) if not i & half):
                pair = rows[i], rows[i + half]
                for which, row in enumerate((i, i + half)):
                    rows[row] = builder.shuffle_vector(*pair, _swap(width, half, which))
            half //= 2
        for i, row in enumerate(rows):
            builder.store(row, line(3, i)).align = itemsize
        return context.get_dummy_value()

    return signature, generate


transpose: Any = intrinsic(_transpose)


def _copy(context, a, a_at, b, b_at):
    """One vector of numbers from A to B, at any offsets."""
    signature = types.void(a, types.intp, b, types.intp)

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        number = context.get_data_type(signature.args[0].dtype)
        itemsize = 8 if signature.args[0].dtype == types.float64 else 4
        vector = ir.VectorType(number, lanes(itemsize))

        def place(which: int) -> Any:
            array = context.make_array(signature.args[which])(context, builder, given[which])
            start = builder.gep(array.data, [given[which + 1]])
            return builder.bitcast(start, vector.as_pointer())

        align = signature.args[0].dtype.bitwidth // 8
        numbers = builder.load(place(0))
        numbers.align = align
        builder.store(numbers, place(2)).align = align
        return context.get_dummy_value()

    return signature, generate


copy: Any = intrinsic(_copy)


def _swap(width: int, half: int, which: int) -> Any:
    """Which numbers of two rows, counted through, form the first (or second) row of a swap."""
    if which == 0:
        places = [n if not n & half else width + n - half for n in range(width)]
    else:
        places = [n + half if not n & half else width + n for n in range(width)]
    return ir.Constant(ir.VectorType(ir.IntType(32), width), places)


class _Tile:
    """Writes the instructions of one tile."""

    def __init__(
        self, context: Any, builder: Any, signature: Any, given: Any, rows: int, vectors: int
    ) -> None:
        self.builder, self.rows, self.vectors = builder, rows, vectors
        number = context.get_data_type(signature.args[0].dtype)
        self.width = lanes(8 if signature.args[0].dtype == types.float64 else 4)
        self.vector = ir.VectorType(number, self.width)
        self.align = 8 if signature.args[0].dtype == types.float64 else 4

        def data(place: int) -> Any:
            array = context.make_array(signature.args[place])(context, builder, given[place])
            return array.data

        _, a_at, self.a_row, self.a_k, _, b_at, _, c_at, self.c_row, self.depth = given[:10]
        self.begun, _, s_at, self.s_row = given[10:]
        self.a = builder.gep(data(0), [a_at])
        self.b = builder.gep(data(4), [b_at])
        self.c = builder.gep(data(6), [c_at])
        self.s = builder.gep(data(11), [s_at])

    def build(self) -> None:
        builder, cells = self.builder, range(self.rows * self.vectors)
        lines = [self._line(self.c, self.c_row, m) for m in range(self.rows)]
        before = builder.block
        body, after = builder.append_basic_block("sum"), builder.append_basic_block("store")
        zero = ir.Constant(self.vector, [0.0] * self.width)
        start = []
        with builder.if_else(self.begun) as (then, otherwise):
            with then:
                first = [self._line(self.s, self.s_row, m) for m in range(self.rows)]
                loaded = [self._load(first[i // self.vectors], i % self.vectors) for i in cells]
                loaded_in = builder.block
            with otherwise:
                cleared_in = builder.block
        for value in loaded:
            either = builder.phi(self.vector)
            either.add_incoming(value, loaded_in)
            either.add_incoming(zero, cleared_in)
            start.append(either)
        before = builder.block
        some = builder.icmp_signed(">", self.depth, ir.Constant(self.depth.type, 0))
        builder.cbranch(some, body, after)

        builder.position_at_end(body)
        k = builder.phi(self.depth.type)
        k.add_incoming(ir.Constant(self.depth.type, 0), before)
        sums = [builder.phi(self.vector) for _ in cells]
        for total, first in zip(sums, start, strict=True):
            total.add_incoming(first, before)
        added = self._one_step(k, sums)
        following = builder.add(k, ir.Constant(k.type, 1))
        k.add_incoming(following, body)
        for total, new in zip(sums, added, strict=True):
            total.add_incoming(new, body)
        builder.cbranch(builder.icmp_signed("<", following, self.depth), body, after)

        builder.position_at_end(after)
        for i in cells:
            result = builder.phi(self.vector)
            result.add_incoming(start[i], before)
            result.add_incoming(added[i], body)
            start[i] = result
        for i in cells:
            place = self._place(lines[i // self.vectors], i % self.vectors)
            builder.store(start[i], place).align = self.align

    def _one_step(self, k: Any, sums: list[Any]) -> list[Any]:
        """sums + A[:, k] B[k, :]."""
        builder = self.builder
        row_of_b = builder.gep(
            self.b, [builder.mul(k, ir.Constant(k.type, self.vectors * self.width))]
        )
        columns = [self._load(row_of_b, v) for v in range(self.vectors)]
        along = builder.mul(k, self.a_k)
        added = []
        for m in range(self.rows):
            number = builder.load(builder.gep(self._line(self.a, self.a_row, m), [along]))
            everywhere = self._repeat(number)
            for v in range(self.vectors):
                product = builder.fmul(everywhere, columns[v], flags=["contract"])
                added.append(builder.fadd(sums[m * self.vectors + v], product, flags=["contract"]))
        return added

    def _repeat(self, number: Any) -> Any:
        nothing = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.width), [0] * self.width)
        return self.builder.shuffle_vector(first, nothing, mask)

    def _line(self, base: Any, stride: Any, m: int) -> Any:
        return self.builder.gep(base, [self.builder.mul(stride, ir.Constant(stride.type, m))])

    def _place(self, line: Any, v: int) -> Any:
        offset = ir.Constant(self.depth.type, v * self.width)
        return self.builder.bitcast(self.builder.gep(line, [offset]), self.vector.as_pointer())

    def _load(self, line: Any, v: int) -> Any:
        loaded = self.builder.load(self._place(line, v))
        loaded.align = self.align
        return loaded
