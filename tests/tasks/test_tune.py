"""Successive halving: what is drawn, what goes on, and that the winner keeps its promise."""

from __future__ import annotations

from typing import Any

import pytest

from lexon.errors import InputError, NonFiniteError
from lexon.tasks import TextClassifier
from lexon.tasks.tune import Search
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
    import numpy as np

    rng = np.random.default_rng(1)
    drawn = [search._draw(rng, 0, place) for place in range(9)]
    assert drawn[:2] == [
        {"model": "linear", "dropout": 0.4, "seed": 1},
        {"model": "mlp", "dropout": 0.4, "seed": 1},
    ]
    assert [one["model"] for one in drawn[2:4]] == ["linear", "mlp"]
    assert all(one["dropout"] == 0.4 and "learning_rate" in one for one in drawn[2:])


def test_trials_of_an_earlier_search_are_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, lambda settings: settings.get("min_count", 0))
    whole = Search(["linear"], {}, seconds=13)
    whole.run(TEXTS, LABELS)
    clock.now = 0
    again = Search(["linear"], {}, seconds=13, trials=whole.trials[:5])
    again.run(TEXTS, LABELS)
    assert again.trials == whole.trials and clock.now == 8


def test_a_winner_keeps_its_promise() -> None:
    search = Search(["linear", "mlp"], FIXED, seconds=0.2)
    winner = search.run(TEXTS, LABELS)
    again = TextClassifier(**winner.settings).fit(TEXTS, LABELS)
    assert again.history_.best_score == winner.score


def test_a_trial_that_diverges_is_the_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(self: Any, *rows: Any, **more: Any) -> None:
        raise NonFiniteError("far out")

    monkeypatch.setattr(TextClassifier, "fit", diverge)
    search = Search(["linear"], {}, seconds=1e-9)
    assert search.run(TEXTS, LABELS).score == float("-inf")


def test_what_cannot_be_searched() -> None:
    with pytest.raises(InputError, match="'cnm'"):
        Search(["cnm"], {}, 1)
    with pytest.raises(InputError, match="no models"):
        Search([], {}, 1)
    with pytest.raises(InputError, match="more than none"):
        Search(["cnn"], {}, 0)
    with pytest.raises(InputError, match="nothing is held out"):
        Search(["linear"], {}, 1).run(TEXTS[:4], LABELS[:4])
