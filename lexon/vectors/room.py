"""The arrays in which kernels train: tables, plans, and room for what is computed on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.kernels.product import aligned
from lexon.kernels.simd_rows import PAD, STEP
from lexon.kernels.windows import (
    CENTRE_TO_CONTEXT,
    CONTEXT_TO_CENTRE,
    NEGATIVES,
    SOFTMAX,
    TREE,
    Outputs,
    Plan,
    Rules,
    Words,
)
from lexon.kernels.wordvectors import Buffers, Tables

Array = npt.NDArray[Any]

_LINE = 64


def new_table(rows: int, dimension: int, dtype: npt.DTypeLike) -> Array:
    """Zeros whose rows are whole cache lines, so that no line belongs to two words."""
    numbers = _LINE // np.dtype(dtype).itemsize
    return _aligned((rows, -(-dimension // numbers) * numbers), dtype)


def new_words(tokens: int, window: int) -> Words:
    """Room for the kept ones of so many tokens, and their surroundings."""
    size = tokens + 2 * window + 2
    return Words(
        np.empty(size, np.int32), np.empty(size, np.int64),
        np.empty(size, np.int32), np.empty(size, np.int32),
    )  # fmt: skip


def new_plans(
    rules: Rules, outputs: Outputs, tables: Tables, windows: int, segments: int = 1
) -> tuple[Plan, Buffers]:
    """Room for plans of so many windows each, one in each row of the arrays."""
    longest = 2 * rules.window
    width, dtype = tables.inputs.shape[1], tables.inputs.dtype
    predictions = windows * (longest if rules.direction == CONTEXT_TO_CENTRE else 1)
    lists = predictions if rules.objective == NEGATIVES else windows
    list_length = _longest_list(rules, outputs)
    listed = lists * list_length + STEP
    slots = predictions * -(-list_length // STEP) * STEP
    if rules.objective == SOFTMAX:
        slots = predictions * len(outputs.everything)

    def room(size: int, dtype: npt.DTypeLike) -> Array:
        return np.zeros((segments, size), dtype)

    plan = Plan(
        room(windows, np.int64), room(windows, np.int32), room(windows + 1, np.int32),
        room(predictions + 1, np.int32), room(predictions, np.int32), room(predictions, np.int32),
        room(predictions + 1, np.int64), room(windows * longest, np.int32),
        room(listed, np.int32), room(listed, np.float32), room(listed, np.float32),
        room(len(tables.outputs) if rules.objective == TREE else 0, np.int32),
        room(rules.shared, np.int32),
    )  # fmt: skip
    buffers = Buffers(
        room(longest + 2, np.int32), _aligned((segments, predictions * width), dtype),
        _aligned((segments, predictions * width), dtype), _aligned((segments, slots + STEP), dtype),
        room(windows * longest, dtype), room(windows * longest, dtype), room(8, np.float64),
    )  # fmt: skip
    return plan, buffers


def _longest_list(rules: Rules, outputs: Outputs) -> int:
    """How many outputs a prediction can have."""
    answers = 2 * rules.window if rules.direction == CENTRE_TO_CONTEXT else 1
    if rules.objective == TREE:
        return answers * int(np.diff(outputs.path_starts).max(initial=0))
    if rules.objective == NEGATIVES:
        return answers * (1 + rules.negatives)
    return rules.shared + PAD * -(-answers // PAD)  # read in whole groups


def _aligned(shape: tuple[int, int], dtype: npt.DTypeLike) -> Array:
    array = aligned(shape[0] * shape[1], dtype).reshape(shape)
    array[...] = 0
    return array
