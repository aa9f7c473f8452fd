"""How good word vectors are: analogies answered, and likeness as people judge it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypedDict

import numpy as np
import numpy.typing as npt

from lexon.errors import DataFileError, InputError
from lexon.vectors import similarity

if TYPE_CHECKING:
    from lexon.vectors.lookup import Lookup

Array: TypeAlias = npt.NDArray[Any]
Path: TypeAlias = str | os.PathLike[str]
Question: TypeAlias = tuple[str, str, str, str]

#: An answer counts when it is the first of so many neighbours that is no form of a word asked.
_NEIGHBOURS = 5


class Section(TypedDict):
    """A part of a file of analogies, and its questions by how they were answered."""

    section: str
    correct: list[Question]
    incorrect: list[Question]
    skipped: list[Question]


class Pairs(NamedTuple):
    """How vectors agree with people's judgements of pairs of words."""

    pearson: tuple[float, float]  # the correlation and its p-value
    spearman: tuple[float, float]
    pairs: int  # scored
    unknown: int  # left out: a word has no vector
    unreadable: int  # left out: lines that are not two words and a number

    @property
    def unknown_percent(self) -> float:
        """The share of pairs with an unknown word."""
        return 100 * self.unknown / max(1, self.pairs + self.unknown)


def analogies(
    vectors: Lookup,
    path: Path,
    restrict_vocab: int | None = 300_000,
    case_insensitive: bool = True,
) -> tuple[float, list[Section]]:
    """Answer the questions "a is to b as c is to ?" of a file: lines of four words in sections.

    The answer is the first row, of the first ``restrict_vocab``, whose word is none of the three,
    by cosine to b - a + c (each of length 1). Questions with a word that is not among those rows
    are skipped. With ``case_insensitive`` the first row of a word's forms stands for all of them.

    Returns the share of right answers, and the sections, the last "Total accuracy".

    Raises:
        DataFileError: the file cannot be read, or holds no questions.
    """
    rows = _rows_of(vectors, restrict_vocab, case_insensitive)
    sections = _questions(path, str.upper if case_insensitive else str)
    words = vectors.index_to_key[:restrict_vocab]
    forms = [word.upper() for word in words] if case_insensitive else words
    units = vectors.vectors[: len(words)] * vectors.inverse_norms[: len(words), None]
    everything = [(section, question) for section, all_ in sections for question in all_]
    known = [pair for pair in everything if all(word in rows for word in pair[1])]
    asked = np.array([[rows[word] for word in question] for _, question in known], np.int64)
    right = set(_right(units, forms, rows, asked.reshape(-1, 4)))
    found = {name: Section(section=name, correct=[], incorrect=[], skipped=[])
             for name, _ in [*sections, (TOTAL, [])]}  # fmt: skip
    place = 0
    for name, question in everything:
        outcome = "skipped"
        if place < len(known) and known[place][1] is question:
            outcome = "correct" if place in right else "incorrect"
            place += 1
        for part in (found[name], found[TOTAL]):
            part[outcome].append(question)  # type: ignore[literal-required]
    return len(right) / max(1, len(known)), list(found.values())


TOTAL = "Total accuracy"


def _rows_of(vectors: Lookup, restrict_vocab: int | None, fold: bool) -> dict[str, int]:
    """The first row of each word, or of all its forms."""
    words = vectors.index_to_key[:restrict_vocab]
    rows = range(len(words) - 1, -1, -1)
    pairs = zip(reversed(words), rows, strict=True)
    return {word.upper(): row for word, row in pairs} if fold else dict(pairs)


def _right(units: Array, forms: list[str], rows: dict[str, int], asked: Array) -> Iterator[int]:
    """Which questions are answered right."""
    scale = np.ones(len(units), units.dtype)
    a, b, c, wanted = asked.T
    for start in range(0, len(asked), 1024):
        part = slice(start, start + 1024)
        queries = units[b[part]] - units[a[part]] + units[c[part]]
        nearest, _ = similarity.nearest(units, scale, queries, _NEIGHBOURS + 3)
        for place, found in enumerate(nearest.tolist(), start):
            question = asked[place, :3].tolist()
            others = [row for row in found if row not in question][:_NEIGHBOURS]
            names = {forms[row] for row in question}
            answer = next((forms[row] for row in others if forms[row] not in names), None)
            if answer == forms[wanted[place]]:
                yield place


def _lines(path: Path, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers."""
    try:
        with open(path, encoding="utf-8-sig" if encoding == "utf-8" else encoding) as file:
            yield from enumerate(file, 1)
    except (OSError, ValueError, LookupError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataFileError(f"{path}: cannot be read: {reason}") from None


def _questions(path: Path, form: Any) -> list[tuple[str, list[Question]]]:
    """The sections of a file of analogies; lines of other than four words are left out."""
    sections: dict[str, list[Question]] = {}
    questions = sections.setdefault("", [])
    for _, line in _lines(path):
        if line.startswith(":"):
            questions = sections.setdefault(line.lstrip(": ").strip(), [])
        elif len(words := form(line).split()) == 4:
            questions.append(tuple(words))
    found = [(name, all_) for name, all_ in sections.items() if name or all_]
    if not any(all_ for _, all_ in found):
        raise DataFileError(
            f"{path}: there are no questions: no line of four words\n"
            "  give a file such as questions-words.txt: sections ': name', lines 'a b c d'"
        )
    return found


def pairs(
    vectors: Lookup,
    path: Path,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    restrict_vocab: int | None = 300_000,
    case_insensitive: bool = True,
) -> Pairs:
    """Correlate cosines with the judgements in a file: lines of two words and a number.

    Fields are parted by ``delimiter``; where that is None, by tabs if a line has them, else by
    blanks. Lines that begin with # are left out.

    Raises:
        DataFileError: the file cannot be read, or holds fewer than two pairs of known words.
    """
    from scipy.stats import pearsonr, spearmanr

    rows = _rows_of(vectors, restrict_vocab, case_insensitive)
    judged, unreadable = _judgements(path, delimiter, encoding)
    form = str.upper if case_insensitive else str
    known = []
    for first, second, score in judged:
        places = rows.get(form(first)), rows.get(form(second))
        if None not in places:
            known.append((*places, score))
    if len(known) < 2:
        raise DataFileError(
            f"{path}: {len(judged):,} pairs of words with a number, {len(known)} of them with"
            " vectors; at least 2 are wanted\n  is it the right file, and language?"
        )
    first_rows, second_rows, gold = map(np.array, zip(*known, strict=True))
    units = [
        vectors.vectors[side] * vectors.inverse_norms[side][:, None]
        for side in (first_rows, second_rows)
    ]
    cosines = np.einsum("nd,nd->n", *units)
    pearson, spearman = pearsonr(gold, cosines), spearmanr(gold, cosines)
    return Pairs(
        (float(pearson[0]), float(pearson[1])),
        (float(spearman[0]), float(spearman[1])),
        len(known),
        len(judged) - len(known),
        unreadable,
    )


def _judgements(
    path: Path, delimiter: str | None, encoding: str
) -> tuple[list[tuple[str, str, float]], int]:
    """Pairs of words and what people said of them, and how many lines are something else."""
    found, unreadable = [], 0
    if delimiter == "":
        raise InputError("the delimiter is empty\n  give a tab, or None for tabs or blanks")
    for _, line in _lines(path, encoding):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.strip().split(delimiter or ("\t" if "\t" in line else None))
        try:
            first, second, score = parts
            found.append((first.strip(), second.strip(), float(score)))
        except ValueError:
            unreadable += 1
    return found, unreadable
