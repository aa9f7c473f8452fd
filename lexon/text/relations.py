"""Texts with two marked spans, and the relations between these, from a data file."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import index
from typing import Any

from lexon.errors import DataFileError, InputError
from lexon.text.columns import choose_columns
from lexon.text.examples import Examples, examples_of
from lexon.text.files import read_table
from lexon.text.table import Cell, Table, list_names

MARK = re.compile(r"<(/?)e([12])>")
SPAN_NAMES = (
    ("e1", "e2"),
    ("head", "tail"),
    ("h", "t"),
    ("subject", "object"),
    ("span1", "span2"),
)
"""Columns of spans that are found when none are named."""

Span = tuple[int, int]


@dataclass(frozen=True)
class MarkedText:
    """A text and two spans of it, ``e1`` and ``e2``, that neither overlap nor are blank.

    Units: characters from the text's beginning; the end of a span is the first character behind
    it. Either span may stand first. ``str()`` gives the text with its marks.

    Raises: InputError for spans that are empty, overlap, or reach out of the text.

    >>> marked = MarkedText.parse("The <e1>author</e1> uses a <e2>pen</e2>.")
    >>> marked.text, marked.e1, marked.e2
    ('The author uses a pen.', (4, 10), (18, 21))
    >>> str(marked)
    'The <e1>author</e1> uses a <e2>pen</e2>.'
    """

    text: str
    e1: Span
    e2: Span

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise InputError(f"the text is {type(self.text).__name__}, not a string")
        if found := MARK.search(self.text):
            raise InputError(f"the text holds the mark {found[0]} itself; take it out")
        for name in ("e1", "e2"):
            span = self._checked(name, getattr(self, name))
            object.__setattr__(self, name, span)
        if self.e1[0] < self.e2[1] and self.e2[0] < self.e1[1]:
            raise InputError(
                f"the spans {self._quoted('e1')} and {self._quoted('e2')} overlap; "
                "give two spans that share no character"
            )

    def _checked(self, name: str, span: Any) -> Span:
        """The span as two whole numbers; InputError if it is no span of the text."""
        try:
            start, end = map(index, span)
        except (TypeError, ValueError):
            raise InputError(
                f"span {name} is {span!r:.60}; give [start, end], two whole numbers"
            ) from None
        if not 0 <= start <= end <= len(self.text):
            raise InputError(
                f"span {name} is {start} to {end}, but the text has {len(self.text):,} "
                "characters; count them from 0, the end behind the last one"
            )
        if not self.text[start:end].strip():
            raise InputError(f"span {name}, {start} to {end}, is empty; mark a word")
        return start, end

    def _quoted(self, name: str) -> str:
        start, end = getattr(self, name)
        return f"{name} {self.text[start:end]!r:.40}"

    @classmethod
    def parse(cls, marked: str) -> MarkedText:
        """The text of ``marked`` without its marks <e1>...</e1> and <e2>...</e2>.

        Raises: InputError for marks that are missing, doubled, in the wrong order or nested.
        """
        pieces = MARK.split(marked)
        found = [slash + number for slash, number in zip(pieces[1::3], pieces[2::3], strict=True)]
        _check_marks(found, marked)
        places: dict[str, int] = {}
        at = 0
        for piece, mark in zip(pieces[::3], found, strict=False):
            at += len(piece)
            places[mark] = at
        return cls("".join(pieces[::3]), (places["1"], places["/1"]), (places["2"], places["/2"]))

    def __str__(self) -> str:
        before, one, between, other, after = self.pieces
        first, second = ("1", "2") if self.e1_first else ("2", "1")
        return f"{before}<e{first}>{one}</e{first}>{between}<e{second}>{other}</e{second}>{after}"

    @property
    def e1_first(self) -> bool:
        """Whether e1 stands before e2 in the text."""
        return self.e1 < self.e2

    @property
    def pieces(self) -> tuple[str, str, str, str, str]:
        """What stands before the spans, the first one, between them, the second one, after them."""
        (a, b), (c, d) = sorted((self.e1, self.e2))
        text = self.text
        return text[:a], text[a:b], text[b:c], text[c:d], text[d:]


def _check_marks(found: list[str], marked: str) -> None:
    """Raise InputError unless each mark (1 opens e1, /1 closes it) stands once, spans apart."""
    shown = {"1": "<e1>", "/1": "</e1>", "2": "<e2>", "/2": "</e2>"}
    for mark, name in shown.items():
        if found.count(mark) != 1:
            times = f"{found.count(mark)} times" if mark in found else "not at all"
            raise InputError(
                f"{name} stands {times} in {marked!r:.80}; mark two spans, "
                "each once: <e1>one</e1> and <e2>another</e2>"
            )
    for number in "12":
        if found.index(f"/{number}") < found.index(number):
            raise InputError(
                f"</e{number}> stands before <e{number}> in {marked!r:.80}; turn them round"
            )
    if found[1] != f"/{found[0]}":
        nested = found[3] == f"/{found[0]}"
        raise InputError(
            f"the spans {'overlap: one is inside the other' if nested else 'cross each other'} in "
            f"{marked!r:.80}; mark two spans that share no character"
        )


@dataclass(frozen=True)
class Relations:
    """Texts with two spans each, the relation between these, and notes on how it was read.

    `labels` is None where the file has none.
    """

    texts: list[MarkedText]
    labels: list[str] | None
    line_numbers: Sequence[int]
    table: Table
    notes: list[str]

    def __len__(self) -> int:
        return len(self.texts)


def read_relations(
    source: str | os.PathLike[str],
    *,
    text: str | None = None,
    label: str | None = None,
    spans: tuple[str, str] | None = None,
    format: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    need_labels: bool = True,
) -> Relations:
    """Read texts with two spans, and the relation between them.

    SemEval-2010 Task 8 files; any table whose texts hold the marks <e1>, </e1>, <e2>, </e2>; JSON
    lines with the spans in two columns (`spans` names them, else they are found by the names of
    `SPAN_NAMES`): [start, end], {"start": .., "end": ..} or {"pos": [start, end]}. The end is not
    included. Units: characters where the text is a string, tokens where it is a list of them.

    Raises: DataFileError with the file, the line and the remedy.
    """
    table = read_table(source, format=format, encoding=encoding, delimiter=delimiter, header=header)
    usual = [name for name in ("relation", "relation_name") if name in table.columns]
    tokens = "token" in table.columns and "text" not in table.columns
    text, label, notes = choose_columns(
        table,
        text or ("token" if tokens else None),
        label or (usual[0] if usual else None),
        need_labels=need_labels,
    )
    examples = examples_of(table, text, label, need_labels=need_labels)
    if examples.multi_label:
        raise DataFileError(
            f"{table.recognised.name}: texts have lists of labels; give one relation each"
        )
    columns = _span_columns(table, examples.texts, spans)
    marked = _marked(table, examples, text, columns)
    labels = None if examples.labels is None else [str(label) for label in examples.labels]
    return Relations(marked, labels, examples.line_numbers, table, notes + examples.notes)


def _span_columns(
    table: Table, texts: Sequence[str], named: tuple[str, str] | None
) -> tuple[str, str] | None:
    """The columns that hold the spans, or None where the texts hold marks."""
    if named is not None:
        for column in named:
            table.column(column)
        return named
    if any(MARK.search(text) for text in texts):
        return None
    for pair in SPAN_NAMES:
        if table.recognised.format == "jsonl" and all(column in table.columns for column in pair):
            return pair
    raise DataFileError(
        f"{table.recognised.name}: no spans are marked: the texts hold no <e1> and <e2>, and of "
        f"the columns {list_names(table.columns)} no two are known as spans; mark the texts, or "
        'write JSON lines such as {"text": "a cat sat", "e1": [2, 5], "e2": [6, 9], "label": "x"}'
    )


def _marked(
    table: Table, examples: Examples, text: str, columns: tuple[str, str] | None
) -> list[MarkedText]:
    """The texts with their spans; DataFileError names the line of the first that has none."""
    rows = {line: row for row, line in enumerate(table.line_numbers)}
    found = []
    for given, line in zip(examples.texts, examples.line_numbers, strict=True):
        try:
            if columns is None:
                found.append(MarkedText.parse(given))
                continue
            row = rows[line]
            cell = table.columns[text][row]
            tokens = [str(token) for token in cell] if isinstance(cell, list) else None
            e1, e2 = (_span(name, table.columns[name][row], tokens) for name in columns)
            found.append(MarkedText(given, e1, e2))
        except InputError as error:
            raise DataFileError(f"{table.recognised.name}, line {line:,}: {error}") from None
    return found


def _span(name: str, cell: Cell, tokens: Sequence[str] | None) -> Span:
    """The span in a cell, in characters of the text; ``tokens`` joined by blanks are the text.

    Raises: InputError: it is no span.
    """
    given: Any = cell
    if isinstance(cell, str) and cell.startswith("{"):  # an object within an object
        with suppress(ValueError):
            inner = json.loads(cell)
            given = inner.get("pos", [inner.get("start"), inner.get("end")])
    if (
        not isinstance(given, list)
        or len(given) != 2
        or not all(type(place) is int for place in given)
    ):
        shown = "missing" if given == "" else f"{given!r:.60}"
        raise InputError(f"span {name} is {shown}; give [start, end], two whole numbers")
    start, end = given
    if tokens is None:
        return start, end
    if not 0 <= start < end <= len(tokens):
        raise InputError(
            f"span {name} is {start} to {end}, but there are {len(tokens):,} tokens; "
            "count them from 0, the end behind the last one"
        )
    before = sum(len(token) + 1 for token in tokens[:start])
    return before, before + len(" ".join(tokens[start:end]))
