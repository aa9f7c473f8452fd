"""Twenty steps of every optimiser equal PyTorch's, and a textbook's first steps by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lexon import optim
from lexon.graph import Parameter

#: Our optimiser and its numbers, PyTorch's name and its numbers.
PAIRS = [
    (optim.GradientDescent, {"learning_rate": 0.1}, "SGD", {"lr": 0.1}),
    (optim.SGD, {"learning_rate": 0.1}, "SGD", {"lr": 0.1}),
    (
        optim.SGD,
        {"learning_rate": 0.1, "weight_decay": 0.2},
        "SGD",
        {"lr": 0.1, "weight_decay": 0.2},
    ),
    (
        optim.SGD,
        {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.2},
        "SGD",
        {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2},
    ),
    (
        optim.SGD,
        {"learning_rate": 0.1, "momentum": 0.7, "nesterov": True, "weight_decay": 0.2},
        "SGD",
        {"lr": 0.1, "momentum": 0.7, "nesterov": True, "weight_decay": 0.2},
    ),
    (optim.Adagrad, {}, "Adagrad", {}),
    (
        optim.Adagrad,
        {"learning_rate": 0.3, "eps": 1e-3, "weight_decay": 0.2},
        "Adagrad",
        {"lr": 0.3, "eps": 1e-3, "weight_decay": 0.2},
    ),
    # PyTorch's own defaults are rho 0.9; the root of a quotient is our quotient of roots.
    (optim.Adadelta, {}, "Adadelta", {"lr": 1.0, "rho": 0.95, "eps": 1e-6}),
    (
        optim.Adadelta,
        {"learning_rate": 0.3, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.2},
        "Adadelta",
        {"lr": 0.3, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.2},
    ),
    (optim.RMSprop, {}, "RMSprop", {}),
    (
        optim.RMSprop,
        {"learning_rate": 0.3, "alpha": 0.8, "eps": 1e-3, "weight_decay": 0.2},
        "RMSprop",
        {"lr": 0.3, "alpha": 0.8, "eps": 1e-3, "weight_decay": 0.2},
    ),
    (optim.Adam, {}, "Adam", {}),
    (
        optim.Adam,
        {"learning_rate": 0.3, "betas": (0.8, 0.7), "eps": 1e-3, "weight_decay": 0.2},
        "Adam",
        {"lr": 0.3, "betas": (0.8, 0.7), "eps": 1e-3, "weight_decay": 0.2},
    ),
    (optim.AdamW, {}, "AdamW", {}),
    (
        optim.AdamW,
        {"learning_rate": 0.3, "betas": (0.8, 0.7), "eps": 1e-3, "weight_decay": 0.2},
        "AdamW",
        {"lr": 0.3, "betas": (0.8, 0.7), "eps": 1e-3, "weight_decay": 0.2},
    ),
]


@pytest.mark.parametrize(("ours", "numbers", "name", "theirs"), PAIRS, ids=str)
def test_twenty_steps_equal_pytorch(ours, numbers, name, theirs):
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(1)
    start = [random.normal(size=shape) for shape in [(5, 3), (4,), (2, 3, 4), ()]]
    parameters = [Parameter(value) for value in start]
    peers = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in start]
    optimizer = ours(parameters, **numbers)
    peer_optimizer = getattr(torch.optim, name)(peers, **theirs)
    for step in range(20):
        for parameter, peer in zip(parameters, peers, strict=True):
            gradient = np.asarray(random.normal(size=parameter.shape))
            # The second parameter has no gradient in some steps: both skip it.
            skipped = parameter is parameters[1] and step % 3 == 1
            parameter.grad = None if skipped else gradient
            peer.grad = None if skipped else torch.tensor(gradient)
        optimizer.step()
        peer_optimizer.step()
    for parameter, peer, value in zip(parameters, peers, start, strict=True):
        other = peer.detach().numpy()
        assert np.abs(parameter.value - value).min() > 1e-5
        np.testing.assert_allclose(parameter.value, other, rtol=1e-12, atol=1e-13)


def test_gradient_descent_by_hand():
    theta = Parameter(np.array([1.0, -2.0]))
    theta.grad = np.array([0.5, 4.0])
    optim.GradientDescent([theta], learning_rate=0.25).step()
    np.testing.assert_array_equal(theta.value, [0.875, -3.0])


def test_adadelta_by_hand():
    """Zeiler's algorithm 1, one step from nothing: s = 0.05 g^2, x = sqrt(eps / (s + eps)) g."""
    theta = Parameter(np.array([0.0]))
    theta.grad = np.array([2.0])
    optim.Adadelta([theta]).step()
    assert theta.value[0] == pytest.approx(-2 * np.sqrt(1e-6 / (0.2 + 1e-6)), rel=1e-14)
