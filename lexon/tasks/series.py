"""Forecasts: the next value of a series from the rows before it, as an estimator."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from lexon import nn, ops, storage
from lexon.errors import InputError
from lexon.graph.node import no_grad
from lexon.graph.tensor import Tensor
from lexon.tasks.columns import Columns, columns_of, is_table, read, recognise
from lexon.tasks.common import (
    fitting,
    make_optimizer,
    read_history,
    refuse_nonfinite,
    too_few,
    train_decaying,
)
from lexon.tasks.evaluation import Evaluation, evaluate_numbers
from lexon.tasks.features import Encoded, Encoder
from lexon.tasks.series_network import (
    SeriesNetwork,
    check_settings,
    left_out,
    span,
    weight_shapes,
)
from lexon.tasks.stored import StoredEstimator, check_storable
from lexon.tasks.targets import Numbers
from lexon.tasks.timeline import Timeline, Windows, read_times
from lexon.text.batches import portions
from lexon.train.loop import Task, Training, Watcher

Array = npt.NDArray[Any]

#: Windows and rows that go through the network at a time in prediction; changes no bit of it.
AT_ONCE, ROWS_AT_ONCE = 1024, 32_768
#: With fewer rows held out their error is too rough to choose an epoch by: all rows train.
FEWEST_HELD_OUT = 10
#: Names of groups that a note tells.
NAMED = 5


class Forecast(NamedTuple):
    """What comes one step after a group's last row with a value."""

    group: str  # "" without groups
    after: str  # the time of that row, as it stands in the table
    rows: int  # that the window has
    value: float


@dataclass(frozen=True, eq=False)
class Past:
    """Rows in the order of time, their inputs, and the windows to forecast from."""

    line: Timeline
    rows: Encoded
    windows: Windows

    @property
    def last(self) -> Array:
        """The last value in each window (B): the forecast of persistence."""
        return self.line.values[self.windows.ends - 1]

    @property
    def truth(self) -> Array:
        """The value behind each window (B)."""
        return self.line.values[self.windows.ends]

    @property
    def groups(self) -> list[str]:
        """The name of each window's group."""
        return [self.line.names[number] for number in self.line.groups[self.windows.ends]]

    def describe(self) -> list[str]:
        """What each row to forecast is called in an evaluation: group, time, and its past."""
        texts = []
        spans = zip(self.windows.ends, self.windows.lengths, self.groups, strict=True)
        for end, length, group in spans:
            values = ", ".join(f"{value:g}" for value in self.line.values[end - length : end])
            named = f"{group}, " if group else ""
            texts.append(f"{named}{self.line.shown[end]}, after {values}")
        return texts


class SeriesRegressor(StoredEstimator):
    """A recurrent network that forecasts the next value of a series from the rows before it.

    ``fit`` takes named columns: a mapping from names to cells, a :class:`lexon.text.Table`, a data
    frame. Rows of the same cell in column ``by`` are one series, sorted by column ``order``
    (numbers, or dates as 2016-12-31); one network learns from all of them. Inputs are the rows
    before the one to forecast, and of that row itself nothing: the value of the series, and all
    further columns, encoded as in :class:`TabularRegressor` without pieces; ``by`` is one of them,
    ``order`` is none. No window reaches over a gap in ``order`` or a blank in the series.

    Equations: forecast = last value + mean + deviation y, of the changes from one row to the next
    in the rows that train; y is the network's output.

    What is held out to choose the epoch is the last share of the time, the same for all groups;
    windows before held-out rows may begin in the rows that train.

    Parameters:
        model: "rnn", "gru" or "lstm".
        series, by, order: names of columns; without ``by`` the table is one series, without
            ``order`` rows follow each other as they stand.
        past: rows in a window, a number or a pair of the least and the most. In training all
            windows of these lengths, in prediction the longest there is.
        leave_out: names of further columns that are no inputs; such as a year, that a later row
            has and no row that trained.
        hidden, layers, dropout: width and number of recurrent layers; the probability to drop an
            input, or an output of a layer, in training.
        optimizer, learning_rate: by name; None is the optimizer's usual one. It falls to 0 along
            half a cosine.
        epochs, batch_size, patience: passes; windows a step; epochs without gain before it stops.
        clip: largest norm of the gradient, or None.
        validation_fraction: share of the times held out; 0 for none.
        drop_index: leave out columns that only number the rows.
        seed: of the first weights, the order, and dropout.

    Attributes after ``fit``: history_, network_, encoder_, target_, notes_, step_ (the distance of
    neighbours in ``order``), held_from_ (the time from which on rows are held out, or None).

    Raises:
        InputError: a column, a cell or a parameter cannot be used; no row has enough rows before
            it.
        NonFiniteError: training diverged.

    >>> from lexon.tasks import SeriesRegressor
    >>> table = {"day": list(range(200)), "load": [[2.0, 5.0, 9.0, 4.0][n % 4] for n in range(200)]}
    >>> model = SeriesRegressor(series="load", order="day", past=(2, 4), dropout=0.1).fit(table)
    >>> [forecast.after for forecast in model.forecast(table)]
    ['199']
    """

    _task = "series-regression"

    def __init__(
        self,
        model: str = "lstm",
        *,
        series: str,
        by: str | None = None,
        order: str | None = None,
        past: int | Sequence[int] = (5, 7),
        leave_out: Sequence[str] = (),
        hidden: int = 32,
        layers: int = 1,
        dropout: float = 0.3,
        optimizer: str = "adamw",
        learning_rate: float | None = 0.001,
        epochs: int = 40,
        batch_size: int = 64,
        patience: int | None = 10,
        clip: float | None = None,
        validation_fraction: float = 0.1,
        drop_index: bool = True,
        seed: int = 1,
    ) -> None:
        self.model = model
        self.series = series
        self.by = by
        self.order = order
        self.past = past
        self.leave_out = leave_out
        self.hidden = hidden
        self.layers = layers
        self.dropout = dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.clip = clip
        self.validation_fraction = validation_fraction
        self.drop_index = drop_index
        self.seed = seed

    # Training

    def fit(
        self,
        X: Any,
        *,
        watcher: Watcher | None = None,
        checkpoint: Callable[[Training], None] | None = None,
    ) -> Self:
        """Train on the series of a table.

        ``watcher`` is told of progress; ``checkpoint`` is given the training before it begins, to
        resume or to save it.
        """
        with fitting(self):
            self._fit_rows(X, watcher, checkpoint)
        return self

    def _fit_rows(
        self, X: Any, watcher: Watcher | None, checkpoint: Callable[[Training], None] | None
    ) -> None:
        check_settings(self)
        columns = self._columns(X)
        line = self.line_of(columns)
        kinds = recognise(self._inputs(columns), self.drop_index, {self.series, self.by or ""})
        self.step_ = line.step
        self.notes_: tuple[str, ...] = (*kinds.notes, *line.notes, *self._short_groups(line))
        learned, held = self._split(line)
        sheet = read(columns, kinds).take(line.places)
        part = sheet.take(line.times < (np.inf if self.held_from_ is None else self.held_from_))
        self.encoder_ = Encoder.fit(part, kinds, 0)
        levels = "the levels of the columns"
        check_storable(levels, self.encoder_.to_json(), "leave out columns of free text")
        self.notes_ += tuple(self.encoder_.cut(part))
        least, most = span(self)
        rows = self.encoder_.encode(sheet)
        train = Past(line, rows, line.all_windows(learned, least, most))
        changes = (line.values[learned] - line.values[learned - 1]).astype(np.float64)
        self.target_ = Numbers.fit(changes)
        valid = Past(line, rows, line.longest(held, most))
        self._train(train, valid if len(held) else None, watcher, checkpoint)

    def _columns(self, X: Any) -> Columns:
        """The table's columns, with those that are named among them."""
        if not is_table(X):
            raise InputError("series are read from named columns\n  give a table or a mapping")
        columns = columns_of(X)
        named = [("series", self.series), ("by", self.by), ("order", self.order)]
        for role, name in (*named, *(("leave_out", name) for name in left_out(self))):
            if name is not None and name not in columns.cells:
                nearest = difflib.get_close_matches(name, columns.cells, n=1, cutoff=0.5)
                guess = f"did you mean {nearest[0]!r}?" if nearest else "choose one of these"
                raise InputError(
                    f"{role}: there is no column {name!r}; the columns are"
                    f" {', '.join(map(repr, columns.cells))}\n  {guess}"
                )
        return columns

    def _inputs(self, columns: Columns) -> Columns:
        """The columns that are inputs; the groups are levels, be they called by numbers."""
        none = {self.order, *left_out(self)}
        cells = {name: columns.cells[name] for name in columns.cells if name not in none}
        by = set() if self.by is None else {self.by}
        return Columns(cells, columns.levels - {self.series} | by)

    def line_of(self, X: Any) -> Timeline:
        """The rows of a table in the order of time, as the settings name its columns."""
        columns = X if isinstance(X, Columns) else self._columns(X)
        step = getattr(self, "step_", None)
        return Timeline.of(columns, self.series, self.by, self.order, step)

    def _split(self, line: Timeline) -> tuple[Array, Array]:
        """Rows to learn to forecast, and those held out: the last ones."""
        least, _ = span(self)
        rows = line.targets(least)
        if not len(rows):
            raise self._no_window(line)
        if len(set(line.values[rows].tolist())) == 1:
            raise InputError(
                f"column {self.series!r} is {line.values[rows[0]]:g} in all rows to forecast\n"
                "  there is nothing to learn; give rows that differ"
            )
        self.held_from_ = line.cut(self.validation_fraction)
        late = line.times[rows] >= (np.inf if self.held_from_ is None else self.held_from_)
        if late.sum() < FEWEST_HELD_OUT or late.all():
            self.held_from_ = None
            if self.validation_fraction > 0:
                self.notes_ += (too_few(len(rows)),)
            return rows, rows[:0]
        return rows[~late], rows[late]

    def _no_window(self, line: Timeline) -> InputError:
        least, _ = span(self)
        most = int((line.before + ~np.isnan(line.values)).max(initial=0))
        found = f"{most} rows" if most != 1 else "1 row"
        by = f" of one {self.by}" if self.by else ""
        return InputError(
            f"nowhere are there {least} rows of {self.series!r} before another one: without gap or"
            f" blank there are at most {found}{by} on end\n"
            "  give a smaller past, or longer series"
        )

    def _short_groups(self, line: Timeline) -> list[str]:
        """A note of the groups that are too short to learn from."""
        least, _ = span(self)
        there = set(line.groups[line.targets(least)].tolist())
        short = [name for number, name in enumerate(line.names) if number not in there]
        if not short:
            return []
        more = f" and {len(short) - NAMED:,} more" if len(short) > NAMED else ""
        return [
            f"column {self.by!r}: {len(short):,} of {len(line.names):,} groups have no {least} rows"
            f" before another, and teach nothing: {', '.join(short[:NAMED])}{more}"
        ]

    def _train(
        self,
        train: Past,
        held: Past | None,
        watcher: Watcher | None,
        checkpoint: Callable[[Training], None] | None,
    ) -> None:
        rng = np.random.default_rng(self.seed)
        network = self.network_ = self._build(rng)
        targets = self.target_.encode(train.truth - train.last)

        def loss(chosen: Array) -> Tensor:
            outputs = self._read(train.rows, train.windows.take(chosen))
            return ops.squared_error(outputs, targets=targets[chosen])

        def validate() -> tuple[float, float]:
            assert held is not None
            outputs = self._outputs(held)
            missed = Tensor(outputs, requires_grad=False)
            wanted = self.target_.encode(held.truth - held.last)
            loss = ops.squared_error(missed, targets=wanted).item()
            refuse_nonfinite("the forecasts of held-out rows", np.append(outputs, loss))
            return float(np.abs(self._values(held, outputs) - held.truth).mean()), loss

        self.history_ = train_decaying(
            self,
            network,
            make_optimizer(self.optimizer, self.learning_rate, network),
            Task(len(train.windows), loss, validate if held else None),
            self.batch_size,
            rng=rng,
            measure="MAE",
            watcher=watcher,
            checkpoint=checkpoint,
        )

    def unused(self) -> tuple[str, ...]:
        """The parameters that this network has no use for."""
        return ()

    def _build(self, rng: np.random.Generator) -> nn.Module:
        return SeriesNetwork(self.encoder_.width, self.get_params(deep=False), rng)

    # Prediction

    def past_of(self, X: Any, since: float | None = None) -> Past:
        """The rows of a table with a value and enough rows before them, from a time on.

        Raises:
            InputError: there is none.
        """
        line, rows = self._read_table(X)
        least, most = span(self)
        found = line.targets(least)
        if not len(found):
            raise self._no_window(line)
        late = found if since is None else found[line.times[found] >= since]
        if not len(late):
            raise InputError(
                f"no row to forecast so late: the last one is of {line.latest(found)}\n"
                "  give an earlier time"
            )
        return Past(line, rows, line.longest(late, most))

    def _read_table(self, X: Any) -> tuple[Timeline, Encoded]:
        check_is_fitted(self, "network_")
        columns = self._columns(X)
        line = self.line_of(columns)
        sheet = read(columns, self.encoder_.kinds).take(line.places)
        return line, self.encoder_.encode(sheet)

    def _read(self, rows: Encoded, windows: Windows) -> Tensor:
        """The network's outputs (B, 1)."""
        return self.network_(self.encoder_.inputs(rows.take(windows.rows)), windows.lengths)

    def _outputs(self, past: Past) -> Array:
        """The network's outputs (B, 1), a portion of windows at a time."""
        parts = [np.empty((0, 1), np.float32)]
        with no_grad():
            for start, stop in portions(past.windows.lengths, AT_ONCE, ROWS_AT_ONCE):
                part = past.windows.take(slice(start, stop))
                if len(part):
                    parts.append(self._read(past.rows, part).value)
        return np.concatenate(parts)

    def _values(self, past: Past, outputs: Array) -> Array:
        """The forecasts (B) that outputs (B, 1) stand for."""
        return past.last + self.target_.decode(outputs)

    def values_of(self, past: Past) -> Array:
        """The forecast behind each window (B)."""
        return self._values(past, self._outputs(past))

    def predict(self, X: Any) -> Array:
        """The forecast for each row of a table from the rows before it (N); NaN without enough.

        Of a row itself nothing is looked at but its time and its group. A forecast does not depend
        on other groups, nor on rows later than it.
        """
        line, rows = self._read_table(X)
        least, most = span(self)
        found = np.flatnonzero(line.before >= least)
        values = np.full(len(line), np.nan)
        values[line.places[found]] = self.values_of(Past(line, rows, line.longest(found, most)))
        return values

    def forecast(self, X: Any) -> list[Forecast]:
        """What comes next in each group of a table that has enough rows before its end."""
        return self.forecast_all(X)[0]

    def forecast_all(self, X: Any) -> tuple[list[Forecast], list[str]]:
        """What comes next in each group, and the names of the groups that are too short."""
        line, rows = self._read_table(X)
        windows, short = line.after_the_last(*span(self))
        past = Past(line, rows, windows)
        last = windows.ends - 1
        return [
            Forecast(line.names[line.groups[row]], str(line.shown[row]), int(length), float(value))
            for row, length, value in zip(last, windows.lengths, self.values_of(past), strict=True)
        ], short

    def evaluate(self, X: Any, part: str = "test", since: Any = None) -> Evaluation:
        """All scores on the rows of a table, or on those at ``since`` and later, by group.

        Rows before ``since`` are the past of the others. ``since`` is a time as in ``order``.
        """
        start = None if since is None else float(read_times("since", [since])[0])
        past = self.past_of(X, start)
        return self.scores(part, past, self.values_of(past))

    def scores(self, part: str, past: Past, values: Array) -> Evaluation:
        """All scores of these forecasts: MAE and RMSE in the units of the series, and R2."""
        by = {} if self.by is None else {self.by: past.groups}
        return evaluate_numbers(part, past.describe(), past.truth, values, main="MAE", by=by)

    # Files

    def _content(self) -> dict[str, Any]:
        return {
            "encoder": self.encoder_.to_json(),
            "target": self.target_.to_json(),
            "step": self.step_,
            "notes": list(self.notes_),
        }

    @classmethod
    def _restored(cls, stored: storage.Stored) -> Self:
        content = stored.content
        model = cls(**content["settings"])
        check_settings(model)
        model.past, model.leave_out = span(model), left_out(model)
        model.encoder_ = Encoder.from_json(content["encoder"])
        model.target_ = Numbers.from_json(content["target"])
        model.step_ = float(content["step"])
        if not 0 < model.step_ < np.inf:
            raise ValueError("the step is no number above 0")
        kinds = model.encoder_.kinds
        if model.series not in kinds.numbers or model.order in (*kinds.numbers, *kinds.levels):
            raise ValueError("the inputs are not those of this series")
        model.notes_ = tuple(map(str, content["notes"]))
        model.history_ = read_history(content["history"])
        model.held_from_ = None
        model._restore_network(stored.arrays)
        return model

    def _check_arrays(self, arrays: dict[str, Array]) -> None:
        stored = {name: (array.shape, array.dtype) for name, array in arrays.items()}
        wanted: dict[str, Any] = {}
        if self.layers < len(arrays):  # else the names alone would fill the memory
            wanted = weight_shapes(self.encoder_.width, self.get_params(deep=False))
        if stored != {name: (shape, np.dtype(np.float32)) for name, shape in wanted.items()}:
            raise ValueError("the weights stored are not those of this network")
