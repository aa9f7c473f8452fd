"""Texts with labels from a data file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from lexon.errors import DataFileError, InputError
from lexon.text.columns import choose_columns
from lexon.text.files import read_table
from lexon.text.table import Cell, Table


@dataclass(frozen=True)
class Examples:
    """Texts, their labels, where they stood in the file, and notes on how it was read.

    `labels` holds a string for each text, a tuple of strings where texts may have several labels
    (`multi_label`), or is None. `dropped` holds the lines of the rows without a label.
    """

    texts: list[str]
    labels: list[str] | list[tuple[str, ...]] | None
    multi_label: bool
    line_numbers: Sequence[int]
    table: Table | None = None
    dropped: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)


def read_examples(
    source: str | os.PathLike[str],
    *,
    text: str | None = None,
    label: str | None = None,
    separator: str | None = None,
    format: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    need_labels: bool = True,
) -> Examples:
    """Read texts and labels; `text` and `label` name their columns, guessed when not given.

    A text may have several labels if the label column holds lists, if `separator` is given to
    split it by, or if a fastText line has several. Rows without a label are dropped and counted
    in the notes. Without `need_labels` no row is dropped: where a label is missing, there are
    none. Empty texts are kept and counted.

    Raises: DataFileError with the file, the line or column, and the remedy.
    """
    if separator == "":
        raise InputError("separator is empty; give the sign between labels, such as ','")
    table = read_table(source, format=format, encoding=encoding, delimiter=delimiter, header=header)
    return examples_of(table, text, label, separator=separator, need_labels=need_labels)


def examples_of(
    table: Table,
    text: str | None = None,
    label: str | None = None,
    *,
    separator: str | None = None,
    need_labels: bool = True,
) -> Examples:
    """Texts and labels of a table that was read; as `read_examples`."""
    text, label, notes = choose_columns(table, text, label, need_labels=need_labels)
    if table.recognised.format == "semeval":
        notes.append("relations of marked words; only --task relation reads the marks")
    texts = [_text(cell) for cell in table.columns[text]]
    lines: Sequence[int] = table.line_numbers
    labels, multi_label, dropped = None, False, list[int]()
    if label is not None:
        many = [_labels(cell, separator) for cell in table.columns[label]]
        multi_label = _several(table, label, many, separator)
        kept = [row for row, found in enumerate(many) if found is not None]
        if len(kept) < len(many):
            dropped = [lines[row] for row, found in enumerate(many) if found is None]
            _check_any(table, label, kept, dropped, need_labels=need_labels)
            notes.append(_missing_note(table, label, dropped, need_labels=need_labels))
        if need_labels or not dropped:
            texts, lines = [texts[row] for row in kept], [lines[row] for row in kept]
            found = [many[row] or () for row in kept]
            labels = found if multi_label else [names[0] for names in found]
        else:
            dropped, multi_label = [], False
    if empty := sum(not one or one.isspace() for one in texts):
        notes.append(f"{_rows(empty)} of {len(texts):,} with an empty text, kept")
    return Examples(texts, labels, multi_label, lines, table, dropped, notes)


def _text(cell: Cell) -> str:
    """Return a cell as text; a list of tokens is joined by spaces."""
    if isinstance(cell, list):
        return " ".join(str(item) for item in cell)
    return cell if isinstance(cell, str) else str(cell)


def _labels(cell: Cell, separator: str | None) -> tuple[str, ...] | None:
    """Return the labels in a cell, each once, or None if they are missing."""
    if isinstance(cell, list):
        return tuple(dict.fromkeys(name for item in cell if (name := _name(item))))
    name = _name(cell)
    if separator is None or not name:
        return (name,) if name else None
    parts = (part.strip() for part in name.split(separator))
    return tuple(dict.fromkeys(part for part in parts if part)) or None


def _name(value: str | int | float | bool) -> str:
    """Return a label's name; JSON's 1 and 1.0 are both called 1."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value.strip() if isinstance(value, str) else str(value)


def _several(
    table: Table, label: str, many: list[tuple[str, ...] | None], separator: str | None
) -> bool:
    """Whether texts may have several labels; a fastText line without any lacks its label."""
    if table.recognised.format != "fasttext":
        lists = any(isinstance(cell, list) for cell in table.columns[label])
        return separator is not None or lists
    for row, found in enumerate(many):
        if not found:
            many[row] = None
    return any(found is not None and len(found) > 1 for found in many)


def _check_any(
    table: Table, label: str, kept: list[int], dropped: list[int], *, need_labels: bool
) -> None:
    """Raise DataFileError if labels are needed and no row has one."""
    if need_labels and not kept:
        raise DataFileError(
            f"{table.recognised.name}: none of the {len(dropped):,} rows has a label in column "
            f"{label!r}; fill it in, or name another label column"
        )


def _missing_note(table: Table, label: str, missing: list[int], *, need_labels: bool) -> str:
    """Return the note on rows without a label, with the lines of the first."""
    first = ", ".join(f"{line:,}" for line in missing[:5]) + (", ..." if len(missing) > 5 else "")
    done = "dropped" if need_labels else "so the labels are not used"
    return (
        f"{_rows(len(missing))} of {len(table):,} without a label in column {label!r}, {done} "
        f"(line{'s' * (len(missing) > 1)} {first})"
    )


def _rows(count: int) -> str:
    """Return ``1 row`` or ``2 rows``."""
    return f"{count:,} row{'s' * (count != 1)}"
