"""Recurrent networks one step at a time, made of elementary operations: the equations to read.

``RNN``, ``GRU`` and ``LSTM`` compute the same for whole sequences at once, from parameters of the
same names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from lexon import ops
from lexon.errors import InputError, ShapeError
from lexon.graph.parameter import Parameter
from lexon.graph.tensor import Array, Tensor, TensorLike
from lexon.nn import init
from lexon.nn.module import Module
from lexon.ops.steps import Nonlinearity

Recurrent = Literal["orthogonal", "identity", "uniform"]


class Gates(Module):
    """The parameters of one layer and direction: ``count`` gates of ``hidden_size`` units.

    Shapes: weight_x (G H, D), weight_h (G H, H), bias (G H).
    First values: weight_x uniform by Glorot & Bengio, gate by gate; weight_h orthogonal, gate by
    gate, or by ``recurrent`` the identity (Le et al. 2015) or uniform by Glorot & Bengio; bias 0.
    With ``limit`` both weights are uniform in [-limit, limit].

    Raises:
        InputError: a size is below 1, or ``recurrent`` is unknown.
    """

    count: int

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        recurrent: Recurrent = "orthogonal",
        limit: float | None = None,
        rng: init.Random | None = None,
    ) -> None:
        self.input_size, self.hidden_size = input_size, hidden_size
        if min(input_size, hidden_size) < 1:
            raise InputError(
                f"{type(self).__name__}: input_size {input_size}, hidden_size {hidden_size}\n"
                "  give 1 or more of each"
            )
        rng, units = init.generator(rng), hidden_size
        self.weight_x = Parameter(self._each((units, input_size), "uniform", limit, rng))
        self.weight_h = Parameter(self._each((units, units), recurrent, limit, rng))
        self.bias = Parameter(np.zeros(self.count * units, np.float32))

    @property
    def weights(self) -> tuple[Parameter, ...]:
        """In the order in which the operations take them."""
        return self.weight_x, self.weight_h, self.bias

    def _each(
        self, shape: tuple[int, int], kind: Recurrent, limit: float | None, rng: init.Random
    ) -> Array:
        """The first values of every gate's matrix, one below the other."""
        makers: dict[str, Callable[[], Array]] = {
            "orthogonal": lambda: init.orthogonal(shape, rng),
            "identity": lambda: init.identity(shape),
            "uniform": lambda: init.xavier_uniform(shape, rng),
        }
        if kind not in makers:
            raise InputError(f"recurrent {kind!r} is none of {', '.join(makers)}")
        make = makers[kind]
        if limit is not None:
            make = partial(init.uniform, shape, limit, rng)
        return np.concatenate([make() for _ in range(self.count)])

    def states(self, x: TensorLike, given: Sequence[TensorLike] | None, number: int) -> Any:
        """So many states (B, H) for rows x (B, D): those given, or zeros.

        Raises:
            ShapeError: x or a state has another shape, or there are not as many states.
        """
        shape = np.shape(getattr(x, "value", x))
        if len(shape) != 2 or shape[1] != self.input_size:
            raise ShapeError(f"{self!r}: x is {shape}\n  give (B, {self.input_size})")
        wanted = (shape[0], self.hidden_size)
        if given is None:
            return [np.zeros(wanted, self.bias.dtype)] * number
        found = [np.shape(getattr(state, "value", state)) for state in given]
        if found != [wanted] * number:
            many = "a state" if number == 1 else "the two states h and c, each"
            raise ShapeError(
                f"{self!r}: states of shape {', '.join(map(str, found))} for x {shape}\n"
                f"  give {many} {wanted}"
            )
        return list(given)

    def was_given(self, *inputs: Any) -> str:
        shape = np.shape(getattr(inputs[0], "value", inputs[0]))
        return f"was given {shape[-1]} columns" if shape else "was given a single number"

    def settings(self) -> str:
        return f"input_size={self.input_size}, hidden_size={self.hidden_size}"


class RNNGates(Gates):
    """The parameters of a simple recurrent layer."""

    count = 1


class GRUGates(Gates):
    """The parameters of gated recurrent units, gates r, u (update), n; bias_h (H) is n's second."""

    count = 3

    def __init__(self, input_size: int, hidden_size: int, **first: Any) -> None:
        super().__init__(input_size, hidden_size, **first)
        self.bias_h = Parameter(np.zeros(hidden_size, np.float32))

    @property
    def weights(self) -> tuple[Parameter, ...]:
        return *super().weights, self.bias_h


class LSTMGates(Gates):
    """The parameters of a long short-term memory, gates i, f, g, o.

    ``forget_bias`` is the first value of the forget gate's bias: above 0 a memory begins by
    remembering (Gers et al. 2000, Jozefowicz et al. 2015).
    """

    count = 4

    def __init__(
        self, input_size: int, hidden_size: int, *, forget_bias: float = 1.0, **first: Any
    ) -> None:
        super().__init__(input_size, hidden_size, **first)
        with self.bias.writing() as bias:
            bias[hidden_size : 2 * hidden_size] = forget_bias


class RNNCell(RNNGates):
    """h = f(W_x x + W_h h_prev + b); f is tanh or relu.

    Shapes: x (B, D), h (B, H), zeros if left out -> h (B, H).
    """

    def __init__(
        self, input_size: int, hidden_size: int, nonlinearity: Nonlinearity = "tanh", **first: Any
    ) -> None:
        super().__init__(input_size, hidden_size, **first)
        self.nonlinearity = nonlinearity

    def forward(self, x: TensorLike, h: TensorLike | None = None) -> Tensor:
        (h,) = self.states(x, None if h is None else [h], 1)
        return ops.rnn_step(
            x, self.weight_x, self.weight_h, self.bias, h, nonlinearity=self.nonlinearity
        )


class GRUCell(GRUGates):
    """h = k h_prev + (1 - k) n, with update gate k and candidate n: see :func:`lexon.ops.gru`.

    Shapes: x (B, D), h (B, H), zeros if left out -> h (B, H). ``reset_after=False``: the reset
    gate before the product, as first published.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, reset_after: bool = True, **first: Any
    ) -> None:
        super().__init__(input_size, hidden_size, **first)
        self.reset_after = reset_after

    def forward(self, x: TensorLike, h: TensorLike | None = None) -> Tensor:
        (h,) = self.states(x, None if h is None else [h], 1)
        weights = self.weight_x, self.weight_h, self.bias, self.bias_h
        return ops.gru_step(x, *weights, h, reset_after=self.reset_after)


class LSTMCell(LSTMGates):
    """c = f c_prev + i g; h = o tanh(c): see :func:`lexon.ops.lstm`.

    Shapes: x (B, D), state (h, c), each (B, H), zeros if left out -> the next (h, c).
    """

    def forward(
        self, x: TensorLike, state: tuple[TensorLike, TensorLike] | None = None
    ) -> tuple[Tensor, Tensor]:
        pair = state if state is None or isinstance(state, (tuple, list)) else [state]
        h, c = self.states(x, pair, 2)
        return ops.lstm_step(x, self.weight_x, self.weight_h, self.bias, h, c)
