"""Searching the rows of a matrix for the nearest by cosine, for one query or thousands.

The rows are taken in blocks and only the best so far are kept, so that memory does not grow with
the number of rows. The products are the BLAS's: a score may differ in its last bits between a
query alone and the same query in a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: So many scores are held at a time.
_HELD = 2**21
#: Queries that are searched together: their scores of a block of rows stay in the cache.
_TOGETHER = 256


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


def cosines(matrix: Array, lengths: Array, queries: Array) -> Array:
    """The cosine of each query of length 1 and each row.

    Shapes: matrix (V, D), lengths (V,), queries (B, D) -> (B, V)
    """
    scores = queries @ matrix.T
    scores *= inverse(lengths)
    return np.asarray(scores)


def nearest(matrix: Array, lengths: Array, queries: Array, number: int) -> tuple[Array, Array]:
    """The rows nearest to each query of length 1, the nearest first; of equals the first row.

    Shapes: matrix (V, D), lengths (V,), queries (B, D) -> rows (B, k), cosines (B, k), where k is
    ``number``, or V where there are no more. A row of zeros has cosine 0.
    """

    def score(part: Array, start: int, stop: int) -> Array:
        return cosines(matrix[start:stop], lengths[start:stop], part)

    return best(score, queries, len(matrix), number)


def best(
    score: Callable[[Array, int, int], Array], queries: Array, rows: int, number: int
) -> tuple[Array, Array]:
    """The rows of the highest scores for each query; ``score(queries, start, stop)`` tells them."""
    number = min(number, rows)
    found = np.empty((len(queries), number), np.int64)
    values = np.empty((len(queries), number), queries.dtype)
    together = min(_TOGETHER, max(1, _HELD // max(1, 4 * number)))
    for start in range(0, len(queries), together):
        part = slice(start, start + together)
        found[part], values[part] = _best(score, queries[part], rows, number)
    return found, values


def _best(
    score: Callable[[Array, int, int], Array], queries: Array, rows: int, number: int
) -> tuple[Array, Array]:
    """As `best`, for queries whose scores may be held together.

    Only scores above the worst that is kept can change anything: few, after the first rows. So
    the first block is small, and each further one as large as all before it.
    """
    batch = len(queries)
    largest = max(1, _HELD // batch)
    kept_rows = np.zeros((batch, 0), np.int64)
    kept = np.zeros((batch, 0), queries.dtype)
    start, stop = 0, min(rows, max(4 * number, 256))
    while start < stop:
        scores = score(queries, start, stop)
        if kept.shape[1] < number:
            query, row = np.divmod(np.arange(scores.size), stop - start)
        else:
            query, row = np.divmod(np.flatnonzero(scores > kept[:, -1:]), stop - start)
        if query.size:
            values = np.concatenate([kept.ravel(), scores[query, row]])
            places = np.concatenate([kept_rows.ravel(), row + start])
            owner = np.concatenate([np.repeat(np.arange(batch), kept.shape[1]), query])
            order = np.lexsort((places, -values, owner))
            first = np.searchsorted(owner[order], np.arange(batch))
            chosen = order[first[:, None] + np.arange(number)]
            kept, kept_rows = values[chosen], places[chosen]
        start, stop = stop, min(rows, stop + min(largest, stop))
    return kept_rows, kept
