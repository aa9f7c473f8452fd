"""Training steps of a small multi-layer network: what does one step cost besides arithmetic?"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.case import Case, Contender, Round, Settings, random_state

Array = npt.NDArray[Any]

INPUTS, HIDDEN, CLASSES, BATCH, RATE = 784, 256, 10, 64, 0.01
#: Rows of the table: momentum of each.
RULES = {"SGD": 0.0, "SGD, momentum 0.9": 0.9}
BATCHES = 100

#: Makes one step on a batch; gives its loss, unread.
Step = Callable[[Any, Any], Any]


def flops(settings: Settings) -> dict[str, float]:
    """Both layers forward and to their weights; back through the second alone."""
    products = 2 * INPUTS * HIDDEN + 3 * HIDDEN * CLASSES
    return dict.fromkeys(RULES, 2.0 * BATCH * products)


def batches() -> list[tuple[Array, Array]]:
    """Numbers in [0, 1) as those of pictures; the class is the largest of ten random sums."""
    rng = random_state(1)
    x = rng.random((BATCHES, BATCH, INPUTS), np.float32)
    classes = (x - 0.5) @ rng.normal(size=(INPUTS, CLASSES)).astype(np.float32)
    return list(zip(x, classes.argmax(axis=2), strict=True))


def first_weights() -> dict[str, Array]:
    """By the names that both libraries give to the layers of a ``Sequential``."""
    rng = random_state(2)
    return {
        "0.weight": rng.uniform(-0.05, 0.05, (HIDDEN, INPUTS)).astype(np.float32),
        "0.bias": np.zeros(HIDDEN, np.float32),
        "2.weight": rng.uniform(-0.1, 0.1, (CLASSES, HIDDEN)).astype(np.float32),
        "2.bias": np.zeros(CLASSES, np.float32),
    }


def contest(
    settings: Settings, data: list[tuple[Any, Any]], begin: Callable[[float], Step]
) -> Callable[[], Round]:
    """Rounds of many steps from the first weights, per rule."""
    number = 50 if settings.quick else 2000

    def one_round() -> Round:
        seconds, losses = {}, {}
        for name, momentum in RULES.items():
            step, total = begin(momentum), 0.0
            began = time.perf_counter()
            for turn in range(number):
                total += step(*data[turn % BATCHES]).item()
            seconds[name] = (time.perf_counter() - began) / number
            losses[_loss(name)] = total / number
        return Round(seconds, losses)

    begin(0.9)(*data[0])  # what is compiled or allocated once is not timed
    begin(0.0)(*data[0])
    return one_round


def _loss(rule: str) -> str:
    return f"mean loss of the timed steps, {rule}"


def lexon(settings: Settings) -> Callable[[], Round]:
    from lexon import nn, ops, optim, parallel

    parallel.threads(settings.threads)

    def begin(momentum: float) -> Step:
        network = nn.Sequential(nn.Linear(INPUTS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))
        network.load_state_dict(first_weights())
        optimizer = optim.SGD(network.parameters(), learning_rate=RATE, momentum=momentum)

        def step(x: Array, classes: Array) -> Any:
            loss = ops.cross_entropy(network(x), targets=classes)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return step

    return contest(settings, batches(), begin)


def pytorch(settings: Settings, fused: bool = False) -> Callable[[], Round]:
    import torch
    from torch import nn
    from torch.nn.functional import cross_entropy

    torch.set_num_threads(settings.threads)
    data = [(torch.from_numpy(x), torch.from_numpy(classes)) for x, classes in batches()]
    weights = {name: torch.from_numpy(weight) for name, weight in first_weights().items()}

    def begin(momentum: float) -> Step:
        network = nn.Sequential(nn.Linear(INPUTS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))
        network.load_state_dict(weights)
        optimizer = torch.optim.SGD(
            network.parameters(), lr=RATE, momentum=momentum, fused=fused or None
        )

        def step(x: Any, classes: Any) -> Any:
            loss = cross_entropy(network(x), classes)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return step

    return contest(settings, data, begin)


CASE = Case(
    title="Multi-layer network: one training step",
    explanation=(
        f"{INPUTS} inputs, {HIDDEN} hidden neurons with ReLU, {CLASSES} classes, batches of"
        f" {BATCH}: forward, backward and update, the loss read after each step; mean of 2,000"
        " steps."
    ),
    contenders={
        "lexon": Contender(lexon),
        "PyTorch": Contender(pytorch, "torch"),
        "PyTorch, fused SGD": Contender(lambda s: pytorch(s, fused=True), "torch"),
    },
    flops=flops,
    unit="µs",
    # After thousands of steps rounding has grown: PyTorch's own two variants differ by 3e-3.
    losses={_loss(rule): 1e-2 for rule in RULES},
    repeats=7,
)
