"""The simple recurrent network over sequences laid end to end, forward and back.

h = f(z + b + U h_prev)      (z = W x; f = tanh or relu)
"""

from __future__ import annotations

import numpy as np

from lexon.kernels.elementary import tangent
from lexon.kernels.product import Array, aligned
from lexon.kernels.recurrent import Walk, together
from lexon.kernels.shared import shared
from lexon.kernels.simd import registers
from lexon.kernels.strip import VECTORS, padded_to_vectors, strip_product, whole_vectors
from lexon.kernels.team import report_done, take, wait_for_all
from lexon.kernels.wide import load, spread, store, where_positive

_BYTES = registers().bytes


def rnn_forward(z: Array, b: Array, strips: Array, h0: Array, walk: Walk, rectified: bool) -> Array:
    """z (S, H) becomes h. ``strips`` is U (H, H) by ``pack_gates``."""
    units = z.shape[1]
    states = np.concatenate([walk.own(h0), np.empty(len(walk.first) * units, z.dtype)])
    given = z.reshape(-1), b, strips, states, *walk[1:4], units, rectified
    together(_forward, len(walk.active), 2.0 * z.size * units, *given)
    return z


def rnn_backward(
    h: Array, strips: Array, dh: Array, dh_n: Array, walk: Walk, rectified: bool, total: Array
) -> tuple[Array, Array, Array]:
    """dz (S, H), dz in strips, and dh0 (B, H) from upstream dh (S, H), dh_n (B, H).

    ``strips`` is U (H, H) by ``pack_strips``; dz in strips is for ``gate_sums``. Where ``total``
    (S, H) has room, it becomes the whole gradient that reached each row's h.
    """
    units = dh.shape[1]
    dz, own = np.empty_like(h), walk.own(dh_n)
    grads = aligned(len(dz) * padded_to_vectors(units, dz), dz.dtype)
    passed = np.empty(2 * len(walk.first) * units, dz.dtype)
    given = (
        h.reshape(-1), strips, dh.reshape(-1), own, passed, *walk[1:4], units, rectified,
        dz.reshape(-1), grads, total.reshape(-1),
    )  # fmt: skip
    together(_backward, len(walk.active) + 1, 2.0 * dh.size * units, *given)
    return dz, grads, walk.back(own, dh_n)


@shared
def _forward(
    member, _, members, board, z, b, strips, states, first, stride, active, units, rectified
):
    batch, lanes = first.size, _BYTES // z.itemsize
    full = VECTORS * lanes
    blocks = (units + full - 1) // full
    s = np.empty(batch * full, z.dtype)
    for t in range(active.size):
        n = active[t]
        old, new = t % 2 * batch * units, (t + 1) % 2 * batch * units
        block = take(board, t, blocks, member, members)
        while block >= 0:
            unit = block * full
            used = min(full, units - unit)
            width = whole_vectors(used, z.itemsize)
            strip_product(
                states, old, units, n, strips, unit * units, width // lanes, s, 0, width, units
            )
            for m in range(n):
                row = (first[m] + t * stride) * units + unit
                for v in range(0, used, lanes):
                    sum_ = load(s, m * width + v, lanes) + load(z, row + v, used - v)
                    sum_ = sum_ + load(b, unit + v, used - v)
                    state = where_positive(sum_, sum_) if rectified else tangent(sum_)
                    store(z, row + v, used - v, state)
                    store(states, new + m * units + unit + v, used - v, state)
            report_done(board, t)
            block = take(board, t, blocks, member, members)
        wait_for_all(board, t, blocks)


@shared
def _backward(member, _, members, board, h, strips, dh, dh_n, passed, first, stride, active, units, rectified, dz, grads, total):  # fmt: skip  # noqa: E501
    batch, lanes = first.size, _BYTES // dz.itemsize
    full = VECTORS * lanes
    blocks = (units + full - 1) // full
    rows = dh.size // max(units, 1)
    s = np.empty(batch * full, dz.dtype)
    one = spread(dz.dtype.type(1))
    later = 0
    for t in range(active.size - 1, -2, -1):
        n = active[t] if t >= 0 else batch
        now, after = t % 2 * batch * units, (t + 1) % 2 * batch * units
        block = take(board, t + 1, blocks, member, members)
        while block >= 0:
            unit = block * full
            used = min(full, units - unit)
            width = whole_vectors(used, dz.itemsize)
            strip_product(
                passed, after, units, later, strips, unit * units, width // lanes, s, 0, width,
                units,
            )  # fmt: skip
            for m in range(n):
                row = first[m] + t * stride
                for v in range(0, used, lanes):
                    there, own, of_h = used - v, m * units + unit + v, row * units + unit + v
                    if m < later:
                        dstate = load(s, m * width + v, lanes)
                    else:
                        dstate = load(dh_n, own, there)
                    if t < 0:
                        store(dh_n, own, there, dstate)
                        continue
                    dstate = dstate + load(dh, of_h, there)
                    if total.size:
                        store(total, of_h, there, dstate)
                    state = load(h, of_h, there)
                    if rectified:
                        da = where_positive(state, dstate)
                    else:
                        da = dstate * (one - state * state)
                    store(dz, of_h, there, da)
                    store(grads, unit * rows + row * width + v, lanes, da)
                    store(passed, now + own, there, da)
            report_done(board, t + 1)
            block = take(board, t + 1, blocks, member, members)
        wait_for_all(board, t + 1, blocks)
        later = n
