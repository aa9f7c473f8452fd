"""Gradient descent, plain and with momentum."""

from __future__ import annotations

from typing import Any

from lexon.errors import InputError
from lexon.kernels import update
from lexon.optim.checks import fraction, not_negative
from lexon.optim.optimizer import Optimizer, Parameters


class GradientDescent(Optimizer):
    """The textbook's rule, meant for the gradient over the full set of examples.

    Equation: theta <- theta - learning_rate * g

    Shapes: theta, g of one shape; or g as rows (R, D) of theta (V, D). A row-sparse gradient
    gives exactly the dense rule's result.

    Raises:
        InputError: ``learning_rate`` is negative or not finite.

    Source: Cauchy, Méthode générale pour la résolution des systèmes d'équations simultanées
    (1847).

    >>> from lexon.graph import Parameter
    >>> w = Parameter([1.0, 2.0])
    >>> w.grad = 2 * w.value  # of the sum of w^2
    >>> GradientDescent([w], learning_rate=0.25).step()
    >>> w.value.tolist()
    [0.5, 1.0]
    """

    def __init__(self, parameters: Parameters, learning_rate: float = 0.1) -> None:
        self.rule = update.descend
        super().__init__(parameters, learning_rate)

    def numbers(self) -> tuple[Any, ...]:
        return self.learning_rate, 0.0


class SGD(Optimizer):
    """Gradient descent on the gradient of a batch, with momentum if you like.

    Equations:
        g <- g + weight_decay * theta
        v <- momentum * v + g                   (v is 0 at first)
        theta <- theta - learning_rate * v                      or, with ``nesterov``,
        theta <- theta - learning_rate * (g + momentum * v)

    Shapes: theta, v, g of one shape; or g as rows (R, D) of theta (V, D).

    Row-sparse gradients: without momentum and weight decay exactly the dense rule. With momentum
    v fades as in the dense rule, by momentum^missed when a row is next touched, but the row does
    not move in the steps between ("lazy"). Weight decay reaches a row only when it is touched.

    Raises:
        InputError: a number outside its range, or ``nesterov`` without momentum.

    Source: Polyak, Some methods of speeding up the convergence of iteration methods (1964);
    Sutskever et al., On the importance of initialization and momentum in deep learning (2013)
    for ``nesterov``.
    """

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: float = 0.001,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        self.rule = update.descend
        self.momentum = fraction(self, "momentum", momentum)
        self.nesterov = bool(nesterov)
        self.weight_decay = not_negative(self, "weight_decay", weight_decay)
        if nesterov and not momentum:
            raise InputError("SGD: nesterov is True and momentum 0\n  give a momentum such as 0.9")
        if momentum:
            self.rule, self.moments, self.fades = update.descend_momentum, ("velocity",), True
        super().__init__(parameters, learning_rate)

    def numbers(self) -> tuple[Any, ...]:
        if self.moments:
            return self.learning_rate, self.momentum, self.nesterov, self.weight_decay
        return self.learning_rate, self.weight_decay
