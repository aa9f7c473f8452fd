"""What cannot be used, and what the error says of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lexon.errors import InputError
from lexon.tasks.tabular import TabularClassifier, TabularRegressor
from tests.tasks.test_tabular import QUICK, houses


@pytest.fixture(scope="module")
def regressor() -> TabularRegressor:
    return TabularRegressor(**QUICK).fit(*houses())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "cnn"}, "there is no model 'cnn'"),
        ({"optimizer": "adamwx"}, "did you mean 'adamw'"),
        ({"optimizer": "zzz"}, "choose one of these"),
        ({"hidden": (8, 0)}, "hidden is 0"),
        ({"hidden": "8"}, "hidden is '8'"),
        ({"dropout": 1}, "dropout is 1"),
        ({"bins": -1}, "bins is -1"),
        ({"epochs": 0}, "epochs is 0"),
        ({"batch_size": 2.5}, "batch_size is 2.5"),
        ({"patience": 0}, "patience is 0"),
        ({"validation_fraction": 1.0}, "validation_fraction is 1.0"),
        ({"learning_rate": -1}, "learning_rate is -1"),
        ({"seed": -3}, "seed is -3"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TabularRegressor(**settings).fit([[1.0], [2.0]], [1.0, 2.0])


def test_errors_name_column_row_and_remedy(regressor: TabularRegressor) -> None:
    table, price = houses(20)
    refused = [
        ({**table, "size": ["1.5", "big"] + ["2"] * 18}, price, "column 'size', row 2: 'big'"),
        ({**table, "age": ["inf"] * 20}, price, "column 'age', row 1: the number is infinite"),
        ({**table, "age": ["1e200"] * 20}, price, "too large"),
    ]
    for cells, _, message in refused:
        with pytest.raises(InputError, match=message):
            regressor.predict(cells)
    with pytest.raises(InputError, match="column 'age', row 3: the number is infinite"):
        TabularRegressor(**QUICK).fit({**table, "age": [1, 2, np.inf] + [4] * 17}, price)
    with pytest.raises(InputError, match=r"no column 'town'; .*\n.*is 'towns' meant"):
        regressor.predict({"size": [1], "towns": ["north"], "age": [1]})
    with pytest.raises(InputError, match="column 'age' is blank in all rows"):
        TabularRegressor(**QUICK).fit({**table, "age": ["", "NA"] * 10}, price)
    with pytest.raises(InputError, match="column 1 of X is blank in all rows"):
        TabularRegressor(**QUICK).fit([[1.0, np.nan], [2.0, np.nan]], [1.0, 2.0])
    with pytest.raises(InputError, match="'town', which is no column of numbers"):
        regressor.predict([[1.0, 2.0, 3.0, 4.0]])
    with pytest.raises(InputError, match=r"X\[1, 0\]: the number is infinite"):
        TabularRegressor(**QUICK).fit([[1.0], [np.inf]], [1.0, 2.0])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["1.5", "two", "3"], "the target, row 2: 'two' is no number"),
        (["1.5", "", "3"], "the target, row 2: blank"),
        ([1.0, 2.0, np.nan], "the target, row 3: blank"),
        ([1.0, np.inf, 2.0], "the target, row 2: the number is infinite"),
        ([4.0, 4.0, 4.0], "the target is 4.0 in all rows"),
        ([1.0, 2.0], "X has 3 rows, y has 2"),
    ],
)
def test_targets_that_are_no_numbers(y: list[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TabularRegressor(**QUICK).fit([[1.0], [2.0], [3.0]], y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "", "b"], "the target, row 2"),
        (["a", "a", "a"], "one class"),
        ([0.5, 1.5, 2.5], "continuous"),
        (np.array(["a", None, "b"], object), "the target, row 2"),
    ],
)
def test_targets_that_are_no_labels(y: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        TabularClassifier(**QUICK).fit([[1.0], [2.0], [3.0]], y)


def test_a_label_unknown_in_training_is_named() -> None:
    model = TabularClassifier(**QUICK).fit([[1.0], [2.0]], ["a", "b"])
    with pytest.raises(InputError, match="row 2: 'c' is no class of the training rows"):
        model.evaluate([[1.0], [2.0]], ["a", "c"])
    with pytest.raises(InputError, match="row 1: 'z' is no class"):
        TabularClassifier(**QUICK).fit([[1.0], [2.0]], ["a", "b"], valid=([[1.0]], ["z"]))


def test_a_table_for_a_network_of_arrays_is_refused() -> None:
    model = TabularRegressor(**QUICK).fit([[1.0], [2.0]], [1.0, 2.0])
    with pytest.raises(InputError, match="trained on an array"):
        model.predict({"x0": [1.0]})
