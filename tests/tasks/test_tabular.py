"""Tables: what the estimators promise of scores, bits, files and errors."""

from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

import lexon
from lexon import storage
from lexon.errors import InputError, ModelFileError, NonFiniteError
from lexon.tasks.tabular import TabularClassifier, TabularRegressor
from lexon.text import read_table

SMALL = {"hidden": (16,), "epochs": 15, "bins": 8}
QUICK: dict[str, Any] = {"hidden": (8,), "epochs": 3, "bins": 4}


@parametrize_with_checks([TabularRegressor(**SMALL), TabularClassifier(**SMALL)])
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def houses(rows: int = 400, seed: int = 0) -> tuple[dict[str, list[Any]], list[str]]:
    """Cells as a CSV file gives them, and a price with a step, a level and an effect of blanks."""
    rng = np.random.default_rng(seed)
    size = rng.uniform(0, 10, rows).round(3)
    town = rng.choice(["north", "south", "west"], rows)
    age = rng.integers(0, 50, rows)
    blank = rng.random(rows) < 0.2
    price = 5.0 * (size > 4) + 3.0 * (town == "south") - 4.0 * blank + 0.05 * age
    table = {
        "rownames": [str(n + 1) for n in range(rows)],
        "size": ["" if b else f"{s}" for s, b in zip(size, blank, strict=True)],
        "town": town.tolist(),
        "age": age.astype(str).tolist(),
    }
    visible = np.where(blank, price - 5.0 * (size > 4), price)
    return table, [f"{p:.4f}" for p in visible]


@pytest.fixture(scope="module")
def regressor() -> TabularRegressor:
    return TabularRegressor(hidden=(64, 64), epochs=40).fit(*houses())


# What is learned


def test_steps_levels_and_blanks_are_learned(regressor: TabularRegressor) -> None:
    assert regressor.score(*houses(seed=1)) > 0.9
    cells: dict[str, list[Any]] = {"size": [8.0, 1.0, None], "town": ["south"] * 3, "age": [20] * 3}
    np.testing.assert_allclose(regressor.predict(cells), [9.0, 4.0, 0.0], atol=1.5)


def test_linear_model_has_no_hidden_layer_and_finds_the_line() -> None:
    X = np.random.default_rng(0).normal(size=(300, 2))
    model = TabularRegressor("linear", bins=0).fit(X, X @ [2.0, -1.0] + 5)
    assert len(model.network_) == 1
    np.testing.assert_allclose(model.predict([[1.0, 1.0], [9.0, 0.0]]), [6.0, 23.0], atol=0.1)


def test_classes_are_learned_and_probabilities_are_in_their_order() -> None:
    table, price = houses()
    high = ["high" if float(p) > 4 else "low" if float(p) > 1 else "none" for p in price]
    model = TabularClassifier(hidden=(64,)).fit(table, high)
    assert model.classes_.tolist() == ["high", "low", "none"]
    assert model.score(table, high) > 0.9
    chances = model.predict_proba({"size": [9], "town": ["south"], "age": [30]})
    assert chances.shape == (1, 3) and chances[0, 0] > 0.9
    scores = model.evaluate(table, high, "training")
    assert scores.score == pytest.approx(model.score(table, high))
    assert scores.examples[0].text.startswith("size=") and "town=" in scores.examples[0].text


def test_held_out_rows_keep_the_share_of_every_class() -> None:
    y = np.array([0] * 180 + [1] * 20)
    model = TabularClassifier(**QUICK).fit(np.arange(200.0)[:, None] % 17, y)
    assert len(model.held_out_) == 20 and y[model.held_out_].sum() == 2


def test_evaluate_measures_what_predict_gives(regressor: TabularRegressor) -> None:
    table, price = houses(seed=1)
    scores = regressor.evaluate(table, price).scores
    missed = regressor.predict(table) - np.array(price, float)
    assert scores["R2"] == pytest.approx(regressor.score(table, price))
    assert scores["RMSE"] == pytest.approx(np.sqrt((missed**2).mean()))


# Nothing but the training part is looked at


def test_encoder_and_target_know_nothing_of_held_out_rows() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 2)), rng.normal(size=200)
    first = TabularRegressor(**QUICK).fit(X, y)
    X[first.held_out_], y[first.held_out_] = 1000.0, -500.0
    second = TabularRegressor(**QUICK).fit(X, y)
    assert first.encoder_.to_json() == second.encoder_.to_json()
    assert first.target_ == second.target_
    X[0] = 1000.0  # and it does know the others
    assert TabularRegressor(**QUICK).fit(X, y).encoder_.to_json() != first.encoder_.to_json()


def test_the_best_epoch_on_the_given_part_is_kept() -> None:
    table, price = houses()
    other = houses(60, seed=2)
    model = TabularRegressor(hidden=(32,), epochs=12, learning_rate=0.05)
    model.fit(table, price, valid=other)
    scores = [epoch.score for epoch in model.history_.epochs]
    assert model.held_out_ is None
    assert model.history_.best == int(np.argmax(scores)) + 1
    assert model.score(*other) == pytest.approx(max(scores), abs=1e-6)


def test_patience_ends_training() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 5)), rng.normal(size=300)
    model = TabularRegressor(epochs=60, patience=2, hidden=(64,)).fit(X, y)
    assert model.history_.stopped == "no better for 2 epochs"
    assert len(model.history_.epochs) == model.history_.best + 2


def test_few_rows_all_train_and_a_note_says_so() -> None:
    model = TabularRegressor(**QUICK).fit([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0])
    assert model.held_out_ is None and model.history_.epochs[-1].score is None
    assert "too few to hold out" in model.notes_[0]


def test_more_classes_than_held_out_rows() -> None:
    labels = [f"c{row % 60}" for row in range(120)]
    for seed in range(3):
        model = TabularClassifier(**QUICK, seed=seed).fit([[row] for row in range(120)], labels)
        assert len(model.classes_) == 60 and len(model.held_out_) >= 10


@pytest.mark.parametrize("held", [0, 0.1])
@pytest.mark.parametrize("rate", [1e38, 1e300])
def test_a_rate_that_explodes_is_an_error_with_a_remedy(rate: float, held: float) -> None:
    settings: dict[str, Any] = {"model": "linear", "optimizer": "sgd", "epochs": 1}
    settings |= {"learning_rate": rate, "validation_fraction": held, "batch_size": 400}
    with pytest.raises(NonFiniteError, match="the learning rate"):
        TabularRegressor(**settings).fit(*houses())


def test_scores_of_held_out_rows_that_are_not_finite_are_an_error(monkeypatch: Any) -> None:
    monkeypatch.setattr(
        TabularRegressor, "_forward", lambda self, rows: np.full((len(rows), 1), 1e30, np.float32)
    )
    with pytest.raises(NonFiniteError, match="held-out rows are not finite"):
        TabularRegressor(**QUICK).fit(*houses())


def test_a_fit_that_fails_leaves_nothing() -> None:
    model = TabularRegressor(**QUICK).fit(*houses(50))
    model.target_column_ = "price"
    with pytest.raises(InputError):
        model.fit({"size": [1, 2, 3]}, [1, 2, "many"])
    assert vars(model) == model.get_params() and model.target_column_ == ""
    model.fit(*houses(50)).target_column_ = "price"
    assert model.fit(*houses(50)).target_column_ == ""


def test_levels_that_no_file_holds_are_refused_before_training(monkeypatch: Any) -> None:
    monkeypatch.setattr(storage, "_LONGEST_HEADER", 100)
    monkeypatch.setattr(TabularRegressor, "_train", lambda *a: pytest.fail("it trains"))
    with pytest.raises(InputError, match=r"levels of the columns take .*\n.*leave out columns"):
        TabularRegressor(**QUICK).fit(*houses())


def test_the_learning_rate_falls_along_a_cosine() -> None:
    model = TabularRegressor(hidden=(8,), epochs=4, learning_rate=0.01, patience=None)
    rates = [epoch.learning_rate for epoch in model.fit(*houses()).history_.epochs]
    seen = np.arange(4) + 352 / 360  # epochs before the last step of each, which takes 8 rows
    np.testing.assert_allclose(rates, 0.005 * (1 + np.cos(np.pi * seen / 4)), atol=1e-12)


# Bits


def test_bits_do_not_depend_on_threads() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 6))
    before, states = lexon.threads(), []
    try:
        for number in (1, 3):
            lexon.threads(number)
            model = TabularRegressor(epochs=2).fit(X, X[:, 0] * X[:, 1])
            states.append((model.network_.state_dict(), model.predict(X)))
    finally:
        lexon.threads(before)
    (first, ones), (second, threes) = states
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert np.array_equal(ones, threes)


def test_a_row_alone_gives_the_same_bits(regressor: TabularRegressor) -> None:
    table, _ = houses(50, seed=3)
    whole = regressor.predict(table)
    alone = [regressor.predict({k: [v[i]] for k, v in table.items()})[0] for i in range(50)]
    assert whole.tolist() == alone


def test_probabilities_of_a_row_alone_have_the_same_bits() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 4)), rng.integers(0, 5, 120)
    model = TabularClassifier(**SMALL).fit(X, y)
    alone = np.concatenate([model.predict_proba(row[None]) for row in X])
    assert np.array_equal(model.predict_proba(X), alone)


def test_another_seed_gives_another_network() -> None:
    X = np.random.default_rng(0).normal(size=(150, 3))
    one, same, other = (
        TabularRegressor(seed=seed, **QUICK).fit(X, X[:, 0]).predict(X) for seed in (1, 1, 2)
    )
    assert np.array_equal(one, same) and not np.array_equal(one, other)


class _Stop(Exception):
    pass


@pytest.mark.parametrize("after", [3, 17])
def test_resumed_training_gives_the_same_bits(after: int) -> None:
    table, price = houses()
    make = lambda: TabularRegressor(hidden=(16,), epochs=5, batch_size=64)  # noqa: E731
    whole, saved = make().fit(table, price), []

    class Cut:
        def __init__(self, last: int) -> None:
            self.steps, self.last = 0, last

        def began(self, training: Any) -> None: ...
        def passed(self, training: Any, epoch: Any) -> None: ...
        def ended(self, training: Any) -> None: ...
        def stepped(self, training: Any) -> None:
            self.steps += 1
            if self.steps == self.last:
                saved.append(copy.deepcopy(training.state()))
                raise _Stop

    with pytest.raises(_Stop):
        make().fit(table, price, watcher=Cut(last=after))
    rest = Cut(last=10**9)
    load = lambda training: training.load_state(*saved[0])  # noqa: E731
    resumed = make().fit(table, price, watcher=rest, checkpoint=load)
    assert rest.steps == 30 - after
    assert resumed.history_ == whole.history_
    assert np.array_equal(resumed.predict(table), whole.predict(table))


# Files


def test_equal_trainings_give_equal_bytes_and_a_reload_equal_bits(
    tmp_path: Path, regressor: TabularRegressor
) -> None:
    table, price = houses(seed=4)
    clone(regressor).fit(*houses()).save(tmp_path / "a")
    regressor.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    loaded = TabularRegressor.load(tmp_path / "a")
    assert np.array_equal(loaded.predict(table), regressor.predict(table))
    assert loaded.score(table, price) == regressor.score(table, price)
    assert loaded.get_params() == regressor.get_params()
    assert loaded.notes_ == regressor.notes_ and loaded.history_ == regressor.history_
    assert loaded.feature_names_in_.tolist() == regressor.feature_names_in_.tolist()
    loaded.save(tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == (tmp_path / "a").read_bytes()


@pytest.mark.parametrize(
    "labels", [["a", "b", "Ünlü"], [3, 10, -1], [False, True, True], [0.0, 1.0, 2.0]]
)
def test_classes_come_back_as_they_were(tmp_path: Path, labels: list[Any]) -> None:
    X, y = np.arange(30.0)[:, None] % 7, labels * 10
    model = TabularClassifier(**QUICK).fit(X, y)
    model.save(tmp_path / "m")
    loaded = TabularClassifier.load(tmp_path / "m")
    assert loaded.classes_.dtype == model.classes_.dtype == np.array(labels).dtype
    assert loaded.predict(X).tolist() == model.predict(X).tolist()
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_a_file_of_another_task_is_refused(tmp_path: Path, regressor: TabularRegressor) -> None:
    regressor.save(tmp_path / "m")
    with pytest.raises(ModelFileError, match="tabular-regression, not for tabular-classification"):
        TabularClassifier.load(tmp_path / "m")


MALFORMED: list[tuple[tuple[str, ...], Any]] = [
    (("settings", "hidden"), [64, 10**9]),
    (("settings", "hidden"), "64"),
    (("settings", "dropout"), 2),
    (("settings", "strange"), 1),
    (("settings",), None),
    (("columns",), ["size", "age"]),
    (("columns",), 7),
    (("encoder", "version"), 99),
    (("encoder", "means"), ["x", "y"]),
    (("encoder", "deviations"), [1.0, 0.0]),
    (("encoder", "edges"), [[2.0, 1.0], [1.0, 2.0]]),
    (("encoder", "edges"), [[0.0, 1.0], [1.0, 2.0]]),  # fewer pieces than the network has inputs
    (("encoder", "blanks"), [5]),
    (("encoder", "levels"), [["north", "north", "west"]]),
    (("encoder",), []),
    (("target", "deviation"), -1.0),
    (("target",), {}),
    (("history",), {}),
    (("notes",), None),
]


@pytest.mark.parametrize(("place", "value"), MALFORMED)
def test_malformed_content_is_refused(
    tmp_path: Path, regressor: TabularRegressor, place: tuple[str, ...], value: Any
) -> None:
    regressor.save(tmp_path / "m")
    stored = storage.read(tmp_path / "m", "model")
    inner = stored.content
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    storage.write(tmp_path / "m", "model", stored.content, stored.arrays)
    with pytest.raises(ModelFileError, match="not as it should be"):
        TabularRegressor.load(tmp_path / "m")


@pytest.mark.parametrize(
    ("kind", "names"), [("|O", ["a", "b", {}]), ("<M8[D]", [1, 2]), ("<i8", [3]), ("<i8", [3, 3])]
)
def test_malformed_classes_are_refused(tmp_path: Path, kind: str, names: list[Any]) -> None:
    model = TabularClassifier(**QUICK).fit(np.arange(20.0)[:, None] % 7, [0, 1] * 10)
    model.save(tmp_path / "m")
    stored = storage.read(tmp_path / "m", "model")
    stored.content["target"] = {"type": kind, "names": names}
    storage.write(tmp_path / "m", "model", stored.content, stored.arrays)
    with pytest.raises(ModelFileError, match="not as it should be"):
        TabularClassifier.load(tmp_path / "m")


def test_copies_and_pickles_predict_the_same_bits(regressor: TabularRegressor) -> None:
    table, _ = houses(seed=5)
    expected = regressor.predict(table)
    for other in (copy.deepcopy(regressor), pickle.loads(pickle.dumps(regressor))):
        assert np.array_equal(other.predict(table), expected)


def test_cross_validation_of_scikit_learn_runs() -> None:
    X = np.random.default_rng(0).normal(size=(300, 3))
    scores = cross_val_score(TabularRegressor(hidden=(64,)), X, X[:, 0] + X[:, 1] ** 2, cv=3)
    assert scores.min() > 0.5


# Real data


@pytest.mark.skipif("LEXON_DATA" not in os.environ, reason="LEXON_DATA names no folder of data")
def test_prices_of_computers_are_explained_far_better_than_by_a_line() -> None:
    path = Path(os.environ["LEXON_DATA"]) / "tabular" / "Ecdat_Computers.csv"
    if not path.exists():
        pytest.skip(f"{path.name} is not there")
    table = read_table(path)
    order = np.random.default_rng(0).permutation(len(table))
    learn, test = order[:5000], order[5000:]

    def rows(which: Any) -> tuple[dict[str, list[Any]], list[Any]]:
        cells = {name: [column[i] for i in which] for name, column in table.columns.items()}
        return cells, cells.pop("price")

    model = TabularRegressor(epochs=15).fit(*rows(learn))
    assert model.notes_ == ("column 'rownames' left out: rownames is the name of an index",)
    score = model.score(*rows(test))
    inputs = [
        model.encoder_.inputs(model.encoder_.encode(model._read(rows(w)[0]))) for w in (learn, test)
    ]
    line = LinearRegression().fit(inputs[0][:, :6], np.array(rows(learn)[1], float))
    assert score > 0.92 > 0.8 > line.score(inputs[1][:, :6], np.array(rows(test)[1], float))
