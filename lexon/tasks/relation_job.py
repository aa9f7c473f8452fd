"""The main job for relations: that of texts, with a rival that knows where the spans are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from lexon.tasks.baseline import LinearBaseline
from lexon.tasks.evaluation import Evaluation
from lexon.tasks.job import Part, train_text
from lexon.tasks.outcome import Explanation
from lexon.tasks.relation import RelationClassifier
from lexon.tasks.relation_score import as_relations
from lexon.text import MarkedText, Relations, Tokenizer

#: Texts whose decisions are explained, words told of each class, and texts shown: right ones of
#: each class, and wrong ones.
MOST, WORDS, RIGHT, WRONG = 2_000, 8, 2, 20


def part_of(name: str, relations: Relations) -> Part:
    """The part of a file; its texts are written with their marks."""
    texts = [str(text) for text in relations.texts]
    return Part(name, texts, list(relations.labels or ()), relations.table.recognised.name)


class RelationBaseline(LinearBaseline):
    """The linear rival on words that tell in which piece of the text they stand."""

    def __init__(self, tokenizer: Tokenizer, other: str, seed: int) -> None:
        super().__init__(partial(_placed_words, tokenizer), False, seed)
        self.other = other

    @property
    def name(self) -> str:
        return f"linear baseline (TF-IDF of placed 1- to {self.longest}-grams, linear SVM)"

    def evaluate(self, texts: Sequence[str], names: Sequence[Any], part: str) -> Evaluation:
        return as_relations(super().evaluate(texts, names, part), self.other)


def _placed_words(tokenizer: Tokenizer, marked: str) -> list[str]:
    """Tokens with the name of their piece: before, e1, between, e2, after."""
    text = MarkedText.parse(marked)
    order = ("e1", "between", "e2") if text.e1_first else ("e2", "between", "e1")
    pieces = zip(("before", *order, "after"), text.pieces, strict=True)
    return [f"{name}:{token}" for name, piece in pieces for token in tokenizer(piece)]


def rival(model: RelationClassifier) -> LinearBaseline:
    """The rival of a relation classifier: not trained yet."""
    return RelationBaseline(model.tokenizer_, model.other, model.seed)


def decisions(model: RelationClassifier, part: Part) -> dict[str, Any]:
    """What an outcome tells of the inside: the words that decided, for classes and for texts."""
    texts, labels = part.texts[:MOST], part.labels[:MOST]
    if not texts:
        return {}
    truth = [str(label) for label in labels]
    sure = model.predict_proba(texts).max(axis=1)
    found = [
        replace(one, truth=name, row=row)
        for row, (one, name) in enumerate(zip(model.explain(texts), truth, strict=True))
    ]
    ranked = [found[row] for row in np.argsort(-sure, kind="stable")]
    return {"words": _class_words(found), "explained": _chosen(ranked)}


def _class_words(
    found: Sequence[Explanation],
) -> tuple[tuple[str, tuple[tuple[str, float], ...]], ...]:
    """For each predicted class the words that spoke for it most, over all texts."""
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for one in found:
        if one.label == one.predicted:
            for token, weight in zip(one.tokens, one.weights, strict=True):
                sums[one.label][token] += weight  # type: ignore[assignment]
    return tuple(
        (label, tuple((word, weight) for word, weight in words.most_common(WORDS) if weight > 0))
        for label, words in sorted(sums.items())
    )


def _chosen(ranked: Sequence[Explanation]) -> tuple[Explanation, ...]:
    """Of texts, the surest first, some of each class that are right, and some that are wrong."""
    wrong = [one for one in ranked if one.truth != one.predicted]
    right: dict[str, list[Explanation]] = defaultdict(list)
    for one in ranked:
        if one.truth == one.predicted and len(right[one.truth]) < RIGHT:
            right[one.truth].append(one)
    return (*wrong[:WRONG], *(one for _, some in sorted(right.items()) for one in some))


#: Fit a relation classifier, and tell how good it is: :func:`lexon.tasks.job.train_text`.
train_relation: Callable[..., Any] = partial(train_text, rival=rival, inside=decisions)
