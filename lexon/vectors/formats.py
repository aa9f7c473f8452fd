"""Files of word vectors: recognised by content, read and written.

    lexon        lexon's own: safetensors layout, opened by memory map
    word2vec     text: "V D", then a word and D numbers a line
    binary       the same line, then for each word: word, blank, D float32 (and a line end or not)
    glove        text as word2vec, without the first line

All but the first may be packed with gzip, xz, bzip2 or Zstandard (the last with Python 3.14's own
module, or the package backports.zstd).
"""

from __future__ import annotations

import os
import re
import warnings
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from lexon import storage
from lexon.errors import DataFileError, InputError, ModelFileError, ShapeError
from lexon.vectors import words as spelling
from lexon.vectors.records import (
    LONGEST_LINE,
    WIDEST,
    Asked,
    Header,
    first_rows,
    read_binary,
    read_text,
)
from lexon.vectors.source import Source, create

if TYPE_CHECKING:
    from lexon.vectors.keyed import KeyedVectors

KIND = "vectors"
FORMATS = ("lexon", "word2vec", "binary", "glove")
_HEADER = re.compile(rb"[ \t]*(\d{1,18})[ \t]+(\d{1,18})[ \t]*\r?\Z")
_FOREIGN = {
    b"\x80": (
        "a pickle, such as gensim's save() writes, and unpickling can run any program",
        "in gensim, write it with save_word2vec_format(path, binary=True)",
    ),
    b"\xba\x16\x4f\x2f": (
        "a fastText model",
        "give its vectors as text, the file that ends with .vec",
    ),
}


def save(vectors: KeyedVectors, path: str | os.PathLike[str]) -> None:
    """Write lexon's own format; as `KeyedVectors.save`."""
    arrays = {"vectors": vectors.vectors, **spelling.pack(vectors.index_to_key)}
    if vectors.counts is not None:
        arrays["counts"] = vectors.counts
    storage.write_mapped(path, KIND, {}, arrays, ["vectors"])


def load(
    path: str | os.PathLike[str], mmap: bool = True, verify: bool = False, kind: str = KIND
) -> KeyedVectors:
    """Open lexon's own format; as `KeyedVectors.load`. A trained model holds the same arrays."""
    from lexon.vectors.keyed import KeyedVectors

    stored = storage.open_mapped(path, kind, verify=verify or not mmap)
    matrix = stored.arrays.get("vectors")
    try:
        words = spelling.unpack(stored.arrays)
        if matrix is None:
            raise ModelFileError("it holds no vectors")
        return KeyedVectors(words, matrix if mmap else matrix.copy(), stored.arrays.get("counts"))
    except (InputError, ShapeError) as error:
        # The checksum is right, the rest is not: somebody made this file by hand.
        raise ModelFileError(f"{path}: not a usable {kind} file: {error}") from None


#: Which kinds of lexon's files hold word vectors, and what opens each.
OPENERS: dict[str, Callable[[str | os.PathLike[str]], KeyedVectors]] = {
    KIND: load,
    "word2vec": partial(load, kind="word2vec"),
}


def open_vectors(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    limit: int | None = None,
    encoding: str = "utf-8",
    unicode_errors: str = spelling.ERRORS,
) -> KeyedVectors:
    """The word vectors of a file of any readable format, recognised by content.

    The options after ``format`` are those of `KeyedVectors.load_word2vec_format`; ``limit`` holds
    for lexon's own files, too.

    Raises:
        InputError: the file cannot be read, or is of no known format.
    """
    if format is not None and format not in FORMATS:
        raise InputError(f"there is no format {format!r}; use one of {', '.join(FORMATS)}")
    kind = storage.kind_of(path) if Path(path).is_file() else None
    if kind is None and format != "lexon":
        return read(path, format, Asked(limit, encoding, unicode_errors))
    if kind is not None and kind not in OPENERS:
        raise ModelFileError(
            f"{path}: holds {storage.called(kind)}, which has no word vectors to look into\n"
            "  give a file of word vectors: lexon's own, word2vec's (text or binary) or GloVe's"
        )
    vectors = OPENERS[kind or KIND](path)
    if limit is None:
        return vectors
    counts = None if vectors.counts is None else vectors.counts[:limit]
    return type(vectors)(vectors.index_to_key[:limit], vectors.vectors[:limit], counts)


def read(path: str | os.PathLike[str], format: str | None, asked: Asked) -> KeyedVectors:
    """The vectors of a file of another program, of a given format or a recognised one."""
    from lexon.vectors.keyed import KeyedVectors

    if asked.limit is not None and asked.limit < 1:
        raise InputError(f"limit is {asked.limit}; it must be at least 1 word")
    with Source(path) as source:
        first = _first_line(source)
        header = _header(source, first, format)
        if header is None:
            found = read_text(source, Header(None, _width(source)), asked, 1)
        else:
            source.use(len(first) + 1)
            if format == "binary" or (format is None and _looks_binary(source, header)):
                found = read_binary(source, header, asked)
            else:
                found = read_text(source, header, asked, 2)
    try:
        return KeyedVectors(*found)
    except InputError:  # a word stands there twice
        return KeyedVectors(*first_rows(source.name, *found))


def _first_line(source: Source) -> bytes:
    while b"\n" not in source.data and len(source.data) <= LONGEST_LINE and source.more():
        pass
    if not source.data:
        raise DataFileError(f"{source.name}: the file is empty; give a file of word vectors")
    for magic, (what, remedy) in _FOREIGN.items():
        if source.data.startswith(magic):
            raise DataFileError(f"{source.name}: this is {what}; {remedy}")
    source.data = source.data.removeprefix(b"\xef\xbb\xbf")
    return source.data.partition(b"\n")[0]


def _header(source: Source, line: bytes, format: str | None) -> Header | None:
    """What the first line says of the file; None where it is a row already."""
    match = _HEADER.match(line) if format != "glove" else None
    if match is None:
        if format in ("word2vec", "binary"):
            raise DataFileError(
                f"{source.name}: the first line, {line[:40]!r}, is not the number of words and the"
                " numbers of a row\n  is it another format? (glove has no such line)"
            )
        return None
    words, width = int(match[1]), int(match[2])
    if not 1 <= width <= WIDEST:
        raise DataFileError(
            f"{source.name}: the first line promises {width:,} numbers a word; 1 to {WIDEST:,} are"
            " possible\n  correct the first line"
        )
    smallest = min(words * (2 * width + 2) - 1, words * (4 * width + 2))
    if source.size is not None and smallest > source.size:
        raise DataFileError(
            f"{source.name}: the first line promises {words:,} words of {width:,} numbers, at least"
            f" {smallest:,} bytes; the file holds {source.size:,}\n"
            "  fetch it again, or correct the first line"
        )
    return Header(words, width)


def _looks_binary(source: Source, header: Header) -> bool:
    """Whether numbers stand there as bytes: the next line is no text row, and holds control signs.

    (Where a text is broken, it is better read as a text: the message names the line.)
    """
    while len(source.data) < 6 * header.width + 400 and source.more():
        pass
    line, _, _ = source.data.partition(b"\n")
    fields = line.split()
    if len(fields) > header.width and all(map(_is_number, fields[-header.width :])):
        return False
    return re.search(rb"[\0-\x08\x0b\x0c\x0e-\x1f]", source.data[: 2**16]) is not None


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _width(source: Source) -> int:
    """Numbers of a row of a file without a header: the usual fields of its first rows, less one.

    (Some files have words with blanks in them; of equally usual widths the smaller one holds.)
    """
    lines = source.data.split(b"\n", 10)
    rows = [line.split() for line in (lines[:-1] or lines) if line.strip()]
    usual = Counter(sorted(map(len, rows))).most_common(1)
    width = usual[0][0] - 1 if usual else 0
    if not 1 <= width <= WIDEST or not any(all(map(_is_number, r[-width:])) for r in rows):
        raise DataFileError(
            f"{source.name}: this is not a file of word vectors\n  the formats are lexon's own, and"
            " word2vec's text and binary and GloVe's text, packed or not"
        )
    return width


def write(
    vectors: KeyedVectors, path: str | os.PathLike[str], format: str, encoding: str = "utf-8"
) -> None:
    """Write a file of the given format, packed as its suffix says (.gz, .xz, .bz2, .zst).

    Raises:
        InputError: there is no such format, a word cannot be written in it, or the file cannot.
    """
    if format == "lexon":
        return save(vectors, path)
    if format not in FORMATS:
        raise InputError(f"there is no format {format!r}; use one of {', '.join(FORMATS)}")
    coded = [_checked(word, encoding) for word in vectors.index_to_key]
    number = " ".join(["%.9g"] * vectors.vector_size)
    with storage.replacing(path) as temporary, create(temporary, PurePath(path).suffix) as file:
        if format != "glove":
            file.write(f"{len(vectors)} {vectors.vector_size}\n".encode())
        for start in range(0, len(coded), 1024):
            rows = np.asarray(vectors.vectors[start : start + 1024], "<f4")
            pairs: Any = zip(coded[start : start + 1024], rows, strict=True)
            if format == "binary":
                file.write(b"".join(b"%s %s\n" % (word, row.tobytes()) for word, row in pairs))
            else:
                lines = ((word, (number % tuple(row.tolist())).encode()) for word, row in pairs)
                file.write(b"".join(b"%s %s\n" % pair for pair in lines))
    return None


def _checked(word: str, encoding: str) -> bytes:
    """The bytes of a word, in which there is nothing that ends a word."""
    try:
        coded = word.encode(encoding, spelling.ERRORS)
    except (UnicodeError, LookupError) as error:
        raise InputError(f"the word {word!r:.80} cannot be written: {error}") from None
    if not coded or re.search(rb"[ \t\r\n]", coded):
        raise InputError(
            f"the word {word!r:.80} cannot be written in this format, whose words end at blanks\n"
            "  put something else for the blanks, or write lexon's own format"
        )
    return coded


def format_of(path: str | os.PathLike[str]) -> str:
    """The format that a name to write asks for.

    Raises:
        InputError: the suffix is of no format.
    """
    suffixes = [suffix.lower() for suffix in PurePath(path).suffixes]
    if suffixes and suffixes[-1] in (".gz", ".xz", ".bz2", ".zst"):
        suffixes.pop()
    found = _SUFFIXES.get(suffixes[-1] if suffixes else "")
    if found is None:
        raise InputError(
            f"{path}: the format cannot be told from this name\n"
            f"  give it (one of {', '.join(FORMATS)}), or a suffix: {', '.join(_SUFFIXES)}"
        )
    return found


_SUFFIXES = {
    ".lexon": "lexon",
    ".safetensors": "lexon",
    ".bin": "binary",
    ".txt": "word2vec",
    ".vec": "word2vec",
    ".glove": "glove",
}


def quietly_opened(path: str | os.PathLike[str], **options: Any) -> tuple[KeyedVectors, list[str]]:
    """As `open_vectors`, with what was odd about the file as texts instead of warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        vectors = open_vectors(path, **options)
    return vectors, [str(warning.message) for warning in caught]
