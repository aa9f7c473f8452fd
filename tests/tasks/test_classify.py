"""The text classifier as a scikit-learn estimator: parameters, labels, texts, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from lexon.errors import InputError
from lexon.tasks import TextClassifier

TEXTS = ["good film", "fine good play", "bad film", "awful bad play"] * 8
LABELS = ["pos", "pos", "neg", "neg"] * 8
NEW = ["a good one", "a bad one"]


def small(**settings: Any) -> TextClassifier:
    """A linear classifier that learns the texts above in a moment."""
    return TextClassifier(**{"model": "linear", "epochs": 15} | settings)


def upper(texts: list[str]) -> list[str]:
    return [text.upper() for text in texts]


def test_parameters_go_in_and_come_out_as_they_were() -> None:
    weights, windows = {"pos": 2.0}, [2, 3]
    model = TextClassifier(windows=windows, class_weight=weights, filters=7, lowercase=False)
    assert model.get_params()["windows"] is windows and model.get_params()["filters"] == 7
    assert clone(model).get_params() == model.get_params()
    other = TextClassifier().set_params(**model.get_params())
    assert other.get_params() == model.get_params()
    with pytest.raises(ValueError, match="filter"):
        model.set_params(filter=3)


def test_fit_leaves_parameters_and_data_as_they_were() -> None:
    model = small(class_weight={"pos": 2.0}, windows=[2, 3])
    before, texts, labels = dict(model.get_params()), list(TEXTS), np.array(LABELS)
    model.fit(texts, labels)
    after = model.get_params()
    assert all(after[name] is before[name] for name in before)
    assert texts == TEXTS and labels.tolist() == LABELS
    assert model.class_weight == {"pos": 2.0} and model.windows == [2, 3]


def test_a_clone_of_a_fitted_model_is_not_fitted() -> None:
    with pytest.raises(NotFittedError):
        clone(small().fit(TEXTS, LABELS)).predict(NEW)


@pytest.mark.parametrize(
    "use",
    [
        lambda m: m.predict(NEW),
        lambda m: m.predict_proba(NEW),
        lambda m: m.score(NEW, ["pos", "neg"]),
        lambda m: m.evaluate(NEW, ["pos", "neg"]),
        lambda m: m.save("never.lexon"),
    ],
)
def test_nothing_works_before_fit(use: Callable[[TextClassifier], Any]) -> None:
    with pytest.raises(NotFittedError):
        use(small())
    assert not hasattr(small(), "classes_")


def test_it_works_in_a_pipeline() -> None:
    pipeline = make_pipeline(FunctionTransformer(upper), small(lowercase=False))
    pipeline.fit(TEXTS, LABELS)
    assert pipeline.predict(NEW).tolist() == ["pos", "neg"]
    assert "GOOD" in pipeline[-1].vocabulary_
    pipeline.set_params(textclassifier__epochs=2).fit(TEXTS, LABELS)
    assert len(pipeline[-1].history_.epochs) == 2


def test_a_grid_is_searched() -> None:
    grid = {"learning_rate": [0.0, 0.3], "min_count": np.array([1, 2])}
    search = GridSearchCV(small(), grid, cv=2, n_jobs=1).fit(TEXTS, LABELS)
    assert search.best_params_["learning_rate"] == 0.3
    assert search.best_score_ == 1.0
    assert search.predict(NEW).tolist() == ["pos", "neg"]


def test_it_is_cross_validated() -> None:
    assert cross_val_score(small(), TEXTS, LABELS, cv=4).tolist() == [1.0] * 4
    assert cross_val_score(small(learning_rate=0.0), np.array(TEXTS), LABELS, cv=2).mean() == 0.5


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["pos", "neg"], ["neg", "pos"]),
        ([10, 9], [9, 10]),
        ([-1, 1], [-1, 1]),
        (np.array([3, 0]), [0, 3]),
        (np.array([3, 0], np.uint8), [0, 3]),
        ([np.int64(10), np.int64(9)], [9, 10]),
        ([True, False], [False, True]),
        (np.array([True, False]), [False, True]),
        ([10.0, 9.0], [9.0, 10.0]),
        (np.array(["b", "a"]), ["a", "b"]),
        (np.array(["b", "a"], object), ["a", "b"]),
        (["10", "9"], ["9", "10"]),
    ],
)
def test_labels_come_back_as_they_were_given(labels: Any, classes: list[Any]) -> None:
    y = [labels[0], labels[0], labels[1], labels[1]] * 8
    if isinstance(labels, np.ndarray):
        y = np.array(y, labels.dtype)
    model = small().fit(TEXTS, y)
    assert model.classes_.tolist() == classes
    assert {type(label) for label in model.classes_.tolist()} == {type(classes[0])}
    answer = model.predict(NEW)
    assert answer.tolist() == [y[0], y[2]] and answer.dtype == model.classes_.dtype
    assert model.score(TEXTS, y) == 1.0 == accuracy_score(y, model.predict(TEXTS))
    assert model.evaluate(TEXTS, y).score == 1.0


def test_columns_of_probabilities_are_in_the_order_of_the_classes() -> None:
    y = [11, 11, 2, 2] * 8
    model = small().fit(TEXTS, y)
    chances = model.predict_proba(NEW)
    assert model.classes_.tolist() == [2, 11]
    assert chances.shape == (2, 2) and (chances.argmax(axis=1) == [1, 0]).all()
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-6)


def test_several_labels_a_text() -> None:
    y = [["pos"], ["pos", "play"], ["neg"], {"neg", "play"}] * 8
    model = small(epochs=40).fit(TEXTS, y)
    assert model.classes_.tolist() == ["neg", "play", "pos"]
    assert model.predict(["good play", "bad film"]) == [("play", "pos"), ("neg",)]
    assert model.predict_proba(TEXTS).shape == (32, 3)
    assert model.score(TEXTS, y) == 1.0
    evaluation = model.evaluate(TEXTS, y)
    assert evaluation.scores == {"micro-F1": 1.0, "macro-F1": 1.0, "exact match": 1.0}
    numbers = small(epochs=40).fit(TEXTS, [[1], [1, 5], [12], [12, 5]] * 8)
    assert numbers.predict(["good play", "bad film"]) == [(1, 5), (12,)]


def test_the_threshold_decides_how_many_labels_a_text_gets() -> None:
    y = [["pos"], ["pos", "play"], ["neg"], ["neg", "play"]] * 8
    counts = []
    for threshold in (0.01, 0.5, 1.0):
        model = small(epochs=5, threshold=threshold).fit(TEXTS, y)
        counts.append(sum(map(len, model.predict(TEXTS))))
    assert counts[0] > counts[1] > counts[2]
    assert counts[0] == 3 * len(TEXTS)


def test_labels_of_valid_or_of_a_score_do_not_change_what_labels_are() -> None:
    names = [str(label) for label in [1, 1, 0, 0] * 8]
    model = small().fit(TEXTS, names, valid=(NEW, [1, 0]))
    assert model.predict(NEW).tolist() == ["1", "0"]
    several = small().fit(TEXTS, [["1"], ["1"], ["0"], ["0"]] * 8)
    several.score(NEW, [[1], [0]])
    assert several.predict(NEW) == [("1",), ("0",)]


def test_a_class_of_one_row_is_trained_and_known() -> None:
    model = small().fit([*TEXTS, "so so"], [*LABELS, "meh"])
    assert model.classes_.tolist() == ["meh", "neg", "pos"]
    assert 32 not in model.held_out_
    assert model.predict(["so so"]).tolist() == ["meh"]


@pytest.mark.parametrize("name", ["linear", "mlp", "cnn", "bilstm", "gru"])
def test_empty_and_unknown_texts_are_predicted(name: str) -> None:
    model = TextClassifier(name, dimension=4, filters=3, hidden=4, windows=(1, 3), epochs=2)
    model.fit([*TEXTS, "", " "], [*LABELS, "pos", "neg"])
    chances = model.predict_proba(["", "  \t", "zebra", "\0", "\ud800", "good\u2028film"])
    assert np.isfinite(chances).all()
    assert (chances[0] == chances[1]).all()
    assert model.predict_proba([]).shape == (0, 2) and len(model.predict([])) == 0


@pytest.mark.parametrize(
    ("X", "y", "said"),
    [
        ("good film", ["pos"], "one string"),
        (TEXTS, LABELS[:-1], "32 texts, but 31 labels"),
        ([*TEXTS[:-1], None], LABELS, "text 31 is NoneType"),
        ([*TEXTS[:-1], b"x"], LABELS, "text 31 is bytes"),
        (np.array([[text] for text in TEXTS]), LABELS, r"\(32, 1\)"),
        ({"text": TEXTS}, LABELS, "named columns"),
        (None, LABELS, "texts are None"),
        (TEXTS, None, "labels are None"),
        (TEXTS, "pos" * 10, "one label a text"),
        (TEXTS, np.ones((32, 2)), r"\(32, 2\)"),
        (TEXTS, [*LABELS[:-1], None], "label 31 is missing"),
        (TEXTS, [*[1.0] * 31, float("nan")], "label 31 is missing"),
        (TEXTS, [[label] for label in LABELS[:-1]] + ["neg"], "row 31 has 'neg'"),
        (TEXTS, [0.5, 1.5, 2.5, 3.5] * 8, "0.5, a measurement"),
        (TEXTS, ["pos"] * 32, "only one label, 'pos'"),
        (TEXTS, [[]] * 32, "no label"),
        ([], [], "no label"),
    ],
)
def test_data_of_no_use_are_refused(X: Any, y: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        small().fit(X, y)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": "cn"}, "did you mean 'cnn'"),
        ({"model": ["cnn"]}, "none of linear, mlp, cnn"),
        ({"output": "relu"}, "none of softmax, sigmoid"),
        ({"tokens": "word"}, "did you mean 'words'"),
        ({"optimizer": "adm"}, "did you mean 'adam'"),
        ({"epochs": 0}, "epochs is 0"),
        ({"epochs": 1.5}, "epochs is 1.5"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"patience": 0}, "patience is 0"),
        ({"filters": 0}, "filters is 0"),
        ({"dimension": "300"}, "dimension is '300'"),
        ({"hidden": -1}, "hidden is -1"),
        ({"min_count": 0}, "min_count is 0"),
        ({"max_vocabulary": 1}, "max_vocabulary is 1"),
        ({"word_ngrams": 0}, "word_ngrams is 0"),
        ({"word_ngrams": 1000}, "word_ngrams is 1000"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"dropout": -0.1}, "dropout is -0.1"),
        ({"validation_fraction": 2}, "validation_fraction is 2"),
        ({"validation_fraction": 0.001}, "0.001 of 32 rows"),
        ({"max_norm": 0}, "max_norm is 0"),
        ({"word_dropout": 1.5}, "word_dropout is 1.5"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"clip": -1}, "clip is -1"),
        ({"learning_rate": -1}, "learning_rate is -1"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"threshold": 0}, "threshold is 0"),
        ({"threshold": float("nan")}, "threshold is nan"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**32}, "seed is 4294967296"),
        ({"windows": ()}, "each once"),
        ({"windows": (3, 3)}, "each once"),
        ({"windows": "345"}, "each once"),
        ({"windows": (0,)}, "n-gram size is 0"),
        ({"windows": (1000,)}, "up to 100"),
        ({"class_weight": "equal"}, "'equal'"),
        ({"class_weight": {"meh": 1.0}}, "names meh, which no row has"),
        ({"class_weight": {"pos": -1.0}}, "'pos' is -1.0"),
        ({"class_weight": {"pos": float("inf")}}, "'pos' is inf"),
        ({"class_weight": {"pos": 0, "neg": 0}}, "0 for every label"),
    ],
)
def test_settings_of_no_use_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        small(**settings).fit(TEXTS, LABELS)


def test_one_sigmoid_is_for_two_classes() -> None:
    with pytest.raises(InputError, match="there are 3"):
        small(output="sigmoid").fit([*TEXTS, "so so"], [*LABELS, "meh"])


def test_valid_must_fit_the_training_rows() -> None:
    with pytest.raises(InputError, match="unknown label 'meh'"):
        small().fit(TEXTS, LABELS, valid=(["so so"], ["meh"]))
    with pytest.raises(InputError, match="2 texts, but 1 labels"):
        small().fit(TEXTS, LABELS, valid=(NEW, ["pos"]))


def test_an_evaluation_with_other_labels_names_the_part() -> None:
    model = small().fit(TEXTS, LABELS)
    with pytest.raises(InputError, match=r"^june\.csv: 1 row with the unknown label 'meh'"):
        model.evaluate(["so so"], ["meh"], "june.csv")
    with pytest.raises(InputError, match="one label here"):
        model.evaluate(NEW, [["pos"], ["neg"]])
