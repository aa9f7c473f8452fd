"""Walks through time over sequences laid end to end.

The sequences of a walk are taken by falling length, so that step t works on the first ``active[t]``
of them and nothing is padded. Rows stay where they are: step t of a sequence is row
``first + t * stride``, read and written in place. All threads walk together (``team.py``); each
takes blocks of hidden units, whose gates follow their product while they are in the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from lexon import parallel
from lexon.kernels.ngram import starts_of
from lexon.kernels.product import Array
from lexon.kernels.strip import pack_before
from lexon.kernels.team import new_board

# The C library gives freed memory back to the system, and takes it again page by page, above a
# size that grows with the largest piece it has seen freed. Arrays of one batch are above the
# first size and would cost more time than the arithmetic on them; none of this one is touched.
np.empty(30 << 20, np.uint8)


class Walk(NamedTuple):
    """How the rows of a batch are met in time."""

    sequences: Array  # those that have rows, longest first: their numbers in the batch
    first: Array  # their rows of step 0
    stride: int  # 1, or -1 from the end to the beginning
    active: Array  # by step: how many sequences are that long
    end: Array  # their rows of the last step

    def own(self, states: Array) -> Array:
        """States (B, H) of the sequences of this walk, a copy in their order."""
        return states[self.sequences].reshape(-1)

    def back(self, own: Array, states: Array) -> Array:
        """States (B, H): those of ``own``, in this walk's order; the others as in ``states``."""
        given = states.copy()
        given[self.sequences] = own.reshape(-1, states.shape[1])
        return given

    def before(self, h: Array, h0: Array) -> Array:
        """Strips of h_prev (S, H): for each row of h (S, H) the state before it."""
        return pack_before(h, self.own(h0), self.first, self.stride)

    def last(self, h: Array, h0: Array) -> Array:
        """The states (B, H) after the last step; of an empty sequence the first one."""
        return self.back(h[self.end], h0)


def walk(lengths: Array, reverse: bool) -> Walk:
    """The walk over all sequences of these lengths."""
    return _walk(lengths.astype(np.int64, copy=False).tobytes(), reverse)


@lru_cache(maxsize=16)  # layer after layer meets the same lengths
def _walk(content: bytes, reverse: bool) -> Walk:
    lengths = np.frombuffer(content, np.int64)
    order = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
    own, starts = lengths[order], starts_of(lengths)[order]
    stride = -1 if reverse else 1
    first = starts + (own - 1 if reverse else 0)
    steps = int(own[0]) if len(own) else 0
    active = np.searchsorted(-own, -np.arange(steps), side="left")
    return Walk(order, first, stride, active, first + stride * (own - 1))


def together(kernel: Callable[..., None], steps: int, work: float, *given: object) -> None:
    """Walk on all threads; they share ``steps`` steps.

    ``kernel`` is a shared one, ``kernel(member, _, members, board, *given)``; ``work`` is the
    number of floating-point operations of the whole: a little is done alone.
    """
    members = parallel.threads() if work >= parallel.WORTH_SHARING else 1
    kernel(members, 1, work, members, new_board(steps), *given)
