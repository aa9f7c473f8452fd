"""The main job on series: from a table to a trained network, beside two simple forecasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon import __version__
from lexon.errors import InputError
from lexon.memory import peak_memory
from lexon.tasks.columns import columns_of
from lexon.tasks.common import rows_digest
from lexon.tasks.job import Resumption, fit_saving
from lexon.tasks.outcome import Outcome
from lexon.tasks.series import Past, SeriesRegressor
from lexon.tasks.series_network import span
from lexon.tasks.timeline import read_times
from lexon.train.loop import Watcher

Array = npt.NDArray[Any]
Cells = dict[str, list[Any]]

#: Share of the time that is the test part where nothing else is said.
TEST_SHARE = 0.2


@dataclass(frozen=True)
class Part:
    """Rows to forecast, by name: those of a table at a time and later, or all."""

    name: str
    table: Any
    since: float | None = None


def train_series(
    model: SeriesRegressor,
    table: Any,
    *,
    test: Any = None,
    test_from: str | None = None,
    test_share: float = TEST_SHARE,
    baseline: bool = True,
    watcher: Watcher | None = None,
    resumption: Resumption | None = None,
    after_fit: Callable[[SeriesRegressor], None] = lambda model: None,
    say: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Fit ``model`` to what comes first, and tell how good it is on what comes later.

    The test part is the table ``test``, or the rows from the time ``test_from`` on, or the last
    ``test_share`` of the time. It is looked at once, at the end. Windows of rows in a test part of
    the same table may begin before it: when the forecast is made, those values are known. The time
    right before is held out to choose the epoch.

    ``after_fit`` is given the trained model before it is scored, to save it.

    Raises:
        InputError: a table or a setting cannot be used.
        NonFiniteError: training diverged.
        KeyboardInterrupt: training was interrupted before its first epoch had ended.
    """
    learned, last = _split(model, table, test, test_from, test_share)
    rows = zip(*learned.values(), strict=True)
    seconds = fit_saving(
        model,
        learned,
        keys=lambda: [rows_digest((repr(row), "") for row in rows), *learned],
        watcher=watcher,
        resumption=resumption,
        after_fit=after_fit,
        say=say,
    )
    parts = [] if model.held_from_ is None else [Part("held-out", learned, model.held_from_)]
    pasts = {part.name: model.past_of(part.table, part.since) for part in (*parts, *last)}
    outcome = Outcome(
        network=model.model,
        target=model.series,
        evaluations=tuple(model.scores(n, p, model.values_of(p)) for n, p in pasts.items()),
        history=model.history_,
        facts=_facts(model, learned, pasts),
        notes=model.notes_,
        seconds=seconds,
        memory=peak_memory(),
    )
    if not baseline or model.history_.stopped == "interrupted":
        return outcome
    persistence = tuple(model.scores(n, p, p.last) for n, p in pasts.items())
    outcome = replace(outcome, rivals=(("persistence", persistence),))
    rival = LinearRival(model.past_of(learned), model)
    if not rival.longest:
        few = "no linear regression beside the network: it had no rows to learn from"
        return replace(outcome, notes=(*outcome.notes, few))
    return replace(
        outcome,
        baseline=tuple(model.scores(n, p, rival.values_of(p)) for n, p in pasts.items()),
        baseline_name=rival.name,
    )


def _split(
    model: SeriesRegressor, table: Any, test: Any, test_from: str | None, test_share: float
) -> tuple[Cells, list[Part]]:
    """The rows that are learned from, as columns, and the test part if there is one."""
    line, (least, _) = model.line_of(table), span(model)
    cells = {name: list(column) for name, column in columns_of(table).cells.items()}
    if test is not None:
        model.line_of(test)  # what is wrong with it is told before the training
        return cells, [Part("test", test)]
    cut = line.cut(test_share)
    if test_from is not None:
        cut = float(read_times("the test part's first time", [test_from])[0])
    late = line.times[line.targets(least)] >= (np.inf if cut is None else cut)
    if test_from is not None and (late.all() or not late.any()):
        raise InputError(
            f"{test_from}: {'all' if late.any() else 'no'} rows to forecast are of this time or"
            " later\n  name a time in the midst of the table"
        )
    if not late.any():
        return cells, []
    early = np.sort(line.places[line.times < cut]).tolist()
    return {name: [column[row] for row in early] for name, column in cells.items()}, [
        Part("test", table, cut)
    ]


class LinearRival:
    """scikit-learn's linear regression on the last values of the series.

    One for each length of windows, all learned from the rows that trained the network. Windows
    longer than any of those rows has behind it are cut to the ``longest``.
    """

    name = "linear regression on the last values"

    def __init__(self, learned: Past, model: SeriesRegressor) -> None:
        line = learned.line
        self.line, (_, self.most) = line, span(model)
        rows = learned.windows.ends
        late = np.inf if model.held_from_ is None else model.held_from_
        self.rows = rows[line.times[rows] < late]
        self.longest = int(line.before[self.rows].max(initial=0))

    def values_of(self, past: Past) -> Array:
        """The forecast behind each window (B)."""
        from sklearn.linear_model import LinearRegression

        values = np.empty(len(past.windows))
        for length in np.unique(past.windows.lengths).tolist():
            used = min(length, self.longest)
            rows = self.rows[self.line.before[self.rows] >= used]
            inputs = _last(self.line.values, rows, used)
            machine = LinearRegression().fit(inputs, self.line.values[rows])
            chosen = past.windows.lengths == length
            ends = past.windows.ends[chosen]
            values[chosen] = machine.predict(_last(past.line.values, ends, used))
        return values


def _last(values: Array, ends: Array, length: int) -> Array:
    """The last ``length`` values before each of these rows (B, length)."""
    return values[ends[:, None] - np.arange(length, 0, -1)]


def _facts(model: SeriesRegressor, learned: Cells, pasts: dict[str, Past]) -> dict[str, str]:
    facts = {"rows to learn from": f"{len(next(iter(learned.values()))):,}"}
    for name, past in pasts.items():
        first = past.line.shown[past.windows.ends[np.argmin(past.line.times[past.windows.ends])]]
        facts[f"{name} rows"] = f"{len(past.windows):,}, from {first} on"
    history = model.history_
    facts |= {
        "inputs": f"{model.encoder_.width:,}",
        "parameters": f"{sum(p.value.size for p in model.network_.parameters()):,}",
        "best epoch": f"{history.best} of {len(history.epochs)} ({history.stopped})",
    }
    facts |= {name: str(value) for name, value in model.get_params(deep=False).items()}
    return facts | {"lexon": __version__}
