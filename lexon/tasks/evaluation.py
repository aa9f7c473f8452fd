"""How good predictions are, on a named part of the data, and where they are wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.train.history import merit

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ClassScore:
    """One class: precision, recall, F1 (shares), and how many rows have it."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class GroupScore:
    """The scores on the rows of one group, such as one city."""

    name: str
    rows: int
    scores: dict[str, float]


@dataclass(frozen=True)
class Example:
    """One row as it was predicted: text (or row number), truth, prediction.

    ``confidence`` is the predicted label's probability; for numbers, the error.
    """

    row: int
    text: str
    truth: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class Evaluation:
    """Scores of one predictor on one part of the data ("held-out", "test", a file's name)."""

    part: str
    rows: int
    scores: dict[str, float]  # "accuracy", "macro-F1", "micro-F1", or "R2", "RMSE", "MAE"
    labels: tuple[str, ...] = ()
    per_class: tuple[ClassScore, ...] = ()
    confusion: Array | None = None  # (C, C) counts, truth by prediction; None for multi-label
    examples: tuple[Example, ...] = field(default=(), repr=False)  # all rows, in order
    unit: str = "rows"  # what is counted: "rows", "tokens"
    by: str = ""  # the column that tells groups apart
    groups: tuple[GroupScore, ...] = ()
    notes: tuple[str, ...] = ()  # what the reader should know of these rows

    @property
    def measure(self) -> str:
        """The name of the main score: the first one."""
        return next(iter(self.scores))

    @property
    def score(self) -> float:
        return self.scores[self.measure]

    @property
    def merit(self) -> float:
        """The main score so that more of it is better."""
        return merit(self.measure, self.score)

    def to_json(self) -> dict[str, Any]:
        """Everything but the rows themselves, as plain JSON; what is no number is null."""
        return {
            "part": self.part,
            "rows": self.rows,
            "scores": {n: s if math.isfinite(s) else None for n, s in self.scores.items()},
            "labels": list(self.labels),
            "per_class": [vars(score) for score in self.per_class],
            "confusion": None if self.confusion is None else self.confusion.tolist(),
            "by": self.by,
            "groups": [vars(group) for group in self.groups],
            **({"notes": list(self.notes)} if self.notes else {}),
        }


def evaluate_classes(
    part: str,
    texts: Sequence[str],
    truth: Array,
    probabilities: Array,
    labels: Sequence[str],
    predicted: Array,
) -> Evaluation:
    """Scores of a classifier.

    Shapes: truth and predicted (N) class numbers, or (N, C) zeros and ones for several labels a
    row; probabilities (N, C).
    """
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score
    from sklearn.metrics import precision_recall_fscore_support as by_class

    multi_label, numbers = truth.ndim == 2, np.arange(len(labels))
    options: dict[str, Any] = {"labels": numbers, "zero_division": 0}
    precision, recall, f1, support = by_class(truth, predicted, average=None, **options)
    micro = float(f1_score(truth, predicted, average="micro", **options))
    macro = float(f1_score(truth, predicted, average="macro", **options))
    if multi_label:
        exact = float(np.mean((truth == predicted).all(axis=1)))
        scores = {"micro-F1": micro, "macro-F1": macro, "exact match": exact}
    else:
        scores = {"accuracy": float(accuracy_score(truth, predicted)), "macro-F1": macro}
    return Evaluation(
        part=part,
        rows=len(texts),
        scores=scores,
        labels=tuple(labels),
        per_class=tuple(
            ClassScore(name, float(p), float(r), float(f), int(s))
            for name, p, r, f, s in zip(labels, precision, recall, f1, support, strict=True)
        ),
        confusion=None if multi_label else confusion_matrix(truth, predicted, labels=numbers),
        examples=_examples(texts, truth, predicted, probabilities, labels),
    )


def _examples(
    texts: Sequence[str],
    truth: Array,
    predicted: Array,
    probabilities: Array,
    labels: Sequence[str],
) -> tuple[Example, ...]:
    def name(value: Any) -> str:
        if np.ndim(value):
            return ", ".join(labels[int(c)] for c in np.flatnonzero(value)) or "(none)"
        return labels[int(value)]

    confidence = probabilities.max(axis=1)
    return tuple(
        Example(row, text, name(truth[row]), name(predicted[row]), float(confidence[row]))
        for row, text in enumerate(texts)
    )


def evaluate_numbers(
    part: str,
    rows: Sequence[str],
    truth: Array,
    predicted: Array,
    *,
    main: str = "R2",
    by: Mapping[str, Sequence[str]] | None = None,
) -> Evaluation:
    """Scores of a regression: share of variance explained (R2), errors in the target's units.

    ``main`` is the score that decides; ``by`` gives the group of each row, below the column's name.
    R2 is NaN for fewer than two rows.
    """
    from sklearn.metrics import r2_score

    r2 = float(r2_score(truth, predicted)) if len(truth) > 1 else math.nan
    scores = {"R2": r2} | _errors(truth, predicted)
    column, groups = next(iter((by or {}).items()), ("", ()))
    members = np.array(groups, object)
    return Evaluation(
        part=part,
        rows=len(truth),
        scores={main: scores[main]} | scores,
        by=column,
        groups=tuple(
            GroupScore(
                name, int(own.sum()), dict(sorted(_errors(truth[own], predicted[own]).items()))
            )
            for name in sorted(set(groups))
            for own in [members == name]
        ),
        examples=tuple(
            Example(row, text, f"{t:g}", f"{p:g}", float(p - t))
            for row, (text, t, p) in enumerate(zip(rows, truth, predicted, strict=True))
        ),
    )


def _errors(truth: Array, predicted: Array) -> dict[str, float]:
    from sklearn.metrics import mean_absolute_error, root_mean_squared_error

    return {
        "RMSE": float(root_mean_squared_error(truth, predicted)),
        "MAE": float(mean_absolute_error(truth, predicted)),
    }


def micro_f1(truth: Array, decided: Array) -> float:
    """Micro-averaged F1 of zeros and ones (N, C); 0 where there are no ones."""
    hits = float((truth * decided).sum())
    return 2 * hits / max(float(truth.sum() + decided.sum()), 1.0)
