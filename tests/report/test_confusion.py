"""The confusion section: right counts, the right sentences behind them, and no more than fit."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from lexon.report import confusion, render_evaluation
from lexon.tasks.evaluation import Evaluation
from tests.report import samples
from tests.report.test_page import sentences

LABELS = tuple(f"class {n}" for n in range(5))


def test_cells_hold_the_counts_and_the_shares_of_the_truth() -> None:
    part = samples.classified(LABELS, 300)
    found = confusion.confusion(part)
    assert found is not None and part.confusion is not None
    counts = np.array([[cell.count for cell in row] for row in found.matrix])
    assert (counts == part.confusion).all()
    assert found.totals == tuple(part.confusion.sum(axis=1))
    assert found.matrix[1][3].share == pytest.approx(part.confusion[1, 3] / part.confusion[1].sum())


def test_the_page_s_buttons_carry_the_counts_of_their_sentences() -> None:
    part = samples.classified(LABELS, 150)
    page = render_evaluation(part, "cnn")
    kept = sentences(page)
    buttons = re.findall(r'data-cell="(\d+)-(\d+)" data-count="(\d+)"', page)
    assert part.confusion is not None and len(buttons) == np.count_nonzero(part.confusion)
    for truth, predicted, count in buttons:
        assert int(count) == part.confusion[int(truth), int(predicted)]
        rows = kept[f"{truth}-{predicted}"]
        assert len(rows) == min(int(count), confusion.PER_CELL)
        for row, text, _ in rows:
            assert isinstance(row, int)
            example = part.examples[row]
            assert example.text == text
            assert example.truth == LABELS[int(truth)]
            assert example.predicted == LABELS[int(predicted)]


def test_the_surest_sentences_are_kept_where_there_are_too_many() -> None:
    part = samples.classified(("a", "b"), 400, skill=0.0)
    found = confusion.confusion(part)
    assert found is not None
    group = [e for e in part.examples if e.truth == "a" and e.predicted == "b"]
    assert len(group) > confusion.PER_CELL
    kept = found.sentences["0-1"]
    group.sort(key=lambda example: -example.confidence)
    assert [row for row, _, _ in kept] == [e.row for e in group[: confusion.PER_CELL]]


def test_errors_are_kept_before_what_was_right(monkeypatch: pytest.MonkeyPatch) -> None:
    part = samples.classified(("a", "b"), 60, skill=1.0)
    assert part.confusion is not None
    wrong = int(part.confusion[0, 1] + part.confusion[1, 0])
    monkeypatch.setattr(confusion, "IN_ALL", wrong + 2)
    found = confusion.confusion(part)
    assert found is not None
    assert sum(map(len, found.sentences.values())) == wrong + 2
    assert len(found.sentences["0-1"]) == part.confusion[0, 1]
    assert len(found.sentences["1-0"]) == part.confusion[1, 0]


def test_more_than_thirty_classes_become_a_list_of_the_biggest_confusions() -> None:
    labels = tuple(f"class {n}" for n in range(31))
    part = samples.classified(labels, 600, skill=1.0)
    found = confusion.confusion(part)
    assert found is not None and part.confusion is not None
    assert found.matrix == () and len(found.listed) == confusion.LISTED
    off = part.confusion.copy()
    np.fill_diagonal(off, 0)
    assert [cell.count for cell in found.listed] == sorted(off.ravel(), reverse=True)[:50]
    assert all(off[cell.truth, cell.predicted] == cell.count for cell in found.listed)
    assert set(found.sentences) == {cell.key for cell in found.listed}
    page = render_evaluation(part, "cnn")
    assert "The 50 biggest of" in page and '<table class="matrix' not in page
    fewer = samples.classified(labels[:30], 600, skill=1.0)
    assert '<table class="matrix' in render_evaluation(fewer, "cnn")


def test_thirty_one_classes_without_a_confusion_say_so() -> None:
    part = samples.classified(tuple(f"class {n}" for n in range(31)), 100, skill=99.0)
    assert "No class was taken for another." in render_evaluation(part, "cnn")


def test_without_rows_the_counts_are_shown_but_open_nothing() -> None:
    part = replace(samples.classified(LABELS, 100), examples=())
    page = render_evaluation(part, "cnn")
    assert '<table class="matrix' in page
    assert (
        "data-cell=" not in page.split("<script>")[0]
        and "confusion-data" not in (page.split("<script>")[0])
    )


def test_a_class_without_rows_has_no_shares() -> None:
    part = Evaluation("test", 1, {"accuracy": 1.0}, ("a", "b"), (), np.array([[1, 0], [0, 0]]))
    found = confusion.confusion(part)
    assert found is not None and found.matrix[1][1].share == 0.0


def test_long_sentences_are_cut_and_unusual_probabilities_stay_json() -> None:
    part = samples.classified(("a", "b"), 8, skill=99.0)
    first = replace(part.examples[0], text="x" * 9000, confidence=float("nan"))
    found = confusion.confusion(replace(part, examples=(first, *part.examples[1:])))
    assert found is not None
    cut = [row for rows in found.sentences.values() for row in rows if row[0] == 0]
    assert cut == [(0, "x" * (confusion.LONGEST - 1) + "…", None)]
    json.dumps(found.data, allow_nan=False)
