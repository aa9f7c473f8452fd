"""What a benchmark is: work, done side by side by several contenders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Settings:
    """How many threads every contender gets, and whether a taste of the work is enough."""

    threads: int = 2
    quick: bool = False


@dataclass(frozen=True)
class Round:
    """One round of one contender.

    ``seconds`` by row of the table; ``losses`` by name, to see that all did the same work;
    ``parts`` where the time went: seconds by part of the work; and ``notes`` for the page.
    """

    seconds: dict[str, float]
    losses: dict[str, float] = field(default_factory=dict)
    parts: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Skipped(Exception):
    """The case cannot be run here; tells why."""


#: Prepares everything and returns what one round does. Called in the contender's own process.
Prepare = Callable[[Settings], Callable[[], Round]]


@dataclass(frozen=True)
class Contender:
    """Someone who does the work, and the package it needs besides those of lexon."""

    prepare: Prepare
    package: str | None = None


@dataclass(frozen=True)
class Case:
    """One table of the page.

    ``flops`` gives the floating-point operations of each row, counted from the task: the same for
    all, whatever they really do. Ratios are those of the first contender to the others.
    ``amounts`` gives how much of what the unit counts is done in each row, where it is a speed.
    ``losses`` names what is compared, each with the largest relative difference allowed.
    """

    title: str
    explanation: str
    contenders: dict[str, Contender]
    flops: Callable[[Settings], dict[str, float]]
    unit: str
    amounts: Callable[[Settings], dict[str, float]] = lambda settings: {}
    losses: dict[str, float] = field(default_factory=dict)
    repeats: int = 5
    threads: int | None = None  # where it is not the user's choice

    def settings(self, threads: int, quick: bool) -> Settings:
        return Settings(self.threads or threads, quick)


#: Units of a table: how many of it make a second. Speeds are computed from ``flops``, and those of
#: SPEEDS, each the amount of one a second, from ``amounts``.
UNITS: dict[str, float] = {"s": 1.0, "ms": 1e3, "µs": 1e6}
SPEED = "GFLOP/s"
SPEEDS: dict[str, float] = {"k words/s": 1e3}


def random_state(seed: int) -> np.random.Generator:
    """A generator of random numbers that gives every contender the same."""
    return np.random.default_rng(seed)
