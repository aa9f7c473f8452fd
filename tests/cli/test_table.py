"""``lexon train --target`` and ``lexon evaluate``: targets with blanks, checkpoints, options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lexon.tasks import TabularClassifier, TabularRegressor, load
from lexon.tasks.table_job import Rows, _keys
from tests.cli.commands import TINY, lexon, write

HEAD = ("size", "garden", "price")
QUICK = ("--epochs", "2", "--hidden", "4", "--no-baseline")


def homes(**changed: str) -> list[tuple[str, ...]]:
    """A hundred rows; ``row3="?"`` changes the target of row 3."""
    rows: list[tuple[str, ...]] = [
        (str(n % 7), ("yes", "no")[n % 2], str(3 * (n % 7) + n % 2)) for n in range(100)
    ]
    for row, cell in changed.items():
        place = int(row.removeprefix("row"))
        rows[place] = (*rows[place][:2], cell)
    return rows


def test_blanks_among_numbers_of_the_target_are_left_out_and_said() -> None:
    write(Path("h.csv"), homes(row3="NA", row5="?", row7="  ", row9=""), HEAD)
    answer = lexon("train", "h.csv", "--target", "price", *QUICK, "--baseline", "-o", "m.lexon")
    assert answer.code == 0 and "4 rows without 'price', left out" in answer.err, answer.err
    assert "price: numbers, a regression" in answer.err
    assert isinstance(load("m.lexon"), TabularRegressor)
    scored = lexon("evaluate", "m.lexon", "h.csv")
    assert scored.code == 0 and "h.csv: 96 rows" in scored.out
    assert "4 rows without 'price', left out" in scored.err


@pytest.mark.parametrize("cell", ["many", "1_000"])
def test_a_word_among_numbers_makes_classes_of_them(cell: str) -> None:
    write(Path("h.csv"), homes(row3=cell, row5="NA", row6="NA", row7=" "), HEAD)
    answer = lexon("train", "h.csv", "--target", "price", *QUICK, "-o", "m.lexon")
    assert answer.code == 0 and "1 rows without 'price'" in answer.err, answer.err
    model = load("m.lexon")
    assert isinstance(model, TabularClassifier) and {cell, "NA"} <= set(model.classes_)


def test_a_target_of_blanks_only_is_refused() -> None:
    write(Path("h.csv"), [(size, garden, " ") for size, garden, _ in homes()], HEAD)
    answer = lexon("train", "h.csv", "--target", "price", *QUICK, "-o", "m.lexon")
    assert answer.code == 2 and "column 'price' is blank in every row" in answer.err


def test_a_checkpoint_of_other_columns_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*arguments: Any) -> None:
        raise RuntimeError

    write(Path("h.csv"), homes(), HEAD)
    write(Path("renamed.csv"), homes(), ("width", "garden", "price"))
    write(Path("other.csv"), homes(), ("size", "garden", "rent"))
    run = ("--target", "price", *QUICK, "-o", "m.lexon")
    with monkeypatch.context() as context:
        context.setattr("lexon.tasks.table_model.TableModel.evaluate", stop, raising=False)
        context.setattr("lexon.tasks.tabular.TabularRegressor.evaluate", stop)
        with pytest.raises(RuntimeError):
            lexon("train", "h.csv", *run)
    assert Path("m.lexon.checkpoint").exists()
    answer = lexon("train", "renamed.csv", *run, "--resume")
    assert answer.code == 2 and "m.lexon.checkpoint" in answer.err
    answer = lexon("train", "other.csv", "--target", "rent", *run[2:], "--resume")
    assert answer.code == 2 and "m.lexon.checkpoint" in answer.err
    assert lexon("train", "h.csv", *run, "--resume").code == 0


def test_a_checkpoint_of_another_kind_of_job_is_another() -> None:
    parts = (Rows("training", {"size": ["1", "2"]}, ["3", "4"]), None)
    kinds = ("TabularRegressor", "TabularClassifier")
    regression, classes = (_keys(kind, "price", parts) for kind in kinds)
    assert regression == _keys("TabularRegressor", "price", parts) != classes


def test_truth_values_are_classes() -> None:
    lines = [{"size": n % 7, "sold": n % 7 > 3} for n in range(120)]
    Path("h.jsonl").write_text("\n".join(map(json.dumps, lines)))
    run = ("--target", "sold", "--baseline", "-o", "m.lexon")
    answer = lexon("train", "h.jsonl", *QUICK, *run)
    assert answer.code == 0 and "sold: classes" in answer.err, answer.err
    assert load("m.lexon").classes_.tolist() == [False, True]


def test_the_column_to_score_is_named_as_in_training(prices: Path, trained: Path) -> None:
    write(Path("h.csv"), homes(), ("size", "garden", "cost"))
    said = {option: lexon("evaluate", prices, "h.csv", option, "cost")
            for option in ("--target", "--label")}  # fmt: skip
    assert said["--target"].code == 0 and said["--target"] == said["--label"]
    both = lexon("evaluate", prices, "h.csv", "--label", "cost", "--target", "cost")
    assert both.code == 2 and "--label does not go with --target" in both.err
    text = lexon("evaluate", prices, "h.csv", "--text", "size")
    assert text.code == 2 and "--text: this model reads attributes" in text.err
    answer = lexon("evaluate", trained, "h.csv", "--target", "cost")
    assert answer.code == 2 and "name their labels: --label" in answer.err


def test_options_of_no_use_are_said(data: Path) -> None:
    answer = lexon("train", data, "--model", "linear", *TINY, "-o", "m.lexon")
    assert "no use in model linear: --windows, --filters, --dimension, --hidden\n" in answer.err
    answer = lexon("train", data, "--model", "cnn", *TINY, "-o", "m.lexon")
    assert "no use in model cnn: --hidden\n" in answer.err
    write(Path("h.csv"), homes(), HEAD)
    answer = lexon("train", "h.csv", "--target", "price", *QUICK, "--model", "linear",
                   "-o", "m.lexon")  # fmt: skip
    assert answer.code == 0 and "no use in model linear: --hidden\n" in answer.err
    answer = lexon("train", "h.csv", "--target", "price", *QUICK, "-o", "m.lexon")
    assert answer.code == 0 and "no use" not in answer.err


def test_two_texts_are_enough_to_train() -> None:
    write(Path("r.csv"), [("good film", "pos"), ("bad film", "neg")])
    answer = lexon("train", "r.csv", *TINY, "-o", "m.lexon")
    assert answer.code == 0 and "2 rows are too few to hold out a part" in answer.err
    assert "evaluated on nothing" in answer.out
