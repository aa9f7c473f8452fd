"""Rules that give every number of a parameter a step size of its own."""

from __future__ import annotations

from typing import Any

from lexon.errors import InputError
from lexon.kernels import update
from lexon.optim.checks import fraction, not_negative, positive
from lexon.optim.optimizer import Optimizer, Parameters


class Adagrad(Optimizer):
    """Steps shrink with the sum of all squared gradients so far.

    Equations:
        g <- g + weight_decay * theta
        s <- s + g^2
        theta <- theta - learning_rate * g / (sqrt(s) + eps)

    Shapes: theta, s, g of one shape; or g as rows (R, D) of theta (V, D).

    Row-sparse gradients: exactly the dense rule, for without gradient neither s nor theta
    changes; but weight decay, if any, reaches a row only when it is touched.

    Raises:
        InputError: a number outside its range.

    Source: Duchi, Hazan, Singer, Adaptive subgradient methods (2011).
    """

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: float = 0.01,
        eps: float = 1e-10,
        weight_decay: float = 0.0,
    ) -> None:
        self.rule, self.moments = update.adagrad, ("squares",)
        self.eps = positive(self, "eps", eps)
        self.weight_decay = not_negative(self, "weight_decay", weight_decay)
        super().__init__(parameters, learning_rate)

    def numbers(self) -> tuple[Any, ...]:
        return self.learning_rate, self.eps, self.weight_decay


class Adadelta(Optimizer):
    """Steps as long as recent steps were, over as much as recent gradients were.

    Equations:
        g <- g + weight_decay * theta
        s <- rho * s + (1 - rho) * g^2
        x = sqrt((u + eps) / (s + eps)) * g
        u <- rho * u + (1 - rho) * x^2
        theta <- theta - learning_rate * x

    The paper has no ``learning_rate``: 1 is its rule. s is kept as ``squares``, u as ``moves``.

    Shapes: theta, s, u, g of one shape; or g as rows (R, D) of theta (V, D).

    Row-sparse gradients: the dense rule up to rounding. Without gradient theta stays, s and u
    fade; a row's s and u are multiplied by rho^missed when it is next touched. Weight decay, if
    any, reaches a row only when it is touched.

    Raises:
        InputError: a number outside its range.

    Source: Zeiler, ADADELTA: an adaptive learning rate method (2012), algorithm 1.
    """

    def __init__(
        self,
        parameters: Parameters,
        rho: float = 0.95,
        eps: float = 1e-6,
        learning_rate: float = 1.0,
        weight_decay: float = 0.0,
    ) -> None:
        self.rule, self.moments, self.fades = update.adadelta, ("squares", "moves"), True
        self.rho = fraction(self, "rho", rho)
        self.eps = positive(self, "eps", eps)
        self.weight_decay = not_negative(self, "weight_decay", weight_decay)
        super().__init__(parameters, learning_rate)

    def numbers(self) -> tuple[Any, ...]:
        return self.learning_rate, self.rho, self.eps, self.weight_decay


class RMSprop(Optimizer):
    """Steps shrink with the root of the mean of recent squared gradients.

    Equations:
        g <- g + weight_decay * theta
        s <- alpha * s + (1 - alpha) * g^2
        theta <- theta - learning_rate * g / (sqrt(s) + eps)

    Shapes: theta, s, g of one shape; or g as rows (R, D) of theta (V, D).

    Row-sparse gradients: the dense rule up to rounding. Without gradient theta stays and s
    fades; a row's s is multiplied by alpha^missed when it is next touched. Weight decay, if any,
    reaches a row only when it is touched.

    Raises:
        InputError: a number outside its range.

    Source: Tieleman, Hinton, Neural networks for machine learning, lecture 6.5 (2012).
    """

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.rule, self.moments, self.fades = update.rmsprop, ("squares",), True
        self.alpha = fraction(self, "alpha", alpha)
        self.eps = positive(self, "eps", eps)
        self.weight_decay = not_negative(self, "weight_decay", weight_decay)
        super().__init__(parameters, learning_rate)

    def numbers(self) -> tuple[Any, ...]:
        return self.learning_rate, self.alpha, self.eps, self.weight_decay


class Adam(Optimizer):
    """Steps along the mean of recent gradients, over the root of the mean of their squares.

    Equations, at a parameter's step t = 1, 2, ...:
        g <- g + weight_decay * theta
        m <- beta1 * m + (1 - beta1) * g
        s <- beta2 * s + (1 - beta2) * g^2
        theta <- theta - learning_rate * m / (1 - beta1^t) / (sqrt(s / (1 - beta2^t)) + eps)

    m is kept as ``means``, s as ``squares``.

    Shapes: theta, m, s, g of one shape; or g as rows (R, D) of theta (V, D).

    Row-sparse gradients: m and s are those of the dense rule up to rounding, faded by
    beta^missed when a row is next touched, and t counts all steps. But the dense rule moves a
    row on along m after its gradient has gone; here it stays until it is touched ("lazy").
    Weight decay reaches a row only when it is touched.

    Raises:
        InputError: a number outside its range.

    Source: Kingma, Ba, Adam: a method for stochastic optimization (2015), algorithm 1.
    """

    decoupled = False

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.rule, self.moments, self.fades = update.adam, ("means", "squares"), True
        try:
            beta1, beta2 = betas
        except (TypeError, ValueError):
            raise InputError(
                f"{type(self).__name__}: betas is {betas!r}\n  give two numbers: (0.9, 0.999)"
            ) from None
        self.betas = fraction(self, "betas[0]", beta1), fraction(self, "betas[1]", beta2)
        self.eps = positive(self, "eps", eps)
        self.weight_decay = not_negative(self, "weight_decay", weight_decay)
        super().__init__(parameters, learning_rate)

    def numbers(self) -> tuple[Any, ...]:
        return self.learning_rate, *self.betas, self.eps, self.weight_decay, self.decoupled


class AdamW(Adam):
    """Adam with weight decay beside the gradient instead of in it.

    Equations, at a parameter's step t = 1, 2, ...:
        m <- beta1 * m + (1 - beta1) * g
        s <- beta2 * s + (1 - beta2) * g^2
        theta <- (1 - learning_rate * weight_decay) * theta
        theta <- theta - learning_rate * m / (1 - beta1^t) / (sqrt(s / (1 - beta2^t)) + eps)

    Shapes: theta, m, s, g of one shape; or g as rows (R, D) of theta (V, D).

    Row-sparse gradients: as for :class:`Adam`; decay, too, reaches a row only when it is touched.

    Raises:
        InputError: a number outside its range.

    Source: Loshchilov, Hutter, Decoupled weight decay regularization (2019), algorithm 2.
    """

    decoupled = True

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, learning_rate, betas, eps, weight_decay)
