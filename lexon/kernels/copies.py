"""Copies of the rows that all workers would change all the time, one for each worker.

A row that two processors change by turns travels from one to the other every time, and on some
machines that takes longer than all that is computed with it. So each worker changes its copies,
and every so many windows hands on what it changed and takes what others did:

    row <- row + share (copy - seen)        copy <- seen <- row

Source: the delayed updates of a parameter server (Ho et al. 2013), without waiting for anyone.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lexon.kernels.lean import part

Array = npt.NDArray[Any]


class Copies(NamedTuple):
    """One worker's copies of R rows; they stand behind the rows themselves, in the same table."""

    first: int  # the rows from this one on have copies
    own: int  # and here this worker's begin
    seen: Array  # (R, width): the rows as they were when the worker last saw them
    period: int  # so many windows it goes on with its copies
    share: float  # how much of its changes counts


#: What a worker has that changes every row itself.
NO_COPIES = Copies(2**62, 2**62, np.empty((0, 0), np.float32), 2**62, 1.0)


@part
def row_or_copy(copies, row):
    """Where a worker finds one of the table's rows."""
    return row + copies.own - copies.first if row >= copies.first else row


@part
def synchronise(copies, table):
    """Hand on what the copies learned, and take what others handed on."""
    share = table.dtype.type(copies.share)
    for k in range(copies.seen.shape[0]):
        row, own, seen = table[copies.first + k], table[copies.own + k], copies.seen[k]
        for d in range(seen.size):
            learned = row[d] + share * (own[d] - seen[d])
            row[d] = own[d] = seen[d] = learned
