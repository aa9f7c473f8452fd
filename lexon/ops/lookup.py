"""Rows of a table, by number."""

from __future__ import annotations

import numpy as np

from lexon.errors import InputError
from lexon.graph.declare import op
from lexon.graph.node import Pull
from lexon.graph.rows import RowGradient
from lexon.graph.tensor import Array
from lexon.kernels.rows import add_rows, first_outside, unique_rows


@op("table: V D | ids: S -> y: S D")
def lookup(table: Array, *, ids: Array) -> tuple[Array, Pull]:
    """y[s] = table[ids[s]]: the product of a one-hot vector and the table, without the product.

    Shapes: table (V, D), ids (S) -> y (S, D). Units: ids are row numbers from 0 to V - 1.
    The gradient of the table holds only the rows that were looked up, each once.

    Raises:
        InputError: an id is outside the table (tells id, position and V), or no integer.
    """
    ids = np.asarray(ids) if np.size(ids) else np.empty(0, np.int64)
    if ids.dtype.kind not in "iu":
        raise InputError(f"lookup: row numbers are integers, these are {ids.dtype}")
    position = first_outside(np.ascontiguousarray(ids, np.int64), len(table))
    if position >= 0:
        raise InputError(
            f"lookup: id {ids[position]} at position {position} is outside a table of"
            f" {len(table)} rows\n  ids run from 0 to {len(table) - 1}: was the text encoded with"
            " this network's vocabulary?"
        )

    def pull(dy: Array) -> RowGradient:
        rows, places = unique_rows(ids, len(table))
        values = np.zeros((len(rows), table.shape[1]), table.dtype)
        add_rows(np.ascontiguousarray(dy), places, values)
        return RowGradient(rows, values, table.shape)

    return table.take(ids, axis=0), pull
