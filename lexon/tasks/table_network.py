"""The network that reads a row of a table, and the settings it is made by."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np

from lexon import nn
from lexon.errors import InputError
from lexon.optim.checks import fraction, positive, whole

MODELS = ("linear", "mlp")
#: Learning rate of Adam in a linear model, which has no layers in between that add to its steps.
LINEAR_RATE = 0.005
_ADAM = ("adam", "adamw")


def check_settings(model: Any) -> None:
    """Raise InputError for a parameter that makes no sense."""
    if model.model not in MODELS:
        raise InputError(f"there is no model {model.model!r}\n  give one of {', '.join(MODELS)}")
    fraction(model, "dropout", model.dropout)
    fraction(model, "validation_fraction", model.validation_fraction)
    for name, least in (("bins", 0), ("epochs", 1), ("seed", 0)):
        whole(model, name, getattr(model, name), least)
    for name in ("batch_size", "patience"):
        if getattr(model, name) is not None:
            whole(model, name, getattr(model, name), 1)
    for name in ("learning_rate", "clip"):
        if getattr(model, name) is not None:
            positive(model, name, getattr(model, name))
    hidden_widths(model)


def hidden_widths(model: Any) -> list[int]:
    """Neurons of every hidden layer; none in a linear model."""
    given: Any = [model.hidden] if isinstance(model.hidden, Integral) else model.hidden
    if not isinstance(given, (list, tuple)):
        raise InputError(f"hidden is {given!r}\n  give widths of layers such as (256, 256)")
    widths = [whole(model, "hidden", width, 1) for width in given]
    return [] if model.model == "linear" else widths


def usual_rate(model: Any) -> float | None:
    """The learning rate asked for, or None for the optimiser's usual one."""
    if model.learning_rate is None and not hidden_widths(model) and model.optimizer in _ADAM:
        return LINEAR_RATE
    rate: float | None = model.learning_rate
    return rate


def build_network(widths: Sequence[int], dropout: float, rng: np.random.Generator) -> nn.Sequential:
    """Linear layers from width to width, ReLU and dropout between two of them.

    A single layer begins at zero: it has no symmetry to break, and what it does not get to learn
    counts for nothing.
    """
    layers: list[nn.Module] = []
    for place, (below, above) in enumerate(pairwise(widths)):
        if place:
            layers += [nn.ReLU(), nn.Dropout(dropout, rng=rng)]
        layers.append(nn.Linear(below, above, rng=rng))
    if len(layers) == 1:
        single = next(layers[0].parameters())
        single.assign(np.zeros(single.shape))
    return nn.Sequential(*layers)
