"""The CRF layer: its parameters, what it learns, and what it refuses."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from lexon import nn, ops
from lexon.errors import InputError, ShapeError
from lexon.graph import Tensor
from lexon.optim import SGD

LENGTHS = np.array([3, 0, 1])


def field(classes: int = 3) -> nn.CRF:
    random, made = np.random.default_rng(1), nn.CRF(classes)
    for parameter in made.parameters():
        parameter.assign(random.normal(size=parameter.shape))
    return made


def test_at_first_no_transition_is_better_than_another() -> None:
    x = np.random.default_rng(0).normal(size=(4, 3))
    made, targets = nn.CRF(3), np.array([0, 2, 1, 1])
    assert [name for name, _ in made.named_parameters()] == ["transitions", "start", "stop"]
    losses = made(x.astype(np.float32), LENGTHS, targets).value
    each = np.log(np.exp(x).sum(axis=1)) - x[np.arange(4), targets]
    np.testing.assert_allclose(losses, [each[:3].sum(), 0, each[3]], rtol=1e-5)
    np.testing.assert_array_equal(made.best(x, LENGTHS)[0], x.argmax(axis=1))
    np.testing.assert_allclose(
        made.marginals(x, LENGTHS), np.exp(x) / np.exp(x).sum(axis=1, keepdims=True), rtol=1e-6
    )


def test_a_loss_is_minus_the_logarithm_of_a_probability() -> None:
    made, x = field(), np.random.default_rng(2).normal(size=(3, 3)).astype(np.float32)
    losses = [made(x, [3], np.array(path)).item() for path in product(range(3), repeat=3)]
    assert np.exp(-np.array(losses)).sum() == pytest.approx(1, rel=1e-5)
    best = list(product(range(3), repeat=3))[int(np.argmin(losses))]
    assert tuple(made.best(x, [3])[0].tolist()) == best


def test_it_learns_what_follows_what() -> None:
    made, targets = nn.CRF(2), np.array([0, 1] * 10)
    optimizer = SGD(dict(made.named_parameters()), learning_rate=0.5)
    for _ in range(50):
        optimizer.zero_grad()
        ops.sum(made(np.zeros((20, 2), np.float32), [20], targets)).backward()
        optimizer.step()
    assert made.best(np.zeros((6, 2)), [6])[0].tolist() == [0, 1] * 3


def test_refusals() -> None:
    made, x = field(), np.zeros((4, 3), np.float32)
    with pytest.raises(ShapeError, match=r"C is 2 in one argument and 3 in another"):
        made(np.zeros((4, 2), np.float32), LENGTHS, np.zeros(4, int))
    with pytest.raises(ShapeError, match="S is 4 in one argument and 3 in another"):
        made(x, LENGTHS, np.zeros(3, int))
    with pytest.raises(InputError, match="row 1 is class 3, but there are 3 classes"):
        made(x, LENGTHS, np.array([0, 3, 0, 0]))
    with pytest.raises(InputError, match="class numbers are integers"):
        made(x, LENGTHS, np.zeros(4))
    with pytest.raises(ShapeError, match="add up to 4, but there are 5 rows"):
        made.best(np.zeros((5, 3)), LENGTHS)
    with pytest.raises(ShapeError, match=r"a is \(3, 3\), x is \(4, 2\)"):
        made.marginals(np.zeros((4, 2)), LENGTHS)


def test_gradients_reach_all_parameters() -> None:
    made, x = field(), Tensor(np.ones((4, 3), np.float32))
    ops.sum(made(x, LENGTHS, np.array([0, 1, 1, 2]))).backward()
    for tensor in (x, *made.parameters()):
        assert np.abs(tensor.grad).max() > 0.01
    # each row and each transition: probabilities less what was there, in sum nothing
    assert abs(float(x.grad.sum())) < 1e-5 and abs(float(made.transitions.grad.sum())) < 1e-5
