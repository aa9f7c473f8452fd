"""The training loop: batches, steps, epochs, and the best epoch kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError, NonFiniteError
from lexon.graph.backward import describe_nonfinite
from lexon.graph.node import no_grad
from lexon.graph.tensor import Tensor
from lexon.nn.module import Module
from lexon.optim import Optimizer, clip_norm
from lexon.train.history import Epoch, History, merit

Array = npt.NDArray[Any]


class Watcher(Protocol):
    """Who wants to know how training goes; such as a terminal."""

    def began(self, training: Training) -> None: ...
    def stepped(self, training: Training) -> None: ...
    def passed(self, training: Training, epoch: Epoch) -> None: ...
    def ended(self, training: Training) -> None: ...


class Silent:
    """A watcher that says nothing."""

    def began(self, training: Training) -> None: ...
    def stepped(self, training: Training) -> None: ...
    def passed(self, training: Training, epoch: Epoch) -> None: ...
    def ended(self, training: Training) -> None: ...


@dataclass(frozen=True)
class Task:
    """What is trained: the loss of some examples, and the score on the held-out ones.

    ``loss(indices)`` is the mean loss of those training examples; ``validate()`` gives the
    held-out score and loss, or None where nothing is held out. Examples that are not ``shuffled``
    come in their order, and what the loss carries from one step to the next is in ``carried``.
    ``after_step(seen)`` is told how many examples all epochs have seen by then.
    An example counts as ``units`` where speed is told. With ``sizes`` of the examples, a step takes
    no more of them than have ``largest`` together, though one at least.
    """

    size: int
    loss: Callable[[Array], Tensor]
    validate: Callable[[], tuple[float, float]] | None
    after_step: Callable[[int], None] = lambda seen: None
    after_epoch: Callable[[History], None] = lambda history: None
    shuffled: bool = True
    carried: dict[str, Array] = field(default_factory=dict)
    units: int = 1
    sizes: Array | None = None
    largest: int = 0


@dataclass(frozen=True)
class Plan:
    """How long and in what portions. Units: epochs; batch_size in examples; patience in epochs."""

    epochs: int
    batch_size: int
    patience: int | None = None
    clip: float | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}\n  give 1 or more")
        if self.patience is not None and self.patience < 1:
            raise InputError(f"patience is {self.patience}\n  give 1 or more epochs, or none")
        if self.clip is not None and not self.clip > 0:
            raise InputError(f"clip is {self.clip}\n  give a norm above 0, or none")


class Training:
    """One training run, resumable at any step.

    ``rng`` draws the order of examples. It and the generators that modules hold as ``rng``
    (dropout; the same or others) are the only sources of chance, and part of the state.
    """

    def __init__(
        self,
        network: Module,
        optimizer: Optimizer,
        task: Task,
        plan: Plan,
        rng: np.random.Generator,
        *,
        measure: str = "score",
        watcher: Watcher | None = None,
        save: Callable[[Training], None] | None = None,
        save_every: float = 30.0,
    ) -> None:
        if task.size < 1:
            raise InputError("there are no examples to train on")
        self.network, self.optimizer, self.task, self.plan = network, optimizer, task, plan
        self.rng, self.history = rng, History(measure)
        self.watcher: Watcher = watcher or Silent()
        self.save, self.save_every, self._saved_at = save, save_every, time.monotonic()
        self.done = 0  # examples of the running epoch
        self.order: Array = np.empty(0, np.int64)
        self.best: dict[str, Array] = {}
        self._sums = np.zeros(4)  # loss, steps, gradient norm, clipped steps
        self._rate = float(optimizer.learning_rate)  # of the last step

    @property
    def epoch(self) -> int:
        """The running epoch, counted from 1."""
        return len(self.history.epochs) + 1

    @property
    def running_loss(self) -> float:
        """Mean loss of the running epoch so far."""
        return float(self._sums[0] / max(self.done, 1))

    def run(self) -> History:
        """Train; at the end the network holds the weights of the best epoch.

        An interrupt (Ctrl-C) ends training and keeps the best so far; before the first epoch has
        ended there is nothing to keep, and it passes on.

        Raises:
            NonFiniteError: the loss became NaN or infinite; names the layer, suggests a rate.
        """
        self.watcher.began(self)
        self.network.train()
        try:
            while self.epoch <= self.plan.epochs and not self._out_of_patience():
                self._one_epoch()
            self.history.stopped = self.history.stopped or "all epochs"
        except KeyboardInterrupt:
            if not self.history.epochs:
                raise
            self.history.stopped = "interrupted"
        finally:
            self.network.eval()
            self.watcher.ended(self)
        if self.best:
            self.network.load_state_dict(self.best)
        return self.history

    def _one_epoch(self) -> None:
        size = self.task.size
        if self.done == 0:
            self.order = self.rng.permutation(size) if self.task.shuffled else np.arange(size)
        while self.done < size:
            self._step(self._next())
            self.watcher.stepped(self)
            if self.save and time.monotonic() - self._saved_at > self.save_every:
                self._save()
        self._close_epoch()
        self._save()

    def _next(self) -> Array:
        """The examples of the next step."""
        chosen = self.order[self.done : self.done + self.plan.batch_size]
        if self.task.sizes is None:
            return chosen
        fit = np.searchsorted(np.cumsum(self.task.sizes[chosen]), self.task.largest, side="right")
        return chosen[: max(int(fit), 1)]

    def _step(self, indices: Array) -> None:
        loss = self.task.loss(indices)
        value = loss.item()
        if not math.isfinite(value):
            dict(self.network.named_parameters())  # a part's own walk may have shortened names
            raise NonFiniteError(self._advice(describe_nonfinite(loss)))
        self.optimizer.zero_grad()
        loss.backward()
        norm = 0.0
        if self.plan.clip is not None:
            try:
                norm = clip_norm(self.network.parameters(), self.plan.clip)
            except NonFiniteError as error:
                raise NonFiniteError(self._advice(str(error).partition("\n")[0])) from None
        self._rate = float(self.optimizer.learning_rate)
        self.optimizer.step()
        self.done += len(indices)
        self.task.after_step((self.epoch - 1) * self.task.size + self.done)
        self._sums += (value * len(indices), 1, norm, norm > (self.plan.clip or math.inf))

    def _advice(self, what: str) -> str:
        rate = self.optimizer.learning_rate
        return (
            f"training left the finite numbers in epoch {self.epoch}: {what}\n"
            f"  the learning rate {rate:g} is probably too high: try {rate / 10:g},"
            " or clip gradients (clip 5)"
        )

    def _close_epoch(self) -> None:
        score = valid_loss = None
        if self.task.validate is not None:
            self.network.eval()
            with no_grad():
                score, valid_loss = self.task.validate()
            self.network.train()
        steps = max(self._sums[1], 1)
        record = Epoch(
            epoch=self.epoch,
            loss=self.running_loss,
            score=score,
            valid_loss=valid_loss,
            learning_rate=self._rate,
            gradient_norm=None if self.plan.clip is None else float(self._sums[2] / steps),
            clipped=float(self._sums[3] / steps),
        )
        better = _better(record, self.history)
        weights = self.network.state_dict() if better else self.best
        # In this order an interrupt leaves a history that agrees with itself.
        self.history.epochs.append(record)
        if better:
            self.best, self.history.best = weights, record.epoch
        self.done, self._sums = 0, np.zeros(4)
        self.task.after_epoch(self.history)
        self.watcher.passed(self, record)

    def _out_of_patience(self) -> bool:
        patience, history = self.plan.patience, self.history
        if patience is None or len(history.epochs) - history.best < patience:
            return False
        history.stopped = f"no better for {patience} epochs"
        return True

    def _save(self) -> None:
        if self.save is not None:
            self.save(self)
            self._saved_at = time.monotonic()

    def _generators(self) -> list[np.random.Generator]:
        """The run's own generator and those of the network's modules, each once."""
        held = (getattr(module, "rng", None) for module in self.network.modules())
        found = [self.rng, *(rng for rng in held if isinstance(rng, np.random.Generator))]
        return list({id(rng): rng for rng in found}.values())

    def state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Everything that decides how training goes on: a JSON object and arrays."""
        content = {
            "done": self.done,
            "sums": self._sums.tolist(),
            "history": self.history.to_json(),
            "rng": [rng.bit_generator.state for rng in self._generators()],
            "learning_rate": self.optimizer.learning_rate,
            "last_rate": self._rate,
        }
        arrays = {"order": np.asarray(self.order, np.int64)}
        arrays |= {f"network.{name}": array for name, array in self.network.state_dict().items()}
        arrays |= {f"best.{name}": array for name, array in self.best.items()}
        arrays |= {f"optimizer.{k}": array for k, array in self.optimizer.state_arrays().items()}
        arrays |= {f"carried.{name}": array for name, array in self.task.carried.items()}
        return content, arrays

    def load_state(self, content: dict[str, Any], arrays: dict[str, Array]) -> None:
        """Continue from a state."""

        def part(prefix: str) -> dict[str, Array]:
            return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}

        self.network.load_state_dict(part("network."))
        self.best = part("best.")
        self.optimizer.load_state_arrays(part("optimizer."))
        self.optimizer.learning_rate = content["learning_rate"]
        self._rate = content["last_rate"]
        for rng, drawn in zip(self._generators(), content["rng"], strict=True):
            rng.bit_generator.state = drawn
        self.history = History.from_json(content["history"])
        self.done, self._sums = content["done"], np.array(content["sums"])
        self.task.carried.clear()
        self.task.carried.update(part("carried."))
        self.order = arrays["order"]


def _better(epoch: Epoch, history: History) -> bool:
    """Whether an epoch replaces the best: by its score, between equal ones by its loss.

    Always without a score; NaN is worse than any number.
    """
    if epoch.score is None or not history.best:
        return True
    best = history.epochs[history.best - 1]
    return _merit(epoch, history.measure) > _merit(best, history.measure)


def _merit(epoch: Epoch, measure: str) -> tuple[float, float]:
    score, loss = epoch.score, epoch.valid_loss
    return (
        -math.inf if score is None or math.isnan(score) else merit(measure, score),
        -math.inf if loss is None or math.isnan(loss) else -loss,
    )
