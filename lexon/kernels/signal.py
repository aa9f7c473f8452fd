"""A number that one thread sets and another waits for, awake, without the interpreter's lock.

Waking a sleeping thread takes longer than a small product: a thread that expects work soon stays
awake for a moment, in compiled code, and sees the number change.
"""

from __future__ import annotations

from lexon.kernels.atomic import add, load
from lexon.kernels.compile import kernel


@kernel
def post(number, by):
    """Add ``by`` to a number that other threads wait for."""
    add(number, 0, by)


@kernel
def changed(number, known, turns):
    """Wait until the number is no longer ``known``, for so many looks at it."""
    turn = 0
    while load(number, 0) == known and turn < turns:
        turn += 1
    return turn < turns
