"""Tables into numbers or classes: encoder, network and training as scikit-learn estimators."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from lexon import __version__, nn, ops, storage
from lexon.errors import InputError, ModelFileError
from lexon.graph.node import no_grad
from lexon.graph.tensor import Tensor
from lexon.optim import Cosine
from lexon.optim.checks import fraction, positive, whole
from lexon.tasks.columns import (
    Kinds,
    Sheet,
    columns_of,
    is_frame,
    is_table,
    read,
    recognise,
    sheet_of,
)
from lexon.tasks.common import make_optimizer
from lexon.tasks.evaluation import Evaluation, evaluate_classes, evaluate_numbers
from lexon.tasks.features import Encoded, Encoder
from lexon.tasks.targets import Classes, Numbers, input_errors
from lexon.train.history import History
from lexon.train.loop import Plan, Task, Training, Watcher

Array = npt.NDArray[Any]
Rows = tuple[Any, Any]

MODELS = ("linear", "mlp")
#: Rows that go through the network at a time in prediction; changes no bit of the result.
AT_ONCE = 4096
#: With fewer rows held out their score is too rough to choose an epoch by: all rows train.
FEWEST_HELD_OUT = 10


class _Tabular(BaseEstimator):  # type: ignore[misc]
    """What regressor and classifier share; :attr:`_task` and :meth:`_read_target` differ."""

    _task: str
    _measure: str

    def __init__(
        self,
        model: str = "mlp",
        *,
        hidden: int | Sequence[int] = (256, 256),
        dropout: float = 0.1,
        bins: int = 64,
        optimizer: str = "adamw",
        learning_rate: float | None = None,
        epochs: int = 40,
        batch_size: int = 256,
        patience: int | None = 10,
        validation_fraction: float = 0.1,
        drop_index: bool = True,
        seed: int = 1,
    ) -> None:
        self.model = model
        self.hidden = hidden
        self.dropout = dropout
        self.bins = bins
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.drop_index = drop_index
        self.seed = seed

    @abstractmethod
    def _new_target(self, y: Array) -> Numbers | Classes:
        """What ``y`` holds, fitted on it."""

    # Training

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        valid: Rows | None = None,
        watcher: Watcher | None = None,
        checkpoint: Callable[[Training], None] | None = None,
    ) -> Self:
        """Train on the rows of ``X`` and their targets.

        ``valid`` = (X, y) is held out instead of a part of the rows; ``watcher`` is told of
        progress; ``checkpoint`` is given the training before it begins, to resume or to save it.

        Raises:
            InputError: X, y or a parameter cannot be used; names column and row.
            NonFiniteError: training diverged.
        """
        check_settings(self)
        sheet, kinds, notes = self._learn_columns(X)
        target = self._new_target(y)

    ...
