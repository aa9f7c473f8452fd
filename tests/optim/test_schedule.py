"""Schedules against values worked out by hand, and their state."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from lexon import optim
from lexon.errors import InputError
from lexon.graph import Parameter


def optimizer(learning_rate=1.0):
    return optim.SGD([Parameter(np.zeros(2))], learning_rate=learning_rate)


def rates(kind, times, learning_rate=1.0, **numbers):
    """The optimiser's learning rate before the first step and after each."""
    own = optimizer(learning_rate)
    schedule = kind(own, **numbers)
    seen = [own.learning_rate]
    for _ in range(times):
        assert schedule.step() == own.learning_rate
        seen.append(own.learning_rate)
    return seen


@pytest.mark.parametrize(
    ("kind", "numbers", "expected"),
    [
        (optim.Constant, {}, [2, 2, 2, 2]),
        (optim.StepDecay, {"factor": 0.5}, [2, 1, 0.5, 0.25]),
        (optim.StepDecay, {"factor": 0.5, "every": 2}, [2, 2, 1, 1, 0.5, 0.5, 0.25]),
        (optim.StepDecay, {"factor": 0.5, "after": 3}, [2, 2, 2, 1, 0.5, 0.25]),
        (optim.StepDecay, {"factor": 0.5, "every": 2, "after": 1}, [2, 1, 1, 0.5, 0.5, 0.25]),
        (optim.Exponential, {"factor": 0.1}, [2, 0.2, 0.02, 0.002]),
        (optim.LinearDecay, {"total": 4}, [2, 1.5, 1, 0.5, 0, 0]),
        (optim.LinearDecay, {"total": 5, "warm_up": 3}, [0.5, 1, 1.5, 2, 1, 0, 0]),
        (optim.LinearDecay, {"total": 4, "last": 1}, [2, 1.75, 1.5, 1.25, 1, 1]),
        (
            optim.Cosine,
            {"total": 5, "warm_up": 1, "last": 1},
            [1, 2, 1.5 + math.sqrt(0.125), 1.5, 1.5 - math.sqrt(0.125), 1, 1],
        ),
    ],
    ids=str,
)
def test_rates_by_hand(kind, numbers, expected):
    seen = rates(kind, len(expected) - 1, learning_rate=2.0, **numbers)
    np.testing.assert_allclose(seen, expected, rtol=1e-14, atol=1e-15)


def test_step_decay_is_zarembas():
    """The medium model: rate 1 for six epochs, then divided by 1.2 after each."""
    seen = rates(optim.StepDecay, 8, factor=1 / 1.2, after=6)
    np.testing.assert_allclose(seen, [1] * 6 + [1 / 1.2, 1 / 1.44, 1 / 1.728], rtol=1e-14)


def plateau(measures, **numbers):
    own = optimizer()
    schedule = optim.ReduceOnPlateau(own, **numbers)
    return [schedule.step(measure) for measure in measures]


def test_plateau():
    assert plateau([3, 2, 2, 2, 2, 2], factor=0.5, patience=1) == [1, 1, 1, 0.5, 0.5, 0.25]
    assert plateau([1, 2, 3, 3], factor=0.5, patience=0, mode="max") == [1, 1, 1, 0.5]
    # Less than the threshold is no improvement; NaN and infinity are none either.
    assert plateau([100, 99.5, 98], factor=0.5, patience=0, threshold=0.01) == [1, 0.5, 0.5]
    assert plateau([math.inf, 5, math.nan, 4], factor=0.5, patience=0) == [0.5, 0.5, 0.25, 0.25]
    assert plateau([1, 1, 1], factor=0.5, patience=0, smallest=0.4) == [1, 0.5, 0.4]
    assert plateau([1, 1], factor=0.5, patience=0, smallest=7.0) == [1, 1]


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        (optim.Constant, {}),
        (optim.StepDecay, {"factor": 0.3, "every": 2}),
        (optim.Exponential, {"factor": 0.9}),
        (optim.LinearDecay, {"total": 9, "warm_up": 3}),
        (optim.Cosine, {"total": 9}),
        (optim.ReduceOnPlateau, {"factor": 0.7, "patience": 1}),
    ],
    ids=str,
)
def test_state_is_json_and_continues_to_the_bit(kind, numbers):
    measures = [3.0, 2.0, 2.0, 2.5, 1.9, 1.9, 1.9, 1.9, 2.0, 1.9]
    first = kind(optimizer(0.3), **numbers)
    for measure in measures[:5]:
        first.step(measure)
    state = json.loads(json.dumps(first.state(), allow_nan=False))
    second = kind(optimizer(0.7), **numbers)
    second.load_state(state)
    assert second.optimizer.learning_rate == first.optimizer.learning_rate
    for measure in measures[5:]:
        assert second.step(measure) == first.step(measure)


def test_state_of_another_schedule_is_refused():
    with pytest.raises(InputError, match="Exponential: the state is"):
        optim.Exponential(optimizer(), 0.9).load_state(optim.Constant(optimizer()).state())
    with pytest.raises(InputError, match="Constant: the state is"):
        optim.Constant(optimizer()).load_state({"schedule": "Constant", "time": 3})


@pytest.mark.parametrize(
    ("kind", "numbers", "words"),
    [
        (optim.StepDecay, {"factor": 0}, "StepDecay: factor is 0\n  give a number above 0"),
        (optim.StepDecay, {"factor": 0.5, "every": 0}, "every is 0\n  give a whole number, 1"),
        (optim.StepDecay, {"factor": 0.5, "after": 1.5}, "after is 1.5"),
        (optim.LinearDecay, {"total": 3, "warm_up": 3}, "warm_up is 3\n  give less than total"),
        (optim.Cosine, {"total": 3, "last": -1}, "Cosine: last is -1"),
        (optim.ReduceOnPlateau, {"factor": 1.0}, "factor is 1.0\n  give a number below 1"),
        (optim.ReduceOnPlateau, {"mode": "low"}, "mode is 'low'"),
    ],
)
def test_bad_numbers_are_named(kind, numbers, words):
    with pytest.raises(InputError, match=words):
        kind(optimizer(), **numbers)


def test_plateau_wants_a_measure():
    with pytest.raises(InputError, match="no measure"):
        optim.ReduceOnPlateau(optimizer()).step()
