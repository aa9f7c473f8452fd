"""Reuters-21578 (ApteMod split): 90 topics, several a text, beside one-vs-rest linear TF-IDF."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from lexon.tasks import TextClassifier
from lexon.tasks.baseline import LinearBaseline
from lexon.text import read_examples


def cells() -> dict[str, Callable[[Path], dict[str, float]]]:
    """Seeds 1 to 3."""
    return {f"seed-{seed}": partial(_cell, seed) for seed in (1, 2, 3)}


def _cell(seed: int, data: Path) -> dict[str, float]:
    def part(name: str) -> tuple[list[str], list[tuple[str, ...]]]:
        source = data / "reuters21578" / f"{name}.jsonl.gz"
        examples = read_examples(source, text="text", label="cats")
        return examples.texts, [tuple(labels) for labels in examples.labels or ()]

    train, test = part("train"), part("test")
    model = TextClassifier(
        model="cnn", windows=(1, 2, 3), filters=200, dimension=100, optimizer="adam",
        learning_rate=0.002, epochs=30, max_norm=None, threshold=0.4, seed=seed,
    ).fit(*train)  # fmt: skip
    scores = model.evaluate(*test).scores
    rival = LinearBaseline(model.tokenizer_, False, seed).fit(train[0], model.labels_, train[1])
    rival_scores = rival.evaluate(*test, "test").scores
    return {
        "cnn micro-F1": scores["micro-F1"],
        "cnn macro-F1": scores["macro-F1"],
        "TF-IDF micro-F1": rival_scores["micro-F1"],
        "TF-IDF macro-F1": rival_scores["macro-F1"],
        "best epoch": model.history_.best,
    }
