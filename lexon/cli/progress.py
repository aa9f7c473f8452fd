"""Training as seen on a terminal: a live bar, or a line per epoch where nobody looks."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from lexon.train.history import Epoch, shown
from lexon.train.loop import Training


class Terminal:
    """A watcher that writes to a console."""

    def __init__(self, console: Console, unit: str = "texts") -> None:
        self.console, self.unit = console, unit
        self.live: Progress | None = None
        self.before = 0  # units done when the clock was set: at the start, and at every epoch

    def began(self, training: Training) -> None:
        self.clock = time.monotonic()
        self.before = self._seen(training)
        if not self.console.is_terminal:
            return
        self.live = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[speed]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=self.console,
        )
        total = training.plan.epochs * training.task.size * training.task.units
        self.bar = self.live.add_task("getting ready", total=total, speed="", left="")
        self.live.start()

    def stepped(self, training: Training) -> None:
        if self.live is None:
            return
        seconds, seen = time.monotonic() - self.clock, self._seen(training)
        speed = (seen - self.before) / max(seconds, 1e-9)
        task = training.task
        left = (training.plan.epochs * task.size * task.units - seen) / max(speed, 1e-9)
        self.live.update(
            self.bar,
            completed=seen,
            description=f"epoch {training.epoch}/{training.plan.epochs}"
            f"  loss {shown(training.running_loss)}",
            speed=f"{speed:,.0f} {self.unit}/s",
            left=f"at most {duration(left)} left",
        )

    def passed(self, training: Training, epoch: Epoch) -> None:
        held = "" if epoch.score is None else f"  held-out {training.history.measure}"
        score = "" if epoch.score is None else f" {shown(epoch.score)}"
        best = "  best so far" if training.history.best == epoch.epoch and score else ""
        speed = training.task.size * training.task.units / max(time.monotonic() - self.clock, 1e-9)
        self.clock, self.before = time.monotonic(), self._seen(training)
        self.console.print(
            f"epoch {epoch.epoch:3d}  loss {shown(epoch.loss)}{held}{score}"
            f"  {speed:,.0f} {self.unit}/s{best}",
            highlight=False,
            soft_wrap=True,
        )

    def ended(self, training: Training) -> None:
        if self.live is not None:
            self.live.stop()

    @staticmethod
    def _seen(training: Training) -> int:
        return ((training.epoch - 1) * training.task.size + training.done) * training.task.units


def duration(seconds: float) -> str:
    """Minutes and seconds, rounded up."""
    minutes, seconds = divmod(int(seconds) + 1, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
