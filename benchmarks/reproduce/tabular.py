"""Prices from attributes: a multi-layer network beside scikit-learn, five shuffled folds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from lexon.tasks import TabularRegressor
from lexon.text import read_table

Columns = dict[str, list[Any]]

#: File and target of each set; an index column is no attribute.
SETS = {
    "computers": ("Ecdat_Computers.csv", "price"),
    "california": ("california_housing.csv", "median_house_value"),
}


def cells(name: str) -> dict[str, Callable[[Path], dict[str, float]]]:
    """Folds 1 to 5, shuffled by seed 0."""
    return {f"fold-{fold}": partial(_cell, name, fold) for fold in range(1, 6)}


def _cell(name: str, fold: int, data: Path) -> dict[str, float]:
    file, target = SETS[name]
    table = read_table(data / "tabular" / file)
    columns = {key: cells for key, cells in table.columns.items() if key != "rownames"}
    y = np.array(columns.pop(target), np.float64)
    folds = list(KFold(5, shuffle=True, random_state=0).split(y))
    train, test = folds[fold - 1]
    model = TabularRegressor(model="mlp", seed=1).fit(_take(columns, train), y[train])
    scores = {"mlp R2": model.score(_take(columns, test), y[test])}
    matrix, numeric = _matrix(columns)
    for rival, machine in _rivals(numeric).items():
        scores[f"{rival} R2"] = float(
            machine.fit(matrix[train], y[train]).score(matrix[test], y[test])
        )
    return scores


def _take(columns: Columns, rows: Any) -> Columns:
    return {name: [cells[row] for row in rows] for name, cells in columns.items()}


def _matrix(columns: Columns) -> tuple[Any, list[bool]]:
    """All cells as objects, blanks as NaN; and which columns are numbers."""
    numeric, made = [], []
    for cells in columns.values():
        try:
            made.append([float(cell) if cell != "" else np.nan for cell in cells])
            numeric.append(True)
        except ValueError:
            made.append(cells)
            numeric.append(False)
    return np.array(made, object).T, numeric


def _rivals(numeric: list[bool]) -> dict[str, Any]:
    numbers = np.flatnonzero(numeric).tolist()
    names = np.flatnonzero(~np.array(numeric)).tolist()
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return {
        "HistGradientBoosting": make_pipeline(
            make_column_transformer((one_hot, names), ("passthrough", numbers)),
            HistGradientBoostingRegressor(random_state=0),
        ),
        "LinearRegression": make_pipeline(
            make_column_transformer((one_hot, names), (SimpleImputer(), numbers)),
            LinearRegression(),
        ),
    }
