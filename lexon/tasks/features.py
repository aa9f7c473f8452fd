"""Columns of numbers and levels as the inputs of a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError, ModelFileError
from lexon.tasks.columns import Kinds, Sheet

Array = npt.NDArray[Any]

VERSION = 1
#: Where a piece that ends nowhere ends, so that float32 holds it. Units: deviations, or pieces.
FARTHEST = 1e6
#: A column with more levels keeps the most frequent ones.
MOST_LEVELS = 256


@dataclass(frozen=True)
class Encoded:
    """Rows in their small form; :meth:`Encoder.inputs` makes the network's inputs of them.

    Shapes: numbers (N, k) without blanks, blank (N, k) bool, codes (N, m): places of the levels,
    -1 for one that was not seen in training.
    """

    numbers: Array
    blank: Array
    codes: Array

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, rows: Array | slice) -> Encoded:
        return Encoded(self.numbers[rows], self.blank[rows], self.codes[rows])


class Encoder:
    """Numbers piecewise linear, levels one-hot; fitted on the rows that train.

    Equations, for a number x of a column with quantiles b_0 < b_1 < ... < b_T:
        inputs (x - mean) / deviation, and for every piece t = 1 ... T
        e_t = (x - b_{t-1}) / (b_t - b_{t-1}), at least 0 unless t = 1, at most 1 unless t = T.
    A blank is imputed by the mean; a column that has blanks in training has an input more that
    is 1 for a blank. A level is 1 at its place; a level not seen in training is 0 everywhere.

    Shapes: k columns of numbers, m of levels -> inputs (N, D).

    Source: Gorishniy, Rubachev, Babenko, On embeddings for numerical features in tabular deep
    learning (2022), equation 1; quantiles as in section 3.2.1.
    """

    def __init__(
        self,
        kinds: Kinds,
        means: Array,
        deviations: Array,
        edges: list[Array],
        blanks: Array,
        levels: list[list[str]],
    ) -> None:
        self.kinds, self.means, self.deviations = kinds, means, deviations
        self.edges, self.blanks, self.levels = edges, blanks, levels
        self._codes = [{level: code for code, level in enumerate(known)} for known in levels]
        self._pieces = _pieces(means, deviations, edges)
        self._offsets = np.cumsum([0, *(len(known) for known in levels)])
        self.width = len(self._pieces[0]) + len(blanks) + int(self._offsets[-1])

    @classmethod
    def fit(cls, sheet: Sheet, kinds: Kinds, bins: int) -> Encoder:
        """The encoder of these rows, each number in at most ``bins`` pieces; 0 for no pieces."""
        if bins < 0:
            raise InputError(f"bins is {bins}\n  give 0 or more")
        there = ~np.isnan(sheet.numbers)
        columns = [sheet.numbers[keep, j] for j, keep in enumerate(there.T)]
        means = np.array([column.mean() if len(column) else 0.0 for column in columns])
        spread = np.array([column.std() if len(column) else 0.0 for column in columns])
        return cls(
            kinds,
            means,
            np.where(spread > 1e-12 * np.abs(means), spread, 1.0),
            [_quantiles(column, bins) for column in columns],
            np.flatnonzero(~there.all(axis=0)),
            [_frequent(sheet.levels[:, j]) for j in range(len(kinds.levels))],
        )

    def encode(self, sheet: Sheet) -> Encoded:
        """The rows in their small form."""
        blank = np.isnan(sheet.numbers)
        codes = np.empty(sheet.levels.shape, np.int64)
        for j, known in enumerate(self._codes):
            codes[:, j] = [known.get(level, -1) for level in sheet.levels[:, j]]
        return Encoded(np.where(blank, self.means, sheet.numbers), blank, codes)

    def inputs(self, rows: Encoded) -> Array:
        """The network's inputs (N, D), float32."""
        column, start, length, low, high = self._pieces
        made = np.zeros((len(rows), self.width), np.float32)
        pieces = (rows.numbers[:, column] - start) / length
        made[:, : len(column)] = np.clip(pieces, low, high)
        at = len(column) + len(self.blanks)
        made[:, len(column) : at] = rows.blank[:, self.blanks]
        for j, offset in enumerate(self._offsets[:-1]):
            (seen,) = np.nonzero(rows.codes[:, j] >= 0)
            made[seen, at + offset + rows.codes[seen, j]] = 1
        return made

    def cut(self, sheet: Sheet) -> list[str]:
        """A note for each column that has more levels in ``sheet`` than are told apart."""
        counts = [len(set(cells)) for cells in sheet.levels.T.tolist()]
        return [
            f"column {name!r}: its {MOST_LEVELS} most frequent values of {count:,} are told apart"
            for name, count in zip(self.kinds.levels, counts, strict=True)
            if count > MOST_LEVELS
        ]

    def to_json(self) -> dict[str, Any]:
        """What :meth:`from_json` restores to the bit, made of plain values."""
        return {
            "version": VERSION,
            "numbers": list(self.kinds.numbers),
            "categories": list(self.kinds.levels),
            "means": self.means.tolist(),
            "deviations": self.deviations.tolist(),
            "edges": [column.tolist() for column in self.edges],
            "blanks": self.blanks.tolist(),
            "levels": self.levels,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Encoder:
        """The encoder that :meth:`to_json` described.

        Raises:
            ModelFileError: for anything else.
        """
        try:
            if data["version"] != VERSION:
                raise ValueError
            kinds = Kinds(_names(data["numbers"]), _names(data["categories"]))
            means, deviations = (_floats(data[key]) for key in ("means", "deviations"))
            edges = [_floats(column) for column in data["edges"]]
            blanks = np.array(data["blanks"], np.int64)
            levels = [list(_names(known)) for known in data["levels"]]
            sound = len(kinds.numbers) == len(means) == len(deviations) == len(edges)
            sound &= len(kinds.levels) == len(levels) and bool((deviations > 0).all())
            sound &= all(len(column) != 1 and bool((np.diff(column) > 0).all()) for column in edges)
            sound &= set(blanks.tolist()) <= set(range(len(means)))
            if not sound:
                raise ValueError
        except (LookupError, TypeError, ValueError, AttributeError):
            raise ModelFileError(
                f"no table encoder of version {VERSION}\n  train and save the model again"
            ) from None
        return cls(kinds, means, deviations, edges, blanks, levels)


def _quantiles(column: Array, bins: int) -> Array:
    """Edges between at most ``bins`` pieces; none if the column holds one value only."""
    if bins == 0 or len(column) == 0:
        return np.empty(0)
    edges = np.unique(np.quantile(column, np.linspace(0, 1, bins + 1)))
    return edges if len(edges) > 1 else np.empty(0)


def _pieces(means: Array, deviations: Array, edges: list[Array]) -> tuple[Array, ...]:
    """For every input from a number: its column, and start, length, lowest and highest value.

    The standardised number is a piece too: one that begins at the mean and ends nowhere.
    """
    column, end = np.arange(len(means)), np.full(len(means), FARTHEST)
    parts = [(column, means, deviations, -end, end)]
    for j, bounds in enumerate(edges):
        count = max(len(bounds) - 1, 0)
        low, high = np.zeros(count), np.ones(count)
        low[:1], high[-1:] = -FARTHEST, FARTHEST
        parts.append((np.full(count, j), bounds[:-1], np.diff(bounds), low, high))
    return tuple(np.concatenate(row) for row in zip(*parts, strict=True))


def _frequent(cells: Array) -> list[str]:
    """The levels of a column, sorted; of very many the most frequent, ties by name."""
    counted = sorted(Counter(cells.tolist()).items(), key=lambda item: (-item[1], item[0]))
    return sorted(level for level, _ in counted[:MOST_LEVELS])


def _floats(values: Any) -> Array:
    array = np.array(values, np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError
    return array


def _names(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError
    if len(set(values)) < len(values):
        raise ValueError
    return tuple(values)
