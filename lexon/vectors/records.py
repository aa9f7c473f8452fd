"""Reading the records of vector files, binary and text, a piece of the file at a time.

However many words a file promises, memory grows only with what it turns out to hold.
"""

from __future__ import annotations

import re
import warnings
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lexon.errors import DataFileError, InputError
from lexon.vectors.source import Source

Array = npt.NDArray[Any]

#: Longest word and longest line, in bytes, and most numbers of a row.
LONGEST_WORD, LONGEST_LINE, WIDEST = 2**16, 2**23, 100_000
#: Rows that one thread takes at a time.
_BLOCK = 256
_BLANKS = re.compile(rb"[ \t]+")
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.I)


class Asked(NamedTuple):
    """What is to be read of a file, and how its words are to be understood."""

    limit: int | None
    encoding: str
    unicode_errors: str


class Header(NamedTuple):
    """What the first line says."""

    words: int | None
    width: int


class Gathered:
    """The rows read so far."""

    def __init__(self, source: Source, header: Header, asked: Asked, smallest: int) -> None:
        """``smallest``: the fewest bytes that a row may have in the file."""
        self.source, self.header, self.asked = source, header, asked
        self.words: list[str] = []
        self.foreign, self.first_foreign = 0, 0  # words that are no UTF-8
        rows = asked.limit if header.words is None else header.words
        self.wanted = min(rows or 0, asked.limit or rows or 0) if rows is not None else None
        # A plain file can be no longer than it is; how long a packed one gets, nobody knows.
        room = 0 if source.size is None else source.size // smallest + 1
        self.vectors: Array = np.empty((min(self.wanted or 0, room), header.width), np.float32)

    @property
    def missing(self) -> int | None:
        """How many rows are still to be read, if that is known."""
        return None if self.wanted is None else self.wanted - len(self.words)

    def room(self, rows: int) -> Array:
        """A place for so many further rows."""
        used, capacity = len(self.words), len(self.vectors)
        if used + rows > capacity:
            more = max(used + rows, capacity + capacity // 2)
            self.vectors.resize((more, self.header.width), refcheck=False)
        return self.vectors[used : used + rows]

    def add(self, words: list[bytes]) -> None:
        """Take the words of rows whose numbers are in place."""
        encoding, errors = self.asked.encoding, self.asked.unicode_errors
        try:
            if encoding == "utf-8" and words:  # at once: no word holds a line end
                self.words += b"\n".join(words).decode().split("\n")
            else:
                self.words += [word.decode(encoding) for word in words]
        except UnicodeDecodeError:
            for word in words:
                self.words.append(self._strange(word, encoding, errors))
        except LookupError:
            raise InputError(
                f"there is no encoding {encoding!r}\n  give one such as utf-8"
            ) from None

    def _strange(self, word: bytes, encoding: str, errors: str) -> str:
        try:
            return word.decode(encoding)
        except UnicodeDecodeError:
            self.foreign += 1
            self.first_foreign = self.first_foreign or len(self.words) + 1
        try:
            return word.decode(encoding, errors)
        except LookupError:
            raise InputError(f"unicode_errors: there is no way {errors!r}") from None
        except UnicodeDecodeError:
            raise DataFileError(
                f"{self.source.name}: row {len(self.words) + 1}: the word {word!r:.80} is not"
                f" {encoding}\n  name the encoding of the file, or let"
                " unicode_errors='surrogateescape' keep its bytes"
            ) from None

    def finish(self) -> tuple[list[str], Array]:
        """The words and their vectors."""
        name, words = self.source.name, self.words
        if not words:
            raise DataFileError(f"{name}: it holds no words\n  give a file of word vectors")
        self.vectors.resize((len(words), self.header.width), refcheck=False)
        if self.foreign:
            warnings.warn(
                f"{name}: {self.foreign:,} words are not {self.asked.encoding}, the first in row"
                f" {self.first_foreign:,}; if the file has another encoding, name it",
                stacklevel=5,
            )
        return words, self.vectors


def first_rows(name: str, words: list[str], vectors: Array) -> tuple[list[str], Array]:
    """The first row of each word; that there were others is a warning."""
    first = dict(zip(reversed(words), range(len(words) - 1, -1, -1), strict=True))
    rows = np.array(sorted(first.values()))
    again = int(np.setdiff1d(np.arange(len(words)), rows)[0])
    warnings.warn(
        f"{name}: {len(words) - len(rows):,} rows are of words that stood there before, such as"
        f" {words[again]!r:.80} in row {again + 1:,}; the first row of each is kept",
        stacklevel=5,
    )
    return [words[row] for row in rows], vectors[rows]


def read_binary(source: Source, header: Header, asked: Asked) -> tuple[list[str], Array]:
    """The records of a binary file, whose header is used up already."""
    from lexon.kernels.records import copy_records, find_records

    width = 4 * header.width
    gathered = Gathered(source, header, asked, width + 1)
    while missing := gathered.missing:
        data = np.frombuffer(source.data, np.uint8)
        starts, stops = np.empty((2, min(missing, len(data) // (width + 1))), np.int64)
        found, used = find_records(data, width, starts, stops)
        starts, stops = starts[:found], stops[:found]
        numbers, finite = gathered.room(found), np.empty(found, bool)
        views = numbers.view(np.uint8), numbers.view(np.uint32)
        copy_records(found, _BLOCK, 10.0 * used, data, stops, *views, finite)
        words = _sliced(source.data, starts, stops)
        if not finite.all() or not _plausible(words):
            raise _bad_record(gathered, words, finite)
        gathered.add(words)
        source.use(used)
        if found == missing:
            break
        if len(source.data) > width + LONGEST_WORD:
            raise _bad_binary(gathered, f"a word is longer than {LONGEST_WORD:,} bytes")
        if not source.more():
            raise _bad_binary(gathered, "the file ends there")
    _check_end(gathered)
    return gathered.finish()


def _sliced(data: bytes, starts: Array, stops: Array) -> list[bytes]:
    return [data[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]


def _plausible(words: list[bytes]) -> bool:
    """Whether words stand there.

    A word with a blank in it puts what follows out of step until the next blank: the row after it
    then begins with bytes of numbers, and has a line end in its word.
    """
    return (
        all(words)
        and b"\n" not in b"".join(words)
        and max(map(len, words), default=0) <= LONGEST_WORD
    )


def _bad_record(gathered: Gathered, words: list[bytes], finite: Array) -> DataFileError:
    """What is wrong with the first bad one of some records."""
    rows = range(len(words))
    row = next(row for row in rows if not (finite[row] and _plausible(words[row : row + 1])))
    where = f"{gathered.source.name}: row {len(gathered.words) + row + 1:,} ({words[row][:40]!r})"
    if _plausible(words[row : row + 1]):
        return DataFileError(
            f"{where} holds NaN or an infinite number\n  remove the row, or train again; if the"
            " word looks strange, one before it may hold a space"
        )
    return DataFileError(
        f"{where}: no word stands there\n  a word before it may hold a space, the header may be"
        " wrong, or the file is not binary (binary=False)"
    )


def _bad_binary(gathered: Gathered, what: str) -> DataFileError:
    header, row = gathered.header, len(gathered.words) + 1
    return DataFileError(
        f"{gathered.source.name}: row {row:,} of {header.words:,} is not whole: {what}\n"
        "  fetch the file again; if it is whole, its header is wrong, a word holds a space,"
        " or it is not binary (binary=False)"
    )


def _check_end(gathered: Gathered) -> None:
    """Nothing but line ends follows the last promised row."""
    source, header = gathered.source, gathered.header
    while gathered.wanted == header.words:
        if source.data.strip():
            raise DataFileError(
                f"{source.name}: more follows behind the {header.words:,} rows that the first line"
                " promises\n  correct the first line (rows, numbers of a row), or read so many"
                f" rows: limit={header.words}; in a binary file, a word may hold a space"
            )
        source.data = b""
        if not source.more():
            break


def read_text(source: Source, header: Header, asked: Asked, line: int) -> tuple[list[str], Array]:
    """The lines of a text file, from line number ``line`` on."""
    gathered = Gathered(source, header, asked, 2 * header.width + 1)
    more = True
    while gathered.missing != 0 and (more or source.data):
        ends = np.flatnonzero(np.frombuffer(source.data, np.uint8) == ord("\n"))
        if not more and not source.data.endswith(b"\n"):
            ends = np.append(ends, len(source.data))
        if ends.size:
            line += _take_lines(gathered, ends, line)
            source.use(int(ends[-1]) + 1)
        elif len(source.data) > LONGEST_LINE:
            raise DataFileError(f"{source.name}: line {line} is longer than {LONGEST_LINE:,} bytes")
        more = more and source.more()
    if gathered.missing and header.words is not None:
        raise DataFileError(
            f"{source.name}: the first line promises {header.words:,} words, the file ends after"
            f" {len(gathered.words):,}\n  fetch it again, or correct the first line"
        )
    _check_end(gathered)
    return gathered.finish()


def _take_lines(gathered: Gathered, ends: Array, line: int) -> int:
    """Read the lines that end at these places; how many they are."""
    data, header = gathered.source.data, gathered.header
    starts = np.concatenate([[0], ends[:-1] + 1])
    filled = np.flatnonzero((ends > starts) & ~((ends == starts + 1) & _returns(data, starts)))
    # A good line has at least two bytes a number: more lines than fit are not all good.
    step = max(1, 2 * len(data) // (2 * header.width))
    for at in range(0, filled.size, step):
        rows = filled[at : at + step]
        if gathered.missing is not None and rows.size > gathered.missing:
            if gathered.wanted == header.words:
                raise DataFileError(
                    f"{gathered.source.name}: line {line + int(rows[gathered.missing]):,}: the"
                    f" first line promises {header.words:,} words, and more follow\n"
                    f"  correct it, or read so many: limit={header.words}"
                )
            rows = rows[: gathered.missing]
        _parse(gathered, starts[rows], ends[rows], line + rows)
    return int(ends.size)


def _returns(data: bytes, places: Array) -> Array:
    """Where a carriage return stands."""
    bytes_ = np.frombuffer(data, np.uint8)
    return np.asarray(bytes_[np.minimum(places, len(data) - 1)] == ord("\r"))


def _parse(gathered: Gathered, starts: Array, stops: Array, lines: Array) -> None:
    from lexon.kernels.records import parse_lines

    text, rows = gathered.source.data, len(starts)
    data, numbers = np.frombuffer(text, np.uint8), gathered.room(rows)
    known, word_ends = np.empty(rows, bool), np.empty(rows, np.int64)
    given = data, starts, stops, word_ends, numbers, known
    parse_lines(rows, _BLOCK, 30.0 * len(data), *given)
    words = _sliced(text, starts, word_ends)
    for row in np.flatnonzero(~known).tolist():
        where = f"{gathered.source.name}: line {lines[row]:,}"
        line = text[starts[row] : stops[row]]
        words[row], numbers[row] = _parse_slowly(line, gathered.header, where)
    bad = _not_finite(numbers)
    if bad is not None:
        raise DataFileError(
            f"{gathered.source.name}: line {lines[bad]:,} holds NaN or an infinite number\n"
            "  remove the line, or train again"
        )
    gathered.add(words)


def _not_finite(numbers: Array) -> int | None:
    """The first row with a NaN or an infinite number."""
    with np.errstate(over="ignore", invalid="ignore"):
        doubtful = np.flatnonzero(~np.isfinite(numbers.sum(1)))
    return next((row for row in doubtful.tolist() if not np.isfinite(numbers[row]).all()), None)


def _parse_slowly(line: bytes, header: Header, where: str) -> tuple[bytes, Array]:
    """The word and the numbers of any line: the numbers are the last fields of it."""
    fields = _BLANKS.split(line.strip(b" \t\r"))
    if len(fields) <= header.width:
        raise DataFileError(
            f"{where} holds {len(fields) - 1} numbers behind its word, where {header.width} are"
            " wanted\n  correct the line, or the first one; if the file is binary: binary=True"
        )
    numbers = fields[-header.width :]
    for number in numbers:
        if not _NUMBER.fullmatch(number):
            raise DataFileError(
                f"{where}: {number!r:.80} is not a number\n  correct the line; if the file is"
                " binary: binary=True"
            )
    with np.errstate(over="ignore"):
        values = np.array([float(number) for number in numbers]).astype(np.float32)
    return b" ".join(fields[: -header.width]), values
