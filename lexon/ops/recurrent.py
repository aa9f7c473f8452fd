"""Recurrent networks over sequences laid end to end: one layer, one direction.

The step functions (``rnn_step``, ``gru_step``, ``lstm_step``) are the equations in elementary
operations; the operations do the same for all steps of whole batches at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, Literal, TypeAlias

import numpy as np

from lexon.errors import InputError
from lexon.graph.declare import op
from lexon.graph.node import Downstream, Pull
from lexon.graph.tensor import Array, Tensor, TensorLike
from lexon.kernels.product import pack, product
from lexon.kernels.recurrent import Walk, walk
from lexon.kernels.recurrent_gru import gru_backward, gru_forward
from lexon.kernels.recurrent_lstm import lstm_backward, lstm_forward
from lexon.kernels.recurrent_rnn import rnn_backward, rnn_forward
from lexon.kernels.strip import gate_sums, pack_gates, pack_strips
from lexon.ops.elementwise import add, multiply, relu, sigmoid, subtract, tanh
from lexon.ops.product import matmul
from lexon.ops.sequences import checked_lengths
from lexon.ops.shape import concatenate, index, split, transpose

Nonlinearity = Literal["tanh", "relu"]
#: ``derived`` of a :class:`Parameter`: what is made of a weight, kept until the weight changes.
Derived: TypeAlias = Callable[[str, Callable[[Array], Any]], Any]
#: Takes, on the way back, the norms of the gradient that reached h at each time step.
Note: TypeAlias = Callable[[Array], None]


@op("x: S D, w: H D, u: H H, b: H, h0: B H | lengths: B -> h: S H, h_n: B H")
def rnn(
    x: Array,
    w: Array,
    u: Array,
    b: Array,
    h0: Array,
    *,
    lengths: Array,
    reverse: bool = False,
    nonlinearity: Nonlinearity = "tanh",
    derived: tuple[Derived, Derived] | None = None,
    note: Note | None = None,
) -> tuple[tuple[Array, Array], Pull]:
    """The simple recurrent network: h = f(w x + u h_prev + b), row by row of each sequence.

    Shapes: x (S, D), w (H, D), u (H, H), b (H), h0 (B, H), lengths (B) -> h (S, H) and h_n (B, H),
    each sequence's state after its last step (h0 of an empty one). With ``reverse`` the steps go
    from the last row to the first. f is tanh or relu (``nonlinearity``).
    Source: Elman 1990.
    """
    steps, of_w, of_u = _begin("rnn", x, lengths, reverse, derived, w, u)
    rectified = _rectified(nonlinearity)
    z = product(x, of_w("columns", _columns))
    bias = np.ascontiguousarray(b)
    h = rnn_forward(z, bias, of_u("gates", partial(pack_gates, gates=1)), h0, steps, rectified)

    def pull(dh: Array, dh_n: Array) -> tuple[Downstream, ...]:
        total = _room(h, note)
        dz, grads, dh0 = rnn_backward(
            h, of_u("strips", pack_strips), _rows(dh), dh_n, steps, rectified, total
        )
        _tell(note, total, steps)
        sums = _sums(grads, x, h, h0, steps, [0])
        return (
            lambda: product(dz, of_w("rows", pack)),
            lambda: sums()[1][0],
            lambda: sums()[1][1],
            lambda: sums()[0],
            dh0,
        )

    return (h, steps.last(h, h0)), pull


@rnn.composed
def _rnn(
    x: Tensor, w: Tensor, u: Tensor, b: Tensor, h0: Tensor, *, lengths: Array,
    reverse: bool = False, nonlinearity: Nonlinearity = "tanh",
) -> tuple[Tensor, ...]:  # fmt: skip
    def step(x: Tensor, h: Tensor) -> tuple[Tensor]:
        return (rnn_step(x, w, u, b, h, nonlinearity=nonlinearity),)

    return step_by_step(step, x, [h0], lengths, reverse)


@op("x: S D, w: 3H D, u: 3H H, b: 3H, v: H, h0: B H | lengths: B -> h: S H, h_n: B H")
def gru(
    x: Array,
    w: Array,
    u: Array,
    b: Array,
    v: Array,
    h0: Array,
    *,
    lengths: Array,
    reverse: bool = False,
    derived: tuple[Derived, Derived] | None = None,
    note: Note | None = None,
) -> tuple[tuple[Array, Array], Pull]:
    """Gated recurrent units, the reset gate behind the product.

    Equations: with z_r, z_u, z_n the thirds of w x + b, and u_r, u_u, u_n those of u,
        r = sigmoid(z_r + u_r h_prev)            reset gate: near 0 it forgets
        k = sigmoid(z_u + u_u h_prev)            update gate: near 1 it keeps the old state
        n = tanh(z_n + r (u_n h_prev + v))
        h = k h_prev + (1 - k) n
    Shapes: x (S, D), w (3H, D), u (3H, H), b (3H), v (H), h0 (B, H), lengths (B) -> h (S, H) and
    h_n (B, H); ``reverse`` as in ``rnn``.
    Source: Cho et al. 2014; the place of the reset gate as in PyTorch and cuDNN.
    """
    steps, of_w, of_u = _begin("gru", x, lengths, reverse, derived, w, u)
    units = h0.shape[1]
    gates = product(x, of_w("columns", _columns))
    strips = of_u("gates", partial(pack_gates, gates=3))
    bias = np.ascontiguousarray(b)
    h, q = gru_forward(gates, bias, strips, np.ascontiguousarray(v), h0, steps)

    def pull(dh: Array, dh_n: Array) -> tuple[Downstream, ...]:
        total = _room(h, note)
        dz, grads, dh0 = gru_backward(
            gates, q, h, h0, of_u("strips", pack_strips), _rows(dh), dh_n, steps, total
        )
        _tell(note, total, steps)
        rows = len(x)

        @cache
        def to_x() -> tuple[Array, list[Array]]:
            return gate_sums(grads, rows, [0, 1, 2], units, [(pack_strips(x), x.shape[1])])

        @cache
        def to_h() -> tuple[Array, list[Array]]:
            return gate_sums(grads, rows, [0, 1, 3], units, [(steps.before(h, h0), units)])

        return (
            lambda: product(dz, of_w("rows", pack)),
            lambda: to_x()[1][0],
            lambda: to_h()[1][0],
            lambda: to_x()[0],
            lambda: to_h()[0][2 * units :],
            dh0,
        )

    return (h, steps.last(h, h0)), pull


@gru.composed
def _gru(
    x: Tensor, w: Tensor, u: Tensor, b: Tensor, v: Tensor, h0: Tensor, *, lengths: Array,
    reverse: bool = False,
) -> tuple[Tensor, ...]:  # fmt: skip
    def step(x: Tensor, h: Tensor) -> tuple[Tensor]:
        return (gru_step(x, w, u, b, v, h),)

    return step_by_step(step, x, [h0], lengths, reverse)


@op("x: S D, w: 4H D, u: 4H H, b: 4H, h0: B H, c0: B H | lengths: B -> h: S H, h_n: B H, c_n: B H")
def lstm(
    x: Array,
    w: Array,
    u: Array,
    b: Array,
    h0: Array,
    c0: Array,
    *,
    lengths: Array,
    reverse: bool = False,
    derived: tuple[Derived, Derived] | None = None,
    note: Note | None = None,
) -> tuple[tuple[Array, Array, Array], Pull]:
    """Long short-term memory.

    Equations: with z_i, z_f, z_g, z_o the quarters of w x + u h_prev + b,
        i, f, o = sigmoid(z_i), sigmoid(z_f), sigmoid(z_o)      input, forget and output gate
        c = f c_prev + i tanh(z_g)                              memory cell
        h = o tanh(c)
    Shapes: x (S, D), w (4H, D), u (4H, H), b (4H), h0 and c0 (B, H), lengths (B) -> h (S, H),
    h_n and c_n (B, H); ``reverse`` as in ``rnn``.
    Source: Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000.
    """
    steps, of_w, of_u = _begin("lstm", x, lengths, reverse, derived, w, u)
    gates = product(x, of_w("columns", _columns))
    bias = np.ascontiguousarray(b)
    h, c = lstm_forward(gates, bias, of_u("gates", partial(pack_gates, gates=4)), h0, c0, steps)

    def pull(dh: Array, dh_n: Array, dc_n: Array) -> tuple[Downstream, ...]:
        total = _room(h, note)
        dz, grads, dh0, dc0 = lstm_backward(
            gates, c, c0, of_u("strips", pack_strips), _rows(dh), dh_n, dc_n, steps, total
        )
        _tell(note, total, steps)
        sums = _sums(grads, x, h, h0, steps, [0, 1, 2, 3])
        return (
            lambda: product(dz, of_w("rows", pack)),
            lambda: sums()[1][0],
            lambda: sums()[1][1],
            lambda: sums()[0],
            dh0,
            dc0,
        )

    return (h, steps.last(h, h0), steps.last(c, c0)), pull


@lstm.composed
def _lstm(
    x: Tensor, w: Tensor, u: Tensor, b: Tensor, h0: Tensor, c0: Tensor, *, lengths: Array,
    reverse: bool = False,
) -> tuple[Tensor, ...]:  # fmt: skip
    def step(x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        return lstm_step(x, w, u, b, h, c)

    return step_by_step(step, x, [h0, c0], lengths, reverse)


def rnn_step(
    x: TensorLike, w: TensorLike, u: TensorLike, b: TensorLike, h: TensorLike,
    *, nonlinearity: Nonlinearity = "tanh",
) -> Tensor:  # fmt: skip
    """One step of ``rnn``: x (B, D) and h (B, H) -> h (B, H)."""
    total = add(add(matmul(x, transpose(w)), b), matmul(h, transpose(u)))
    return relu(total) if _rectified(nonlinearity) else tanh(total)


def gru_step(
    x: TensorLike, w: TensorLike, u: TensorLike, b: TensorLike, v: TensorLike, h: TensorLike,
    *, reset_after: bool = True,
) -> Tensor:  # fmt: skip
    """One step of ``gru``: x (B, D) and h (B, H) -> h (B, H).

    With ``reset_after=False`` the reset gate stands before the product, as in Cho et al. 2014:
    n = tanh(z_n + u_n (r h_prev) + v).
    """
    units = np.shape(getattr(v, "value", v))[0]
    sizes = (units, units, units)
    z_r, z_u, z_n = split(add(matmul(x, transpose(w)), b), sizes=sizes, axis=1)
    u_r, u_u, u_n = split(u, sizes=sizes)
    r = sigmoid(add(z_r, matmul(h, transpose(u_r))))
    k = sigmoid(add(z_u, matmul(h, transpose(u_u))))
    if reset_after:
        inner = multiply(r, add(matmul(h, transpose(u_n)), v))
    else:
        inner = add(matmul(multiply(r, h), transpose(u_n)), v)
    n = tanh(add(z_n, inner))
    return add(multiply(k, h), multiply(subtract(1.0, k), n))


def lstm_step(
    x: TensorLike, w: TensorLike, u: TensorLike, b: TensorLike, h: TensorLike, c: TensorLike
) -> tuple[Tensor, Tensor]:
    """One step of ``lstm``: x (B, D), h and c (B, H) -> h and c (B, H)."""
    total = add(add(matmul(x, transpose(w)), b), matmul(h, transpose(u)))
    z_i, z_f, z_g, z_o = split(total, sizes=(total.shape[1] // 4,) * 4, axis=1)
    now = add(multiply(sigmoid(z_f), c), multiply(sigmoid(z_i), tanh(z_g)))
    return multiply(sigmoid(z_o), tanh(now)), now


def step_by_step(
    step: Callable[..., tuple[Tensor, ...]],
    x: Tensor,
    states: list[Tensor],
    lengths: Array,
    reverse: bool = False,
) -> tuple[Tensor, ...]:
    """h of all rows and the final states, by ``step(x, *states)`` on all sequences that go on."""
    steps = walk(np.asarray(lengths, np.int64), reverse)
    empty = np.setdiff1d(np.arange(len(lengths)), steps.sequences)
    ended = [empty]
    final = [[index(state, index=empty)] for state in states]
    now = tuple(index(state, index=steps.sequences) for state in states)
    outputs, rows = [index(states[0], index=slice(0, 0))], [np.empty(0, np.int64)]
    following = [*steps.active[1:], 0][: len(steps.active)]
    for t, (active, left) in enumerate(zip(steps.active, following, strict=True)):
        rows.append(steps.first[:active] + t * steps.stride)
        now = step(index(x, index=rows[-1]), *now)
        outputs.append(now[0])
        ended.append(steps.sequences[left:active])
        for own, state in zip(final, now, strict=True):
            own.append(index(state, index=slice(left, active)))
        now = tuple(index(state, index=slice(0, left)) for state in now)
    h = index(concatenate(*outputs), index=np.argsort(np.concatenate(rows)))
    order = np.argsort(np.concatenate(ended))
    return h, *(index(concatenate(*own), index=order) for own in final)


def _begin(
    operation: str, x: Array, lengths: Array, reverse: bool,
    derived: tuple[Derived, Derived] | None, w: Array, u: Array,
) -> tuple[Walk, Derived, Derived]:  # fmt: skip
    """The walk over the rows, and where to get what is made of the weights."""
    steps = walk(checked_lengths(operation, lengths, len(x)), reverse)
    fresh: tuple[Derived, Derived] = (lambda _, make: make(w), lambda _, make: make(u))
    return steps, *(derived or fresh)


def _sums(
    grads: Array, x: Array, h: Array, h0: Array, steps: Walk, gates: list[int]
) -> Callable[[], tuple[Array, list[Array]]]:
    """Gradients of b, and of w and u: made together, when the first is asked for."""

    def make() -> tuple[Array, list[Array]]:
        units = h.shape[1]
        bs = [(pack_strips(x), x.shape[1]), (steps.before(h, h0), units)]
        return gate_sums(grads, len(x), gates, units, bs)

    return cache(make)


def _columns(w: Array) -> Any:
    return pack(w.T)


def _rows(dh: Array) -> Array:
    return np.ascontiguousarray(dh)


def _room(h: Array, note: Note | None) -> Array:
    """Room for the whole gradient that reached each row, where somebody asks for it."""
    return np.empty(h.shape if note else (0, 0), h.dtype)


def _tell(note: Note | None, total: Array, steps: Walk) -> None:
    """Norms of the gradient by time step, over all sequences that have that step."""
    if note is None:
        return
    squares = np.einsum("sh,sh->s", total, total, dtype=np.float64)
    rows = [steps.first[:n] + t * steps.stride for t, n in enumerate(steps.active)]
    note(np.sqrt([squares[some].sum() for some in rows]))


def _rectified(nonlinearity: Nonlinearity) -> bool:
    if nonlinearity not in ("tanh", "relu"):
        raise InputError(f'nonlinearity {nonlinearity!r} is neither "tanh" nor "relu"')
    return nonlinearity == "relu"
