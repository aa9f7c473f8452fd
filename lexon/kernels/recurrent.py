"""Walks through time over sequences laid end to end, in one direction or in both at once.

The sequences of a walk are taken by falling length, in groups. A thread walks with a group from
its first step to its last and waits for nobody; step t works on those of the group that are that
long, and nothing is padded. Rows stay where they are: step t of a sequence is row
``first + t * stride``, read and written in place. Blocks of hidden units follow their product
while they are in the cache.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from lexon import parallel
from lexon.kernels.compile import inlined
from lexon.kernels.ngram import starts_of
from lexon.kernels.product import Array
from lexon.kernels.strip import pack_before

# The C library gives freed memory back to the system, and takes it again page by page, above a
# size that grows with the largest piece it has seen freed. Arrays of one batch are above the
# first size and would cost more time than the arithmetic on them; none of this one is touched.
np.empty(30 << 20, np.uint8)

#: One array for each direction of a walk.
Each = tuple[Array, ...]

#: Sequences of a group: with more, what a step leaves behind does not stay near; fewer take as
#: long as these, for all weights are read in every step.
MOST, FEWEST = 16, 4


class Walk(NamedTuple):
    """How the rows of a batch are met in time."""

    tasks: Array  # (tasks, 3): a direction, and the group's first sequence and the one behind it
    sequences: Array  # those that have rows, longest first: their numbers in the batch
    lengths: Array  # their numbers of rows
    first: Array  # (directions, sequences): their rows of step 0
    strides: Array  # by direction: 1, or -1 from the end to the beginning
    active: Array  # by step: how many sequences are that long

    def of_empty(self, states: Array) -> Array:
        """The states (B, ...) of sequences without rows; of the others zeros."""
        rest = states.copy()
        rest[self.sequences] = 0
        return rest

    def before(self, h: Array, h0: Array, side: int) -> Array:
        """Strips of h_prev (S, H) in one direction: before each row of h the state that it met.

        h (S, directions H), h0 (B, directions, H).
        """
        column, states = side * h0.shape[2], h0[self.sequences, side]
        return pack_before(h, column, states, self.first[side], int(self.strides[side]))


def walk(lengths: Array, reverse: tuple[bool, ...] = (False,)) -> Walk:
    """The walk over all sequences of these lengths, once for each direction."""
    content = lengths.astype(np.int64, copy=False).tobytes()
    return _walk(content, reverse, parallel.threads())


@lru_cache(maxsize=16)  # layer after layer meets the same lengths
def _walk(content: bytes, reverse: tuple[bool, ...], threads: int) -> Walk:
    given = np.frombuffer(content, np.int64)
    order = np.argsort(-given, kind="stable")[: np.count_nonzero(given)]
    lengths, starts = given[order], starts_of(given)[order]
    first = np.array([starts + (lengths - 1) * back for back in reverse])
    strides = np.array([-1 if back else 1 for back in reverse])
    steps = int(lengths[0]) if len(lengths) else 0
    active = np.searchsorted(-lengths, -np.arange(steps), side="left")
    borders = _borders(len(order), len(reverse), threads)
    tasks = [(side, begin, end) for begin, end in pairwise(borders) for side in range(len(reverse))]
    tasks_ = np.array(tasks, np.int64).reshape(-1, 3)
    return Walk(tasks_, order, lengths, first, strides, active)


def _borders(sequences: int, sides: int, threads: int) -> list[int]:
    """Where groups begin and end: of nearly equal sizes, as many for every thread if possible.

    Which sequences walk together changes no bit of them.
    """
    shares = -(-sequences * sides // (MOST * threads))
    groups = min(max(min(-(-shares * threads // sides), sequences // FEWEST), 1), sequences)
    return [sequences * group // groups for group in range(groups + 1)] if groups else []


def flat(arrays: Iterable[Array]) -> Each:
    """The numbers of each array one behind the other; of the same memory if they stand so."""
    return tuple(np.ascontiguousarray(array).reshape(-1) for array in arrays)


@inlined
def group_of(task, tasks, sequences, lengths, first):
    """A task's direction, and of its sequences the numbers, the lengths and the rows of step 0."""
    side, begin, end = tasks[task, 0], tasks[task, 1], tasks[task, 2]
    return side, sequences[begin:end], lengths[begin:end], first[side, begin:end].copy()


@inlined
def take_states(given, line, column, sequences, units):
    """The sequences' states, one below the other, of all in rows of ``line``; with room for more.

    There is room for as many again: those after a step beside those before it.
    """
    own = np.empty(2 * sequences.size * units, given.dtype)
    for m in range(sequences.size):
        start = sequences[m] * line + column
        for unit in range(units):
            own[m * units + unit] = given[start + unit]
    return own


@inlined
def put_last(h, last, line, column, states, sequences, units):
    """The sequences' ``states`` become the ``last`` rows of h; both stand in rows of ``line``."""
    for m in range(sequences.size):
        start, row = sequences[m] * line + column, last[m] * line + column
        for unit in range(units):
            states[start + unit] = h[row + unit]
