"""Unpacking, a piece at a time, of whatever a data file is packed with."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

from lexon.errors import DataFileError

#: How a file begins that is packed.
PACKED = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\x00": "xz", b"BZh": "bzip2"}
ZSTANDARD = b"\x28\xb5\x2f\xfd"
#: Who can unpack Zstandard: the standard library from Python 3.14 on, or its back-port.
ZSTANDARD_MODULES = ("compression.zstd", "backports.zstd")
#: Bytes that unpacking may take for itself, and bytes read at a time.
UNPACK_MEMORY = 512 * 2**20
PIECE = 2**20
#: What a damaged file raises.
DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError, MemoryError)


def packing_of(first: bytes) -> str | None:
    """Which packing a file has that begins so, Zstandard included."""
    if first.startswith(ZSTANDARD):
        return "zstd"
    return next((how for magic, how in PACKED.items() if first.startswith(magic)), None)


def unpacked(first: bytes, file: Any, packing: str, name: str) -> Iterator[bytes]:
    """The unpacked bytes of ``first`` and the rest of ``file``; no piece is empty.

    All streams that stand end to end are unpacked.

    Raises:
        DataFileError: nobody here can unpack Zstandard.
        DAMAGED: the file is cut short or damaged, or takes too much memory.
    """
    if packing not in ("gzip", "zstd"):
        yield from _streams(first, file, packing)
        return
    whole = io.BufferedReader(_Joined(first, file), PIECE)
    with _opened(whole, packing, name) as stream:
        while piece := stream.read(PIECE):
            yield piece


@contextmanager
def _opened(file: Any, packing: str, name: str) -> Iterator[Any]:
    if packing == "gzip":
        yield gzip.GzipFile(fileobj=file)
        return
    module = zstandard(name)
    try:
        yield module.ZstdFile(file)
    except module.ZstdError as error:
        raise ValueError(str(error)) from None


def _streams(data: bytes, file: Any, packing: str) -> Iterator[bytes]:
    while data:
        unpack: Any = (
            lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=UNPACK_MEMORY)
            if packing == "xz"
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

    def __init__(self, first: bytes, file: Any) -> None:
        self._first, self._file = io.BytesIO(first), file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._first.readinto(buffer) or self._file.readinto(buffer) or 0


def zstandard(name: object) -> Any:
    """The module that unpacks Zstandard.

    Raises:
        DataFileError: there is none; tells what to install.
    """
    for module in ZSTANDARD_MODULES:
        with suppress(ImportError):
            return import_module(module)
    raise DataFileError(
        f"{name}: packed with Zstandard, which Python reads from 3.14 on\n"
        "  pip install backports.zstd, or unpack it first with: zstd -d"
    )
