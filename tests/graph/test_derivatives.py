"""vjp, jacobian, jvp and the gradient check, against results by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lexon
from lexon import ops
from lexon.errors import GraphError
from lexon.graph import Operation, Tensor, gradient_error

A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
X = np.array([0.5, -1.0, 2.0])


def matrix_vector(x: Any) -> Any:
    """y = A x, so the Jacobian is A."""
    return ops.sum(ops.multiply(x, A), axis=1)


def test_vjp_of_a_linear_map() -> None:
    y, pull = lexon.vjp(matrix_vector, X)
    np.testing.assert_allclose(y, A @ X)
    for upstream in ([1.0, 0.0], [2.0, -3.0]):
        np.testing.assert_allclose(pull(upstream)[0], np.array(upstream) @ A)


def test_jacobian_of_a_linear_map() -> None:
    (J,) = lexon.jacobian(matrix_vector, X)
    np.testing.assert_allclose(J, A)


def test_jacobian_of_a_product() -> None:
    a, b = np.array([2.0, 3.0]), np.array([5.0, 7.0])
    by_a, by_b = lexon.jacobian(ops.multiply, a, b)
    np.testing.assert_allclose(by_a, np.diag(b))
    np.testing.assert_allclose(by_b, np.diag(a))


def test_jacobian_of_softmax() -> None:
    y = ops.softmax(X).value
    (J,) = lexon.jacobian(ops.softmax, X)
    np.testing.assert_allclose(J, np.diag(y) - np.outer(y, y))


def test_jacobian_keeps_both_shapes() -> None:
    (J,) = lexon.jacobian(lambda x: ops.transpose(x * 2.0), A)
    assert J.shape == (3, 2, 2, 3)
    assert J[2, 0, 0, 2] == 2 and J[2, 0, 2 - 1, 0] == 0
    (empty,) = lexon.jacobian(lambda x: x[:0], X)
    assert empty.shape == (0, 3)


def test_jacobian_refuses_to_be_huge() -> None:
    with pytest.raises(GraphError, match="16,000,000 numbers"):
        lexon.jacobian(lambda x: x * 2.0, np.zeros(4000))


def test_jvp_along_directions() -> None:
    a, b = np.array([2.0, 3.0]), np.array([5.0, 7.0])
    da, db = np.array([1.0, 10.0]), np.array([0.5, -1.0])
    np.testing.assert_allclose(lexon.jvp(ops.multiply, (a, b), (da, db)), da * b + a * db)
    slope = lexon.jvp(ops.sigmoid, (np.array(0.0),), (np.array(2.0),))
    np.testing.assert_allclose(slope, 0.5)


def test_vjp_of_something_that_does_not_depend() -> None:
    y, pull = lexon.vjp(lambda a, b: a * 2.0, X, A)
    assert y.shape == (3,)
    np.testing.assert_array_equal(pull(np.ones(3))[1], np.zeros_like(A))
    _, pull = lexon.vjp(lambda x: Tensor(1.0, requires_grad=False), X)
    np.testing.assert_array_equal(pull(1.0)[0], 0)


def test_gradcheck_passes_and_tells_the_gap() -> None:
    assert lexon.gradcheck(lambda x: ops.tanh(x) * x, X) < 1e-8


WRONG = Operation("x: * -> y: *", lambda x: (x * x, lambda dy: dy * 2.02 * x))


def test_gradcheck_fails_where_a_gradient_is_wrong() -> None:
    with pytest.raises(GraphError, match=r"gradcheck: backpropagation is off by .*e-0[123]"):
        lexon.gradcheck(WRONG, X)
    assert lexon.gradcheck(WRONG, X, tolerance=0.1) > 1e-3


def test_gradcheck_fails_where_one_of_two_gradients_is_missing() -> None:
    forgets = Operation("a: *, b: * -> y: *", lambda a, b: (a * b, lambda dy: (dy * b, None)))
    assert gradient_error(forgets, X, X + 1) > 0.1


def test_gradcheck_of_several_outputs() -> None:
    half = Operation("x: * -> a: *, b: *", lambda x: ((x * 2, x * 3), lambda u, v: u * 2))
    assert gradient_error(half, X) > 0.1
    whole = Operation("x: * -> a: *, b: *", lambda x: ((x * 2, x * 3), lambda u, v: u * 2 + v * 3))
    assert gradient_error(whole, X) < 1e-8


def test_gradcheck_of_a_nan_fails() -> None:
    bad = Operation("x: * -> y: *", lambda x: (x * x, lambda dy: dy * np.nan))
    with pytest.raises(GraphError, match="gradcheck"):
        lexon.gradcheck(bad, X)


def test_gradient_error_leaves_inputs_alone() -> None:
    before = X.copy()
    gradient_error(matrix_vector, X)
    np.testing.assert_array_equal(X, before)
