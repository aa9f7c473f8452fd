"""Series into forecasts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from lexon.cli.jobs.common import finish, resumption, settings, voices, writing
from lexon.cli.options import read_rows
from lexon.errors import InputError


def train(file: str, path: Path, options: dict[str, Any]) -> int:
    from lexon.cli.progress import Terminal
    from lexon.tasks import SeriesRegressor
    from lexon.tasks.series_job import TEST_SHARE, train_series

    console, say = voices(options)
    model = SeriesRegressor(**settings(SeriesRegressor, options))
    tables = []
    for source in filter(None, (file, options["test"])):
        tables.append(read_rows(source, options))
        say(tables[-1].recognised.describe())
    share = TEST_SHARE if options["test_share"] is None else options["test_share"]
    outcome = train_series(
        model,
        tables[0],
        test=tables[1] if len(tables) > 1 else None,
        test_from=options["test_from"],
        test_share=share,
        baseline=options["baseline"],
        watcher=None if options["quiet"] else Terminal(console, "windows"),
        resumption=resumption(path, options),
        after_fit=writing(path, say),
        say=say,
    )
    return finish(outcome, path, options, [], say)


def predict(model: Any, inputs: Sequence[str], options: dict[str, Any]) -> None:
    """One line a group of a file of rows: what comes after its last one."""
    for name in ("text", "proba"):
        if options[name]:
            raise InputError(
                f"--{name}: this model reads series of numbers, and forecasts the next"
            )
    if len(inputs) != 1:
        raise InputError("this model reads series: give one file of rows, or - for standard input")
    forecasts, short = model.forecast_all(read_rows(inputs[0], options))
    least = model.past[0]
    for group in short:
        named = f"{group}: " if group else ""
        click.echo(f"{named}fewer than {least} rows on end at the end: no forecast", err=True)
    if not forecasts:
        raise InputError(f"{inputs[0]}: nothing to forecast from\n  give {least} rows or more")
    for forecast in forecasts:
        if options["as_json"]:
            group = {} if model.by is None else {model.by: forecast.group}
            found = {"after": forecast.after, "rows": forecast.rows, "prediction": forecast.value}
            click.echo(json.dumps(group | found, ensure_ascii=False))
        else:
            named = f"{forecast.group}  " if forecast.group else ""
            click.echo(f"{named}after {forecast.after}: {forecast.value:g}")


def evaluate(model: Any, file: str, options: dict[str, Any]) -> Any:
    """The scores on the rows of a file that have enough rows before them."""
    for name in ("text", "label", "target"):
        if options[name] is not None:
            raise InputError(f"--{name}: this model forecasts column {model.series!r}, no other")
    return model.evaluate(read_rows(file, options), file)
