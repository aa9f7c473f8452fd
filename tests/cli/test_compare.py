"""``lexon compare`` and ``lexon tune`` as a user meets them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from lexon.cli.tune import train_command
from lexon.errors import NonFiniteError
from lexon.tasks.tune import Search
from lexon.train.loop import Training
from tests.cli.commands import lexon, reviews, write

TINY = ("--dimension", "4", "--filters", "3", "--hidden", "4", "--epochs", "2")


def interrupt(*given: Any) -> None:
    raise KeyboardInterrupt


RUN = ("compare", "reviews.csv", "--models", "baseline,linear,mlp", "--cv", "3", *TINY)


def test_a_table_and_a_page(data: Path) -> None:
    answer = lexon(*RUN, "--report", "comparison.html")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].split()[:4] == ["model", "cells", "accuracy", "spread"]
    assert sorted(line.split()[0] for line in lines[1:4]) == ["baseline", "linear", "mlp"]
    assert lines[1].rstrip().endswith("best") and "p = " in lines[2]
    assert "paired randomisation test" in lines[-2]
    assert "the baseline learns from all training rows" in answer.out
    page = Path("comparison.html").read_text()
    assert "is best: accuracy" in page and page.count("<tr>") == 4 + 7
    assert "; the baseline learns from all training rows" in page
    for fact, value in (
        ("rows", "60"),
        ("labels", "2"),
        ("splits", "fold 1 to fold 3; in the first 40 rows train, 20 are tested"),
        ("seeds", "1"),
        ("settings", "epochs 2, filters 3, dimension 4, hidden 4"),
    ):
        assert f'<th scope="row">{fact}</th><td>{value}</td>' in page
    assert re.search('<th scope="row">data</th><td>[0-9a-f]{16}</td>', page)
    assert "Run it again" in page
    assert "report: comparison.html" in answer.err.splitlines()
    assert "cells left: 0" in answer.err and not Path("comparison.html.cells").exists()


def test_settings_of_other_networks_are_told(data: Path) -> None:
    Path("v.txt").write_text("good 1 2 3\nbad 3 2 1\n")
    given = ("--vectors", "v.txt", "--epochs", "1")
    answers = (
        lexon("compare", "reviews.csv", "--models", "baseline,linear,mlp", *given),
        lexon("tune", "reviews.csv", "--models", "linear,mlp", *given[:2], "--time", "0.001s"),
    )
    for answer in answers:
        assert answer.code == 0, answer.err
        assert "no use in model linear: --vectors" in answer.err
        assert "no use in model mlp" not in answer.err


def test_networks_that_diverge_stand_last(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(training: Any) -> None:
        raise NonFiniteError("far <out>\n  lower it")

    monkeypatch.setattr("lexon.tasks.common.run_training", diverge)
    answer = lexon(*RUN, "--report", "comparison.html")
    assert answer.code == 0 and "linear, fold 1, seed 1: failed: far <out>" in answer.err
    lines = answer.out.splitlines()
    assert lines[1].split()[0] == "baseline" and lines[1].rstrip().endswith("best")
    assert lines[2].split()[:3] == ["linear", "0", "–"]
    assert "failed: fold 1, seed 1: far <out>" in lines[2]
    page = Path("comparison.html").read_text()
    assert "baseline is best" in page and "failed: fold 1, seed 1: far &lt;out&gt;" in page
    table = json.loads(lexon(*RUN, "--json", "--quiet").out)["table"]
    assert [one["mean"] is None for one in table] == [False, True, True]
    answer = lexon(*RUN[:3], "linear", *RUN[4:], "--report", "comparison.html")
    assert answer.code == 2 and "no model could be trained" in answer.err
    assert "No model could be trained" in Path("comparison.html").read_text()


def test_rare_labels_and_several(data: Path) -> None:
    rare = [(text, "rare" if row == 7 else label) for row, (text, label) in enumerate(reviews())]
    several = [(text, f"{label}; x{row}" if row % 9 == 0 else label)
               for row, (text, label) in enumerate(reviews())]  # fmt: skip
    for rows, more, measure in (
        (rare, (), "accuracy"),
        (several, ("--separator", ";"), "F1 of rows"),
    ):
        write(Path("rare.csv"), rows)
        answer = lexon("compare", "rare.csv", *RUN[2:], *more, "--json", "--quiet")
        assert answer.code == 0, answer.err
        table = json.loads(answer.out)["table"]
        assert [one["measure"] for one in table] == [measure] * 3
        assert all(one["mean"] < 1 for one in table)


def test_the_table_as_json(data: Path) -> None:
    table = json.loads(lexon(*RUN, "--quiet", "--json").out)["table"]
    assert [len(one["scores"]) for one in table] == [3, 3, 3]
    assert table[0]["chance"] is None and table[0]["mean"] >= table[1]["mean"]


def test_a_file_to_test_on(data: Path) -> None:
    write(Path("test.csv"), reviews(30, seed=9))
    answer = lexon(*RUN[:4], "--test", "test.csv", *TINY, "--seeds", "2", "--json", "--quiet")
    found = {one["model"]: len(one["scores"]) for one in json.loads(answer.out)["table"]}
    assert found == {"baseline": 1, "linear": 2, "mlp": 2}


def test_a_comparison_cut_short_goes_on(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = json.loads(lexon(*RUN, "--json", "--quiet").out)["table"]
    step = Training._step

    def stopping(self: Training, rows: Any) -> None:
        if type(self.network).__name__ == "MeanText" and self.epoch == 2:
            raise KeyboardInterrupt
        step(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "_step", stopping)
        answer = lexon(*RUN)
    assert answer.code == 130 and "reviews.csv.compare.cells is kept" in answer.err
    kept = json.loads(Path("reviews.csv.compare.cells").read_text())["cells"]
    assert list(kept) == ["baseline, fold 1, seed 1", "linear, fold 1, seed 1"]
    again = lexon(*RUN[:3], "baseline,mlp", *RUN[4:], "--json", "--resume")
    assert "1 of 6 cells are done in an earlier run" in again.err
    assert "baseline, fold 2, seed 1" in again.err and "; cells left: 0" in again.err
    table = json.loads(again.out)["table"]
    scores = {one["model"]: one["scores"] for one in whole}
    assert {one["model"]: one["scores"] for one in table} == {
        model: scores[model] for model in ("baseline", "mlp")
    }
    assert not Path("reviews.csv.compare.cells").exists()


def test_cells_of_other_data_are_refused(data: Path) -> None:
    Path("reviews.csv.compare.cells").write_text('{"identity": "x", "cells": {}}')
    answer = lexon(*RUN, "--resume")
    assert answer.code == 2 and "other data or other settings" in answer.err
    Path("reviews.csv.compare.cells").write_text("{")
    answer = lexon(*RUN, "--resume")
    assert answer.code == 2 and "damaged" in answer.err


@pytest.mark.parametrize("command", [RUN, ("tune", "reviews.csv", "--time", "1s")])
def test_damaged_results_and_no_place_for_them(
    data: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Training, "run", interrupt)
    place = Path("reviews.csv.compare.cells" if command == RUN else "reviews.csv.tune")
    place.write_text('{"identity": "own", "cells": [{"strange": 1}]}')
    with monkeypatch.context() as patch:
        patch.setattr("lexon.tasks.job.identity", lambda *given: "own")
        answer = lexon(*command, "--resume")
    assert answer.code == 2 and f"{place}: damaged" in answer.err
    place.unlink()
    place.mkdir()
    answer = lexon(*command)
    assert answer.code == 2 and f"'{place}': this is a folder" in answer.err


FAULTS = [
    (("--models", "linear,cnm"), "'cnm'"),
    (("--cv", "100"), "100 folds of 60 rows"),
    (("--cv", "3", "--test", "reviews.csv"), "--cv does not go with --test"),
    (("--model", "cnn"), "--models"),
]


@pytest.mark.parametrize(("options", "message"), FAULTS)
def test_what_cannot_be_compared(data: Path, options: tuple[str, ...], message: str) -> None:
    answer = lexon("compare", "reviews.csv", *options)
    assert answer.code == 2 and message in answer.err and "Traceback" not in answer.err


def test_the_winner_is_trained_by_the_command_that_is_told(data: Path) -> None:
    found = lexon("tune", "reviews.csv", "--models", "mlp,linear", "--time", "0.1s", *TINY[:-2])
    assert found.code == 0
    promised = found.err.rstrip().splitlines()[-1].split(": ")[1].split()[0]
    command = shlex.split(found.out)
    assert command[:3] == ["lexon", "train", "reviews.csv"] and command[-1] == "reviews.lexon"
    answer = lexon(*command[1:], "--no-baseline")
    assert answer.code == 0 and f"accuracy {promised} on 6 held-out rows" in answer.out
    assert not Path("reviews.csv.tune").exists()


def test_a_search_cut_short_goes_on(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ("tune", "reviews.csv", "--models", "cnn", "--windows", "1,2", *TINY[:-2])
    score, step, tried, epochs = Search._score, Training._step, [0], [0]

    def counted(self: Search, settings: Any) -> float:
        tried[0] += 1
        return score(self, settings)

    def stopping(self: Training, rows: Any) -> None:
        epochs[0] += self.done == 0
        if epochs[0] == 6:  # the second epoch of the third trial
            raise KeyboardInterrupt
        step(self, rows)

    monkeypatch.setattr(Search, "_score", counted)
    with monkeypatch.context() as patch:
        patch.setattr(Training, "_step", stopping)
        answer = lexon(*run, "--time", "1h")
    assert answer.code == 130 and "best of 2 trials" in answer.err and tried == [3]
    assert "reviews.csv.tune is kept" in answer.err and "--windows 1,2" in answer.out
    kept = Path("reviews.csv.tune").read_bytes()
    assert len(json.loads(kept)["cells"]) == 2
    tried[0] = 0
    with monkeypatch.context() as patch:
        patch.setattr(Training, "run", interrupt)
        answer = lexon(*run, "--time", "1h", "--resume")
    assert answer.code == 130 and tried == [1] and Path("reviews.csv.tune").read_bytes() == kept
    answer = lexon(*run, "--time", "0.001s", "--resume")
    assert answer.code == 0 and "2 trials are done in an earlier run" in answer.err
    assert tried == [1] and "best of 2 trials" in answer.err
    assert not Path("reviews.csv.tune").exists()
    with monkeypatch.context() as patch:
        patch.setattr(Training, "run", interrupt)
        answer = lexon(*run)
    assert answer.code == 130 and not answer.out and not Path("reviews.csv.tune").exists()


def test_where_all_trials_diverge(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverged(search: Search, settings: Any) -> float:
        sleep(0.001)
        return float("-inf")

    monkeypatch.setattr(Search, "_score", diverged)
    answer = lexon("tune", "reviews.csv", "--time", "0.001s")
    assert answer.code == 2 and "stayed among finite numbers" in answer.err and not answer.out


def test_epochs_are_the_searchs_own(data: Path) -> None:
    answer = lexon("tune", "reviews.csv", "--epochs", "3")
    assert answer.code == 2 and "No such option '--epochs'" in answer.err


def test_rows_that_are_dropped_are_told(data: Path) -> None:
    write(Path("gaps.csv"), [*reviews(), ("a film", "")])
    for command in (("tune", "gaps.csv", "--time", "0.001s"), ("compare", "gaps.csv", *RUN[2:])):
        answer = lexon(*command)
        assert answer.code == 0 and "1 row of 61 without a label" in answer.err


@pytest.mark.parametrize(
    ("file", "header", "words"),
    [
        ("a/.data.csv", None, "-o .data.lexon"),
        ("reviews.csv.gz", True, "--header --model cnn -o reviews.lexon"),
        ("reviews.v2.csv", False, "--no-header --model cnn -o reviews.v2.lexon"),
        ("reviews", None, "-o reviews.lexon"),
        ("-", None, "-o model.lexon"),
    ],
)
def test_the_command_that_is_told(file: str, header: bool | None, words: str) -> None:
    names = ("text", "label", "valid", "format", "encoding", "delimiter", "separator")
    told = train_command(file, dict.fromkeys(names) | {"header": header}, {"model": "cnn"})
    assert told.startswith(f"lexon train {file} ") and told.endswith(words)
    assert header is not None or "header" not in told


@pytest.mark.parametrize("time", ["soon", "-3", "0"])
def test_times_that_are_none(data: Path, time: str) -> None:
    answer = lexon("tune", "reviews.csv", "--time", time)
    assert answer.code == 2 and ("no time such as" in answer.err or "more than none" in answer.err)
