"""What estimators of tables share: columns read, a network trained, one model file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted, validate_data

from lexon import nn, storage
from lexon.errors import InputError
from lexon.graph.node import no_grad
from lexon.graph.tensor import Tensor
from lexon.tasks.columns import (
    Columns,
    Kinds,
    Sheet,
    columns_of,
    is_frame,
    is_table,
    read,
    recognise,
    sheet_of,
)
from lexon.tasks.common import fitting, make_optimizer, refuse_nonfinite, too_few, train_decaying
from lexon.tasks.features import Encoded, Encoder
from lexon.tasks.stored import StoredEstimator, check_storable
from lexon.tasks.table_network import (
    build_network,
    check_settings,
    hidden_widths,
    usual_rate,
)
from lexon.tasks.targets import Classes, Numbers, input_errors
from lexon.train.history import History
from lexon.train.loop import Task, Training, Watcher

Array = npt.NDArray[Any]

#: Rows that go through the network at a time in prediction; changes no bit of the result.
AT_ONCE = 4096
#: With fewer rows held out their score is too rough to choose an epoch by: all rows train.
FEWEST_HELD_OUT = 10
_AS_NUMBERS = {"dtype": np.float64, "ensure_all_finite": False}


class TableModel(StoredEstimator):
    """What regressor and classifier share; they differ in the target, its loss and its score."""

    _measure: ClassVar[str]
    _kind_of_target: ClassVar[type[Numbers] | type[Classes]]
    target_: Numbers | Classes
    #: The column that is predicted, where the model was trained on a file.
    target_column_: str = ""

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
        batch_size: int | None = None,
        patience: int | None = 10,
        clip: float | None = None,
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
        self.clip = clip
        self.validation_fraction = validation_fraction
        self.drop_index = drop_index
        self.seed = seed

    def _read_target(self, y: Any) -> Array:
        """The target as it was given, checked (N)."""
        raise NotImplementedError

    def _hold_out(self, truth: Array) -> tuple[Array, Array]:
        """Rows that train, and rows held out."""
        raise NotImplementedError

    def _loss(self, outputs: Tensor, targets: Array) -> Tensor:
        """The mean loss of encoded targets."""
        raise NotImplementedError

    def _score(self, outputs: Array, targets: Array) -> float:
        """How good outputs are; more is better."""
        raise NotImplementedError

    # Training

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        valid: tuple[Any, Any] | None = None,
        watcher: Watcher | None = None,
        checkpoint: Callable[[Training], None] | None = None,
    ) -> Self:
        """Train on the rows of ``X`` and their targets ``y``.

        ``valid`` (X, y) is held out instead of a part of the rows; ``watcher`` is told of
        progress; ``checkpoint`` is given the training before it begins, to resume or to save it.

        Raises:
            InputError: X, y or a parameter cannot be used; names column and row.
            NonFiniteError: training diverged.
        """
        with fitting(self):
            self._fit_rows(X, y, valid, watcher, checkpoint)
        return self

    def _fit_rows(
        self,
        X: Any,
        y: Any,
        valid: tuple[Any, Any] | None,
        watcher: Watcher | None,
        checkpoint: Callable[[Training], None] | None,
    ) -> None:
        check_settings(self)
        sheet, kinds = self._learn_columns(X)
        truth = self._checked_target(y, len(sheet))
        _refuse_constant(truth)
        train, self.held_out_ = np.arange(len(sheet)), None
        if valid is None:
            train, self.held_out_ = self._split(truth)
        part = sheet.take(train)
        self.encoder_ = Encoder.fit(part, kinds, self.bins)
        levels = "the levels of the columns"
        check_storable(levels, self.encoder_.to_json(), "leave out columns of free text")
        self.notes_ += tuple(self.encoder_.cut(part))
        self.target_ = self._kind_of_target.fit(truth[train])  # every class has a row there
        held = None
        if valid is not None:
            other = self._read(valid[0])
            held = self._encoded(other, self._checked_target(valid[1], len(other)))
        elif self.held_out_ is not None:
            held = self._encoded(sheet.take(self.held_out_), truth[self.held_out_])
        self._train(*self._encoded(part, truth[train]), held, watcher, checkpoint)

    def _encoded(self, sheet: Sheet, truth: Array) -> tuple[Encoded, Array]:
        return self.encoder_.encode(sheet), self.target_.encode(truth)

    def _learn_columns(self, X: Any) -> tuple[Sheet, Kinds]:
        """Read the training rows, and remember what columns there are."""
        self.columns_: tuple[str, ...] | None = None
        self.notes_: tuple[str, ...] = ()
        if not is_table(X):
            with input_errors():
                matrix = validate_data(self, X, ensure_min_samples=2, **_AS_NUMBERS)
            for place in np.flatnonzero(np.isnan(matrix).all(axis=0))[:1]:
                raise InputError(f"column {place} of X is blank in all rows\n  leave it out")
            return sheet_of(matrix), Kinds(tuple(f"x{place}" for place in range(matrix.shape[1])))
        columns = columns_of(X)
        if is_frame(X):
            with input_errors():
                validate_data(self, X, skip_check_array=True)
        self.columns_ = tuple(columns.cells)
        self.n_features_in_ = len(self.columns_)
        self.feature_names_in_ = np.array(self.columns_, object)
        if len(columns) < 2:
            raise InputError(f"the table has {len(columns)} rows\n  give at least 2")
        kinds = recognise(columns, self.drop_index)
        self.notes_ = kinds.notes
        return read(columns, kinds), kinds

    def _checked_target(self, y: Any, rows: int) -> Array:
        truth = self._read_target(y)
        if len(truth) != rows:
            raise InputError(f"X has {rows:,} rows, y has {len(truth):,}\n  give one target a row")
        return truth

    def _split(self, truth: Array) -> tuple[Array, Array | None]:
        """Rows that train, and rows held out (None where there are too few to hold out)."""
        if round(self.validation_fraction * len(truth)) >= FEWEST_HELD_OUT:
            return self._hold_out(truth)
        if self.validation_fraction > 0:
            self.notes_ += (too_few(len(truth)),)
        return np.arange(len(truth)), None

    def _train(
        self,
        rows: Encoded,
        targets: Array,
        held: tuple[Encoded, Array] | None,
        watcher: Watcher | None,
        checkpoint: Callable[[Training], None] | None,
    ) -> None:
        rng = np.random.default_rng(self.seed)
        network = self.network_ = self._build(rng)
        encoder = self.encoder_

        def loss(indices: Array) -> Tensor:
            outputs = network(encoder.inputs(rows.take(indices)))
            return self._loss(outputs, targets[indices])

        def validate() -> tuple[float, float]:
            assert held is not None
            outputs = self._forward(held[0])
            loss = self._loss(Tensor(outputs, requires_grad=False), held[1]).item()
            refuse_nonfinite("the scores of held-out rows", np.append(outputs, loss))
            return self._score(outputs, held[1]), loss

        self.history_ = train_decaying(
            self,
            network,
            make_optimizer(self.optimizer, usual_rate(self), network),
            Task(len(rows), loss, validate if held else None),
            self.batch_size or min(max(len(rows) // 32, 8), 128),
            rng=rng,
            measure=self._measure,
            watcher=watcher,
            checkpoint=checkpoint,
        )

    def unused(self) -> tuple[str, ...]:
        """The parameters that this network has no use for."""
        return ("hidden", "dropout") if self.model == "linear" else ()

    def _build(self, rng: np.random.Generator) -> nn.Sequential:
        return build_network(self._widths(), float(self.dropout), rng)

    def _widths(self) -> list[int]:
        """Inputs, neurons of every hidden layer, outputs."""
        return [self.encoder_.width, *hidden_widths(self), self.target_.outputs]

    # Prediction

    def _read(self, X: Any) -> Sheet:
        """Rows to predict, as the columns of the training rows tell."""
        table, frame = is_table(X), is_frame(X)
        if self.columns_ is None and table and not frame:
            raise InputError(
                "the network was trained on an array, this is a table\n  give an array"
            )
        if frame and self.columns_ is not None:
            with input_errors():
                validate_data(self, X, skip_check_array=True, reset=False)
        if table and self.columns_ is not None:
            return read(columns_of(X), self.encoder_.kinds)
        if self.encoder_.kinds.levels:
            raise InputError(
                f"the network was trained on a table with {self.encoder_.kinds.levels[0]!r}, which"
                " is no column of numbers\n  give a table"
            )
        with input_errors():
            matrix = validate_data(self, X, reset=False, **_AS_NUMBERS)
        sheet = sheet_of(matrix)
        if self.columns_ is None:
            return sheet
        return read(Columns(dict(zip(self.columns_, matrix.T, strict=True))), self.encoder_.kinds)

    def _sheet(self, X: Any) -> Sheet:
        check_is_fitted(self, "network_")
        return self._read(X)

    def _outputs(self, sheet: Sheet) -> Array:
        """The network's outputs for rows that were read."""
        return self._forward(self.encoder_.encode(sheet))

    def _forward(self, rows: Encoded) -> Array:
        """The network's outputs, a portion of rows at a time."""
        parts = []
        with no_grad():
            for start in range(0, max(len(rows), 1), AT_ONCE):
                part = rows.take(slice(start, start + AT_ONCE))
                parts.append(self.network_(self.encoder_.inputs(part)).value)
        return np.concatenate(parts)

    # Files

    def _content(self) -> dict[str, Any]:
        return {
            "columns": None if self.columns_ is None else list(self.columns_),
            "encoder": self.encoder_.to_json(),
            "target": self.target_.to_json(),
            "target column": self.target_column_,
            "notes": list(self.notes_),
        }

    @classmethod
    def _restored(cls, stored: storage.Stored) -> Self:
        content = stored.content
        model = cls(**content["settings"])
        model.hidden = tuple(model.hidden) if isinstance(model.hidden, list) else model.hidden
        check_settings(model)
        model.encoder_ = Encoder.from_json(content["encoder"])
        model.target_ = cls._kind_of_target.from_json(content["target"])
        model.target_column_ = str(content["target column"])
        model.notes_ = tuple(map(str, content["notes"]))
        model.history_ = History.from_json(content["history"])
        model.held_out_ = model.columns_ = None
        kinds = model.encoder_.kinds
        model.n_features_in_ = len(kinds.numbers)
        if content["columns"] is not None:
            model.columns_ = tuple(map(str, content["columns"]))
            model.n_features_in_ = len(model.columns_)
            model.feature_names_in_ = np.array(model.columns_, object)
            if not {*kinds.numbers, *kinds.levels} <= set(model.columns_):
                raise ValueError("columns are missing")
        model._restore_network(stored.arrays)
        return model

    def _check_arrays(self, arrays: dict[str, Array]) -> None:
        wanted = sum(below * above + above for below, above in pairwise(self._widths()))
        if sum(array.size for array in arrays.values()) != wanted:
            raise ValueError(f"the network has {wanted:,} weights, and not as many are stored")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _refuse_constant(truth: Array) -> None:
    if len(set(truth.tolist())) == 1:
        raise InputError(
            f"the target is {truth[0]!s} in all rows: one class or number only\n"
            "  there is nothing to learn; give rows that differ"
        )
