"""Reading a data file into columns, whatever its format, packing and encoding."""

from __future__ import annotations

import os
from pathlib import PurePath

from lexon.errors import InputError
from lexon.text.delimited import check_delimiter, rows_csv, rows_tsv, sniff_delimiter
from lexon.text.encoding import decode
from lexon.text.formats import PARSERS, parse_delimited, recognise_format
from lexon.text.semeval import is_semeval, parse_semeval
from lexon.text.source import read_bytes
from lexon.text.table import FORMATS, Recognised, Table, file_name

PACKED_SUFFIXES = {".gz", ".xz", ".bz2"}
_PARSERS = PARSERS | {"semeval": parse_semeval}


def read_table(
    source: str | os.PathLike[str],
    *,
    format: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
) -> Table:
    """Read the columns of a file, or of standard input (``-``).

    What is not given is recognised by content and name: the format (one of `FORMATS`), the
    encoding, the delimiter, and whether the first row is a header. Rows end at LF or CR LF only.
    Columns of a file without a header are called 1, 2, ...; fastText and labelled lines have
    the columns label and text, plain lines the column text.

    Raises: DataFileError with the file, the line and the remedy; InputError for an option.
    """
    path = os.fspath(source)
    if format is not None and format not in FORMATS:
        raise InputError(f"there is no format {format!r}; use one of {', '.join(FORMATS)}")
    if delimiter is not None:
        check_delimiter(delimiter)
    name = file_name(path)
    data, compression = read_bytes(path)
    text, encoding = decode(data, encoding, name)
    del data
    format, delimiter = _format(text, path, format, delimiter)
    if delimiter is None:
        parsed, header = _PARSERS[format](text, name), False
    else:
        rows = (rows_tsv if format == "tsv" else rows_csv)(text, delimiter, name)
        parsed, header = parse_delimited(rows, header, name)
    recognised = Recognised(
        path, format, encoding, compression, delimiter, header, len(parsed.lines)
    )
    return Table(parsed.columns, recognised, parsed.lines)


def _format(
    text: str, path: str, format: str | None, delimiter: str | None
) -> tuple[str, str | None]:
    """Return the format and, if it has one, the delimiter: as asked, or else recognised."""
    if format is None and delimiter is not None:
        format = "tsv" if delimiter == "\t" else "csv"
    if format == "tsv":
        return format, delimiter or "\t"
    if format == "csv":
        return format, delimiter or sniff_delimiter(text)
    if format is not None:
        return format, None
    if is_semeval(text):
        return "semeval", None
    suffixes = [suffix.lower() for suffix in PurePath(path).suffixes]
    if suffixes and suffixes[-1] in PACKED_SUFFIXES:
        suffixes.pop()
    return recognise_format(text, suffixes[-1] if suffixes else "")
