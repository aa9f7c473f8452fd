"""The recurrent kernels in plain NumPy, name by name: the specification, for any float type.

Where a kernel takes weights in ``strips`` its twin takes the weights, where it takes a ``walk``
the lengths, and of the directions it does one. Nothing is overwritten.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.kernels.reference import logistic, starts_of

Array = npt.NDArray[Any]


def _rows(lengths: Array, reverse: bool) -> Iterator[tuple[int, list[int]]]:
    """For each sequence its rows in the order of its steps."""
    for b, (start, length) in enumerate(zip(starts_of(lengths), lengths, strict=True)):
        rows = list(range(start, start + length))
        yield b, rows[::-1] if reverse else rows


# recurrent.py


def before(h: Array, h0: Array, lengths: Array, reverse: bool) -> Array:
    """h_prev (S, H): for each row of h (S, H) the state before it."""
    states = np.empty_like(h)
    for b, rows in _rows(lengths, reverse):
        for earlier, row in zip([None, *rows], rows, strict=False):
            states[row] = h0[b] if earlier is None else h[earlier]
    return states


def last(h: Array, h0: Array, lengths: Array, reverse: bool) -> Array:
    """The states (B, H) after the last step; of an empty sequence the first one."""
    states = h0.copy()
    for b, rows in _rows(lengths, reverse):
        if rows:
            states[b] = h[rows[-1]]
    return states


# strip.py


def sums_over_rows(a: Array, bs: list[Array]) -> tuple[Array, list[Array]]:
    """Sums over the rows of A (S, M) and of Aᵀ B for each B (S, N)."""
    return a.sum(axis=0), [a.T @ b for b in bs]


# recurrent_rnn.py


def rnn_forward(
    z: Array, u: Array, h0: Array, lengths: Array, reverse: bool, rectified: bool
) -> Array:
    """h (S, H) of every row, from z = W x + b (S, H) and u (H, H)."""
    h = np.empty_like(z)
    for n, rows in _rows(lengths, reverse):
        state = h0[n]
        for row in rows:
            total = z[row] + u @ state
            h[row] = state = np.maximum(total, 0) if rectified else np.tanh(total)
    return h


def rnn_backward(
    h: Array, u: Array, dh: Array, dh_n: Array, lengths: Array, reverse: bool, rectified: bool
) -> tuple[Array, Array]:
    """dz (S, H), and the whole gradient (S, H) that reached each row's h."""
    dz, total = np.empty_like(h), np.empty_like(h)
    for b, rows in _rows(lengths, reverse):
        dstate = dh_n[b]
        for row in rows[::-1]:
            total[row] = dstate = dstate + dh[row]
            dz[row] = dstate * (h[row] > 0 if rectified else 1 - h[row] ** 2)
            dstate = dz[row] @ u
    return dz, total


# recurrent_gru.py


def gru_forward(
    z: Array, u: Array, v: Array, h0: Array, lengths: Array, reverse: bool
) -> tuple[Array, Array, Array]:
    """h and q (S, H) of every row, and the gates r, u, n (S, 3H), from z, u (3H, H), v."""
    units = h0.shape[1]
    h, q, gates = np.empty((len(z), units), z.dtype), np.empty((len(z), units), z.dtype), z.copy()
    for place, rows in _rows(lengths, reverse):
        state = h0[place]
        for row in rows:
            zs, us = np.split(z[row], 3), np.split(u @ state, 3)
            r, k = logistic(zs[0] + us[0]), logistic(zs[1] + us[1])
            q[row] = us[2] + v
            n = np.tanh(zs[2] + r * q[row])
            h[row] = state = k * state + (1 - k) * n
            gates[row] = np.concatenate([r, k, n])
    return h, q, gates


def gru_backward(
    gates: Array, q: Array, h: Array, h0: Array, u: Array, dh: Array, dh_n: Array,
    lengths: Array, reverse: bool,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    """dz (S, 3H), dq (S, H), what goes straight to h0 (B, H), and all (S, H) that reached h."""
    dz, dq, direct, total = np.empty_like(gates), np.empty_like(q), dh_n.copy(), np.empty_like(h)
    earlier = before(h, h0, lengths, reverse)
    for b, rows in _rows(lengths, reverse):
        dstate = dh_n[b]
        for row in rows[::-1]:
            r, k, n = np.split(gates[row], 3)
            total[row] = dstate = dstate + dh[row]
            dn = dstate * (1 - k) * (1 - n * n)
            dk = dstate * (earlier[row] - n) * k * (1 - k)
            dr = dn * q[row] * r * (1 - r)
            dz[row], dq[row] = np.concatenate([dr, dk, dn]), dn * r
            direct[b] = dstate * k
            dstate = direct[b] + np.concatenate([dr, dk, dq[row]]) @ u
    return dz, dq, direct, total


# recurrent_lstm.py


def lstm_forward(
    z: Array, u: Array, h0: Array, c0: Array, lengths: Array, reverse: bool
) -> tuple[Array, Array, Array]:
    """h and c (S, H) of every row, and the gates i, f, g, o (S, 4H), from z, u (4H, H)."""
    units = h0.shape[1]
    h, c, gates = np.empty((len(z), units), z.dtype), np.empty((len(z), units), z.dtype), z.copy()
    for n, rows in _rows(lengths, reverse):
        state, cell = h0[n], c0[n]
        for row in rows:
            i, f, g, o = np.split(z[row] + u @ state, 4)
            i, f, g, o = logistic(i), logistic(f), np.tanh(g), logistic(o)
            c[row] = cell = f * cell + i * g
            h[row] = state = o * np.tanh(cell)
            gates[row] = np.concatenate([i, f, g, o])
    return h, c, gates


def lstm_backward(
    gates: Array, c: Array, c0: Array, u: Array, dh: Array, dh_n: Array, dc_n: Array,
    lengths: Array, reverse: bool,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """dz (S, 4H), dc0 (B, H), and the whole gradient (S, H) that reached each row's h."""
    dz, dc0, total = np.empty_like(gates), dc_n.copy(), np.empty_like(c)
    earlier = before(c, c0, lengths, reverse)
    for b, rows in _rows(lengths, reverse):
        dstate, dcell = dh_n[b], dc_n[b]
        for row in rows[::-1]:
            i, f, g, o = np.split(gates[row], 4)
            total[row] = dstate = dstate + dh[row]
            bent = np.tanh(c[row])
            dcell = dcell + dstate * o * (1 - bent * bent)
            di, df = dcell * g * i * (1 - i), dcell * earlier[row] * f * (1 - f)
            dg, do = dcell * i * (1 - g * g), dstate * bent * o * (1 - o)
            dz[row] = np.concatenate([di, df, dg, do])
            dstate, dcell = dz[row] @ u, dcell * f
        dc0[b] = dcell
    return dz, dc0, total
