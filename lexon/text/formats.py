"""The formats of data files: recognising them, and reading those that go line by line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lexon.errors import DataFileError
from lexon.text.delimited import has_header, sniff_delimiter, split_lines
from lexon.text.table import Cell, Scalar

TEXT_NAMES = (
    "text texts review reviews review_body sentence sentences content comment comments document "
    "body headline title message tweet question utterance query abstract summary description "
    "words tokens 文本 评论 评价 内容 正文 句子 文章 标题 新闻 留言 評論 內容 標題"
).split()
LABEL_NAMES = (
    "label labels class classes category categories cats sentiment polarity topic topics "
    "target intent emotion tag tags rating stars score y 标签 类别 分类 情感 类型 标注 標籤 類別"
).split()
KNOWN_NAMES = frozenset(TEXT_NAMES + LABEL_NAMES)
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".ft": "fasttext",
}
SAMPLE = 2**20
SAMPLE_LINES = 1_000
HEAD = 200
INTEGER = re.compile(r"[-+]?\d{1,4}")
LABEL_WORDS = frozenset("pos neg neu positive negative neutral spam ham true false".split())
FASTTEXT = re.compile(r"(?:^|(?<=\s))__label__(\S*)\s*")
DENSITY = 20
"""A table of JSON lines may have this many cells, most of them empty, for one that is filled."""


@dataclass(frozen=True)
class Parsed:
    """Columns by name, and the line on which each row begins."""

    columns: dict[str, list[Cell]]
    lines: Sequence[int]


def recognise_format(text: str, suffix: str) -> tuple[str, str | None]:
    """Return the format of `text` by its content and its name's suffix, and the delimiter."""
    sample = _sample_lines(text)
    if SUFFIXES.get(suffix) == "jsonl" or _holds_object(sample[0]):
        return "jsonl", None
    if sum("__label__" in line for line in sample) * 2 > len(sample) and FASTTEXT.match(sample[0]):
        return "fasttext", None
    tabs = [line.count("\t") for line in sample]
    usual = max(set(tabs), key=tabs.count)
    if SUFFIXES.get(suffix) == "tsv" or (usual and tabs.count(usual) * 10 >= len(tabs) * 9):
        return "tsv", "\t"
    if suffix == ".csv":
        return "csv", sniff_delimiter(text)
    if suffix == ".ft":
        return "fasttext", None
    if _begins_with_labels(sample):
        return "labelled", None
    delimiter = sniff_delimiter(text)
    head = [cell.strip('" \r').casefold() for cell in sample[0].split(delimiter)]
    if len(head) > 1 and len(KNOWN_NAMES.intersection(head)) > 1:
        return "csv", delimiter
    return "lines", None


def _sample_lines(text: str) -> list[str]:
    """Return the first lines that are not blank; there is always one."""
    lines = text[:SAMPLE].split("\n")
    if len(text) > SAMPLE and len(lines) > 1:
        lines.pop()  # cut in the middle
    filled = [line for line in lines if line.strip()][:SAMPLE_LINES]
    return filled or [text.lstrip()[:SAMPLE].split("\n")[0]]


def _holds_object(line: str) -> bool:
    """Whether `line` looks like a JSON object."""
    return re.match(r'\s*\{\s*("|\}\s*$)', line) is not None


def _begins_with_labels(sample: list[str]) -> bool:
    """Whether each line begins with one of few numbers or label words, then holds letters."""
    parts = [line.split(None, 1) for line in sample]
    first = {part[0].casefold() for part in parts}
    if not all(INTEGER.fullmatch(label) or label in LABEL_WORDS for label in first):
        return False
    texts = sum(len(part) == 2 and re.search(r"[^\W\d_]", part[1]) is not None for part in parts)
    return len(sample) > 1 and texts * 10 >= len(sample) * 9 and 2 * len(first) <= len(sample) + 2


def parse_delimited(
    rows: Iterable[tuple[int, list[str]]], header: bool | None, name: str
) -> tuple[Parsed, bool]:
    """Return the columns of `rows`, and whether the first row named them.

    Raises: DataFileError for rows of unequal lengths, and for a header without rows.
    """
    cells: list[Cell] = []  # row after row: a list for each row would cost many times the text
    lines: list[int] = []
    head: list[list[str]] = []
    ragged: list[tuple[int, int]] = []
    for line, fields in rows:
        if len(head) < HEAD:
            head.append(fields)
        if len(fields) != len(head[0]):
            ragged.append((line, len(fields)))
        cells += fields
        lines.append(line)
    width = len(head[0])
    if ragged:
        raise DataFileError(_ragged_message(ragged, width, len(lines), name))
    named = has_header(head, KNOWN_NAMES) if header is None else header
    names = _column_names(head[0]) if named else [str(n + 1) for n in range(width)]
    if named and len(lines) == 1:
        raise DataFileError(
            f"{name}: there is only a header, no rows below it; add rows, or give header=False"
        )
    columns = {column: cells[width * named + n :: width] for n, column in enumerate(names)}
    return Parsed(columns, lines[named:]), named


def _ragged_message(ragged: list[tuple[int, int]], width: int, rows: int, name: str) -> str:
    """Return what to say about rows, as (line, fields), that are not of the first one's width."""
    line, found = ragged[0]
    remedy = (
        "enclose fields that hold the delimiter in quotes"
        if found > width
        else "enclose fields that hold line breaks in quotes, and write empty fields out"
    )
    return (
        f"{name}, line {line}: {found:,} field{'s' * (found > 1)}, where the first row has "
        f"{width:,}; {len(ragged):,} of {rows:,} rows differ: {remedy}, "
        "or give another format or delimiter"
    )


def _column_names(cells: list[str]) -> list[str]:
    """Return the header's names, made distinct; a nameless column is called by its number."""
    names: list[str] = []
    seen: dict[str, int] = {}
    taken = {cell.strip() for cell in cells}
    for place, cell in enumerate(cells, 1):
        name = cell.strip() or str(place)
        base = name
        while name in seen or (name != base and name in taken):
            seen[base] = seen.get(base, 1) + 1
            name = f"{base} ({seen[base]})"
        seen.setdefault(name, 1)
        names.append(name)
    return names


def parse_lines(text: str, name: str) -> Parsed:
    """Return one column, text; a blank line is an empty text, so rows and lines agree."""
    lines = split_lines(text)
    return Parsed({"text": list(lines)}, range(1, len(lines) + 1))


def parse_labelled(text: str, name: str) -> Parsed:
    """Return the columns label (the first token of a line) and text (the rest)."""
    labels: list[Cell] = []
    texts: list[Cell] = []
    numbers: list[int] = []
    for number, line in enumerate(split_lines(text), 1):
        parts = line.split(None, 1)
        if parts:
            labels.append(parts[0])
            texts.append(parts[1].rstrip() if len(parts) > 1 else "")
            numbers.append(number)
    return Parsed({"label": labels, "text": texts}, numbers)


def parse_fasttext(text: str, name: str) -> Parsed:
    """Return the columns label (a list: all tokens that begin with __label__) and text.

    Raises: DataFileError when no line has a label.
    """
    labels: list[Cell] = []
    texts: list[Cell] = []
    numbers: list[int] = []
    for number, line in enumerate(split_lines(text), 1):
        if line.strip():
            labels.append([label for label in FASTTEXT.findall(line) if label])
            texts.append(FASTTEXT.sub("", line).strip())
            numbers.append(number)
    if not any(labels):
        raise DataFileError(
            f"{name}: no line has a label that begins with __label__, so these are no fastText "
            "lines; give another format"
        )
    return Parsed({"label": labels, "text": texts}, numbers)


def parse_jsonl(text: str, name: str) -> Parsed:
    """Return a column for each key; what is missing, null or NaN is "".

    Raises: DataFileError with the line that is not a JSON object, or where the keys of the rows
    differ so much that no table comes of them.
    """
    records: list[dict[str, Cell]] = []
    numbers: list[int] = []
    names: dict[str, None] = {}
    filled = 0
    for number, line in enumerate(split_lines(text), 1):
        if not line or line.isspace():
            continue
        record = _record(line, f"{name}, line {number}")
        names.update(dict.fromkeys(record))
        filled += len(record) + 1
        records.append(record)
        numbers.append(number)
        if len(names) * len(records) > DENSITY * filled + 100_000:
            raise DataFileError(
                f"{name}, line {number}: {len(records):,} objects have {len(names):,} different "
                "keys between them, too few in common to be the columns of a table; "
                "give every object the same keys"
            )
    if not names:
        raise DataFileError(f"{name}: all objects are empty; give them keys such as text, label")
    columns: dict[str, list[Cell]] = {
        column: [record.get(column, "") for record in records] for column in names
    }
    return Parsed(columns, numbers)


def _constant(name: str) -> float | None:
    """Return what stands for a number that JSON itself does not have."""
    return None if name == "NaN" else float(name)


DECODER = json.JSONDecoder(parse_constant=_constant)


def _record(line: str, place: str) -> dict[str, Cell]:
    """Return the JSON object on one line, its values as cells."""
    try:
        value = DECODER.decode(line)
    except json.JSONDecodeError as error:
        raise DataFileError(
            f"{place}: no valid JSON at column {error.colno:,} ({error.msg}); "
            "write one object a line" + _array_hint(line)
        ) from None
    except RecursionError:
        raise DataFileError(f"{place}: the JSON is nested too deeply; flatten it") from None
    except ValueError as error:  # a number of thousands of digits
        raise DataFileError(f"{place}: a value cannot be read ({error}); correct it") from None
    if not isinstance(value, dict):
        kind = {"list": "an array", "str": "a string", "NoneType": "null", "bool": "a boolean"}
        raise DataFileError(
            f"{place}: this is {kind.get(type(value).__name__, 'a number')}, not a JSON object "
            '({"text": ..., "label": ...}); write one object a line' + _array_hint(line)
        )
    return {_whole(key): _cell(item) for key, item in value.items()}


def _array_hint(line: str) -> str:
    """Return how to turn a JSON array into lines, if `line` begins one."""
    return " (for an array: jq -c '.[]' old.json > new.jsonl)" if line.lstrip()[:1] == "[" else ""


def _cell(value: object) -> Cell:
    """Return a JSON value as a cell: what is nested deeper than a list becomes its JSON text."""
    if isinstance(value, list):
        return [_scalar(item) for item in value]
    return _scalar(value)


def _scalar(value: object) -> Scalar:
    """Return a JSON value as a scalar."""
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, bool | int | float):
        return value
    return "" if value is None else json.dumps(value)


def _whole(value: str) -> str:
    """Return `value` with U+FFFD for halves of surrogate pairs, which no file can hold."""
    if value.isascii():
        return value
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


PARSERS: dict[str, Callable[[str, str], Parsed]] = {
    "jsonl": parse_jsonl,
    "fasttext": parse_fasttext,
    "labelled": parse_labelled,
    "lines": parse_lines,
}
