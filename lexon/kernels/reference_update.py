"""The optimisers' rules in plain NumPy: the specification of ``update.py``, name by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def descend(
    theta: Array, gradient: Array, rows: Array, learning_rate: float, weight_decay: float
) -> None:
    """theta <- theta - learning_rate * (gradient + weight_decay * theta)"""
    theta[rows] -= learning_rate * (gradient + weight_decay * theta[rows])


def descend_momentum(
    theta: Array,
    gradient: Array,
    rows: Array,
    velocity: Array,
    touched: Array,
    step: int,
    learning_rate: float,
    momentum: float,
    nesterov: bool,
    weight_decay: float,
) -> None:
    """v <- momentum * v + g; theta <- theta - learning_rate * (v, or g + momentum * v)"""
    g = gradient + weight_decay * theta[rows]
    v = decay(momentum, step - touched[rows]) * velocity[rows] + g
    velocity[rows] = v
    theta[rows] -= learning_rate * (g + momentum * v if nesterov else v)


def adagrad(
    theta: Array,
    gradient: Array,
    rows: Array,
    squares: Array,
    learning_rate: float,
    eps: float,
    weight_decay: float,
) -> None:
    """s <- s + g^2; theta <- theta - learning_rate * g / (sqrt(s) + eps)"""
    g = gradient + weight_decay * theta[rows]
    s = squares[rows] + g**2
    squares[rows] = s
    theta[rows] -= learning_rate * g / (np.sqrt(s) + eps)


def adadelta(
    theta: Array,
    gradient: Array,
    rows: Array,
    squares: Array,
    moves: Array,
    touched: Array,
    step: int,
    learning_rate: float,
    rho: float,
    eps: float,
    weight_decay: float,
) -> None:
    """s <- rho s + (1 - rho) g^2; x = sqrt((u + eps) / (s + eps)) g; u <- rho u + (1 - rho) x^2"""
    missed = decay(rho, step - 1 - touched[rows])
    g = gradient + weight_decay * theta[rows]
    s = rho * (missed * squares[rows]) + (1 - rho) * g**2
    u = missed * moves[rows]
    x = np.sqrt(u + eps) / np.sqrt(s + eps) * g
    squares[rows] = s
    moves[rows] = rho * u + (1 - rho) * x**2
    theta[rows] -= learning_rate * x


def rmsprop(
    theta: Array,
    gradient: Array,
    rows: Array,
    squares: Array,
    touched: Array,
    step: int,
    learning_rate: float,
    alpha: float,
    eps: float,
    weight_decay: float,
) -> None:
    """s <- alpha s + (1 - alpha) g^2; theta <- theta - learning_rate * g / (sqrt(s) + eps)"""
    g = gradient + weight_decay * theta[rows]
    s = decay(alpha, step - touched[rows]) * squares[rows] + (1 - alpha) * g**2
    squares[rows] = s
    theta[rows] -= learning_rate * g / (np.sqrt(s) + eps)


def adam(
    theta: Array,
    gradient: Array,
    rows: Array,
    means: Array,
    squares: Array,
    touched: Array,
    step: int,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
) -> None:
    """m <- beta1 m + (1 - beta1) g; s <- beta2 s + (1 - beta2) g^2; both freed of their bias

    theta <- theta - learning_rate * m / (1 - beta1^t) / (sqrt(s / (1 - beta2^t)) + eps)
    """
    g = gradient + (0.0 if decoupled else weight_decay) * theta[rows]
    m = decay(beta1, step - touched[rows]) * means[rows] + (1 - beta1) * g
    s = decay(beta2, step - touched[rows]) * squares[rows] + (1 - beta2) * g**2
    means[rows] = m
    squares[rows] = s
    if decoupled:
        theta[rows] -= learning_rate * weight_decay * theta[rows]
    unbiased_m, unbiased_s = m / (1 - beta1**step), s / (1 - beta2**step)
    theta[rows] -= learning_rate * unbiased_m / (np.sqrt(unbiased_s) + eps)


def square_sum(values: Array) -> float:
    """Sum of values^2 over values (N,), in float64."""
    return float(np.sum(np.square(values, dtype=np.float64)))


def limit_rows(theta: Array, largest: float) -> int:
    """Rescale to norm ``largest`` the rows of theta (H, D) that are longer; how many were."""
    lengths = np.linalg.norm(theta.astype(np.float64), axis=1)
    long = lengths > largest
    theta[long] *= (largest / lengths[long])[:, None]
    return int(long.sum())


def decay(factor: float, times: Array) -> Array:
    """factor^times, one line for each row."""
    powers: Array = np.power(factor, times.astype(np.float64))[:, None]
    return powers
