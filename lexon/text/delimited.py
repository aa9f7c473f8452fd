"""Comma- and tab-separated rows.

The csv module is not used: it ends a row at a lone carriage return, its limit on the size of a
field belongs to the whole process, and it cannot say on which line an unclosed quote began.
Fields, quotes and doubled quotes mean the same here as there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lexon.errors import DataFileError, InputError
from lexon.text.table import DELIMITERS

MOST_COLUMNS = 100_000
SNIFF = 2**16
QUOTES = re.compile('"+')
NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?%?\s*")
IDENTIFIER = re.compile(r"[^\W\d][\w.\-/#%()]{0,40}")


def check_delimiter(delimiter: str) -> None:
    """Raise InputError unless `delimiter` can separate fields."""
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise InputError(
            f"the delimiter must be one character other than a quote or a line's end, "
            f"not {delimiter!r}; use ',', ';', '|' or a tab"
        )


def rows_csv(text: str, delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the fields of each row that is not blank, quotes undone.

    Raises: DataFileError for a quote that is not closed, or is neither closing nor doubled.
    """
    field = re.compile(f"[^{re.escape(delimiter)}\n]*")
    position, line = 0, 1
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        if text.find('"', position, end) < 0:
            row = text[position:end].removesuffix("\r")
            if row:
                yield line, _split(row, delimiter, line, name)
            position, line = end + 1, line + 1
        else:
            fields, after = _quoted_row(text, position, delimiter, field, line, name)
            yield line, fields
            line += text.count("\n", position, after)
            position = after


def _split(row: str, delimiter: str, line: int, name: str) -> list[str]:
    """Return the fields of a row without quotes."""
    if len(row) > MOST_COLUMNS and row.count(delimiter) > MOST_COLUMNS:
        raise DataFileError(
            f"{name}, line {line}: {row.count(delimiter) + 1:,} fields separated by "
            f"{DELIMITERS.get(delimiter, repr(delimiter))}; a row may have {MOST_COLUMNS:,}: "
            "give another delimiter, or format='lines' if it is running text"
        )
    return row.split(delimiter)


def _quoted_row(
    text: str, start: int, delimiter: str, field: re.Pattern[str], line: int, name: str
) -> tuple[list[str], int]:
    """Return the fields of the row at `start`, which may go over lines, and where it ends."""
    fields: list[str] = []
    position = start
    while True:
        if text.startswith('"', position):
            value, position = _quoted_field(text, start, position, line, name)
        else:
            found = field.match(text, position)
            assert found is not None  # the pattern matches nothing, too
            value, position = found.group(), found.end()
        fields.append(value)
        if position < len(text) and text[position] == delimiter:
            position += 1
            if len(fields) > MOST_COLUMNS:
                raise DataFileError(
                    f"{name}, line {line}: a row may have {MOST_COLUMNS:,} fields; "
                    "give another delimiter"
                )
            continue
        if text.startswith("\r\n", position):
            return fields, position + 2
        if position == len(text) or text[position] == "\n":
            fields[-1] = value.removesuffix("\r")
            return fields, position + 1
        raise DataFileError(
            f"{name}, line {line + text.count(chr(10), start, position)}: field {len(fields)} "
            f"goes on with {text[position : position + 20]!r} after its closing quote; "
            'double every quote inside quotes ("")'
        )


def _quoted_field(text: str, start: int, opening: int, line: int, name: str) -> tuple[str, int]:
    """Return the value that the quote at `opening` begins, and the place after it."""
    position = opening + 1
    while run := QUOTES.search(text, position):
        position = run.end()
        if (position - run.start()) % 2:  # an odd run closes the field, an even one is in it
            value = text[opening + 1 : position - 1].replace('""', '"').replace("\r\n", "\n")
            while text.startswith(" ", position):
                position += 1
            return value, position
    raise DataFileError(
        f"{name}, line {line + text.count(chr(10), start, opening)}: "
        f"the quote before {text[opening + 1 : opening + 21]!r} is never closed; close it, "
        "or give format='lines' or 'tsv' if quotes are part of the text"
    )


def rows_tsv(text: str, delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the fields of each line that is not blank.

    A row is a line; quotes are undone only where they enclose a whole field, doubled inside.
    """
    for line, row in enumerate(split_lines(text), 1):
        if not row:
            continue
        fields = _split(row, delimiter, line, name)
        if '"' in row:
            fields = [_unquote(field) for field in fields]
        yield line, fields


def _unquote(field: str) -> str:
    """Return `field` without the quotes that enclose it, or as it is."""
    if len(field) >= 2 and field[0] == field[-1] == '"':
        inner = field[1:-1].replace('""', "\0")
        if '"' not in inner:
            return inner.replace("\0", '"')
    return field


def split_lines(text: str) -> list[str]:
    """Return the lines of `text`, ended by LF or CR LF only; nothing follows the last end."""
    lines = text.split("\n")
    if "\r" in text:
        lines = [line.removesuffix("\r") for line in lines]
    if not lines[-1]:
        lines.pop()
    return lines


def sniff_delimiter(text: str) -> str:
    """Return the delimiter that gives the first rows one common number of fields, or a comma."""
    best, most = ",", 1
    for delimiter in ",\t;|":
        counts = _field_counts(text, delimiter)
        if counts and min(counts) == max(counts) and counts[0] > most:
            best, most = delimiter, counts[0]
    if most > 1:
        return best
    return max(",\t;|", key=text[: (text.find("\n") + 1) or SNIFF].count)


def _field_counts(text: str, delimiter: str) -> list[int]:
    """Return the number of fields in each of the first rows."""
    counts: list[int] = []
    head = text[:SNIFF]
    try:
        for _, fields in rows_csv(head, delimiter, ""):
            counts.append(len(fields))
            if len(counts) == 50:
                return counts
    except DataFileError:
        return counts if len(text) > SNIFF else []
    return counts[:-1] if len(text) > SNIFF and len(counts) > 1 else counts


def has_header(rows: list[list[str]], names: frozenset[str]) -> bool:
    """Whether the first of `rows` names the columns: by `names`, or by how it differs below."""
    first, body = rows[0], rows[1:200]
    for place, cell in enumerate(first):
        known = cell.strip().casefold() in names
        if known and all(cell != row[place] for row in body if place < len(row)):
            return True
    if len(set(first)) < len(first) or any(NUMBER.fullmatch(cell) for cell in first):
        return False
    for place, cell in enumerate(first):
        below = [row[place] for row in body if place < len(row)]
        filled = [value for value in below if value.strip()]
        if cell and cell in below:
            return False
        if filled and all(NUMBER.fullmatch(value) for value in filled):
            return True
    return bool(body) and all(IDENTIFIER.fullmatch(cell.strip()) for cell in first if cell)
