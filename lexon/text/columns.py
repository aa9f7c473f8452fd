"""Which column of a table holds the text and which the label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from lexon.errors import DataFileError
from lexon.text.formats import LABEL_NAMES, TEXT_NAMES
from lexon.text.schemes import OUTSIDE, split_tag
from lexon.text.table import Cell, Table, list_names

SAMPLE = 1_000


def choose_columns(
    table: Table, text: str | None, label: str | None, *, need_labels: bool
) -> tuple[str, str | None, list[str]]:
    """Return the names of the text and the label column, and a note for each one guessed.

    What the user did not name is found by the usual names, else by content: the text is the
    column with the longest values, the label the one with the fewest different values.

    Raises: DataFileError when a named column is missing, or labels are needed and none is found.
    """
    notes: list[str] = []
    for asked in (text, label):
        if asked is not None:
            table.column(asked)
    if text is not None and text == label:
        raise DataFileError(
            f"{table.recognised.name}: column {text!r} is asked for both as text and as label; "
            f"name two of {list_names(table.columns)}"
        )
    named = table.recognised.format in ("csv", "tsv", "jsonl")
    guessed = label is None
    if label is None:
        label = _by_name(table, LABEL_NAMES, without=text)
    if text is None:
        text = _by_name(table, TEXT_NAMES, without=label) or _longest(table, without=label)
        if named:
            notes.append(f"column {text!r} taken as the text")
    if label is None and need_labels:
        label = _fewest_values(table, without=text)
        notes.append(f"column {label!r} taken as the label: it has the fewest different values")
    elif label is not None and guessed and named:
        notes.append(f"column {label!r} taken as the label")
    return text, label, notes


def _folded(name: str) -> str:
    """Return `name` for comparison with the usual names."""
    return name.strip().casefold()


def _by_name(table: Table, names: Iterable[str], without: str | None) -> str | None:
    """Return the column whose name comes first among the usual `names`, or None."""
    there = {_folded(column): column for column in table.columns if column != without}
    return next((there[name] for name in names if name in there), None)


def _longest(table: Table, without: str | None) -> str:
    """Return the column with the longest values on average."""
    columns = [column for column in table.columns if column != without]
    if not columns:
        raise DataFileError(
            f"{table.recognised.name}: the only column, {without!r}, is the label, so there is no "
            "text; give another delimiter or format"
        )
    return max(columns, key=lambda column: _total_length(table.columns[column]))


def _total_length(cells: list[Cell]) -> int:
    """Return the number of characters in an even sample of a column's strings."""
    step = max(1, len(cells) // SAMPLE)
    return sum(len(cell) for cell in cells[::step] if isinstance(cell, str))


def _fewest_values(table: Table, without: str) -> str:
    """Return the column with the fewest different values, at least two, far fewer than rows."""
    best, fewest = "", max(2, len(table) // 2)
    for column, cells in table.columns.items():
        if column != without:
            different = len({str(cell) for cell in cells} - {""})
            if 2 <= different < fewest or (not best and 2 <= different <= fewest):
                best, fewest = column, different
    if best:
        return best
    name, others = table.recognised.name, [c for c in table.columns if c != without]
    if not others:
        hint = "; tokens with tags behind them: --task tag" * _tagged(table.columns[without])
        raise DataFileError(
            f"{name}: there is only one column, {without!r}, so there are no labels; add a label "
            f"column, or give another delimiter or format{hint}"
        )
    raise DataFileError(
        f"{name}: no column looks like labels; name it, one of {list_names(others)} (label='...')"
    )


def _tagged(cells: list[Cell]) -> bool:
    """Whether nearly all lines are tokens in so many columns, the last of them tags of chunks."""
    lines = [line for line in (str(cell).split() for cell in cells[:SAMPLE]) if line]
    if not lines:
        return False
    width, often = Counter(map(len, lines)).most_common(1)[0]
    tags = {line[-1] for line in lines if len(line) == width}
    chunks = all(tag == OUTSIDE[0] or split_tag(tag) != OUTSIDE for tag in tags)
    return width > 1 and 10 * often >= 9 * len(lines) and chunks
