"""Labels and their ids."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError, ModelFileError

VERSION = 1
LabelList: TypeAlias = Sequence[str] | Sequence[tuple[str, ...]]
"""A label for each text, or a tuple of labels for each."""


class Labels:
    """The names of the classes, sorted (whole numbers by size); a class's id is its place.

    With `multi_label` a text has a tuple of labels, any number of them, and not just one.
    """

    def __init__(self, names: Sequence[str], *, multi_label: bool = False) -> None:
        """Take the names of the classes.

        Raises: InputError if there are fewer than two, or one is there twice.
        """
        self.names: tuple[str, ...] = tuple(sorted(names, key=_order))
        self.multi_label = multi_label
        self._ids = {name: index for index, name in enumerate(self.names)}
        if len(self._ids) < len(self.names):
            raise InputError("a label is named twice; name every label once")
        if len(self.names) < 2:
            only = f"only one label, {self.names[0]!r}" if self.names else "no label"
            raise InputError(f"there is {only}; two different labels are needed to tell apart")

    @classmethod
    def fit(cls, labels: LabelList) -> Labels:
        """Return the classes that occur in `labels`.

        Raises: InputError if there are fewer than two, or single labels and tuples are mixed.
        """
        if not _is_multi(labels):
            return cls(sorted({label for label in labels if isinstance(label, str)}))
        return cls(sorted({name for row in labels for name in row}), multi_label=True)

    def encode(self, labels: LabelList) -> npt.NDArray[np.int64] | npt.NDArray[np.float32]:
        """Return the ids, shape (N,) int64, or with `multi_label` ones and zeros, (N, C) float32.

        Raises: InputError naming the labels that are unknown and the number of their rows.
        """
        if len(labels) and _is_multi(labels) != self.multi_label:
            asked = "a tuple of labels" if self.multi_label else "one label"
            raise InputError(f"each text needs {asked} here, as when the labels were fitted")
        rows = [(label,) if isinstance(label, str) else label for label in labels]
        self._check(rows)
        if not self.multi_label:
            return np.array([self._ids[name] for (name,) in rows], dtype=np.int64)
        out = np.zeros((len(labels), len(self.names)), dtype=np.float32)
        for row, names in enumerate(rows):
            out[row, [self._ids[name] for name in names]] = 1
        return out

    def _check(self, rows: Sequence[Sequence[object]]) -> None:
        """Raise InputError if `rows` hold labels that are unknown."""
        wrong = [row for row in rows if not all(name in self._ids for name in row)]
        if not wrong:
            return
        unseen = sorted({str(name) for row in wrong for name in row if name not in self._ids})
        shown = ", ".join(map(repr, unseen[:5])) + (", ..." if len(unseen) > 5 else "")
        known = ", ".join(map(repr, self.names[:12])) + (", ..." if len(self.names) > 12 else "")
        raise InputError(
            f"{len(wrong):,} row{'s' * (len(wrong) > 1)} with the unknown "
            f"label{'s' * (len(unseen) > 1)} {shown}; known are {known}: "
            "correct them, leave these rows out, or train with them"
        )

    def decode(self, ids: Sequence[int] | npt.NDArray[np.int64]) -> list[str]:
        """Return the names of the given ids."""
        return [self.names[index] for index in ids]

    def __len__(self) -> int:
        return len(self.names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Labels):
            return NotImplemented
        return (self.names, self.multi_label) == (other.names, other.multi_label)

    def __hash__(self) -> int:
        return hash((self.names, self.multi_label))

    def __repr__(self) -> str:
        return f"Labels({list(self.names)!r}, multi_label={self.multi_label})"

    def to_json(self) -> dict[str, object]:
        """Return what `from_json` restores, made of plain values."""
        return {"version": VERSION, "names": list(self.names), "multi_label": self.multi_label}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Labels:
        """Return the labels that `to_json` described.

        Raises: ModelFileError for anything else.
        """
        names, multi_label = data.get("names"), data.get("multi_label")
        if (
            data.get("version") == VERSION
            and isinstance(multi_label, bool)
            and isinstance(names, list)
            and all(isinstance(name, str) for name in names)
        ):
            try:
                return cls(names, multi_label=multi_label)
            except InputError:
                pass
        raise ModelFileError(
            f"no labels of version {VERSION}; save the model again with this version of lexon"
        )


def _order(name: str) -> tuple[int, int, str]:
    """Whole numbers by size, before all else by code points."""
    whole = re.fullmatch(r"-?[0-9]{1,18}", name)
    return (0, int(name), name) if whole else (1, 0, name)


def _is_multi(labels: LabelList) -> bool:
    """Whether `labels` are tuples; a mixture raises InputError."""
    kinds = {isinstance(label, str) for label in labels}
    if len(kinds) > 1:
        raise InputError("single labels and tuples of labels are mixed; give only one kind")
    return kinds == {False}
