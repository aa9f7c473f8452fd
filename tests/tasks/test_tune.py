"""Successive halving: what is drawn, what goes on, and that the winner keeps its promise."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from lexon.errors import InputError, NonFiniteError
from lexon.tasks import TextClassifier
from lexon.tasks.tune import Search, Trial
from lexon.train.loop import Training
from lexon.vectors import KeyedVectors
from tests.cli.commands import reviews

TEXTS, LABELS = map(list, zip(*reviews(60), strict=True))
FIXED: dict[str, Any] = {"dimension": 4, "hidden": 4, "filters": 3}


class Clock:
    """Trials that score by their settings and take a second each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, score: Any) -> None:
        self.now = 0.0
        monkeypatch.setattr("lexon.tasks.tune.time.perf_counter", self.read)

        def scored(search: Search, settings: dict[str, Any]) -> float:
            self.now += 1
            return float(score(settings))

        monkeypatch.setattr(Search, "_score", scored)

    def read(self) -> float:
        return self.now


def test_the_best_third_goes_on_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch, lambda settings: settings.get("learning_rate", 0))
    search = Search(["linear"], {}, seconds=13)
    winner = search.run(TEXTS, LABELS)
    epochs = [trial.settings["epochs"] for trial in search.trials]
    assert epochs == [2] * 9 + [6] * 3 + [18]
    first = sorted((trial.score for trial in search.trials[:9]), reverse=True)
    assert [trial.score for trial in search.trials[9:12]] == first[:3]
    assert (
        winner.score == first[0]
        and winner
        is search.trials[0:9][[trial.score for trial in search.trials[:9]].index(first[0])]
    )


def test_usual_settings_are_tried_first_and_given_ones_stay() -> None:
    search = Search(["linear", "mlp"], {"dropout": 0.4}, seconds=1)
    rng = np.random.default_rng(1)
    drawn = [search._draw(rng, 0, place) for place in range(9)]
    assert drawn[:2] == [
        {"model": "linear", "seed": 1},
        {"model": "mlp", "dropout": 0.4, "seed": 1},
    ]
    assert [one["model"] for one in drawn[2:4]] == ["linear", "mlp"]
    assert all(one.get("dropout", 0.4) == 0.4 and "learning_rate" in one for one in drawn[2:])


@pytest.mark.parametrize(("optimizer", "usual"), [("adagrad", 0.3), ("adam", 0.001)])
def test_learning_rates_are_drawn_around_the_usual_one(optimizer: str, usual: float) -> None:
    search, rng = Search(["linear"], {"optimizer": optimizer}, 1), np.random.default_rng(1)
    rates = [search._draw(rng, 1, place)["learning_rate"] / usual for place in range(40)]
    assert 0.33 < min(rates) < 0.7 and 1.5 < max(rates) < 3.01


def searched(trials: list[Trial], seconds: float = 13) -> tuple[Search, list[Trial], list[str]]:
    """A search that goes on from trials; which of them were told, and what was said."""
    told: list[Trial] = []
    said: list[str] = []
    fixed = {"windows": (1, 2), "class_weight": {"pos": 2.0}}
    search = Search(["cnn"], fixed, seconds, trials=trials)
    search.run(TEXTS, LABELS, None, told.append, said.append)
    return search, told, said


def test_trials_of_an_earlier_search_are_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, lambda settings: settings.get("min_count", 0))
    whole, told, _ = searched([])
    assert told == whole.trials and clock.now == 13
    kept = [Trial(**one) for one in json.loads(json.dumps([asdict(one) for one in told[:5]]))]
    clock.now = 0
    again, told, said = searched(kept)
    assert again.trials == whole.trials and clock.now == 8
    assert told == whole.trials[5:] and said == []  # nothing is written before the first new one
    clock.now = 0
    shorter, told, _ = searched(kept, seconds=2)
    assert shorter.trials == kept and clock.now == 0 and not told


def test_trials_that_do_not_belong_are_dropped_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, lambda settings: 0.5)
    whole, _, _ = searched([])
    strange = Trial({"model": "cnn", "seed": 9}, 1.0, 1.0)
    clock.now = 0
    again, _, said = searched([*whole.trials[:3], strange, *whole.trials[4:6]])
    assert again.trials == whole.trials and clock.now == 10
    assert said == ["3 trials of the earlier search do not belong to this one"]


def test_an_interrupted_trial_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    step, epochs = Training._step, [0]

    def interrupted(self: Training, rows: Any) -> None:
        epochs[0] += self.done == 0
        if epochs[0] == 4:  # the second epoch of the second trial
            raise KeyboardInterrupt
        step(self, rows)

    monkeypatch.setattr(Training, "_step", interrupted)
    search = Search(["linear"], {}, seconds=60)
    with pytest.raises(KeyboardInterrupt):
        search.run(TEXTS, LABELS)
    assert len(search.trials) == 1 == len(search.finished)


def test_vectors_go_to_the_networks_that_use_them(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch, lambda settings: 0.5)
    vectors = KeyedVectors(["good"], np.ones((1, 3), np.float32))
    search = Search(["linear", "mlp"], {"vectors": vectors}, seconds=6)
    search.run(TEXTS, LABELS)
    for trial in search.trials:
        assert ("vectors" in trial.settings) == (trial.settings["model"] == "mlp")
        assert "dimension" not in trial.settings


def test_a_winner_keeps_its_promise() -> None:
    search = Search(["linear", "mlp"], FIXED, seconds=0.2)
    winner = search.run(TEXTS, LABELS)
    again = TextClassifier(**winner.settings).fit(TEXTS, LABELS)
    assert again.history_.best_score == winner.score


def test_a_trial_that_diverges_goes_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where half of the trials do: nine begin, and only those go on that did not."""
    Clock(monkeypatch, lambda settings: -np.inf if settings["model"] == "mlp" else 0.5)
    search = Search(["linear", "mlp", "mlp", "mlp", "mlp"], {}, seconds=12)
    assert search.run(TEXTS, LABELS).settings["model"] == "linear"
    assert [trial.settings["epochs"] for trial in search.trials] == [2] * 9 + [6] * 2 + [18]
    assert all(trial.settings["model"] == "linear" for trial in search.trials[9:])


def test_all_trials_can_diverge(monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(training: Training) -> None:
        raise NonFiniteError("far out")

    monkeypatch.setattr("lexon.tasks.common.run_training", diverge)
    search = Search(["linear"], {}, seconds=1e-9)
    with pytest.raises(InputError, match="none of 1 trials"):
        search.run(TEXTS, LABELS)
    assert search.trials[0].score == -np.inf and not search.finished


def test_what_cannot_be_searched() -> None:
    with pytest.raises(InputError, match="'cnm'"):
        Search(["cnm"], {}, 1)
    with pytest.raises(InputError, match="no models"):
        Search([], {}, 1)
    with pytest.raises(InputError, match="more than none"):
        Search(["cnn"], {}, 0)
    for name, value in (("epochs", 3), ("model", "mlp"), ("seed", 2)):
        with pytest.raises(InputError, match=f"{name} is set by the search"):
            Search(["cnn"], {name: value}, 1)
    with pytest.raises(InputError, match="nothing is held out"):
        Search(["linear"], {}, 1).run(TEXTS[:4], LABELS[:4])


def test_settings_are_checked_before_the_first_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, lambda settings: 0.5)
    with pytest.raises(InputError, match="windows holds 101"):
        Search(["linear", "cnn"], {"windows": (101,)}, 1).run(TEXTS, LABELS)
    with pytest.raises(InputError, match="unknown label 'best'"):
        Search(["linear"], {}, 1).run(TEXTS, LABELS, (["good"], ["best"]))
    assert clock.now == 0
