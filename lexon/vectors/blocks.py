"""The bytes of a corpus, block by block: files of any packing, folders, standard input."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lexon.errors import DataFileError, InputError
from lexon.kernels.tokens import PADDING, WHITE
from lexon.text.packing import DAMAGED, PIECE, packing_of, unpacked
from lexon.text.source import FOREIGN
from lexon.text.table import file_name

Array = npt.NDArray[Any]
Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]

#: Bytes of text that are read at once.
BLOCK = 2**20
#: The longest word in bytes, or with ``segment`` the longest line.
LONGEST = 2**24

_LINE_FEED = 10
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Characters from U+4E00 to U+9FFF: each a token of its own, that is no mark on one before it.
_HAN = re.compile(rb"(?:\xe4[\xb8-\xbf]|[\xe5-\xe9][\x80-\xbf])[\x80-\xbf]")


class Block(NamedTuple):
    """Bytes that end between two words, with padding behind them.

    Shapes: text (size + PADDING,) uint8. `offset` counts the bytes of all files before it.
    """

    text: Array
    size: int
    offset: int


def files_of(paths: Paths) -> list[str]:
    """The files named: one path or several; of a folder all its files, in order of names.

    Raises:
        InputError: there are none.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    files: list[str] = []
    for path in (os.fspath(each) for each in given):
        if path != "-" and os.path.isdir(path):
            inside = [p for p in sorted(Path(path).iterdir()) if p.name[0] != "." and p.is_file()]
            if not inside:
                raise DataFileError(f"{path}: no file is in this folder; give one with text files")
            files.extend(map(str, inside))
        else:
            files.append(path)
    if not files:
        raise InputError("no file is given; give the path of a text with one sentence a line")
    return files


class Blocks:
    """An iterator over the blocks of files: every file begins and ends a sentence.

    A byte order mark is left out, and a last line without an end gets one. A block ends behind
    white space; with ``within`` "lines" behind a line feed; with "characters" also before a
    Chinese character.

    Units: `done` and `total` bytes of the files as they are stored; `total` is None where
    standard input is among them.

    Raises:
        DataFileError: a file is missing, damaged or no text, or a word has no end.
    """

    def __init__(self, files: list[str], size: int = BLOCK, within: str = "words") -> None:
        self.files, self.size, self.within = files, size, within
        self.done = 0
        sizes = [_stored_size(path) for path in files]
        self.total = None if None in sizes else sum(size or 0 for size in sizes)
        self._blocks = self._read()

    def __iter__(self) -> Iterator[Block]:
        return self

    def __next__(self) -> Block:
        return next(self._blocks)

    def _read(self) -> Iterator[Block]:
        offset = before = 0
        for path in self.files:
            with _opened(path) as raw:
                for text, size in self._of_one(path, raw):
                    self.done = before + raw.done
                    yield Block(text, size, offset)
                    offset += size
                before += raw.done
        self.done = before

    def _of_one(self, path: str, raw: _Raw) -> Iterator[tuple[Array, int]]:
        name = file_name(path)
        stream = _unpacked(name, raw)
        rest = _without_mark(_read_up_to(stream, 3, name, raw), name)
        last = _LINE_FEED
        while True:
            buffer = bytearray(len(rest) + self.size + PADDING)
            buffer[: len(rest)] = rest
            into = memoryview(buffer)[len(rest) : len(rest) + self.size]
            read = _read_into(stream, into, name, raw)
            filled = len(rest) + read
            if not read:
                last = buffer[filled - 1] if filled else last
                if last != _LINE_FEED:
                    buffer[filled] = _LINE_FEED
                    filled += 1
                if filled:
                    yield np.frombuffer(buffer, np.uint8), filled
                return
            cut = self._cut(buffer, filled)
            if not cut and filled > LONGEST:
                raise DataFileError(_endless(name, raw.done, self.within))
            rest = bytes(memoryview(buffer)[cut:filled])
            if cut:
                last = buffer[cut - 1]
                yield np.frombuffer(buffer, np.uint8), cut

    def _cut(self, buffer: bytearray, filled: int) -> int:
        """Where the last piece that may be whole ends; 0 if there is none."""
        if self.within == "lines":
            return buffer.rfind(b"\n", 0, filled) + 1
        for white in b" \n", WHITE:
            cut = max(buffer.rfind(white[i : i + 1], 0, filled) for i in range(len(white))) + 1
            if cut:
                return cut
        if self.within == "characters":
            found = [
                match.start() for match in _HAN.finditer(buffer, max(1, filled - 9999), filled)
            ]
            return found[-1] if found else 0
        return 0


def _endless(name: str, done: int, within: str) -> str:
    what, remedy = "word", "characters=True takes every Chinese character as a word"
    if within == "lines":
        what, remedy = "line", "break it into sentences, one a line"
    elif within == "characters":
        remedy = "break it with spaces or line feeds"
    return (
        f"{name}: a {what} of more than {LONGEST:,} bytes (within the first {done:,} bytes of the"
        f" file)\n  is this a text with one sentence a line and spaces between words? {remedy}"
    )


def _stored_size(path: str) -> int | None:
    """Bytes of a file; None for standard input and pipes. What is missing is said at reading."""
    return os.path.getsize(path) if path != "-" and os.path.isfile(path) else None


class _Raw(io.RawIOBase):
    """A file as it is stored: its first bytes are known, and what was read is counted."""

    def __init__(self, file: Any) -> None:
        self.file, self.done = file, 0
        self.head = b""
        while len(self.head) < 8 and (more := file.read(8 - len(self.head))):
            self.head += more
        self._again = self.head

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        if self._again:
            piece, self._again = self._again[: len(into)], self._again[len(into) :]
            into[: len(piece)] = piece
            count = len(piece)
        else:
            count = self.file.readinto(into) or 0
        self.done += count
        return count


@contextmanager
def _opened(path: str) -> Iterator[_Raw]:
    name = file_name(path)
    if path == "-":
        stream = getattr(sys.stdin, "buffer", None)
        if stream is None or stream.closed:
            raise DataFileError(f"{name}: it is closed; give a file's path instead of -")
        yield _Raw(stream)
        return
    with ExitStack() as stack:
        try:
            raw = _Raw(stack.enter_context(open(path, "rb", buffering=0)))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataFileError(f"{path!r}: cannot be read: {reason}\n  check the path") from None
        yield raw


def _unpacked(name: str, raw: _Raw) -> Any:
    """The stream of a file's text, whatever it is packed with."""
    packing = packing_of(raw.head)
    for magic, (kind, remedy) in FOREIGN.items():
        if raw.head.startswith(magic) and packing is None:
            raise DataFileError(f"{name}: this is {kind}, not a text file; {remedy} first")
    if packing is None:
        return io.BufferedReader(raw, 2**16)
    return io.BufferedReader(_Pieces(unpacked(raw.read(PIECE) or b"", raw, packing, name)), 2**16)


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        self._rest = self._rest or memoryview(next(self._pieces, b""))
        piece, self._rest = self._rest[: len(into)], self._rest[len(into) :]
        into[: len(piece)] = piece
        return len(piece)


def _without_mark(head: bytes, name: str) -> bytes:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataFileError(
            f"{name}: this is UTF-16, and words are read as UTF-8"
            f"\n  convert it: iconv -f UTF-16 -t UTF-8"
        )
    return head.removeprefix(_BYTE_ORDER_MARK)


def _read_up_to(stream: Any, size: int, name: str, raw: _Raw) -> bytes:
    buffer, filled = bytearray(size), 0
    while filled < size and (read := _read_into(stream, memoryview(buffer)[filled:], name, raw)):
        filled += read
    return bytes(buffer[:filled])


def _read_into(stream: Any, into: memoryview, name: str, raw: _Raw) -> int:
    try:
        return int(stream.readinto(into) or 0)
    except DAMAGED as error:
        if isinstance(error, DataFileError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
    raise DataFileError(
        f"{name}: it cannot be read, or is cut short or damaged, within its first {raw.done:,}"
        f" bytes: {reason}\n  fetch or pack it again"
    )
