"""What a data file turned out to be, and its columns."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeAlias

from lexon.errors import DataFileError

Scalar: TypeAlias = str | int | float | bool
"""A single value: always ``str`` except in JSON lines; what is missing or null is ``""``."""

Cell: TypeAlias = Scalar | list[Scalar]
"""One value of a column; lists come from JSON lines and fastText labels."""

FORMATS = {
    "csv": "CSV",
    "tsv": "TSV",
    "jsonl": "JSON lines",
    "fasttext": "fastText lines",
    "labelled": "labelled lines",
    "lines": "one text a line",
    "semeval": "SemEval-2010 Task 8",
}
DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar", " ": "space"}
ENCODINGS = {"cp1252": "Windows-1252", "latin-1": "Latin-1"}


@dataclass(frozen=True)
class Recognised:
    """What a data file turned out to be."""

    path: str
    format: str
    encoding: str
    compression: str | None
    delimiter: str | None
    header: bool
    rows: int

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return file_name(self.path)

    def describe(self) -> str:
        """Return one line to print, such as ``a.csv: CSV, comma, header, UTF-8, 12 rows``."""
        parts = [FORMATS[self.format]]
        if self.delimiter is not None:
            parts.append(DELIMITERS.get(self.delimiter, repr(self.delimiter)))
            parts.append("header" if self.header else "no header")
        parts.append(ENCODINGS.get(self.encoding, self.encoding.upper()))
        if self.compression is not None:
            parts.append(self.compression)
        parts.append(f"{self.rows:,} row{'' if self.rows == 1 else 's'}")
        return f"{self.name}: {', '.join(parts)}"


@dataclass(frozen=True)
class Table:
    """The columns of a data file by name, and the line in the file on which each row begins."""

    columns: dict[str, list[Cell]]
    recognised: Recognised
    line_numbers: Sequence[int]

    def __len__(self) -> int:
        return len(self.line_numbers)

    def column(self, name: str) -> list[Cell]:
        """Return the column called `name`.

        Raises: DataFileError naming the columns there are and the nearest one.
        """
        if name in self.columns:
            return self.columns[name]
        nearest = difflib.get_close_matches(name, self.columns, n=1, cutoff=0.5)
        guess = f"did you mean {nearest[0]!r}?" if nearest else "choose one of these"
        raise DataFileError(
            f"{self.recognised.name}: there is no column {name!r}; "
            f"it has {list_names(self.columns)}: {guess}"
        )


def file_name(path: str) -> str:
    """Return how a source is called in messages: its last part, or ``standard input``."""
    return "standard input" if path == "-" else PurePath(path).name or path


def list_names(names: Sequence[str] | dict[str, list[Cell]], most: int = 12) -> str:
    """Return `names` quoted and joined by commas, cut after the first `most`."""
    quoted = [repr(name[:60]) for name in list(names)[:most]]
    more = len(names) - most
    return ", ".join(quoted) + (f" and {more:,} more" if more > 0 else "")
