"""Modules: parameters with a name, and what they compute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError
from lexon.graph.node import inside
from lexon.graph.parameter import Parameter
from lexon.graph.tensor import Array


class Module:
    """A part of a network: write ``forward`` and set parameters and modules as attributes.

    There is no registration: ``parameters``, ``named_parameters`` and ``state_dict`` walk the
    attributes in the order in which they were set.

    >>> from lexon import nn
    >>> layer = nn.Linear(3, 2, rng=0)
    >>> [(name, p.shape) for name, p in layer.named_parameters()]
    [('weight', (2, 3)), ('bias', (2,))]
    """

    training: bool = True

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """What this module computes."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        with inside(self, inputs):
            return self.forward(*inputs, **options)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules set as attributes, or in lists or dictionaries set as attributes."""
        for name, value in self._attributes():
            if isinstance(value, Module):
                yield name, value

    def _attributes(self) -> Iterator[tuple[str, Any]]:
        """All attributes; for a list or dictionary its items, as ``name.place``."""
        for name, value in vars(self).items():
            yield from _items(name, value)

    def modules(self) -> Iterator[Module]:
        """This module and all within it."""
        yield self
        for _, child in self.named_children():
            yield from child.modules()

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """All parameters with their paths, each once."""
        seen: set[int] = set()
        for name, parameter in self._walk(""):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                parameter.name = name
                yield name, parameter

    def _walk(self, prefix: str) -> Iterator[tuple[str, Parameter]]:
        for name, value in self._attributes():
            if isinstance(value, Parameter):
                yield prefix + name, value
        for name, child in self.named_children():
            yield from child._walk(f"{prefix}{name}.")

    def parameters(self) -> Iterator[Parameter]:
        """All parameters, each once."""
        for _, parameter in self.named_parameters():
            yield parameter

    def train(self, mode: bool = True) -> Module:
        """Training mode (dropout drops) or not."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Prediction mode: the same as ``train(False)``."""
        return self.train(False)

    def astype(self, dtype: npt.DTypeLike) -> Module:
        """Change the float type of all parameters."""
        for parameter in self.parameters():
            parameter.astype(dtype)
        return self

    def state_dict(self) -> dict[str, Array]:
        """The arrays of all parameters by path (copies)."""
        return {name: np.array(p.value) for name, p in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, npt.ArrayLike]) -> None:
        """Take over the numbers of ``state``; nothing changes unless all of it fits.

        Raises:
            InputError: names are missing or left over, or shapes differ; all are listed.
        """
        own = dict(self.named_parameters())
        faults = [f"missing: {name}" for name in own if name not in state]
        faults += [f"not a parameter of this network: {name}" for name in state if name not in own]
        for name in own.keys() & state.keys():
            if np.shape(state[name]) != own[name].shape:
                faults.append(f"{name} is {np.shape(state[name])}, not {own[name].shape}")
        if faults:
            listed = "\n  ".join(sorted(faults))
            raise InputError(f"state does not fit {type(self).__name__}:\n  {listed}")
        for name, parameter in own.items():
            parameter.assign(state[name])

    def was_given(self, *inputs: Any) -> str:
        """What to say of the inputs in a shape error."""
        return ""

    def settings(self) -> str:
        """The arguments to show in ``repr``."""
        return ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.settings()})"


def _items(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """``value`` by its name; a list or dictionary item by item, however deep."""
    if isinstance(value, (list, tuple)):
        for place, item in enumerate(value):
            yield from _items(f"{name}.{place}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _items(f"{name}.{key}", item)
    else:
        yield name, value


class Sequential(Module):
    """Modules applied one after the other.

    >>> from lexon import nn
    >>> net = nn.Sequential(nn.Linear(4, 8, rng=0), nn.ReLU(), nn.Linear(8, 3, rng=1))
    >>> net([[1.0, 2.0, 3.0, 4.0]]).shape
    (1, 3)
    """

    def __init__(self, *layers: Module) -> None:
        self.layers = list(layers)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        for name, child in super().named_children():
            yield name.removeprefix("layers."), child

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, place: int) -> Module:
        return self.layers[place]

    def settings(self) -> str:
        return ", ".join(repr(layer) for layer in self.layers)
