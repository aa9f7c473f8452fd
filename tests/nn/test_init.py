"""First values have the statistics that their papers ask for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lexon.errors import InputError
from lexon.nn import init

SHAPE = (300, 200)
RANDOM = {
    "uniform": lambda rng, **o: init.uniform(SHAPE, 0.25, rng, **o),
    "normal": lambda rng, **o: init.normal(SHAPE, 0.25, rng, **o),
    "xavier_uniform": lambda rng, **o: init.xavier_uniform(SHAPE, rng, **o),
    "kaiming_uniform": lambda rng, **o: init.kaiming_uniform(SHAPE, rng, **o),
    "orthogonal": lambda rng, **o: init.orthogonal(SHAPE, rng, **o),
}
DEVIATION = {
    "uniform": 0.25 / math.sqrt(3),
    "normal": 0.25,
    "xavier_uniform": math.sqrt(2 / (300 + 200)),
    "kaiming_uniform": math.sqrt(2 / 200),
    "orthogonal": math.sqrt(1 / 300),
}


@pytest.mark.parametrize("name", RANDOM)
def test_mean_and_deviation(name):
    values = RANDOM[name](0).astype(float)
    assert values.shape == SHAPE
    assert values.std() == pytest.approx(DEVIATION[name], rel=0.01)
    assert abs(values.mean()) < 5 * DEVIATION[name] / math.sqrt(values.size)


@pytest.mark.parametrize("name", ["uniform", "xavier_uniform", "kaiming_uniform"])
def test_uniform_values_fill_their_range_evenly(name):
    values = RANDOM[name](0).astype(float)
    limit = DEVIATION[name] * math.sqrt(3)
    assert abs(values).max() <= limit * (1 + 1e-6)
    shares, _ = np.histogram(values, 10, (-limit, limit))
    np.testing.assert_allclose(shares / values.size, 0.1, atol=0.007)


@pytest.mark.parametrize("name", RANDOM)
def test_the_seed_decides(name):
    draw = RANDOM[name]
    np.testing.assert_array_equal(draw(3), draw(np.random.default_rng(3)))
    assert not np.array_equal(draw(3), draw(4))
    rng = np.random.default_rng(3)
    assert not np.array_equal(draw(rng), draw(rng))
    assert draw(0).dtype == np.float32
    assert draw(0, dtype=np.float64).dtype == np.float64


def test_the_gain_scales():
    for function in (init.xavier_uniform, init.orthogonal):
        np.testing.assert_allclose(function(SHAPE, 0, gain=3.0), 3 * function(SHAPE, 0), rtol=1e-6)


@pytest.mark.parametrize("shape", [(4, 4), (3, 8), (8, 3), (6, 2, 5), (12, 2, 3), (1, 1)])
def test_orthogonal_rows_or_columns(shape):
    q = init.orthogonal(shape, 1, dtype=np.float64).reshape(shape[0], -1)
    gram = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-12)


def test_orthogonal_has_no_preferred_sign():
    """Without the sign of R's diagonal the first column would always point one way."""
    signs = [np.sign(init.orthogonal((3, 3), seed)[0, 0]) for seed in range(200)]
    assert abs(sum(signs)) < 60


def test_a_filter_counts_all_its_inputs():
    filters = init.xavier_uniform((100, 3, 50), 0)
    assert filters.std() == pytest.approx(math.sqrt(2 / (150 + 100)), rel=0.02)


def test_identity_passes_its_input_on():
    np.testing.assert_array_equal(init.identity((2, 3)), [[1, 0, 0], [0, 1, 0]])
    with pytest.raises(InputError, match=r"a matrix is wanted, not shape \(2, 3, 4\)"):
        init.identity((2, 3, 4))


@pytest.mark.parametrize("function", [init.xavier_uniform, init.kaiming_uniform])
@pytest.mark.parametrize("shape", [(), (5,)])
def test_a_weight_has_two_dimensions(function, shape):
    with pytest.raises(InputError, match="two dimensions or more"):
        function(shape, 0)
