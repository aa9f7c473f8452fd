"""The bytes of a vector file, unpacked, a piece at a time."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from lexon.errors import DataFileError
from lexon.text.packing import DAMAGED, packing_of, unpacked, zstandard
from lexon.text.source import EXPANSION, EXPANSION_FLOOR, FOREIGN

PIECE = 2**22
_PACKERS: dict[str, Callable[[Path], Any]] = {
    ".gz": lambda path: gzip.GzipFile(path, "wb", compresslevel=6, mtime=0),
    ".xz": lambda path: lzma.LZMAFile(path, "wb", preset=1),
    ".bz2": lambda path: bz2.BZ2File(path, "wb"),
    ".zst": lambda path: zstandard(path).open(path, "wb"),
}


class Source:
    """A file that is read in pieces: ``data`` holds what was read and is not used yet.

    Raises:
        DataFileError: the file is missing, a folder, unreadable, damaged, or of a foreign kind.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.name, self.data, self.read = os.fspath(path), b"", 0
        try:
            if not (os.path.isfile(path) or _is_pipe(path)):
                os.stat(path)
                raise DataFileError(f"{path}: this is a folder or a device; give a file's path")
            self._file: BinaryIO = open(path, "rb")
        except (OSError, ValueError) as error:
            if isinstance(error, DataFileError):
                raise
            reason = getattr(error, "strerror", None) or str(error)
            raise DataFileError(f"{path}: cannot be read: {reason}; check the path") from None
        try:
            self._start()
        except BaseException:
            self._file.close()
            raise

    def _start(self) -> None:
        first = self._file.read(PIECE)
        self.packed = packing_of(first)
        for magic, (kind, remedy) in FOREIGN.items():
            if first.startswith(magic) and self.packed is None:
                raise DataFileError(f"{self.name}: this is {kind}; {remedy} first")
        #: Bytes of the file; of a packed one, or a pipe, nobody knows.
        size = os.fstat(self._file.fileno()).st_size
        self.size = None if self.packed or _is_pipe(self.name) else size
        self._bound = max(EXPANSION_FLOOR, EXPANSION * size)
        self._pieces = (
            unpacked(first, self._file, self.packed, self.name)
            if self.packed
            else _plain(first, self._file)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def more(self) -> bool:
        """Read a piece; False at the end of the file."""
        try:
            piece = next(self._pieces, b"")
        except DAMAGED as error:
            if isinstance(error, DataFileError):
                raise
            raise DataFileError(
                f"{self.name}: the file is cut short or damaged after {self.read:,} unpacked bytes"
                f" ({error})\n  fetch or pack it again"
            ) from None
        self.read += len(piece)
        if self.packed and self.read > self._bound:
            raise DataFileError(
                f"{self.name}: it unpacks to more than {self._bound:,} bytes\n"
                "  if that is meant, unpack the file first"
            )
        self.data = self.data + piece if self.data else piece
        return bool(piece)

    def use(self, number: int) -> None:
        """Drop the first bytes of ``data``."""
        self.data = self.data[number:]


def _is_pipe(path: str | os.PathLike[str]) -> bool:
    return Path(path).is_fifo()


def _plain(first: bytes, file: BinaryIO) -> Iterator[bytes]:
    while first:
        yield first
        first = file.read(PIECE)


def create(path: Path, suffix: str) -> Any:
    """A file to be written, packed as the suffix of its final name says."""
    packer = _PACKERS.get(suffix.lower())
    return packer(path) if packer else open(path, "wb")
