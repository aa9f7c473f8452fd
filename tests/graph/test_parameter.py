"""Parameters are read-only outside writing; gradients of tables hold only touched rows."""

from __future__ import annotations

import numpy as np
import pytest

from lexon.errors import ShapeError
from lexon.graph import Parameter, RowGradient, Tensor


def test_a_parameter_is_read_only() -> None:
    w = Parameter(np.ones((2, 3)), name="w")
    with pytest.raises(ValueError, match="read-only"):
        w.value[0] = 5
    with w.writing() as value:
        value[0] = 5
    assert w.value[0, 0] == 5
    with pytest.raises(ValueError, match="read-only"):
        w.value[0] = 6


def test_a_parameter_is_closed_again_after_an_error() -> None:
    w = Parameter(np.ones(2))
    with pytest.raises(ZeroDivisionError), w.writing():
        raise ZeroDivisionError
    assert not w.value.flags.writeable


def test_a_parameter_owns_its_numbers() -> None:
    start = np.ones((3, 2)).T
    w = Parameter(start)
    start[...] = 7
    assert (w.value == 1).all() and w.value.flags.c_contiguous


def test_a_parameter_keeps_its_shape_and_float_type() -> None:
    assert Parameter(np.array(2.0)).shape == ()
    assert Parameter(2.0).dtype == Parameter([1.0]).dtype == Tensor([1.0]).dtype == np.float32
    assert Parameter(np.ones(2)).dtype == np.float64


def test_what_is_derived_is_kept_until_the_next_change() -> None:
    w, made = Parameter(np.array([1.0, 2.0])), []

    def doubled(value: np.ndarray) -> np.ndarray:
        made.append(1)
        return value * 2

    for _ in range(3):
        np.testing.assert_array_equal(w.derived("doubled", doubled), [2, 4])
    assert len(made) == 1
    with w.writing() as value:
        value += 1
    np.testing.assert_array_equal(w.derived("doubled", doubled), [4, 6])
    w.assign([0.0, 1.0])
    np.testing.assert_array_equal(w.derived("doubled", doubled), [0, 2])
    w.astype(np.float32)
    assert w.derived("doubled", doubled).dtype == np.float32
    assert w.derived("other", lambda value: value.sum()) == 1
    assert len(made) == 4


def test_assign_refuses_another_shape() -> None:
    w = Parameter(np.ones((2, 3)), name="encoder.w")
    with pytest.raises(ShapeError, match=r"assign: encoder.w is \(2, 3\), the value \(3, 2\)"):
        w.assign(np.ones((3, 2)))


def test_astype_forgets_the_gradient() -> None:
    w = Parameter(np.ones(2, np.float32))
    (w * 2.0).sum().backward()
    w.astype(np.float64)
    assert w.grad is None and w.dtype == np.float64 and not w.value.flags.writeable


def rows(numbers: list[int], seed: int) -> RowGradient:
    values = np.random.default_rng(seed).normal(size=(len(numbers), 2))
    return RowGradient(np.array(numbers, int), values, (6, 2))


@pytest.mark.parametrize("first", [[], [0, 3], [5], [0, 1, 2, 3, 4, 5]])
@pytest.mark.parametrize("second", [[], [3, 4], [5], [0, 5]])
def test_row_gradients_add_up(first: list[int], second: list[int]) -> None:
    a, b = rows(first, 1), rows(second, 2)
    total = a + b
    assert isinstance(total, RowGradient)
    np.testing.assert_array_equal(total.rows, sorted({*first, *second}))
    np.testing.assert_array_equal(total.dense(), a.dense() + b.dense())


def test_row_gradients_and_arrays_add_up() -> None:
    a, whole = rows([1, 4], 1), np.random.default_rng(3).normal(size=(6, 2))
    for total in (a + whole, whole + a):
        assert isinstance(total, np.ndarray)
        np.testing.assert_array_equal(total, a.dense() + whole)


def test_row_gradients_are_scaled() -> None:
    a = rows([1, 4], 1)
    np.testing.assert_array_equal((a * 0.5).dense(), a.dense() * 0.5)
    small = RowGradient(a.rows, a.values.astype(np.float32), a.shape)
    assert (small * 0.5).values.dtype == np.float32
