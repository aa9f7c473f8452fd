"""The bytes of a data file: from a path or standard input, unpacked within bounds."""

from __future__ import annotations

import io
import os
import stat
import sys

from lexon.errors import DataFileError
from lexon.text.packing import DAMAGED, PACKED, ZSTANDARD, unpacked
from lexon.text.table import file_name

EXPANSION = 1_000
"""A packed file may grow this many times, and in any case to `EXPANSION_FLOOR` bytes."""
EXPANSION_FLOOR = 256 * 2**20

FOREIGN = {
    b"PK\x03\x04": ("a ZIP archive (.xlsx and .docx files are ZIP archives too)", "unpack it"),
    ZSTANDARD: ("packed with Zstandard", "unpack it with: zstd -d"),
    b"PAR1": ("a Parquet file", "write it as CSV or JSON lines"),
    b"%PDF-": ("a PDF document", "extract its text"),
    b"\xd0\xcf\x11\xe0": ("an old Office document", "save it as CSV"),
    b"SQLite format 3": ("an SQLite database", "export the table as CSV"),
}


def read_bytes(path: str) -> tuple[bytes, str | None]:
    """Return the unpacked bytes of `path` (``-``: standard input) and how they were packed.

    Raises: DataFileError when it is missing, a folder, unreadable, empty, damaged, of a kind that
    is no text, or grows out of bounds when unpacked.
    """
    name = file_name(path)
    data = _standard_input() if path == "-" else _file(path)
    if not data:
        raise DataFileError(f"{name}: the file is empty; give a file with at least one text")
    for magic, (kind, remedy) in FOREIGN.items():
        if data.startswith(magic):
            raise DataFileError(f"{name}: this is {kind}, not a text file; {remedy} first")
    compression = next((how for magic, how in PACKED.items() if data.startswith(magic)), None)
    if compression is None:
        return data, None
    data = _unpack(data, compression, name)
    if not data:
        raise DataFileError(f"{name}: the {compression} file holds nothing; pack it again")
    return data, compression


def _standard_input() -> bytes:
    """Return all bytes of standard input."""
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise DataFileError("standard input: it is closed; give a file's path instead of -")
    try:
        return bytes(stream.read())
    except (OSError, ValueError) as error:
        raise DataFileError(
            f"standard input: cannot be read ({error}); give a file's path instead of -"
        ) from None


def _file(path: str) -> bytes:
    """Return all bytes of the file at `path`."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise DataFileError(f"{path}: this is a folder; give the path of a file in it")
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            raise DataFileError(f"{path}: this is a device; give the path of a file")
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise DataFileError(_missing(path)) from None
    except PermissionError:
        raise DataFileError(
            f"{path}: you have no permission to read it; change its mode or give another file"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataFileError(f"{path!r}: cannot be read ({reason}); check the path") from None


def _missing(path: str) -> str:
    """Return the message for a missing file, with the deepest folder that does exist."""
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(folder):
        return f"{path}: there is no such file in {folder}; check the name"
    return f"{path}: there is no folder {folder}; check the path"


def _unpack(data: bytes, compression: str, name: str) -> bytes:
    """Return `data` unpacked, growing no further than `EXPANSION` allows."""
    bound = max(EXPANSION_FLOOR, EXPANSION * len(data))
    out = bytearray()
    try:
        for piece in unpacked(data, io.BytesIO(), compression, name):
            out += piece
            if len(out) > bound:
                raise DataFileError(
                    f"{name}: {len(data):,} bytes of {compression} unpack to more than "
                    f"{bound:,}; if that is meant, unpack the file first"
                )
    except DAMAGED as error:
        if isinstance(error, DataFileError):
            raise
        raise DataFileError(
            f"{name}: the {compression} file is cut short or damaged "
            f"after {len(out):,} unpacked bytes ({error}); fetch or pack it again"
        ) from None
    return bytes(out)
