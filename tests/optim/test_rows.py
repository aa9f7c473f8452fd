"""Row-sparse gradients: what equals the dense rule, and what is lazy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexon import optim
from lexon.graph import Parameter, RowGradient

V, D = 5, 3

EXACT = [
    (optim.GradientDescent, {"learning_rate": 0.1}),
    (optim.SGD, {"learning_rate": 0.1}),
    (optim.Adagrad, {"learning_rate": 0.3, "eps": 1e-3}),
    (optim.Adadelta, {"rho": 0.8, "eps": 1e-2}),
    (optim.RMSprop, {"learning_rate": 0.1, "alpha": 0.8, "eps": 1e-3}),
]
LAZY = [
    (optim.SGD, {"learning_rate": 0.1, "momentum": 0.8}),
    (optim.SGD, {"learning_rate": 0.1, "momentum": 0.8, "nesterov": True}),
    (optim.Adam, {"learning_rate": 0.1, "betas": (0.8, 0.7), "eps": 1e-3}),
    (optim.AdamW, {"learning_rate": 0.1, "betas": (0.8, 0.7), "eps": 1e-3, "weight_decay": 0.1}),
]

#: Of every step the rows that it touches; None stands for a dense gradient.
patterns = st.lists(
    st.one_of(st.none(), st.sets(st.integers(0, V - 1)).map(sorted)), min_size=1, max_size=12
)


def row_gradient(rows, random):
    rows = np.array(rows, np.int64)
    return RowGradient(rows, random.normal(size=(len(rows), D)), (V, D))


def walk(optimizer, table, pattern, seed, dense):
    """Steps along random gradients; with ``dense`` all are made whole arrays."""
    random = np.random.default_rng(seed)
    for rows in pattern:
        gradient = row_gradient(range(V) if rows is None else rows, random)
        table.grad = gradient.dense() if dense or rows is None else gradient
        optimizer.step()


def pair(kind, numbers, seed):
    start = np.random.default_rng(seed + 1).normal(size=(V, D))
    tables = [Parameter(start), Parameter(start)]
    return tables, [kind([table], **numbers) for table in tables]


@pytest.mark.parametrize(("kind", "numbers"), EXACT, ids=str)
@given(pattern=patterns, seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_rows_equal_the_dense_rule(kind, numbers, pattern, seed):
    (sparse, dense), (by_rows, whole) = pair(kind, numbers, seed)
    walk(by_rows, sparse, pattern, seed, dense=False)
    walk(whole, dense, pattern, seed, dense=True)
    np.testing.assert_allclose(sparse.value, dense.value, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("kind", "numbers"), EXACT + LAZY, ids=str)
@given(pattern=patterns, seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_moments_equal_the_dense_rules_once_touched(kind, numbers, pattern, seed):
    if "weight_decay" not in numbers:
        (sparse, dense), (by_rows, whole) = pair(kind, numbers, seed)
        walk(by_rows, sparse, [*pattern, range(V)], seed, dense=False)
        walk(whole, dense, [*pattern, range(V)], seed, dense=True)
        own, other = by_rows.state_arrays(), whole.state_arrays()
        for name in by_rows.moments:
            moments = own[f"0.{name}"], other[f"0.{name}"]
            np.testing.assert_allclose(*moments, rtol=1e-12, atol=1e-13)  # sums may cancel


@pytest.mark.parametrize(("kind", "numbers"), LAZY, ids=str)
def test_lazy_rules_leave_untouched_rows_where_they_are(kind, numbers):
    (sparse, dense), (by_rows, whole) = pair(kind, numbers, 0)
    pattern = [[0, 1, 2, 3, 4], [1, 3], [1]]
    walk(by_rows, sparse, pattern[:1], 0, dense=False)
    after_first = sparse.value.copy()
    walk(by_rows, sparse, pattern[1:], 1, dense=False)
    np.testing.assert_array_equal(sparse.value[[0, 2, 4]], after_first[[0, 2, 4]])
    walk(whole, dense, pattern[:1], 0, dense=True)
    np.testing.assert_array_equal(dense.value, after_first)
    walk(whole, dense, pattern[1:], 1, dense=True)
    assert np.abs(dense.value[[0, 2, 4]] - after_first[[0, 2, 4]]).min() > 1e-4
    np.testing.assert_allclose(sparse.value[1], dense.value[1], rtol=1e-12)


def test_no_rows_is_a_step_in_which_moments_fade():
    table = Parameter(np.ones((V, D)))
    optimizer = optim.RMSprop([table], learning_rate=0.1, alpha=0.5, eps=1e-3)
    ones = RowGradient(np.array([2]), np.ones((1, D)), (V, D))
    nothing = RowGradient(np.zeros(0, np.int64), np.zeros((0, D)), (V, D))
    for table.grad in (ones, nothing, nothing, ones):
        optimizer.step()
    squares = optimizer.state_arrays()["0.squares"]
    np.testing.assert_allclose(squares[2], ((0.5 * 0.5) * 0.5) * 0.5 + 0.5, rtol=1e-14)
    np.testing.assert_array_equal(squares[[0, 1, 3, 4]], 0)


def test_int32_rows_and_read_only_values():
    table = Parameter(np.zeros((V, D)))
    values = np.broadcast_to(np.arange(3.0), (2, D))
    table.grad = RowGradient(np.array([0, 3], np.int32), values, (V, D))
    optim.GradientDescent([table], learning_rate=1.0).step()
    np.testing.assert_array_equal(table.value[[0, 3]], -np.broadcast_to(np.arange(3.0), (2, D)))
    assert not table.value[[1, 2, 4]].any()


def test_rows_of_a_vector_and_of_a_block_of_matrices():
    for shape in [(V,), (V, 2, 3)]:
        table = Parameter(np.zeros(shape))
        values = np.random.default_rng(0).normal(size=(2, *shape[1:]))
        table.grad = RowGradient(np.array([1, 4]), values, shape)
        optim.GradientDescent([table], learning_rate=1.0).step()
        np.testing.assert_array_equal(table.value[[1, 4]], -values)
        assert not table.value[[0, 2, 3]].any()
