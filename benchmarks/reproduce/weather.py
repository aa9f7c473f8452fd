"""Tomorrow's highest temperature in five cities from the last five to seven days.

Split by time: the last 146 of 731 days are the test part, the 58 days before them choose the
epoch. Settings were chosen on five parts of the days before the test part, each after the days that
trained. Year, month and day, which the date says as well, are no inputs: no row that trains has
the later ones.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from lexon.tasks import SeriesRegressor
from lexon.tasks.series_job import train_series
from lexon.text import read_table


def cells(model: str, by_city: bool) -> dict[str, Callable[[Path], dict[str, float]]]:
    """Seeds 1 to 3."""
    return {f"seed-{seed}": partial(_cell, model, by_city, seed) for seed in (1, 2, 3)}


def _cell(name: str, by_city: bool, seed: int, data: Path) -> dict[str, float]:
    table = read_table(data / "weather" / "Weather.csv")
    model = SeriesRegressor(
        name,
        series="high_temp",
        by="city",
        order="date",
        past=(5, 7),
        leave_out=("year", "month", "day"),
        seed=seed,
    )
    found = train_series(model, table)
    scores = {}
    for who, parts in ((name, found.evaluations), ("linear regression", found.baseline),
                       *found.rivals):  # fmt: skip
        test = parts[-1]
        scores[f"{who} MAE"] = test.score
        cities = test.groups if by_city else ()
        scores |= {f"{who} MAE, {city.name}": city.scores["MAE"] for city in cities}
    return scores | {"best epoch": found.history.best}
