"""Every kernel of an optimiser's rule does what its twin in plain NumPy does."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from lexon.kernels import reference_update, update

#: Name of the kernel, how many moments it has, whether they fade, and its numbers.
RULES = [
    ("descend", 0, False, (0.1, 0.0)),
    ("descend", 0, False, (0.1, 0.3)),
    ("descend_momentum", 1, True, (0.1, 0.9, False, 0.0)),
    ("descend_momentum", 1, True, (0.1, 0.9, True, 0.3)),
    ("adagrad", 1, False, (0.1, 1e-3, 0.0)),
    ("adagrad", 1, False, (0.1, 1e-3, 0.3)),
    ("adadelta", 2, True, (0.7, 0.95, 1e-3, 0.0)),
    ("adadelta", 2, True, (0.7, 0.95, 1e-3, 0.3)),
    ("rmsprop", 1, True, (0.1, 0.9, 1e-3, 0.0)),
    ("rmsprop", 1, True, (0.1, 0.9, 1e-3, 0.3)),
    ("adam", 2, True, (0.1, 0.8, 0.9, 1e-3, 0.0, False)),
    ("adam", 2, True, (0.1, 0.8, 0.9, 1e-3, 0.3, False)),
    ("adam", 2, True, (0.1, 0.8, 0.9, 1e-3, 0.3, True)),
]


def case(rule, dtype, rows=7, width=37, every=2, seed=0):
    """theta, gradient, rows, moments and the arguments after them, all random."""
    _, moments, fades, numbers = rule
    random = np.random.default_rng(seed)
    theta = random.normal(size=(rows, width)).astype(dtype)
    chosen = np.arange(0, rows, every)
    gradient = random.normal(size=(len(chosen), width)).astype(dtype)
    state = [random.uniform(0.1, 2, theta.shape).astype(dtype) for _ in range(moments)]
    time = (random.integers(0, 6, rows), 6) if fades else ()
    return theta, gradient, chosen, state, (*time, *numbers)


def apply(rule, theta, gradient, *rest):
    """The kernel on blocks of a few lines, or of a piece of the only one."""
    length = 3 * gradient.shape[1] if len(gradient) > 1 else 50
    getattr(update, rule[0])(gradient.size, length, 0.0, theta, gradient, *rest)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rule_equals_its_twin(rule, dtype):
    theta, gradient, rows, state, rest = case(rule, dtype)
    twin, twin_state = theta.copy(), [moment.copy() for moment in state]
    before, time = gradient.copy(), [np.copy(argument) for argument in rest]
    apply(rule, theta, gradient, rows, *state, *rest)
    getattr(reference_update, rule[0])(twin, gradient, rows, *twin_state, *rest)
    tolerance = 1e-13 if dtype is np.float64 else 2e-6
    for own, other in zip([theta, *state], [twin, *twin_state], strict=True):
        np.testing.assert_allclose(own, other, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(gradient, before)
    for argument, old in zip(rest, time, strict=True):
        np.testing.assert_array_equal(argument, old)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_other_rows_stay(rule):
    theta, gradient, rows, state, rest = case(rule, np.float32)
    before = [array.copy() for array in (theta, *state)]
    apply(rule, theta, gradient, rows, *state, *rest)
    for array, old in zip((theta, *state), before, strict=True):
        np.testing.assert_array_equal(array[1::2], old[1::2])
        assert (array[rows] != old[rows]).mean() > 0.9


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_bits_do_not_depend_on_the_place_in_a_row(rule, dtype):
    theta, gradient, _, state, rest = case(rule, dtype, rows=1, width=203)
    row = np.zeros(1, np.int64)
    pieces = [array.copy() for array in (theta, gradient, *state)]
    apply(rule, theta, gradient, row, *state, *rest)
    for start, stop in [(0, 1), (1, 4), (4, 75), (75, 203)]:
        part, part_gradient, *part_state = (array[:, start:stop].copy() for array in pieces)
        apply(rule, part, part_gradient, row, *part_state, *rest)
        for piece, whole in zip([part, *part_state], [theta, *state], strict=True):
            np.testing.assert_array_equal(piece, whole[:, start:stop])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_of_values_are_scaled_and_their_squares_added(dtype):
    values = np.random.default_rng(1).normal(size=230).astype(dtype)
    scaled, sums = np.empty_like(values), np.empty(3)
    update.scale(230, 100, 0.0, values, 0.3, scaled)
    np.testing.assert_array_equal(scaled, values * dtype(0.3))
    update.square_sums(230, 100, 0.0, values, 100, sums)
    assert sums.tolist() == [update.square_sum(values[i : i + 100]) for i in (0, 100, 200)]


def test_every_kernel_has_a_twin_with_its_arguments_and_a_case():
    rules = {rule[0] for rule in RULES}
    for name in rules:
        _, _, _, *arguments = inspect.signature(getattr(update, name)).parameters
        assert arguments == list(inspect.signature(getattr(reference_update, name)).parameters)
    public = {
        name
        for name, value in vars(update).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == update.__name__
    }
    assert public == rules | {"square_sum", "square_sums", "scale", "limit_rows"}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 1000])
def test_square_sum_equals_its_twin(size, dtype):
    values = np.random.default_rng(size).normal(size=size).astype(dtype)
    assert update.square_sum(values) == pytest.approx(
        reference_update.square_sum(values), rel=1e-14
    )


def test_square_sum_of_float32_is_summed_in_float64():
    values = np.full(100_000, 1e-3, np.float32)
    assert update.square_sum(values) == pytest.approx(1e5 * float(values[0]) ** 2, rel=1e-13)
    assert update.square_sum(np.array([1e30], np.float32)) == pytest.approx(1e60, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_limit_rows_equals_its_twin(dtype):
    random = np.random.default_rng(3)
    theta = (random.normal(size=(9, 30)) * random.uniform(0.1, 2, (9, 1))).astype(dtype)
    theta[4] = 0
    twin = theta.copy()
    count = update.limit_rows(theta, 3.0)
    assert 0 < count < 9
    assert count == reference_update.limit_rows(twin, 3.0)
    np.testing.assert_allclose(theta, twin, rtol=1e-6 if dtype is np.float32 else 1e-14)
