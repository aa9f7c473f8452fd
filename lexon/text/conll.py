"""Sentences whose tokens have tags: columns as at the CoNLL conferences, and JSON lines."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lexon.errors import DataFileError, InputError
from lexon.text.delimited import split_lines
from lexon.text.encoding import decode
from lexon.text.formats import LABEL_NAMES, TEXT_NAMES, parse_jsonl
from lexon.text.schemes import OUTSIDE, split_tag
from lexon.text.source import read_bytes
from lexon.text.table import Cell, file_name, list_names

#: Marks between documents: a token of its own, alone in its sentence, that is none.
DOCUMENT = "-DOCSTART-"
BLANKS = " \t\r"
#: CoNLL-U has this many columns, the word in the second, its part of speech in the fourth.
UNIVERSAL, UNIVERSAL_WORD, UNIVERSAL_TAG = 10, 1, 3
TOKEN_NAMES = ("tokens", "words", "token", "word", "characters", *TEXT_NAMES)
TAG_NAMES = ("tags", "ner_tags", "ner", "pos_tags", "pos", "upos", "chunk_tags", *LABEL_NAMES)


@dataclass(frozen=True)
class Tagged:
    """Sentences of tokens, the tag of each token, and notes on how they were read.

    Without tags what was a string is left one: whoever tags it cuts it. ``rows`` holds, for
    columns, each sentence's rows as they stood in the file; ``lines`` the line it begins on.
    """

    tokens: list[Any]
    tags: list[list[str]] | None
    lines: list[int]
    source: str
    rows: list[list[list[str]]] | None = None
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.tokens)


def read_tagged(
    source: str | os.PathLike[str],
    *,
    text: str | None = None,
    label: str | None = None,
    format: str | None = None,
    encoding: str | None = None,
    need_tags: bool = True,
) -> Tagged:
    """Read sentences from CoNLL columns or JSON lines, or from standard input (``-``).

    Columns: one token a line, between blanks or (where a line has one) tabs; a blank line ends a
    sentence, a line of ``-DOCSTART-`` a document. ``text`` and ``label`` name the columns of token
    and tag by their numbers from 1; without them these are the first, and the last one whose
    values look like tags. JSON lines: an object a line, with a list of tokens (or a string: its
    characters, or what stands between its spaces) and a list of as many tags, named by their keys.

    Raises:
        DataFileError: with the file, the line and the remedy.
        InputError: the format is neither.
    """
    path = os.fspath(source)
    name = file_name(path)
    if format not in (None, "conll", "jsonl"):
        raise InputError(
            f"--format {format}: sentences with tags are read from conll or jsonl"
            "\n  give one of them, or none"
        )
    content, _ = decode(read_bytes(path)[0], encoding, name)
    if format is None:
        format = "jsonl" if re.match(r"\s*\{\s*[\"}]", content) else "conll"
    if format == "jsonl":
        return _read_objects(content, name, text, label, need_tags)
    return _read_columns(content, name, text, label, need_tags)


# Columns


def _read_columns(
    content: str, name: str, text: str | None, label: str | None, need_tags: bool
) -> Tagged:
    notes: list[str] = []
    all_lines = split_lines(content)
    universal = _is_universal(all_lines)
    rows, lines = _sentences(all_lines, universal, name, notes)
    width = len(rows[0][0])
    word = _column(text, width, name, "token")
    if word is None:
        word = UNIVERSAL_WORD if universal else 0
    tag = _column(label, width, name, "tag")
    if tag is None and need_tags:
        tag = UNIVERSAL_TAG if universal else _tag_column(rows, word, name)
        notes.append(f"column {tag + 1} of {width} taken as the tag: {_examples(rows, tag)}")
    if width == 1 and not need_tags:
        notes.append("a token a line; sentences that stand a line each: --format lines")
    if tag == word:
        raise DataFileError(
            f"{name}: column {word + 1} is asked for both as token and as tag"
            f"\n  name two of its {width} columns"
        )
    tokens = [[row[word] for row in sentence] for sentence in rows]
    tags = None if tag is None else [[row[tag] for row in sentence] for sentence in rows]
    if tags is not None:
        _refuse_blank(tags, lines, name)
    return Tagged(tokens, tags, lines, name, rows, notes)


def _sentences(
    all_lines: Sequence[str], universal: bool, name: str, notes: list[str]
) -> tuple[list[list[list[str]]], list[int]]:
    """Rows of every sentence, and the line each begins on; documents' marks left out and noted."""
    rows: list[list[list[str]]] = []
    lines: list[int] = []
    width, first, documents, open_ = 0, 0, 0, False
    for number, line, cells in _filled(all_lines, universal):
        if not cells or cells[0] == DOCUMENT:
            documents += bool(cells)
            open_ = False
            continue
        if not width:
            width, first = len(cells), number
        if len(cells) != width:
            raise DataFileError(
                f"{name}, line {number}: {_columns(len(cells))}, where line {first} has {width}:"
                f" {line[:60]!r}\n  give every token the same columns, and end sentences by blank"
                " lines; to tag sentences that stand a line each: --format lines"
            )
        if not open_:
            rows.append([])
            lines.append(number)
        rows[-1].append(cells)
        open_ = True
    if not rows:
        raise DataFileError(f"{name}: there is no token\n  give a token and its tag a line")
    if documents:
        notes.append(f"{documents:,} lines of {DOCUMENT}, which are no sentences, left out")
    return rows, lines


def _filled(all_lines: Sequence[str], universal: bool) -> Iterator[tuple[int, str, list[str]]]:
    """Number, text and cells of every line; of CoNLL-U without remarks and what is no word."""
    tabs = any("\t" in line.strip(BLANKS) for line in all_lines[:1000])
    for number, line in enumerate(all_lines, 1):
        stripped = line.strip(BLANKS)
        cells = line.strip("\r").split("\t") if tabs else re.split("[ \t]+", stripped)
        if universal and (line.startswith("#") or re.match(r"\d+[-.]", line)):
            continue
        yield number, line, cells if stripped else []


def _is_universal(lines: Sequence[str]) -> bool:
    """Whether the lines are CoNLL-U: ten columns, numbered, and remarks."""
    plain = [line for line in lines[:1000] if line.strip(BLANKS) and not line.startswith("#")]
    return bool(plain) and all(
        line.count("\t") == UNIVERSAL - 1 and line[:1].isdigit() for line in plain
    )


def _columns(number: int) -> str:
    return f"{number} column{'s' * (number != 1)}"


def _column(asked: str | None, width: int, name: str, what: str) -> int | None:
    """The place of a column named by its number from 1."""
    if asked is None:
        return None
    if asked.isdecimal() and 1 <= int(asked) <= width:
        return int(asked) - 1
    raise DataFileError(
        f"{name}: there is no column {asked!r} for the {what}; it has {_columns(width)}"
        "\n  columns have no names here: give a number, counted from 1"
    )


def _tag_column(rows: list[list[list[str]]], word: int, name: str) -> int:
    """The last column, beside the token's, of chunks' tags or of few values that come again."""
    if len(rows[0][0]) == 1:
        raise DataFileError(
            f"{name}: there is one column, and no tags beside it"
            "\n  give a token and its tag a line, with a blank or tab between them"
        )
    total = sum(map(len, rows))
    for place in range(len(rows[0][0]) - 1, -1, -1):
        different = {row[place] for sentence in rows for row in sentence}
        few = 1 < len(different) <= max(2, total // 2)
        of_chunks = all(tag == "O" or split_tag(tag) != OUTSIDE for tag in different)
        if place != word and (few or of_chunks):
            return place
    raise DataFileError(
        f"{name}: no column of {_columns(len(rows[0][0]))} looks like tags"
        "\n  give tokens and tags in columns, or name the tag's: --label 4"
    )


def _examples(rows: list[list[list[str]]], place: int) -> str:
    found = sorted({row[place] for sentence in rows for row in sentence})
    return f"{len(found):,} different, {', '.join(found[:4])}{', ...' * (len(found) > 4)}"


def _refuse_blank(tags: list[list[str]], lines: list[int], name: str) -> None:
    for sentence, line in zip(tags, lines, strict=True):
        if "" in sentence:
            raise DataFileError(
                f"{name}, line {line + sentence.index('')}: the token has no tag"
                "\n  fill it in, or write O where there is nothing"
            )


# JSON lines


def _read_objects(
    content: str, name: str, text: str | None, label: str | None, need_tags: bool
) -> Tagged:
    parsed = parse_jsonl(content, name)
    notes: list[str] = []
    word = _key(parsed.columns, text, TOKEN_NAMES, name, "tokens")
    tag = _key(parsed.columns, label, TAG_NAMES, name, "tags") if need_tags else None
    for what, key, asked in (("tokens", word, text), ("tags", tag, label)):
        if asked is None and key is not None:
            notes.append(f"{key!r} taken as the {what}")
    cells = parsed.columns[word]
    marks: list[Any] = parsed.columns[tag] if tag else [None] * len(cells)
    tokens, tags = [], []
    for line, cell, mark in zip(parsed.lines, cells, marks, strict=True):
        own = None if mark is None else [_name(item) for item in _listed(mark)]
        whole = own is None and isinstance(cell, str)
        tokens.append(cell if whole else _tokens(cell, own, f"{name}, line {line}"))
        tags.append(own or [])
    if empty := sum(not sentence for sentence in tokens):
        notes.append(f"{empty:,} sentences without tokens, kept: nothing is predicted for them")
    return Tagged(tokens, tags if tag else None, list(parsed.lines), name, None, notes)


def _key(
    columns: dict[str, list[Cell]],
    asked: str | None,
    names: Sequence[str],
    source: str,
    what: str,
) -> str:
    if asked is not None and asked in columns:
        return asked
    found = None if asked else next((name for name in names if name in columns), None)
    if found is None:
        missing = f"there is no {asked!r}" if asked else f"nothing is called {what}"
        raise DataFileError(
            f"{source}: {missing}; its objects have {list_names(columns)}"
            f'\n  write {{"tokens": ["A", "name"], "tags": ["O", "B-PER"]}}, or name the {what}'
        )
    return found


def _listed(cell: Cell) -> list[Any]:
    return cell if isinstance(cell, list) else str(cell).split()


def _name(item: Any) -> str:
    return item if isinstance(item, str) else str(item)


def _tokens(cell: Cell, tags: list[str] | None, place: str) -> list[str]:
    """The tokens of a list, or of a string: as many as there are tags."""
    if isinstance(cell, list):
        tokens = [_name(item) for item in cell]
    else:
        text = str(cell)
        tokens = text.split()
        if tags is not None and len(tokens) != len(tags) == len(text):
            tokens = list(text)
    if "" in tokens:
        raise DataFileError(f"{place}: token {tokens.index('') + 1} is empty\n  leave it out")
    if tags is not None and len(tokens) != len(tags):
        raise DataFileError(
            f"{place}: {len(tokens)} tokens, but {len(tags)} tags\n  give every token one tag"
        )
    if tags is not None and "" in tags:
        raise DataFileError(f"{place}: token {tags.index('') + 1} has no tag\n  write O for none")
    return tokens
