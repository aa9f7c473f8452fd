"""A small training run to test the loop with: ten texts, dropout, two generators, momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from lexon import nn, ops
from lexon.optim import SGD, Adam
from lexon.train.loop import Plan, Task, Training

LENGTHS = np.array([3, 1, 4, 1, 5, 2, 2, 3, 1, 2])
IDS = np.random.default_rng(1).integers(0, 12, LENGTHS.sum())
TEXTS = np.split(IDS, LENGTHS.cumsum()[:-1])
LABELS = np.array([text.sum() % 2 for text in TEXTS])


class Network(nn.Module):
    def __init__(self, rng: np.random.Generator) -> None:
        self.table = nn.Embedding(12, 6, rng=rng)
        self.conv = nn.NgramConv(6, 5, (2, 3), rng=rng)
        self.drop = nn.Dropout(0.4, rng=rng)
        self.out = nn.Linear(10, 2, rng=rng)
        self.late = nn.Dropout(0.1, rng=99)

    def forward(self, ids: Any, lengths: Any) -> Any:
        return self.late(self.out(self.drop(self.conv(self.table(ids), lengths))))


def make(
    seed: int = 0,
    epochs: int = 3,
    *,
    scores: list[float] | None = None,
    optimizer: str = "adam",
    rate: float = 0.05,
    patience: int | None = None,
    clip: float | None = None,
    **options: Any,
) -> Training:
    """A run; ``scores`` are what the validations give, one after the other (None: no part)."""
    rng = np.random.default_rng(seed)
    network = Network(rng)
    rule = {
        "adam": lambda p: Adam(p, learning_rate=rate),
        "momentum": lambda p: SGD(p, learning_rate=rate, momentum=0.9),
    }[optimizer](network.parameters())

    def loss(indices: Any) -> Any:
        ids = np.concatenate([TEXTS[i] for i in indices])
        return ops.cross_entropy(network(ids, LENGTHS[indices]), targets=LABELS[indices])

    def validate() -> tuple[float, float]:
        assert not network.training
        value = loss(np.arange(10)).item()
        return (-value if scores is None else scores[len(training.history.epochs)]), value

    training = Training(
        network, rule, Task(10, loss, validate), Plan(epochs, 4, patience, clip), rng, **options
    )
    return training


def weights(training: Training) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in training.network.state_dict().items()}
