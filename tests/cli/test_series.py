"""``lexon train --series``, and ``predict`` and ``evaluate`` with the models it makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lexon.tasks import SeriesRegressor, load
from lexon.train.loop import Training
from tests.cli.commands import Answer, lexon, write
from tests.tasks.test_series import Cells, towns

RUN = ("train", "t.csv", "--series", "load", "--by", "town", "--order", "day", "--past", "2..4",
       "--hidden", "6", "--epochs", "3", "-o", "m.lexon")  # fmt: skip


def save(name: str, table: Cells) -> None:
    write(Path(name), zip(*table.values(), strict=True), tuple(table))


@pytest.fixture(autouse=True)
def files(elsewhere: None) -> None:
    save("t.csv", towns(60))


@pytest.fixture
def trained(files: None) -> Path:
    assert lexon(*RUN, "--quiet", "--no-baseline").code == 0
    return Path("m.lexon")


def test_a_forecaster_from_a_file_to_its_report() -> None:
    answer = lexon(*RUN, "--report", "r.html")
    assert answer.code == 0, answer.err
    assert answer.out.startswith("lstm: MAE ") and "on 24 test rows" in answer.out
    assert "linear regression on the last values: " in answer.out and "persistence: " in answer.out
    assert "t.csv: CSV, comma, header, UTF-8, 120 rows" in answer.err
    assert "held-out MAE" in answer.err and "windows/s" in answer.err
    assert "By town" in Path("r.html").read_text("utf-8")
    model = load("m.lexon")
    assert isinstance(model, SeriesRegressor) and model.past == (2, 4)
    assert not Path("m.lexon.checkpoint").exists()


def test_the_parts_can_be_named() -> None:
    def rows(*options: str) -> list[int]:
        answer = lexon(*RUN, "--quiet", "--json", *options)
        assert answer.code == 0, answer.err
        return [part["rows"] for part in json.loads(answer.out)["network"]]

    save("later.csv", towns(12, seed=4))
    assert rows() == [10, 24]
    assert rows("--test-from", "2020-02-20") == [10, 20]
    assert rows("--test-share", "0.1", "--hold-out", "0.2") == [22, 12]
    assert rows("--test", "later.csv") == [12, 20]
    assert rows("--test-share", "0") == [12]


def test_what_comes_next_is_one_line_a_group(trained: Path) -> None:
    save("new.csv", towns(5, ("north", "south"), seed=9))
    answer = lexon("predict", trained, "new.csv")
    model = load(trained)
    expected = model.forecast(towns(5, ("north", "south"), seed=9))
    assert answer == Answer(
        0, "".join(f"{f.group}  after 2020-01-05: {f.value:g}\n" for f in expected), ""
    )
    said = [
        json.loads(line) for line in lexon("predict", trained, "new.csv", "--json").out.splitlines()
    ]
    assert said[1] == {"town": "south", "after": "2020-01-05", "rows": 4,
                       "prediction": expected[1].value}  # fmt: skip
    piped = lexon("predict", trained, "-", "--format", "csv", stdin=Path("new.csv").read_bytes())
    assert piped.out == answer.out


def test_groups_too_short_are_told(trained: Path) -> None:
    table = towns(5, ("north",))
    save("new.csv", {k: [*v, v[0]] for k, v in table.items()} | {"town": ["north"] * 5 + ["east"]})
    answer = lexon("predict", trained, "new.csv")
    assert answer.code == 0 and answer.out.startswith("north  after")
    assert answer.err == "east: fewer than 2 rows on end at the end: no forecast\n"
    save("one.csv", towns(1))
    answer = lexon("predict", trained, "one.csv")
    assert (answer.code, answer.out) == (2, "")
    assert "one.csv: nothing to forecast from\n  give 2 rows or more" in answer.err


def test_scores_of_a_file(trained: Path) -> None:
    save("later.csv", towns(12, seed=4))
    answer = lexon("evaluate", trained, "later.csv", "--report", "r.html")
    found = load(trained).evaluate(towns(12, seed=4))
    assert answer.code == 0 and answer.out.startswith(
        f"later.csv: 20 rows  MAE {found.score:.4f}  R2 "
    )
    for group in found.groups:
        shown = f"{group.scores['MAE']:.4f}  {group.scores['RMSE']:.4f}    10"
        assert " ".join([group.name, *shown.split()]) in " ".join(answer.out.split())
    assert "By town" in Path("r.html").read_text("utf-8")
    summary = json.loads(lexon("evaluate", trained, "later.csv", "--json").out)
    assert summary["by"] == "town" and summary["groups"][0]["rows"] == 10


# Going on


class Stop:
    """Interrupts training at its step number ``at``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, what: type[BaseException]) -> None:
        self.steps, step = 0, Training._step

        def stopping(training: Training, indices: Any) -> None:
            self.steps += 1
            if self.steps == at:
                raise what
            step(training, indices)

        monkeypatch.setattr(Training, "_step", stopping)


def test_a_run_cut_short_is_resumed_to_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    run = (*RUN, "--batch-size", "16", "--dropout", "0.1", "--checkpoint-every", "0")
    assert lexon(*run).code == 0
    expected = Path("m.lexon").read_bytes()
    Path("m.lexon").unlink()
    with monkeypatch.context() as context:
        Stop(context, 25, MemoryError)
        assert lexon(*run).code == 2
    assert Path("m.lexon.checkpoint").exists() and not Path("m.lexon").exists()
    other = lexon(*run, "--resume", "--past", "2..3")
    assert other.code == 2 and "other data or other settings" in other.err
    with monkeypatch.context() as context:
        counter = Stop(context, -1, MemoryError)
        answer = lexon(*run, "--resume", "--threads", "2")
    assert answer.code == 0 and "resumed from m.lexon.checkpoint, epoch 2" in answer.err
    assert counter.steps == 3 * -(-2 * (41 + 40 + 39) // 16) - 24
    assert Path("m.lexon").read_bytes() == expected


def test_a_checkpoint_of_other_rows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as context:
        Stop(context, 7, MemoryError)
        lexon(*RUN, "--checkpoint-every", "0")
    table = towns(60)
    table["wind"][3] = "0.5"
    save("t.csv", table)
    answer = lexon(*RUN, "--resume")
    assert answer.code == 2 and "other data or other settings" in answer.err


def test_an_interrupt_keeps_the_best_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as context:
        Stop(context, 12, KeyboardInterrupt)
        answer = lexon(*RUN, "--batch-size", "32")
    assert answer.code == 130 and "m.lexon holds epoch 1, the best of 1" in answer.err
    assert "persistence" not in answer.out
    assert load("m.lexon").history_.stopped == "interrupted"


# What cannot be used


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--past", "0"), "past is 0\n  give a whole number, 1 or more"),
        (("--past", "7..5"), "past is 7..5\n  give the smaller number first"),
        (("--past", "5.."), "'5..' is neither 7 nor a range such as 5..7"),
        (("--past", "a week"), "'a week' is neither 7 nor a range such as 5..7"),
        (("--leave-out", "town,sky"), "leave_out is ('town', 'sky')"),
        (("--leave-out", "skies"), "leave_out: there is no column 'skies'"),
        (("--past", "50"), "nowhere are there 50 rows of 'load' before another"),
        (("--hidden", "0"), "hidden is 0"),
        (("--model", "cnn"), "no model 'cnn' for series\n  give one of rnn, gru, lstm"),
        (("--series", "laod"), "series: there is no column 'laod'"),
        (("--by", "wind"), "at most 2 rows of one wind on end"),
        (("--order", "sky"), "is neither a number nor a date"),
        (("--pool", "max"), "--pool is no setting of this job"),
        (("--target", "load"), "--target does not go with --series"),
        (("--text", "sky"), "--text does not go with --series"),
        (("--label", "sky"), "--label does not go with --series"),
        (("--valid", "t.csv"), "--valid does not go with --series"),
        (("--test", "t.csv", "--test-share", "0.3"), "--test-share does not go with --test"),
        (("--test-share", "0.3", "--test-from", "2020-02-02"), "does not go with --test-from"),
        (("--test", "t.csv", "--test-from", "2020-02-02"), "--test-from does not go with --test"),
        (("--test-from", "2040-01-01"), "2040-01-01: no rows to forecast"),
        (("--format", "lines"), "series: there is no column 'load'"),
    ],
)
def test_options_that_make_no_sense(options: tuple[str, ...], said: str) -> None:
    answer = lexon(*RUN, *options)
    assert (answer.code, answer.out) == (2, "") and said in answer.err, answer.err
    assert "Traceback" not in answer.err and not Path("m.lexon").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--past", "5..7"), "--past is no setting of this job"),
        (("--target", "load", "--by", "town"), "--by is no setting of this job"),
        (("--target", "load", "--test-from", "3"), "--test-from is of a job on series"),
        (("--test-share", "0.2"), "--test-share is of a job on series"),
    ],
)
def test_options_of_series_alone(options: tuple[str, ...], said: str) -> None:
    answer = lexon("train", "t.csv", *options, "-o", "m.lexon")
    assert answer.code == 2 and said in answer.err, answer.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("predict", "m.lexon", "t.csv", "--proba"), "--proba: this model reads series"),
        (("predict", "m.lexon", "t.csv", "--text", "sky"), "--text: this model reads series"),
        (("predict", "m.lexon", "t.csv", "t.csv"), "give one file of rows"),
        (("predict", "m.lexon", "bad.csv"), "column 'load', row 2: 'x' is no number"),
        (("evaluate", "m.lexon", "bad.csv"), "column 'load', row 2: 'x' is no number"),
        (("evaluate", "m.lexon", "t.csv", "--target", "wind"), "--target: this model forecasts"),
    ],
)
def test_uses_that_make_no_sense(trained: Path, arguments: Any, said: str) -> None:
    table = towns(9)
    table["load"][1] = "x"
    save("bad.csv", table)
    answer = lexon(*arguments)
    assert (answer.code, answer.out) == (2, "") and said in answer.err, answer.err
