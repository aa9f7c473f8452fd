"""Words drawn by their probability."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError
from lexon.optim.checks import not_negative, whole

Array = npt.NDArray[Any]


def draw(logarithms: Array, temperature: float, top_k: int | None, rng: np.random.Generator) -> int:
    """The number of a word drawn by its log P (V); never the unknown word, number 0.

    Equations: P(v) in proportion to e**(log P(v) / temperature) among the ``top_k`` most probable
    words; temperature 0 takes the most probable one.
    """
    logarithms = logarithms[1:]
    if temperature == 0:
        return 1 + int(logarithms.argmax())
    if top_k is not None and top_k < len(logarithms):
        least = np.partition(logarithms, -top_k)[-top_k]
        logarithms = np.where(logarithms >= least, logarithms, -np.inf)
    weights = np.exp((logarithms - logarithms.max()) / temperature)
    until = np.cumsum(weights)
    place = np.searchsorted(until, rng.random() * until[-1], side="right")
    return 1 + int(min(place, np.flatnonzero(weights)[-1]))


def check_drawing(length: int, temperature: float, top_k: int | None, seed: int) -> None:
    """Raise InputError for a number that is out of its range."""
    whole("generate", "length", length, 0)
    not_negative("generate", "temperature", temperature)
    if top_k is not None:
        whole("generate", "top_k", top_k, 1)
    if whole("generate", "seed", seed, 0) >= 2**32:
        raise InputError(f"generate: seed is {seed}\n  give a whole number below 2**32")
