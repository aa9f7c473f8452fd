"""Who wants to know how training of word vectors goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lexon.vectors.word2vec import Word2Vec


@dataclass
class Progress:
    """How far training is. Units: words of the corpus, seconds, nats a prediction."""

    epochs: int
    words: int  # of one epoch
    epoch: int = 0  # completed
    position: int = 0  # words of the running epoch
    trained: int = 0  # words since the clock started
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)

    @property
    def speed(self) -> float:
        """Words a second."""
        return self.trained / max(self.seconds, 1e-9)

    @property
    def left(self) -> float:
        """Seconds to go, by the speed so far."""
        todo = (self.epochs - self.epoch) * self.words - self.position
        return todo / max(self.speed, 1e-9)


class Callback:
    """Told of training; override what you want to know. ``on_progress`` comes twice a second."""

    def on_train_begin(self, model: Word2Vec) -> None: ...
    def on_epoch_begin(self, model: Word2Vec) -> None: ...
    def on_progress(self, model: Word2Vec, progress: Progress) -> None: ...
    def on_epoch_end(self, model: Word2Vec) -> None: ...
    def on_train_end(self, model: Word2Vec) -> None: ...
