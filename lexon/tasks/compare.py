"""Networks side by side: the same texts, the same splits, and whether a difference is chance."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError
from lexon.tasks.baseline import LinearBaseline
from lexon.tasks.classify import TextClassifier
from lexon.tasks.evaluation import Evaluation
from lexon.tasks.networks import NETWORKS
from lexon.text import Labels, Tokenizer, stratified_holdout

Array = npt.NDArray[Any]

#: What stands beside the networks under this name: scikit-learn's linear model on TF-IDF.
BASELINE = "baseline"
MODELS = (BASELINE, *NETWORKS)
#: Sign patterns that the randomisation test draws, and the probability that counts as chance.
DRAWS, LEVEL = 10_000, 0.05
#: How the test is called where its result stands.
TEST = "paired randomisation test over test rows, Holm's correction"


class Split(NamedTuple):
    """Rows that train and rows that are tested."""

    name: str
    train: Array
    test: Array


@dataclass(frozen=True)
class Cell:
    """One training: what it scored, row by row, and what it cost.

    Units: seconds; ``predicting`` is seconds a text; ``size`` bytes of the model file, 0 where
    there is none. ``rows`` holds each test row's F1 (1 or 0 with one label a text).
    """

    score: float
    measure: str
    training: float
    predicting: float
    size: int
    rows: list[float]


@dataclass(frozen=True)
class Standing:
    """One network in the table: its scores over all cells, its costs, and beside the best.

    ``chance`` is the probability of a difference so large if neither were better; None of the
    best itself.
    """

    model: str
    measure: str
    scores: tuple[float, ...]
    training: float
    predicting: float
    size: int
    chance: float | None

    @property
    def mean(self) -> float:
        return fmean(self.scores)

    @property
    def spread(self) -> float:
        """Standard deviation over cells, 0 of a single one."""
        return stdev(self.scores) if len(self.scores) > 1 else 0.0

    @property
    def beside(self) -> str:
        """In words: whether the best is better by more than chance."""
        if self.chance is None:
            return "best"
        told = "worse" if self.chance < LEVEL else "may be chance"
        return f"{told} (p = {self.chance:.4f})"


@dataclass
class Comparison:
    """The cells of some networks on some splits and seeds; those in ``done`` are not run again.

    ``settings`` go to every network that has them.
    """

    models: Sequence[str]
    texts: Sequence[str]
    labels: Sequence[Any]
    splits: Sequence[Split]
    seeds: Sequence[int]
    settings: Mapping[str, Any]

    def __post_init__(self) -> None:
        for model in self.models:
            if model not in MODELS:
                raise InputError(f"model {model!r} is none of {', '.join(MODELS)}")
        if not self.models or len(set(self.models)) < len(self.models):
            raise InputError("models are given once each, such as linear,cnn,bilstm")
        self.done: dict[str, Cell] = {}

    def cells(self) -> Iterator[tuple[str, str, Split, int]]:
        """Name, model, split and seed of every cell; the baseline needs one seed only."""
        for split in self.splits:
            for model in self.models:
                for seed in self.seeds[:1] if model == BASELINE else self.seeds:
                    yield f"{model}, {split.name}, seed {seed}", model, split, seed

    def run(self, told: Callable[[str, Cell], None] = lambda name, cell: None) -> None:
        """Train what is not done; ``told`` hears of every cell when it is."""
        for name, model, split, seed in self.cells():
            if name not in self.done:
                self.done[name] = self._train(model, split, seed)
                told(name, self.done[name])

    def _train(self, model: str, split: Split, seed: int) -> Cell:
        train, test = self._part(split.train), self._part(split.test)
        began = time.perf_counter()
        if model == BASELINE:
            tokenizer = Tokenizer("auto").resolve(train[0])
            rival = LinearBaseline(tokenizer, tokenizer.kind == "characters", seed)
            fitted: Any = rival.fit(train[0], Labels.fit(list(self.labels)), train[1])
            size = 0
        else:
            fitted = TextClassifier(model, **{**self.settings, "seed": seed}).fit(*train)
            size = _stored(fitted)
        trained = time.perf_counter()
        evaluation = fitted.evaluate(*test, split.name)
        seconds = (time.perf_counter() - trained) / max(len(test[0]), 1)
        return Cell(
            evaluation.score,
            evaluation.measure,
            trained - began,
            seconds,
            size,
            row_scores(evaluation, test[1]),
        )

    def _part(self, rows: Array) -> tuple[list[str], list[Any]]:
        chosen = rows.tolist()
        return [self.texts[row] for row in chosen], [self.labels[row] for row in chosen]

    def standings(self) -> list[Standing]:
        """The networks, the best mean score first."""
        of: dict[str, list[Cell]] = {model: [] for model in self.models}
        rows = {model: np.zeros(len(self.texts)) for model in self.models}
        tested = {model: np.zeros(len(self.texts)) for model in self.models}
        for name, model, split, _ in self.cells():
            of[model].append(self.done[name])
            np.add.at(rows[model], split.test, self.done[name].rows)
            np.add.at(tested[model], split.test, 1)
        order = sorted(self.models, key=lambda model: -fmean(cell.score for cell in of[model]))
        each = {model: rows[model] / np.maximum(tested[model], 1) for model in order}
        chances = holm([chance(each[order[0]], each[model]) for model in order[1:]])
        return [
            _standing(model, of[model], probability)
            for model, probability in zip(order, [None, *chances], strict=True)
        ]

    def to_json(self) -> dict[str, Any]:
        """The cells that are done."""
        return {name: asdict(cell) for name, cell in self.done.items()}

    def load(self, cells: Mapping[str, Any]) -> None:
        """Take over cells that are done."""
        self.done = {name: Cell(**cell) for name, cell in cells.items()}


def _standing(model: str, cells: list[Cell], probability: float | None) -> Standing:
    return Standing(
        model,
        cells[0].measure,
        tuple(cell.score for cell in cells),
        fmean(cell.training for cell in cells),
        fmean(cell.predicting for cell in cells),
        round(fmean(cell.size for cell in cells)),
        probability,
    )


def _stored(model: TextClassifier) -> int:
    """Bytes of the model's file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.lexon"
        model.save(path)
        return os.path.getsize(path)


def folds(labels: Sequence[Any], number: int, seed: int) -> list[Split]:
    """Every row tested once: ``number`` folds, each label spread evenly over them.

    Raises:
        InputError: there are fewer rows of a label than folds can share, or fewer than two folds.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    if not 2 <= number <= len(labels):
        raise InputError(
            f"{number} folds of {len(labels):,} rows\n  give 2 or more, up to the rows"
        )
    names = [label if isinstance(label, str) else "\t".join(map(str, label)) for label in labels]
    counts = np.unique(names, return_counts=True)[1]
    kind = StratifiedKFold if counts.max() >= number else KFold
    made = kind(number, shuffle=True, random_state=seed).split(names, names)
    return [Split(f"fold {place}", *rows) for place, rows in enumerate(made, 1)]


def held_out(labels: Sequence[Any], share: float, seed: int) -> list[Split]:
    """One split: a share of the rows is tested."""
    return [Split("test rows", *stratified_holdout(labels, share, seed))]


def row_scores(evaluation: Evaluation, labels: Iterable[Any]) -> list[float]:
    """The F1 of each row's labels: with one label a text, 1 where it is right and 0 where not."""
    found = []
    for example, label in zip(evaluation.examples, labels, strict=True):
        if isinstance(label, str):
            found.append(float(example.predicted == example.truth))
            continue
        truth, predicted = (
            set() if names == "(none)" else set(names.split(", "))
            for names in (example.truth, example.predicted)
        )
        both = len(truth) + len(predicted)
        found.append(2 * len(truth & predicted) / both if both else 1.0)
    return found


def chance(first: Array, second: Array, seed: int = 0) -> float:
    """How probable a mean difference so large is if the signs of all differences were random.

    Equations: p = (1 + patterns of signs with |sum| at least the one seen) / (1 + patterns).
    Shapes: first, second (N) scores of the same rows. Two-sided.
    Source: Fisher 1935; Noreen 1989; Yeh 2000 for language tasks.
    """
    differences = first - second
    differences = differences[differences != 0]
    seen, rng, as_large = abs(differences.sum()), np.random.default_rng(seed), 0
    at_once = max(2**22 // max(len(differences), 1), 1)
    for start in range(0, DRAWS, at_once):
        number = min(at_once, DRAWS - start)
        signs = rng.integers(0, 2, (number, len(differences)), np.int8) * 2.0 - 1
        as_large += int((abs(signs @ differences) >= seen - 1e-9).sum())
    return (1 + as_large) / (1 + DRAWS)


def holm(probabilities: Sequence[float]) -> list[float]:
    """The probabilities, raised so that among all of them one false alarm is as rare as in one.

    Source: Holm 1979.
    """
    raised, largest = [0.0] * len(probabilities), 0.0
    order = sorted(range(len(probabilities)), key=lambda place: probabilities[place])
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, probabilities[place] * (len(order) - rank)))
        raised[place] = largest
    return raised
