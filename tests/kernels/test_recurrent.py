"""Recurrent kernels: the reference's values and gradients, the same bits on all threads."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexon import parallel
from lexon.kernels import elementary, strip
from lexon.kernels import reference_recurrent as reference
from lexon.kernels.compile import OPTIONS
from lexon.kernels.recurrent import walk
from lexon.kernels.recurrent_gru import gru_backward, gru_forward
from lexon.kernels.recurrent_lstm import lstm_backward, lstm_forward
from lexon.kernels.recurrent_rnn import rnn_backward, rnn_forward
from lexon.kernels.simd import lanes
from lexon.kernels.strip import pack_gates, pack_strips, sums_over_rows
from lexon.kernels.wide import load, spread, store, where_positive

DTYPES = [np.float32, np.float64]
KINDS = ["rnn", "relu", "gru", "lstm"]
GATES = {"rnn": 1, "relu": 1, "gru": 3, "lstm": 4}
#: More blocks of units than one, the last not a whole vector, whatever the processor.
UNITS = 2 * strip.strip_width(np.float32) + 5


@st.composite
def batches(draw):
    lengths = draw(st.lists(st.integers(0, 9), max_size=2 * strip.TALLEST + 3))
    units = draw(st.sampled_from([1, 3, 8, 17, 33, UNITS]))
    return np.array(lengths, np.int64), units, draw(st.booleans()), draw(st.integers(0, 99))


def inputs(kind, batch, dtype):
    """z, u, both biases, and the states h0, c0, dh_n, dc_n; the gradient dh."""
    lengths, units, _, seed = batch
    random, rows, gates = np.random.default_rng(seed), int(lengths.sum()), GATES[kind]

    def normal(*shape, scale=1.0):
        return (scale * random.normal(size=shape)).astype(dtype)

    u = normal(gates * units, units, scale=0.5 / np.sqrt(units))
    states = [normal(len(lengths), units) for _ in range(4)]
    biases = normal((gates + 1) * units)
    return normal(rows, gates * units), u, biases, states, normal(rows, units)


def forward(kind, batch, given):
    """h, what is kept for the way back, the final states, and the gates."""
    lengths, _, reverse, _ = batch
    z, u, v, (h0, c0, *_), _ = given
    steps, strips = walk(lengths, (reverse,)), (pack_gates(u, GATES[kind]),)
    b, v = np.split(v, [len(u)])
    z = (z + b,)
    if kind == "gru":
        h, q, h_n = gru_forward(z, strips, (v,), h0[:, None], steps)
        return h, q, h_n[:, 0], z[0]
    if kind == "lstm":
        h, c, h_n, c_n = lstm_forward(z, strips, h0[:, None], c0[:, None], steps)
        return h, c, h_n[:, 0], c_n[:, 0], z[0]
    h, h_n = rnn_forward(z, strips, h0[:, None], steps, kind == "relu")
    return h, h_n[:, 0]


def forward_reference(kind, batch, given):
    lengths, _, reverse, _ = batch
    z, u, v, (h0, c0, *_), _ = given
    b, v = np.split(v, [len(u)])
    if kind == "gru":
        h, q, gates = reference.gru_forward(z + b, u, v, h0, lengths, reverse)
        return h, q, reference.last(h, h0, lengths, reverse), gates
    if kind == "lstm":
        h, c, gates = reference.lstm_forward(z + b, u, h0, c0, lengths, reverse)
        finals = (reference.last(*each, lengths, reverse) for each in ((h, h0), (c, c0)))
        return h, c, *finals, gates
    h = reference.rnn_forward(z + b, u, h0, lengths, reverse, kind == "relu")
    return h, reference.last(h, h0, lengths, reverse)


def backward(kind, batch, given, kept, record=True):
    """dz, then what goes straight to the initial states, and what reached h; of a GRU dq second."""
    lengths, _, reverse, _ = batch
    _, u, _, states, dh = given
    h0, c0, dh_n, dc_n = (state[:, None] for state in states)
    steps, strips = walk(lengths, (reverse,)), (pack_strips(u),)
    total = np.empty(dh.shape if record else (0, 0), dh.dtype)
    if kind == "gru":
        h, q, _, gates = (array.copy() for array in kept)
        direct = gru_backward((gates,), q, h, h0, strips, dh, dh_n, steps, total)
        return gates, q, direct[:, 0], total
    if kind == "lstm":
        _, c, _, _, gates = (array.copy() for array in kept)
        dc0 = lstm_backward((gates,), c, c0, strips, dh, dh_n, dc_n, steps, total)
        return gates, dc0[:, 0], total
    (dz,) = rnn_backward(kept[0], strips, dh, dh_n, steps, kind == "relu", total)
    return dz, total


def backward_reference(kind, batch, given, kept):
    lengths, _, reverse, _ = batch
    _, u, _, (h0, c0, dh_n, dc_n), dh = given
    if kind == "gru":
        h, q, _, gates = kept
        return reference.gru_backward(gates, q, h, h0, u, dh, dh_n, lengths, reverse)
    if kind == "lstm":
        _, c, _, _, gates = kept
        return reference.lstm_backward(gates, c, c0, u, dh, dh_n, dc_n, lengths, reverse)
    return reference.rnn_backward(kept[0], u, dh, dh_n, lengths, reverse, kind == "relu")


def unpacked(strips, rows, columns):
    """Strips row by row."""
    width, step = lanes(strips.itemsize), strip.strip_width(strips.dtype)
    parts = []
    for first in range(0, columns, step):
        used = min(step, columns - first)
        whole = -(-used // width) * width
        at = first * rows
        parts.append(strips[at : at + rows * whole].reshape(rows, whole)[:, :used])
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
@given(batch=batches())
@settings(max_examples=25, deadline=None)
def test_equals_the_reference(kind, dtype, batch):
    given_ = inputs(kind, batch, dtype)
    before = [a.copy() for a in (*given_[:3], *given_[3], given_[4])]
    room = {"rtol": 2e3 * np.finfo(dtype).eps, "atol": 2e2 * np.finfo(dtype).eps}
    kept = forward(kind, batch, given_)
    for ours, theirs in zip(kept, forward_reference(kind, batch, given_), strict=True):
        np.testing.assert_allclose(ours, theirs, **room)
        assert ours.dtype == dtype
    gradients = backward(kind, batch, given_, kept)
    wanted = backward_reference(kind, batch, given_, kept)
    for ours, theirs in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, **room)
    for array, old in zip((*given_[:3], *given_[3], given_[4]), before, strict=True):
        np.testing.assert_array_equal(array, old)


@given(batch=batches(), directions=st.sampled_from([(0,), (1,), (0, 1), (1, 0)]))
@settings(max_examples=60, deadline=None)
def test_states_before_equal_the_reference(batch, directions):
    lengths, units, _, seed = batch
    random, rows = np.random.default_rng(seed), int(lengths.sum())
    reverse = tuple(bool(back) for back in directions)
    h = random.normal(size=(rows, len(reverse) * units))
    h0 = random.normal(size=(len(lengths), len(reverse), units))
    steps = walk(lengths, reverse)
    for side, back in enumerate(reverse):
        own = h[:, side * units : (side + 1) * units]
        theirs = reference.before(own, h0[:, side], lengths, back)
        np.testing.assert_array_equal(unpacked(steps.before(h, h0, side), rows, units), theirs)


@given(
    lengths=st.lists(st.integers(0, 9), max_size=200), both=st.booleans(),
    threads=st.integers(1, 9),
)  # fmt: skip
def test_every_sequence_is_in_one_group_of_each_direction(lengths, both, threads):
    reverse = (False, True)[: 1 + both]
    before = parallel.threads()
    try:
        parallel.threads(threads)
        steps = walk(np.array(lengths, np.int64), reverse)
    finally:
        parallel.threads(before)
    for side in range(len(reverse)):
        own = [range(begin, end) for of, begin, end in steps.tasks if of == side]
        assert [m for group in own for m in group] == list(range(np.count_nonzero(lengths)))
        assert all(len(group) for group in own)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_threads_and_directions_change_no_bit(kind, dtype, on_threads):
    """Both directions at once are each alone, on any number of threads."""
    lengths = np.random.default_rng(1).integers(0, 12, 30)
    z, u, biases, states, dh = inputs(kind, (lengths, UNITS, False, 5), dtype)
    sides = [(False, 1.0), (True, 0.5)]
    h0, c0, dh_n, dc_n = (np.stack([s, -s], axis=1) for s in states)
    dh = np.concatenate([dh, -dh], axis=1)
    bias = biases[len(u) :]

    def everything(chosen):
        reverse = tuple(back for back, _ in chosen)
        places = [sides.index(side) for side in chosen]
        columns = np.concatenate([np.arange(p * UNITS, (p + 1) * UNITS) for p in places])
        own = [np.ascontiguousarray(s[:, places]) for s in (h0, c0, dh_n, dc_n)]
        steps, upstream = walk(lengths, reverse), np.ascontiguousarray(dh[:, columns])
        gates = tuple(z * dtype(factor) for _, factor in chosen)
        forwards = tuple(pack_gates(u * dtype(factor), GATES[kind]) for _, factor in chosen)
        strips = tuple(pack_strips(u * dtype(factor)) for _, factor in chosen)
        total = np.empty_like(upstream)
        if kind == "lstm":
            h, c, *finals = lstm_forward(gates, forwards, own[0], own[1], steps)
            back = [lstm_backward(gates, c, own[1], strips, upstream, *own[2:], steps, total)]
        elif kind == "gru":
            h, c, *finals = gru_forward(gates, forwards, (bias,) * len(gates), own[0], steps)
            back = [gru_backward(gates, c, h, own[0], strips, upstream, own[2], steps, total)]
        else:
            h, *finals = rnn_forward(gates, forwards, own[0], steps, kind == "relu")
            gates = rnn_backward(h, strips, upstream, own[2], steps, kind == "relu", total)
            back = []
            c = h
        rows = (np.split(array, len(chosen), axis=1) for array in (h, c, total))
        each = zip(gates, *rows, *(s.swapaxes(0, 1) for s in (*finals, *back)), strict=True)
        return [b"".join(array.tobytes() for array in one) for one in each]

    alone = [on_threads(1, lambda side=side: everything([side]))[0] for side in sides]
    for number in (1, 2, 3, 9):
        for _ in range(5):
            assert on_threads(number, lambda: everything(sides)) == alone


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_recorded_changes_nothing(kind):
    batch = np.array([3, 0, 7]), 20, True, 3
    given_ = inputs(kind, batch, np.float32)
    kept = forward(kind, batch, given_)
    *ours, _ = backward(kind, batch, given_, kept)
    *others, _ = backward(kind, batch, given_, kept, record=False)
    for one, other in zip(ours, others, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", DTYPES)
@given(
    rows=st.integers(0, 1700), first=st.integers(0, 40), units=st.integers(0, 150),
    columns=st.integers(0, 70), threads=st.integers(1, 3), seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_sums_over_rows_are_exact_on_whole_numbers(
    dtype, rows, first, units, columns, threads, seed
):
    random = np.random.default_rng(seed)
    a = random.integers(-4, 5, (rows, first + units + 3)).astype(dtype)
    bs = [random.integers(-4, 5, (rows, n)).astype(dtype) for n in (columns, 3)]
    total, cs = np.full(units, 77, dtype), [np.full((units, b.shape[1]), 77, dtype) for b in bs]
    before = parallel.threads()
    try:
        parallel.threads(threads)
        sums_over_rows(a, first, total, tuple(map(pack_strips, bs)), tuple(cs))
    finally:
        parallel.threads(before)
    wanted, products = reference.sums_over_rows(a[:, first : first + units], bs)
    for ours, theirs in zip((total, *cs), (wanted, *products), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@numba.njit(**OPTIONS)
def _wide(x, y, size, step):
    one = spread(x.dtype.type(1))
    for i in range(0, size, step):
        a = load(x, i, size - i)
        store(y, i, size - i, elementary.exponential(a))
        store(y, size + i, size - i, elementary.tangent(a))
        store(y, 2 * size + i, size - i, elementary.logistic(a))
        store(y, 3 * size + i, size - i, where_positive(a - one, (a + one) / (one + a * a)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 5, 16, 77, 1000])
def test_wide_numbers_are_the_elementary_functions(dtype, size):
    """To the bit where the last vector is not full, too; nothing is written beyond it."""
    x = np.linspace(-12, 12, size).astype(dtype)
    if size > 70:
        x[:7] = [np.nan, np.inf, -np.inf, -0.0, 200, -200, 1e-30]
    y = np.full(4 * size + 99, 77, dtype)
    _wide(x, y, size, lanes(x.itemsize))
    np.testing.assert_array_equal(y[4 * size :], 77)
    alone = np.empty((4, size), dtype)
    for i in range(size):
        one = np.full(4, 77, dtype)
        _wide(x[i : i + 1].copy(), one, 1, lanes(x.itemsize))
        alone[:, i] = one
    np.testing.assert_array_equal(y[: 4 * size].reshape(4, size), alone)
    exact = x.astype(np.float64)
    with np.errstate(all="ignore"):
        wanted = [np.exp(exact), np.tanh(exact), 1 / (1 + np.exp(-exact)),
                  np.where(exact <= 1, 0, (exact + 1) / (1 + exact * exact))]  # fmt: skip
        wanted = [one.astype(dtype) for one in wanted]
    for ours, theirs in zip(alone, wanted, strict=True):
        np.testing.assert_allclose(
            ours, theirs, rtol=8 * np.finfo(dtype).eps, atol=np.finfo(dtype).tiny
        )
