"""The job on series: parts by time, two simple rivals, what the outcome and the report tell."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lexon.errors import InputError
from lexon.report import render, render_evaluation
from lexon.tasks import SeriesRegressor
from lexon.tasks.evaluation import evaluate_numbers
from lexon.tasks.outcome import Outcome
from lexon.tasks.series_job import LinearRival, train_series
from lexon.train.history import Epoch, History, merit
from lexon.train.loop import _better
from tests.tasks.test_series import NAMES, QUICK, Cells, days, take, towns


def lines(rows: int = 80) -> Cells:
    """A series of which each value is the line through the two before it, or nearly."""
    rng, values = np.random.default_rng(0), [0.0, 1.0]
    for _ in range(rows - 2):
        values.append(1.6 * values[-1] - 0.9 * values[-2] + rng.normal(0, 0.01))
    return {"day": days(rows), "load": values}


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    model = SeriesRegressor(**NAMES, past=(2, 4), hidden=16, learning_rate=0.02, dropout=0.0)
    return train_series(model, towns())


# Parts


def test_parts_follow_each_other_in_time_and_are_the_same_for_all_groups(outcome: Outcome) -> None:
    assert [e.part for e in outcome.evaluations] == ["held-out", "test"]
    assert [e.rows for e in outcome.evaluations] == [2 * 10, 2 * 24]
    texts = [example.text.split(",")[:2] for example in outcome.evaluations[1].examples]
    assert texts == [[name, f" {day}"] for name in ("north", "south") for day in days(120)[96:]]
    assert outcome.facts["test rows"] == "48, from 2020-04-06 on"
    assert outcome.facts["held-out rows"] == "20, from 2020-03-27 on"
    assert outcome.facts["rows to learn from"] == "192"


@pytest.mark.parametrize("how", ["test_from", "test_share", "no test"])
def test_the_test_part_teaches_nothing(how: str) -> None:
    table = towns(60)
    changed = {name: list(cells) for name, cells in table.items()}
    for row in range(120):
        if table["day"][row] >= "2020-02-20":
            changed["load"][row], changed["sky"][row] = "777", "hail"
    options: dict[str, Any] = {
        "test_from": {"test_from": "2020-02-20"},
        "test_share": {"test_share": 10 / 60},
        "no test": {"test_share": 0.0},
    }[how]
    states = []
    for given in (table, changed):
        model = SeriesRegressor(**QUICK)
        train_series(model, given, baseline=False, **options)
        states.append((model.history_, model.encoder_.to_json()))
    assert (states[0] == states[1]) == (how != "no test")


def test_a_test_table_is_forecast_from_its_own_past() -> None:
    model = SeriesRegressor(**QUICK)
    found = train_series(model, towns(60), test=towns(10, seed=5))
    assert [e.rows for e in found.evaluations] == [2 * 6, 2 * 8]
    assert found.evaluations[1].scores == model.evaluate(towns(10, seed=5)).scores


@pytest.mark.parametrize("time", ["2019-01-01", "2021-01-01"])
def test_a_test_part_of_all_or_nothing_is_refused(time: str) -> None:
    with pytest.raises(InputError, match=rf"{time}: (all|no) rows to forecast .*\n.*in the midst"):
        train_series(SeriesRegressor(**QUICK), towns(40), test_from=time)
    with pytest.raises(InputError, match="'soon' is neither a number nor a date"):
        train_series(SeriesRegressor(**QUICK), towns(40), test_from="soon")


def test_faults_of_the_test_table_are_told_before_the_training(monkeypatch: Any) -> None:
    monkeypatch.setattr(SeriesRegressor, "fit", lambda *a, **o: pytest.fail("it trains"))
    with pytest.raises(InputError, match="series: there is no column 'load'"):
        train_series(SeriesRegressor(**QUICK), towns(40), test={"town": ["a"], "day": ["1"]})


# Rivals


def test_persistence_and_linear_regression_stand_beside(outcome: Outcome) -> None:
    assert outcome.baseline_name == "linear regression on the last values"
    ((name, persistence),) = outcome.rivals
    test = towns()
    loads = np.array(test["load"], float).reshape(2, 120)
    assert name == "persistence"
    missed = np.abs(np.diff(loads)[:, 95:]).mean()
    assert persistence[1].score == pytest.approx(missed)
    assert outcome.lead > 0
    assert re.fullmatch(
        r"lstm: MAE \d\.\d{4} on 48 test rows, ahead of linear regression on the last values:"
        r" \d\.\d{4}; persistence: \d\.\d{4}\.",
        outcome.verdict,
    )


def test_the_linear_rival_finds_the_line_and_the_verdict_says_so() -> None:
    model = SeriesRegressor(series="load", order="day", past=(2, 3), epochs=1, hidden=2)
    found = train_series(model, lines())
    assert found.baseline[-1].score < 0.02 < found.rivals[0][1][-1].score
    assert found.lead < 0
    assert (
        "but the simple baseline wins (linear regression on the last values: 0.0" in found.verdict
    )
    assert '<p class="verdict bad">' in render(found)


def test_the_linear_rival_has_one_line_for_each_length_and_knows_no_held_out_row() -> None:
    table = lines(150)
    model = SeriesRegressor(series="load", order="day", past=(1, 3), epochs=1).fit(table)
    rival = LinearRival(model.past_of(table), model)
    start = model.past_of(take(table, range(4)))
    values = np.array(table["load"])
    assert start.windows.lengths.tolist() == [1, 2, 3]
    learned = np.arange(1, 135)
    slope, level = np.polyfit(values[learned - 1], values[learned], 1)
    assert rival.values_of(start)[0] == pytest.approx(level + slope * values[0])
    assert rival.values_of(start)[1] == pytest.approx(1.6 * values[1] - 0.9 * values[0], abs=0.02)
    table["load"][135:] = [1e6] * 15
    again = LinearRival(model.past_of(table), model)
    assert np.array_equal(again.values_of(start), rival.values_of(start))


# Less is better


def test_of_errors_less_is_better() -> None:
    assert merit("MAE", 2.0) < merit("MAE", 1.0) and merit("R2", 2.0) > merit("R2", 1.0)
    epochs = [Epoch(n + 1, 1.0, score, 1.0, 0.1, None, 0.0) for n, score in enumerate([3.0, 2.0])]
    for measure, better in (("MAE", True), ("accuracy", False)):
        assert _better(epochs[1], History(measure, epochs[:1], best=1)) is better
    worst = replace(epochs[1], score=math.nan)
    assert not _better(worst, History("MAE", epochs[:1], best=1))


def test_scores_of_numbers_lead_with_the_one_that_decides() -> None:
    truth, near, far = np.arange(4.0), np.arange(4.0) + 0.25, np.arange(4.0) + 1
    own, other = (evaluate_numbers("test", [""] * 4, truth, p, main="MAE") for p in (near, far))
    assert own.measure == "MAE" and own.score == 0.25 and own.merit > other.merit
    outcome = Outcome("lstm", "x", (other,), (own,), "linear", rivals=(("last", (other,)),))
    assert outcome.beside == [("linear", own), ("last", other)] and outcome.lead == -0.75
    swapped = replace(outcome, baseline=(other,), rivals=(("last", (own,)),))
    assert [name for name, _ in swapped.beside] == ["last", "linear"] and swapped.lead == -0.75
    single = evaluate_numbers("test", [""], truth[:1], near[:1])
    assert math.isnan(single.scores["R2"]) and single.scores["MAE"] == 0.25


# The report


def test_the_report_shows_rivals_and_groups(outcome: Outcome) -> None:
    page = re.sub(r"<style>.*?</style>|<script.*?</script>|<svg.*?</svg>", "", render(outcome),
                  flags=re.DOTALL)  # fmt: skip
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    own, rival = outcome.evaluations[-1], outcome.baseline[-1]
    last = outcome.rivals[0][1][-1]
    assert f"MAE {own.score:.4f} {rival.score:.4f}" in words and "By town" in words
    for group, first, second in zip(own.groups, rival.groups, last.groups, strict=True):
        shown = [f"{found.scores['MAE']:.4f}" for found in (group, first, second)]
        assert f"{group.name} 24 {' '.join(shown)}" in words
    assert f"▲ network {last.score:.4f}" in words
    assert "By town" in render_evaluation(own, "m on t", {})
    assert "By town" not in render(replace(outcome, evaluations=(replace(own, groups=()),)))


def test_the_linear_rival_makes_do_with_the_rows_there_are() -> None:
    """Windows that are longer than the past of any row it learned from are cut."""
    model = SeriesRegressor(**QUICK | {"past": (2, 30)})
    found = train_series(model, towns(40), test_share=0.5)
    rival = LinearRival(model.past_of(take(towns(40), [*range(20), *range(40, 60)])), model)
    assert 2 <= rival.longest < 30
    assert found.baseline_name == rival.name and np.isfinite(found.baseline[-1].scores["MAE"])


def test_where_no_row_is_left_the_linear_rival_is_left_out(monkeypatch: Any) -> None:
    monkeypatch.setattr("lexon.tasks.series_job.LinearRival", _NoRows)
    found = train_series(SeriesRegressor(**QUICK), towns(40))
    assert not found.baseline and found.rivals[0][0] == "persistence"
    assert "no linear regression beside the network" in found.notes[-1]


class _NoRows(LinearRival):
    def __init__(self, *given: Any) -> None:
        self.longest = 0
