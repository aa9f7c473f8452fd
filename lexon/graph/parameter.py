"""A source node that training changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from lexon.errors import ShapeError
from lexon.graph.tensor import Array, Tensor

Derived = TypeVar("Derived")


class Parameter(Tensor):
    """A tensor that belongs to a module and is changed by an optimiser.

    Its array is read-only outside :meth:`writing`, so that everything derived from it (weights
    packed for the kernels) can be kept until the next change, and is never stale.
    """

    __slots__ = ("_derived",)

    def __init__(self, value: npt.ArrayLike, name: str = "") -> None:
        super().__init__(value, name=name)
        self._value = np.array(self._value, order="C", copy=True)
        self._value.flags.writeable = False
        self._derived: dict[str, object] = {}

    def __reduce__(self) -> tuple[object, ...]:
        """Copies and pickles hold the numbers; what is derived from them is made again."""
        return _restored, (self._value, self.name, self.requires_grad)

    @contextmanager
    def writing(self) -> Iterator[Array]:
        """The array, writable within; what was derived from it is forgotten."""
        self._derived.clear()
        self._value.flags.writeable = True
        try:
            yield self._value
        finally:
            self._derived.clear()
            self._value.flags.writeable = False

    def assign(self, value: npt.ArrayLike) -> None:
        """Take over the numbers of ``value``.

        Raises:
            ShapeError: the shapes differ.
        """
        array = np.asarray(value)
        if array.shape != self.shape:
            raise ShapeError(
                f"assign: {self.name or 'parameter'} is {self.shape}, the value {array.shape}"
            )
        with self.writing() as own:
            own[...] = array

    def astype(self, dtype: npt.DTypeLike) -> None:
        """Change the float type, such as to float64 for a gradient check."""
        self._derived.clear()
        self._value = self._value.astype(dtype)
        self._value.flags.writeable = False
        self.grad = None

    def derived(self, name: str, make: Callable[[Array], Derived]) -> Derived:
        """``make(value)``, computed once for each state of the value."""
        if name not in self._derived:
            self._derived[name] = make(self._value)
        return self._derived[name]  # type: ignore[return-value]


def _restored(value: Array, name: str, requires_grad: bool) -> Parameter:
    parameter = Parameter(value, name)
    parameter.requires_grad = requires_grad
    return parameter
