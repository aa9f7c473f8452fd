"""Searching the rows of a matrix for the nearest by cosine, for one query or thousands.

Of many queries the rows are taken in blocks and only the best so far are kept, so that memory does
not grow with rows times queries. They share a packed product; fewer than four are better off one
by one, so that a score may differ in its last bits between a query alone and one in a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from lexon.errors import ShapeError

Array: TypeAlias = npt.NDArray[Any]
#: The scores of the rows from one to another, (rows, B).
Score: TypeAlias = Callable[[int, int], Array]

#: Rows that a thread compares with a query at a time.
_ROWS = 4096
#: So many scores are held at a time: they stay in the cache.
_HELD = 2**20
#: Queries that are searched together, and from how many on their product is packed.
_TOGETHER, _PACKED = 256, 4


def norms(matrix: Array) -> Array:
    """The Euclidean length of each row.

    Equations: |x| = sqrt(sum_d x_d^2)
    Shapes: matrix (V, D) -> (V,)
    """
    found = np.empty(len(matrix), matrix.dtype)
    for start in range(0, len(matrix), 2**14):
        rows = matrix[start : start + 2**14]
        np.sqrt(np.einsum("vd,vd->v", rows, rows), out=found[start : start + 2**14])
    return found


def inverse(lengths: Array) -> Array:
    """1 / |x|, and 0 for a row of zeros: it is like nothing."""
    return np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)


def cosines(matrix: Array, scale: Array, query: Array) -> Array:
    """The cosine of each row and a query of length 1; ``scale`` is 1 / the length of each row.

    Shapes: matrix (V, D), scale (V,), query (D,) -> (V,)
    """
    from lexon.kernels import rows

    if query.shape != matrix.shape[1:]:
        raise ShapeError(f"cosines: a query is {query.shape}, a row {matrix.shape[1:]}")
    scores = np.empty(len(matrix), matrix.dtype)
    given = np.ascontiguousarray(matrix), scale, np.ascontiguousarray(query, matrix.dtype)
    rows.cosines(len(matrix), _ROWS, 2.0 * matrix.size, *given, scores)
    return scores


def nearest(matrix: Array, scale: Array, queries: Array, number: int) -> tuple[Array, Array]:
    """The rows nearest to each query of length 1, the nearest first; of equals the first row.

    Shapes: matrix (V, D), scale (V,) 1 / the length of each row, queries (B, D) -> rows (B, k),
    cosines (B, k), where k is ``number``, or V where there are no more. A row of zeros has
    scale and cosine 0.
    """
    number = min(number, len(matrix))
    rows = np.empty((len(queries), number), np.int64)
    values = np.empty((len(queries), number), matrix.dtype)
    together = min(_TOGETHER, max(1, _HELD // max(1, 4 * number)))
    for start in range(0, len(queries), together):
        part = slice(start, start + together)
        score = _scores(matrix, scale, queries[part])
        rows[part], values[part] = best(score, len(queries[part]), len(matrix), number)
    return rows, values


def _scores(matrix: Array, scale: Array, queries: Array) -> Score:
    """How near rows are to queries."""
    if len(queries) < _PACKED:
        # Bound by memory, not by sums: all rows at once, for the fewest waits of threads.
        every = [cosines(matrix, scale, query)[:, None] for query in queries]
        return lambda start, stop: np.concatenate([each[start:stop] for each in every], axis=1)

    from lexon.kernels.product import pack, product

    panels = pack(queries.T)

    def packed(start: int, stop: int) -> Array:
        return product(matrix[start:stop] * scale[start:stop, None], panels)

    return packed


def best(score: Score, batch: int, rows: int, number: int) -> tuple[Array, Array]:
    """The rows of the highest scores for each query, and the scores, (B, number).

    Only scores above the worst that is kept can change anything: few, after the first rows. So
    the first block is small, and each further one as large as all before it.
    """
    kept_rows = np.zeros((batch, 0), np.int64)
    kept = np.zeros((batch, 0))
    owners = np.arange(batch)
    start, stop = 0, min(rows, max(4 * number, 64))
    while start < stop:
        scores = score(start, stop)
        if kept.shape[1] < number:
            found = np.arange(scores.size)
        else:
            found = np.flatnonzero(scores > kept[:, -1])
        if found.size:
            row, query = np.divmod(found, batch)
            values = np.concatenate([kept.ravel(), scores.ravel()[found]], dtype=scores.dtype)
            places = np.concatenate([kept_rows.ravel(), row + start])
            owner = np.concatenate([np.repeat(owners, kept.shape[1]), query])
            order = np.lexsort((-values, owner))  # equals stay in the order of their rows
            first = np.searchsorted(owner[order], owners)
            chosen = order[first[:, None] + np.arange(number)]
            kept, kept_rows = values[chosen], places[chosen]
        start, stop = stop, min(rows, stop + min(max(1, _HELD // batch), stop))
    return kept_rows, kept
