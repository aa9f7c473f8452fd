"""Sequences laid end to end with their lengths, and where to cut them into portions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
import numpy.typing as npt

from lexon.errors import ShapeError

Rows = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Ragged:
    """B sequences as their S rows laid end to end, and B lengths; there is no padding.

    Shapes: rows (S,) int32; lengths (B,) int64 with sum S. A length of 0 is legal.
    Raises: ShapeError if the lengths do not add up to the rows, or one is negative.
    """

    rows: Rows
    lengths: Indices

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", np.ascontiguousarray(self.rows, dtype=np.int32))
        object.__setattr__(self, "lengths", np.ascontiguousarray(self.lengths, dtype=np.int64))
        total = int(self.lengths.sum())
        if self.rows.ndim != 1 or self.lengths.ndim != 1 or total != len(self.rows):
            raise ShapeError(
                f"ragged: S is {total} by the lengths and {self.rows.size} by the rows\n"
                f"  rows (S,) = {self.rows.shape}\n  lengths (B,) = {self.lengths.shape}"
            )
        if (self.lengths < 0).any():
            raise ShapeError(f"ragged: a length is {int(self.lengths.min())}; none is below 0")

    @classmethod
    def from_lists(cls, sequences: Sequence[Sequence[int]]) -> Ragged:
        """Return the sequences laid end to end."""
        lengths = np.fromiter(map(len, sequences), np.int64, count=len(sequences))
        total = int(lengths.sum())
        return cls(np.fromiter(chain.from_iterable(sequences), np.int32, count=total), lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    @cached_property
    def starts(self) -> Indices:
        """The row at which each sequence begins, shape (B,)."""
        starts = np.zeros(len(self.lengths), np.int64)
        np.cumsum(self.lengths[:-1], out=starts[1:])
        return starts

    def take(self, indices: npt.ArrayLike) -> Ragged:
        """Return the sequences at `indices` (or where a mask is true), in that order.

        Raises: IndexError for an index that is not there.
        """
        chosen = np.asarray(indices)
        if chosen.dtype == np.bool_:
            chosen = np.flatnonzero(chosen)
        chosen = chosen.astype(np.int64, copy=False)
        lengths = self.lengths[chosen]
        ends = np.cumsum(lengths)
        total = int(ends[-1]) if len(ends) else 0
        shift = self.starts[chosen] - (ends - lengths)
        return Ragged(self.rows[np.arange(total) + np.repeat(shift, lengths)], lengths)

    def cut(self, longest: int) -> Ragged:
        """Return the sequences with nothing behind the first `longest` rows of each."""
        if not len(self) or self.lengths.max() <= longest:
            return self
        lengths = np.minimum(self.lengths, longest)
        ends = np.cumsum(lengths)
        shift = self.starts - (ends - lengths)
        return Ragged(self.rows[np.arange(int(ends[-1])) + np.repeat(shift, lengths)], lengths)


def portions(lengths: Indices, most: int, rows: int) -> Iterator[tuple[int, int]]:
    """Where to cut sequences: at most so many at a time, and so many rows (one sequence at least).

    No sequences are one portion of none.
    """
    start, taken = 0, 0
    for place, length in enumerate(lengths.tolist()):
        if place > start and (place - start == most or taken + length > rows):
            yield start, place
            start, taken = place, 0
        taken += length
    yield start, len(lengths)
