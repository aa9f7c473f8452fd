"""Long short-term memory over sequences laid end to end, forward and back.

i, f, o = sigmoid, g = tanh of z + U h_prev       (z = W x + b, gate by gate: i, f, g, o)
c = f c_prev + i g
h = o tanh(c)
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


def lstm_forward(
    z: Each, strips: Each, h0: Array, c0: Array, walk: Walk
) -> tuple[Array, Array, Array, Array]:
    """h and c (S, directions H) of every row, and the final states h_n, c_n (B, directions, H).

    z (S, 4H) becomes the gates i, f, g, o. ``strips`` is U (4H, H) by ``pack_gates``.
    """
    units = h0.shape[2]
    h, c = (np.empty((len(z[0]), len(z) * units), h0.dtype) for _ in range(2))
    h_n, c_n = h0.copy(), c0.copy()
    given = flat(z), strips, units, *flat((h, c, c0, h_n, c_n))
    _forward(len(walk.tasks), 1, 8.0 * h.size * units, *walk[:5], *given)
    return h, c, h_n, c_n


def lstm_backward(
    gates: Each, c: Array, c0: Array, strips: Each, dh: Array, dh_n: Array, dc_n: Array,
    walk: Walk, total: Array,
) -> Array:  # fmt: skip
    """dc0 (B, directions, H); the gates become dz (S, 4H).

    From dh (S, directions H), dh_n and dc_n (B, directions, H). ``strips`` is U (4H, H) by
    ``pack_strips``. Where ``total`` (S, directions H) has room, it becomes the whole gradient that
    reached each row's h.
    """
    units, dc0 = dh_n.shape[2], dc_n.copy()
    given = flat(gates), strips, units, *flat((c, c0, dh, dh_n, dc0, total))
    _backward(len(walk.tasks), 1, 8.0 * dh.size * units, *walk[:5], *given)
    return dc0


@shared
def _forward(task, _, tasks, sequences, lengths, first, strides, z, strips, units, h, c, c0, h_n, c_n):  # fmt: skip  # noqa: E501
    side, numbers, last, rows = group_of(task, tasks, sequences, lengths, first)
    gates, u, stride = z[side], strips[side], strides[side]
    lanes = _BYTES // h.itemsize
    full, line, wide = VECTORS * lanes, strides.size * units, 4 * units
    group, column = numbers.size, side * units
    s = np.empty(4 * group * full, h.dtype)
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
            for g in range(4):
                at = (unit * 4 + g * width) * units
                strip_product(
                    states, old, units, n, u, at, width // lanes, s, g * gate, width, units
                )
            for m in range(n):
                row = rows[m] + t * stride
                for v in range(0, used, lanes):
                    there, at, own = used - v, m * width + v, unit + v
                    of_h, of_z = row * line + column + own, row * wide + own
                    i = logistic(load(s, at, lanes) + load(gates, of_z, there))
                    f = load(s, gate + at, lanes) + load(gates, of_z + units, there)
                    f = logistic(f)
                    g_ = load(s, 2 * gate + at, lanes) + load(gates, of_z + 2 * units, there)
                    g_ = tangent(g_)
                    o = load(s, 3 * gate + at, lanes) + load(gates, of_z + 3 * units, there)
                    o = logistic(o)
                    if t:
                        before = load(c, of_h - stride * line, there)
                    else:
                        before = load(c0, numbers[m] * line + column + own, there)
                    now = f * before + i * g_
                    state = o * tangent(now)
                    store(gates, of_z, there, i)
                    store(gates, of_z + units, there, f)
                    store(gates, of_z + 2 * units, there, g_)
                    store(gates, of_z + 3 * units, there, o)
                    store(c, of_h, there, now)
                    store(h, of_h, there, state)
                    store(states, new + m * units + own, there, state)
    rows += (last - 1) * stride
    put_last(h, rows, line, column, h_n, numbers, units)
    put_last(c, rows, line, column, c_n, numbers, units)


@shared
def _backward(task, _, tasks, sequences, lengths, first, strides, gates, strips, units, c, c0, dh, dh_n, dc_n, total):  # fmt: skip  # noqa: E501
    side, numbers, last, rows = group_of(task, tasks, sequences, lengths, first)
    z, u, stride = gates[side], strips[side], strides[side]
    lanes = _BYTES // dh.itemsize
    full, line, wide = VECTORS * lanes, strides.size * units, 4 * units
    group, column = numbers.size, side * units
    padded = whole_vectors(units, dh.itemsize)
    s = np.empty(group * full, dh.dtype)
    passed, cells = np.empty(2 * group * wide, dh.dtype), np.empty(group * padded, dh.dtype)
    one = spread(dh.dtype.type(1))
    n = later = 0
    for t in range(last[0] - 1, -1, -1):
        while n < group and last[n] > t:
            n += 1
        now, after = t % 2 * group * wide, (t + 1) % 2 * group * wide
        for unit in range(0, units, full):
            used = min(full, units - unit)
            width = whole_vectors(used, dh.itemsize)
            cell = unit * group
            strip_product(
                passed, after, wide, later, u, unit * wide, width // lanes, s, 0, width, wide
            )
            for m in range(n):
                row = rows[m] + t * stride
                for v in range(0, used, lanes):
                    there, at = used - v, m * width + v
                    own = numbers[m] * line + column + unit + v
                    if m < later:
                        dstate, dcell = load(s, at, lanes), load(cells, cell + at, lanes)
                    else:
                        dstate, dcell = load(dh_n, own, there), load(dc_n, own, there)
                    of_h, of_z = row * line + column + unit + v, row * wide + unit + v
                    dstate = dstate + load(dh, of_h, there)
                    if total.size:
                        store(total, of_h, there, dstate)
                    i, f = load(z, of_z, there), load(z, of_z + units, there)
                    g, o = (
                        load(z, of_z + 2 * units, there),
                        load(z, of_z + 3 * units, there),
                    )
                    before = load(c, of_h - stride * line, there) if t else load(c0, own, there)
                    bent = tangent(load(c, of_h, there))
                    dcell = dcell + dstate * o * (one - bent * bent)
                    di = dcell * g * i * (one - i)
                    df = dcell * before * f * (one - f)
                    dg = dcell * i * (one - g * g)
                    do = dstate * bent * o * (one - o)
                    if t:
                        store(cells, cell + at, lanes, dcell * f)
                    else:
                        store(dc_n, own, there, dcell * f)
                    store(z, of_z, there, di)
                    store(z, of_z + units, there, df)
                    store(z, of_z + 2 * units, there, dg)
                    store(z, of_z + 3 * units, there, do)
                    to = now + m * wide + unit + v
                    store(passed, to, there, di)
                    store(passed, to + units, there, df)
                    store(passed, to + 2 * units, there, dg)
                    store(passed, to + 3 * units, there, do)
        later = n
