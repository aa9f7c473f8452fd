"""The gradient of a table of which only some rows were looked up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lexon.graph.tensor import Array


@dataclass(frozen=True, eq=False)
class RowGradient:
    """Gradient of a (V, D) table: zero but for ``rows``.

    Shapes: rows (R,) ascending, each once; values (R, D); shape = (V, D).
    """

    __array_ufunc__ = None  # so that array + gradient is our sum, not NumPy's loop

    rows: Array
    values: Array
    shape: tuple[int, ...]

    def dense(self) -> Array:
        """The whole (V, D) array."""
        whole = np.zeros(self.shape, self.values.dtype)
        whole[self.rows] = self.values
        return whole

    def __add__(self, other: RowGradient | Array) -> RowGradient | Array:
        """Sum of two gradients of one table: dense if either is."""
        if not isinstance(other, RowGradient):
            return other + self.dense()
        rows, place = np.unique(np.concatenate([self.rows, other.rows]), return_inverse=True)
        values = np.zeros((len(rows), *self.shape[1:]), self.values.dtype)
        values[place[: len(self.rows)]] = self.values
        values[place[len(self.rows) :]] += other.values
        return RowGradient(rows, values, self.shape)

    __radd__ = __add__

    def __mul__(self, factor: float) -> RowGradient:
        return RowGradient(self.rows, self.values * self.values.dtype.type(factor), self.shape)
