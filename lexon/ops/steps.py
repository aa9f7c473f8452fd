"""Recurrent networks one step at a time, in elementary operations: the equations to read.

``step_by_step`` walks with a step over sequences laid end to end, ``in_directions`` walks in one
direction or in both; these are what the operations of ``recurrent.py`` are compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from lexon.errors import InputError
from lexon.graph.tensor import Array, Tensor, TensorLike
from lexon.kernels.recurrent import walk
from lexon.ops.elementwise import add, multiply, relu, sigmoid, subtract, tanh
from lexon.ops.product import matmul
from lexon.ops.shape import concatenate, index, split, stack, transpose

Nonlinearity = Literal["tanh", "relu"]


def rnn_step(
    x: TensorLike, w: TensorLike, u: TensorLike, b: TensorLike, h: TensorLike,
    *, nonlinearity: Nonlinearity = "tanh",
) -> Tensor:  # fmt: skip
    """One step of ``rnn``: x (B, D) and h (B, H) -> h (B, H)."""
    total = add(add(matmul(x, transpose(w)), b), matmul(h, transpose(u)))
    return relu(total) if is_rectified(nonlinearity) else tanh(total)


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


def in_directions(
    step: Callable[..., tuple[Tensor, ...]],
    x: Tensor,
    states: Sequence[TensorLike],
    weights: Sequence[Tensor],
    lengths: Array,
    reverse: Sequence[bool],
) -> tuple[Tensor, ...]:
    """h and the final states (B, n, H) by ``step(x, *states, *weights)``, direction by direction.

    Each state (B, n, H) holds all directions; the weights are those of one after the other's.
    """
    count = len(weights) // len(reverse)
    each = []
    for side, back in enumerate(reverse):
        own = weights[side * count : (side + 1) * count]
        first = [index(state, index=(slice(None), side)) for state in states]
        each.append(step_by_step(lambda *xs, own=own: step(*xs, *own), x, first, lengths, back))
    outputs, *finals = zip(*each, strict=True)
    return concatenate(*outputs, axis=1), *(stack(*final, axis=1) for final in finals)


def step_by_step(
    step: Callable[..., tuple[Tensor, ...]],
    x: Tensor,
    states: list[Tensor],
    lengths: Array,
    reverse: bool = False,
) -> tuple[Tensor, ...]:
    """h of all rows and the final states, by ``step(x, *states)`` on all sequences that go on."""
    steps = walk(np.asarray(lengths, np.int64), (reverse,))
    empty = np.setdiff1d(np.arange(len(lengths)), steps.sequences)
    ended = [empty]
    final = [[index(state, index=empty)] for state in states]
    now = tuple(index(state, index=steps.sequences) for state in states)
    outputs, rows = [index(states[0], index=slice(0, 0))], [np.empty(0, np.int64)]
    following = [*steps.active[1:], 0][: len(steps.active)]
    for t, (active, left) in enumerate(zip(steps.active, following, strict=True)):
        rows.append(steps.first[0][:active] + t * steps.strides[0])
        now = step(index(x, index=rows[-1]), *now)
        outputs.append(now[0])
        ended.append(steps.sequences[left:active])
        for own, state in zip(final, now, strict=True):
            own.append(index(state, index=slice(left, active)))
        now = tuple(index(state, index=slice(0, left)) for state in now)
    h = index(concatenate(*outputs), index=np.argsort(np.concatenate(rows)))
    order = np.argsort(np.concatenate(ended))
    return h, *(index(concatenate(*own), index=order) for own in final)


def is_rectified(nonlinearity: Nonlinearity) -> bool:
    """Whether it is relu, not tanh."""
    if nonlinearity not in ("tanh", "relu"):
        raise InputError(f'nonlinearity {nonlinearity!r} is neither "tanh" nor "relu"')
    return nonlinearity == "relu"


def checked_directions(operation: str, reverse: Sequence[bool], number: int) -> tuple[bool, ...]:
    """``reverse`` as a tuple of so many.

    Raises:
        InputError: it is none.
    """
    if isinstance(reverse, bool) or len(reverse) != number:
        raise InputError(
            f"{operation}: there are weights of {number} directions, and reverse is {reverse}\n"
            "  tell for each direction whether it goes backwards, such as (False, True)"
        )
    return tuple(bool(back) for back in reverse)
