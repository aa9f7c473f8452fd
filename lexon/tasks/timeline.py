"""Series in the order of time: groups, steps, gaps, and the windows of rows before a row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError
from lexon.tasks.columns import Columns, Kinds, holds_numbers, read, read_numbers

Array = npt.NDArray[Any]

#: Rows follow each other if they are so many steps apart: months, too, are of one step each.
NEAREST, FARTHEST = 0.5, 1.5
#: More windows than this are refused: their numbers alone would fill the memory.
MOST_WINDOWS = 100_000_000
_EPOCH, _DAY = datetime(1970, 1, 1), timedelta(days=1)


@dataclass(frozen=True, eq=False)
class Windows:
    """Runs of rows, each by the row behind its last one and its length. Shapes: both (B)."""

    ends: Array
    lengths: Array

    def __len__(self) -> int:
        return len(self.ends)

    def take(self, chosen: Array | slice) -> Windows:
        return Windows(self.ends[chosen], self.lengths[chosen])

    @property
    def rows(self) -> Array:
        """The numbers of all their rows, laid end to end (S)."""
        stops = np.cumsum(self.lengths)
        total = int(stops[-1]) if len(stops) else 0
        return np.arange(total) + np.repeat(self.ends - stops, self.lengths)


@dataclass(frozen=True, eq=False)
class Timeline:
    """The rows of a table, sorted by group and time.

    A step is the median distance of neighbours in a group. Where neighbours are not about one
    step apart there is a gap, and a row without a value of the series is a blank; ``before`` counts
    the rows right before a row, back to the last gap or blank.

    Shapes: places, groups, times, values, before, shown (N): the row in the table, the number of
    its group in ``names``, its time as a number and as text, the value of the series (NaN for a
    blank). Units: times in days where they are dates.
    """

    names: tuple[str, ...]
    step: float
    places: Array
    groups: Array
    times: Array
    shown: Array
    values: Array
    before: Array
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        columns: Columns,
        series: str,
        by: str | None,
        order: str | None,
        step: float | None = None,
    ) -> Timeline:
        """The rows of ``columns``; without ``order`` they follow each other as they stand.

        ``step`` is the one of the rows that trained, where these are others.

        Raises:
            InputError: a cell of the series is text; a group or time is blank; a time is neither
                a number nor a date; two rows of a group have the same time. Names column and row.
        """
        values = read_numbers(f"column {series!r}", columns.of(series))
        names, groups = _groups(columns, by)
        times, shown = _times(columns, order, groups)
        places = np.lexsort((times, groups))
        groups, times, shown, values = (a[places] for a in (groups, times, shown, values))
        together = groups[1:] == groups[:-1]
        apart = np.diff(times)
        for row in np.flatnonzero(together & (apart == 0))[:1]:
            raise _twice(by, order, names[groups[row]], shown[row], places[row : row + 2])
        if step is None:
            step = float(np.median(apart[together])) if together.any() else 1.0
        gaps = together & ((apart < NEAREST * step) | (apart > FARTHEST * step))
        blank = np.isnan(values)
        first = np.ones(len(values), bool)  # of a run of rows with values
        first[1:] = ~together | gaps | blank[:-1]
        number = np.arange(len(values))
        before = number - np.maximum.accumulate(np.where(first, number, 0), dtype=np.int64)
        notes = []
        for row in np.flatnonzero(gaps)[:1]:
            group = f" of {names[groups[row]]}" if by else ""
            notes.append(
                f"column {order!r}: {gaps.sum():,} gaps, the first{group} between {shown[row]} and"
                f" {shown[row + 1]}; no window reaches over one"
            )
        if blank.any():
            notes.append(f"column {series!r}: {blank.sum():,} blanks; no window reaches over one")
        return cls(names, step, places, groups, times, shown, values, before, tuple(notes))

    def __len__(self) -> int:
        return len(self.places)

    def cut(self, share: float) -> float | None:
        """When the last ``share`` of all times begins, the same for all groups; None for none."""
        times = np.unique(self.times)
        last = min(round(share * len(times)), len(times) - 1)
        return float(times[-last]) if last > 0 else None

    def latest(self, rows: Array) -> str:
        """The latest time of these rows, as it stands in the table."""
        return str(self.shown[rows[np.argmax(self.times[rows])]])

    def targets(self, least: int) -> Array:
        """The rows with a value, and at least so many rows before them."""
        return np.flatnonzero((self.before >= least) & ~np.isnan(self.values))

    def longest(self, rows: Array, most: int) -> Windows:
        """The longest window before each of these rows, of ``most`` rows at most."""
        return Windows(rows, np.minimum(self.before[rows], most))

    def all_windows(self, rows: Array, least: int, most: int) -> Windows:
        """All windows of ``least`` to ``most`` rows before each of these rows.

        Raises:
            InputError: they are too many.
        """
        counts = np.minimum(self.before[rows], most) - least + 1
        if counts.sum() > MOST_WINDOWS:
            raise InputError(
                f"past is {least}..{most}: that is {counts.sum():,} windows\n"
                f"  give a narrower range, such as {most}..{most}"
            )
        shift = np.cumsum(counts) - counts
        lengths = least + np.arange(counts.sum()) - np.repeat(shift, counts)
        return Windows(np.repeat(rows, counts), lengths)

    def after_the_last(self, least: int, most: int) -> tuple[Windows, list[str]]:
        """The window that ends with the last value of each group, and groups too short for one."""
        known = np.flatnonzero(~np.isnan(self.values))
        last = {int(self.groups[row]): int(row) for row in known}
        rows = np.array(sorted(last.values()), np.int64)
        lengths = np.minimum(self.before[rows] + 1, most)
        kept = lengths >= least
        there = {int(group) for group in self.groups[rows[kept]]}
        short = [name for number, name in enumerate(self.names) if number not in there]
        return Windows(rows[kept] + 1, lengths[kept]), short


def read_times(what: str, cells: Sequence[Any] | Array) -> Array:
    """Times as numbers: numbers as they are, dates (ISO 8601) in days since 1970.

    Raises:
        InputError: one is blank, or neither a number nor a date; names its row, counted from 1.
    """
    listed = np.asarray(cells).astype(str).tolist() if _is_of_dates(cells) else list(cells)
    if holds_numbers(listed):
        times = read_numbers(what, listed)
    else:
        times = np.array([_days(cell) for cell in listed], np.float64)
    for row in np.flatnonzero(np.isnan(times))[:1]:
        raise InputError(
            f"{what}, row {row + 1}: {str(listed[row])[:60]!r} is neither a number nor a date\n"
            "  write dates as 2016-12-31, or sort the rows and give no order column"
        )
    return times


def _is_of_dates(cells: Sequence[Any] | Array) -> bool:
    return isinstance(cells, np.ndarray) and cells.dtype.kind == "M"


def _days(cell: Any) -> float:
    """Days since 1970, NaN for what is no date."""
    text = str(cell).strip()
    if re.fullmatch(r"\d{4}-\d\d", text):
        text += "-01"
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            found = found.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return np.nan
    return (found - _EPOCH) / _DAY


def _groups(columns: Columns, by: str | None) -> tuple[tuple[str, ...], Array]:
    """The names of the groups, sorted, and the number of each row's (N)."""
    if by is None:
        return ("",), np.zeros(len(columns), np.int64)
    cells = read(columns, Kinds((), (by,))).levels[:, 0].tolist()
    if "" in cells:
        raise InputError(
            f"column {by!r}, row {cells.index('') + 1}: blank\n"
            "  say which series the row belongs to"
        )
    names = sorted(set(cells))
    number = {name: place for place, name in enumerate(names)}
    return tuple(names), np.array([number[cell] for cell in cells], np.int64)


def _times(columns: Columns, order: str | None, groups: Array) -> tuple[Array, Array]:
    """Each row's time as a number and as text (N); its place in its group without ``order``."""
    if order is not None:
        cells = columns.of(order)
        shown = np.array([str(cell).strip() for cell in cells], object)
        return read_times(f"column {order!r}", cells), shown
    by_group = np.argsort(groups, kind="stable")
    sorted_groups = groups[by_group]
    times = np.empty(len(groups))
    times[by_group] = np.arange(len(groups)) - np.searchsorted(sorted_groups, sorted_groups) + 1
    return times, np.array([f"row {time:.0f}" for time in times], object)


def _twice(by: str | None, order: str | None, group: str, shown: str, rows: Array) -> InputError:
    first, second = sorted(rows.tolist())
    where = f" and {by} {group!r}" if by else ""
    remedy = "remove one" if by else "remove one, or name the column that tells series apart: by"
    return InputError(
        f"rows {first + 1:,} and {second + 1:,} both have {order} {shown!r}{where}\n  {remedy}"
    )
