"""One case of one operation: what it is given, and what it is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.graph import OPERATIONS, Tensor

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Case:
    """``operation`` applied to ``inputs`` (float64) with ``options``.

    ``reference``, where given, computes the same from PyTorch tensors; ``fresh`` makes options
    that must be new for every call, such as a random generator. Letters of the signature that
    the inputs do not tell are given in ``sizes``.
    """

    operation: str
    inputs: tuple[Array, ...]
    options: dict[str, Any] = field(default_factory=dict)
    label: str = ""
    reference: Callable[..., Any] | None = None
    fresh: Callable[[], dict[str, Any]] = dict
    sizes: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.operation}-{self.label}" if self.label else self.operation

    def __call__(self, *xs: Any) -> Any:
        return OPERATIONS[self.operation](*xs, **self.options, **self.fresh())

    @property
    def twin(self) -> Callable[..., Any] | None:
        """The same operation made of elementary ones, if it has such a form."""
        twin = getattr(OPERATIONS[self.operation], "twin", None)
        if twin is None:
            return None
        return lambda *xs: twin(*xs, **self.options, **self.fresh())

    @property
    def empty(self) -> bool:
        """Whether there is no number to differentiate by."""
        return all(x.size == 0 for x in self.inputs)


def listed(outputs: Any) -> tuple[Tensor, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


def values_and_gradients(
    function: Callable[..., Any], inputs: tuple[Array, ...]
) -> tuple[list[Array], list[Array]]:
    """Outputs, and gradients of the sum of outputs times fixed random weights."""
    sources = [Tensor(x) for x in inputs]
    outputs = listed(function(*sources))
    parts = [(y * weights_like(y.value)).sum() for y in outputs]
    total = sum(parts[1:], parts[0])
    total.backward()
    gradients = []
    for source in sources:
        g: Any = np.zeros_like(source.value) if source.grad is None else source.grad
        gradients.append(g if isinstance(g, np.ndarray) else g.dense())
    return [y.value for y in outputs], gradients


def weights_like(value: Array) -> Array:
    return np.random.default_rng(7).normal(size=value.shape).astype(value.dtype)


def normal(seed: int, *shape: int) -> Array:
    """Random numbers, all different, in float64."""
    return np.random.default_rng(seed).normal(size=shape)


def positive(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).uniform(0.2, 3.0, size=shape)
