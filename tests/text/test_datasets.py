"""The standard library's documentation as a data set, splits, and duplicates."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest

from lexon.errors import InputError
from lexon.text import Examples, datasets, duplicates, standard_library_docs, stratified_holdout


@pytest.fixture(scope="module")
def docs() -> Examples:
    start = time.perf_counter()
    examples = standard_library_docs()
    assert time.perf_counter() - start < 15  # about 2 on an idle machine
    return examples


def test_documentation_of_the_standard_library(docs: Examples) -> None:
    assert isinstance(docs.labels, list)
    counts = Counter(docs.labels)
    assert len(counts) == 12
    assert min(counts.values()) >= 100
    assert 3_500 < len(docs) < 9_000
    assert len({" ".join(text.split()).casefold() for text in docs.texts}) == len(docs)
    assert {len(text.split()) for text in docs.texts} <= set(range(5, 81))
    assert not any(">>>" in text for text in docs.texts)
    assert standard_library_docs() == docs


def test_a_linear_classifier_learns_it(docs: Examples) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import accuracy_score, f1_score
    from sklearn.svm import LinearSVC

    assert docs.labels is not None
    texts, labels = np.array(docs.texts, dtype=object), np.array(docs.labels)
    train, valid = stratified_holdout(list(labels), 0.15, seed=0)
    weigh = TfidfVectorizer(
        sublinear_tf=True, ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]"
    ).fit(texts[train])
    model = LinearSVC(random_state=0).fit(weigh.transform(texts[train]), labels[train])
    guess = model.predict(weigh.transform(texts[valid]))
    assert accuracy_score(labels[valid], guess) > 0.84
    assert f1_score(labels[valid], guess, average="macro") > 0.83


def test_without_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.sysconfig, "get_path", lambda _: "/nowhere")
    with pytest.raises(InputError, match="/nowhere: the sources of Python's standard library"):
        standard_library_docs()


def test_classes_keep_their_share_and_single_rows_stay_in_training() -> None:
    labels = ["a"] * 60 + ["once"] + ["b"] * 40 + ["alone"]
    train, valid = stratified_holdout(labels, 0.2, seed=3)
    assert sorted([*train, *valid]) == list(range(102))
    assert Counter(labels[row] for row in valid) == {"a": 12, "b": 8}
    assert np.array_equal(valid, stratified_holdout(labels, 0.2, seed=3)[1])
    assert not np.array_equal(valid, stratified_holdout(labels, 0.2, seed=4)[1])
    assert train.dtype == valid.dtype == np.int64


def test_more_classes_than_rows_to_hold_out() -> None:
    labels = [str(row % 10) for row in range(20)]
    train, valid = stratified_holdout(labels, 0.1, seed=0)
    assert (len(train), len(valid)) == (18, 2)


@pytest.mark.parametrize(("rows", "classes", "fraction"), [(120, 60, 0.4), (30, 10, 0.9)])
def test_every_class_keeps_a_row_in_training(rows: int, classes: int, fraction: float) -> None:
    labels = [str(row % classes) for row in range(rows)]
    for seed in range(5):
        train, valid = stratified_holdout(labels, fraction, seed)
        assert {labels[row] for row in train} == set(labels)
        assert sorted([*train, *valid]) == list(range(rows))
        assert fraction * rows * 0.7 < len(valid) <= round(fraction * rows)


def test_several_labels_are_split_plainly() -> None:
    labels = [("a",), ("a", "b"), (), ("c",)] * 5
    train, valid = stratified_holdout(labels, 0.25, seed=0)
    assert (len(train), len(valid), len({*train, *valid})) == (15, 5, 20)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, 0.01, float("nan")])
def test_fractions_that_leave_nothing(fraction: float) -> None:
    with pytest.raises(InputError, match="leaves nothing"):
        stratified_holdout(["a", "b"] * 4, fraction, seed=0)


def test_every_label_once() -> None:
    with pytest.raises(InputError, match="every label occurs once"):
        stratified_holdout(["a", "b", "c", "d"], 0.5, seed=0)


def test_duplicates() -> None:
    train = ["A  good film .", "bad", "bad ", "", "Straße"]
    test = ["a good\nfilm .", "a good film", "BAD", " ", "strasse"]
    assert duplicates(train, test) == [(0, 0), (2, 1), (4, 4)]
