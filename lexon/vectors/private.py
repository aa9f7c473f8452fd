"""Which rows each worker has of its own: the upper nodes of a tree, which are in every window."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.kernels.private import PERIOD, Private
from lexon.kernels.windows import Outputs

Array = npt.NDArray[Any]

#: A node is private that is met so many times before its copies are shared.
OFTEN = 4


def private_rows(outputs: Outputs, kept: Array, workers: int) -> int:
    """How many of the last nodes of a tree each worker has of its own.

    None where words have no ways, and for one worker. Shapes: kept (V), how often a word is met.
    """
    if workers == 1 or not len(outputs.path):
        return 0
    met = np.bincount(outputs.path >> 1, np.repeat(kept, np.diff(outputs.path_starts)))
    return int(np.count_nonzero(met * PERIOD >= OFTEN * kept.sum()))


def new_privates(table: Array, rows: int, private: int, workers: int) -> list[Private]:
    """For each worker copies of the last ``private`` of ``rows`` rows, which begin behind them."""
    seen = (private, table.shape[1])
    return [
        Private(rows - private, rows + worker * private, np.zeros(seen, table.dtype))
        for worker in range(workers)
    ]
