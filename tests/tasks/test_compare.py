"""Networks side by side: cells, standings, and the test of chance."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from lexon.errors import InputError, NonFiniteError
from lexon.tasks import TextClassifier
from lexon.tasks.baseline import LinearBaseline
from lexon.tasks.compare import (
    Cell,
    Comparison,
    Split,
    chance,
    folds,
    held_out,
    holm,
    row_scores,
)
from lexon.text import Labels, Tokenizer
from lexon.train.loop import Training
from lexon.vectors import KeyedVectors
from tests.cli.commands import reviews

TEXTS, LABELS = map(list, zip(*reviews(60), strict=True))
TINY: dict[str, Any] = {"epochs": 2, "dimension": 4, "filters": 3, "hidden": 4, "windows": (1, 2)}


def comparison(models: tuple[str, ...] = ("baseline", "linear"), **more: Any) -> Comparison:
    given = {"labels": LABELS, "seeds": (1, 2), "settings": TINY} | more
    given.setdefault("splits", folds(LABELS, 3, 1))
    return Comparison(models, TEXTS, **given)


def test_every_row_is_tested_once() -> None:
    splits = folds(LABELS, 4, 1)
    assert sorted(np.concatenate([split.test for split in splits]).tolist()) == list(range(60))
    for split in splits:
        assert not set(split.train.tolist()) & set(split.test.tolist())
        names = [LABELS[row] for row in split.test]
        assert abs(names.count("pos") - names.count("neg")) <= 1


def test_a_share_is_tested() -> None:
    labels = ["a"] * 80 + ["b"] * 20
    (split,) = held_out(labels, 0.25, 1)
    train, test = split.train.tolist(), split.test.tolist()
    assert sorted([*train, *test]) == list(range(100))
    assert [[labels[row] for row in test].count(name) for name in "ab"] == [20, 5]


def test_labels_of_fewer_rows_than_folds_are_in_some() -> None:
    labels = ["a"] * 30 + ["b"] * 28 + ["c"] * 2
    tested = [sum(labels[row] == "c" for row in split.test) for split in folds(labels, 5, 1)]
    assert sorted(tested) == [0, 0, 0, 1, 1]


def test_cells_are_trainings_and_none_is_run_twice() -> None:
    job, told = comparison(), []
    names = [name for name, *_ in job.cells()]
    assert len(names) == 3 + 6 and names[0] == "baseline, fold 1, seed 1"
    job.done[names[1]] = Cell(1.0, 1.0, 9, [0.0] * 20)
    assert job.left == 8
    job.run(lambda name, cell: told.append((name, job.left)))
    assert [name for name, _ in told] == [name for name in names if name != names[1]]
    assert [left for _, left in told] == [7, 6, 5, 4, 3, 2, 1, 0]
    again = comparison()
    again.load(job.to_json())
    assert again.done == job.done
    own = job.done["linear, fold 2, seed 1"]
    assert own.size > 500 and own.training > 0
    assert own.score == pytest.approx(np.mean(own.rows)) and len(own.rows) == 20


def test_a_cell_is_what_a_training_alone_gives() -> None:
    job = comparison(("linear", "baseline"), seeds=(3,))
    job.run()
    for split in job.splits:
        texts, labels, test, truth = (
            [of[row] for row in rows]
            for rows in (split.train, split.test)
            for of in (TEXTS, LABELS)
        )
        alone = TextClassifier("linear", epochs=2, seed=3).fit(texts, labels)
        cell = job.done[f"linear, {split.name}, seed 3"]
        assert cell.rows == (alone.predict(test) == np.array(truth)).tolist()
        rival = LinearBaseline(Tokenizer("words"), False, 3).fit(texts, Labels.fit(labels), labels)
        expected = rival.evaluate(test, truth, "test").scores["accuracy"]
        assert job.done[f"baseline, {split.name}, seed 3"].score == pytest.approx(expected)


def test_standings_by_hand() -> None:
    splits = [
        Split("one", np.arange(20, 60), np.arange(20)),
        Split("two", np.arange(20), np.arange(20, 60)),
    ]
    job = comparison(("linear", "mlp", "baseline"), splits=splits, seeds=(1, 2))
    for one, number in (("one", 20), ("two", 40)):
        job.done[f"baseline, {one}, seed 1"] = Cell(1.0, 0.1, 0, [0.0] * number)
        for seed in (1, 2):
            linear, mlp = [1.0, 0.0] * (number // 2), [float(one == "two" or seed == 2)] * number
            job.done[f"linear, {one}, seed {seed}"] = Cell(2.0, 0.1, 10, linear)
            job.done[f"mlp, {one}, seed {seed}"] = Cell(4 + 2 * seed, 0.1, 30, mlp)
    best, other, last = job.standings()
    assert (best.model, best.chance, best.beside) == ("mlp", None, "best")
    assert best.mean == pytest.approx((40 + 20 / 2) / 60) and best.scores == (0, 1, 1, 1)
    assert best.spread == pytest.approx(0.5) and best.training == 7 and best.size == 30
    assert (other.model, other.mean, other.spread) == ("linear", 0.5, 0) and last.mean == 0
    each = np.array([0.5] * 20 + [1.0] * 40)  # the rows of the table are those of the test
    first, second = chance(each, np.array([1.0, 0.0] * 30)), chance(each, np.zeros(60))
    assert [other.chance, last.chance] == holm([first, second])
    assert last.beside.startswith("worse (p = 0.000") and best.measure == "accuracy"


def test_chance_is_the_share_of_all_patterns_of_signs() -> None:
    first, second = np.array([1, 1, 1, 0, 1, 0.5]), np.array([0, 0, 1, 1, 0, 0])
    gaps = (first - second)[(first - second) != 0]
    sums = [abs(np.dot(signs, gaps)) for signs in product((1, -1), repeat=len(gaps))]
    exact = np.mean(np.array(sums) >= abs(gaps.sum()) - 1e-9)
    assert chance(first, second) == pytest.approx(exact, abs=0.02)
    assert chance(first, first) == 1.0
    assert chance(np.ones(40), np.zeros(40)) == pytest.approx(1 / 10_001)


def test_holm_raises_probabilities_in_order() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])
    assert holm([]) == [] and holm([0.9, 0.8]) == [1.0, 1.0]


def test_rows_have_scores() -> None:
    several = [("a", "b"), (), ("b",), ("(none)", "x, y"), ("c",)]
    predicted: list[tuple[str, ...]] = [("a",), (), ("a",), ("x, y", "(none)"), ()]
    np.testing.assert_allclose(row_scores(predicted, several), [2 / 3, 1, 0, 1, 0])
    assert row_scores(["a", "a, b"], ["b", "a, b"]) == [0, 1]


def test_an_unknown_label_counts_as_wrong() -> None:
    labels = [*LABELS[:57], "rare", "rare", "rare"]
    splits = [Split("test", np.arange(50), np.arange(50, 60))]
    job = comparison(splits=splits, labels=labels)
    job.run()
    for name, *_ in job.cells():
        assert job.done[name].rows[7:] == [0, 0, 0] and sum(job.done[name].rows) >= 4


def test_several_labels_a_text() -> None:
    """Labels that only test rows have, a comma in a name, and a label called (none)."""
    names = {"pos": ("a, b", "(none)"), "neg": ("a",)}
    labels = [names[label] for label in LABELS[:58]] + [("a", "rare"), ("rare",)]
    splits = [Split("test", np.arange(50), np.arange(50, 60))]
    settings = {"epochs": 30, "threshold": 0.5}
    job = comparison(splits=splits, labels=labels, settings=settings, seeds=(1,))
    job.run()
    for one in job.standings():
        rows = job.done[f"{one.model}, test, seed 1"].rows
        assert one.measure == "F1 of rows" and one.mean == np.mean(rows)
        assert rows[:8].count(1.0) >= 5 and rows[9] == 0


def test_a_setting_goes_where_it_is_used() -> None:
    vectors = KeyedVectors(["good"], np.ones((1, 3), np.float32))
    settings = TINY | {"vectors": vectors, "tokens": "characters", "lowercase": False}
    job = comparison(("baseline", "linear", "mlp"), settings=settings)
    assert "vectors" not in job._own["linear"] and job._own["mlp"]["vectors"] is vectors
    assert "dimension" not in job._own["mlp"] and "windows" not in job._own["mlp"]
    rival = job._fit("baseline", ["A b", "C d"], ["x", "y"], 1)
    assert set(rival.features.get_feature_names_out()) == {"A", "b", "A b", "C", "d", "C d"}
    assert rival.longest == 3


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"settings": {"windows": (101,)}}, "cnn, fold 1: windows"),
    ({"settings": {"optimizer": "adem"}}, "cnn, fold 1: there is no optimizer"),
    ({"settings": {"class_weight": {"best": 2.0}}}, "cnn, fold 1: class_weight names best"),
    ({"settings": {"output": "sigmoid"}, "labels": [*LABELS[:-3], "a", "b", "c"]}, "sigmoid"),
    ({"splits": [Split("test", np.arange(0, 60, 2), np.arange(3))]}, "test: .*only one label"),
]


@pytest.mark.parametrize(("given", "message"), FAULTS)
def test_all_is_checked_before_the_first_training(
    given: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Comparison, "_train", lambda *cell: pytest.fail("it trains"))
    with pytest.raises(InputError, match=message):
        comparison(("baseline", "cnn"), **given).run()


def test_one_that_fails_stands_last(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Training._step

    def diverging(self: Training, rows: Any) -> None:
        if type(self.network).__name__ == "MeanText" and self.epoch == 2:
            raise NonFiniteError("far out\n  lower the rate")
        step(self, rows)

    monkeypatch.setattr(Training, "_step", diverging)
    job = comparison(("mlp", "linear", "baseline"), seeds=(1,))
    job.run()
    assert len(job.done) == 9
    standings = job.standings()
    assert {one.model for one in standings[:2]} == {"linear", "baseline"}
    assert (standings[2].model, standings[2].mean, standings[2].chance) == ("mlp", None, None)
    assert standings[2].beside == "failed: fold 1, seed 1: far out"
    alone = comparison(("linear", "baseline"), seeds=(1,))
    alone.done = {name: cell for name, cell in job.done.items() if not cell.failed}
    assert alone.standings() == standings[:2]


def test_all_can_fail() -> None:
    """Texts without words: no baseline."""
    job = Comparison(["baseline"], [""] * 60, LABELS, folds(LABELS, 2, 1), [1], {})
    job.run()
    (only,) = job.standings()
    assert only.mean is None and only.scores == () and "empty vocabulary" in only.beside


def test_an_interrupted_cell_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Training._step

    def interrupted(self: Training, rows: Any) -> None:
        if self.epoch == 2:
            raise KeyboardInterrupt
        step(self, rows)

    monkeypatch.setattr(Training, "_step", interrupted)
    job = comparison(("baseline", "linear"))
    with pytest.raises(KeyboardInterrupt):
        job.run()
    assert list(job.done) == ["baseline, fold 1, seed 1"]


@pytest.mark.parametrize(
    ("models", "message"), [(("cnn", "cnm"), "'cnm'"), ((), "once"), (("cnn", "cnn"), "once")]
)
def test_models_that_are_none(models: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        comparison(models)


@pytest.mark.parametrize("number", [1, 61])
def test_folds_that_cannot_be(number: int) -> None:
    with pytest.raises(InputError, match="folds"):
        folds(LABELS, number, 1)
