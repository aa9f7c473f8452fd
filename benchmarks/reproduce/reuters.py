"""Reuters-21578 (ApteMod split): 90 topics, several a text, beside one-vs-rest linear TF-IDF."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

from lexon.tasks import TextClassifier
from lexon.text import Labels, read_examples

Part = tuple[list[str], list[tuple[str, ...]]]


def cells() -> dict[str, Callable[[Path], dict[str, float]]]:
    """Seeds 1 to 3."""
    return {f"seed-{seed}": partial(_cell, seed) for seed in (1, 2, 3)}


def _cell(seed: int, data: Path) -> dict[str, float]:
    def part(name: str) -> Part:
        source = data / "reuters21578" / f"{name}.jsonl.gz"
        examples = read_examples(source, text="text", label="cats")
        return examples.texts, [tuple(labels) for labels in examples.labels or ()]

    train, test = part("train"), part("test")
    model = TextClassifier(
        model="cnn", windows=(1, 2, 3), filters=200, dimension=100, optimizer="adam",
        learning_rate=0.002, epochs=30, max_norm=None, threshold=0.4, seed=seed,
    ).fit(*train)  # fmt: skip
    scores = model.evaluate(*test).scores
    rival = _rival(train, test, model.labels_)
    return {
        "cnn micro-F1": scores["micro-F1"],
        "cnn macro-F1": scores["macro-F1"],
        "TF-IDF micro-F1": rival["micro"],
        "TF-IDF macro-F1": rival["macro"],
        "best epoch": model.history_.best,
    }


def _rival(train: Part, test: Part, labels: Labels) -> dict[str, float]:
    """Single words, sublinear TF-IDF, one linear support vector machine a topic."""
    features = TfidfVectorizer(sublinear_tf=True, min_df=2)
    machine = OneVsRestClassifier(LinearSVC(C=10, random_state=0))
    machine.fit(features.fit_transform(train[0]), labels.encode(train[1]).astype(int))
    truth, predicted = labels.encode(test[1]), machine.predict(features.transform(test[0]))
    return {
        average: float(f1_score(truth, predicted, average=average, zero_division=0))
        for average in ("micro", "macro")
    }
