"""Relations between two marked spans of a text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from lexon.cli.jobs import text
from lexon.cli.jobs.common import finish, resumption, say_unused, settings, voices, writing
from lexon.errors import InputError

_READING = ("text", "label", "format", "encoding", "delimiter", "header")


def train(file: str, path: Path, options: dict[str, Any]) -> int:
    from lexon.cli.progress import Terminal
    from lexon.tasks import RelationClassifier
    from lexon.tasks.relation_job import part_of, train_relation
    from lexon.text import read_relations

    console, say = voices(options)
    if options["separator"] is not None:
        raise InputError("--separator: a relation has one label")
    parts, notes = {}, []
    names = {"training": file, "held-out": options["valid"], "test": options["test"]}
    for name, source in names.items():
        if source:
            found = read_relations(source, **{one: options[one] for one in _READING})
            say(found.table.recognised.describe())
            for note in found.notes:
                say(f"  {note}")
            notes += found.notes
            parts[name] = part_of(name, found)
    model = RelationClassifier(**settings(RelationClassifier, options))
    say_unused(model, options, say)
    outcome = train_relation(
        model,
        parts["training"],
        valid=parts.get("held-out"),
        test=parts.get("test"),
        baseline=options["baseline"],
        watcher=None if options["quiet"] else Terminal(console),
        resumption=resumption(path, options),
        after_fit=writing(path, say),
        say=say,
    )
    return finish(outcome, path, options, notes, say)


def predict(model: Any, inputs: Sequence[str], options: dict[str, Any]) -> None:
    """One line a text: its label, with ``proba`` or ``as_json`` more of it."""
    text.predict(model, inputs, options, _read)


def _read(source: str, options: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The texts of a file with their marks, and notes on how it was read."""
    from lexon.text import read_relations

    reading = {name: options[name] for name in _READING if name != "label"}
    found = read_relations(source, need_labels=False, **reading)
    return [str(marked) for marked in found.texts], found.notes


def evaluate(model: Any, file: str, options: dict[str, Any]) -> Any:
    """The scores on a file of texts whose relations are known."""
    from lexon.text import read_relations

    for name in ("target", "separator"):
        if options[name] is not None:
            raise InputError(f"--{name}: this model reads marked texts\n  name labels: --label")
    found = read_relations(file, **{name: options[name] for name in _READING})
    for note in found.notes:
        click.echo(f"{file}: {note}", err=True)
    return model.evaluate(found.texts, found.labels, file)
