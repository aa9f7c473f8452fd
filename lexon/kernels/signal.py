"""Numbers that one thread sets and another waits for, without the interpreter's lock.

Waking a sleeping thread takes longer than a small product: a thread that expects work soon stays
awake for a moment, in compiled code, and sees the number change.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic

from lexon.kernels.compile import kernel


def _load(context, array):
    """The first number of ``array``, with all that was written before it was set."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, given[0]).data
        return builder.load_atomic(data, "acquire", 8)

    return types.int64(array), generate


def _add(context, array, number):
    """Add to the first number of ``array``; what was written before is seen by who reads it."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, given[0]).data
        return builder.atomic_rmw("add", data, given[1], "acq_rel")

    return types.int64(array, types.int64), generate


load: Any = intrinsic(_load)
add: Any = intrinsic(_add)


@kernel
def post(number, by):
    """Add ``by`` to a number that other threads wait for."""
    add(number, by)


@kernel
def changed(number, known, turns):
    """Wait until the number is no longer ``known``, for so many looks at it."""
    turn = 0
    while load(number) == known and turn < turns:
        turn += 1
    return turn < turns
