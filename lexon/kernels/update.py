"""The optimisers' rules, one kernel each: theta and what is remembered of it, in one pass.

theta (V, D) and its moments (V, D) change in the given rows (R,) only, each named once;
gradient (R, D) holds a line for each of them. A dense parameter is a single long row. ``step``
counts this parameter's steps, ``touched`` (V,) tells at which of them a row was last updated:
what decays has decayed once for each step since. A kernel reads ``touched`` and does not write
it, so that blocks of one row can be updated by several threads: a block is the numbers ``first``
to ``last`` of the gradient, its lines end to end.

All arithmetic is in the type of theta. The same rules in plain NumPy: ``reference_update.py``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.kernels.compile import inlined, kernel
from lexon.kernels.shared import shared

Array = npt.NDArray[Any]

#: Sums of squares are taken in this many separate float64 sums, so that they vectorise.
LANES = 64


@inlined
def _columns(line, first, last, width):
    """The part of a line of the gradient that is in the block."""
    return max(first - line * width, 0), min(last - line * width, width)


@shared
def descend(
    first: int,
    last: int,
    theta: Array,
    gradient: Array,
    rows: Array,
    learning_rate: float,
    weight_decay: float,
) -> None:
    """theta <- theta - learning_rate * (gradient + weight_decay * theta)"""
    rate, penalty = theta.dtype.type(learning_rate), theta.dtype.type(weight_decay)
    width = gradient.shape[1]
    for i in range(first // width, (last + width - 1) // width):
        row, (begin, end) = rows[i], _columns(i, first, last, width)
        of_theta = theta[row, begin:end]
        of_gradient = gradient[i, begin:end]
        for d in range(of_theta.size):
            of_theta[d] -= rate * (of_gradient[d] + penalty * of_theta[d])


@shared
def descend_momentum(
    first: int,
    last: int,
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
    width = gradient.shape[1]
    for i in range(first // width, (last + width - 1) // width):
        row, (begin, end) = rows[i], _columns(i, first, last, width)
        of_theta = theta[row, begin:end]
        of_gradient = gradient[i, begin:end]
        of_velocity = velocity[row, begin:end]
        keep = theta.dtype.type(momentum ** (step - touched[row]))
        for d in range(of_theta.size):
            g = of_gradient[d] + penalty * of_theta[d]
            v = keep * of_velocity[d] + g
            of_velocity[d] = v
            of_theta[d] -= rate * (from_g * g + from_v * v)


@shared
def adagrad(
    first: int,
    last: int,
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
    width = gradient.shape[1]
    for i in range(first // width, (last + width - 1) // width):
        row, (begin, end) = rows[i], _columns(i, first, last, width)
        of_theta = theta[row, begin:end]
        of_gradient = gradient[i, begin:end]
        of_squares = squares[row, begin:end]
        for d in range(of_theta.size):
            g = of_gradient[d] + penalty * of_theta[d]
            s = of_squares[d] + g * g
            of_squares[d] = s
            of_theta[d] -= rate * g / (math.sqrt(s) + small)


@shared
def adadelta(
    first: int,
    last: int,
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
    width = gradient.shape[1]
    for i in range(first // width, (last + width - 1) // width):
        row, (begin, end) = rows[i], _columns(i, first, last, width)
        of_theta = theta[row, begin:end]
        of_gradient = gradient[i, begin:end]
        of_squares = squares[row, begin:end]
        of_moves = moves[row, begin:end]
        missed = rho ** (step - touched[row] - 1)
        late, keep = theta.dtype.type(missed), theta.dtype.type(rho * missed)
        for d in range(of_theta.size):
            g = of_gradient[d] + penalty * of_theta[d]
            s = keep * of_squares[d] + new * g * g
            u = late * of_moves[d]  # this step's own decay comes after x
            x = math.sqrt((u + small) / (s + small)) * g
            of_squares[d] = s
            of_moves[d] = old * u + new * x * x
            of_theta[d] -= rate * x


@shared
def rmsprop(
    first: int,
    last: int,
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
    width = gradient.shape[1]
    for i in range(first // width, (last + width - 1) // width):
        row, (begin, end) = rows[i], _columns(i, first, last, width)
        of_theta = theta[row, begin:end]
        of_gradient = gradient[i, begin:end]
        of_squares = squares[row, begin:end]
        keep = theta.dtype.type(alpha ** (step - touched[row]))
        for d in range(of_theta.size):
            g = of_gradient[d] + penalty * of_theta[d]
            s = keep * of_squares[d] + new * g * g
            of_squares[d] = s
            of_theta[d] -= rate * g / (math.sqrt(s) + small)


@shared
def adam(
    first: int,
    last: int,
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
    width = gradient.shape[1]
    for i in range(first // width, (last + width - 1) // width):
        row, (begin, end) = rows[i], _columns(i, first, last, width)
        of_theta = theta[row, begin:end]
        of_gradient = gradient[i, begin:end]
        of_squares = squares[row, begin:end]
        of_means = means[row, begin:end]
        keep1 = theta.dtype.type(beta1 ** (step - touched[row]))
        keep2 = theta.dtype.type(beta2 ** (step - touched[row]))
        for d in range(of_theta.size):
            g = of_gradient[d] + penalty * of_theta[d]
            m = keep1 * of_means[d] + new1 * g
            s = keep2 * of_squares[d] + new2 * g * g
            of_means[d] = m
            of_squares[d] = s
            of_theta[d] = shrink * of_theta[d] - rate * m / (math.sqrt(s) * unbias + small)


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


@shared
def square_sums(first: int, last: int, values: Array, each: int, sums: Array) -> None:
    """The sum of each block of ``each`` values: of the blocks that are shared."""
    sums[first // each] = square_sum(values[first:last])


@shared
def scale(first: int, last: int, values: Array, factor: float, scaled: Array) -> None:
    """scaled = factor * values"""
    by, own, to = values.dtype.type(factor), values[first:last], scaled[first:last]
    for n in range(own.size):
        to[n] = by * own[n]


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
