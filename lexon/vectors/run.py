"""One training of word vectors: stretches, what others are told between them, and files saved."""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lexon.train.checkpoint import Checkpoint
from lexon.vectors.callback import Callback, Progress
from lexon.vectors.corpus import Corpus
from lexon.vectors.training import Trainer, held_out_loss

if TYPE_CHECKING:
    from lexon.vectors.word2vec import Word2Vec

Array = npt.NDArray[Any]

#: How long a stretch between two looks at the clock takes. Units: seconds.
STRETCH = 0.5
#: Words of the first one, after which the clock starts: kernels are compiled meanwhile.
_FIRST_STRETCH = 1 << 14


@contextmanager
def _interrupts() -> Iterator[list[bool]]:
    """A list that Ctrl-C fills, so that a stretch is not broken off; the second one does so."""
    pressed: list[bool] = []
    if threading.current_thread() is not threading.main_thread():
        yield pressed  # others get no signals
        return

    def note(number: int, frame: object) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(True)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


class Run:
    """One training: epochs cut into stretches, between which others are told, and files saved."""

    def __init__(
        self,
        model: Word2Vec,
        trainer: Trainer,
        corpus: Corpus,
        held: Corpus | None,
        callbacks: list[Callback],
    ) -> None:
        self.model, self.trainer, self.corpus, self.held = model, trainer, corpus, held
        self.callbacks = callbacks
        words = len(corpus.tokens)
        self.progress = Progress(trainer.settings.epochs, words)
        self.loss, self.pairs = 0.0, 0  # of the running epoch
        self.stretches = 0

    def run(self, checkpoint: Checkpoint | None, every: float) -> None:
        model, trainer, progress = self.model, self.trainer, self.progress
        self._tell("on_train_begin")
        began, saved = 0.0, time.monotonic()
        stretch = _FIRST_STRETCH
        try:
            with _interrupts() as pressed:
                while trainer.epoch < progress.epochs and not pressed:
                    if trainer.position == 0:
                        self._tell("on_epoch_begin")
                    started = time.monotonic()
                    self._train(stretch)
                    now = time.monotonic()
                    stretch = max(1, int(stretch * STRETCH / max(now - started, STRETCH / 8)))
                    if not began:
                        began, progress.trained = now, 0
                    progress.seconds = now - began
                    if checkpoint is not None and now - saved >= every:
                        checkpoint.save(self)
                        saved = time.monotonic()
                    self._report()
                if checkpoint is not None and pressed:
                    checkpoint.save(self)
        except KeyboardInterrupt:
            pressed = [True]
        model.interrupted = bool(pressed) and trainer.epoch < progress.epochs
        model.losses, model.held_out_losses = progress.losses, progress.held_out
        if checkpoint is not None and not model.interrupted:
            checkpoint.remove()
        self._tell("on_train_end")

    def _train(self, stretch: int) -> None:
        trainer, progress = self.trainer, self.progress
        share = self.model.loss_share
        # The first stretch of an epoch, and that share of the others.
        measured = share > 0 and (trainer.position == 0 or self.stretches * share % 1 < share)
        trainer.settings = replace(trainer.settings, compute_loss=measured)
        self.stretches += 1
        done = trainer.stretch(self.corpus.tokens, self.corpus.starts, stretch)
        progress.trained += done.words
        self.loss, self.pairs = self.loss + done.loss, self.pairs + done.pairs * measured
        if trainer.epoch > progress.epoch:
            if share:
                progress.losses.append(self.loss / max(self.pairs, 1))
            if self.held is not None:
                progress.held_out.append(self._held_out_loss(self.held))
            self.loss, self.pairs = 0.0, 0
        progress.epoch, progress.position = trainer.epoch, trainer.position

    def _held_out_loss(self, held: Corpus) -> float:
        trainer = self.trainer
        matrices = trainer.inputs, trainer.outputs
        return held_out_loss(
            *matrices, self.model.counts, held.tokens, held.starts, trainer.settings
        )

    def _report(self) -> None:
        model, progress = self.model, self.progress
        model.losses, model.held_out_losses, model._wv = progress.losses, progress.held_out, None
        for callback in self.callbacks:
            if hasattr(callback, "on_progress"):
                callback.on_progress(model, progress)
        if progress.position == 0:
            self._tell("on_epoch_end")

    def _tell(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event, lambda model: None)(self.model)

    def identity(self) -> str:
        """A digest of all that decides the vectors."""
        settings = replace(self.trainer.settings, compute_loss=False)  # it changes no vector
        digest = hashlib.sha256(repr(settings).encode())
        digest.update(repr((self.model.vector_size, self.model._trained)).encode())
        for array in (self.model.counts, self.corpus.starts, self.corpus.tokens):
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
        return digest.hexdigest()

    def state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        content, arrays = self.trainer.state()
        own = {
            "loss": self.loss,
            "pairs": self.pairs,
            "losses": self.progress.losses,
            "held_out": self.progress.held_out,
        }
        return content | own, arrays

    def load_state(self, content: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        self.trainer.load_state(content, arrays)
        self.loss, self.pairs = float(content["loss"]), int(content["pairs"])
        self.progress.losses = list(content["losses"])
        self.progress.held_out = list(content["held_out"])
        self.progress.epoch, self.progress.position = self.trainer.epoch, self.trainer.position
