"""Forecasts: what is learned from the past, how time is read, what is refused."""

from __future__ import annotations

import copy
import pickle
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

import lexon
from lexon import storage
from lexon.errors import InputError, ModelFileError, NonFiniteError
from lexon.nn.module import Module
from lexon.tasks import SeriesRegressor, load
from lexon.tasks.columns import Columns
from lexon.tasks.series_network import SeriesNetwork, weight_shapes
from lexon.tasks.timeline import Timeline, Windows, read_times
from lexon.text import read_table

Cells = dict[str, list[Any]]
NAMES: dict[str, Any] = {"series": "load", "by": "town", "order": "day"}
QUICK: dict[str, Any] = {**NAMES, "past": (2, 4), "hidden": 8, "epochs": 2,
                         "dropout": 0.0, "learning_rate": 0.003}  # fmt: skip


def days(rows: int, first: date = date(2020, 1, 1)) -> list[str]:
    return [str(first + timedelta(n)) for n in range(rows)]


def towns(rows: int = 120, names: tuple[str, ...] = ("north", "south"), seed: int = 0) -> Cells:
    """Series that no line foretells: the next value follows from whether it rains on a day."""
    rng = np.random.default_rng(seed)
    table: Cells = {"town": [], "day": [], "sky": [], "load": [], "wind": []}
    for place, name in enumerate(names):
        rain = rng.random(rows) < 0.5
        load = 20.0 * place + 10.0 * np.roll(rain, 1) + rng.normal(0, 0.3, rows)
        table["town"] += [name] * rows
        table["day"] += days(rows)
        table["sky"] += np.where(rain, "rain", "sun").tolist()
        table["load"] += [f"{value:.3f}" for value in load]
        table["wind"] += rng.normal(size=rows).round(3).astype(str).tolist()
    return table


def take(table: Cells, rows: Any) -> Cells:
    return {name: [cells[row] for row in rows] for name, cells in table.items()}


def timeline(step: float | None = None, **cells: Any) -> Timeline:
    by = "by" if "by" in cells else None
    return Timeline.of(Columns(cells), "x", by, "t" if "t" in cells else None, step)


@pytest.fixture(scope="module")
def model() -> SeriesRegressor:
    return SeriesRegressor(**NAMES, past=(2, 4), hidden=16, learning_rate=0.02, dropout=0.0).fit(
        towns()
    )


# What is learned


def test_the_past_of_further_columns_tells_the_next_value(model: SeriesRegressor) -> None:
    other = towns(60, seed=1)
    found = model.evaluate(other)
    past = model.past_of(other)
    assert found.score < 0.8 < 4 < np.abs(past.truth - past.last).mean()
    assert found.rows == 2 * 58 and found.measure == "MAE"


@pytest.mark.parametrize("name", ["rnn", "gru", "lstm"])
def test_every_network_learns_what_lies_two_rows_back(name: str) -> None:
    cells = {"load": np.array([2.0, 5.0, 9.0, 5.0] * 60)}
    model = SeriesRegressor(name, series="load", past=(2, 3), layers=2, hidden=12, dropout=0.05,
                            learning_rate=0.02, epochs=15).fit(cells)  # fmt: skip
    assert model.evaluate(cells).score < 1.0  # a 5 alone is followed by 9 or by 2
    (found,) = model.forecast(cells)
    assert found.value == pytest.approx(2, abs=1) and found.group == ""


def test_a_network_that_has_learned_nothing_adds_the_mean_change() -> None:
    table = towns(40)
    model = SeriesRegressor(**{**QUICK, "learning_rate": 1e-30, "validation_fraction": 0})
    past = model.fit(table).past_of(table)
    change = (past.truth - past.last).mean()
    np.testing.assert_allclose(model.values_of(past), past.last + change, atol=1e-6)


def test_the_epoch_of_the_least_error_is_kept(model: SeriesRegressor) -> None:
    errors = [epoch.score for epoch in model.history_.epochs]
    assert model.history_.measure == "MAE" and errors[0] > errors[-1]  # type: ignore[operator]
    assert model.history_.best == int(np.argmin(errors)) + 1  # type: ignore[arg-type]
    held = model.evaluate(towns(), since=model.held_from_)
    assert held.score == pytest.approx(model.history_.best_score, rel=1e-9)


def test_scores_by_group(model: SeriesRegressor) -> None:
    table = towns(50, seed=2)
    found = model.evaluate(table)
    past = model.past_of(table)
    missed = np.abs(model.values_of(past) - past.truth)
    assert found.by == "town" and [group.name for group in found.groups] == ["north", "south"]
    for group in found.groups:
        own = np.array(past.groups) == group.name
        assert group.rows == own.sum() == 48
        assert group.scores["MAE"] == pytest.approx(missed[own].mean())
    assert found.scores["RMSE"] == pytest.approx(np.sqrt((missed**2).mean()))
    assert found.examples[0].text.startswith("north, 2020-01-03, after ")
    assert found.to_json()["groups"][1]["name"] == "south"


# Nothing but the past


def test_a_forecast_sees_the_rows_before_and_nothing_else(model: SeriesRegressor) -> None:
    table = towns(30, seed=3)
    before = model.predict(table)
    assert np.isnan(before[[0, 1, 30, 31]]).all() and np.isfinite(before[2:30]).all()
    for name, cell in (("sky", "hail"), ("load", "99"), ("wind", "7")):
        changed = copy.deepcopy(table)
        for row in (10, *range(11, 30)):
            changed[name][row] = cell
        after = model.predict(changed)
        assert np.array_equal(before[:11], after[:11], equal_nan=True)
        assert np.array_equal(before[30:], after[30:], equal_nan=True)
        assert (before[11:15] != after[11:15]).all()


def test_the_window_is_the_longest_there_is_up_to_the_most(model: SeriesRegressor) -> None:
    table = take(towns(30, seed=3), range(30))
    by_rows = [model.forecast(take(table, range(30 - n, 30))) for n in range(2, 7)]
    assert [found[0].rows for found in by_rows] == [2, 3, 4, 4, 4]
    values = [found[0].value for found in by_rows]
    assert values[2] == values[3] == values[4] and len(set(values)) == 3
    assert model.forecast(take(table, [29])) == []


def test_training_takes_all_windows_of_all_lengths() -> None:
    line = timeline(x=[1.0, 2, 3, 4, 5, 6], by=["a"] * 5 + ["b"])
    windows = line.all_windows(line.targets(2), 2, 3)
    assert windows.ends.tolist() == [2, 3, 3, 4, 4]
    assert windows.lengths.tolist() == [2, 2, 3, 2, 3]
    assert windows.rows.tolist() == [0, 1, 1, 2, 0, 1, 2, 2, 3, 1, 2, 3]
    assert windows.take(np.array([4, 0])).rows.tolist() == [1, 2, 3, 0, 1]
    assert Windows(np.empty(0, int), np.empty(0, int)).rows.size == 0


def test_held_out_rows_are_the_last_ones_of_all_groups_and_teach_nothing() -> None:
    first = SeriesRegressor(**QUICK).fit(towns())
    assert first.held_from_ == read_times("", ["2020-04-18"])[0]  # 12 of 120 days
    changed = towns()
    for row in range(240):
        if changed["day"][row] >= "2020-04-18":
            changed["load"][row], changed["wind"][row] = "5000", "-70"
            changed["sky"][row] = "hail"
    second = SeriesRegressor(**QUICK).fit(changed)
    assert first.encoder_.to_json() == second.encoder_.to_json()
    assert first.target_ == second.target_
    epochs = [model.history_.epochs for model in (first, second)]
    assert [e.loss for e in epochs[0]] == [e.loss for e in epochs[1]]
    changed["load"][107] = "5000"  # and it does know the others
    assert SeriesRegressor(**QUICK).fit(changed).target_ != first.target_


def test_few_rows_all_train_and_a_note_says_so() -> None:
    model = SeriesRegressor(**QUICK).fit(towns(12))
    assert model.held_from_ is None and model.history_.epochs[-1].score is None
    assert any("too few to hold out" in note for note in model.notes_)


# Time


def test_the_order_of_rows_in_the_table_is_of_no_account() -> None:
    table, rng = towns(40), np.random.default_rng(0)
    order = rng.permutation(80)
    one, other = (SeriesRegressor(**QUICK).fit(t) for t in (table, take(table, order)))
    assert np.array_equal(one.predict(table)[order], other.predict(take(table, order)),
                          equal_nan=True)  # fmt: skip


def test_no_window_reaches_over_a_gap_or_a_blank() -> None:
    line = timeline(t=[1, 2, 3, 5, 6, 7, 8], x=["1", "2", "3", "4", "", "6", "7"])
    assert line.before.tolist() == [0, 1, 2, 0, 1, 0, 1]
    assert line.targets(1).tolist() == [1, 2, 6]
    assert line.notes == (
        "column 't': 1 gaps, the first between 3 and 5; no window reaches over one",
        "column 'x': 1 blanks; no window reaches over one",
    )
    assert timeline(x=["1", "", "3", "4"]).before.tolist() == [0, 1, 0, 1]
    close = timeline(t=[1, 2, 3, 3.4, 4, 5], x=[1.0] * 6)
    assert close.before.tolist() == [0, 1, 2, 0, 1, 2]
    assert timeline(2.0, t=[1, 2, 4], x=[1.0] * 3).before.tolist() == [0, 1, 2]
    assert timeline(3.0, t=[1, 2, 4], x=[1.0] * 3).before.tolist() == [0, 0, 1]


def test_gaps_are_of_the_group_that_has_them() -> None:
    line = timeline(by=["b", "b", "a", "a", "b", "a"], t=[1, 2, 1, 2, 4, 3], x=[1.0] * 6)
    assert line.names == ("a", "b") and line.places.tolist() == [2, 3, 5, 0, 1, 4]
    assert line.before.tolist() == [0, 1, 2, 0, 1, 0]
    assert "1 gaps, the first of b between 2 and 4" in line.notes[0]


def test_months_and_instants_are_times() -> None:
    months = [f"{1949 + n // 12}-{1 + n % 12:02d}" for n in range(30)]
    assert timeline(t=months, x=[1.0] * 30).before.tolist() == list(range(30))
    found = read_times("", ["1970-01-02T12:00", "1970-01-02T12:00+01:00", "1970-01-01"])
    np.testing.assert_allclose(found, [1.5, 1.5 - 1 / 24, 0])
    stamps = np.array(["1970-01-03", "1970-01-04"], "datetime64[ns]")
    assert read_times("", stamps).tolist() == [2.0, 3.0]


def test_rows_without_an_order_follow_each_other_as_they_stand() -> None:
    table = take(towns(40), [row for n in range(40) for row in (n, 40 + n)])
    names = {**QUICK, "order": None}
    numbered = {name: cells for name, cells in table.items() if name != "day"}
    one = SeriesRegressor(**names).fit(numbered)
    other = SeriesRegressor(**QUICK).fit(table)
    assert np.array_equal(one.predict(numbered), other.predict(table), equal_nan=True)
    assert one.forecast(numbered)[0].after == "row 40"


def test_groups_too_short_are_told_and_forecast_nothing(model: SeriesRegressor) -> None:
    table = towns(30)
    for name in ("east", "west"):
        table = {k: v + take(table, [0])[k] for k, v in table.items()}
        table["town"][-1] = name
    fitted = SeriesRegressor(**QUICK).fit(table)
    assert any("2 of 4 groups have no 2 rows before another, and teach nothing: east, west" in note
               for note in fitted.notes_)  # fmt: skip
    found, short = fitted.forecast_all(table)
    assert [forecast.group for forecast in found] == ["north", "south"]
    assert short == ["east", "west"]


def test_a_forecast_comes_after_the_last_value_that_is_known(model: SeriesRegressor) -> None:
    table = take(towns(30), range(30))
    table["load"][29] = ""
    (found,) = model.forecast(table)
    assert (found.group, found.after) == ("north", "2020-01-29")
    assert found.value == model.predict(table)[29]  # the same day, whose value is not known


def test_groups_called_by_numbers_and_columns_that_number_rows() -> None:
    table = towns(40)
    table["town"] = [{"north": "1", "south": "2"}[name] for name in table["town"]]
    table = {"rownames": [str(n + 1) for n in range(80)]} | table
    model = SeriesRegressor(**QUICK).fit(table)
    assert model.encoder_.kinds.levels == ("town", "sky")
    assert model.encoder_.kinds.numbers == ("load", "wind")
    assert model.notes_[0].startswith("column 'rownames' left out")
    table = {"id": table["town"], "load": [float(n) ** 1.5 for n in range(40)] * 2}
    model = SeriesRegressor(**{**QUICK, "by": "id", "order": None}).fit(table)
    assert model.encoder_.kinds.levels == ("id",)
    assert not any("left out" in note for note in model.notes_)


def test_columns_that_are_left_out_are_no_inputs() -> None:
    table = towns(40)
    model = SeriesRegressor(**QUICK, leave_out=("sky",)).fit(table)
    assert model.encoder_.kinds.numbers == ("load", "wind")
    assert model.encoder_.kinds.levels == ("town",)
    with_it = SeriesRegressor(**QUICK).fit(table)
    assert with_it.encoder_.width == model.encoder_.width + 2


def test_an_unknown_group_is_forecast_from_its_values(model: SeriesRegressor) -> None:
    table = take(towns(30), range(30))
    (found,) = model.forecast(table | {"town": ["new"] * 30})
    assert found.group == "new" and np.isfinite(found.value)


# Bits


def test_bits_do_not_depend_on_threads_or_on_other_rows(model: SeriesRegressor) -> None:
    table, before, states = towns(60), lexon.threads(), []
    try:
        for number in (1, 3):
            lexon.threads(number)
            fitted = SeriesRegressor(**{**QUICK, "hidden": 40, "dropout": 0.1}).fit(table)
            states.append((fitted.network_.state_dict(), fitted.predict(table)))
    finally:
        lexon.threads(before)
    (first, ones), (second, threes) = states
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert np.array_equal(ones, threes, equal_nan=True)
    whole = model.predict(table)
    alone = [model.predict(take(table, range(max(0, n - 4), n + 1)))[-1] for n in range(60)]
    assert np.array_equal(whole[:60], alone, equal_nan=True)


class _Stop(Exception):
    pass


@pytest.mark.parametrize("after", [3, 9])
def test_resumed_training_gives_the_same_bits(after: int) -> None:
    table, saved = towns(60), []
    settings = {**QUICK, "dropout": 0.1, "layers": 2, "epochs": 3}
    whole = SeriesRegressor(**settings).fit(table)

    class Cut:
        def __init__(self, last: int) -> None:
            self.steps, self.last = 0, last

        def began(self, training: Any) -> None: ...
        def passed(self, training: Any, epoch: Any) -> None: ...
        def ended(self, training: Any) -> None: ...
        def stepped(self, training: Any) -> None:
            self.steps += 1
            if self.steps == self.last:
                saved.append(copy.deepcopy(training.state()))
                raise _Stop

    with pytest.raises(_Stop):
        SeriesRegressor(**settings).fit(table, watcher=Cut(after))
    rest = Cut(-1)
    resumed = SeriesRegressor(**settings)
    resumed.fit(table, watcher=rest, checkpoint=lambda t: t.load_state(*saved[0]))
    steps = 3 * -(-(2 * (52 + 51 + 50)) // 64)
    assert rest.steps == steps - after
    assert resumed.history_ == whole.history_
    assert np.array_equal(resumed.predict(table), whole.predict(table), equal_nan=True)


# Files


def test_equal_trainings_give_equal_bytes_and_a_reload_equal_bits(tmp_path: Path) -> None:
    table = towns(40)
    model = SeriesRegressor("gru", **QUICK, leave_out=("wind",)).fit(table)
    clone(model).fit(table).save(tmp_path / "a")
    model.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    for other in (load(tmp_path / "a"), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert np.array_equal(other.predict(table), model.predict(table), equal_nan=True)
        assert other.forecast(table) == model.forecast(table)
        assert other.get_params() == model.get_params()
        assert other.get_params()["leave_out"] == ("wind",)
        assert other.notes_ == model.notes_ and other.history_ == model.history_
        other.save(tmp_path / "c")
        assert (tmp_path / "c").read_bytes() == (tmp_path / "a").read_bytes()


@pytest.mark.parametrize("name", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("layers", [1, 3])
def test_the_weights_foretold_are_those_built(name: str, layers: int) -> None:
    settings = {"model": name, "hidden": 5, "layers": layers, "dropout": 0.0}
    network: Module = SeriesNetwork(7, settings, np.random.default_rng(0))
    built = {path: parameter.shape for path, parameter in network.named_parameters()}
    assert weight_shapes(7, settings) == built


MALFORMED: list[tuple[tuple[str, ...], Any]] = [
    (("settings", "hidden"), 10**9),
    (("settings", "layers"), 10**12),
    (("settings", "layers"), 2),
    (("settings", "model"), "gru"),
    (("settings", "model"), "bilstm"),
    (("settings", "past"), [4, 2]),
    (("settings", "past"), [0, 2]),
    (("settings", "past"), "2..4"),
    (("settings", "leave_out"), "sky"),
    (("settings", "leave_out"), [["sky"]]),
    (("settings", "series"), "sky"),
    (("settings", "series"), None),
    (("settings", "by"), "load"),
    (("settings", "order"), "wind"),
    (("settings", "order"), ["day"]),
    (("settings", "strange"), 1),
    (("encoder", "levels"), [["north"], ["rain", "sun"]]),
    (("encoder", "deviations"), [1.0, 0.0]),
    (("target", "deviation"), 0),
    (("step",), -1.0),
    (("step",), "1 day"),
    (("history",), {}),
    (("notes",), None),
]


@pytest.mark.parametrize(("place", "value"), MALFORMED)
def test_malformed_content_is_refused(
    tmp_path: Path, model: SeriesRegressor, place: tuple[str, ...], value: Any
) -> None:
    model.save(tmp_path / "m")
    stored = storage.read(tmp_path / "m", "model")
    inner = stored.content
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    storage.write(tmp_path / "m", "model", stored.content, stored.arrays)
    with pytest.raises(ModelFileError, match="not as it should be"):
        load(tmp_path / "m")


# Errors


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"past": 0}, "past is 0"),
        ({"past": (7, 5)}, r"past is 7\.\.5\n.*smaller number first"),
        ({"past": "5..7"}, "past is '5..7'"),
        ({"past": (2, 2.5)}, "past is 2.5"),
        ({"past": (2, 3, 4)}, "past is"),
        ({"leave_out": ("sky", "town")}, "leave_out is"),
        ({"leave_out": "sky"}, "leave_out is 'sky'"),
        ({"leave_out": ("skies",)}, r"leave_out: there is no column 'skies'; .*\n.*mean 'sky'"),
        ({"model": "bilstm"}, r"no model 'bilstm' for series\n.*rnn, gru, lstm"),
        ({"by": "load"}, "three different columns"),
        ({"order": 7}, "the name of a column is 7"),
        ({"hidden": 0}, "hidden is 0"),
        ({"layers": 0}, "layers is 0"),
        ({"epochs": 0}, "epochs is 0"),
        ({"validation_fraction": 1}, "validation_fraction is 1"),
        ({"seed": -1}, "seed is -1"),
        ({"order": "dya"}, r"order: there is no column 'dya'; .*\n.*did you mean 'day'"),
        ({"series": "price"}, r"series: there is no column 'price'"),
        ({"by": "city"}, "by: there is no column 'city'"),
        ({"past": 40}, r"nowhere are there 40 rows of 'load' before another.*at most 40 rows"),
        ({"by": "day", "order": None}, "at most 2 rows of one day on end"),
        ({"by": None}, r"rows 1 and 41 both have day '2020-01-01'\n.*series apart: by"),
        ({"series": "sky"}, "column 'sky', row 1: '(rain|sun)' is no number"),
        ({"order": "sky"}, "column 'sky', row 1: '(rain|sun)' is neither a number nor a date"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SeriesRegressor(**{**QUICK, **settings}).fit(towns(40))


@pytest.mark.parametrize(
    ("name", "row", "cell", "message"),
    [
        ("load", 3, "many", r"column 'load', row 4: 'many' is no number\n"),
        ("load", 3, "inf", "column 'load', row 4: the number is infinite"),
        ("day", 5, "3/1/2020", r"column 'day', row 6: '3/1/2020' is neither a number nor a date\n"),
        ("day", 5, "", "column 'day', row 6: ''"),
        ("town", 5, " ", r"column 'town', row 6: blank\n"),
        ("day", 5, "2020-01-03", "rows 3 and 6 both have day '2020-01-03' and town 'north'"),
    ],
)
def test_cells_that_cannot_be_used(name: str, row: int, cell: str, message: str) -> None:
    table = towns(40)
    table[name][row] = cell
    with pytest.raises(InputError, match=message):
        SeriesRegressor(**QUICK).fit(table)


def test_series_that_teach_nothing_are_refused(model: SeriesRegressor) -> None:
    with pytest.raises(InputError, match="column 'load' is 4 in all rows to forecast"):
        SeriesRegressor(**QUICK).fit(towns(40) | {"load": ["4"] * 80})
    with pytest.raises(InputError, match="column 'load' is blank in all rows"):
        SeriesRegressor(**QUICK).fit(towns(40) | {"load": ["", "NA"] * 40})
    with pytest.raises(InputError, match="give a table or a mapping"):
        SeriesRegressor(**QUICK).fit(np.zeros((9, 2)))
    with pytest.raises(InputError, match=r"narrower range"):
        SeriesRegressor(series="load", past=(1, 10**6)).fit({"load": [1.0, 2.0] * 8_000})


def test_other_tables_are_checked_as_well(model: SeriesRegressor) -> None:
    table = towns(20)
    with pytest.raises(InputError, match=r"no column 'sky'; .*\n.*is 'skies' meant"):
        model.predict({"skies" if name == "sky" else name: table[name] for name in table})
    with pytest.raises(InputError, match="series: there is no column 'load'"):
        model.forecast({name: table[name] for name in table if name != "load"})
    with pytest.raises(InputError, match="column 'wind', row 2: 'gale' is no number"):
        model.predict(table | {"wind": ["1", "gale"] * 20})
    with pytest.raises(InputError, match="nowhere are there 2 rows of 'load' before another"):
        model.evaluate(take(table, [0, 1]))
    with pytest.raises(InputError, match="the last one is of 2020-01-20"):
        model.evaluate(table, since="2020-02-01")
    assert model.evaluate(table, since="2020-01-20").rows == 2


def test_a_rate_that_explodes_is_an_error_with_a_remedy() -> None:
    with pytest.raises(NonFiniteError, match="the learning rate"):
        SeriesRegressor("rnn", **{**QUICK, "optimizer": "sgd", "learning_rate": 1e38}).fit(towns())


def test_a_fit_that_fails_leaves_nothing() -> None:
    model = SeriesRegressor(**QUICK).fit(towns(40))
    with pytest.raises(InputError):
        model.fit(towns(1))
    assert vars(model) == model.get_params()


def test_a_file_is_a_table(tmp_path: Path) -> None:
    table = towns(40)
    lines = [",".join(table), *(",".join(row) for row in zip(*table.values(), strict=True))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    found = SeriesRegressor(**QUICK).fit(read_table(tmp_path / "t.csv"))
    assert found.forecast(table) == SeriesRegressor(**QUICK).fit(table).forecast(table)
