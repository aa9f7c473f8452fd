"""Bidirectional LSTMs on reviews: MR by 10-fold cross-validation, SST-2, and IMDB.

MR and SST-2 stand beside the cnn of ``kim.py``, on the same folds and parts. IMDB: the published
halves, a tenth of the training half held out to choose the epoch; beside it a cnn of the same
width. The linear rival is a logistic regression on TF-IDF of one and two words.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.reproduce import kim
from lexon.tasks import TextClassifier
from lexon.text import read_examples

Cell = Callable[[Path], dict[str, float]]


def network(seed: int) -> TextClassifier:
    """The same for all three, but for what their sizes ask for."""
    return TextClassifier(
        model="bilstm", pool="max", dimension=100, hidden=128, dropout=0.5, max_norm=None,
        optimizer="adam", learning_rate=0.001, epochs=12, batch_size=50, patience=3, clip=5.0,
        seed=seed,
    )  # fmt: skip


def movie_reviews() -> dict[str, Cell]:
    """MR: the folds of ``kim.py``."""
    return kim.movie_reviews(lambda seed: network(seed).set_params(tokens="spaces"))


def sentiment_treebank() -> dict[str, Cell]:
    """SST-2: trained on all labelled phrases, scored on sentences."""
    return kim.sentiment_treebank(
        lambda seed: network(seed).set_params(tokens="spaces", epochs=6, patience=2)
    )


def linear_movie_reviews() -> dict[str, Cell]:
    """The linear rival on the folds of MR."""
    return {f"fold-{fold}": partial(_linear_fold, fold) for fold in range(1, kim.FOLDS + 1)}


def linear_treebank() -> dict[str, Cell]:
    """The linear rival on SST-2, learned from its phrases and from whole sentences only."""
    return {"all": _linear_treebank}


def long_reviews(model: str = "bilstm") -> dict[str, Cell]:
    """IMDB, seeds 1 to 3."""
    return {f"seed-{seed}": partial(_imdb, model, seed) for seed in (1, 2, 3)}


def _imdb(model: str, seed: int, data: Path) -> dict[str, float]:
    def part(name: str) -> kim.Part:
        examples = read_examples(data / "imdb" / f"{name}.tsv.xz", text="4", label="1")
        return examples.texts, [str(label) for label in examples.labels or ()]

    train, test = part("train"), part("test")
    trained = network(seed).set_params(model=model, min_count=3, epochs=8)
    scores = trained.fit(*train).evaluate(*test).scores
    found = {"accuracy": scores["accuracy"]}
    if model == "bilstm":
        found["TF-IDF accuracy"] = _linear(train, test)
    return found | {"best epoch": float(trained.history_.best)}


def _linear_fold(fold: int, data: Path) -> dict[str, float]:
    return {"accuracy": _linear(*kim.movie_parts(fold, data))}


def _linear_treebank(data: Path) -> dict[str, float]:
    test = kim.treebank_part("test", data)
    return {
        f"accuracy, from {what}": _linear(kim.treebank_part(name, data), test)
        for what, name in (("phrases", "phrases.train.derived"), ("sentences", "train"))
    }


def _linear(train: kim.Part, test: kim.Part) -> float:
    """Accuracy of a logistic regression on TF-IDF of one and two words."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    features = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2)
    rival = LogisticRegression(C=30, max_iter=1000)
    rival.fit(features.fit_transform(train[0]), train[1])
    return float(rival.score(features.transform(test[0]), test[1]))
