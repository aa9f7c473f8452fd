"""Networks side by side: cells, standings, and the test of chance."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from lexon.errors import InputError
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
from lexon.tasks.evaluation import evaluate_classes
from tests.cli.commands import reviews

TEXTS, LABELS = map(list, zip(*reviews(60), strict=True))
TINY: dict[str, Any] = {"epochs": 2, "dimension": 4, "filters": 3, "hidden": 4, "windows": (1, 2)}


def comparison(models: tuple[str, ...] = ("baseline", "linear"), **more: Any) -> Comparison:
    given = {"splits": folds(LABELS, 3, 1), "seeds": (1, 2), "settings": TINY} | more
    return Comparison(models, TEXTS, LABELS, **given)


def test_every_row_is_tested_once() -> None:
    splits = folds(LABELS, 4, 1)
    assert sorted(np.concatenate([split.test for split in splits]).tolist()) == list(range(60))
    for split in splits:
        assert not set(split.train.tolist()) & set(split.test.tolist())
        names = [LABELS[row] for row in split.test]
        assert abs(names.count("pos") - names.count("neg")) <= 1


def test_a_share_is_tested() -> None:
    (split,) = held_out(LABELS, 0.25, 1)
    assert len(split.test) in (14, 15, 16) and len(split.train) + len(split.test) == 60


def test_cells_are_trainings_and_none_is_run_twice() -> None:
    job, told = comparison(), []
    names = [name for name, *_ in job.cells()]
    assert len(names) == 3 + 6 and names[0] == "baseline, fold 1, seed 1"
    job.done[names[1]] = Cell(0.25, "accuracy", 1.0, 1.0, 9, [0.0] * 20)
    job.run(lambda name, cell: told.append(name))
    assert told == [name for name in names if name != names[1]]
    again = comparison()
    again.load(job.to_json())
    assert again.done == job.done
    own = job.done["linear, fold 2, seed 1"]
    assert own.measure == "accuracy" and own.size > 500 and own.training > 0
    assert own.score == pytest.approx(np.mean(own.rows)) and len(own.rows) == 20


def test_standings_by_hand() -> None:
    rows = np.arange(60)
    job = comparison(("linear", "mlp"), splits=[Split("test", rows, rows)], seeds=(1, 2))
    right = [1.0] * 60
    half = [1.0, 0.0] * 30
    for seed, (linear, mlp) in enumerate([(half, right), (half, right)], 1):
        job.done[f"linear, test, seed {seed}"] = Cell(0.5, "accuracy", 2.0, 0.1, 10, linear)
        job.done[f"mlp, test, seed {seed}"] = Cell(0.9 + seed / 20, "accuracy", 4, 0.1, 30, mlp)
    best, other = job.standings()
    assert (best.model, best.chance, best.beside) == ("mlp", None, "best")
    assert best.mean == pytest.approx(0.975) and best.spread == pytest.approx(0.05 / 2**0.5)
    assert other.spread == 0 and other.chance is not None and other.chance < 1e-3
    assert other.beside.startswith("worse (p = 0.000")


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


def test_rows_of_several_labels_have_an_f1() -> None:
    truth = np.array([[1, 1, 0], [0, 0, 0], [0, 1, 0]], np.float32)
    decided = np.array([[1, 0, 0], [0, 0, 0], [1, 0, 0]], np.float32)
    labels = ("a", "b", "c")
    evaluation = evaluate_classes("test", ["x"] * 3, truth, decided, labels, decided)
    found = row_scores(evaluation, [("a", "b"), (), ("b",)])
    np.testing.assert_allclose(found, [2 / 3, 1, 0])


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
