"""A vector for every word."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lexon import ops
from lexon.errors import InputError
from lexon.graph.parameter import Parameter
from lexon.graph.tensor import Array, Tensor
from lexon.nn import init
from lexon.nn.module import Module


class Embedding(Module):
    """Rows of a table, looked up by word number.

    Shapes: ids (S) -> (S, D); weight (V, D). First values: uniform in [-limit, limit] (0.25 as in
    Kim 2014), or ``vectors``. With ``static=True`` the table is not trained.

    Raises:
        InputError: ``vectors`` is not of the shape (words, dimension).
    """

    def __init__(
        self,
        words: int,
        dimension: int,
        *,
        limit: float = 0.25,
        vectors: npt.ArrayLike | None = None,
        static: bool = False,
        rng: init.Random | None = None,
    ) -> None:
        first = init.uniform((words, dimension), limit, rng) if vectors is None else vectors
        if np.shape(first) != (words, dimension):
            raise InputError(
                f"Embedding: the vectors are {np.shape(first)}, not {(words, dimension)}\n"
                "  give one row of that width for each word"
            )
        self.weight = Parameter(first)
        self.weight.requires_grad = not static
        self.static = static

    def forward(self, ids: Array) -> Tensor:
        return ops.lookup(self.weight, ids=ids)

    def settings(self) -> str:
        words, dimension = self.weight.shape
        return f"words={words}, dimension={dimension}" + (", static" if self.static else "")

    def was_given(self, *inputs: Any) -> str:
        return f"was given ids of shape {getattr(inputs[0], 'shape', '?')}"
