"""Kernels whose blocks several threads do, offered and taken in compiled code.

The interpreter's lock lets one thread at a time through: a helper that has to ask for it sleeps
until it is free, which takes as long as a small product. So blocks change hands without it. The
calling thread lays the arguments down in memory and writes on a board where they are and which
code takes them; helpers that are awake look at the board, and take block after block.

Blocks lie in queues, one for each member of the team, who empties its own first: where kernel
after kernel cuts the same rows, a thread meets those that are in its own cache.

Nobody is waited for who has not taken a block. A board that another caller uses is left alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from inspect import Signature, signature
from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from lexon import parallel
from lexon.kernels.atomic import add, load, put, step_aside, swap
from lexon.kernels.compile import inlined, kernel

#: The board: numbers that change together share a cache line of eight; then a line a queue.
_CODE, _GIVEN, _SIZE, _LENGTH, _COUNT, _QUEUES, _DONE, _FAILED, _OWNED, _FIRST = (
    0, 1, 2, 3, 4, 5, 8, 9, 16, 24,
)  # fmt: skip
#: Numbers of a cache line.
_LINE = 8
#: Queues at most: more members share them.
_MOST = 8
#: A queue is the number of the offer, shifted, plus its next block; beyond all blocks: closed.
_SHIFT, _CLOSED = 32, 1 << 30
_BLOCK = (1 << _SHIFT) - 1
#: How often the caller looks for the end of others' blocks before it offers its processor.
_PATIENCE = 20_000
#: What the code of a block is given: where the arguments are, its first item, and its end.
_BLOCK_ARGUMENTS = (types.intp, types.intp, types.intp)


def new_board(members: int) -> Any:
    """Where the callers of shared kernels and one team of helpers meet: so many together."""
    queues = min(members, _MOST)
    size = _FIRST + queues * _LINE
    room = np.zeros(size + _LINE, np.int64)
    skip = -room.__array_interface__["data"][0] // 8 % _LINE
    board = room[skip : skip + size]
    board[_QUEUES] = queues
    return board


def helped(board: Any) -> int:
    """How many blocks the helpers have done so far."""
    return int(board[_DONE])


def shared(body: Callable[..., None]) -> Callable[..., None]:
    """A kernel ``body(first, last, *given)``, called as ``kernel(size, length, work, *given)``.

    It is done for the blocks of ``length`` items that ``size`` items are cut into. Blocks must
    write to disjoint places. ``work`` is the number of floating-point operations of the whole:
    a little is done alone. A ``length`` below 1 is taken for 1.
    """
    compiled = inlined(body)

    def run(board, size, length, *given):
        count = (size + length - 1) // length
        code, place = _code(compiled, given), _laid_down(given)
        failed = False
        if board.size == 0 or count < 2 or not swap(board, _OWNED, 0, 1):
            for block in range(count):
                failed |= _do(code, place, block * length, min((block + 1) * length, size))
            return failed
        done, lost = load(board, _DONE), load(board, _FAILED)
        _offer(board, code, place, size, length, count)
        own, failed = _do_blocks(board, code, place, size, length, count)
        looks = 0
        while load(board, _DONE) - done < count - own:
            looks += 1
            if looks > _PATIENCE:
                step_aside()
        failed |= load(board, _FAILED) > lost
        put(board, _OWNED, 0)
        return failed

    run.__module__, run.__qualname__ = body.__module__, body.__qualname__
    run_compiled = kernel(run, body)

    @wraps(body)
    def call(size: int, length: int, work: float, *given: Any) -> None:
        if run_compiled(parallel.board(work), size, max(length, 1), *given):
            raise MemoryError(f"{body.__name__}: there was no room for a block of the work")

    _, _, *rest = signature(body).parameters.values()
    first = list(signature(call, follow_wrapped=False).parameters.values())[:3]
    call.__signature__ = Signature([*first, *rest])  # type: ignore[attr-defined]
    call.compiled = run_compiled  # type: ignore[attr-defined]  # for whoever asks for its types
    return call


@inlined
def _border(queue, queues, count):
    """The first block of a queue; so that the first queue is never empty."""
    return (count * queue + queues - 1) // queues


@inlined
def _offer(board, code, place, size, length, count):
    """Lay blocks into all queues; the first block of all is the caller's."""
    queues, offer = board[_QUEUES], ((load(board, _FIRST) >> _SHIFT) + 1) << _SHIFT
    for queue in range(queues):  # whoever read the last offer takes nothing of this
        put(board, _FIRST + queue * _LINE, offer + _CLOSED)
    put(board, _CODE, code)
    put(board, _GIVEN, place)
    put(board, _SIZE, size)
    put(board, _LENGTH, length)
    put(board, _COUNT, count)
    for queue in range(queues - 1, -1, -1):  # helpers see their own before the caller's
        first = _border(queue, queues, count) + (queue == 0)
        put(board, _FIRST + queue * _LINE, offer + first)


@inlined
def _do_blocks(board, code, place, size, length, count):
    """Do the first block, and others until there are none; how many, and whether one failed."""
    queues, block, done, failed = board[_QUEUES], 0, 0, False
    for queue in range(queues):
        if queue:
            block = add(board, _FIRST + queue * _LINE, 1) & _BLOCK
        while block < _border(queue + 1, queues, count):
            failed |= _do(code, place, block * length, min((block + 1) * length, size))
            done += 1
            block = add(board, _FIRST + queue * _LINE, 1) & _BLOCK
    return done, failed


@kernel
def serve(board, member, calls, known, looks):
    """Take blocks, until none was there for so many looks, or ``calls`` is no longer ``known``."""
    look, turn = 0, 0
    queues = board[_QUEUES]
    while look < looks and load(calls, 0) == known:
        look += 1
        queue = (member + turn) % queues
        state = load(board, _FIRST + queue * _LINE)
        block = state & _BLOCK
        if block >= _border(queue + 1, queues, load(board, _COUNT)):
            turn = (turn + 1) % queues
            continue
        code, place = load(board, _CODE), load(board, _GIVEN)
        size, length = load(board, _SIZE), load(board, _LENGTH)
        if swap(board, _FIRST + queue * _LINE, state, state + 1):
            if _do(code, place, block * length, min((block + 1) * length, size)):
                add(board, _FAILED, 1)
            add(board, _DONE, 1)
            look, turn = 0, 0


def _place_of(context, given):
    """The address of the arguments, which stay there until the caller returns."""

    def generate(context: Any, builder: Any, typed: Any, values: Any) -> Any:
        place = cgutils.alloca_once_value(builder, values[0])
        return builder.ptrtoint(place, context.get_value_type(types.intp))

    return types.intp(given), generate


def _taken_up(kind: Any) -> Any:
    """A function of an address: the arguments that are there."""

    def take(context, place):
        def generate(context: Any, builder: Any, typed: Any, values: Any) -> Any:
            address = builder.inttoptr(values[0], context.get_value_type(kind).as_pointer())
            return _borrowed(context, builder, kind, builder.load(address))

        return kind(types.intp), generate

    return intrinsic(take)


def _borrowed(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """An array without an owner: nobody counts who uses it, and it lives as long as the call."""
    if isinstance(kind, types.BaseTuple):
        several: Any = kind
        each = zip(several, cgutils.unpack_tuple(builder, value), strict=True)
        borrowed = [_borrowed(context, builder, *one) for one in each]
        return context.make_tuple(builder, kind, borrowed)
    if not isinstance(kind, types.Array):
        return value
    array = context.make_array(kind)(context, builder, value)
    array.meminfo = cgutils.get_null_value(array.meminfo.type)
    array.parent = cgutils.get_null_value(array.parent.type)
    return array._getvalue()


def _code_of(context, body, given):
    """The address of code that does one block of ``body``."""

    def generate(context: Any, builder: Any, typed: Any, values: Any) -> Any:
        taken, compiled = _taken_up(given), body.dispatcher

        def one(place, first, last):
            compiled(first, last, *taken(place))

        # Kept code finds its parts by name: no other body or type may have this one's.
        types_ = hashlib.sha256(repr(given).encode()).hexdigest()
        one.__module__ = compiled.py_func.__module__
        one.__qualname__ = f"{compiled.py_func.__qualname__}.{types_}"
        made = context.compile_subroutine(builder, one, types.none(*_BLOCK_ARGUMENTS))
        function = context.declare_function(builder.module, made.fndesc)
        return builder.ptrtoint(function, context.get_value_type(types.intp))

    return types.intp(body, given), generate


def _block_done(context, code, place, first, last):
    """Do one block; whether it failed."""

    def generate(context: Any, builder: Any, typed: Any, values: Any) -> Any:
        kind = context.call_conv.get_function_type(types.none, _BLOCK_ARGUMENTS)
        function = builder.inttoptr(values[0], kind.as_pointer())
        status, _ = context.call_conv.call_function(
            builder, function, types.none, _BLOCK_ARGUMENTS, values[1:]
        )
        return status.is_error

    return types.boolean(code, *_BLOCK_ARGUMENTS), generate


_laid_down: Any = intrinsic(_place_of)
_code: Any = intrinsic(_code_of)
_do: Any = intrinsic(_block_done)
