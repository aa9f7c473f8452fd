"""``lexon predict``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from lexon.cli.options import read_rows, reading_options
from lexon.cli.streams import input_lines
from lexon.errors import InputError


@click.command()
@click.argument("model")
@click.argument("inputs", nargs=-1)
@click.option("--text", help="Column of the texts in a file; guessed when not given.")
@click.option("--proba", is_flag=True, help="Print the probability of every label.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@reading_options
def command(
    model: str,
    inputs: tuple[str, ...],
    text: str | None,
    proba: bool,
    as_json: bool,
    **reading: Any,
) -> None:
    """Predict with the model file MODEL: texts, files, or lines from standard input (-).

    \b
    lexon predict reviews.lexon "a wonderful film" "too long"
    lexon predict reviews.lexon new.csv --proba
    cat texts.txt | lexon predict reviews.lexon -
    lexon predict prices.lexon computers.csv --json
    """
    from lexon.tasks import TextClassifier, load

    fitted = load(model)
    if not isinstance(fitted, TextClassifier):
        if text is not None:
            raise InputError("--text: this model reads attributes, all columns of a file")
        _predict_rows(fitted, inputs, proba, as_json, reading)
        return
    if not inputs and sys.stdin is not None and sys.stdin.isatty():
        raise InputError("nothing to predict: give texts, a file, or - for standard input")
    reading["text"] = text
    for texts in _texts(inputs or ("-",), reading):
        for line in _lines(fitted, texts, proba, as_json):
            click.echo(line)


def _texts(inputs: Sequence[str], reading: dict[str, Any]) -> Iterator[list[str]]:
    """Portions of texts: the arguments themselves, the rows of files, or the lines of stdin."""
    from lexon.text import read_examples

    for given in inputs:
        if given == "-":
            for line in input_lines(reading["encoding"]):
                yield [line]
        elif _looks_like_file(given):
            options = {k: v for k, v in reading.items() if k != "separator"}
            examples = read_examples(given, need_labels=False, **options)
            for note in examples.notes:
                click.echo(f"{given}: {note}", err=True)
            yield examples.texts
        else:
            yield [given]


def _looks_like_file(given: str) -> bool:
    if not given:
        return False
    try:
        if Path(given).exists():
            return True
    except (OSError, ValueError):
        return False
    path = Path(given)
    if (
        path.suffix in {".csv", ".tsv", ".jsonl", ".json", ".txt", ".gz", ".xz"}
        and " " not in given
    ):
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


def _predict_rows(
    model: Any, inputs: Sequence[str], proba: bool, as_json: bool, reading: dict[str, Any]
) -> None:
    """One line a row of a file of attributes."""
    if len(inputs) != 1:
        raise InputError(
            "this model reads attributes: give one file of rows, or - for standard input"
        )
    if proba and not hasattr(model, "predict_proba"):
        raise InputError("--proba: this model predicts numbers, which have no probabilities")
    table = read_rows(inputs[0], reading)
    answers = model.predict(table)
    chances = model.predict_proba(table) if proba else None
    answer: Any
    for row, answer in enumerate(answers.tolist()):
        named = {}
        if chances is not None:
            named = dict(zip(map(str, model.classes_), chances[row].tolist(), strict=True))
        if as_json:
            found = {"row": row + 1, "prediction": answer}
            more = {"probabilities": named} if chances is not None else {}
            click.echo(json.dumps(found | more, ensure_ascii=False))
        elif named:
            click.echo("  ".join(f"{name} {value:.4f}" for name, value in named.items()))
        else:
            click.echo(f"{answer:g}" if isinstance(answer, float) else str(answer))
