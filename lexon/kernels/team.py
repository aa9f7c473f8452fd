"""Threads that walk through time together: at every step they share the blocks of units.

Before a step may begin, all blocks of the step before must be done. Nobody is waited for who has
not taken a block: a thread that comes late, or never, only leaves more to the others. Who
computes a block changes no bit of it.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lexon.kernels.compile import inlined
from lexon.kernels.product import Array

#: Queues of a step. Each member empties its own first: its weights are in its own cache.
QUEUES = 8
#: Numbers kept per step: blocks taken from each queue and, on another cache line, blocks done.
_DONE, _ROOM = 8, 16
#: How often a waiting thread looks before it offers its processor to others.
_PATIENCE = 20_000


def new_board(steps: int) -> Array:
    """Where the members of a team note what is taken and done."""
    return np.zeros(steps * _ROOM, np.int64)


def _cell(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, given[0])
    return builder.gep(array.data, [given[1]])


def _add_one(context, flat, at):
    """flat[at] += 1, in one motion; its value before."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        cell = _cell(context, builder, signature, given)
        return builder.atomic_rmw("add", cell, ir.Constant(ir.IntType(64), 1), "acq_rel")

    return types.int64(flat, types.intp), generate


def _look(context, flat, at):
    """flat[at], and all that was written before it was set."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.load_atomic(_cell(context, builder, signature, given), "acquire", 8)

    return types.int64(flat, types.intp), generate


def _step_aside(context):
    """Let another thread have the processor."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        if os.name == "posix":
            kind = ir.FunctionType(ir.IntType(32), [])
            function = builder.module.globals.get("sched_yield")
            builder.call(function or ir.Function(builder.module, kind, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), generate


add_one: Any = intrinsic(_add_one)
look: Any = intrinsic(_look)
step_aside: Any = intrinsic(_step_aside)


@inlined
def take(board, step, blocks, member, members):
    """A block of this step that nobody has taken, or -1."""
    queues = min(members, QUEUES)
    for turn in range(queues):
        queue = (member + turn) % queues
        first, last = queue * blocks // queues, (queue + 1) * blocks // queues
        block = first + add_one(board, step * _ROOM + queue)
        if block < last:
            return block
    return -1


@inlined
def report_done(board, step):
    """One more block of this step is done."""
    add_one(board, step * _ROOM + _DONE)


@inlined
def wait_for_all(board, step, blocks):
    """Return when all blocks of this step are done."""
    looks = 0
    while look(board, step * _ROOM + _DONE) < blocks:
        looks += 1
        if looks > _PATIENCE:
            step_aside()
