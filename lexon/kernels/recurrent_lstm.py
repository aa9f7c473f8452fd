"""Long short-term memory over sequences laid end to end, forward and back.

i, f, o = sigmoid, g = tanh of z + b + U h_prev       (z = W x, gate by gate: i, f, g, o)
c = f c_prev + i g
h = o tanh(c)
"""

from __future__ import annotations

import numpy as np

from lexon.kernels.elementary import logistic, tangent
from lexon.kernels.product import Array, aligned
from lexon.kernels.recurrent import Walk, together
from lexon.kernels.shared import shared
from lexon.kernels.simd import registers
from lexon.kernels.strip import VECTORS, padded_to_vectors, strip_product, whole_vectors
from lexon.kernels.team import report_done, take, wait_for_all
from lexon.kernels.wide import load, spread, store

_BYTES = registers().bytes


def lstm_forward(
    z: Array, b: Array, strips: Array, h0: Array, c0: Array, walk: Walk
) -> tuple[Array, Array]:
    """h and c (S, H) of every row; z (S, 4H) becomes the gates i, f, g, o.

    ``strips`` is U (4H, H) by ``pack_gates``.
    """
    rows, units = len(z), h0.shape[1]
    h, c = np.empty((rows, units), z.dtype), np.empty((rows, units), z.dtype)
    states = np.concatenate([walk.own(h0), np.empty(len(walk.first) * units, z.dtype)])
    cells = np.empty(len(walk.first) * padded_to_vectors(units, z), z.dtype)
    given = (
        z.reshape(-1), b, strips, states, walk.own(c0), cells, *walk[1:4], units,
        h.reshape(-1), c.reshape(-1),
    )  # fmt: skip
    together(_forward, len(walk.active), 8.0 * h.size * units, *given)
    return h, c


def lstm_backward(
    gates: Array, c: Array, c0: Array, strips: Array, dh: Array, dh_n: Array, dc_n: Array,
    walk: Walk, total: Array,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    """dz (S, 4H), dz in strips, dh0 and dc0 (B, H) from dh (S, H), dh_n and dc_n (B, H).

    ``strips`` is U (4H, H) by ``pack_strips``; dz in strips is for ``gate_sums``. Where ``total``
    (S, H) has room, it becomes the whole gradient that reached each row's h.
    """
    units = dh.shape[1]
    dz = np.empty_like(gates)
    grads = aligned(4 * len(dz) * padded_to_vectors(units, dz), dz.dtype)
    own = walk.own(dh_n), walk.own(dc_n)
    passed = np.empty(2 * len(walk.first) * 4 * units, dz.dtype)
    cells = np.empty(len(walk.first) * padded_to_vectors(units, dz), dz.dtype)
    given = (
        gates.reshape(-1), c.reshape(-1), walk.own(c0), strips, dh.reshape(-1), *own, passed,
        cells, *walk[1:4], units, dz.reshape(-1), grads, total.reshape(-1),
    )  # fmt: skip
    together(_backward, len(walk.active) + 1, 8.0 * dh.size * units, *given)
    return dz, grads, walk.back(own[0], dh_n), walk.back(own[1], dc_n)


@shared
def _forward(member, _, members, board, z, b, strips, states, c0, cells, first, stride, active, units, h, c):  # fmt: skip  # noqa: E501
    batch, lanes = first.size, _BYTES // z.itemsize
    full = VECTORS * lanes
    blocks = (units + full - 1) // full
    s = np.empty(4 * batch * full, z.dtype)
    for t in range(active.size):
        n = active[t]
        old, new = t % 2 * batch * units, (t + 1) % 2 * batch * units
        block = take(board, t, blocks, member, members)
        while block >= 0:
            unit = block * full
            used = min(full, units - unit)
            width = whole_vectors(used, z.itemsize)
            gate, cell = n * width, unit * batch
            for g in range(4):
                at = (unit * 4 + g * width) * units
                strip_product(
                    states, old, units, n, strips, at, width // lanes, s, g * gate, width, units
                )
            for m in range(n):
                row = first[m] + t * stride
                for v in range(0, used, lanes):
                    there, at = used - v, m * width + v
                    of_h, of_z = row * units + unit + v, row * 4 * units + unit + v
                    own = m * units + unit + v
                    before = load(c0, own, there) if t == 0 else load(cells, cell + at, lanes)
                    bias = unit + v
                    i = load(s, at, lanes) + load(z, of_z, there)
                    i = logistic(i + load(b, bias, there))
                    f = load(s, gate + at, lanes) + load(z, of_z + units, there)
                    f = logistic(f + load(b, bias + units, there))
                    g_ = load(s, 2 * gate + at, lanes) + load(z, of_z + 2 * units, there)
                    g_ = tangent(g_ + load(b, bias + 2 * units, there))
                    o = load(s, 3 * gate + at, lanes) + load(z, of_z + 3 * units, there)
                    o = logistic(o + load(b, bias + 3 * units, there))
                    now = f * before + i * g_
                    state = o * tangent(now)
                    store(z, of_z, there, i)
                    store(z, of_z + units, there, f)
                    store(z, of_z + 2 * units, there, g_)
                    store(z, of_z + 3 * units, there, o)
                    store(cells, cell + at, lanes, now)
                    store(c, of_h, there, now)
                    store(h, of_h, there, state)
                    store(states, new + own, there, state)
            report_done(board, t)
            block = take(board, t, blocks, member, members)
        wait_for_all(board, t, blocks)


@shared
def _backward(member, _, members, board, gates, c, c0, strips, dh, dh_n, dc_n, passed, cells, first, stride, active, units, dz, grads, total):  # fmt: skip  # noqa: E501
    batch, lanes = first.size, _BYTES // dz.itemsize
    full, wide = VECTORS * lanes, 4 * units
    blocks = (units + full - 1) // full
    s = np.empty(batch * full, dz.dtype)
    one = spread(dz.dtype.type(1))
    rows, padded = dh.size // max(units, 1), whole_vectors(units, dz.itemsize)
    later = 0
    for t in range(active.size - 1, -2, -1):
        n = active[t] if t >= 0 else batch
        now, after = t % 2 * batch * wide, (t + 1) % 2 * batch * wide
        block = take(board, t + 1, blocks, member, members)
        while block >= 0:
            unit = block * full
            used = min(full, units - unit)
            width = whole_vectors(used, dz.itemsize)
            cell = unit * batch
            strip_product(
                passed, after, wide, later, strips, unit * wide, width // lanes, s, 0, width, wide
            )
            for m in range(n):
                row = first[m] + t * stride
                for v in range(0, used, lanes):
                    there, at, own = used - v, m * width + v, m * units + unit + v
                    if m < later:
                        dstate, dcell = load(s, at, lanes), load(cells, cell + at, lanes)
                    else:
                        dstate, dcell = load(dh_n, own, there), load(dc_n, own, there)
                    if t < 0:
                        store(dh_n, own, there, dstate)
                        store(dc_n, own, there, dcell)
                        continue
                    of_h, of_z = row * units + unit + v, row * wide + unit + v
                    dstate = dstate + load(dh, of_h, there)
                    if total.size:
                        store(total, of_h, there, dstate)
                    i, f = load(gates, of_z, there), load(gates, of_z + units, there)
                    g, o = (
                        load(gates, of_z + 2 * units, there),
                        load(gates, of_z + 3 * units, there),
                    )
                    before = load(c, of_h - stride * units, there) if t else load(c0, own, there)
                    bent = tangent(load(c, of_h, there))
                    dcell = dcell + dstate * o * (one - bent * bent)
                    di = dcell * g * i * (one - i)
                    df = dcell * before * f * (one - f)
                    dg = dcell * i * (one - g * g)
                    do = dstate * bent * o * (one - o)
                    store(cells, cell + at, lanes, dcell * f)
                    store(dz, of_z, there, di)
                    store(dz, of_z + units, there, df)
                    store(dz, of_z + 2 * units, there, dg)
                    store(dz, of_z + 3 * units, there, do)
                    to, gate = unit * rows + row * width + v, rows * padded
                    store(grads, to, lanes, di)
                    store(grads, to + gate, lanes, df)
                    store(grads, to + 2 * gate, lanes, dg)
                    store(grads, to + 3 * gate, lanes, do)
                    to = now + m * wide + unit + v
                    store(passed, to, there, di)
                    store(passed, to + units, there, df)
                    store(passed, to + 2 * units, there, dg)
                    store(passed, to + 3 * units, there, do)
            report_done(board, t + 1)
            block = take(board, t + 1, blocks, member, members)
        wait_for_all(board, t + 1, blocks)
        later = n
