"""Texts into classes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence, Set
from pathlib import Path
from typing import Any

import click

from lexon.cli.jobs.common import finish, resumption, say_unused, settings, voices, writing
from lexon.cli.options import READING, check_same_labels, read_labelled
from lexon.cli.streams import input_lines
from lexon.errors import InputError


def train(file: str, path: Path, options: dict[str, Any]) -> int:
    from lexon.cli.progress import Terminal
    from lexon.tasks import TextClassifier
    from lexon.tasks.job import Part, train_text

    console, say = voices(options)
    examples = read_labelled(file, options, say)
    others = {}
    for part in ("valid", "test"):
        if options[part]:
            others[part] = read_labelled(options[part], options, say)
            check_same_labels(examples, others[part], options[part])
    model = TextClassifier(**settings(TextClassifier, options))
    say_unused(model, options, say)
    outcome = train_text(
        model,
        Part.of("training", examples),
        valid=Part.of("held-out", others["valid"]) if "valid" in others else None,
        test=Part.of("test", others["test"]) if "test" in others else None,
        baseline=options["baseline"],
        watcher=None if options["quiet"] else Terminal(console),
        resumption=resumption(path, options),
        after_fit=writing(path, say),
        say=say,
    )
    notes = [note for part in (examples, *others.values()) for note in part.notes]
    return finish(outcome, path, options, notes, say)


Read = Callable[[str, dict[str, Any]], tuple[list[str], list[str]]]


def _read(source: str, options: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The texts of a file, and notes on how it was read."""
    from lexon.text import read_examples

    names = ("text", "format", "encoding", "delimiter", "header")
    reading = {name: options[name] for name in names}
    examples = read_examples(source, need_labels=False, **reading)
    return examples.texts, examples.notes


def predict(model: Any, inputs: Sequence[str], options: dict[str, Any], read: Read = _read) -> None:
    """One line a text: its label, with ``proba`` or ``as_json`` more of it."""
    if not inputs and sys.stdin is not None and sys.stdin.isatty():
        raise InputError("nothing to predict: give texts, a file, or - for standard input")
    for texts in _texts(inputs or ("-",), options, read):
        for line in _lines(model, texts, options["proba"], options["as_json"]):
            click.echo(line)


def _texts(inputs: Sequence[str], options: dict[str, Any], read: Read) -> Iterator[list[str]]:
    """Portions of texts: the arguments themselves, the rows of files, or the lines of stdin."""
    for given in inputs:
        if given == "-":
            for line in input_lines(options["encoding"]):
                yield [line]
        elif looks_like_file(given):
            texts, notes = read(given, options)
            for note in notes:
                click.echo(f"{given}: {note}", err=True)
            yield texts
        else:
            yield [given]


#: How names of data files end; what ends so and has no blanks is no text.
SUFFIXES = frozenset((".csv", ".tsv", ".jsonl", ".json", ".txt", ".gz", ".xz"))


def looks_like_file(given: str, suffixes: Set[str] = SUFFIXES) -> bool:
    """Whether an argument is the path of a file, not a text.

    Raises:
        InputError: it looks like a file's name, and there is none.
    """
    if not given:
        return False
    try:
        if Path(given).exists():
            return True
    except (OSError, ValueError):
        return False
    path = Path(given)
    if path.suffix in suffixes and " " not in given:
        raise InputError(f"{given}: there is no such file\n  a text is given in quotation marks")
    return False


def _lines(model: Any, texts: list[str], proba: bool, as_json: bool) -> Iterator[str]:
    """One line a text: the label, or with probabilities the labels by falling probability."""
    if not texts:
        return
    probabilities = model.predict_proba(texts)
    names = model.labels_.names
    labels = model.name(model._decide(probabilities))
    for text, label, row in zip(texts, labels, probabilities, strict=True):
        shown = list(label) if isinstance(label, tuple) else str(label)
        ranked = sorted(zip(names, row.tolist(), strict=True), key=lambda pair: -pair[1])
        if as_json:
            more = {"probabilities": dict(ranked)} if proba else {}
            yield json.dumps({"text": text, "label": shown} | more, ensure_ascii=False)
        elif proba:
            yield "  ".join(f"{name} {value:.4f}" for name, value in ranked)
        else:
            yield ", ".join(shown) if isinstance(shown, list) else shown


def evaluate(model: Any, file: str, options: dict[str, Any]) -> Any:
    """The scores on a file of labelled texts."""
    from lexon.text import read_examples

    if options["target"] is not None:
        raise InputError("--target: this model reads texts\n  name their labels: --label")
    examples = read_examples(file, **{name: options[name] for name in READING})
    for note in examples.notes:
        click.echo(f"{file}: {note}", err=True)
    return model.evaluate(examples.texts, list(examples.labels or ()), file)
