"""Threads that go through steps together, and share the blocks of every one of them.

Before a step may begin, all blocks of the step before must be done. Nobody is waited for who has
not taken a block: a thread that comes late, or never, only leaves more to the others. Who
computes a block changes no bit of it.
"""

from __future__ import annotations

import numpy as np

from lexon.kernels.atomic import add, load, step_aside
from lexon.kernels.compile import inlined
from lexon.kernels.product import Array

#: Queues of a step. Each member empties its own first: what it needs is in its own cache.
QUEUES = 8
#: Numbers kept per step: blocks taken from each queue and, on another cache line, blocks done.
_DONE, _ROOM = 8, 16
#: How often a waiting thread looks before it offers its processor to others.
_PATIENCE = 20_000


def new_board(steps: int) -> Array:
    """Where the members of a team note what is taken and done."""
    return np.zeros(steps * _ROOM, np.int64)


@inlined
def take(board, step, blocks, member, members):
    """A block of this step that nobody has taken, or -1."""
    queues = min(members, QUEUES)
    for turn in range(queues):
        queue = (member + turn) % queues
        first, last = queue * blocks // queues, (queue + 1) * blocks // queues
        block = first + add(board, step * _ROOM + queue, 1)
        if block < last:
            return block
    return -1


@inlined
def report_done(board, step):
    """One more block of this step is done."""
    add(board, step * _ROOM + _DONE, 1)


@inlined
def wait_for_all(board, step, blocks):
    """Return when all blocks of this step are done."""
    looks = 0
    while load(board, step * _ROOM + _DONE) < blocks:
        looks += 1
        if looks > _PATIENCE:
            step_aside()
