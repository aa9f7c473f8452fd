"""Files that are written beside their place and put there when they are whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lexon.errors import InputError


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary file beside ``path``, renamed over it at the end; on an error it is removed.

    Raises:
        InputError: the folder does not exist or cannot be written, or the disk is full.
    """
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        os.close(handle)
    except OSError as error:
        raise _cannot_write(target, error) from None
    temporary = Path(name)
    try:
        yield temporary
        _make_durable(temporary)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as error:
        raise _cannot_write(target, error) from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _cannot_write(target: Path, error: OSError) -> InputError:
    return InputError(
        f"{target}: cannot be written: {error.strerror}\n"
        "  is the folder there, writable, and the disk not full? What stood there is unchanged"
    )


def _make_durable(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
