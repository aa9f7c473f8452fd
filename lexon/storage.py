"""Files of arrays and JSON that are written whole and checked to the last byte.

The layout is safetensors: a length, a JSON header, then the arrays; nothing is unpickled. The
header's metadata holds one entry, ``lexon``: the SHA-256 of the whole file (taken with the digest
itself blanked out) and a JSON text. A file cut short or with one bit turned is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError, ModelFileError

Array = npt.NDArray[Any]

#: The version of the layout that this program writes, and the newest that it reads.
FORMAT = 1
_BLANK = "0" * 64
_LONGEST_HEADER = 100_000_000


class Stored(NamedTuple):
    """What a file holds: what it is (such as "model"), a JSON object, and named arrays."""

    kind: str
    content: dict[str, Any]
    arrays: dict[str, Array]


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


def write(
    path: str | os.PathLike[str],
    kind: str,
    content: Mapping[str, Any],
    arrays: Mapping[str, Array],
) -> None:
    """Write a file; equal contents give equal bytes.

    Raises:
        InputError: the file cannot be written; what stood there before is unchanged.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(serialise(kind, content, arrays))


def serialise(kind: str, content: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """The bytes of a file.

    Raises:
        InputError: the header would be longer than one may be.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save

    text = _as_json({"format": FORMAT, "kind": kind, "content": content})
    try:
        raw = save(
            {name: np.asarray(arrays[name], order="C") for name in sorted(arrays)},
            metadata={"lexon": _BLANK + text},
        )
    except SafetensorError as error:
        raise InputError(
            f"this cannot be stored: {error}\n  the words, labels and levels of a model must fit"
            f" into {_LONGEST_HEADER:,} bytes of JSON"
        ) from None
    return _with_digest(raw, hashlib.sha256(raw).hexdigest().encode())


def header_bytes(content: Any) -> int:
    """How many bytes of the header this part of the content takes."""
    return len(_as_json(_as_json(content)).encode("utf-8", "surrogatepass"))


def fits(size: int) -> bool:
    """Whether a header has room for so many bytes, and for a thousandth of all for other parts."""
    return size + _LONGEST_HEADER // 1000 <= _LONGEST_HEADER


def _as_json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _with_digest(raw: bytes, digest: bytes) -> bytes:
    at = _digest_place(raw)
    return raw[:at] + digest + raw[at + 64 :]


def _digest_place(raw: bytes) -> int:
    """Where the digest stands: behind the key of the metadata, in the header."""
    mark = b'{"__metadata__":{"lexon":"'
    at = raw.find(mark, 0, 8 + len(mark))
    if at != 8:
        raise ModelFileError("it was not written by lexon")
    return at + len(mark)


def read(path: str | os.PathLike[str], kind: str) -> Stored:
    """Read a file of the given kind.

    Raises:
        ModelFileError: the file is missing, cut short, altered, of a newer format, of another
            kind, or was never written by lexon.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        stored = parse(raw)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: not a usable {kind} file: {error}") from None
    if stored.kind != kind:
        raise ModelFileError(f"{path}: holds a {stored.kind}, where a {kind} is wanted")
    return stored


def parse(raw: bytes) -> Stored:
    """The contents of the bytes of a file.

    Raises:
        ModelFileError: the bytes are not a whole, unaltered file of a known format.
    """
    header = _header(raw)
    at = _digest_place(raw)
    expected = raw[at : at + 64]
    if hashlib.sha256(_with_digest(raw, _BLANK.encode())).hexdigest().encode() != expected:
        raise ModelFileError(
            "it is damaged: its bytes do not give its checksum\n  copy or train it again"
        )
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        note = json.loads(header["__metadata__"]["lexon"][64:])
        if note["format"] > FORMAT:
            raise ModelFileError(
                f"its format is {note['format']}, this lexon reads up to {FORMAT}\n  upgrade lexon"
            )
        return Stored(str(note["kind"]), dict(note["content"]), load(raw))
    except ModelFileError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError, SafetensorError):
        # The checksum is right, the rest is not: somebody made this file by hand.
        raise ModelFileError("it was not written by lexon") from None


def _header(raw: bytes) -> dict[str, Any]:
    if len(raw) < 8:
        raise ModelFileError(f"it holds {len(raw)} bytes only")
    length = int.from_bytes(raw[:8], "little")
    if length > _LONGEST_HEADER or 8 + length > len(raw):
        raise ModelFileError("it is cut short, or was not written by lexon")
    try:
        header = json.loads(raw[8 : 8 + length])
        note = header["__metadata__"]["lexon"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ModelFileError("it was not written by lexon") from None
    if not isinstance(note, str):
        raise ModelFileError("it was not written by lexon")
    return dict(header)
