"""Gated recurrent units over sequences laid end to end, forward and back.

r, u = sigmoid of z + U h_prev      (z = W x + b, gate by gate: r, u, n)
q = U_n h_prev + v
n = tanh(z_n + r q)
h = u h_prev + (1 - u) n
"""

from __future__ import annotations

import numpy as np

from lexon.kernels.elementary import logistic, tangent
from lexon.kernels.product import Array
from lexon.kernels.recurrent import Each, Walk, flat, group_of, put_last, take_states
from lexon.kernels.shared import shared
from lexon.kernels.simd import registers
from lexon.kernels.strip import VECTORS, strip_product, whole_vectors
from lexon.kernels.wide import load, spread, store

_BYTES = registers().bytes


def gru_forward(
    z: Each, strips: Each, v: Each, h0: Array, walk: Walk
) -> tuple[Array, Array, Array]:
    """h and q (S, directions H) of every row, and the final states h_n (B, directions, H).

    z (S, 3H) becomes the gates r, u, n. ``strips`` is U (3H, H) by ``pack_gates``.
    """
    units = h0.shape[2]
    h, q = (np.empty((len(z[0]), len(z) * units), h0.dtype) for _ in range(2))
    h_n = h0.copy()
    given = flat(z), strips, v, units, *flat((h, q, h_n))
    _forward(len(walk.tasks), 1, 6.0 * h.size * units, *walk[:5], *given)
    return h, q, h_n


def gru_backward(
    gates: Each, q: Array, h: Array, h0: Array, strips: Each, dh: Array, dh_n: Array,
    walk: Walk, total: Array,
) -> Array:  # fmt: skip
    """What goes straight to h0 (B, directions, H); gates become dz (S, 3H), and q becomes dq.

    That is dh0 of an empty sequence; of the others u dh at their first step.

    From dh (S, directions H) and dh_n (B, directions, H). ``strips`` is U (3H, H) by
    ``pack_strips``. Where ``total`` (S, directions H) has room, it becomes the whole gradient that
    reached each row's h.
    """
    units, dh0 = dh_n.shape[2], dh_n.copy()
    given = flat(gates), strips, units, *flat((q, h, h0, dh, dh0, total))
    _backward(len(walk.tasks), 1, 6.0 * dh.size * units, *walk[:5], *given)
    return dh0


@shared
def _forward(task, _, tasks, sequences, lengths, first, strides, z, strips, v, units, h, q, h_n):  # fmt: skip  # noqa: E501
    side, numbers, last, rows = group_of(task, tasks, sequences, lengths, first)
    gates, u_, bias, stride = z[side], strips[side], v[side], strides[side]
    lanes = _BYTES // h.itemsize
    full, line, wide = VECTORS * lanes, strides.size * units, 3 * units
    group, column = numbers.size, side * units
    s = np.empty(3 * group * full, h.dtype)
    states = take_states(h_n, line, column, numbers, units)
    n = group
    for t in range(last[0]):
        while last[n - 1] <= t:
            n -= 1
        old, new = t % 2 * group * units, (t + 1) % 2 * group * units
        for unit in range(0, units, full):
            used = min(full, units - unit)
            width = whole_vectors(used, h.itemsize)
            gate = n * width
            for g in range(3):
                at = (unit * 3 + g * width) * units
                strip_product(
                    states, old, units, n, u_, at, width // lanes, s, g * gate, width, units
                )
            for m in range(n):
                row = rows[m] + t * stride
                for left in range(0, used, lanes):
                    there, at, own = used - left, m * width + left, unit + left
                    of_h, of_z = row * line + column + own, row * wide + own
                    r = logistic(load(s, at, lanes) + load(gates, of_z, there))
                    u = load(s, gate + at, lanes) + load(gates, of_z + units, there)
                    u = logistic(u)
                    inner = load(s, 2 * gate + at, lanes) + load(bias, own, there)
                    c = tangent(load(gates, of_z + 2 * units, there) + r * inner)
                    state = c + u * (load(states, old + m * units + own, there) - c)
                    store(gates, of_z, there, r)
                    store(gates, of_z + units, there, u)
                    store(gates, of_z + 2 * units, there, c)
                    store(q, of_h, there, inner)
                    store(h, of_h, there, state)
                    store(states, new + m * units + own, there, state)
    rows += (last - 1) * stride
    put_last(h, rows, line, column, h_n, numbers, units)


@shared
def _backward(task, _, tasks, sequences, lengths, first, strides, gates, strips, units, q, h, h0, dh, dh_n, total):  # fmt: skip  # noqa: E501
    side, numbers, last, rows = group_of(task, tasks, sequences, lengths, first)
    z, u_, stride = gates[side], strips[side], strides[side]
    lanes = _BYTES // dh.itemsize
    full, line, wide = VECTORS * lanes, strides.size * units, 3 * units
    group, column = numbers.size, side * units
    padded = whole_vectors(units, dh.itemsize)
    s = np.empty(group * full, dh.dtype)
    passed, direct = np.empty(2 * group * wide, dh.dtype), np.empty(group * padded, dh.dtype)
    one = spread(dh.dtype.type(1))
    n = later = 0
    for t in range(last[0] - 1, -1, -1):
        while n < group and last[n] > t:
            n += 1
        now, after = t % 2 * group * wide, (t + 1) % 2 * group * wide
        for unit in range(0, units, full):
            used = min(full, units - unit)
            width = whole_vectors(used, dh.itemsize)
            strip_product(
                passed, after, wide, later, u_, unit * wide, width // lanes, s, 0, width, wide
            )
            for m in range(n):
                row = rows[m] + t * stride
                for left in range(0, used, lanes):
                    there, at = used - left, m * width + left
                    own = numbers[m] * line + column + unit + left
                    if m < later:
                        dstate = load(s, at, lanes) + load(direct, unit * group + at, lanes)
                    else:
                        dstate = load(dh_n, own, there)
                    of_h, of_z = row * line + column + unit + left, row * wide + unit + left
                    dstate = dstate + load(dh, of_h, there)
                    if total.size:
                        store(total, of_h, there, dstate)
                    r, u = load(z, of_z, there), load(z, of_z + units, there)
                    c = load(z, of_z + 2 * units, there)
                    before = load(h, of_h - stride * line, there) if t else load(h0, own, there)
                    dc = dstate * (one - u) * (one - c * c)
                    du = dstate * (before - c) * u * (one - u)
                    dr = dc * load(q, of_h, there) * r * (one - r)
                    dq = dc * r
                    if t:
                        store(direct, unit * group + at, lanes, dstate * u)
                    else:
                        store(dh_n, own, there, dstate * u)
                    store(z, of_z, there, dr)
                    store(z, of_z + units, there, du)
                    store(z, of_z + 2 * units, there, dc)
                    store(q, of_h, there, dq)
                    to = now + m * wide + unit + left
                    store(passed, to, there, dr)
                    store(passed, to + units, there, du)
                    store(passed, to + 2 * units, there, dq)
        later = n
