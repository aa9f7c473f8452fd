"""Weights of PyTorch modules, by name, in and out; PyTorch itself is not needed.

They come as a mapping of names to arrays, such as a ``state_dict`` whose tensors became arrays, or
as a safetensors file; nothing is unpickled. Modules that have no other names there (``Linear``,
``Embedding``) keep their own; recurrent layers and cells are translated:

    weight_x, weight_h       weight_ih_l0, weight_hh_l0; _l0_reverse; of a cell without _l0
    bias                     bias_ih_l0 + bias_hh_l0: one sum, as the equations have it
    bias, bias_h of a GRU    the candidate's hidden bias stands within the reset gate, so it stays

Learned initial states are unknown to PyTorch: they are neither read nor written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from lexon.errors import InputError, ModelFileError
from lexon.graph.parameter import Parameter
from lexon.graph.tensor import Array
from lexon.nn.cells import Gates, GRUGates
from lexon.nn.module import Module
from lexon.nn.recurrent import Recurrent
from lexon.storage import replacing

#: Names and arrays (or what NumPy can make arrays of), or a safetensors file that holds them.
Weights: TypeAlias = Mapping[str, Any] | str | os.PathLike[str]


class _Entry(NamedTuple):
    """Parameters here and the arrays there that say the same."""

    parameters: list[Parameter]
    names: list[str]
    shapes: list[tuple[int, ...]]
    read: Callable[[list[Array]], list[Array]]
    write: Callable[[list[Array]], list[Array]]
    optional: bool = False


def load(module: Module, weights: Weights) -> None:
    """Give ``module`` the weights of a PyTorch module of the same structure.

    Nothing changes unless all of it fits.

    Raises:
        InputError: names are missing or left over, or shapes differ; all are listed.
        ModelFileError: the file cannot be read or is no safetensors file.
    """
    arrays = _arrays(weights)
    known, faults, values = set(), [], []
    for entry in _entries(module, ""):
        known.update(entry.names)
        there = [name in arrays for name in entry.names]
        if entry.optional and not any(there):
            values.append([np.zeros(shape) for shape in entry.shapes])
            continue
        faults += [f"missing: {n}" for n, has in zip(entry.names, there, strict=True) if not has]
        given = [arrays[name] for name in entry.names if name in arrays]
        for name, array, shape in zip(entry.names, given, entry.shapes, strict=False):
            if all(there) and array.shape != shape:
                faults.append(f"{name} is {array.shape}, not {shape}")
        values.append(given)
    faults += [f"not in this network: {name}" for name in arrays if name not in known]
    if faults:
        listed = "\n  ".join(sorted(faults))
        raise InputError(f"these weights do not fit {type(module).__name__}:\n  {listed}")
    for entry, given in zip(_entries(module, ""), values, strict=True):
        for parameter, value in zip(entry.parameters, entry.read(given), strict=True):
            parameter.assign(value)


def state_dict(module: Module) -> dict[str, Array]:
    """The weights of ``module`` by PyTorch's names (copies): ``load_state_dict`` takes them.

    >>> from lexon import nn
    >>> list(state_dict(nn.LSTM(3, 4, rng=0)))
    ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0']
    """
    weights: dict[str, Array] = {}
    for entry in _entries(module, ""):
        values = entry.write([np.array(parameter.value) for parameter in entry.parameters])
        weights.update(zip(entry.names, values, strict=True))
    return weights


def save(module: Module, path: str | os.PathLike[str]) -> None:
    """Write the weights of ``module``, by PyTorch's names, to a safetensors file.

    Raises:
        InputError: the file cannot be written; what stood there is unchanged.
    """
    from safetensors.numpy import save as serialise

    with replacing(path) as temporary:
        temporary.write_bytes(serialise(state_dict(module)))


def _entries(module: Module, prefix: str) -> Iterator[_Entry]:
    """All parameters of ``module``, as PyTorch groups and names them."""
    if getattr(module, "reset_after", True) is False:
        raise InputError(
            f"{type(module).__name__}: PyTorch has no reset gate before the product\n"
            "  use reset_after=True, the only form that both have"
        )
    if isinstance(module, Recurrent):
        for name, gates in module.layers.items():
            yield from _of_gates(gates, prefix, f"_l{name}")
        return
    if isinstance(module, Gates):
        yield from _of_gates(module, prefix, "")
        return
    for name, value in vars(module).items():
        if isinstance(value, Parameter):
            yield _Entry([value], [prefix + name], [value.shape], _same, _same)
    for name, child in module.named_children():
        yield from _entries(child, f"{prefix}{name}.")


def _of_gates(gates: Gates, prefix: str, layer: str) -> Iterator[_Entry]:
    for own, name in ((gates.weight_x, "weight_ih"), (gates.weight_h, "weight_hh")):
        yield _Entry([own], [f"{prefix}{name}{layer}"], [own.shape], _same, _same)
    names = [f"{prefix}bias_ih{layer}", f"{prefix}bias_hh{layer}"]
    shapes = [gates.bias.shape] * 2
    if not isinstance(gates, GRUGates):
        yield _Entry([gates.bias], names, shapes, _added, _parted, optional=True)
        return
    whole = 2 * gates.hidden_size  # of the reset and the update gate

    def read(biases: list[Array]) -> list[Array]:
        inputs, hidden = biases
        return [np.concatenate([inputs[:whole] + hidden[:whole], inputs[whole:]]), hidden[whole:]]

    def write(biases: list[Array]) -> list[Array]:
        bias, bias_h = biases
        return [bias, np.concatenate([np.zeros(whole, bias.dtype), bias_h])]

    yield _Entry([gates.bias, gates.bias_h], names, shapes, read, write, optional=True)


def _same(arrays: list[Array]) -> list[Array]:
    return arrays


def _added(biases: list[Array]) -> list[Array]:
    return [biases[0] + biases[1]]


def _parted(biases: list[Array]) -> list[Array]:
    return [biases[0], np.zeros_like(biases[0])]


def _arrays(weights: Weights) -> dict[str, Array]:
    if isinstance(weights, Mapping):
        return {name: np.asarray(array) for name, array in weights.items()}
    if hasattr(weights, "state_dict"):
        raise InputError(
            f"{type(weights).__name__} is a module, not its weights\n"
            "  give module.state_dict(), or a safetensors file"
        )
    from safetensors import SafetensorError
    from safetensors.numpy import load as parse

    try:
        return parse(Path(weights).read_bytes())
    except OSError as error:
        raise ModelFileError(f"{weights}: cannot be read: {error.strerror}") from None
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise ModelFileError(
            f"{weights}: not a usable safetensors file: {error}\n"
            "  save the weights as float32 with safetensors; pickled files are not read"
        ) from None
