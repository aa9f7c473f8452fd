"""What happened in training, epoch by epoch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

#: Measures of which less is better.
ERRORS = frozenset({"MAE", "RMSE", "perplexity", "nats per token", "bits per character"})


def merit(measure: str, score: float) -> float:
    """A score so that more of it is better: an error's negative."""
    return -score if measure in ERRORS else score


def shown(score: float) -> str:
    """A score in four decimals; one too large for them in four digits."""
    return f"{score:.4f}" if abs(score) < 1e9 else f"{score:.3e}"


@dataclass
class Epoch:
    """One pass over the training set. Units: loss in the loss's own (nats for cross-entropy)."""

    epoch: int  # counted from 1
    loss: float  # mean over the training examples
    score: float | None  # on the held-out part; :func:`merit` tells how good it is
    valid_loss: float | None
    learning_rate: float  # of the last step
    gradient_norm: float | None  # mean over the steps, before clipping; measured to clip only
    clipped: float  # share of the steps that were clipped


@dataclass
class History:
    """All epochs, which one was best, and why training stopped."""

    measure: str = "score"  # what ``score`` is, such as "accuracy"
    epochs: list[Epoch] = field(default_factory=list)
    best: int = 0  # epoch whose weights were kept; 0 for none
    stopped: str = ""  # "all epochs", "no better for 5 epochs", "interrupted"

    @property
    def best_score(self) -> float | None:
        """The held-out score of the epoch that was kept."""
        return self.epochs[self.best - 1].score if self.best else None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> History:
        epochs = [Epoch(**epoch) for epoch in content["epochs"]]
        return cls(content["measure"], epochs, content["best"], content["stopped"])
