"""Rows of their own for workers that would all change the same few rows all the time.

A row that two processors change by turns travels from one to the other every time, and on some
machines that takes longer than all that is computed with it. So each worker changes copies, and
every so many windows it hands on what it changed and takes what others did:

    shared <- shared + own - seen        own <- seen <- shared
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lexon.kernels.lean import part

Array = npt.NDArray[Any]

#: So many windows a worker goes on with its copies.
PERIOD = 256


class Private(NamedTuple):
    """One worker's copies of the rows from ``first`` on, of the same table."""

    first: int
    own: int  # the row where its copies begin
    seen: Array  # (K, width): the rows when they were last shared


#: What a worker has that shares every row.
NOTHING_PRIVATE = Private(2**62, 2**62, np.empty((0, 0), np.float32))


@part
def own_row(private, row):
    """The row that stands for one of the table's."""
    return row + private.own - private.first if row >= private.first else row


@part
def share_rows(private, table):
    """Hand on what the copies learned, and take what others handed on."""
    for k in range(private.seen.shape[0]):
        shared, own, seen = table[private.first + k], table[private.own + k], private.seen[k]
        for d in range(seen.size):
            learned = shared[d] + (own[d] - seen[d])
            shared[d] = own[d] = seen[d] = learned
