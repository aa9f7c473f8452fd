"""The main job on attributes: from a table to a trained network, beside a linear model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon import __version__
from lexon.errors import InputError
from lexon.memory import peak_memory
from lexon.tasks.columns import holds_numbers, is_blank
from lexon.tasks.common import rows_digest
from lexon.tasks.evaluation import Evaluation, evaluate_classes, evaluate_numbers
from lexon.tasks.features import Encoder
from lexon.tasks.job import Resumption, fit_saving
from lexon.tasks.outcome import Outcome
from lexon.tasks.table_model import TableModel
from lexon.tasks.tabular import TabularClassifier, TabularRegressor
from lexon.text.table import Cell, Table
from lexon.train.loop import Watcher

Array = npt.NDArray[Any]
Columns = dict[str, list[Cell]]


@dataclass(frozen=True)
class Rows:
    """A named part of a table: the columns that predict, and the one that is predicted."""

    name: str
    columns: Columns
    target: list[Cell]

    @classmethod
    def of(
        cls, name: str, table: Table, target: str, numeric: bool, say: Callable[[str], None]
    ) -> Rows:
        """Split off the target, ``numeric`` or classes; rows without one are left out, and said.

        Raises:
            DataFileError: there is no column of that name.
        """
        cells = table.column(target)
        kept = [row for row, cell in enumerate(cells) if not is_blank(cell, numeric)]
        if not kept:
            raise InputError(f"{table.recognised.name}: column {target!r} is blank in every row")
        if len(kept) < len(cells):
            say(f"  {len(cells) - len(kept):,} rows without {target!r}, left out")
        columns = {
            column: [values[row] for row in kept]
            for column, values in table.columns.items()
            if column != target
        }
        return cls(name, columns, [cells[row] for row in kept])

    def take(self, name: str, rows: Array) -> Rows:
        chosen = rows.tolist()
        columns = {key: [cells[row] for row in chosen] for key, cells in self.columns.items()}
        return Rows(name, columns, [self.target[row] for row in chosen])


def train_table(
    table: Table,
    target: str,
    *,
    settings: Callable[[type], dict[str, Any]],
    valid: Table | None = None,
    test: Table | None = None,
    baseline: bool = True,
    watcher: Watcher | None = None,
    resumption: Resumption | None = None,
    after_fit: Callable[[TableModel], None] = lambda model: None,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[TableModel, Outcome]:
    """Fit a regression if the target holds numbers only, else a classifier; and score it.

    ``settings`` gives the parameters for the kind of estimator that it turns out to be;
    ``after_fit`` is given the trained model before it is scored, to save it.
    """
    numeric = holds_numbers(table.column(target))
    train = Rows.of("training", table, target, numeric, say)
    held = None if valid is None else Rows.of("held-out", valid, target, numeric, say)
    last = None if test is None else Rows.of("test", test, target, numeric, say)
    kind = TabularRegressor if numeric else TabularClassifier
    model = kind(**settings(kind))
    say(f"{target}: {'numbers, a regression' if kind is TabularRegressor else 'classes'}")

    def fitted(model: TableModel) -> None:
        model.target_column_ = target
        after_fit(model)

    valid_rows = held
    seconds = fit_saving(
        model,
        train.columns,
        train.target,
        valid=None if held is None else (held.columns, held.target),
        keys=lambda: _keys(kind.__name__, target, (train, valid_rows)),
        watcher=watcher,
        resumption=resumption,
        after_fit=fitted,
        say=say,
    )
    learned = train
    if held is None and model.held_out_ is not None:
        kept = np.setdiff1d(np.arange(len(train.target)), model.held_out_)
        learned, held = train.take("training", kept), train.take("held-out", model.held_out_)
    parts = [part for part in (held, last) if part is not None]
    outcome = Outcome(
        network=model.model,
        target=target,
        evaluations=tuple(model.evaluate(p.columns, p.target, p.name) for p in parts),
        history=model.history_,
        facts=_facts(model, learned, parts),
        notes=model.notes_,
        seconds=seconds,
        memory=peak_memory(),
    )
    if baseline and model.history_.stopped != "interrupted":
        rival = LinearRival(model, learned)
        scores = tuple(rival.evaluate(part) for part in parts)
        outcome = replace(outcome, baseline=scores, baseline_name=rival.name)
    return model, outcome


def evaluate_table(
    model: TableModel,
    table: Table,
    part: str,
    target: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Evaluation:
    """All scores of a model on a table that holds its target, in the column ``target``.

    Without ``target`` it is the column of that name that the model was trained on.
    """
    target = target or getattr(model, "target_column_", None)
    if not target:
        raise InputError(
            f"{part}: which column holds the target is not in the model file\n  name it: --target"
        )
    rows = Rows.of(part, table, target, isinstance(model, TabularRegressor), say)
    return model.evaluate(rows.columns, rows.target, part)


class LinearRival:
    """scikit-learn's linear (or logistic) regression on the same columns, no pieces."""

    def __init__(self, model: TableModel, learned: Rows) -> None:
        from sklearn.linear_model import LinearRegression, LogisticRegression

        self.model, self.numbers = model, isinstance(model, TabularRegressor)
        sheet = model._sheet(learned.columns)
        self.encoder = Encoder.fit(sheet, model.encoder_.kinds, 0)
        self.name = "linear regression" if self.numbers else "logistic regression"
        self.machine = LinearRegression() if self.numbers else LogisticRegression(max_iter=1000)
        target = np.array(learned.target, np.float64 if self.numbers else str)
        self.machine.fit(self._inputs(learned), target)

    def _inputs(self, rows: Rows) -> Array:
        return self.encoder.inputs(self.encoder.encode(self.model._sheet(rows.columns)))

    def evaluate(self, part: Rows) -> Evaluation:
        """All scores on a part of the data."""
        inputs = self._inputs(part)
        named = [""] * len(part.target)
        if self.numbers:
            truth = np.array(part.target, np.float64)
            return evaluate_numbers(part.name, named, truth, self.machine.predict(inputs))
        names = self.machine.classes_.tolist()
        truth = np.array([names.index(str(label)) for label in part.target])
        chances = self.machine.predict_proba(inputs)
        return evaluate_classes(part.name, named, truth, chances, names, chances.argmax(axis=1))


def _keys(kind: str, target: str, parts: tuple[Rows, Rows | None]) -> list[str]:
    """What tells these data apart from others."""
    digest = rows_digest(*(None if part is None else list(_lines(part)) for part in parts))
    names = [target, *(name for part in parts if part for name in ("", *part.columns))]
    return [digest, kind, *names]


def _lines(rows: Rows) -> Any:
    """Each row as text and target."""
    cells = zip(*rows.columns.values(), strict=True)
    return ((repr(row), target) for row, target in zip(cells, rows.target, strict=True))


def _facts(model: TableModel, learned: Rows, parts: list[Rows]) -> dict[str, str]:
    facts = {"training rows": f"{len(learned.target):,}"}
    facts |= {f"{part.name} rows": f"{len(part.target):,}" for part in parts}
    facts |= {
        "inputs": f"{model.encoder_.width:,}",
        "best epoch": f"{model.history_.best} of {len(model.history_.epochs)}"
        f" ({model.history_.stopped})",
    }
    facts |= {name: str(value) for name, value in model.get_params(deep=False).items()}
    return facts | {"lexon": __version__}
