"""What all estimators share: optimisers by name, the digest of their data, parts of files."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon import optim
from lexon.errors import InputError, NonFiniteError
from lexon.graph.node import no_grad
from lexon.nn.module import Module
from lexon.optim import Optimizer
from lexon.text import stratified_holdout
from lexon.train.history import History
from lexon.train.loop import Plan, Task, Training, Watcher

Array = npt.NDArray[Any]

#: With fewer rows a share that is less than one of them holds out nothing.
FEWEST = 10

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


def make_optimizer(
    name: str,
    learning_rate: float | None,
    module: Module,
    suits: tuple[str, float] | None = None,
) -> Optimizer:
    """The optimiser called ``name`` over all parameters of ``module``.

    ``learning_rate=None`` takes the one that ``suits`` where it names this optimiser, else that
    of :data:`OPTIMISERS`.

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
    if suits is not None and suits[0] == name:
        default = suits[1]
    rate = default if learning_rate is None else learning_rate
    return kind(dict(module.named_parameters()), learning_rate=rate)


@contextmanager
def fitting(estimator: object) -> Iterator[None]:
    """What an earlier ``fit`` learned goes first, and everything goes if this one fails."""
    _forget(estimator)
    try:
        yield
    except BaseException:
        _forget(estimator)
        raise


def _forget(estimator: object) -> None:
    """Remove all attributes that ``fit`` gave, as scikit-learn names them."""
    for name in [name for name in vars(estimator) if name.endswith("_")]:
        delattr(estimator, name)


def hold_out(labels: Sequence[Any], fraction: float, seed: int) -> tuple[Array, Array, str]:
    """Rows that train, rows held out (a share of each label), and a note if there are too few."""
    rows, nothing = np.arange(len(labels)), np.empty(0, np.int64)
    if not fraction:
        return rows, nothing, ""
    if len(labels) < FEWEST and not round(fraction * len(labels)):
        return rows, nothing, too_few(len(labels))
    return *stratified_holdout(labels, fraction, seed), ""


def divided(
    X: list[Any], y: list[Any], fraction: float, seed: int
) -> tuple[tuple[list[Any], list[Any]], tuple[list[Any], list[Any]], Array | None, tuple[str, ...]]:
    """Rows and labels that train, those held out (:func:`hold_out`), their numbers, and notes."""
    kept, held, note = hold_out(y, fraction, seed)
    parts = [([X[i] for i in rows], [y[i] for i in rows]) for rows in (kept, held)]
    return parts[0], parts[1], held if len(held) else None, (note,) if note else ()


def too_few(rows: int) -> str:
    """The note that nothing is held out."""
    return (
        f"{rows:,} rows are too few to hold out a part: all rows train, and the last epoch is kept"
    )


def run_training(training: Training) -> History:
    """Train, without warnings of what is an error here: that numbers are not finite.

    Raises:
        NonFiniteError: training diverged.
    """
    some = np.arange(min(training.task.size, training.plan.batch_size))
    with np.errstate(all="ignore"):
        history = training.run()
        for name, parameter in training.network.named_parameters():
            refuse_nonfinite(name, parameter.value)
        with no_grad():
            refuse_nonfinite("the losses of training rows", training.task.loss(some).value)
    return history


def train_decaying(
    model: Any, network: Module, optimizer: Optimizer, task: Task, batch_size: int, **more: Any
) -> History:
    """As :func:`train`, while the rate falls to 0 along half a cosine."""
    decay = optim.Cosine(optimizer, model.epochs * task.size)

    def after_step(seen: int) -> None:
        task.after_step(seen)
        optimizer.learning_rate = decay.rate(seen)

    falling = replace(task, after_step=after_step)
    return train(model, network, optimizer, falling, batch_size, **more)


def train(
    model: Any,
    network: Module,
    optimizer: Optimizer,
    task: Task,
    batch_size: int,
    *,
    rng: np.random.Generator,
    measure: str,
    watcher: Watcher | None,
    checkpoint: Callable[[Training], None] | None,
) -> History:
    """Train for the epochs of ``model``, with its patience where rows are held out, and its clip.

    ``checkpoint`` is given the training before it begins, to resume or to save it.
    """
    training = Training(
        network,
        optimizer,
        task,
        Plan(model.epochs, batch_size, model.patience if task.validate else None, model.clip),
        rng,
        measure=measure,
        watcher=watcher,
    )
    if checkpoint is not None:
        checkpoint(training)
    return run_training(training)


#: What becomes of the learning rate.
SCHEDULES = {"constant": train, "cosine": train_decaying}


def refuse_nonfinite(what: str, values: npt.NDArray[Any]) -> None:
    """Raise NonFiniteError if a value is NaN or infinite."""
    if not np.isfinite(values).all():
        raise NonFiniteError(
            f"training left the finite numbers: {what} are not finite\n"
            "  the learning rate is probably too high: try a tenth, or clip gradients (clip 5)"
        )


def rows_digest(*parts: Iterable[tuple[str, Any]] | None) -> str:
    """SHA-256 of the rows (text and label) of some parts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"part")
        for text, label in part or ():
            digest.update(f"{len(text)}:{label!r}:{text}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def plain(value: Any) -> Any:
    """A parameter as JSON has it: numbers of Python's own, lists, and texts as keys."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, range, np.ndarray)):
        return [plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def read_history(content: Any) -> History:
    """The history in a file, checked: everything in it is what :class:`History` says.

    Raises:
        ValueError, LookupError, TypeError: it is not.
    """
    history = History.from_json(content)
    whole = [history.best, *(epoch.epoch for epoch in history.epochs)]
    may_lack = ("score", "valid_loss", "gradient_norm")
    measured = [
        value
        for epoch in history.epochs
        for name, value in vars(epoch).items()
        if name != "epoch" and not (value is None and name in may_lack)
    ]
    if (
        not all(type(number) is int for number in whole)
        or not all(type(number) in (int, float) for number in measured)
        or not (isinstance(history.measure, str) and isinstance(history.stopped, str))
        or not 0 <= history.best <= len(history.epochs)
    ):
        raise ValueError("the history is not as it should be")
    return history
