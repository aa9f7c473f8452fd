"""First values of parameters: functions of a shape and a generator of random numbers."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError
from lexon.graph.tensor import Array

#: A generator, or the seed of one.
Random = np.random.Generator | int


def generator(rng: Random | None) -> np.random.Generator:
    """``rng`` itself, or the generator of that seed (of an unknown one for None)."""
    return rng if isinstance(rng, np.random.Generator) else np.random.default_rng(rng)


def uniform(
    shape: tuple[int, ...], limit: float, rng: Random | None, dtype: npt.DTypeLike = np.float32
) -> Array:
    """Every number uniform in [-limit, limit]."""
    return generator(rng).uniform(-limit, limit, shape).astype(dtype)


def normal(
    shape: tuple[int, ...], deviation: float, rng: Random | None, dtype: npt.DTypeLike = np.float32
) -> Array:
    """Every number normal with mean 0 and the given standard deviation."""
    return generator(rng).normal(0, deviation, shape).astype(dtype)


def xavier_uniform(
    shape: tuple[int, ...], rng: Random | None, gain: float = 1.0, dtype: npt.DTypeLike = np.float32
) -> Array:
    """Uniform with variance 2 gain² / (D + H): signals keep their size both ways.

    Source: Glorot & Bengio 2010, equation 16.
    """
    inputs, outputs = _fans(shape)
    return uniform(shape, gain * math.sqrt(6 / max(inputs + outputs, 1)), rng, dtype)


def kaiming_uniform(
    shape: tuple[int, ...], rng: Random | None, dtype: npt.DTypeLike = np.float32
) -> Array:
    """Uniform with variance 2 / D: signals keep their size through ReLU layers.

    Source: He et al. 2015, equation 10.
    """
    return uniform(shape, math.sqrt(6 / max(_fans(shape)[0], 1)), rng, dtype)


def orthogonal(
    shape: tuple[int, ...], rng: Random | None, gain: float = 1.0, dtype: npt.DTypeLike = np.float32
) -> Array:
    """Rows (or columns, whichever are fewer) at right angles, of length ``gain``.

    Source: Saxe et al. 2014.
    """
    rows, columns = shape[0], math.prod(shape[1:])
    square = generator(rng).normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(square)
    q = q * np.sign(np.diag(r))
    return (gain * (q if rows >= columns else q.T)).reshape(shape).astype(dtype)


def identity(shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> Array:
    """Ones on the diagonal: a layer that begins by passing its input on."""
    if len(shape) != 2:
        raise InputError(f"identity: a matrix is wanted, not shape {shape}")
    return np.eye(*shape, dtype=dtype)


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Inputs and outputs of one neuron's layer: a weight is (H, D) or (F, K, D)."""
    if len(shape) < 2:
        raise InputError(f"a weight has two dimensions or more, not shape {shape}")
    return math.prod(shape[1:]), shape[0]
