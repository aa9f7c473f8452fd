"""Recurrent networks over sequences laid end to end: one layer, in one direction or in both.

The operations do for all steps of whole batches what the functions of ``steps.py`` do for one.
What stands in the brackets of their signatures is given once for each direction: from the first
row to the last, or in ``reverse`` from the last to the first. h has the directions side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from lexon.graph.declare import op
from lexon.graph.node import Downstream, Pull
from lexon.graph.tensor import Array, Tensor
from lexon.kernels.product import pack, product
from lexon.kernels.recurrent import Each, Walk, walk
from lexon.kernels.recurrent_gru import gru_backward, gru_forward
from lexon.kernels.recurrent_lstm import lstm_backward, lstm_forward
from lexon.kernels.recurrent_rnn import rnn_backward, rnn_forward
from lexon.kernels.strip import pack_gates, pack_strips, sums_over_rows
from lexon.ops.sequences import checked_lengths
from lexon.ops.steps import (
    Nonlinearity,
    checked_directions,
    gru_step,
    in_directions,
    is_rectified,
    lstm_step,
    rnn_step,
)

#: ``derived`` of a :class:`Parameter`: what is made of a weight, kept until the weight changes.
Derived: TypeAlias = Callable[[str, Callable[[Array], Any]], Any]
#: Takes, on the way back and by direction, the norms of the gradient that reached h at each step.
Note: TypeAlias = Callable[[list[Array]], None]


@op("x: S D, h0: B n H, [w: H D, u: H H, b: H]+ | lengths: B -> h: S nH, h_n: B n H")
def rnn(
    x: Array,
    h0: Array,
    *weights: Array,
    lengths: Array,
    reverse: Sequence[bool] = (False,),
    nonlinearity: Nonlinearity = "tanh",
    derived: Sequence[Derived] | None = None,
    note: Note | None = None,
) -> tuple[tuple[Array, Array], Pull]:
    """The simple recurrent network: h = f(w x + u h_prev + b), row by row of each sequence.

    Shapes: x (S, D), h0 (B, n, H), lengths (B), and for each of n directions w (H, D), u (H, H),
    b (H) -> h (S, n H) and h_n (B, n, H), each sequence's state after its last step (h0 of an
    empty one). f is tanh or relu (``nonlinearity``).
    Source: Elman 1990.
    """
    steps, layers = _begin("rnn", x, lengths, reverse, weights, derived, 3)
    rectified = is_rectified(nonlinearity)
    z = _inputs(x, layers)()
    strips = _gates(layers, 1)
    h, h_n = rnn_forward(z, strips, h0, steps, rectified)

    def pull(dh: Array, dh_n: Array) -> tuple[Downstream, ...]:
        total = _room(h, note)
        dz = rnn_backward(h, _strips(layers), dh, dh_n, steps, rectified, total)
        _tell(note, total, steps)
        to_h0 = partial(_to_h0, dz, steps.of_empty(dh_n), layers, steps)
        return partial(_to_x, dz, layers), to_h0, *_to_weights(dz, x, h, h0, steps)

    return (h, h_n), pull


@rnn.composed
def _rnn(
    x: Tensor, h0: Tensor, *weights: Tensor, lengths: Array,
    reverse: Sequence[bool] = (False,), nonlinearity: Nonlinearity = "tanh",
) -> tuple[Tensor, ...]:  # fmt: skip
    def step(x: Tensor, h: Tensor, w: Tensor, u: Tensor, b: Tensor) -> tuple[Tensor]:
        return (rnn_step(x, w, u, b, h, nonlinearity=nonlinearity),)

    return in_directions(step, x, [h0], weights, lengths, reverse)


@op("x: S D, h0: B n H, [w: 3H D, u: 3H H, b: 3H, v: H]+ | lengths: B -> h: S nH, h_n: B n H")
def gru(
    x: Array,
    h0: Array,
    *weights: Array,
    lengths: Array,
    reverse: Sequence[bool] = (False,),
    derived: Sequence[Derived] | None = None,
    note: Note | None = None,
) -> tuple[tuple[Array, Array], Pull]:
    """Gated recurrent units, the reset gate behind the product.

    Equations: with z_r, z_u, z_n the thirds of w x + b, and u_r, u_u, u_n those of u,
        r = sigmoid(z_r + u_r h_prev)            reset gate: near 0 it forgets
        k = sigmoid(z_u + u_u h_prev)            update gate: near 1 it keeps the old state
        n = tanh(z_n + r (u_n h_prev + v))
        h = k h_prev + (1 - k) n
    Shapes: x (S, D), h0 (B, n, H), lengths (B), and for each of n directions w (3H, D), u (3H, H),
    b (3H), v (H) -> h (S, n H) and h_n (B, n, H).
    Source: Cho et al. 2014; the place of the reset gate as in PyTorch and cuDNN.
    """
    steps, layers = _begin("gru", x, lengths, reverse, weights, derived, 4)
    strips = _gates(layers, 3)
    bias, inputs = tuple(layer.weights[3].copy() for layer in layers), _inputs(x, layers)

    def forward() -> tuple[tuple[Each, Array], tuple[Array, Array]]:
        gates = inputs()
        h, q, h_n = gru_forward(gates, strips, bias, h0, steps)
        return (gates, q), (h, h_n)

    kept, (h, h_n) = forward()
    waiting = [kept]

    def pull(dh: Array, dh_n: Array) -> tuple[Downstream, ...]:
        dz, dq = waiting.pop() if waiting else forward()[0]
        total = _room(h, note)
        direct = gru_backward(dz, dq, h, h0, _strips(layers), dh, dh_n, steps, total)
        _tell(note, total, steps)
        to_h0 = partial(_to_h0, dz, direct, layers, steps, dq)
        return partial(_to_x, dz, layers), to_h0, *_to_gru_weights(dz, dq, x, h, h0, steps)

    return (h, h_n), pull


@gru.composed
def _gru(
    x: Tensor, h0: Tensor, *weights: Tensor, lengths: Array, reverse: Sequence[bool] = (False,)
) -> tuple[Tensor, ...]:
    def step(x: Tensor, h: Tensor, w: Tensor, u: Tensor, b: Tensor, v: Tensor) -> tuple[Tensor]:
        return (gru_step(x, w, u, b, v, h),)

    return in_directions(step, x, [h0], weights, lengths, reverse)


@op(
    "x: S D, h0: B n H, c0: B n H, [w: 4H D, u: 4H H, b: 4H]+ | lengths: B"
    " -> h: S nH, h_n: B n H, c_n: B n H"
)
def lstm(
    x: Array,
    h0: Array,
    c0: Array,
    *weights: Array,
    lengths: Array,
    reverse: Sequence[bool] = (False,),
    derived: Sequence[Derived] | None = None,
    note: Note | None = None,
) -> tuple[tuple[Array, Array, Array], Pull]:
    """Long short-term memory.

    Equations: with z_i, z_f, z_g, z_o the quarters of w x + u h_prev + b,
        i, f, o = sigmoid(z_i), sigmoid(z_f), sigmoid(z_o)      input, forget and output gate
        c = f c_prev + i tanh(z_g)                              memory cell
        h = o tanh(c)
    Shapes: x (S, D), h0 and c0 (B, n, H), lengths (B), and for each of n directions w (4H, D),
    u (4H, H), b (4H) -> h (S, n H), h_n and c_n (B, n, H).
    Source: Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000.
    """
    steps, layers = _begin("lstm", x, lengths, reverse, weights, derived, 3)
    strips = _gates(layers, 4)
    inputs = _inputs(x, layers)

    def forward() -> tuple[Each, tuple[Array, ...]]:
        gates = inputs()
        return gates, lstm_forward(gates, strips, h0, c0, steps)

    gates, (h, c, h_n, c_n) = forward()
    waiting = [gates]

    def pull(dh: Array, dh_n: Array, dc_n: Array) -> tuple[Downstream, ...]:
        dz = waiting.pop() if waiting else forward()[0]
        total = _room(h, note)
        dc0 = lstm_backward(dz, c, c0, _strips(layers), dh, dh_n, dc_n, steps, total)
        _tell(note, total, steps)
        to_h0 = partial(_to_h0, dz, steps.of_empty(dh_n), layers, steps)
        return partial(_to_x, dz, layers), to_h0, dc0, *_to_weights(dz, x, h, h0, steps)

    return (h, h_n, c_n), pull


@lstm.composed
def _lstm(
    x: Tensor, h0: Tensor, c0: Tensor, *weights: Tensor, lengths: Array,
    reverse: Sequence[bool] = (False,),
) -> tuple[Tensor, ...]:  # fmt: skip
    def step(
        x: Tensor, h: Tensor, c: Tensor, w: Tensor, u: Tensor, b: Tensor
    ) -> tuple[Tensor, Tensor]:
        return lstm_step(x, w, u, b, h, c)

    return in_directions(step, x, [h0, c0], weights, lengths, reverse)


class _Layer(NamedTuple):
    """One direction: its weights, and where to get what is made of w and of u."""

    weights: tuple[Array, ...]
    of_w: Derived
    of_u: Derived


def _begin(
    operation: str, x: Array, lengths: Array, reverse: Sequence[bool],
    weights: tuple[Array, ...], derived: Sequence[Derived] | None, count: int,
) -> tuple[Walk, list[_Layer]]:  # fmt: skip
    """The walk over the rows, and the directions."""
    back = checked_directions(operation, reverse, len(weights) // count)
    steps = walk(checked_lengths(operation, lengths, len(x)), back)
    layers = []
    for side in range(len(back)):
        own = weights[side * count : (side + 1) * count]
        of = derived[2 * side : 2 * side + 2] if derived else [_fresh(w) for w in own[:2]]
        layers.append(_Layer(own, *of))
    return steps, layers


def _fresh(weight: Array) -> Derived:
    return lambda _, make: make(weight)


def _inputs(x: Array, layers: list[_Layer]) -> Callable[[], Each]:
    """Makes w x + b (S, G H) of each direction, from the weights as they are now."""
    made = [(one.of_w("columns", _columns), one.weights[2].copy()) for one in layers]
    return lambda: tuple(product(x, panels, b) for panels, b in made)


def _gates(layers: list[_Layer], number: int) -> Each:
    """u of each direction for the way forward, so many gates."""
    return tuple(layer.of_u("gates", partial(pack_gates, gates=number)) for layer in layers)


def _strips(layers: list[_Layer]) -> Each:
    """u of each direction for the way back."""
    return tuple(layer.of_u("strips", pack_strips) for layer in layers)


def _to_x(dz: Each, layers: list[_Layer]) -> Array:
    """The gradient of x from those of each w x + b."""
    parts = [product(d, one.of_w("rows", pack)) for d, one in zip(dz, layers, strict=True)]
    for part in parts[1:]:
        parts[0] += part
    return parts[0]


def _to_h0(
    dz: Each, direct: Array, layers: list[_Layer], steps: Walk, dq: Array | None = None
) -> Array:
    """What the first steps send to h0 (B, n, H) through u, beside what goes there ``direct``.

    With ``dq`` (S, n H) the last part of u meets it instead of dz.
    """
    dh0, units = direct.copy(), direct.shape[2]
    for side, (own, layer, first) in enumerate(zip(dz, layers, steps.first, strict=True)):
        rows = own[first]
        if dq is not None:
            rows[:, -units:] = dq[first, side * units : (side + 1) * units]
        dh0[steps.sequences, side] += product(rows, layer.weights[1])
    return dh0


def _to_weights(
    dz: Each, x: Array, h: Array, h0: Array, steps: Walk
) -> Iterator[Callable[[], Array]]:
    """Gradients of each w, u and b."""
    inputs = cache(partial(pack_strips, x))

    def sums(side: int) -> tuple[Array, ...]:
        dw, du, db = _rooms(dz[side], x.shape[1], h0.shape[2])
        sums_over_rows(dz[side], 0, db, (inputs(), steps.before(h, h0, side)), (dw, du))
        return dw, du, db

    for side in range(len(dz)):
        yield from _together(partial(sums, side), 3)


def _to_gru_weights(
    dz: Each, dq: Array, x: Array, h: Array, h0: Array, steps: Walk
) -> Iterator[Callable[[], Array]]:
    """Gradients of each w, u, b and v; the last third of u meets dq, not dz."""
    inputs, units = cache(partial(pack_strips, x)), h0.shape[2]

    def sums(side: int) -> tuple[Array, ...]:
        own, before = dz[side], steps.before(h, h0, side)
        dw, du, db = _rooms(own, x.shape[1], units)
        dv = np.empty(units, own.dtype)
        sums_over_rows(own, 0, db, (inputs(),), (dw,))
        sums_over_rows(own, 0, np.empty(2 * units, own.dtype), (before,), (du[: 2 * units],))
        sums_over_rows(dq, side * units, dv, (before,), (du[2 * units :],))
        return dw, du, db, dv

    for side in range(len(dz)):
        yield from _together(partial(sums, side), 4)


def _together(make: Callable[[], tuple[Array, ...]], number: int) -> list[Callable[[], Array]]:
    """Promises of so many gradients that are made together, when the first is asked for."""
    made = cache(make)
    return [lambda place=place: made()[place] for place in range(number)]  # type: ignore[misc]


def _rooms(dz: Array, inputs: int, units: int) -> tuple[Array, Array, Array]:
    """For the gradients of w, u and b."""
    wide, dtype = dz.shape[1], dz.dtype
    return np.empty((wide, inputs), dtype), np.empty((wide, units), dtype), np.empty(wide, dtype)


def _columns(w: Array) -> Any:
    return pack(w.T)


def _room(h: Array, note: Note | None) -> Array:
    """Room for the whole gradient that reached each row, where somebody asks for it."""
    return np.empty(h.shape if note else (0, 0), h.dtype)


def _tell(note: Note | None, total: Array, steps: Walk) -> None:
    """By direction: norms of the gradient by time step, over all sequences that have that step."""
    if note is None:
        return
    norms = []
    each = np.split(total, len(steps.strides), axis=1)
    for own, first, stride in zip(each, steps.first, steps.strides, strict=True):
        squares = np.einsum("sh,sh->s", own, own, dtype=np.float64)
        rows = [first[:n] + t * stride for t, n in enumerate(steps.active)]
        norms.append(np.sqrt([squares[some].sum() for some in rows]))
    note(norms)
