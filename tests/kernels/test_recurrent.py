"""Recurrent kernels: the reference's values and gradients, the same bits on all threads."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexon.kernels import elementary, strip
from lexon.kernels import reference_recurrent as reference
from lexon.kernels.compile import OPTIONS
from lexon.kernels.recurrent import walk
from lexon.kernels.recurrent_gru import gru_backward, gru_forward
from lexon.kernels.recurrent_lstm import lstm_backward, lstm_forward
from lexon.kernels.recurrent_rnn import rnn_backward, rnn_forward
from lexon.kernels.simd import lanes
from lexon.kernels.strip import gate_sums, pack_gates, pack_strips
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
    """h, what is kept for the way back, and the gates."""
    lengths, _, reverse, _ = batch
    z, u, v, (h0, c0, *_), _ = given
    steps, strips, z = walk(lengths, reverse), pack_gates(u, GATES[kind]), z.copy()
    b, v = np.split(v, [len(u)])
    if kind == "gru":
        return *gru_forward(z, b, strips, v, h0, steps), z
    if kind == "lstm":
        return *lstm_forward(z, b, strips, h0, c0, steps), z
    return (rnn_forward(z, b, strips, h0, steps, kind == "relu"),)


def forward_reference(kind, batch, given):
    lengths, _, reverse, _ = batch
    z, u, v, (h0, c0, *_), _ = given
    b, v = np.split(v, [len(u)])
    if kind == "gru":
        return reference.gru_forward(z, b, u, v, h0, lengths, reverse)
    if kind == "lstm":
        return reference.lstm_forward(z, b, u, h0, c0, lengths, reverse)
    return (reference.rnn_forward(z, b, u, h0, lengths, reverse, kind == "relu"),)


def backward(kind, batch, given, kept, record=True):
    """dz, dz in strips, gradients of the initial states, and what reached h."""
    lengths, _, reverse, _ = batch
    _, u, _, (h0, c0, dh_n, dc_n), dh = given
    steps, strips = walk(lengths, reverse), pack_strips(u)
    total = np.empty(dh.shape if record else (0, 0), dh.dtype)
    if kind == "gru":
        h, q, gates = kept
        return *gru_backward(gates, q, h, h0, strips, dh, dh_n, steps, total), total
    if kind == "lstm":
        _, c, gates = kept
        return *lstm_backward(gates, c, c0, strips, dh, dh_n, dc_n, steps, total), total
    return *rnn_backward(kept[0], strips, dh, dh_n, steps, kind == "relu", total), total


def backward_reference(kind, batch, given, kept):
    lengths, _, reverse, _ = batch
    _, u, _, (h0, c0, dh_n, dc_n), dh = given
    if kind == "gru":
        h, q, gates = kept
        dz, dq, *rest = reference.gru_backward(gates, q, h, h0, u, dh, dh_n, lengths, reverse)
        return dz, np.concatenate([dz, dq], axis=1), *rest
    if kind == "lstm":
        _, c, gates = kept
        dz, *rest = reference.lstm_backward(gates, c, c0, u, dh, dh_n, dc_n, lengths, reverse)
    else:
        dz, *rest = reference.rnn_backward(kept[0], u, dh, dh_n, lengths, reverse, kind == "relu")
    return dz, dz, *rest


def unpacked(strips, rows, units, dtype):
    """Gradients in strips row by row, gate after gate."""
    if rows == 0:
        return np.empty((0, 0), dtype)
    width, step = lanes(np.dtype(dtype).itemsize), strip.strip_width(dtype)
    padded = -(-units // width) * width
    gates = []
    for gate in range(strips.size // (rows * padded)):
        for first in range(0, units, step):
            used = min(step, units - first)
            whole = -(-used // width) * width
            at = (gate * padded + first) * rows
            gates.append(strips[at : at + rows * whole].reshape(rows, whole)[:, :used])
    return np.concatenate(gates, axis=1)


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
    dz, strips, *rest = backward(kind, batch, given_, kept)
    wanted_dz, wanted_strips, *wanted = backward_reference(kind, batch, given_, kept)
    np.testing.assert_allclose(dz, wanted_dz, **room)
    if len(dz):
        np.testing.assert_allclose(
            unpacked(strips, len(dz), batch[1], dtype), wanted_strips, **room
        )
    for ours, theirs in zip(rest, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, **room)
    for array, old in zip((*given_[:3], *given_[3], given_[4]), before, strict=True):
        np.testing.assert_array_equal(array, old)


@given(batch=batches())
@settings(max_examples=60, deadline=None)
def test_walks_equal_the_reference(batch):
    lengths, units, reverse, _ = batch
    *_, (h0, *_), h = inputs("rnn", batch, np.float64)
    steps = walk(lengths, reverse)
    strips, theirs = steps.before(h, h0), reference.before(h, h0, lengths, reverse)
    if len(h):
        np.testing.assert_array_equal(unpacked(strips, len(h), units, np.float64), theirs)
    wanted = reference.last(h, h0, lengths, reverse)
    np.testing.assert_array_equal(steps.last(h, h0), wanted)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_threads_change_no_bit(kind, dtype, on_threads):
    lengths = np.random.default_rng(1).integers(0, 12, 30)
    batch = lengths, UNITS, False, 5
    given_ = inputs(kind, batch, dtype)
    kept = forward(kind, batch, given_)

    def everything():
        own = forward(kind, batch, given_)
        dz, strips, *rest = backward(kind, batch, given_, own)
        bs = [(pack_strips(b), b.shape[1]) for b in (given_[4], dz)]
        bias, sums = gate_sums(strips, len(dz), range(GATES[kind]), UNITS, bs)
        return b"".join(a.tobytes() for a in (*own, dz, *rest, bias, *sums))

    assert len(kept)
    one = on_threads(1, everything)
    for number in (2, 3, 9):
        for _ in range(5):
            assert on_threads(number, everything) == one


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_recorded_changes_nothing(kind):
    batch = np.array([3, 0, 7]), 20, True, 3
    given_ = inputs(kind, batch, np.float32)
    kept = forward(kind, batch, given_)
    dz, _, *rest, _ = backward(kind, batch, given_, kept)
    again, _, *other, _ = backward(kind, batch, given_, kept, record=False)
    for ours, theirs in zip((dz, *rest), (again, *other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("dtype", DTYPES)
@given(
    rows=st.integers(1, 400), units=st.integers(1, 70), gates=st.integers(1, 3),
    columns=st.integers(1, 70), seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_gate_sums_are_exact_on_whole_numbers(dtype, rows, units, gates, columns, seed):
    random = np.random.default_rng(seed)
    dz = random.integers(-4, 5, (rows, gates * units)).astype(dtype)
    bs = [random.integers(-4, 5, (rows, n)).astype(dtype) for n in (columns, 3)]
    strips = np.concatenate([pack_strips(part) for part in np.split(dz, gates, 1)])
    some = list(range(gates))[::-1]
    packed = [(pack_strips(b), b.shape[1]) for b in bs]
    total, sums = gate_sums(strips, rows, some, units, packed)
    wanted, products = reference.gate_sums(dz, some, units, bs)
    for ours, theirs in zip((total, *sums), (wanted, *products), strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == dtype


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
