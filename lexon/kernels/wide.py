"""Numbers side by side in a vector register, as values that kernels compute with.

Where a loop reads and writes many arrays the compiler cannot know that they do not overlap, and
does one number at a time. A kernel that loads, computes and stores vectors of its own does not
have to hope. Sums and products contract, as in all kernels; a number's bits do not depend on its
lane, nor on how many lanes are in use.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, overload, register_model

from lexon.kernels.elementary import ROUNDING, exponential, logistic, tangent
from lexon.kernels.simd import lanes, prefetch_line


class Wide(types.Type):
    """A vector register of float32 or float64."""

    def __init__(self, number: Any) -> None:
        self.number = number
        self.itemsize = 8 if number == types.float64 else 4
        self.lanes = lanes(self.itemsize)
        super().__init__(f"wide({number})")


@register_model(Wide)
class _WideModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Wide) -> None:
        number = manager.lookup(kind.number).get_value_type()
        super().__init__(manager, kind, ir.VectorType(number, kind.lanes))


def _place(context: Any, builder: Any, kind: Any, array: Any, at: Any, vector: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), vector.as_pointer())


def _lanes_below(builder: Any, count: Any, width: int) -> Any:
    """Which lanes are in use: the first ``count``."""
    index = ir.VectorType(count.type, width)
    numbers = ir.Constant(index, list(range(width)))
    return builder.icmp_signed("<", numbers, _repeated(builder, count, index))


def _repeated(builder: Any, number: Any, vector: Any) -> Any:
    first = builder.insert_element(
        ir.Constant(vector, ir.Undefined), number, ir.Constant(ir.IntType(32), 0)
    )
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(first, first, zeros)


def _masked(builder: Any, verb: str, kind: Wide, result: Any, given: Any) -> Any:
    name = f"llvm.masked.{verb}.v{kind.lanes}f{8 * kind.itemsize}.p0"
    return builder.call(_declared(builder, name, result, [value.type for value in given]), given)


def _declared(builder: Any, name: str, result: Any, arguments: Any) -> Any:
    """The function of LLVM called ``name``."""
    kind = ir.FunctionType(result, arguments)
    return builder.module.globals.get(name) or ir.Function(builder.module, kind, name)


def _load(context, flat, at, count):
    """The vector at flat[at], of which ``count`` numbers are there; beyond: zeros."""
    kind = Wide(flat.dtype)

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        array, at, count = given
        vector = context.get_value_type(kind)
        place = _place(context, builder, signature.args[0], array, at, vector)
        align, zeros = ir.Constant(ir.IntType(32), kind.itemsize), ir.Constant(vector, None)
        full = builder.icmp_signed(">=", count, ir.Constant(count.type, kind.lanes))
        with builder.if_else(full, likely=True) as (then, otherwise):
            with then:
                whole = builder.load(place)
                whole.align = kind.itemsize
                whole_in = builder.block
            with otherwise:
                mask = _lanes_below(builder, count, kind.lanes)
                some = _masked(builder, "load", kind, vector, [place, align, mask, zeros])
                some_in = builder.block
        result = builder.phi(vector)
        result.add_incoming(whole, whole_in)
        result.add_incoming(some, some_in)
        return result

    return kind(flat, types.intp, types.intp), generate


def _store(context, flat, at, count, value):
    """flat[at], flat[at + 1], ... = the first ``count`` numbers of ``value``."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        array, at, count, number = given
        kind = signature.args[3]
        place = _place(context, builder, signature.args[0], array, at, number.type)
        align = ir.Constant(ir.IntType(32), kind.itemsize)
        full = builder.icmp_signed(">=", count, ir.Constant(count.type, kind.lanes))
        with builder.if_else(full, likely=True) as (then, otherwise):
            with then:
                builder.store(number, place).align = kind.itemsize
            with otherwise:
                mask = _lanes_below(builder, count, kind.lanes)
                _masked(builder, "store", kind, ir.VoidType(), [number, place, align, mask])
        return context.get_dummy_value()

    return types.void(flat, types.intp, types.intp, value), generate


def _ask_ahead(context, flat, at):
    """Ask for the cache line of flat[at], which is used once; it may be beyond the end."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, given[0]).data
        prefetch_line(builder, builder.gep(data, [given[1]]), written=False, kept=False)
        return context.get_dummy_value()

    return types.void(flat, types.intp), generate


def _spread(context, number):
    """The number in every lane."""
    kind = Wide(number)

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return _repeated(builder, given[0], context.get_value_type(kind))

    return kind(number), generate


def _where_positive(context, x, y):
    """``y`` in the lanes where x > 0 (or NaN), 0 in the others."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        zeros = ir.Constant(given[0].type, None)
        return builder.select(builder.fcmp_unordered(">", given[0], zeros), given[1], zeros)

    return x(x, y), generate


def _larger(context, x, y):
    """The larger number of each lane; NaN where x is NaN."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.select(builder.fcmp_unordered(">", given[0], given[1]), *given)

    return x(x, y), generate


where_positive: Any = intrinsic(_where_positive)
larger: Any = intrinsic(_larger)
ask_ahead: Any = intrinsic(_ask_ahead)
load: Any = intrinsic(_load)
store: Any = intrinsic(_store)
spread: Any = intrinsic(_spread)


def _declare(symbol: Callable[..., Any], instruction: str) -> None:
    """Two vectors by ``symbol``, lane by lane."""

    def combine(context, x, y):
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            return getattr(builder, instruction)(*given, flags=["contract"])

        return x(x, y), generate

    both: Any = intrinsic(combine)

    @overload(symbol)
    def _operate(x, y):
        if isinstance(x, Wide) and isinstance(y, Wide):
            return lambda x, y: both(x, y)
        return None


for _symbol, _instruction in {
    operator.add: "fadd",
    operator.sub: "fsub",
    operator.mul: "fmul",
    operator.truediv: "fdiv",
}.items():
    _declare(_symbol, _instruction)


class _Lanes:
    """An LLVM vector of float32 with the signs of arithmetic, to write formulas with."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def same(self, other: Any) -> Any:
        if isinstance(other, _Lanes):
            return other.value
        return ir.Constant(self.value.type, [float(np.float32(other))] * self.value.type.count)

    def _do(self, instruction: str, x: Any, y: Any) -> _Lanes:
        return _Lanes(self.builder, getattr(self.builder, instruction)(x, y, flags=["contract"]))

    def __add__(self, other: Any) -> _Lanes:
        return self._do("fadd", self.value, self.same(other))

    def __sub__(self, other: Any) -> _Lanes:
        return self._do("fsub", self.value, self.same(other))

    def __rsub__(self, other: Any) -> _Lanes:
        return self._do("fsub", self.same(other), self.value)

    def __mul__(self, other: Any) -> _Lanes:
        return self._do("fmul", self.value, self.same(other))

    def __truediv__(self, other: Any) -> _Lanes:
        return self._do("fdiv", self.value, self.same(other))

    def __rtruediv__(self, other: Any) -> _Lanes:
        return self._do("fdiv", self.same(other), self.value)

    def choose(self, sign: str, limit: Any, yes: Any, no: Any) -> _Lanes:
        """``yes`` in the lanes that stand so to ``limit``, ``no`` in the others (and for NaN)."""
        which = self.builder.fcmp_ordered(sign, self.value, self.same(limit))
        return _Lanes(self.builder, self.builder.select(which, self.same(yes), self.same(no)))

    def call(self, name: str, *others: _Lanes) -> _Lanes:
        kind, given = self.value.type, [self.value, *(other.value for other in others)]
        name = f"llvm.{name}.v{kind.count}f32"
        called = _declared(self.builder, name, kind, [kind] * len(given))
        return _Lanes(self.builder, self.builder.call(called, given))

    def growth(self) -> tuple[_Lanes, _Lanes]:
        """e**r - 1 and 2**(n - 1): the formula of ``elementary.py``."""
        builder, kind = self.builder, ir.VectorType(ir.IntType(32), self.value.type.count)

        def repeat(number: int) -> Any:
            return ir.Constant(kind, [number] * kind.count)

        moved = self * 1.44269504 + ROUNDING
        n = moved - ROUNDING
        r = self - n * 0.693359375 - n * -2.12194440e-4
        p = _Lanes(builder, self.same(1.38144670593e-3))
        for c in (8.36878041118e-3, 4.16683942109e-2, 1.66665201078e-1, 4.99999934125e-1):
            p = p * r + c
        bits = builder.add(builder.bitcast(moved.value, kind), repeat(126))
        half = builder.bitcast(builder.shl(bits, repeat(23)), self.value.type)
        return p * (r * r) + r, _Lanes(builder, half)

    def exponential(self) -> _Lanes:
        held = self.choose("<", -87.33, -87.33, self)
        growth, half = held.choose(">", 89.0, 89.0, held).growth()
        return (growth * 2.0 + 2.0) * half

    def logistic(self) -> _Lanes:
        return 1.0 / ((0.0 - self).exponential() + 1.0)

    def tangent(self) -> _Lanes:
        size = self.call("fabs")
        size = size.choose(">", 9.02, 9.02, size)
        growth, half = (size + size).growth()
        h = growth * half + (half - 0.5)
        return (h / (h + 1.0)).call("copysign", self)


def _lift(function: Callable[..., Any]) -> None:
    """The elementary ``function`` of every lane."""
    name = function.__name__

    def apply(context, x):
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            if x.number == types.float32:
                return getattr(_Lanes(builder, given[0]), name)().value
            result, one = given[0], types.float64(types.float64)
            for lane in range(x.lanes):
                place = ir.Constant(ir.IntType(32), lane)
                number = builder.extract_element(given[0], place)
                number = context.compile_internal(builder, scalar, one, [number])
                result = builder.insert_element(result, number, place)
            return result

        return x(x), generate

    def scalar(x):
        return function(x)

    every: Any = intrinsic(apply)

    @overload(function)
    def _lifted(x):
        return (lambda x: every(x)) if isinstance(x, Wide) else None


for _function in (exponential, logistic, tangent):
    _lift(_function)
