"""Networks side by side: the same texts, the same splits, and whether a difference is chance."""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError, NonFiniteError
from lexon.tasks.baseline import LinearBaseline
from lexon.tasks.classify import TextClassifier
from lexon.tasks.given import read_labels
from lexon.tasks.networks import NETWORKS
from lexon.tasks.trainings import check_training, fit_whole, own_settings, vectors_of
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
    there is none. ``rows`` holds each test row's score (:func:`row_scores`); ``failed`` says why
    there are none.
    """

    training: float
    predicting: float = 0.0
    size: int = 0
    rows: list[float] = field(default_factory=list)
    failed: str = ""

    @property
    def score(self) -> float:
        """The mean of the rows' scores."""
        return fmean(self.rows)


@dataclass(frozen=True)
class Standing:
    """One network in the table: its scores, its costs, and beside the best.

    ``mean`` is that of all tested rows, ``scores`` those of the cells. ``chance`` is the
    probability of a difference from the best so large if neither were better; None of the best
    itself. A network of which a cell ``failed`` has neither.
    """

    model: str
    measure: str
    mean: float | None
    scores: tuple[float, ...]
    training: float
    predicting: float
    size: int
    chance: float | None
    failed: str = ""

    @property
    def spread(self) -> float:
        """Standard deviation over cells, 0 of a single one."""
        return stdev(self.scores) if len(self.scores) > 1 else 0.0

    @property
    def beside(self) -> str:
        """In words: whether the best is better by more than chance."""
        if self.failed:
            return f"failed: {self.failed}"
        if self.chance is None:
            return "best"
        told = "worse" if self.chance < LEVEL else "may be chance"
        return f"{told} (p = {self.chance:.4f})"


@dataclass
class Comparison:
    """The cells of some networks on some splits and seeds; those in ``done`` are not run again.

    ``settings`` go to every network that has a use for them; tokens and lowercase to the baseline.
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
        self.labels = read_labels(self.labels)[0]
        networks = [model for model in self.models if model != BASELINE]
        given = {**self.settings, **vectors_of(self.settings, networks)}
        self._own = {model: own_settings({**given, "model": model}) for model in networks}
        self.done: dict[str, Cell] = {}

    @property
    def measure(self) -> str:
        """What is compared: the mean of the rows' scores, by the name that it has."""
        single = all(isinstance(label, str) for label in self.labels)
        return "accuracy" if single else "F1 of rows"

    def cells(self) -> Iterator[tuple[str, str, Split, int]]:
        """Name, model, split and seed of every cell; the baseline needs one seed only."""
        for split in self.splits:
            for model in self.models:
                for seed in self.seeds[:1] if model == BASELINE else self.seeds:
                    yield f"{model}, {split.name}, seed {seed}", model, split, seed

    @property
    def left(self) -> int:
        """How many cells are not done."""
        return sum(name not in self.done for name, *_ in self.cells())

    def check(self) -> None:
        """Check that every network can be trained on every split, without training one.

        Raises:
            InputError: a setting cannot be used, or training rows have one label only.
        """
        for split in self.splits:
            place, labels = split.name, self._part(split.train)[1]
            try:
                Labels.fit(labels)
                for model, own in self._own.items():
                    place = f"{model}, {split.name}"
                    check_training(own, labels)
            except InputError as error:
                raise InputError(f"{place}: {error}") from None

    def run(self, told: Callable[[str, Cell], None] = lambda name, cell: None) -> None:
        """Train what is not done; ``told`` hears of every cell when it is.

        A training that fails is a cell, too: it says why.

        Raises:
            InputError: as :meth:`check`, before the first training.
            KeyboardInterrupt: the cell that was interrupted is not among those done.
        """
        self.check()
        for name, model, split, seed in self.cells():
            if name not in self.done:
                self.done[name] = self._train(model, split, seed)
                told(name, self.done[name])

    def _train(self, model: str, split: Split, seed: int) -> Cell:
        (texts, labels), (test, truth) = self._part(split.train), self._part(split.test)
        # Texts without words are the baseline's ValueError.
        failures = (ValueError,) if model == BASELINE else (NonFiniteError,)
        began = time.perf_counter()
        try:
            fitted = self._fit(model, texts, labels, seed)
        except failures as error:
            return Cell(time.perf_counter() - began, failed=str(error))
        trained = time.perf_counter()
        predicted = fitted.predict(test)
        seconds = (time.perf_counter() - trained) / max(len(test), 1)
        size = 0 if model == BASELINE else _stored(fitted)
        return Cell(trained - began, seconds, size, row_scores(predicted, truth))

    def _fit(self, model: str, texts: list[str], labels: list[Any], seed: int) -> Any:
        if model != BASELINE:
            return fit_whole(self._own[model] | {"seed": seed}, texts, labels)
        kind, lowercase = self.settings.get("tokens", "auto"), self.settings.get("lowercase", True)
        tokenizer = Tokenizer(kind, lowercase).resolve(texts)
        rival = LinearBaseline(tokenizer, tokenizer.kind == "characters", seed)
        return rival.fit(texts, Labels.fit(labels), labels)

    def _part(self, rows: Array) -> tuple[list[str], list[Any]]:
        chosen = rows.tolist()
        return [self.texts[row] for row in chosen], [self.labels[row] for row in chosen]

    def standings(self) -> list[Standing]:
        """The networks, the best mean score first, those that failed last."""
        of: dict[str, list[Cell]] = {model: [] for model in self.models}
        failed: dict[str, str] = {}
        for name, model, *_ in self.cells():
            cell = self.done[name]
            of[model].append(cell)
            if cell.failed:
                why = cell.failed.partition("\n")[0]
                failed.setdefault(model, f"{name.partition(', ')[2]}: {why}")
        each = {model: self._each_row(model) for model in self.models if model not in failed}
        order = sorted(each, key=lambda model: -each[model].mean())
        chances = holm([chance(each[order[0]], each[model]) for model in order[1:]])
        standings = [
            self._standing(model, of[model], float(each[model].mean()), probability)
            for model, probability in zip(order, [None, *chances][: len(order)], strict=True)
        ]
        for model, why in failed.items():
            standings.append(self._standing(model, of[model], None, None, why))
        return standings

    def _each_row(self, model: str) -> Array:
        """The score of every tested row, its mean over the cells that tested it."""
        total, times = np.zeros(len(self.texts)), np.zeros(len(self.texts))
        for name, one, split, _ in self.cells():
            if one == model:
                np.add.at(total, split.test, self.done[name].rows)
                np.add.at(times, split.test, 1)
        tested = times > 0
        return total[tested] / times[tested]

    def _standing(
        self,
        model: str,
        cells: list[Cell],
        mean: float | None,
        probability: float | None,
        failed: str = "",
    ) -> Standing:
        whole = [cell for cell in cells if not cell.failed]
        costs = [(cell.training, cell.predicting, cell.size) for cell in whole] or [(0.0, 0.0, 0)]
        training, predicting, size = map(fmean, zip(*costs, strict=True))
        scores = tuple(cell.score for cell in whole)
        return Standing(
            model,
            self.measure,
            mean,
            scores,
            training,
            predicting,
            round(size),
            probability,
            failed,
        )

    def facts(self) -> dict[str, str]:
        """What the table was made from: rows, splits, seeds and settings."""
        first, last = self.splits[0], self.splits[-1]
        rows = f"{len(first.train):,} rows train, {len(first.test):,} are tested"
        splits = rows if first is last else f"{first.name} to {last.name}; in the first {rows}"
        given = {name: value for name, value in self.settings.items() if name != "seed"}
        return {
            "rows": f"{len(self.texts):,}",
            "labels": f"{len(Labels.fit(self.labels)):,}",
            "splits": splits,
            "seeds": ", ".join(map(str, self.seeds)),
            "settings": ", ".join(f"{name} {value}" for name, value in given.items())
            or "the usual ones of each network",
        }

    def to_json(self) -> dict[str, Any]:
        """The cells that are done."""
        return {name: asdict(cell) for name, cell in self.done.items()}

    def load(self, cells: Mapping[str, Any]) -> None:
        """Take over cells that are done."""
        self.done = {name: Cell(**cell) for name, cell in cells.items()}


def _stored(model: TextClassifier) -> int:
    """Bytes of the model's file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.lexon"
        model.save(path)
        return os.path.getsize(path)


def folds(labels: Sequence[Any], number: int, seed: int) -> list[Split]:
    """Every row tested once: ``number`` folds, each label spread as evenly over them as can be.

    A label of fewer rows than folds is in some of them only.

    Raises:
        InputError: there are fewer than two folds, or more than rows.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    if not 2 <= number <= len(labels):
        raise InputError(
            f"{number} folds of {len(labels):,} rows\n  give 2 or more, up to the rows"
        )
    names = [label if isinstance(label, str) else "\t".join(map(str, label)) for label in labels]
    counts = np.unique(names, return_counts=True)[1]
    kind = StratifiedKFold if counts.max() >= number else KFold
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a label has fewer rows than folds
        made = list(kind(number, shuffle=True, random_state=seed).split(names, names))
    return [Split(f"fold {place}", *rows) for place, rows in enumerate(made, 1)]


def held_out(labels: Sequence[Any], share: float, seed: int) -> list[Split]:
    """One split: a share of the rows is tested."""
    return [Split("test rows", *stratified_holdout(labels, share, seed))]


def row_scores(predicted: Iterable[Any], labels: Iterable[Any]) -> list[float]:
    """The score of each row.

    With one label a text, 1 where it is right and 0 where not. With several, the F1 of the
    row's labels: 2 hits / (labels it has + labels predicted), and 1 where there are none.
    """
    found = []
    for names, label in zip(predicted, labels, strict=True):
        if isinstance(label, str):
            found.append(float(names == label))
            continue
        both = len(label) + len(names)
        found.append(2 * len(set(label) & set(names)) / both if both else 1.0)
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
