"""What the sections of the page say, as plain values for the template."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lexon.report import figures
from lexon.report.words import difference
from lexon.tasks.evaluation import Evaluation, Example
from lexon.tasks.outcome import Explanation, Outcome
from lexon.train.history import merit

#: How many of the worst errors are listed.
WORST = 25
#: How many tokens of an explained text are shown.
TOKENS = 300


@dataclass(frozen=True)
class Score:
    """One score of the network beside the baseline's; None where there is no baseline."""

    part: str
    rows: int
    measure: str
    network: float
    baseline: float | None
    first: bool  # the first score of its part
    rivals: tuple[float | None, ...] = ()  # of further baselines

    @property
    def ahead(self) -> str:
        """Who is better: "network", "baseline" or "level"; empty if nobody can tell."""
        if self.baseline is None or math.isnan(self.network) or math.isnan(self.baseline):
            return ""
        if self.network == self.baseline:
            return "level"
        own, other = (merit(self.measure, score) for score in (self.network, self.baseline))
        return "network" if own > other else "baseline"

    @property
    def difference(self) -> str:
        if self.baseline is None or not self.ahead:
            return "–"
        return difference(self.network - self.baseline)


@dataclass(frozen=True)
class ClassRow:
    """One class: the network's scores, and the baseline's F1 if there is one."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    baseline_f1: float | None


@dataclass(frozen=True)
class Figure:
    """A drawing and what it shows, in a sentence."""

    svg: str
    caption: str


def tone(outcome: Outcome) -> str:
    """How the verdict sounds: "good", "bad" (the baseline wins) or "neutral"."""
    if not outcome.lead:
        return "neutral"
    return "good" if outcome.lead > 0 else "bad"


def scores(outcome: Outcome) -> list[Score]:
    """All scores of all parts, the network's beside the baseline's."""
    rows = []
    for place, own in enumerate(outcome.evaluations):
        rivals = outcome.baseline[place].scores if place < len(outcome.baseline) else {}
        for order, (measure, value) in enumerate(own.scores.items()):
            rival = rivals.get(measure)
            others = tuple(e[place].scores.get(measure) for _, e in outcome.rivals)
            rows.append(Score(own.part, own.rows, measure, value, rival, order == 0, others))
    return rows


@dataclass(frozen=True)
class GroupRow:
    """One group: its rows, and the network's score beside those of its rivals."""

    name: str
    rows: int
    scores: tuple[float | None, ...]


def groups(outcome: Outcome) -> list[GroupRow]:
    """The main score by group on the part that decides: the network's, then each rival's."""
    parts = [outcome.evaluations[-1], *(rival for _, rival in outcome.beside)]
    measure = parts[0].measure
    found = [{group.name: group.scores.get(measure) for group in part.groups} for part in parts]
    return [
        GroupRow(group.name, group.rows, tuple(of.get(group.name) for of in found))
        for group in parts[0].groups
    ]


def classes(own: Evaluation, baseline: Evaluation | None) -> list[ClassRow]:
    """The scores of each class."""
    rivals = {} if baseline is None else {score.name: score.f1 for score in baseline.per_class}
    return [
        ClassRow(
            name=score.name,
            precision=score.precision,
            recall=score.recall,
            f1=score.f1,
            support=score.support,
            baseline_f1=rivals.get(score.name),
        )
        for score in own.per_class
    ]


@dataclass(frozen=True)
class Word:
    """A token of an explained text: how strongly it is tinted, and in which span it stands."""

    text: str
    share: float  # of the largest weight in the text, from -1 to 1
    span: str  # "e1", "e2" or ""


@dataclass(frozen=True)
class Decision:
    """A text with the tokens that decided, its truth and its prediction."""

    row: int
    words: tuple[Word, ...]
    label: str  # the class that the words speak for
    truth: str
    predicted: str


def decisions(outcome: Outcome) -> list[Decision]:
    """The explained texts, with weights as shares of the largest in each."""
    return [_decision(one) for one in outcome.explained]


def _decision(one: Explanation) -> Decision:
    largest = max(map(abs, one.weights), default=0.0) or 1.0
    words = []
    for place, (token, weight) in enumerate(zip(one.tokens[:TOKENS], one.weights, strict=False)):
        inside = [n for n, (start, end) in enumerate(one.spans, 1) if start <= place < end]
        words.append(Word(token, weight / largest, f"e{inside[0]}" if inside else ""))
    return Decision(one.row, tuple(words), one.label, one.truth, one.predicted)


def is_regression(evaluation: Evaluation) -> bool:
    """Whether numbers were predicted, not classes."""
    return not evaluation.labels


def errors(evaluation: Evaluation) -> list[Example]:
    """The wrongly predicted rows, worst first: the surest ones, or those farthest off."""
    if is_regression(evaluation):
        wrong = [example for example in evaluation.examples if example.confidence != 0]
        return sorted(wrong, key=_farthest_first)
    wrong = [example for example in evaluation.examples if example.truth != example.predicted]
    return sorted(wrong, key=lambda example: (-example.confidence, example.row))


def _farthest_first(example: Example) -> tuple[float, int]:
    error = abs(example.confidence)
    return (-math.inf if math.isnan(error) else -error, example.row)


def curves(outcome: Outcome) -> list[Figure]:
    """The curves of training; none without an epoch."""
    history = outcome.history
    clipped = max((epoch.clipped for epoch in history.epochs), default=0.0)
    drawn = [
        Figure(figures.loss_curve(history), "Loss: mean over the examples of each part, by epoch."),
        Figure(figures.score_curve(history), f"Held-out {history.measure}, by epoch."),
        Figure(
            figures.gradient_curve(history),
            "Gradient norm before clipping: mean over the steps of each epoch. "
            f"At most {clipped:.0%} of an epoch's steps were clipped.",
        ),
    ]
    return [figure for figure in drawn if figure.svg]


def scatter(evaluation: Evaluation, target: str) -> Figure | None:
    """Predicted numbers over true ones; None for classes, or without a row."""
    if not is_regression(evaluation) or not evaluation.examples:
        return None
    truth = [float(example.truth) for example in evaluation.examples]
    predicted = [float(example.predicted) for example in evaluation.examples]
    svg = figures.scatter(truth, predicted)
    what = target or "value"
    caption = f"Predicted {what} over true {what}: on the dashed line there is no error."
    if len(truth) > figures.POINTS:
        caption += f" Of {len(truth):,} rows, up to {figures.POINTS:,} evenly spaced are drawn."
    return Figure(svg, caption) if svg else None
