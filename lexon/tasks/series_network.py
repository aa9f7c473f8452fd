"""The network that reads a window of rows, and the settings it is made by."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np

from lexon import nn, ops
from lexon.errors import InputError
from lexon.graph.tensor import Array, Tensor
from lexon.optim.checks import fraction, positive, whole
from lexon.tasks.networks import RECURRENT, recurrent_shapes

MODELS = ("rnn", "gru", "lstm")


class SeriesNetwork(nn.Module):
    """Recurrent layers over the rows of a window, and a linear layer on their last state.

    Equations: y = W dropout(h) + b, h the last layer's state after the rows dropout(x) of a window.
    W begins at zero: before it has learned anything the network says that all changes are alike.

    Shapes: x (S, D) and lengths (B) -> y (B, 1).
    """

    def __init__(self, width: int, settings: Mapping[str, Any], rng: np.random.Generator) -> None:
        kind, _ = RECURRENT[settings["model"]]
        dropout, hidden = float(settings["dropout"]), settings["hidden"]
        self.layer = kind(width, hidden, settings["layers"], dropout=dropout, rng=rng)
        self.dropout = nn.Dropout(dropout, rng=rng)
        self.out = nn.Linear(hidden, 1, rng=rng)
        self.out.weight.assign(np.zeros((1, hidden)))

    def forward(self, x: Array, lengths: Array) -> Tensor:
        _, state = self.layer(self.dropout(x), lengths, detach=False)
        h = state[0] if isinstance(state, tuple) else state
        return self.out(self.dropout(ops.index(h, index=(slice(None), -1))))


def weight_shapes(width: int, settings: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The weights of the network of these settings, without building it."""
    found = {**settings, "dimension": width, "pool": "last"}
    return {"out.bias": (1,)} | recurrent_shapes(settings["model"], found, 1)


def check_settings(model: Any) -> None:
    """Raise InputError for a parameter that makes no sense."""
    if model.model not in MODELS:
        raise InputError(
            f"there is no model {model.model!r} for series\n  give one of {', '.join(MODELS)}"
        )
    named = [name for name in (model.series, model.by, model.order) if name is not None]
    for name in named:
        if not isinstance(name, str):
            raise InputError(f"the name of a column is {name!r}\n  give series, by, order as text")
    if model.series is None or len(set(named)) < len(named):
        raise InputError(
            f"series is {model.series!r}, by {model.by!r}, order {model.order!r}\n"
            "  give three different columns, or None for by and order"
        )
    left_out(model)
    fraction(model, "dropout", model.dropout)
    fraction(model, "validation_fraction", model.validation_fraction)
    for name in ("hidden", "layers", "epochs", "batch_size"):
        whole(model, name, getattr(model, name), 1)
    whole(model, "seed", model.seed, 0)
    if model.patience is not None:
        whole(model, "patience", model.patience, 1)
    for name in ("learning_rate", "clip"):
        if getattr(model, name) is not None:
            positive(model, name, getattr(model, name))
    span(model)


def left_out(model: Any) -> tuple[str, ...]:
    """The names of the columns that are no inputs.

    Raises:
        InputError: they are no names, or series or by are among them.
    """
    given: Any = model.leave_out
    names = given if isinstance(given, (list, tuple)) else [None]
    if any(not isinstance(name, str) or name in (model.series, model.by) for name in names):
        raise InputError(
            f'leave_out is {given!r}\n  give names of further columns, such as ("year", "month")'
        )
    return tuple(names)


def span(model: Any) -> tuple[int, int]:
    """The shortest and the longest window, in rows.

    Raises:
        InputError: ``past`` is neither a number from 1 on nor a pair of them, the larger last.
    """
    given: Any = model.past
    pair = [given, given] if isinstance(given, Integral) else given
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        raise InputError(f"past is {given!r}\n  give a number of rows, or a pair such as (5, 7)")
    least, most = (whole(model, "past", rows, 1) for rows in pair)
    if least > most:
        raise InputError(f"past is {least}..{most}\n  give the smaller number first")
    return least, most
