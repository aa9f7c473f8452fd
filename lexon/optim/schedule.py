"""Learning rates that change over time.

A schedule takes the optimiser's learning rate as its base and sets it anew at every ``step()``.
What a time is, a step of the optimiser or an epoch, you decide by where you call it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

from lexon.errors import InputError
from lexon.optim.checks import not_negative, positive, whole
from lexon.optim.optimizer import Optimizer


class Schedule(ABC):
    """Sets ``optimizer.learning_rate`` to :meth:`rate` of how many times have passed.

    Units: ``time`` counts calls of :meth:`step`: steps or epochs, as you call it. The base is
    the learning rate that the optimiser has when the schedule is made.

    Raises:
        InputError: a number outside its range.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.base = optimizer.learning_rate
        self.time = 0
        optimizer.learning_rate = self.rate(0)

    @abstractmethod
    def rate(self, time: int) -> float:
        """The learning rate after ``time`` times."""

    def step(self, measure: float | None = None) -> float:
        """One more time has passed: set the learning rate and return it.

        Only :class:`ReduceOnPlateau` looks at ``measure``.
        """
        self.time += 1
        self.optimizer.learning_rate = self.rate(self.time)
        return self.optimizer.learning_rate

    def state(self) -> dict[str, Any]:
        """Where the schedule stands, as plain JSON."""
        return {"schedule": type(self).__name__, "base": self.base, "time": self.time}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue where the schedule stood that gave ``state``.

        Raises:
            InputError: the state is of another kind of schedule.
        """
        own = self.state()
        if state.get("schedule") != own["schedule"] or state.keys() != own.keys():
            raise InputError(
                f"{own['schedule']}: the state is {state!r}\n"
                f"  give one with {', '.join(own)} of the same kind of schedule"
            )
        for name in own.keys() - {"schedule"}:
            setattr(self, name, state[name])
        self.optimizer.learning_rate = self.rate(self.time)


class Constant(Schedule):
    """The base, at all times."""

    def rate(self, time: int) -> float:
        return self.base


class StepDecay(Schedule):
    """The base until time ``after``; then multiplied by ``factor``, and again every ``every``.

    Equation: base * factor^k, k = 0 if time < after, else 1 + (time - after) // every

    ``after`` is ``every`` unless given. The language models of Zaremba et al. count epochs:
    ``StepDecay(optimizer, factor=1 / 1.2, after=6)`` trains six epochs at the base.

    Source: Zaremba, Sutskever, Vinyals, Recurrent neural network regularization (2014).
    """

    def __init__(
        self, optimizer: Optimizer, factor: float, every: int = 1, after: int | None = None
    ) -> None:
        self.factor = positive(self, "factor", factor)
        self.every = whole(self, "every", every, 1)
        self.after = whole(self, "after", self.every if after is None else after, 0)
        super().__init__(optimizer)

    def rate(self, time: int) -> float:
        if time < self.after:
            return self.base
        return self.base * self.factor ** (1 + (time - self.after) // self.every)


class Exponential(Schedule):
    """Multiplied by ``factor`` every time.

    Equation: base * factor^time
    """

    def __init__(self, optimizer: Optimizer, factor: float) -> None:
        self.factor = positive(self, "factor", factor)
        super().__init__(optimizer)

    def rate(self, time: int) -> float:
        return self.base * self.factor**time


class _Annealing(Schedule):
    """Up to the base in ``warm_up`` times, then down to ``last`` until ``total``."""

    def __init__(
        self, optimizer: Optimizer, total: int, warm_up: int = 0, last: float = 0.0
    ) -> None:
        self.total = whole(self, "total", total, 1)
        self.warm_up = whole(self, "warm_up", warm_up, 0)
        self.last = not_negative(self, "last", last)
        if self.warm_up >= self.total:
            raise InputError(
                f"{type(self).__name__}: warm_up is {warm_up}\n"
                f"  give less than total, which is {total}"
            )
        super().__init__(optimizer)

    def rate(self, time: int) -> float:
        if time < self.warm_up:
            return self.base * (time + 1) / (self.warm_up + 1)
        progress = min(1.0, (time - self.warm_up) / (self.total - self.warm_up))
        return self.last + (self.base - self.last) * self.height(progress)

    @abstractmethod
    def height(self, progress: float) -> float:
        """From 1 at progress 0 down to 0 at progress 1."""


class LinearDecay(_Annealing):
    """In a straight line up to the base in ``warm_up`` times, then down to ``last`` at ``total``.

    Equations: base * (time + 1) / (warm_up + 1) while time < warm_up; then
    last + (base - last) * (1 - p), p = (time - warm_up) / (total - warm_up), at most 1
    """

    def height(self, progress: float) -> float:
        return 1.0 - progress


class Cosine(_Annealing):
    """In a straight line up to the base, then down to ``last`` along half a cosine.

    Equations: base * (time + 1) / (warm_up + 1) while time < warm_up; then
    last + (base - last) * (1 + cos(pi p)) / 2, p = (time - warm_up) / (total - warm_up), at most 1

    Source: Loshchilov, Hutter, SGDR: stochastic gradient descent with warm restarts (2017),
    equation 5, without restarts.
    """

    def height(self, progress: float) -> float:
        return (1.0 + math.cos(math.pi * progress)) / 2.0


class ReduceOnPlateau(Schedule):
    """Multiplied by ``factor`` when the measure has not improved for more than ``patience`` times.

    A measure improves when it is lower (``mode="min"``) or higher (``"max"``) than the best so
    far by more than ``threshold`` times the best; NaN and infinity never do. The rate does not
    fall below ``smallest``.

    Raises:
        InputError: a number outside its range, or :meth:`step` without a measure.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 0.1,
        patience: int = 10,
        mode: str = "min",
        threshold: float = 1e-4,
        smallest: float = 0.0,
    ) -> None:
        self.factor = positive(self, "factor", factor)
        if factor >= 1:
            raise InputError(f"ReduceOnPlateau: factor is {factor}\n  give a number below 1")
        if mode not in ("min", "max"):
            raise InputError(f"ReduceOnPlateau: mode is {mode!r}\n  give 'min' or 'max'")
        self.patience = whole(self, "patience", patience, 0)
        self.mode = mode
        self.threshold = not_negative(self, "threshold", threshold)
        self.smallest = not_negative(self, "smallest", smallest)
        self.best: float | None = None
        self.waited = 0
        self.now = optimizer.learning_rate
        super().__init__(optimizer)

    def rate(self, time: int) -> float:
        return self.now

    def step(self, measure: float | None = None) -> float:
        if measure is None:
            raise InputError("ReduceOnPlateau: step() was given no measure\n  give the loss")
        if self._improves(float(measure)):
            self.best, self.waited = float(measure), 0
        else:
            self.waited += 1
        if self.waited > self.patience:
            self.now = max(self.now * self.factor, min(self.now, self.smallest))
            self.waited = 0
        return super().step()

    def _improves(self, measure: float) -> bool:
        if self.best is None or not math.isfinite(measure):
            return math.isfinite(measure)
        margin = self.threshold * abs(self.best)
        if self.mode == "min":
            return measure < self.best - margin
        return measure > self.best + margin

    def state(self) -> dict[str, Any]:
        own = {"best": self.best, "waited": self.waited, "now": self.now}
        return {**super().state(), **own}
