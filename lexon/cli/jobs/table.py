"""Attributes into a number or a class."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from lexon.cli.jobs.common import finish, resumption, say_unused, settings, voices, writing
from lexon.cli.options import read_rows
from lexon.errors import InputError


def train(file: str, path: Path, options: dict[str, Any]) -> int:
    from lexon.cli.progress import Terminal
    from lexon.tasks.table_job import train_table

    console, say = voices(options)
    tables = {}
    for part, source in (("train", file), ("valid", options["valid"]), ("test", options["test"])):
        if source:
            tables[part] = read_rows(source, options)
            say(tables[part].recognised.describe())

    def of_kind(kind: type) -> dict[str, Any]:
        found = settings(kind, options)
        say_unused(kind(**found), options, say)
        return found

    _, outcome = train_table(
        tables["train"],
        options["target"],
        settings=of_kind,
        valid=tables.get("valid"),
        test=tables.get("test"),
        baseline=options["baseline"],
        watcher=None if options["quiet"] else Terminal(console, "rows"),
        resumption=resumption(path, options),
        after_fit=writing(path, say),
        say=say,
    )
    return finish(outcome, path, options, [], say)


def predict(model: Any, inputs: Sequence[str], options: dict[str, Any]) -> None:
    """One line a row of a file of attributes."""
    if options["text"] is not None:
        raise InputError("--text: this model reads attributes, all columns of a file")
    if len(inputs) != 1:
        raise InputError(
            "this model reads attributes: give one file of rows, or - for standard input"
        )
    if options["proba"] and not hasattr(model, "predict_proba"):
        raise InputError("--proba: this model predicts numbers, which have no probabilities")
    table = read_rows(inputs[0], options)
    answers = model.predict(table)
    chances = model.predict_proba(table) if options["proba"] else None
    answer: Any
    for row, answer in enumerate(answers.tolist()):
        named = {}
        if chances is not None:
            named = dict(zip(map(str, model.classes_), chances[row].tolist(), strict=True))
        if options["as_json"]:
            found = {"row": row + 1, "prediction": answer}
            more = {"probabilities": named} if chances is not None else {}
            click.echo(json.dumps(found | more, ensure_ascii=False))
        elif named:
            click.echo("  ".join(f"{name} {value:.4f}" for name, value in named.items()))
        else:
            click.echo(f"{answer:g}" if isinstance(answer, float) else str(answer))


def evaluate(model: Any, file: str, options: dict[str, Any]) -> Any:
    """The scores on a file of attributes that holds the target."""
    from lexon.tasks.table_job import evaluate_table

    target, label = options["target"], options["label"]
    if options["text"] is not None:
        raise InputError("--text: this model reads attributes, all columns of a file")
    if label is not None and target is not None:
        raise InputError("--label does not go with --target\n  give one of them")
    table = read_rows(file, options)
    return evaluate_table(model, table, file, target or label, lambda s: click.echo(s, err=True))
