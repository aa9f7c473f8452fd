"""Limits on gradients before a step, and on weights after it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from lexon.errors import NonFiniteError, ShapeError
from lexon.graph import Array, Gradient, Parameter, RowGradient
from lexon.kernels import update
from lexon.optim.checks import positive
from lexon.optim.optimizer import BLOCK, WORK, Parameters, named, plain


def clip_norm(parameters: Parameters, largest: float) -> float:
    """Scale all gradients together so that their common norm is at most ``largest``.

    Equations: norm = sqrt(sum of g^2 over all parameters); g <- g * largest / norm if norm >
    largest. Returns the norm before. Squares are summed in float64, in an order that does not
    depend on threads; gradients are replaced, never changed in place.

    Raises:
        InputError: ``largest`` is not above 0.
        NonFiniteError: a gradient holds NaN or infinity; names the parameter.

    Source: Pascanu, Mikolov, Bengio, On the difficulty of training recurrent neural networks
    (2013), algorithm 1.
    """
    positive("clip_norm", "largest", largest)
    pairs = named("clip_norm", parameters)
    total = 0.0
    for name, parameter in pairs:
        squares = _square_sum(parameter.grad)
        if not math.isfinite(squares):
            raise NonFiniteError(
                f"clip_norm: the gradient of {name} is not finite\n"
                "  lower the learning rate, or look for the first NaN with loss.backward()"
            )
        total += squares
    norm = math.sqrt(total)
    if norm > largest:
        _replace(pairs, lambda g: _scaled(g, largest / norm))
    return norm


def clip_value(parameters: Parameters, largest: float) -> None:
    """Limit every number of every gradient to between ``-largest`` and ``largest``.

    Raises:
        InputError: ``largest`` is not above 0.
    """
    positive("clip_value", "largest", largest)
    _replace(named("clip_value", parameters), lambda g: np.clip(g, -largest, largest))


def max_norm_rows(parameter: Parameter, largest: float) -> int:
    """Rescale the rows of a weight that are longer than ``largest``; return how many were.

    Equation: w_h <- w_h * largest / |w_h| for every row h with |w_h| > largest

    Shapes: parameter (H, D).

    Raises:
        InputError: ``largest`` is not above 0.
        ShapeError: the parameter is no matrix.

    Source: Kim, Convolutional neural networks for sentence classification (2014), section 2.1.
    """
    positive("max_norm_rows", "largest", largest)
    if parameter.ndim != 2:
        raise ShapeError(
            f"max_norm_rows: {parameter.name or 'parameter'} is {parameter.shape}, not (H, D)"
        )
    with parameter.writing() as array:
        return int(update.limit_rows(array, float(largest)))


def _replace(parameters: list[tuple[str, Parameter]], change: Callable[[Array], Array]) -> None:
    """Give each parameter a gradient of changed numbers."""
    for _, parameter in parameters:
        gradient = parameter.grad
        if isinstance(gradient, RowGradient):
            parameter.grad = RowGradient(gradient.rows, change(gradient.values), gradient.shape)
        elif gradient is not None:
            parameter.grad = change(gradient)


def _scaled(gradient: Array, factor: float) -> Array:
    flat = plain(gradient).reshape(-1)
    scaled = np.empty_like(flat)
    update.scale(flat.size, BLOCK, WORK * flat.size, flat, factor, scaled)
    return scaled.reshape(gradient.shape)


def _square_sum(gradient: Gradient | None) -> float:
    """Sum of g^2: blocks shared over threads, their sums added in order."""
    if gradient is None:
        return 0.0
    flat = plain(gradient.values if isinstance(gradient, RowGradient) else gradient).reshape(-1)
    sums = np.zeros(-(-flat.size // BLOCK))
    update.square_sums(flat.size, BLOCK, WORK * flat.size, flat, BLOCK, sums)
    total = 0.0
    for part in sums.tolist():  # not sum(): its rounding differs between Python versions
        total += part
    return total
