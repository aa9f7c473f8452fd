"""The bytes of a vector file, unpacked, a piece at a time."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from lexon.errors import DataFileError
from lexon.text.source import EXPANSION, EXPANSION_FLOOR, FOREIGN, UNPACK_MEMORY

PIECE = 2**22
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_PACKERS: dict[str, Callable[[Path], Any]] = {
    ".gz": lambda path: gzip.GzipFile(path, "wb", compresslevel=6, mtime=0),
    ".xz": lambda path: lzma.LZMAFile(path, "wb", preset=1),
    ".bz2": lambda path: bz2.BZ2File(path, "wb"),
    ".zst": lambda path: _zstandard(path).open(path, "wb"),
}
#: Who can unpack Zstandard: the standard library from Python 3.14 on, or its back-port.
_ZSTANDARD = ("compression.zstd", "backports.zstd")


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
        for magic, (kind, remedy) in FOREIGN.items():
            if first.startswith(magic) and magic not in _MAGIC:
                raise DataFileError(f"{self.name}: this is {kind}; {remedy} first")
        self.packed = next((how for magic, how in _MAGIC.items() if first.startswith(magic)), None)
        #: Bytes of the file; of a packed one, or a pipe, nobody knows.
        size = os.fstat(self._file.fileno()).st_size
        self.size = None if self.packed or _is_pipe(self.name) else size
        self._bound = max(EXPANSION_FLOOR, EXPANSION * size)
        self._pieces = _pieces(first, self._file, self.packed, self.name)

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
        except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError, MemoryError) as error:
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


def _pieces(first: bytes, file: BinaryIO, packed: str | None, name: str) -> Iterator[bytes]:
    """The unpacked bytes, through all streams that stand end to end; no piece is empty."""
    if packed is None:
        while first:
            yield first
            first = file.read(PIECE)
    elif packed in ("gzip", "zstd"):
        whole = io.BufferedReader(_Joined(first, file), PIECE)
        with _opened(whole, packed, name) as stream:
            while piece := stream.read(PIECE):
                yield piece
    else:
        yield from _streams(first, file, packed)


@contextmanager
def _opened(file: Any, packed: str, name: str) -> Iterator[Any]:
    if packed == "gzip":
        yield gzip.GzipFile(fileobj=file)
        return
    zstandard = _zstandard(name)
    try:
        yield zstandard.ZstdFile(file)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None


def _streams(data: bytes, file: BinaryIO, packed: str) -> Iterator[bytes]:
    while data:
        unpack: Any = (
            lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=UNPACK_MEMORY)
            if packed == "xz"
            else bz2.BZ2Decompressor()
        )
        while not unpack.eof:
            piece = unpack.decompress(data, PIECE)
            data = file.read(PIECE) if unpack.needs_input and not unpack.eof else b""
            if not piece and not data and unpack.needs_input and not unpack.eof:
                raise EOFError("it ends before its end mark")
            if piece:
                yield piece
        data = unpack.unused_data.lstrip(b"\0")  # xz allows padding between streams
        while not data and (data := file.read(PIECE)):
            data = data.lstrip(b"\0")


class _Joined(io.RawIOBase):
    """Bytes read already, and then the rest of their file."""

    def __init__(self, first: bytes, file: BinaryIO) -> None:
        self._first, self._file = io.BytesIO(first), file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._first.readinto(buffer) or self._file.readinto(buffer)  # type: ignore[attr-defined]


def _zstandard(name: object) -> Any:
    for module in _ZSTANDARD:
        with suppress(ImportError):
            return import_module(module)
    raise DataFileError(
        f"{name}: packed with Zstandard, which Python reads from 3.14 on\n"
        "  pip install backports.zstd, or unpack it first with: zstd -d"
    )


def create(path: Path, suffix: str) -> Any:
    """A file to be written, packed as the suffix of its final name says."""
    packer = _PACKERS.get(suffix.lower())
    return packer(path) if packer else open(path, "wb")
