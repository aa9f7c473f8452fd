"""Which rows each worker has copies of: the upper nodes of a tree, which are in every window."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.kernels.copies import Copies
from lexon.kernels.windows import Outputs

Array = npt.NDArray[Any]

#: So many windows all workers together go on with their copies, but each at least LEAST.
PERIOD, LEAST = 512, 16
#: A node has copies that is met so many times in between.
OFTEN = 4
#: The changes of so many workers may be added up; of more, it is as much as so many would change.
#: All correct the same mistake, and a sum of many goes too far: 8 workers that each went on for
#: 64 windows diverged at a learning rate of 0.1, and 32 with 256 windows at 0.025.
SUMMED = 2

_PIECE = 65_536


def period(workers: int) -> int:
    """How many windows each worker goes on with its copies."""
    return max(PERIOD // workers, LEAST)


def copied_rows(outputs: Outputs, kept: Array, workers: int) -> int:
    """As many of a tree's last nodes have copies as are met often.

    None where words have no ways, and for one worker. Shapes: kept (V), how often a word is met.
    """
    starts, met = outputs.path_starts, np.zeros(max(len(kept) - 1, 0))
    if workers == 1 or not len(outputs.path) or not kept.any():
        return 0
    for begin in range(0, len(kept), _PIECE):  # temporary arrays of some words' ways only
        some = kept[begin : begin + _PIECE]
        borders = starts[begin : begin + len(some) + 1]
        nodes = outputs.path[borders[0] : borders[-1]] >> 1
        met += np.bincount(nodes, np.repeat(some, np.diff(borders)), minlength=len(met))
    return int(np.count_nonzero(met * period(workers) >= OFTEN * kept.sum()))


def new_copies(table: Array, rows: int, copied: int, workers: int) -> list[Copies]:
    """For each worker copies of the last ``copied`` of ``rows`` rows, which begin behind them."""
    return [
        Copies(
            rows - copied, rows + worker * copied, np.zeros((copied, table.shape[1]), table.dtype),
            period(workers), min(1.0, SUMMED / workers),
        )
        for worker in range(workers)
    ]  # fmt: skip
