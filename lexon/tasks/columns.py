"""The columns of a table, whatever it came as: which hold numbers, which levels, which an index."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError
from lexon.text.table import Table

Array = npt.NDArray[Any]

#: What stands for a blank among numbers, in any case; among levels only nothing at all does.
BLANKS = frozenset({"", "?", "n/a", "na", "nan", "none", "null"})
#: The largest number that is taken.
LARGEST = 1e100
#: Names of columns that number the rows, in any case.
INDEX_NAMES = frozenset({"", "id", "index", "rowid", "rownames", "unnamed: 0"})


@dataclass(frozen=True)
class Columns:
    """Cells by column, all columns of the same length.

    ``levels`` names the columns that were declared categorical: they are levels even where they
    look like numbers.
    """

    cells: Mapping[str, Sequence[Any] | Array]
    levels: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(next(iter(self.cells.values()), ()))

    def of(self, name: str) -> Sequence[Any] | Array:
        """The cells of one column.

        Raises:
            InputError: there is no such column; names the nearest one.
        """
        if name in self.cells:
            return self.cells[name]
        nearest = difflib.get_close_matches(name, self.cells, n=1, cutoff=0.5)
        guess = f"is {nearest[0]!r} meant?" if nearest else "add it"
        raise InputError(
            f"there is no column {name!r}; the columns are {', '.join(map(repr, self.cells))}\n"
            f"  the network was trained with {name!r}: {guess}"
        )


@dataclass(frozen=True)
class Kinds:
    """What the columns hold that become features, and what to tell about the others."""

    numbers: tuple[str, ...]
    levels: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Sheet:
    """Columns as they were read. Shapes: numbers (N, k), blanks NaN; levels (N, m) of str."""

    numbers: Array
    levels: Array

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, rows: Array) -> Sheet:
        return Sheet(self.numbers[rows], self.levels[rows])


def is_table(given: Any) -> bool:
    """Whether ``given`` has named columns: a mapping, a :class:`Table`, or a data frame."""
    if isinstance(given, Mapping):
        return not hasattr(given, "shape")  # one of SciPy's sparse matrices is a mapping
    return isinstance(given, Table) or is_frame(given)


def is_frame(given: Any) -> bool:
    """Whether ``given`` is a data frame with named columns, of pandas or one that behaves like it.

    One whose columns have numbers for names is an array to scikit-learn, and so it is here.
    """
    if not all(hasattr(given, name) for name in ("columns", "dtypes", "__getitem__")):
        return False
    return any(isinstance(name, str) for name in given.columns)


def columns_of(given: Any) -> Columns:
    """The columns of a mapping from names to cells, of a :class:`Table`, or of a data frame.

    Raises:
        InputError: there is no column, or columns differ in length or share a name.
    """
    if is_frame(given):
        columns = _frame_columns(given)
    else:
        cells = given.columns if isinstance(given, Table) else given
        columns = Columns({str(name): cells[name] for name in cells})
    lengths = {name: len(cells) for name, cells in columns.cells.items()}
    if not lengths:
        raise InputError("the table has no columns")
    first = next(iter(lengths))
    for name, length in lengths.items():
        if length != lengths[first]:
            raise InputError(
                f"column {name!r} has {length:,} rows, {first!r} has {lengths[first]:,}\n"
                "  give all columns the same number of rows"
            )
    return columns


def _frame_columns(frame: Any) -> Columns:
    names = list(frame.columns)
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"two columns are called {twice[0]!r}\n  rename one of them")
    kinds = {str(name): str(frame[name].dtype).lower() for name in names}
    declared = frozenset(n for n, kind in kinds.items() if kind.startswith(("category", "enum")))
    return Columns({str(name): frame[name].to_numpy() for name in names}, declared)


def recognise(columns: Columns, drop_index: bool, keep: Collection[str] = ()) -> Kinds:
    """Which columns hold numbers, which levels; with ``drop_index`` those of row numbers neither.

    A column holds numbers if all its cells are numbers or blank. A column numbers the rows if it
    is called so (:data:`INDEX_NAMES`) or counts 1, 2, ... or 0, 1, ...; a column of levels does
    if no two rows have the same one. If nothing else is left, such columns are features after all;
    those in ``keep`` are in any case.

    Raises:
        InputError: a column is blank in all rows.
    """
    numeric = {n: n not in columns.levels and _all_numbers(columns.of(n)) for n in columns.cells}
    asked = [n for n in numeric if drop_index and n not in keep]
    index = {n: _why_index(n, columns.of(n), numeric[n]) for n in asked}
    kept = [name for name in numeric if not index.get(name)]
    if not kept:
        index, kept = {}, list(numeric)
    for name in kept:
        if _all_blank(columns.of(name)):
            raise InputError(f"column {name!r} is blank in all rows\n  leave it out")
    notes = [f"column {name!r} left out: {why}" for name, why in index.items() if why]
    texts = [n for n in kept if not numeric[n] and n not in columns.levels]
    notes += [note for name in texts if (note := _stray(name, columns.of(name)))]
    return Kinds(
        tuple(name for name in kept if numeric[name]),
        tuple(name for name in kept if not numeric[name]),
        tuple(notes),
    )


def read(columns: Columns, kinds: Kinds) -> Sheet:
    """The cells of the columns that are features, as numbers and as levels.

    Raises:
        InputError: a column is missing, or a cell among numbers is text or infinite; names
            column and row, counted from 1.
    """
    rows = len(columns)
    numbers, levels = np.empty((rows, len(kinds.numbers))), _no_levels(rows, len(kinds.levels))
    for place, name in enumerate(kinds.numbers):
        numbers[:, place] = read_numbers(f"column {name!r}", columns.of(name))
    for place, name in enumerate(kinds.levels):
        levels[:, place] = [_level(cell) for cell in columns.of(name)]
    return Sheet(numbers, levels)


def sheet_of(matrix: Array) -> Sheet:
    """A sheet of numbers (N, k) only.

    Raises:
        InputError: a number is infinite; names its place.
    """
    for row, column in np.argwhere(_endless(matrix))[:1]:
        raise _refuse(f"X[{row}, {column}]", matrix[row, column])
    return Sheet(matrix, _no_levels(len(matrix), 0))


def read_numbers(what: str, cells: Iterable[Any] | Array) -> Array:
    """The cells as float64, NaN for blanks.

    Raises:
        InputError: a cell is text or infinite; names ``what`` and the row, counted from 1.
    """
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "biuf":
        values = cells.astype(np.float64)
    else:
        listed = list(cells)
        found = [_number(cell) for cell in listed]
        if None in found:
            row = found.index(None)
            raise InputError(
                f"{what}, row {row + 1}: {str(listed[row])[:60]!r} is no number\n"
                "  correct the cell, or leave it blank"
            )
        values = np.array(found, np.float64)
    for row in np.flatnonzero(_endless(values))[:1]:
        raise _refuse(f"{what}, row {row + 1}", values[row])
    return values


def holds_numbers(cells: Sequence[Any]) -> bool:
    """Whether all cells are numbers or blank, and one is a number; truth values are none."""
    found = [_number(cell) for cell in cells]
    if None in found or any(isinstance(cell, bool) for cell in cells):
        return False
    return not all(math.isnan(number) for number in found if number is not None)


def is_blank(cell: Any, numeric: bool) -> bool:
    """Whether nothing is in a cell; among numbers also what stands for it (:data:`BLANKS`)."""
    return _level(cell).lower() in BLANKS if numeric else _level(cell) == ""


def describe(sheet: Sheet, kinds: Kinds) -> list[str]:
    """What each row is called in an evaluation: its cells by column."""
    names = (*kinds.numbers, *kinds.levels)
    shown = [
        [*(f"{value:g}" for value in numbers), *levels]
        for numbers, levels in zip(sheet.numbers.tolist(), sheet.levels.tolist(), strict=True)
    ]
    return [", ".join(f"{n}={cell}" for n, cell in zip(names, r, strict=True)) for r in shown]


def _endless(values: Array) -> Array:
    """Infinite, or so large that a mean of squares is."""
    return np.abs(values) > LARGEST  # NaN, a blank, is not


def _refuse(where: str, value: float) -> InputError:
    what = "infinite (inf)" if np.isinf(value) else f"too large ({value:g})"
    return InputError(f"{where}: the number is {what}\n  correct it, or leave it blank")


def _no_levels(rows: int, columns: int) -> Array:
    return np.full((rows, columns), "", object)


def _number(cell: Any) -> float | None:
    """The cell as a number, NaN for a blank, None for anything else."""
    if _is_nothing(cell):
        return math.nan
    if isinstance(cell, str):
        cell = cell.strip()
        if cell.lower() in BLANKS:
            return math.nan
        if "_" in cell:  # Python reads 1_000 as a number; nobody else does
            return None
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        return None


def _is_nothing(cell: Any) -> bool:
    """None, NaN, and what pandas has for them."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(cell, (float, np.floating)) and math.isnan(cell)


def _level(cell: Any) -> str:
    return "" if _is_nothing(cell) else str(cell).strip()


def _all_numbers(cells: Sequence[Any] | Array) -> bool:
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "biuf":
        return True
    return all(_number(cell) is not None for cell in cells)


def _stray(name: str, cells: Sequence[Any] | Array) -> str:
    """A note on what keeps a column from being one of numbers, where most of its cells are."""
    found = [_number(cell) for cell in cells]
    texts = [row for row, number in enumerate(found) if number is None]
    blank = sum(number is not None and math.isnan(number) for number in found)
    if 2 * len(texts) >= len(found) - blank:
        return ""
    return (
        f"column {name!r} is taken for categories: row {texts[0] + 1} has"
        f" {str(cells[texts[0]])[:40]!r}, which is no number"
    )


def _all_blank(cells: Sequence[Any] | Array) -> bool:
    return all(_level(cell).lower() in BLANKS for cell in cells)


def _why_index(name: str, cells: Sequence[Any] | Array, numeric: bool) -> str:
    """Why the column is an index and no feature; empty if it is not."""
    if name.strip().lower() in INDEX_NAMES:
        return f"{name.strip() or 'a blank'} is the name of an index"
    if len(cells) < 2:
        return ""
    if not numeric:
        differ = len({_level(cell) for cell in cells}) == len(cells)
        return "no two rows have the same value" if differ else ""
    first = _number(cells[0])
    if first in (0, 1) and all(_number(c) == first + i for i, c in enumerate(cells)):
        return "it only counts the rows"
    return ""
