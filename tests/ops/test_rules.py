"""What single operations promise, and what they refuse and how they say it."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import lexon.ops
from lexon import ops
from lexon.errors import GraphError, InputError, ShapeError
from lexon.graph import OPERATIONS, Tensor


def test_dropout_drops_at_its_rate_and_keeps_the_mean() -> None:
    x = Tensor(np.ones(100_000, np.float32))
    y = ops.dropout(x, rate=0.3, rng=np.random.default_rng(1))
    assert abs(float((y.value == 0).mean()) - 0.3) < 0.01
    np.testing.assert_allclose(np.unique(y.value), [0, 1 / 0.7], rtol=1e-6)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, y.value)


def test_dropout_follows_its_generator() -> None:
    x = np.ones((50, 4))
    first, second = (
        [ops.dropout(x, rate=0.5, rng=rng).value for _ in range(2)]
        for rng in (np.random.default_rng(5), np.random.default_rng(5))
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first[0], first[1])


def test_dropout_of_nothing_is_the_identity_and_draws_nothing() -> None:
    rng = np.random.default_rng(5)
    x = np.arange(4.0)
    np.testing.assert_array_equal(ops.dropout(x, rate=0, rng=rng).value, x)
    assert rng.random() == np.random.default_rng(5).random()


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan")])
def test_dropout_refuses_other_rates(rate: float) -> None:
    with pytest.raises(InputError, match=r"^dropout: rate = .*\n  give 0 <= rate < 1"):
        ops.dropout(np.ones(2), rate=rate, rng=np.random.default_rng(0))


X = np.zeros((2, 3))
REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: ops.clip(X), InputError, "clip: neither low nor high was given"),
    (lambda: ops.clip(X, low=2, high=1), InputError, "clip: low = 2 is above high = 1"),
    (lambda: ops.sum(X, axis=2), ShapeError, "sum: axis 2 of an array with 2 dimensions, (2, 3)"),
    (lambda: ops.sum(X, axis=(0, -2)), ShapeError, "name each axis once, from -2 to 1"),
    (lambda: ops.reshape(X, shape=(4, 2)), ShapeError, "reshape: 6 elements do not fill (4, 2)"),
    (lambda: ops.transpose(X, axes=(0,)), ShapeError, "do not name every axis of x once"),
    (lambda: ops.squeeze(X, axis=0), ShapeError, "squeeze: axis 0 has size 2, not 1"),
    (lambda: ops.broadcast_to(X, shape=(3, 3)), ShapeError, "x cannot be repeated to (3, 3)"),
    (lambda: ops.split(X, sizes=(1, 3)), ShapeError, "(1, 3) do not add up to 2"),
    (lambda: ops.split(X, sizes=(3, -1)), ShapeError, "(3, -1) do not add up to 2"),
    (lambda: ops.stack(X, X.T), ShapeError, "xs[1] (*) = (3, 2)"),
    (lambda: ops.concatenate(X, X.T), ShapeError, "differ on another axis than 0"),
    (lambda: ops.concatenate(X, X[0]), ShapeError, "concatenate: the shapes differ"),
    (lambda: ops.concatenate(), GraphError, "concatenate: it was given no arrays"),
    (lambda: ops.add(Tensor(X), Tensor(X.astype(np.float32))), GraphError, "float32 and float64"),
]


@pytest.mark.parametrize(("call", "error", "text"), REFUSED, ids=[text for *_, text in REFUSED])
def test_refusals_tell_the_rule_and_the_values(
    call: Callable[[], Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        call()
    assert text in str(caught.value)


def test_a_tensor_can_be_walked_through() -> None:
    assert [row.value.tolist() for row in Tensor([[1.0, 2.0], [3.0, 4.0]])] == [[1, 2], [3, 4]]


def test_index_adds_up_what_was_taken_twice() -> None:
    x = Tensor(np.zeros((3, 2)))
    (x[[1, 1, 2]] * np.array([[1.0], [2.0], [4.0]])).sum().backward()
    np.testing.assert_array_equal(x.grad, [[0, 0], [3, 3], [4, 4]])


SIZES = st.shared(
    arrays.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0),
    key="sizes",
)


@given(sizes=SIZES, seed=st.integers(0, 1000), name=st.sampled_from(["add", "multiply", "divide"]))
def test_broadcasting_sums_gradients_back(sizes: Any, seed: int, name: str) -> None:
    """A repeated input gets the sum of what its copies would have got."""
    random = np.random.default_rng(seed)
    a, b = (random.uniform(0.5, 2.0, size=shape) for shape in sizes.input_shapes)
    small, whole = (
        (Tensor(a), Tensor(b)),
        [Tensor(x + np.zeros(sizes.result_shape)) for x in (a, b)],
    )
    upstream = random.normal(size=sizes.result_shape)
    for pair in (small, whole):
        y = OPERATIONS[name](*pair)
        assert y.shape == sizes.result_shape
        y.backward(upstream)
    for x, copies in zip(small, whole, strict=True):
        direction = random.normal(size=x.shape)
        repeated = np.broadcast_to(direction, sizes.result_shape)
        expected = (copies.grad * repeated).sum()
        np.testing.assert_allclose((x.grad * direction).sum(), expected, atol=1e-9)


@given(
    arrays.arrays(np.float64, arrays.array_shapes(max_dims=3), elements=st.floats(-50, 50)),
    st.integers(-3, 2),
)
def test_softmax_is_a_probability(x: np.ndarray, axis: int) -> None:
    axis = max(-x.ndim, min(axis, x.ndim - 1))
    y = ops.softmax(x, axis=axis).value
    assert (y >= 0).all()
    np.testing.assert_allclose(y.sum(axis), 1, rtol=1e-12)
    np.testing.assert_allclose(ops.log_softmax(x, axis=axis).value, np.log(y), atol=1e-9)


MODULES = sorted(path.stem for path in Path(lexon.ops.__file__).parent.glob("[!_]*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(module: str) -> None:
    assert doctest.testmod(import_module(f"lexon.ops.{module}")).failed == 0


def test_every_operation_is_public_and_documented() -> None:
    for name, operation in OPERATIONS.items():
        assert getattr(ops, name) is operation
        assert name in ops.__all__
        assert operation.__doc__, name
