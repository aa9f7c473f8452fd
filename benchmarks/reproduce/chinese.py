"""Chinese hotel reviews: a cnn on characters beside tuned TF-IDF, 10 % stratified test.

The network begins with vectors of characters, trained here by skip-gram on Chinese Wikipedia and
the texts of the training part.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from lexon.tasks import TextClassifier
from lexon.text import read_examples, stratified_holdout
from lexon.vectors import KeyedVectors, Word2Vec


def cells() -> dict[str, Callable[[Path], dict[str, float]]]:
    """Seeds 1 to 3; the seed draws the test part as well."""
    return {f"seed-{seed}": partial(_cell, seed) for seed in (1, 2, 3)}


def _cell(seed: int, data: Path) -> dict[str, float]:
    source = data / "zh" / "chnsenticorp_htl" / "ChnSentiCorp_htl_all.csv"
    examples = read_examples(source, text="review", label="label")
    texts, labels = examples.texts, list(examples.labels or ())
    train, test = stratified_holdout(labels, 0.1, seed)
    x, y = [texts[i] for i in train], [labels[i] for i in train]
    x_test, y_test = [texts[i] for i in test], [labels[i] for i in test]
    model = TextClassifier(
        model="cnn",
        windows=(2, 3, 4),
        filters=100,
        vectors=_characters(data, x),
        word_dropout=0.1,
        optimizer="adam",
        learning_rate=0.001,
        schedule="cosine",
        epochs=14,
        validation_fraction=0,
        seed=seed,
    ).fit(x, y)
    rival = _tuned_rival().fit(x, y)
    return {
        "cnn accuracy": model.score(x_test, y_test),
        "TF-IDF accuracy": float(rival.score(x_test, y_test)),
    }


def _characters(data: Path, texts: list[str]) -> KeyedVectors:
    """Vectors of 300 numbers; one worker, so that they are the same in every run."""
    corpus = data / "zh" / "zhwiki" / "zhwiki.txt.xz"
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "own.txt"
        own.write_text("".join(" ".join(text.split()) + "\n" for text in texts), encoding="utf-8")
        given = {"vector_size": 300, "direction": "centre-to-context", "workers": 1}
        return Word2Vec(corpus_file=[corpus, own], characters=True, sg=1, **given).wv


def _tuned_rival() -> GridSearchCV:
    """Character 1- to 3-grams, logistic regression; C tuned by 3-fold CV."""
    pipeline = make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True),
        LogisticRegression(max_iter=300),
    )
    grid = {
        "logisticregression__C": [1.0, 10.0, 30.0],
    }
    return GridSearchCV(pipeline, grid, cv=3)
