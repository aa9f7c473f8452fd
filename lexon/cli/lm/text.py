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

    size = 0
    with suppress(OSError):
        size = os.path.getsize(source)
    if _ROOM * size > (free := free_memory()) > 0:
        raise DataFileError(
            f"{source}: {size:,} bytes of text take up to {_ROOM * size:,} bytes of memory,"
            f" and {free:,.0f} are free\n  train on a part of it: head -c {int(free // _ROOM)}"
        )
    data, _ = read_bytes(source)
    text, encoding = decode(data, encoding, source)
    say(f"{source}: {len(text):,} characters, {encoding}")
    return text
