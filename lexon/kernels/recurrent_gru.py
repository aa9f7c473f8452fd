"""Gated recurrent units over sequences laid end to end, forward and back.

r, u = sigmoid of z + b + U h_prev      (z = W x, gate by gate: r, u, n)
q = U_n h_prev + v
n = tanh(z_n + b_n + r q)
h = u h_prev + (1 - u) n
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


def gru_forward(
    z: Array, b: Array, strips: Array, v: Array, h0: Array, walk: Walk
) -> tuple[Array, Array]:
    """h and q (S, H) of every row; z (S, 3H) becomes the gates r, u, n.

    ``strips`` is U (3H, H) by ``pack_gates``.
    """
    rows, units = len(z), h0.shape[1]
    h, q = np.empty((rows, units), z.dtype), np.empty((rows, units), z.dtype)
    states = np.concatenate([walk.own(h0), np.empty(len(walk.first) * units, z.dtype)])
    given = (
        z.reshape(-1), b, strips, v, states, *walk[1:4], units, h.reshape(-1), q.reshape(-1)
    )  # fmt: skip
    together(_forward, len(walk.active), 6.0 * h.size * units, *given)
    return h, q


def gru_backward(
    gates: Array, q: Array, h: Array, h0: Array, strips: Array, dh: Array, dh_n: Array,
    walk: Walk, total: Array,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """dz (S, 3H), dz and dq in strips, and dh0 (B, H) from upstream dh (S, H), dh_n (B, H).

    ``strips`` is U (3H, H) by ``pack_strips``; what is in strips is for ``gate_sums``. Where
    ``total`` (S, H) has room, it becomes the whole gradient that reached each row's h.
    """
    units = dh.shape[1]
    dz, own = np.empty_like(gates), walk.own(dh_n)
    padded = padded_to_vectors(units, dz)
    grads = aligned(4 * len(dz) * padded, dz.dtype)
    passed = np.empty(2 * len(walk.first) * 3 * units, dz.dtype)
    direct = np.empty(len(walk.first) * padded, dz.dtype)
    given = (
        gates.reshape(-1), q.reshape(-1), h.reshape(-1), walk.own(h0), strips, dh.reshape(-1),
        own, passed, direct, *walk[1:4], units, dz.reshape(-1), grads, total.reshape(-1),
    )  # fmt: skip
    together(_backward, len(walk.active) + 1, 6.0 * dh.size * units, *given)
    return dz, grads, walk.back(own, dh_n)


@shared
def _forward(
    member, _, members, board, z, b, strips, bias, states, first, stride, active, units, h, q
):
    batch, lanes = first.size, _BYTES // z.itemsize
    full = VECTORS * lanes
    blocks = (units + full - 1) // full
    s = np.empty(3 * batch * full, z.dtype)
    for t in range(active.size):
        n = active[t]
        old, new = t % 2 * batch * units, (t + 1) % 2 * batch * units
        block = take(board, t, blocks, member, members)
        while block >= 0:
            unit = block * full
            used = min(full, units - unit)
            width = whole_vectors(used, z.itemsize)
            gate = n * width
            for g in range(3):
                at = (unit * 3 + g * width) * units
                strip_product(
                    states, old, units, n, strips, at, width // lanes, s, g * gate, width, units
                )
            for m in range(n):
                row = first[m] + t * stride
                for left in range(0, used, lanes):
                    there, at, own = used - left, m * width + left, m * units + unit + left
                    of_h, of_z = row * units + unit + left, row * 3 * units + unit + left
                    r = load(s, at, lanes) + load(z, of_z, there)
                    r = logistic(r + load(b, unit + left, there))
                    u = load(s, gate + at, lanes) + load(z, of_z + units, there)
                    u = logistic(u + load(b, units + unit + left, there))
                    inner = load(s, 2 * gate + at, lanes) + load(bias, unit + left, there)
                    c = load(z, of_z + 2 * units, there) + load(b, 2 * units + unit + left, there)
                    c = tangent(c + r * inner)
                    state = c + u * (load(states, old + own, there) - c)
                    store(z, of_z, there, r)
                    store(z, of_z + units, there, u)
                    store(z, of_z + 2 * units, there, c)
                    store(q, of_h, there, inner)
                    store(h, of_h, there, state)
                    store(states, new + own, there, state)
            report_done(board, t)
            block = take(board, t, blocks, member, members)
        wait_for_all(board, t, blocks)


@shared
def _backward(member, _, members, board, gates, q, h, h0, strips, dh, dh_n, passed, direct, first, stride, active, units, dz, grads, total):  # fmt: skip  # noqa: E501
    batch, lanes = first.size, _BYTES // dz.itemsize
    full, wide = VECTORS * lanes, 3 * units
    blocks = (units + full - 1) // full
    rows, padded = dh.size // max(units, 1), whole_vectors(units, dz.itemsize)
    s = np.empty(batch * full, dz.dtype)
    one = spread(dz.dtype.type(1))
    later = 0
    for t in range(active.size - 1, -2, -1):
        n = active[t] if t >= 0 else batch
        now, after = t % 2 * batch * wide, (t + 1) % 2 * batch * wide
        block = take(board, t + 1, blocks, member, members)
        while block >= 0:
            unit = block * full
            used = min(full, units - unit)
            width = whole_vectors(used, dz.itemsize)
            strip_product(
                passed, after, wide, later, strips, unit * wide, width // lanes, s, 0, width, wide
            )
            for m in range(n):
                row = first[m] + t * stride
                for left in range(0, used, lanes):
                    there, at, own = used - left, m * width + left, m * units + unit + left
                    if m < later:
                        dstate = load(s, at, lanes) + load(direct, unit * batch + at, lanes)
                    else:
                        dstate = load(dh_n, own, there)
                    if t < 0:
                        store(dh_n, own, there, dstate)
                        continue
                    of_h, of_z = row * units + unit + left, row * wide + unit + left
                    dstate = dstate + load(dh, of_h, there)
                    if total.size:
                        store(total, of_h, there, dstate)
                    r, u = load(gates, of_z, there), load(gates, of_z + units, there)
                    c = load(gates, of_z + 2 * units, there)
                    before = load(h, of_h - stride * units, there) if t else load(h0, own, there)
                    dc = dstate * (one - u) * (one - c * c)
                    du = dstate * (before - c) * u * (one - u)
                    dr = dc * load(q, of_h, there) * r * (one - r)
                    dq = dc * r
                    store(direct, unit * batch + at, lanes, dstate * u)
                    store(dz, of_z, there, dr)
                    store(dz, of_z + units, there, du)
                    store(dz, of_z + 2 * units, there, dc)
                    to, gate = unit * rows + row * width + left, rows * padded
                    store(grads, to, lanes, dr)
                    store(grads, to + gate, lanes, du)
                    store(grads, to + 2 * gate, lanes, dc)
                    store(grads, to + 3 * gate, lanes, dq)
                    to = now + m * wide + unit + left
                    store(passed, to, there, dr)
                    store(passed, to + units, there, du)
                    store(passed, to + 2 * units, there, dq)
            report_done(board, t + 1)
            block = take(board, t + 1, blocks, member, members)
        wait_for_all(board, t + 1, blocks)
        later = n
