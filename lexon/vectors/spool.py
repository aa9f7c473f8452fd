"""Numbers that come block by block and may be more than memory holds."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError

Array = npt.NDArray[Any]


class Spool:
    """Blocks of numbers in the order in which they came, in memory or else in a temporary file.

    The file has no name where the system allows that, and is deleted by the system when nobody
    holds it any more: also after Ctrl-C, or when the process is killed.

    Units: `limit` bytes are kept in memory, at most; beyond, only the places of the blocks.
    """

    def __init__(
        self, kind: npt.DTypeLike, limit: int, folder: str | os.PathLike[str] | None
    ) -> None:
        self.kind, self.limit, self.folder = np.dtype(kind), limit, folder
        self.size = 0  # numbers, of all blocks
        self.file: Any = None
        self._blocks: list[Array] = []
        self._places: list[tuple[int, int]] = []  # of the blocks in the file: start and stop
        self._end = 0  # of what was put back

    def __len__(self) -> int:
        return len(self._blocks) if self.file is None else len(self._places)

    def append(self, block: Array) -> None:
        """Keep a block, which is not to be changed from then on.

        Raises:
            InputError: the temporary file cannot be written.
        """
        if self.file is None and (self.size + len(block)) * self.kind.itemsize <= self.limit:
            self._blocks.append(np.asarray(block, self.kind))
        else:
            if self.file is None:
                self._move_out()
            self._write(self.size, np.ascontiguousarray(block, self.kind))
            self._places.append((self.size, self.size + len(block)))
        self.size += len(block)

    def __getitem__(self, index: int) -> Array:
        """A block, to be read, or to be changed and put back."""
        if self.file is None:
            return self._blocks[index]
        start, stop = self._places[index]
        block = np.empty(stop - start, self.kind)
        self.file.seek(start * self.kind.itemsize)
        self.file.readinto(block.data.cast("B") if len(block) else bytearray())
        return block

    def put_back(self, index: int, block: Array) -> None:
        """Put a block, no longer than it was, in the place of the next one: 0, 1, 2, ..."""
        if self.file is None:
            self._blocks[index] = block
        else:
            self._write(self._end, block)
            self._places[index] = self._end, self._end + len(block)
        self._end += len(block)
        if index + 1 == len(self):
            self.size = self._end

    def array(self) -> Array:
        """All blocks end to end, as they came or as all were put back.

        One array in memory, or one whose pages the system reads from the file when they are
        used; the file is deleted when the array is.
        """
        if self.file is None or self.size == 0:
            whole, at = np.empty(self.size, self.kind), 0
            self._blocks.reverse()
            while self._blocks:  # each is let go before the next is copied
                block = self._blocks.pop()
                whole[at : at + len(block)] = block
                at += len(block)
            return whole
        self.file.truncate(self.size * self.kind.itemsize)
        mapped = np.memmap(self.file, self.kind, "r+", shape=(self.size,))
        return np.asarray(mapped)  # a plain array to kernels

    def close(self) -> None:
        """Let the temporary file go."""
        if self.file is not None:
            self.file.close()

    def _move_out(self) -> None:
        """From memory to the temporary file."""
        try:
            self.file = tempfile.TemporaryFile(dir=self.folder, prefix=".lexon-")
        except OSError as error:
            raise self._cannot_write(error) from None
        at = 0
        for block in self._blocks:
            self._write(at, block)
            self._places.append((at, at + len(block)))
            at += len(block)
        self._blocks.clear()

    def _write(self, at: int, block: Array) -> None:
        try:
            self.file.seek(at * self.kind.itemsize)
            self.file.write(block.data.cast("B") if len(block) else b"")
            self.file.flush()
        except OSError as error:
            raise self._cannot_write(error) from None

    def _cannot_write(self, error: OSError) -> InputError:
        folder = self.folder or tempfile.gettempdir()
        return InputError(
            f"{folder}: the corpus does not fit into {self.limit:,} bytes of memory, and its word"
            f" ids cannot be written here: {error.strerror}\n"
            "  give a folder with room for 4 bytes a word, or allow more memory"
        )
