"""Settings found by successive halving: many tried briefly, few of them long."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lexon.errors import InputError, NonFiniteError
from lexon.tasks.classify import HIDDEN, USUAL
from lexon.tasks.common import OPTIMISERS, plain
from lexon.tasks.networks import NETWORKS, RECURRENT
from lexon.tasks.trainings import check_training, fit_whole, own_settings, vectors_of

#: Candidates of a bracket, the share of them that goes on, and epochs of the first round.
CANDIDATES, KEPT, FIRST_EPOCHS = 9, 3, 2
#: Rounds of a bracket, each three times as long as the one before.
ROUNDS = 3
#: Settings that are the search's own, and what is said instead.
OWN = {
    "model": "name the models to choose from",
    "seed": "give the search's seed",
    "epochs": "leave --epochs out; --time says how long to search",
}


@dataclass(frozen=True)
class Trial:
    """One training: its settings, and what it scored on the held-out rows.

    Settings are as JSON has them (lists for tuples), so that those of a file are equal. A training
    that diverged scores minus infinity. Units: seconds.
    """

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

    ``fixed`` settings stay as they are, in networks that have a use for them. ``trials`` are at
    first those of an earlier search, in order, which are not run again.
    Units: ``seconds`` of training, those of the earlier search included.

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
        for name in OWN:
            if name in self.fixed:
                raise InputError(f"{name} is set by the search itself\n  {OWN[name]}")
        if not self.seconds > 0:
            raise InputError(f"the time is {self.seconds} seconds\n  give more than none")

    def run(
        self,
        texts: Sequence[str],
        labels: Sequence[Any],
        valid: tuple[Sequence[str], Sequence[Any]] | None = None,
        told: Callable[[Trial], None] = lambda trial: None,
        say: Callable[[str], None] = lambda line: None,
    ) -> Trial:
        """Search until the time is over; the best trial.

        ``told`` hears of each trial that is run, ``say`` of earlier ones that are dropped.

        Raises:
            InputError: there are no rows to hold out, a setting cannot be used (told before the
                first trial), or all trials diverged.
            KeyboardInterrupt: the trial that was interrupted is not among ``trials``.
        """
        self._past, self.trials = list(self.trials), []
        self._data, self._told, self._say = (texts, labels, valid), told, say
        self._vectors = vectors_of(self.fixed, self.models)
        for model in self.models:
            own = own_settings({**self.fixed, **self._vectors, "model": model, "seed": self.seed})
            check_training(own, labels, None if valid is None else valid[1])
        rng, bracket = np.random.default_rng(self.seed), 0
        while not self._over:
            candidates = [self._draw(rng, bracket, place) for place in range(CANDIDATES)]
            self._halve(candidates)
            bracket += 1
        return self.best

    @property
    def finished(self) -> list[Trial]:
        """The trials that did not diverge."""
        return [trial for trial in self.trials if trial.score > -math.inf]

    @property
    def best(self) -> Trial:
        """The trial of the highest score; of equals the earlier one.

        Raises:
            InputError: all trials diverged, or there are none.
        """
        if not self.finished:
            raise InputError(
                f"none of {len(self.trials):,} trials stayed among finite numbers\n"
                "  give a lower learning rate (--learning-rate), or clip gradients (--clip 5)"
            )
        return max(self.finished, key=lambda trial: trial.score)

    @property
    def _over(self) -> bool:
        """Whether the time is; a first trial has it always, and so have earlier ones."""
        spent = sum(trial.seconds for trial in self.trials)
        return spent >= self.seconds and bool(self.trials) and not self._past

    def _halve(self, candidates: list[dict[str, Any]]) -> None:
        epochs = FIRST_EPOCHS
        for _ in range(ROUNDS):
            scored = []
            for settings in candidates:
                if self._over:
                    return
                scored.append((self._train(settings | {"epochs": epochs}), settings))
            scored.sort(key=lambda pair: -pair[0])
            going_on = scored[: max(len(scored) // KEPT, 1)]
            candidates = [settings for score, settings in going_on if score > -math.inf]
            epochs *= KEPT

    def _train(self, settings: dict[str, Any]) -> float:
        if self._past and self._past[0].settings == settings:
            self.trials.append(self._past.pop(0))
            return self.trials[-1].score
        if self._past:
            self._say(f"{len(self._past):,} trials of the earlier search do not belong to this one")
            self._past.clear()
        began = time.perf_counter()
        score = self._score(settings)
        self.trials.append(Trial(settings, score, time.perf_counter() - began))
        self._told(self.trials[-1])
        return score

    def _score(self, settings: dict[str, Any]) -> float:
        given = settings | {name: self._vectors[name] for name in self._vectors if name in settings}
        try:
            score = fit_whole(given, *self._data).history_.best_score
        except NonFiniteError:
            return -math.inf
        if score is None:
            raise InputError("nothing is held out, and so nothing can be chosen\n  give more rows")
        return score

    def _draw(self, rng: np.random.Generator, bracket: int, place: int) -> dict[str, Any]:
        """Settings of a candidate; the first one of each network has the usual ones."""
        number = bracket * CANDIDATES + place
        model = self.models[number % len(self.models)]
        drawn = {name: _one(rng, values) for name, values in space(model).items()}
        drawn["learning_rate"] = float(f"{self._usual_rate(model) * 3 ** rng.uniform(-1, 1):.2g}")
        if number < len(self.models):
            drawn = {}
        found = {"model": model} | drawn | dict(self.fixed) | {"seed": self.seed}
        return dict(plain(own_settings(found)))

    def _usual_rate(self, model: str) -> float:
        """The learning rate to draw around: that of the optimizer given, or of the model's own."""
        suits, rate = USUAL[model]
        name = self.fixed.get("optimizer") or suits
        return rate if name == suits else OPTIMISERS[name][1]


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
