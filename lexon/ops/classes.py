"""Class numbers as operations take them."""

from __future__ import annotations

import numpy as np

from lexon.errors import InputError
from lexon.graph.tensor import Array
from lexon.kernels.rows import first_outside


def checked_classes(operation: str, targets: Array, classes: int) -> Array:
    """The class numbers as int64.

    Raises:
        InputError: one is no integer, or none of the classes (tells the first one and its row).
    """
    t = np.asarray(targets) if np.size(targets) else np.empty(0, np.int64)
    if t.dtype.kind not in "iu":
        raise InputError(f"{operation}: class numbers are integers, these are {t.dtype}")
    numbers = np.ascontiguousarray(t, np.int64)
    row = first_outside(numbers, classes)
    if row >= 0:
        raise InputError(
            f"{operation}: the target of row {row} is class {t[row]}, but there are {classes}"
            f" classes\n  classes are numbered from 0 to {classes - 1}"
        )
    return numbers
