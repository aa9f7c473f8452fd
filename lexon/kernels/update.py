"""The optimisers' rules, one kernel each: theta and what is remembered of it, in one pass.

theta (V, D) and its moments (V, D) change in the given rows (R,) only, each named once;
gradient (R, D) holds a line for each of them. A dense parameter is a single long row. ``step``
counts this parameter's steps, ``touched`` (V,) tells at which of them a row was last updated:
what decays has decayed once for each step since. A kernel reads ``touched`` and does not write
it, so that blocks of one row can be updated by several threads.

All arithmetic is in the type of theta. The same rules in plain NumPy: ``reference_update.py``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.kernels.compile import kernel

Array = npt.NDArray[Any]

#: Sums of squares are taken in this many separate float64 sums, so that they vectorise.
LANES = 64


@kernel
def descend(
    theta: Array, gradient: Array, rows: Array, learning_rate: float, weight_decay: float
) -> None:
    """theta <- theta - learning_rate * (gradient + weight_decay * theta)"""
    rate, penalty = theta.dtype.type(learning_rate), theta.dtype.type(weight_decay)
    for i in range(len(rows)):
        row = rows[i]
        for d in range(gradient.shape[1]):
            theta[row, d] -= rate * (gradient[i, d] + penalty * theta[row, d])


@kernel
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
    rate, penalty = theta.dtype.type(learning_rate), theta.dtype.type(weight_decay)
    from_g = theta.dtype.type(1.0 if nesterov else 0.0)
    from_v = theta.dtype.type(momentum if nesterov else 1.0)
    for i in range(len(rows)):
        row = rows[i]
        keep = theta.dtype.type(momentum ** (step - touched[row]))
        for d in range(gradient.shape[1]):
            g = gradient[i, d] + penalty * theta[row, d]
            v = keep * velocity[row, d] + g
            velocity[row, d] = v
            theta[row, d] -= rate * (from_g * g + from_v * v)


@kernel
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
    rate, penalty = theta.dtype.type(learning_rate), theta.dtype.type(weight_decay)
    small = theta.dtype.type(eps)
    for i in range(len(rows)):
        row = rows[i]
        for d in range(gradient.shape[1]):
            g = gradient[i, d] + penalty * theta[row, d]
            s = squares[row, d] + g * g
            squares[row, d] = s
            theta[row, d] -= rate * g / (math.sqrt(s) + small)


@kernel
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
    rate, penalty = theta.dtype.type(learning_rate), theta.dtype.type(weight_decay)
    small = theta.dtype.type(eps)
    old, new = theta.dtype.type(rho), theta.dtype.type(1.0 - rho)
    for i in range(len(rows)):
        row = rows[i]
        missed = rho ** (step - touched[row] - 1)
        late, keep = theta.dtype.type(missed), theta.dtype.type(rho * missed)
        for d in range(gradient.shape[1]):
            g = gradient[i, d] + penalty * theta[row, d]
            s = keep * squares[row, d] + new * g * g
            u = late * moves[row, d]  # this step's own decay comes after x
            x = math.sqrt((u + small) / (s + small)) * g
            squares[row, d] = s
            moves[row, d] = old * u + new * x * x
            theta[row, d] -= rate * x


@kernel
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
    rate, penalty = theta.dtype.type(learning_rate), theta.dtype.type(weight_decay)
    small, new = theta.dtype.type(eps), theta.dtype.type(1.0 - alpha)
    for i in range(len(rows)):
        row = rows[i]
        keep = theta.dtype.type(alpha ** (step - touched[row]))
        for d in range(gradient.shape[1]):
            g = gradient[i, d] + penalty * theta[row, d]
            s = keep * squares[row, d] + new * g * g
            squares[row, d] = s
            theta[row, d] -= rate * g / (math.sqrt(s) + small)


@kernel
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
    rate = theta.dtype.type(learning_rate / (1.0 - beta1**step))
    unbias = theta.dtype.type(1.0 / math.sqrt(1.0 - beta2**step))
    penalty = theta.dtype.type(0.0 if decoupled else weight_decay)
    shrink = theta.dtype.type(1.0 - learning_rate * weight_decay if decoupled else 1.0)
    small = theta.dtype.type(eps)
    new1, new2 = theta.dtype.type(1.0 - beta1), theta.dtype.type(1.0 - beta2)
    for i in range(len(rows)):
        row = rows[i]
        keep1 = theta.dtype.type(beta1 ** (step - touched[row]))
        keep2 = theta.dtype.type(beta2 ** (step - touched[row]))
        for d in range(gradient.shape[1]):
            g = gradient[i, d] + penalty * theta[row, d]
            m = keep1 * means[row, d] + new1 * g
            s = keep2 * squares[row, d] + new2 * g * g
            means[row, d] = m
            squares[row, d] = s
            theta[row, d] = shrink * theta[row, d] - rate * m / (math.sqrt(s) * unbias + small)


@kernel
def square_sum(values: Array) -> float:
    """Sum of values^2 over values (N,), in float64 and in an order that N alone decides."""
    sums = np.zeros(LANES, np.float64)
    whole = len(values) // LANES * LANES
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            value = np.float64(values[start + lane])
            sums[lane] += value * value
    total = 0.0
    for lane in range(LANES):
        total += sums[lane]
    for n in range(whole, len(values)):
        value = np.float64(values[n])
        total += value * value
    return total


@kernel
def limit_rows(theta: Array, largest: float) -> int:
    """Rescale to norm ``largest`` the rows of theta (H, D) that are longer; how many were."""
    rescaled = 0
    for row in range(theta.shape[0]):
        length = math.sqrt(square_sum(theta[row]))
        if length > largest:
            factor = theta.dtype.type(largest / length)
            for d in range(theta.shape[1]):
                theta[row, d] *= factor
            rescaled += 1
    return rescaled
