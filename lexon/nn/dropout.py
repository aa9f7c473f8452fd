"""Dropout as a module."""

from __future__ import annotations

from lexon import ops
from lexon.errors import InputError
from lexon.graph.tensor import Tensor, TensorLike
from lexon.nn import init
from lexon.nn.module import Module


class Dropout(Module):
    """In training each number is set to 0 with probability ``rate``, the others grow to match.

    Equations: y = x m / (1 - rate), m of zeros and ones; y = x in prediction.
    Source: Srivastava et al. 2014.

    Raises:
        InputError: ``rate`` is not in [0, 1).
    """

    def __init__(self, rate: float = 0.5, *, rng: init.Random | None = None) -> None:
        if not 0 <= rate < 1:
            raise InputError(
                f"dropout rate {rate} is not in [0, 1)\n  0.5 drops every other number"
            )
        self.rate, self.rng = rate, init.generator(rng)

    def forward(self, x: TensorLike) -> Tensor:
        if not self.training or self.rate == 0:
            return x if isinstance(x, Tensor) else Tensor(x, requires_grad=False)
        return ops.dropout(x, rate=self.rate, rng=self.rng)

    def settings(self) -> str:
        return f"{self.rate}"
