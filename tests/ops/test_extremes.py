"""Operations at the ends of the range: large numbers, poles, infinities, ties, nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lexon import ops
from lexon.graph import Tensor

LARGE = np.array([-1e4, -100.0, -20.0, -1.0, 0.0, 1.0, 20.0, 100.0, 1e4], np.float32)
#: Value at -1e4, value at +1e4, local gradient at both.
ACTIVATIONS: dict[str, tuple[float, float, float, float]] = {
    "tanh": (-1, 1, 0, 0),
    "sigmoid": (0, 1, 0, 0),
    "relu": (0, 1e4, 0, 1),
    "leaky_relu": (-100, 1e4, 0.01, 1),
    "elu": (-1, 1e4, 0, 1),
    "softplus": (0, 1e4, 0, 1),
    "gelu": (0, 1e4, 0, 1),
    "silu": (0, 1e4, 0, 1),
    "erf": (-1, 1, 0, 0),
    "absolute": (1e4, 1e4, -1, 1),
}


def gradient(function: Callable[..., Any], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    source = Tensor(x)
    y = function(source)
    y.sum().backward()
    assert isinstance(source.grad, np.ndarray)
    return y.value, source.grad


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_at_large_numbers(name: str) -> None:
    y, dx = gradient(getattr(ops, name), LARGE)
    assert np.isfinite(y).all() and np.isfinite(dx).all()
    np.testing.assert_allclose((y[0], y[-1], dx[0], dx[-1]), ACTIVATIONS[name], rtol=1e-6)


@pytest.mark.parametrize("name", ["sigmoid", "silu", "softplus", "elu", "gelu"])
def test_small_values_keep_their_digits(name: str) -> None:
    x = np.array([-20.0, -10.0, -5.0])
    y, _ = gradient(getattr(ops, name), x.astype(np.float32))
    exact, _ = gradient(getattr(ops, name), x)
    np.testing.assert_allclose(y, exact, rtol=1e-6, atol=1e-37)  # float32 ends at 1e-38


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_softmax_at_large_numbers(scale: float) -> None:
    x = np.array([[1.0, 2.0, 3.0], [-3.0, -1.0, 5.0]], np.float32) * scale
    y, dx = gradient(ops.softmax, x)
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(np.exp(ops.log_softmax(x).value), y, rtol=1e-5, atol=1e-30)
    np.testing.assert_allclose(dx, 0, atol=1e-6)
    z, dz = gradient(ops.logsumexp, x)
    peak = x.max(axis=1, keepdims=True).astype(np.float64)
    exact = peak[:, 0] + np.log(np.exp(x - peak).sum(axis=1))
    np.testing.assert_allclose(z, exact, rtol=1e-6)
    np.testing.assert_allclose(dz, y, rtol=1e-4, atol=1e-30)


def test_softmax_ignores_a_shift() -> None:
    x = np.array([0.1, 0.7, -0.4])
    np.testing.assert_allclose(ops.softmax(x).value, ops.softmax(x + 1e4).value, rtol=1e-11)


def test_softmax_with_impossible_classes() -> None:
    y, dx = gradient(ops.softmax, np.array([0.0, -np.inf, 0.0]))
    np.testing.assert_array_equal(y, [0.5, 0, 0.5])
    assert np.isfinite(dx).all()
    none = Tensor(np.array([-np.inf, -np.inf]))
    z = ops.logsumexp(none)
    z.backward(1.0)
    assert z.item() == -np.inf
    np.testing.assert_array_equal(none.grad, 0)


@pytest.mark.parametrize(
    ("function", "x", "y"),
    [
        (ops.log, 0.0, -np.inf),
        (ops.log, -1.0, np.nan),
        (ops.sqrt, -1.0, np.nan),
        (ops.exp, 1e4, np.inf),
        (lambda x: ops.divide(1.0, x), 0.0, np.inf),
        (lambda x: ops.power(x, exponent=-1), 0.0, np.inf),
        (lambda x: ops.power(x, exponent=0.5), -1.0, np.nan),
    ],
)
def test_poles_give_no_warning(function: Callable[..., Any], x: float, y: float) -> None:
    source = Tensor(np.array(x))
    result = function(source)
    np.testing.assert_equal(result.item(), y)
    result.backward(1.0)


def test_power_zero_and_one() -> None:
    for exponent, local in ((0, 0.0), (1, 1.0)):
        _, dx = gradient(lambda x, p=exponent: ops.power(x, exponent=p), np.zeros(2))
        np.testing.assert_array_equal(dx, local)


def test_ties_share_the_gradient() -> None:
    for function in (ops.maximum, ops.minimum):
        a, b = Tensor(np.array([1.0, 2.0])), Tensor(np.array([1.0, 2.0]))
        function(a, b).sum().backward()
        np.testing.assert_array_equal(a.grad, [0.5, 0.5])
        np.testing.assert_array_equal(b.grad, [0.5, 0.5])
    for function in (ops.max, ops.min):
        _, dx = gradient(function, np.array([2.0, 2.0, 2.0, 2.0]))
        np.testing.assert_array_equal(dx, 0.25)


def test_kinks() -> None:
    zero = np.zeros(1)
    for function, local in ((ops.relu, 0), (ops.absolute, 0), (ops.norm, 0), (ops.elu, 1)):
        np.testing.assert_array_equal(gradient(function, zero)[1], local)
    inside = gradient(lambda x: ops.clip(x, low=0, high=1), np.array([-0.1, 0.0, 1.0, 1.1]))[1]
    np.testing.assert_array_equal(inside, [0, 1, 1, 0])


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min"])
def test_over_nothing_is_zero(name: str) -> None:
    y, dx = gradient(lambda x: getattr(ops, name)(x, axis=0), np.zeros((0, 3)))
    np.testing.assert_array_equal(y, [0, 0, 0])
    assert dx.shape == (0, 3)


def test_nan_goes_through() -> None:
    bad = np.array([np.nan, 1.0])
    names = (*ACTIVATIONS, "negative", "exp", "max", "min", "sum", "softmax", "logsumexp")
    for name in names:
        assert np.isnan(getattr(ops, name)(bad).value).any(), name
