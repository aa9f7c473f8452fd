"""Operations that treat every element alone: downstream = upstream * local.

Inputs broadcast as in NumPy; the gradient of an input that was repeated is summed back to its
shape. Where mathematics has a pole or grows without bound (1 / 0, log 0, exp of 1e4) the result
is infinite or NaN and no warning is printed: ``backward`` raises and names the node and line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError
from lexon.graph.declare import op
from lexon.graph.node import Local
from lexon.graph.tensor import Array


def unbounded() -> np.errstate:
    """Let results leave the finite range silently: the graph says where, a warning cannot."""
    return np.errstate(divide="ignore", invalid="ignore", over="ignore")


def _quiet(derivative: Callable[[], Array]) -> Callable[[], Array]:
    def within() -> Array:
        with unbounded():
            return derivative()

    return within


# Arithmetic


@op("a: *, b: * -> y: *")
def add(a: Array, b: Array) -> tuple[Array, Local]:
    """y = a + b."""
    return a + b, Local(lambda: 1, lambda: 1)


@op("a: *, b: * -> y: *")
def subtract(a: Array, b: Array) -> tuple[Array, Local]:
    """y = a - b."""
    return a - b, Local(lambda: 1, lambda: -1)


@op("a: *, b: * -> y: *")
def multiply(a: Array, b: Array) -> tuple[Array, Local]:
    """y = a b, element by element: each factor's local gradient is the other factor.

    >>> from lexon.graph import Tensor
    >>> a, b = Tensor([2.0, 3.0]), Tensor([5.0])
    >>> multiply(a, b).sum().backward()
    >>> a.grad.tolist(), b.grad.tolist()
    ([5.0, 5.0], [5.0])
    """
    return a * b, Local(lambda: b, lambda: a)


@op("a: *, b: * -> y: *")
def divide(a: Array, b: Array) -> tuple[Array, Local]:
    """y = a / b.

    Equations: dy/da = 1 / b, dy/db = -a / b^2 = -y / b
    """
    with unbounded():
        y = a / b
    return y, Local(_quiet(lambda: 1 / b), _quiet(lambda: -y / b))


@op("x: * -> y: *")
def negative(x: Array) -> tuple[Array, Local]:
    """y = -x."""
    return -x, Local(lambda: -1)


@op("x: * -> y: *")
def power(x: Array, *, exponent: float) -> tuple[Array, Local]:
    """y = x^p for a fixed number p = ``exponent``.

    Equations: dy/dx = p x^(p - 1), and 0 everywhere for p = 0
    """
    p = float(exponent)
    with unbounded():
        y = x**p
    return y, Local(_quiet(lambda: p * x ** (p - 1) if p else np.zeros_like(x)))


@op("x: * -> y: *")
def exp(x: Array) -> tuple[Array, Local]:
    """y = e^x."""
    with unbounded():
        y = np.exp(x)
    return y, Local(lambda: y)


@op("x: * -> y: *")
def log(x: Array) -> tuple[Array, Local]:
    """y = ln x, the natural logarithm."""
    with unbounded():
        y = np.log(x)
    return y, Local(_quiet(lambda: 1 / x))


@op("x: * -> y: *")
def sqrt(x: Array) -> tuple[Array, Local]:
    """y = square root of x.

    Equations: dy/dx = 1 / (2 y), infinite at 0
    """
    with unbounded():
        y = np.sqrt(x)
    return y, Local(_quiet(lambda: 0.5 / y))


@op("x: * -> y: *")
def absolute(x: Array) -> tuple[Array, Local]:
    """y = |x|; the local gradient is the sign of x, and 0 at 0."""
    return np.abs(x), Local(lambda: np.sign(x))


@op("x: * -> y: *")
def erf(x: Array) -> tuple[Array, Local]:
    """The error function.

    Equations: y = 2 / sqrt(pi) * integral of e^(-t^2) from 0 to x; dy/dx = 2 / sqrt(pi) e^(-x^2)
    """
    from scipy import special  # here, because its import takes longer than all of lexon's

    return special.erf(x), Local(lambda: 2 / float(np.sqrt(np.pi)) * np.exp(-x * x))


# Activations


def _logistic(x: Array) -> Array:
    """1 / (1 + e^-x) through e^-|x|, which cannot overflow."""
    e = np.exp(-np.abs(x))
    y: Array = np.where(x >= 0, 1, e) / (1 + e)
    return y


@op("x: * -> y: *")
def tanh(x: Array) -> tuple[Array, Local]:
    """y = tanh x; dy/dx = 1 - y^2."""
    y = np.tanh(x)
    return y, Local(lambda: 1 - y * y)


@op("x: * -> y: *")
def sigmoid(x: Array) -> tuple[Array, Local]:
    """The logistic function.

    Equations: y = 1 / (1 + e^-x); dy/dx = y (1 - y)

    >>> from lexon.graph import Tensor
    >>> x = Tensor([0.0])
    >>> y = sigmoid(x)
    >>> y.backward()
    >>> y.item(), x.grad.tolist()
    (0.5, [0.25])
    """
    y = _logistic(x)
    return y, Local(lambda: y * (1 - y))


@sigmoid.composed
def _sigmoid(x: Any) -> Any:
    return tanh(x * 0.5) * 0.5 + 0.5


@op("x: * -> y: *")
def relu(x: Array) -> tuple[Array, Local]:
    """y = max(x, 0); the local gradient is 1 above 0 and 0 elsewhere."""
    return np.maximum(x, 0), Local(lambda: (x > 0).astype(x.dtype))


@op("x: * -> y: *")
def leaky_relu(x: Array, *, slope: float = 0.01) -> tuple[Array, Local]:
    """y = x above 0, slope * x elsewhere."""
    y = np.where(x > 0, x, float(slope) * x)
    return y, Local(lambda: np.where(x > 0, 1, float(slope)).astype(x.dtype))


@leaky_relu.composed
def _leaky_relu(x: Any, *, slope: float = 0.01) -> Any:
    return relu(x) - relu(-x) * slope


@op("x: * -> y: *")
def elu(x: Array, *, alpha: float = 1.0) -> tuple[Array, Local]:
    """The exponential linear unit.

    Equations: y = x above 0, alpha (e^x - 1) elsewhere; dy/dx = 1 above 0, y + alpha elsewhere
    Source: Clevert, Unterthiner and Hochreiter 2016, equation 15
    """
    y = np.where(x > 0, x, float(alpha) * np.expm1(np.minimum(x, 0)))
    return y, Local(lambda: np.where(x > 0, 1, y + float(alpha)))


@elu.composed
def _elu(x: Any, *, alpha: float = 1.0) -> Any:
    return relu(x) + (exp(-relu(-x)) - 1.0) * alpha


@op("x: * -> y: *")
def softplus(x: Array) -> tuple[Array, Local]:
    """y = ln(1 + e^x), a smooth relu; dy/dx = sigmoid(x)."""
    with unbounded():
        y = np.logaddexp(x, 0.0)
    return y, Local(lambda: _logistic(x))


@softplus.composed
def _softplus(x: Any) -> Any:
    return maximum(x, 0.0) + log(exp(-absolute(x)) + 1.0)


@op("x: * -> y: *")
def gelu(x: Array) -> tuple[Array, Local]:
    """The Gaussian error linear unit, exact (through erf, not the tanh approximation).

    Equations: y = x P(x), P(x) = (1 + erf(x / sqrt 2)) / 2; dy/dx = P(x) + x p(x), p the normal
    density
    Source: Hendrycks and Gimpel 2016, section 2
    """
    from scipy import special  # here, because its import takes longer than all of lexon's

    distribution = special.ndtr(x)

    def local() -> Array:
        density = np.exp(-0.5 * x * x) / float(np.sqrt(2 * np.pi))
        derivative: Array = distribution + x * density
        return derivative

    return x * distribution, Local(local)


@gelu.composed
def _gelu(x: Any) -> Any:
    return x * (erf(x * 0.5**0.5) + 1.0) * 0.5


@op("x: * -> y: *")
def silu(x: Array) -> tuple[Array, Local]:
    """The sigmoid linear unit, also called swish.

    Equations: y = x s, s = sigmoid(x); dy/dx = s + y (1 - s)
    Source: Elfwing, Uchibe and Doya 2018, equation 5
    """
    s = _logistic(x)
    y = x * s
    return y, Local(lambda: s + y * (1 - s))


@silu.composed
def _silu(x: Any) -> Any:
    return x * sigmoid(x)


# Choosing


@op("x: * -> y: *")
def clip(x: Array, *, low: float | None = None, high: float | None = None) -> tuple[Array, Local]:
    """y = x kept within ``low`` and ``high``; the gradient passes from low to high, both included.

    Raises: InputError: both bounds are missing, or low is above high.
    """
    if low is None and high is None:
        raise InputError("clip: neither low nor high was given\n  give at least one of them")
    if low is not None and high is not None and low > high:
        raise InputError(f"clip: low = {low} is above high = {high}\n  exchange them")
    bottom = -np.inf if low is None else float(low)
    top = np.inf if high is None else float(high)
    return np.clip(x, bottom, top), Local(lambda: ((x >= bottom) & (x <= top)).astype(x.dtype))


@op("a: *, b: * -> y: *")
def maximum(a: Array, b: Array) -> tuple[Array, Local]:
    """y = the larger of a and b; where they are equal each gets half of the gradient."""
    return np.maximum(a, b), Local(
        lambda: _share(a > b, a == b, a), lambda: _share(b > a, a == b, a)
    )


@op("a: *, b: * -> y: *")
def minimum(a: Array, b: Array) -> tuple[Array, Local]:
    """y = the smaller of a and b; where they are equal each gets half of the gradient."""
    return np.minimum(a, b), Local(
        lambda: _share(a < b, a == b, a), lambda: _share(b < a, a == b, a)
    )


def _share(wins: Array, ties: Array, like: Array) -> Array:
    """1 for the winner, one half for a tie, 0 for the loser."""
    share: Array = wins.astype(like.dtype) + ties.astype(like.dtype) * 0.5
    return share


@op("a: *, b: * | condition: * -> y: *")
def where(a: Array, b: Array, *, condition: npt.ArrayLike) -> tuple[Array, Local]:
    """y = a where ``condition`` holds, b elsewhere; the condition is data and has no gradient.

    >>> from lexon.graph import Tensor
    >>> a = Tensor([1.0, 2.0])
    >>> where(a, 0.0, condition=[True, False]).value.tolist()
    [1.0, 0.0]
    """
    chosen = np.asarray(condition, bool)
    y = np.where(chosen, a, b)
    return y, Local(lambda: chosen.astype(y.dtype), lambda: (~chosen).astype(y.dtype))


@op("x: * -> y: *")
def dropout(x: Array, *, rate: float, rng: np.random.Generator) -> tuple[Array, Local]:
    """Set each element to 0 with probability ``rate`` and scale up the rest: inverted dropout.

    The same state of ``rng`` drops the same elements; rate 0 returns x itself and draws nothing.

    Equations: y = x m / (1 - rate), m = 1 with probability 1 - rate, else 0
    Units: rate is a probability
    Raises: InputError: the rate is not within 0 <= rate < 1.
    Source: Srivastava et al. 2014, section 10
    """
    if not 0 <= rate < 1:
        raise InputError(
            f"dropout: rate = {rate} is not a probability to drop\n"
            "  give 0 <= rate < 1, such as 0.5 to drop every second element on average"
        )
    if rate == 0:
        return x, Local(lambda: 1)
    kept = rng.random(x.shape, np.float32) >= rate
    scale = float(1 / (1 - rate))

    def local() -> Array:
        scaled: Array = kept * x.dtype.type(scale)
        return scaled

    return x * local(), Local(local)
