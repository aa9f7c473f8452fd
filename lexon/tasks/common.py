"""What all estimators share: optimisers by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from lexon import optim
from lexon.errors import InputError
from lexon.nn.module import Module
from lexon.optim import Optimizer

#: The optimisers by the names that estimators and the command line take, each with the learning
#: rate that is used when none is given.
OPTIMISERS: dict[str, tuple[Callable[..., Optimizer], float]] = {
    "adadelta": (optim.Adadelta, 1.0),
    "adagrad": (optim.Adagrad, 0.01),
    "adam": (optim.Adam, 0.001),
    "adamw": (optim.AdamW, 0.001),
    "rmsprop": (optim.RMSprop, 0.001),
    "sgd": (optim.SGD, 0.1),
}


def make_optimizer(name: str, learning_rate: float | None, module: Module) -> Optimizer:
    """The optimiser called ``name`` over all parameters of ``module``.

    ``learning_rate=None`` takes the one of :data:`OPTIMISERS`.

    Raises:
        InputError: there is no optimiser of that name, or the learning rate is negative.
    """
    if name not in OPTIMISERS:
        nearest = difflib.get_close_matches(str(name).lower(), OPTIMISERS, n=1, cutoff=0.5)
        guess = f"did you mean {nearest[0]!r}?" if nearest else "choose one of these"
        raise InputError(
            f"there is no optimizer {name!r}; there are {', '.join(OPTIMISERS)}\n  {guess}"
        )
    kind, default = OPTIMISERS[name]
    rate = default if learning_rate is None else learning_rate
    return kind(dict(module.named_parameters()), learning_rate=rate)
