"""Networks over n-grams of sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from lexon import ops
from lexon.errors import InputError
from lexon.graph.parameter import Parameter
from lexon.graph.tensor import Array, Tensor, TensorLike
from lexon.kernels.ngram import pack_filters
from lexon.nn import init
from lexon.nn.module import Module
from lexon.ops.ngram import Activation, Edges


class NgramConv(Module):
    """Filters over n-grams of several sizes, each pooled over time to one number.

    Equations: y[b, f] = pool over t of f(w_f . x[t : t + K] + b_f), the windows side by side.
    Shapes: x (S, D), lengths (B) -> (B, windows x filters); the weight of window K is (F, K, D).
    First values: uniform in [-limit, limit] (0.01 as in Kim 2014), by Glorot & Bengio for None.
    ``map(x, lengths, window)`` gives the feature map before pooling, to look at.
    Source: Kim 2014, section 2.

    Raises:
        InputError: no windows, one twice or below 1; an unknown activation, pool or edges.
    """

    def __init__(
        self,
        dimension: int,
        filters: int,
        windows: Sequence[int] = (2, 3, 4),
        *,
        activation: Activation = "relu",
        pool: Literal["max", "mean"] = "max",
        edges: Edges = "wide",
        limit: float | None = None,
        rng: init.Random | None = None,
    ) -> None:
        rng = init.generator(rng)
        self.dimension, self.filters, self.windows = dimension, filters, tuple(windows)
        self.activation, self.pool, self.edges = activation, pool, edges
        self._check()
        for window in self.windows:
            shape = (filters, window, dimension)
            first = init.xavier_uniform(shape, rng) if limit is None else None
            weight = init.uniform(shape, limit, rng) if limit is not None else first
            setattr(self, f"weight_{window}", Parameter(weight))  # type: ignore[arg-type]
            setattr(self, f"bias_{window}", Parameter(np.zeros(filters, np.float32)))

    def _check(self) -> None:
        allowed = {
            "activation": ("identity", "relu", "tanh"),
            "pool": ("max", "mean"),
            "edges": ("wide", "valid"),
        }
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise InputError(
                    f"NgramConv: {name} {getattr(self, name)!r} is none of {', '.join(values)}"
                )
        distinct = set(self.windows)
        if not distinct or min(distinct) < 1 or len(distinct) < len(self.windows):
            raise InputError(
                f"NgramConv: windows {self.windows}\n"
                "  give one or more, each once, of 1 row or more"
            )

    def weight(self, window: int) -> Parameter:
        """The filters (F, K, D) of one window."""
        return getattr(self, f"weight_{window}")

    def bias(self, window: int) -> Parameter:
        return getattr(self, f"bias_{window}")

    def forward(self, x: TensorLike, lengths: Array) -> Tensor:
        parts = [self._pooled(x, lengths, window) for window in self.windows]
        return ops.concatenate(*parts, axis=1) if len(parts) > 1 else parts[0]

    def _pooled(self, x: TensorLike, lengths: Array, window: int) -> Tensor:
        """One window's filters over a text."""
        return (ops.ngram_max if self.pool == "max" else ops.ngram_mean)(
            x,
            self.weight(window),
            self.bias(window),
            lengths=lengths,
            edges=self.edges,
            activation=self.activation,
            panels=self.weight(window).derived("panels", pack_filters),
        )

    def map(self, x: TensorLike, lengths: Array, window: int) -> Tensor:
        """The feature map (T, F) of one window, before activation and pooling."""
        return ops.ngram(
            x,
            self.weight(window),
            self.bias(window),
            lengths=lengths,
            edges=self.edges,
            panels=self.weight(window).derived("panels", pack_filters),
        )

    def settings(self) -> str:
        return f"dimension={self.dimension}, filters={self.filters}, windows={self.windows}"
