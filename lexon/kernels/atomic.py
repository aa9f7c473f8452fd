"""Numbers that several threads change and watch, without the interpreter's lock."""

from __future__ import annotations

import os
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _cell(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, given[0])
    return builder.gep(array.data, [given[1]])


def _add(context, flat, at, number):
    """flat[at] += number, in one motion; its value before. Others see what was written before."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        cell = _cell(context, builder, signature, given)
        return builder.atomic_rmw("add", cell, given[2], "acq_rel")

    return types.int64(flat, types.intp, types.int64), generate


def _load(context, flat, at):
    """flat[at], and all that was written before it was set."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.load_atomic(_cell(context, builder, signature, given), "acquire", 8)

    return types.int64(flat, types.intp), generate


def _put(context, flat, at, number):
    """flat[at] = number; others who see it see what was written before."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        cell = _cell(context, builder, signature, given)
        builder.store_atomic(given[2], cell, "release", 8)
        return context.get_dummy_value()

    return types.void(flat, types.intp, types.int64), generate


def _swap(context, flat, at, old, new):
    """flat[at] = new where it was ``old``; whether it was, in one motion."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        cell = _cell(context, builder, signature, given)
        found = builder.cmpxchg(cell, given[2], given[3], "acq_rel", "acquire")
        return builder.extract_value(found, 1)

    return types.boolean(flat, types.intp, types.int64, types.int64), generate


def _step_aside(context):
    """Let another thread have the processor."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        if os.name == "posix":
            kind = ir.FunctionType(ir.IntType(32), [])
            function = builder.module.globals.get("sched_yield")
            builder.call(function or ir.Function(builder.module, kind, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), generate


add: Any = intrinsic(_add)
load: Any = intrinsic(_load)
put: Any = intrinsic(_put)
swap: Any = intrinsic(_swap)
step_aside: Any = intrinsic(_step_aside)
