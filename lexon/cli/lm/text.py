"""Running text from a file, for the commands of ``lexon lm``."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from lexon.errors import DataFileError
from lexon.memory import free_memory

#: Bytes of memory that a byte of the file takes, at most: itself, as text, and as numbers.
_ROOM = 12


def read_text(
    source: str, encoding: str | None, say: Callable[[str], None] = lambda line: None
) -> str:
    """The text of a file, whatever its encoding and packing.

    Raises:
        DataFileError: it cannot be read, or there is not enough memory for it.
    """
    from lexon.text.encoding import decode
    from lexon.text.source import read_bytes

    with suppress(OSError):
        _check_room(source, os.path.getsize(source))
    data, _ = read_bytes(source)
    _check_room(source, len(data))
    text, encoding = decode(data, encoding, source)
    say(f"{source}: {len(text):,} characters, {encoding}")
    return text


def _check_room(source: str, size: int) -> None:
    """Raise DataFileError if a text of so many bytes does not fit into memory."""
    if _ROOM * size > (free := free_memory()) > 0:
        raise DataFileError(
            f"{source}: {size:,} bytes of text take up to {_ROOM * size:,} bytes of memory,"
            f" and {free:,.0f} are free\n  take its first {int(free // _ROOM):,} bytes: head -c"
        )
