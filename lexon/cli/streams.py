"""Standard streams that nobody need handle with care: closed, cut off, or of another encoding."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from lexon.errors import InputError


class Lasting:
    """A stream for what is said on the way: when its reader has gone, training goes on."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        with suppress(BrokenPipeError):
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(BrokenPipeError):
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def make_lasting() -> None:
    """Let standard error last, and let both streams write what their encoding has no sign for."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if sys.stderr is not None and not isinstance(sys.stderr, Lasting):
        sys.stderr = Lasting(sys.stderr)


def input_lines(encoding: str | None) -> Iterator[str]:
    """The lines of standard input, as they come.

    Raises:
        InputError: it is closed, or a line is not in the encoding.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise InputError("standard input is closed\n  give texts, or a file")
    name, number = encoding or "utf-8", 1
    try:
        if name.replace("_", "-").lower() in ("utf-8", "utf8"):
            name = "utf-8-sig"  # with or without a byte order mark
        for line in io.TextIOWrapper(sys.stdin.buffer, encoding=name):
            yield line.rstrip("\r\n")
            number += 1
    except UnicodeError as error:
        raise InputError(
            f"standard input, line {number} or after: {error}\n  name its encoding: --encoding"
        ) from None
    except LookupError:
        raise InputError(f"there is no encoding {encoding!r}\n  give one such as utf-8") from None
