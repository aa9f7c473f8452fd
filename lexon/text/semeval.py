"""SemEval-2010 Task 8 files: a numbered sentence, its relation, a comment, a blank line.

    8001<tab>"The <e1>student</e1> <e2>association</e2> is the voice of the students."
    Member-Collection(e1,e2)
    Comment:

Source: Hendrickx et al. 2010, SemEval-2010 Task 8.
"""

from __future__ import annotations

import re

from lexon.errors import DataFileError
from lexon.text.delimited import split_lines
from lexon.text.formats import Parsed
from lexon.text.table import Cell

SENTENCE = re.compile(r"\s*(\d+)\t(?=[^\t]*<e[12]>)([^\t]*)")
RELATION = re.compile(r"[^\s()<>]+(\(e1,e2\)|\(e2,e1\))?")
COMMENT = "Comment"

Line = tuple[int, str]


def is_semeval(text: str) -> bool:
    """Whether a numbered sentence with marks comes first, and behind it something else."""
    lines = [line for line in text[: 2**16].split("\n")[:20] if line.strip()][:2]
    return (
        len(lines) == 2
        and SENTENCE.fullmatch(lines[0].rstrip("\r")) is not None
        and SENTENCE.fullmatch(lines[1].rstrip("\r")) is None
    )


def parse_semeval(text: str, name: str) -> Parsed:
    """Return the columns id, text (with its marks), label and comment.

    Raises: DataFileError for an example that is not whole, or lines that belong to none.
    """
    blocks: list[list[Line]] = []
    for number, line in enumerate(split_lines(text), 1):
        if not line.strip():
            continue
        if SENTENCE.fullmatch(line):
            blocks.append([])
        elif not blocks or len(blocks[-1]) == 3:
            raise DataFileError(
                f"{name}, line {number:,}: {line.strip()!r:.60} is no numbered sentence with <e1> "
                'and <e2> (id, tab, "sentence"); correct it, or give another format'
            )
        blocks[-1].append((number, line.strip()))
    if not blocks:
        raise DataFileError(f"{name}: there is no numbered sentence with <e1> and <e2>")
    commented = any(len(block) == 3 for block in blocks[:-1])
    columns: dict[str, list[Cell]] = {"id": [], "text": [], "label": [], "comment": []}
    for block in blocks:
        cells = _cells(block, name, cut=block is blocks[-1], commented=commented)
        for column, cell in zip(columns.values(), cells, strict=True):
            column.append(cell)
    _check_directions(columns["label"], blocks, name)
    return Parsed(columns, [block[0][0] for block in blocks])


def _cells(block: list[Line], name: str, *, cut: bool, commented: bool) -> tuple[str, ...]:
    """The number, sentence, relation and comment of one example; ``cut``: it is the last one."""
    number, first = block[0]
    match = SENTENCE.fullmatch(first)
    assert match is not None  # with this a block begins
    sentence, lines = match[2], dict(enumerate(line for _, line in block))
    relation, comment = lines.get(1, ""), lines.get(2, "")
    whole = not sentence.startswith('"') or (len(sentence) > 1 and sentence.endswith('"'))
    fault = ""
    if not whole:
        fault = "its sentence has no closing quotation mark"
    elif not relation or relation.startswith(COMMENT):
        fault = "there is no relation below its sentence"
    elif cut and commented and not comment:
        fault = "there is no comment below its relation, as below all others"
    elif RELATION.fullmatch(relation) is None:
        fault = f"{relation!r:.40} is no relation such as Cause-Effect(e1,e2) or Other"
    elif comment and not comment.startswith(COMMENT):
        fault = f"{comment!r:.40} is no comment"
    if fault:
        remedy = "the file is cut: fetch it again" if cut else "correct it, or leave it out"
        raise DataFileError(f"{name}, line {number:,}: example {match[1]}: {fault}; {remedy}")
    quoted = len(sentence) > 1 and sentence[0] == sentence[-1] == '"'
    comment = comment.removeprefix(COMMENT).removeprefix(":").strip()
    return match[1], sentence[1:-1] if quoted else sentence, relation, comment


def _check_directions(labels: list[Cell], blocks: list[list[Line]], name: str) -> None:
    """Raise DataFileError for a relation without direction that has one elsewhere."""
    directed = {str(label).partition("(")[0] for label in labels if "(" in str(label)}
    for label, block in zip(labels, blocks, strict=True):
        if label in directed:
            raise DataFileError(
                f"{name}, line {block[1][0]:,}: {label} has no direction here, but has one "
                f"elsewhere; write {label}(e1,e2) or {label}(e2,e1)"
            )
