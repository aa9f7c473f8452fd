"""The simple recurrent network over sequences laid end to end, forward and back.

h = f(z + U h_prev)      (z = W x + b; f = tanh or relu)
"""

from __future__ import annotations

import numpy as np

from lexon.kernels.elementary import tangent
from lexon.kernels.product import Array
from lexon.kernels.recurrent import Each, Walk, flat, group_of, put_last, take_states
from lexon.kernels.shared import shared
from lexon.kernels.simd import registers
from lexon.kernels.strip import VECTORS, strip_product, whole_vectors
from lexon.kernels.wide import load, spread, store, where_positive

_BYTES = registers().bytes


def rnn_forward(
    z: Each, strips: Each, h0: Array, walk: Walk, rectified: bool
) -> tuple[Array, Array]:
    """h (S, directions H) of every row, and the final states h_n (B, directions, H).

    From z (S, H), which alone becomes h. ``strips`` is U (H, H) by ``pack_gates``.
    """
    units = h0.shape[2]
    h = z[0] if len(z) == 1 else np.empty((len(z[0]), len(z) * units), h0.dtype)
    h_n = h0.copy()
    given = flat(z), strips, units, rectified, *flat((h, h_n))
    _forward(len(walk.tasks), 1, 2.0 * h.size * units, *walk[:5], *given)
    return h, h_n


def rnn_backward(
    h: Array, strips: Each, dh: Array, dh_n: Array, walk: Walk, rectified: bool, total: Array
) -> Each:
    """dz (S, H) in each direction.

    From dh (S, directions H) and dh_n (B, directions, H). ``strips`` is U (H, H) by
    ``pack_strips``. Where ``total`` (S, directions H) has room, it becomes the whole gradient that
    reached each row's h.
    """
    units = dh_n.shape[2]
    dz = tuple(np.empty((len(dh), units), dh.dtype) for _ in strips)
    given = strips, units, rectified, *flat((h, dh, dh_n)), flat(dz), total.reshape(-1)
    _backward(len(walk.tasks), 1, 2.0 * dh.size * units, *walk[:5], *given)
    return dz


@shared
def _forward(task, _, tasks, sequences, lengths, first, strides, z_, strips, units, rectified, h, h_n):  # fmt: skip  # noqa: E501
    side, numbers, last, rows = group_of(task, tasks, sequences, lengths, first)
    z, u, stride = z_[side], strips[side], strides[side]
    lanes = _BYTES // h.itemsize
    full, line = VECTORS * lanes, strides.size * units
    group, column = numbers.size, side * units
    s = np.empty(group * full, h.dtype)
    states = take_states(h_n, line, column, numbers, units)
    n = group
    for t in range(last[0]):
        while last[n - 1] <= t:
            n -= 1
        old, new = t % 2 * group * units, (t + 1) % 2 * group * units
        for unit in range(0, units, full):
            used = min(full, units - unit)
            width = whole_vectors(used, h.itemsize)
            strip_product(
                states, old, units, n, u, unit * units, width // lanes, s, 0, width, units
            )
            for m in range(n):
                row = rows[m] + t * stride
                for v in range(0, used, lanes):
                    there, own = used - v, unit + v
                    sum_ = load(s, m * width + v, lanes) + load(z, row * units + own, there)
                    state = where_positive(sum_, sum_) if rectified else tangent(sum_)
                    store(h, row * line + column + own, there, state)
                    store(states, new + m * units + own, there, state)
    rows += (last - 1) * stride
    put_last(h, rows, line, column, h_n, numbers, units)


@shared
def _backward(task, _, tasks, sequences, lengths, first, strides, strips, units, rectified, h, dh, dh_n, dz_, total):  # fmt: skip  # noqa: E501
    side, numbers, last, rows = group_of(task, tasks, sequences, lengths, first)
    u, stride, dz = strips[side], strides[side], dz_[side]
    lanes = _BYTES // dh.itemsize
    full, line = VECTORS * lanes, strides.size * units
    group, column = numbers.size, side * units
    s, passed = np.empty(group * full, dh.dtype), np.empty(2 * group * units, dh.dtype)
    one = spread(dh.dtype.type(1))
    n = later = 0
    for t in range(last[0] - 1, -1, -1):
        while n < group and last[n] > t:
            n += 1
        now, after = t % 2 * group * units, (t + 1) % 2 * group * units
        for unit in range(0, units, full):
            used = min(full, units - unit)
            width = whole_vectors(used, dh.itemsize)
            strip_product(
                passed, after, units, later, u, unit * units, width // lanes, s, 0, width, units
            )
            for m in range(n):
                row = rows[m] + t * stride
                for v in range(0, used, lanes):
                    there = used - v
                    own = numbers[m] * line + column + unit + v
                    if m < later:
                        dstate = load(s, m * width + v, lanes)
                    else:
                        dstate = load(dh_n, own, there)
                    of_h = row * line + column + unit + v
                    dstate = dstate + load(dh, of_h, there)
                    if total.size:
                        store(total, of_h, there, dstate)
                    state = load(h, of_h, there)
                    if rectified:
                        da = where_positive(state, dstate)
                    else:
                        da = dstate * (one - state * state)
                    store(dz, row * units + unit + v, there, da)
                    store(passed, now + m * units + unit + v, there, da)
        later = n
