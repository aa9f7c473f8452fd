"""What is to be predicted from a table: numbers or classes, as a network sees them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from lexon.errors import InputError
from lexon.tasks.columns import read_numbers

Array = npt.NDArray[Any]

#: Bytes that the names of the classes in a model file may take.
LARGEST_NAMES = 2**26


@contextmanager
def input_errors() -> Iterator[None]:
    """scikit-learn's complaints about data, as :class:`InputError`."""
    try:
        yield
    except InputError:
        raise
    except ValueError as error:
        raise InputError(str(error)) from None


def column(y: Any) -> Array:
    """The target as an array (N).

    Raises:
        InputError: there is none, or it has another shape.
    """
    if y is None:
        raise InputError("training requires y to be passed, but the target y is None")
    with input_errors():
        return column_or_1d(y, warn=True)


def read_target(y: Any) -> Array:
    """Numbers to predict (N), float64.

    Raises:
        InputError: one is blank, text or infinite; names its row, counted from 1.
    """
    values = read_numbers("the target", column(y))
    for row in np.flatnonzero(np.isnan(values))[:1]:
        raise InputError(f"the target, row {row + 1}: blank\n  leave such rows out")
    return values


def read_labels(y: Any) -> Array:
    """Labels to predict (N), of text or of numbers.

    Raises:
        InputError: one is blank or infinite, or they are measurements rather than labels.
    """
    labels = column(y)
    for row, label in enumerate(labels.tolist()):
        if label is None or label != label or label in ("", math.inf, -math.inf):
            raise InputError(f"the target, row {row + 1}: {label!r} is no label\n  leave it out")
    with input_errors():
        check_classification_targets(labels)
    return labels


@dataclass(frozen=True)
class Numbers:
    """Numbers to predict, standardised by what they are in the rows that train.

    Equations: t = (y - mean) / deviation.
    """

    mean: float
    deviation: float

    @classmethod
    def fit(cls, y: Array) -> Numbers:
        """Mean and deviation of these rows."""
        deviation = float(y.std())
        return cls(float(y.mean()), deviation if deviation > 0 else 1.0)

    def encode(self, y: Array) -> Array:
        """What the network is to give: (N, 1), float32."""
        return ((y - self.mean) / self.deviation).astype(np.float32)[:, None]

    def decode(self, outputs: Array) -> Array:
        """The numbers (N) for the network's outputs (N, 1)."""
        numbers: Array = outputs[:, 0].astype(np.float64) * self.deviation + self.mean
        return numbers

    @property
    def outputs(self) -> int:
        return 1

    def to_json(self) -> dict[str, Any]:
        return {"mean": self.mean, "deviation": self.deviation}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Numbers:
        """What :meth:`to_json` described; ValueError for anything else."""
        mean, deviation = float(data["mean"]), float(data["deviation"])
        if not (np.isfinite(mean) and 0 < deviation < np.inf):
            raise ValueError("mean and deviation of the target are no numbers")
        return cls(mean, deviation)


@dataclass(frozen=True)
class Classes:
    """Classes to predict; a class's number is its place among the sorted ``names`` (C)."""

    names: Array

    @classmethod
    def fit(cls, y: Array) -> Classes:
        """The classes of these labels."""
        try:
            return cls(np.unique(y))
        except TypeError:
            raise InputError(
                "the labels are of text and of numbers\n  give labels of one kind"
            ) from None

    def encode(self, y: Array) -> Array:
        """Class numbers (N).

        Raises:
            InputError: a label is none of the classes.
        """
        numbers = {name: number for number, name in enumerate(self.names.tolist())}
        labels = y.tolist()
        for row, label in enumerate(labels):
            if label not in numbers:
                known = ", ".join(map(str, self.names[:12]))
                raise InputError(
                    f"the target, row {row + 1}: {label!r} is no class of the training rows"
                    f"\n  the classes are {known}{', ...' if len(self.names) > 12 else ''}"
                )
        return np.array([numbers[label] for label in labels], np.int64)

    @property
    def outputs(self) -> int:
        return len(self.names)

    def to_json(self) -> dict[str, Any]:
        return {"type": self.names.dtype.str, "names": self.names.tolist()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Classes:
        """What :meth:`to_json` described; ValueError for anything else."""
        names = data["names"]
        if not re.fullmatch("[<>|=]?([iufb][0-9]|O|U[0-9]{1,6})", data["type"]):
            raise ValueError("the type of the classes is unknown")
        dtype = np.dtype(data["type"])
        if dtype.itemsize * len(names) > LARGEST_NAMES:
            raise ValueError("the names of the classes are too long")
        plain = all(isinstance(name, (str, int, float)) for name in names)
        if dtype.kind not in "OUiufb" or not plain or not 2 <= len(set(names)) == len(names):
            raise ValueError("the classes are not as they should be")
        return cls(np.array(names, dtype))
