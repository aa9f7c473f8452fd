"""What goes wrong after training loses no model; an interrupted quickstart ends as it should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lexon.cli.progress import Terminal
from lexon.tasks import load
from lexon.text import Examples
from tests.cli.commands import TINY, lexon, reviews


def _interrupt(*arguments: Any, **options: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("where", "target"),
    [
        ("lexon.tasks.job.fired_ngrams", ()),
        ("lexon.tasks.job.LinearBaseline.fit", ("--baseline",)),
        ("lexon.tasks.classify.TextClassifier.evaluate", ()),
        ("lexon.tasks.table_job.LinearRival.__init__", ("--target", "label")),
    ],
)
def test_an_interrupt_after_training_leaves_the_model(
    where: str, target: tuple[str, ...], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, _interrupt)
    options = (*TINY, *target) if "--target" not in target else (*target, "--epochs", "2")
    answer = lexon("train", data, *options, "-o", "m.lexon")
    assert answer.code == 130 and "model: m.lexon (" in answer.err
    model = load("m.lexon")
    assert len(model.history_.epochs) == 2
    assert getattr(model, "target_column_", "label") == "label"


def test_an_interrupted_quickstart_shows_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, labels = zip(*reviews(), strict=True)
    docs = Examples(list(texts), list(labels), False, range(1, len(texts) + 1))
    monkeypatch.setattr("lexon.text.standard_library_docs", lambda: docs)
    monkeypatch.setattr(Terminal, "passed", _interrupt)
    answer = lexon("quickstart")
    assert answer.code == 130
    assert "cnn      accuracy" in answer.out and "written: quickstart/model" in answer.out
    assert len(load("quickstart/model.lexon").history_.epochs) == 1
