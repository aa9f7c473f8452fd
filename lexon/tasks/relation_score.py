"""The official score of SemEval-2010 Task 8: macro-F1 over relations, directions counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from lexon.errors import InputError
from lexon.tasks.evaluation import ClassScore, Evaluation

DIRECTIONS = ("(e1,e2)", "(e2,e1)")


def relation_of(label: str) -> str:
    """The relation of a label, without its direction.

    >>> relation_of("Cause-Effect(e2,e1)"), relation_of("Other")
    ('Cause-Effect', 'Other')
    """
    for direction in DIRECTIONS:
        label = label.removesuffix(direction)
    return label


def relation_scores(truth: Sequence[str], predicted: Sequence[str]) -> tuple[ClassScore, ...]:
    """Precision, recall and F1 of every relation, its two directions taken together.

    Equations: of the n rows that are predicted to have a relation in either direction and the m
    rows that have it in either direction, t are predicted in their own direction: precision t / n,
    recall t / m, F1 2t / (n + m). So the wrong direction is an error of both kinds.
    Source: Hendrickx et al. 2010, SemEval-2010 Task 8, section 4, and its official scorer.

    Raises:
        InputError: there are not as many predictions as labels.
    """
    if len(truth) != len(predicted):
        raise InputError(f"there are {len(truth):,} labels, but {len(predicted):,} predictions")
    have = Counter(map(relation_of, truth))
    say = Counter(map(relation_of, predicted))
    pairs = zip(truth, predicted, strict=True)
    right = Counter(relation_of(one) for one, other in pairs if one == other)
    return tuple(
        ClassScore(
            name,
            right[name] / max(say[name], 1),
            right[name] / max(have[name], 1),
            2 * right[name] / (say[name] + have[name]),
            have[name],
        )
        for name in sorted(have | say)
    )


def macro_f1(truth: Sequence[str], predicted: Sequence[str], other: str = "Other") -> float:
    """The mean F1 of all relations but ``other``: the official (9+1)-way score, as a share.

    ``other`` has no F1 of its own in the mean, but its rows cost the relations precision, and
    recall, where the two are taken for one another. Relations that are neither in ``truth`` nor
    in ``predicted`` do not count; without any the score is 0.

    >>> truth = ["Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)", "Other"]
    >>> macro_f1(truth, ["Cause-Effect(e1,e2)", "Cause-Effect(e1,e2)", "Other"])
    0.5
    """
    found = [score.f1 for score in relation_scores(truth, predicted) if score.name != other]
    return sum(found) / max(len(found), 1)


def as_relations(known: Evaluation, other: str) -> Evaluation:
    """The scores of relations instead of classes: macro-F1 as above, accuracy, each relation's.

    The confusion matrix stays over labels, so that it tells directions apart.
    """
    truth = [example.truth for example in known.examples]
    predicted = [example.predicted for example in known.examples]
    scores = {"macro-F1": macro_f1(truth, predicted, other), "accuracy": known.scores["accuracy"]}
    return replace(known, scores=scores, per_class=relation_scores(truth, predicted))
