"""Neurons, layers of neurons, and activations as modules."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lexon import ops
from lexon.errors import InputError
from lexon.graph.declare import Operation
from lexon.graph.node import recording
from lexon.graph.parameter import Parameter
from lexon.graph.tensor import Tensor, TensorLike
from lexon.kernels.product import pack
from lexon.nn import init
from lexon.nn.module import Module


def activation(name: str) -> Operation:
    """The elementwise operation called ``name``, such as "relu", "tanh" or "sigmoid".

    Raises:
        InputError: there is none of that name.
    """
    known = {o.name: o for o in (ops.relu, ops.tanh, ops.sigmoid, ops.elu, ops.gelu, ops.silu)}
    if name not in known:
        raise InputError(f"activation {name!r} is none of {', '.join(known)}")
    return known[name]


class Neuron(Module):
    """One neuron, for reading: h = f(w . x + b).

    Made of elementary operations only, so that every step shows in the graph.
    Shapes: x (D) -> a number, or x (N, D) -> (N).

    >>> import lexon
    >>> neuron = lexon.nn.Neuron(2, "sigmoid", rng=0)
    >>> neuron.weight.assign([2.0, -1.0])
    >>> neuron.bias.assign(0.5)
    >>> round(neuron([1.0, 2.0]).item(), 4)
    0.6225
    """

    def __init__(
        self, inputs: int, function: str = "sigmoid", *, rng: init.Random | None = None
    ) -> None:
        if function != "identity":
            activation(function)  # refuses a name that is none
        self.weight = Parameter(init.uniform((inputs,), 1 / math.sqrt(max(inputs, 1)), rng))
        self.bias = Parameter(np.zeros((), np.float32))
        self.function = function

    def forward(self, x: TensorLike) -> Tensor:
        total = ops.add(ops.matmul(x, self.weight), self.bias)
        return total if self.function == "identity" else activation(self.function)(total)

    def settings(self) -> str:
        return f"{len(self.weight)}, {self.function!r}"


class Linear(Module):
    """A layer of neurons without activation: y = x Wᵀ + b.

    Shapes: x (N, in_features) -> (N, out_features); weight (H, D), bias (H).
    First values: weight uniform by Glorot & Bengio 2010, bias 0.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: init.Random | None = None,
    ) -> None:
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(init.xavier_uniform((out_features, in_features), rng))
        self.bias = Parameter(np.zeros(out_features, np.float32)) if bias else None

    def forward(self, x: TensorLike) -> Tensor:
        bias = np.zeros(self.out_features) if self.bias is None else self.bias
        # Weights that stay are packed once; those of a training step serve one product only.
        panels = None if recording() else self.weight.derived("columns", lambda w: pack(w.T))
        return ops.linear(x, self.weight, bias, panels=panels)

    def was_given(self, *inputs: Any) -> str:
        shape = np.shape(getattr(inputs[0], "value", inputs[0]))
        return f"was given {shape[-1]} columns" if shape else "was given a single number"

    def settings(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}"


class _Activation(Module):
    """An elementwise operation as a module."""

    operation: Operation

    def forward(self, x: TensorLike) -> Tensor:
        return type(self).operation(x)


class ReLU(_Activation):
    """max(x, 0)."""

    operation = ops.relu


class Tanh(_Activation):
    """tanh x."""

    operation = ops.tanh


class Sigmoid(_Activation):
    """1 / (1 + e**-x)."""

    operation = ops.sigmoid


class GELU(_Activation):
    """x times the normal distribution function of x."""

    operation = ops.gelu


class SiLU(_Activation):
    """x sigmoid(x)."""

    operation = ops.silu


class ELU(_Activation):
    """x above 0, e**x - 1 below."""

    operation = ops.elu


class Softmax(_Activation):
    """e**x over its sum, along the last dimension: probabilities."""

    operation = ops.softmax


class LogSoftmax(_Activation):
    """The logarithm of softmax, without its overflow."""

    operation = ops.log_softmax
