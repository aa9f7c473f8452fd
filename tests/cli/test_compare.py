"""``lexon compare`` and ``lexon tune`` as a user meets them."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from lexon.tasks.compare import Comparison
from lexon.tasks.tune import Search
from tests.cli.commands import lexon, reviews, write

TINY = ("--dimension", "4", "--filters", "3", "--hidden", "4", "--epochs", "2")
RUN = ("compare", "reviews.csv", "--models", "baseline,linear,mlp", "--cv", "3", *TINY)


def test_a_table_and_a_page(data: Path) -> None:
    answer = lexon(*RUN, "--report", "comparison.html")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].split()[:4] == ["model", "cells", "accuracy", "spread"]
    assert sorted(line.split()[0] for line in lines[1:4]) == ["baseline", "linear", "mlp"]
    assert lines[1].rstrip().endswith("best") and "p = " in lines[2]
    assert "paired randomisation test" in lines[-1]
    page = Path("comparison.html").read_text()
    assert "is best: accuracy" in page and page.count("<tr>") == 4
    assert "0 cells left" in answer.err and not Path("comparison.html.cells").exists()


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
    train, number = Comparison._train, [0]

    def stopping(self: Comparison, *cell: Any) -> Any:
        number[0] += 1
        if number[0] == 5:
            raise KeyboardInterrupt
        return train(self, *cell)

    with monkeypatch.context() as patch:
        patch.setattr(Comparison, "_train", stopping)
        answer = lexon(*RUN)
    assert answer.code == 130 and "reviews.csv.compare.cells is kept" in answer.err
    again = lexon(*RUN, "--json", "--resume")
    assert "4 cells of an earlier run are done" in again.err
    table = json.loads(again.out)["table"]
    assert [one["scores"] for one in table] == [one["scores"] for one in whole]
    assert not Path("reviews.csv.compare.cells").exists()


def test_cells_of_other_data_are_refused(data: Path) -> None:
    Path("reviews.csv.compare.cells").write_text('{"identity": "x", "cells": {}}')
    answer = lexon(*RUN, "--resume")
    assert answer.code == 2 and "other data or other settings" in answer.err
    Path("reviews.csv.compare.cells").write_text("{")
    answer = lexon(*RUN, "--resume")
    assert answer.code == 2 and "damaged" in answer.err


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
    run = ("tune", "reviews.csv", "--models", "linear", "--time", "0.5s")
    score, number = Search._score, [0]

    def stopping(self: Search, settings: Any) -> float:
        number[0] += 1
        if number[0] == 3:
            raise KeyboardInterrupt
        return score(self, settings)

    with monkeypatch.context() as patch:
        patch.setattr(Search, "_score", stopping)
        answer = lexon(*run)
    assert answer.code == 0 and "best of 2 trials" in answer.err
    assert len(json.loads(Path("reviews.csv.tune").read_text())["cells"]) == 2
    answer = lexon(*run, "--resume")
    assert answer.code == 0 and not Path("reviews.csv.tune").exists()


@pytest.mark.parametrize("time", ["soon", "-3", "0"])
def test_times_that_are_none(data: Path, time: str) -> None:
    answer = lexon("tune", "reviews.csv", "--time", time)
    assert answer.code == 2 and ("no time such as" in answer.err or "more than none" in answer.err)
