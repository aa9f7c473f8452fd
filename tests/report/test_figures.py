"""The figures show the numbers they are given, and nothing where there is nothing to show."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest

from lexon.report import figures, render, words
from lexon.tasks.outcome import Outcome
from lexon.train.history import Epoch, History
from tests.report import samples
from tests.report.test_page import Walk, has


def epoch(number: int, **changes: float | None) -> Epoch:
    return replace(Epoch(number, 0.5, None, None, 0.1, 1.0, 0.0), **changes)  # type: ignore[arg-type]


def test_figures_are_one_svg_of_text_and_the_page_s_colours() -> None:
    svg = figures.score_curve(samples.history())
    assert svg.startswith("<svg viewBox=") and svg.endswith("</svg>")
    assert "best: 0.7900" in svg and "held-out accuracy" in svg
    assert "var(--first)" in svg and "#0102" not in svg
    assert "<style" not in svg and "xlink" not in svg and "xmlns" not in svg


def test_a_name_in_any_script_or_with_dollars_is_written_as_it_stands() -> None:
    story = replace(samples.history(), measure="准确率 $a_1$ <b>")
    assert ">held-out 准确率 $a_1$ &lt;b&gt;</text>" in figures.score_curve(story)


def test_validation_loss_is_drawn_only_where_there_is_one() -> None:
    with_validation = samples.history()
    without = History(epochs=[replace(e, valid_loss=None) for e in with_validation.epochs])
    assert "validation" in figures.loss_curve(with_validation)
    assert "validation" not in figures.loss_curve(without)
    assert "training" in figures.loss_curve(without)


def test_no_score_or_no_clipping_means_no_curve() -> None:
    story = History(epochs=[epoch(1), epoch(2)])
    assert figures.score_curve(story) == "" and figures.gradient_curve(story) == ""
    clipped = History(epochs=[epoch(1), epoch(2, clipped=0.25)])
    assert "gradient norm" in figures.gradient_curve(clipped)
    page = render(Outcome("rnn", "x", (), history=clipped))
    assert "At most 25% of an epoch's steps were clipped." in Walk(page).words


@pytest.mark.parametrize("count", [1, 2, 40])
def test_any_number_of_epochs_is_drawn(count: int) -> None:
    page = render(Outcome("rnn", "x", (), history=samples.history(count, best=1)))
    walk = Walk(page)
    assert f"{count} epoch{'' if count == 1 else 's'}; stopped" in walk.words
    assert len(walk.all("svg")) == 3
    assert page.count('<tr class="best">') == 1 and "● 1" in walk.words


def test_no_best_epoch_is_no_mistake() -> None:
    story = replace(samples.history(), best=0)
    assert "best:" not in figures.score_curve(story)
    page = render(Outcome("rnn", "x", (), history=story))
    assert "Kept:" not in Walk(page).words and '<tr class="best">' not in page
    assert not has(render(Outcome("rnn", "x", ())), "training")


def test_numbers_that_are_none_leave_a_gap() -> None:
    story = History(epochs=[epoch(1), epoch(2, loss=math.nan), epoch(3, loss=math.inf), epoch(4)])
    svg = figures.loss_curve(story)
    assert svg and "nan" not in svg and "inf" not in svg
    assert figures.loss_curve(History(epochs=[epoch(1, loss=math.nan)])) == ""
    assert "not a number" in Walk(render(Outcome("rnn", "x", (), history=story))).words


def points(svg: str) -> int:
    return len(re.findall(r"<use [^>]*fill-opacity: 0\.5", svg))


def test_a_scatter_has_a_point_for_every_finite_pair() -> None:
    assert points(figures.scatter([1.0, 2.0, math.nan], [1.5, 2.5, 1.0])) == 2
    assert figures.scatter([math.nan], [1.0]) == "" == figures.scatter([], [])
    assert points(figures.scatter([1.0], [1.0])) == 1


def test_a_large_scatter_is_thinned_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "POINTS", 40)
    values = [float(n) for n in range(101)]
    assert points(figures.scatter(values, values)) == 34
    page = render(samples.regression())
    assert "Of 250 rows, up to 40 evenly spaced are drawn." in Walk(page).words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5000"),
        (-2.0, "−2.0000"),
        (0.0, "0.0000"),
        (0.00012, "0.00012"),
        (12345.67, "12,345.7"),
        (None, "–"),
        (math.nan, "not a number"),
        (-math.inf, "−∞"),
    ],
)
def test_numbers_read_well(value: float | None, text: str) -> None:
    assert words.number(value) == text


def test_shares_times_and_sizes_read_well() -> None:
    assert [words.percent(s) for s in (0, 0.00001, 0.5, 0.99999, 1)] == [
        "0.0%",
        "<0.1%",
        "50.0%",
        ">99.9%",
        "100.0%",
    ]
    assert [words.duration(s) for s in (0.42, 83.4, 59.99, 3599.9, 7384)] == [
        "0.4 s",
        "1 min 23 s",
        "1 min 00 s",
        "1 h 00 min",
        "2 h 03 min",
    ]
    assert [words.memory(m * 2**20) for m in (412, 1536)] == ["412 MiB", "1.50 GiB"]


def test_a_language_is_told_by_its_letters() -> None:
    texts = ("plain", "房间", "これは本", "naïve café")
    assert [words.language(text) for text in texts] == ["", "zh", "ja", ""]
    assert words.shorten("abcdef", 4) == "abc…" and words.shorten("abcd", 4) == "abcd"
