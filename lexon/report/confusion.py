"""Which classes are taken for which others, and the sentences behind each count."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from lexon.report.words import shorten
from lexon.tasks.evaluation import Array, Evaluation, Example

#: The largest number of classes that is shown as a matrix; more become a list.
MATRIX = 30
#: How many confusions the list holds.
LISTED = 50
#: How many sentences a page keeps, for each cell and for all cells together.
PER_CELL, IN_ALL = 50, 5000
#: The longest sentence that is kept whole, in characters.
LONGEST = 2000

Sentence = tuple[int, str, float | None]


@dataclass(frozen=True)
class Cell:
    """How many rows of class ``truth`` were predicted as class ``predicted``."""

    truth: int
    predicted: int
    count: int
    share: float  # of the rows whose class is ``truth``

    @property
    def key(self) -> str:
        """The cell's name in the page's sentences."""
        return f"{self.truth}-{self.predicted}"

    @property
    def right(self) -> bool:
        return self.truth == self.predicted


@dataclass(frozen=True)
class Confusion:
    """A matrix of few classes (``matrix``), or the biggest confusions of many (``listed``).

    ``sentences`` maps the key of a cell to its rows: (number, text, probability), surest first.
    """

    labels: tuple[str, ...]
    totals: tuple[int, ...]  # rows of each true class
    matrix: tuple[tuple[Cell, ...], ...]
    listed: tuple[Cell, ...]
    confusions: int  # pairs of different classes that were confused at all
    sentences: dict[str, list[Sentence]]

    @property
    def data(self) -> dict[str, Any]:
        """What the page's script reads."""
        return {"labels": self.labels, "sentences": self.sentences}


def confusion(evaluation: Evaluation) -> Confusion | None:
    """What to show of an evaluation's confusion matrix; None without one."""
    if evaluation.confusion is None or not evaluation.labels:
        return None
    rows = _cells(evaluation.confusion)
    wrong = [cell for row in rows for cell in row if cell.count and not cell.right]
    wrong.sort(key=lambda cell: (-cell.count, cell.truth, cell.predicted))
    small = len(rows) <= MATRIX
    right = [row[place] for place, row in enumerate(rows) if row[place].count]
    listed = tuple(wrong[:LISTED])
    return Confusion(
        labels=evaluation.labels,
        totals=tuple(int(row.sum()) for row in evaluation.confusion),
        matrix=rows if small else (),
        listed=() if small else listed,
        confusions=len(wrong),
        sentences=_sentences(evaluation, [*wrong, *right] if small else list(listed)),
    )


def _cells(counts: Array) -> tuple[tuple[Cell, ...], ...]:
    totals = counts.sum(axis=1)
    return tuple(
        tuple(
            Cell(truth, predicted, int(count), float(count / totals[truth]) if count else 0.0)
            for predicted, count in enumerate(row)
        )
        for truth, row in enumerate(counts)
    )


def _sentences(evaluation: Evaluation, cells: list[Cell]) -> dict[str, list[Sentence]]:
    """The sentences of ``cells``, in their order until ``IN_ALL`` are taken."""
    groups: dict[tuple[str, str], list[Example]] = defaultdict(list)
    for example in evaluation.examples:
        groups[example.truth, example.predicted].append(example)
    left = IN_ALL
    found: dict[str, list[Sentence]] = {}
    for cell in cells:
        group = groups[evaluation.labels[cell.truth], evaluation.labels[cell.predicted]]
        group.sort(key=lambda example: (-example.confidence, example.row))
        taken = group[: min(PER_CELL, left)]
        left -= len(taken)
        if taken:
            found[cell.key] = [_sentence(example) for example in taken]
    return found


def _sentence(example: Example) -> Sentence:
    sure = round(example.confidence, 4) if math.isfinite(example.confidence) else None
    return example.row, shorten(example.text, LONGEST), sure
