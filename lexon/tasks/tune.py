"""Settings found by successive halving: many tried briefly, few of them long."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lexon.errors import InputError, NonFiniteError
from lexon.tasks.classify import HIDDEN, USUAL, TextClassifier
from lexon.tasks.networks import NETWORKS, RECURRENT

#: Candidates of a bracket, the share of them that goes on, and epochs of the first round.
CANDIDATES, KEPT, FIRST_EPOCHS = 9, 3, 2
#: Rounds of a bracket, each three times as long as the one before.
ROUNDS = 3


@dataclass(frozen=True)
class Trial:
    """One training: its settings, and what it scored on the held-out rows."""

    settings: dict[str, Any]
    score: float
    seconds: float


@dataclass
class Search:
    """Successive halving over the few settings that matter, within a time.

    Nine candidates are drawn and trained for 2 epochs, the best three for 6, the best one for 18;
    then the next nine, as long as there is time. What is compared is the score of the best epoch
    on the held-out rows: the same rows for all, so that ``lexon train`` with the winner's
    settings and seed holds out the same rows and finds the same score.

    ``done`` are trials of an earlier search, in order; they are not run again.
    Units: ``seconds`` of training, those of ``done`` included.

    Source: Jamieson & Talwalkar 2016.
    """

    models: Sequence[str]
    fixed: Mapping[str, Any]
    seconds: float
    seed: int = 1
    trials: list[Trial] = field(default_factory=list)

    def __post_init__(self) -> None:
        for model in self.models:
            if model not in NETWORKS:
                raise InputError(f"model {model!r} is none of {', '.join(NETWORKS)}")
        if not self.models:
            raise InputError("no models to choose from\n  give some, such as linear,mlp,cnn")
        if not self.seconds > 0:
            raise InputError(f"the time is {self.seconds} seconds\n  give more than none")

    def run(
        self,
        texts: Sequence[str],
        labels: Sequence[Any],
        valid: tuple[Sequence[str], Sequence[Any]] | None = None,
        told: Callable[[Trial], None] = lambda trial: None,
    ) -> Trial:
        """Search until the time is over; the best trial. ``told`` hears of each.

        Raises:
            InputError: there are no rows to hold out, or the time was too short for one trial.
        """
        self._past = list(self.trials)
        self.trials = []
        self._data, self._told = (texts, labels, valid), told
        rng, bracket = np.random.default_rng(self.seed), 0
        while self._spent() < self.seconds:
            candidates = [self._draw(rng, bracket, place) for place in range(CANDIDATES)]
            self._halve(candidates)
            bracket += 1
        return self.best

    @property
    def best(self) -> Trial:
        """The trial of the highest score; of equals the earlier one."""
        if not self.trials:
            raise InputError("there was no time for a single trial\n  give more")
        return max(self.trials, key=lambda trial: trial.score)

    def _spent(self) -> float:
        return sum(trial.seconds for trial in self.trials)

    def _halve(self, candidates: list[dict[str, Any]]) -> None:
        epochs = FIRST_EPOCHS
        for _ in range(ROUNDS):
            scored = []
            for settings in candidates:
                if self._spent() >= self.seconds and self.trials:
                    return
                scored.append((self._train(settings | {"epochs": epochs}), settings))
            scored.sort(key=lambda pair: -pair[0])
            candidates = [settings for _, settings in scored[: max(len(scored) // KEPT, 1)]]
            epochs *= KEPT

    def _train(self, settings: dict[str, Any]) -> float:
        if self._past and self._past[0].settings == settings:
            trial = self._past.pop(0)
        else:
            self._past.clear()
            began = time.perf_counter()
            score = self._score(settings)
            trial = Trial(settings, score, time.perf_counter() - began)
        self.trials.append(trial)
        self._told(trial)
        return trial.score

    def _score(self, settings: dict[str, Any]) -> float:
        texts, labels, valid = self._data
        model = TextClassifier(**settings)
        try:
            model.fit(texts, labels, valid=valid)
        except NonFiniteError:
            return -math.inf
        score = model.history_.best_score
        if score is None:
            raise InputError("nothing is held out, and so nothing can be chosen\n  give more rows")
        return score

    def _draw(self, rng: np.random.Generator, bracket: int, place: int) -> dict[str, Any]:
        """Settings of a candidate; the first one of each network has the usual ones."""
        number = bracket * CANDIDATES + place
        model = self.models[number % len(self.models)]
        drawn = {name: _one(rng, values) for name, values in space(model).items()}
        drawn["learning_rate"] = float(f"{USUAL[model][1] * 3 ** rng.uniform(-1, 1):.2g}")
        if number < len(self.models):
            drawn = {}
        return {"model": model} | drawn | dict(self.fixed) | {"seed": self.seed}


def _one(rng: np.random.Generator, values: Sequence[Any]) -> Any:
    return values[int(rng.integers(len(values)))]


def space(model: str) -> dict[str, Sequence[Any]]:
    """The values that settings of a network are drawn from; the learning rate is drawn besides."""
    found: dict[str, Sequence[Any]] = {"min_count": (1, 1, 2, 3)}
    if model == "linear":
        return found | {"word_ngrams": (1, 2, 3)}
    found |= {"dropout": (0.2, 0.3, 0.5, 0.6), "dimension": (50, 100, 200, 300)}
    if model == "mlp":
        return found | {"word_ngrams": (1, 2, 2), "hidden": (64, 128, HIDDEN["mlp"])}
    if model in RECURRENT:
        return found | {"hidden": (64, HIDDEN[model]), "pool": ("max", "mean", "attention")}
    return found | {"windows": ([3, 4, 5], [2, 3, 4], [1, 2, 3]), "filters": (50, 100, 200)}
