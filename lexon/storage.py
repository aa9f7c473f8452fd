"""Files of arrays and JSON that are written whole and checked to the last byte.

The layout is safetensors: a length, a JSON header, then the arrays; nothing is unpickled. The
header's metadata holds one entry, ``lexon``: the SHA-256 of the whole file (taken with the digest
itself blanked out) and a JSON text. A file cut short or with one bit turned is refused.

Arrays too large to be read at every start are left to a memory map (`write_mapped`, `open_mapped`).
Between digest and JSON text stands then a second digest, of all that opening reads: the header and
the other arrays. Opening checks this one, and the size of the file; the first on request.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError, ModelFileError
from lexon.replacing import replacing

__all__ = [
    "FORMAT",
    "Stored",
    "called",
    "fits",
    "header_bytes",
    "kind_of",
    "open_mapped",
    "parse",
    "read",
    "replacing",
    "serialise",
    "write",
    "write_mapped",
]

Array = npt.NDArray[Any]

#: The version of the layout that this program writes, and the newest that it reads.
FORMAT = 1
_BLANK = "0" * 64
_LONGEST_HEADER = 100_000_000
_MARK = b'{"__metadata__":{"lexon":"'
#: Where the numbers of mapped files begin: at a multiple of so many bytes.
_ALIGNED = 64
_DIGEST = re.compile(rb"[0-9a-f]{64}")
_TYPES = {"F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U8": "|u1"}


#: What to call the kinds of files.
_CALLED = {"vectors": "word vectors", "word2vec": "a word2vec model", "phrases": "phrases"}


def called(kind: str) -> str:
    """A kind of file in words."""
    return _CALLED.get(kind, f"a {kind:.60}")


class Stored(NamedTuple):
    """What a file holds: what it is (such as "model"), a JSON object, and named arrays."""

    kind: str
    content: dict[str, Any]
    arrays: dict[str, Array]


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
    return raw[:at] + digest + raw[at + len(digest) :]


def _digest_place(raw: bytes) -> int:
    """Where the digest stands: behind the key of the metadata, in the header."""
    if not raw.startswith(_MARK, 8):
        raise ModelFileError("it was not written by lexon")
    return 8 + len(_MARK)


def _blanked(raw: bytes) -> bytes:
    """The bytes without their digest, or both of them."""
    return _with_digest(raw, (2 * _BLANK if _is_mapped(raw) else _BLANK).encode())


def _is_mapped(raw: bytes) -> bool:
    """Whether a second digest follows the first; no JSON text begins like one."""
    return _DIGEST.match(raw, _digest_place(raw) + 64) is not None


def write_mapped(
    path: str | os.PathLike[str],
    kind: str,
    content: Mapping[str, Any],
    arrays: Mapping[str, Array],
    mapped: Collection[str],
) -> None:
    """Write a file whose arrays named in ``mapped`` are not read when it is opened.

    They stand first, the first of them at a multiple of 64 bytes. Equal contents give equal bytes.

    Raises:
        InputError: the file cannot be written; what stood there before is unchanged.
    """
    names = [*sorted(mapped), *sorted(arrays.keys() - mapped)]
    plain = {name: _little_endian(arrays[name]) for name in names}
    note = {"format": FORMAT, "kind": kind, "content": content, "mapped": sorted(mapped)}
    header = _mapped_header(_as_json(note), plain)
    whole, opening = hashlib.sha256(header), hashlib.sha256()
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(header)
        for array in plain.values():
            file.write(_bytes_of(array))
            whole.update(_bytes_of(array))
        header = _with_digest(header, whole.hexdigest().encode())
        opening.update(header)
        for name in names[len(mapped) :]:
            opening.update(_bytes_of(plain[name]))
        file.seek(0)
        file.write(_with_digest(header, (whole.hexdigest() + opening.hexdigest()).encode()))


def _little_endian(array: Array) -> Array:
    return np.asarray(array, array.dtype.newbyteorder("<"), order="C")


def _bytes_of(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _mapped_header(text: str, arrays: Mapping[str, Array]) -> bytes:
    """The length and the header, its digests blank, filled up with spaces."""
    tensors: dict[str, Any] = {"__metadata__": {"lexon": 2 * _BLANK + text}}
    names = {code: name for name, code in _TYPES.items()}
    at = 0
    for name, array in arrays.items():
        place = [at, at + array.nbytes]
        dtype = names[array.dtype.str]
        tensors[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": place}
        at += array.nbytes
    header = json.dumps(tensors, ensure_ascii=False, separators=(",", ":")).encode()
    header += b" " * (-(8 + len(header)) % _ALIGNED)
    if len(header) > _LONGEST_HEADER:
        raise InputError(f"this cannot be stored: a header of {len(header):,} bytes")
    return len(header).to_bytes(8, "little") + header


def open_mapped(path: str | os.PathLike[str], kind: str, *, verify: bool = False) -> Stored:
    """Open a file of `write_mapped`: large arrays as read-only memory maps, the others read.

    The size of the file, its header and the arrays that are read are checked against their digest;
    the bytes of the mapped arrays only with ``verify``, which reads the whole file.

    Raises:
        ModelFileError: the file is missing, cut short, altered (as far as checked), of a newer
            format, of another kind, or was never written by `write_mapped`.
    """
    try:
        with open(path, "rb") as file:
            return _open_mapped(file, kind, verify)
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror}") from None
    except ModelFileError as error:
        raise ModelFileError(f"{path}: not a usable {kind} file: {error}") from None


def kind_of(path: str | os.PathLike[str]) -> str | None:
    """The kind of a file written here, from its header alone; None for any other file.

    Raises:
        ModelFileError: the file cannot be read, or its header is damaged.
    """
    try:
        with open(path, "rb") as file:
            raw = file.read(8 + len(_MARK))
            if not raw.startswith(_MARK, 8):
                return None
            return str(_note(_header(raw + file.read(_header_length(raw, file))))["kind"])
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror}") from None
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from None


def _header_length(raw: bytes, file: BinaryIO) -> int:
    """How long the header is, by its first bytes; checked against the size of the file."""
    length = int.from_bytes(raw[:8], "little")
    if len(raw) < 8 or length > min(_LONGEST_HEADER, os.fstat(file.fileno()).st_size - 8):
        raise ModelFileError("it is cut short, or was not written by lexon")
    return length


def _note(header: Mapping[str, Any]) -> dict[str, Any]:
    """What the JSON text says; its format is one that can be read."""
    text = header["__metadata__"]["lexon"][64:]
    try:
        second = _DIGEST.match(text[:64].encode("utf-8", "replace"))
        note = json.loads(text[64:] if second else text)
        if note["format"] > FORMAT:
            raise ModelFileError(
                f"its format is {note['format']}, this lexon reads up to {FORMAT}\n  upgrade lexon"
            )
        return dict(note) | {"kind": str(note["kind"]), "content": dict(note["content"])}
    except ModelFileError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ModelFileError("it was not written by lexon") from None


class _Place(NamedTuple):
    """Where an array stands in a file, and what it is."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def _open_mapped(file: BinaryIO, kind: str, verify: bool) -> Stored:
    raw = file.read(8)
    raw += file.read(_header_length(raw, file))
    header = _header(raw)
    note = _note(header)
    if note["kind"] != kind:
        raise ModelFileError(f"its kind is {note['kind']!r}, where {kind!r} is wanted")
    at = _digest_place(raw)
    if not _is_mapped(raw):
        raise ModelFileError("it is not one to be mapped")
    places = _places(header, len(raw), os.fstat(file.fileno()).st_size)
    mapped = note.get("mapped", ())
    arrays: dict[str, Array] = {}
    digest = hashlib.sha256(raw[: at + 64] + _BLANK.encode() + raw[at + 128 :])
    for place in places:
        if place.name not in mapped:
            file.seek(place.start)
            numbers = file.read(place.stop - place.start)
            digest.update(numbers)
            arrays[place.name] = np.frombuffer(numbers, place.dtype).reshape(place.shape)
    if digest.hexdigest().encode() != raw[at + 64 : at + 128]:
        raise ModelFileError("it is damaged: it does not give its checksum\n  copy it again")
    if verify and _digest_of(file, raw) != raw[at : at + 64]:
        raise ModelFileError("it is damaged: it does not give its checksum\n  copy it again")
    for name, dtype, shape, start, stop in places:
        if name in mapped:
            some = stop > start
            arrays[name] = np.zeros(shape, dtype)
            if some:
                arrays[name] = np.asarray(np.memmap(file, dtype, "r", start, shape))
    return Stored(note["kind"], note["content"], arrays)


def _digest_of(file: BinaryIO, header: bytes) -> bytes:
    digest = hashlib.sha256(_blanked(header))
    file.seek(len(header))
    while piece := file.read(2**22):
        digest.update(piece)
    return digest.hexdigest().encode()


def _places(header: Mapping[str, Any], start: int, size: int) -> list[_Place]:
    """The arrays of a file in the order of their places, checked against its size."""
    found, last = [], start
    try:
        for name, tensor in header.items():
            if name == "__metadata__":
                continue
            dtype, shape = _TYPES[tensor["dtype"]], tuple(tensor["shape"])
            begin, end = tensor["data_offsets"]
            place = _Place(name, dtype, shape, start + begin, start + end)
            numbers = 1
            for length in shape:
                numbers *= length if type(length) is int and length >= 0 else -1
            if place.start != last or numbers * np.dtype(dtype).itemsize != end - begin:
                raise ValueError
            found.append(place)
            last = place.stop
    except (ValueError, KeyError, TypeError):
        raise ModelFileError("it was not written by lexon") from None
    if last != size:
        raise ModelFileError(
            f"it holds {size:,} bytes, its header says {last:,}: it is cut short or damaged"
            "\n  copy it again"
        )
    return found


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
        raise ModelFileError(f"{path}: holds {called(stored.kind)}, where {called(kind)} is wanted")
    return stored


def parse(raw: bytes) -> Stored:
    """The contents of the bytes of a file.

    Raises:
        ModelFileError: the bytes are not a whole, unaltered file of a known format.
    """
    header = _header(raw)
    at = _digest_place(raw)
    expected = raw[at : at + 64]
    if hashlib.sha256(_blanked(raw)).hexdigest().encode() != expected:
        raise ModelFileError(
            "it is damaged: its bytes do not give its checksum\n  copy or train it again"
        )
    from safetensors import SafetensorError
    from safetensors.numpy import load

    note = _note(header)
    try:
        return Stored(note["kind"], note["content"], load(raw))
    except (ValueError, KeyError, TypeError, SafetensorError):
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
