"""Recurrent layers over sequences of any lengths, stacked and in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from lexon import ops
from lexon.errors import InputError, ShapeError
from lexon.graph.parameter import Parameter
from lexon.graph.tensor import Array, Tensor, TensorLike
from lexon.nn import init
from lexon.nn.cells import Gates, GRUGates, LSTMGates, RNNGates
from lexon.nn.dropout import Dropout
from lexon.nn.module import Module
from lexon.ops.steps import Nonlinearity

Initial = Literal["zeros", "learned", "random"]
#: One array (B, layers x directions, H), or for an LSTM a pair of them: h and c.
State = Any

#: Standard deviation of a random initial state.
DEVIATION = 0.1


class Recurrent(Module):
    """What the recurrent layers share: stacking, directions, states, diagnosis.

    ``layer(x, lengths)`` -> outputs, state. Shapes: x (S, D), lengths (B) with sum S -> outputs
    (S, H), or (S, 2H) with both directions side by side; state (B, layers x directions, H), for
    an LSTM a pair (h, c): after each layer's last step, which going backwards is the first row.
    A sequence of length 0 keeps its initial state.

    ``layer(x, lengths, state)`` goes on from a state of that shape. Without one the ``initial``
    state is zeros; "learned", a parameter; or "random", normal with deviation 0.1 in training and
    zeros in prediction. The state returned is cut off from the graph (a next batch may go on from
    it) unless ``detach=False``. ``dropout`` acts on the outputs of all layers but the last.

    With ``record_gradients = True``, ``gradient_norms`` holds after backward for each layer
    ("0", "0_reverse", "1", ...) the norm of the gradient that reached h at each time step, over
    the batch: where it falls by powers gradients vanish, where it rises they explode.

    Raises:
        InputError: a size is below 1; dropout is not in [0, 1); an option is unknown.
    """

    record_gradients = False
    gates: type[Gates]
    operation: Any
    states = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        *,
        initial: Initial = "zeros",
        rng: init.Random | None = None,
        **first: Any,
    ) -> None:
        if num_layers < 1 or initial not in ("zeros", "learned", "random"):
            raise InputError(
                f"{type(self).__name__}: num_layers {num_layers}, initial {initial!r}\n"
                '  give 1 layer or more; initial is "zeros", "learned" or "random"'
            )
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bidirectional, self.initial = bidirectional, initial
        self.rng = init.generator(rng)
        names = ["{}", "{}_reverse"][: self.directions]
        widths = [input_size] + [hidden_size * self.directions] * (num_layers - 1)
        self.layers = {
            name.format(layer): self.gates(width, hidden_size, rng=self.rng, **first)
            for layer, width in enumerate(widths)
            for name in names
        }
        self.dropout = Dropout(dropout, rng=self.rng)
        shape = (len(self.layers), hidden_size)
        self.first_states = [
            Parameter(np.zeros(shape, np.float32))
            for _ in range(self.states * (initial == "learned"))
        ]
        self.gradient_norms: dict[str, Array] = {}

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def reverse(self) -> tuple[bool, ...]:
        """For each direction, whether it goes from the last row to the first."""
        return (False, True)[: self.directions]

    @property
    def output_size(self) -> int:
        """Columns of the outputs."""
        return self.hidden_size * self.directions

    def forward(
        self, x: TensorLike, lengths: Any, state: State = None, *, detach: bool = True
    ) -> tuple[Tensor, State]:
        lengths = np.asarray(lengths)
        if lengths.ndim != 1:
            raise ShapeError(
                f"{type(self).__name__}: lengths have shape {lengths.shape}\n"
                "  give how many rows each sequence has, such as [5, 3]"
            )
        given = self._given(state, len(lengths))
        first = (len(lengths), self.directions, self.hidden_size)
        zeros = [np.zeros(first, self.layers["0"].bias.dtype)] * self.states
        outputs: Any = x
        finals: list[tuple[Tensor, ...]] = []
        for layer in range(self.num_layers):
            if layer:
                outputs = self.dropout(outputs)
            places = slice(layer * self.directions, (layer + 1) * self.directions)
            own = [ops.index(s, index=(slice(None), places)) for s in given] or zeros
            names = list(self.layers)[places]
            outputs, *final = self._one(names, outputs, own, lengths)
            finals.append(tuple(final))
        states = tuple(_side_by_side(each, detach) for each in zip(*finals, strict=True))
        return outputs, states if self.states > 1 else states[0]

    def _one(
        self, names: list[str], x: Any, states: Sequence[Any], lengths: Array
    ) -> tuple[Tensor, ...]:
        """One layer in all its directions: outputs and final states (B, directions, H)."""
        weights = [weight for name in names for weight in self.layers[name].weights]
        return self.operation(x, *states, *weights, **self._options(names, lengths))

    def _options(self, names: list[str], lengths: Array) -> dict[str, Any]:
        """What the operations take beside tensors."""
        own = [self.layers[name] for name in names]
        derived = [w.derived for one in own for w in (one.weight_x, one.weight_h)]

        def note(norms: list[Array]) -> None:
            self.gradient_norms |= dict(zip(names, norms, strict=True))

        return {
            "lengths": lengths,
            "reverse": self.reverse,
            "derived": derived,
            "note": note if self.record_gradients else None,
        }

    def _given(self, state: State, batch: int) -> list[Any]:
        """The initial states (B, layers x directions, H), one or two; none for zeros."""
        shape = (batch, len(self.layers), self.hidden_size)
        if state is not None:
            parts = [state] if self.states == 1 else state
            if not isinstance(parts, (list, tuple)) or len(parts) != self.states:
                raise ShapeError(
                    f"{type(self).__name__}: its initial state is no pair\n"
                    "  give (h, c), each (sequences, layers x directions, hidden size)"
                )
            for part in parts:
                if np.shape(getattr(part, "value", part)) != shape:
                    found = np.shape(getattr(part, "value", part))
                    raise ShapeError(
                        f"{type(self).__name__}: the initial state is {found}, not {shape}\n"
                        "  give (sequences, layers x directions, hidden size)"
                    )
            dtype = self.layers["0"].bias.dtype
            return [p if isinstance(p, Tensor) else np.asarray(p, dtype) for p in parts]
        if self.initial == "learned":
            return [ops.broadcast_to(first, shape=shape) for first in self.first_states]
        if self.initial == "random" and self.training:
            drawn = (self.rng.normal(0, DEVIATION, shape) for _ in range(self.states))
            return [values.astype(self.layers["0"].bias.dtype) for values in drawn]
        return []

    def was_given(self, *inputs: Any) -> str:
        shape = np.shape(getattr(inputs[0], "value", inputs[0]))
        return f"was given {shape[-1]} columns" if shape else "was given a single number"

    def settings(self) -> str:
        more = f", num_layers={self.num_layers}" if self.num_layers > 1 else ""
        more += ", bidirectional" if self.bidirectional else ""
        more += f", dropout={self.dropout.rate}" if self.dropout.rate else ""
        more += f", initial={self.initial!r}" if self.initial != "zeros" else ""
        return f"input_size={self.input_size}, hidden_size={self.hidden_size}{more}"


def _side_by_side(states: Sequence[Tensor], detach: bool) -> Tensor:
    """Final states of all layers and directions as one, (B, layers x directions, H)."""
    if not detach:
        return ops.concatenate(*states, axis=1) if len(states) > 1 else states[0]
    values = [state.value for state in states]
    whole = np.concatenate(values, axis=1) if len(values) > 1 else values[0]
    return Tensor(whole, requires_grad=False)


class RNN(Recurrent):
    """Simple recurrent layers: h = f(W_x x + W_h h_prev + b); f is tanh or relu.

    Arguments, shapes and states: :class:`lexon.nn.recurrent.Recurrent`; parameters:
    :class:`lexon.nn.cells.Gates`.

    >>> from lexon import nn
    >>> outputs, state = nn.RNN(3, 4, rng=0)([[1.0, 2.0, 3.0]] * 5, [2, 0, 3])
    >>> outputs.shape, state.shape
    ((5, 4), (3, 1, 4))
    """

    gates, operation = RNNGates, ops.rnn

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        *,
        nonlinearity: Nonlinearity = "tanh",
        **options: Any,
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, bidirectional, dropout, **options)
        if nonlinearity not in ("tanh", "relu"):
            raise InputError(f'RNN: nonlinearity {nonlinearity!r} is neither "tanh" nor "relu"')
        self.nonlinearity: Nonlinearity = nonlinearity

    def _options(self, names: list[str], lengths: Array) -> dict[str, Any]:
        return super()._options(names, lengths) | {"nonlinearity": self.nonlinearity}


class GRU(Recurrent):
    """Layers of gated recurrent units: equations in :func:`lexon.ops.gru`.

    Arguments, shapes and states: :class:`lexon.nn.recurrent.Recurrent`; parameters:
    :class:`lexon.nn.cells.GRUGates`. ``reset_after=False`` puts the reset gate before the
    product, as first published; it goes step by step through elementary operations, slowly, and
    records no gradient norms.
    """

    gates, operation = GRUGates, ops.gru

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        *,
        reset_after: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, bidirectional, dropout, **options)
        self.reset_after = reset_after

    def _one(
        self, names: list[str], x: Any, states: Sequence[Any], lengths: Array
    ) -> tuple[Tensor, ...]:
        if self.reset_after:
            return super()._one(names, x, states, lengths)

        def step(x: Tensor, h: Tensor, w: Any, u: Any, b: Any, v: Any) -> tuple[Tensor]:
            return (ops.gru_step(x, w, u, b, v, h, reset_after=False),)

        weights = [weight for name in names for weight in self.layers[name].weights]
        lengths = ops.checked_lengths("GRU", lengths, np.shape(getattr(x, "value", x))[0])
        return ops.in_directions(step, x, states, weights, lengths, self.reverse)


class LSTM(Recurrent):
    """Layers of long short-term memory: equations in :func:`lexon.ops.lstm`.

    Arguments, shapes and states: :class:`lexon.nn.recurrent.Recurrent`; parameters:
    :class:`lexon.nn.cells.LSTMGates`, with ``forget_bias``.

    >>> from lexon import nn
    >>> layer = nn.LSTM(3, 4, bidirectional=True, rng=0)
    >>> outputs, (h, c) = layer([[1.0, 2.0, 3.0]] * 5, [2, 0, 3])
    >>> outputs.shape, h.shape, c.shape
    ((5, 8), (3, 2, 4), (3, 2, 4))
    """

    gates, operation = LSTMGates, ops.lstm
    states = 2
