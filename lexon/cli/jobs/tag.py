"""Sentences into tags on their tokens."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from lexon.cli.jobs.common import finish, resumption, say_unused, settings, voices, writing
from lexon.cli.jobs.text import SUFFIXES, looks_like_file
from lexon.cli.streams import input_lines
from lexon.errors import InputError

#: How names of files of columns end, beside those of all data files.
NAMED = frozenset((".conll", ".conllu", ".bio", ".iob", ".train", ".dev", ".test"))


def train(file: str, path: Path, options: dict[str, Any]) -> int:
    from lexon.cli.progress import Terminal
    from lexon.tasks import SequenceTagger
    from lexon.tasks.tag_job import TaggedPart, train_tagger

    console, say = voices(options)
    model = SequenceTagger(**settings(SequenceTagger, options))
    sources = {"training": file, "held-out": options["valid"], "test": options["test"]}
    parts = {name: _read(source, options, say) for name, source in sources.items() if source}
    say_unused(model, options, say)
    outcome = train_tagger(
        model,
        **{
            argument: TaggedPart.of(name, parts[name])
            for argument, name in (("train", "training"), ("valid", "held-out"), ("test", "test"))
            if name in parts
        },
        baseline=options["baseline"],
        watcher=None if options["quiet"] else Terminal(console, "sentences"),
        resumption=resumption(path, options),
        after_fit=writing(path, say),
        say=say,
    )
    notes = [note for part in parts.values() for note in part.notes]
    return finish(outcome, path, options, notes, say)


def _read(source: str, options: dict[str, Any], say: Any, need_tags: bool = True) -> Any:
    """Tagged sentences of a file; what was recognised is said."""
    from lexon.text.conll import read_tagged

    for name in ("delimiter", "header", "separator"):
        if options.get(name) is not None:
            raise InputError(f"--{name}: sentences with tags have none\n  leave it out")
    names = ("text", "label", "format", "encoding")
    given = {name: options.get(name) for name in names}
    found = read_tagged(source, need_tags=need_tags, **given)
    tokens = f", {sum(map(len, found.tokens)):,} tokens" if found.tags is not None else ""
    say(f"{found.source}: {len(found):,} sentences{tokens}")
    for note in found.notes:
        say(f"  {note}")
    return found


def predict(model: Any, inputs: Sequence[str], options: dict[str, Any]) -> None:
    """One line a token (its tag behind it) and a blank line a sentence, or one of JSON."""
    if not inputs and sys.stdin is not None and sys.stdin.isatty():
        raise InputError("nothing to tag: give sentences, a file, or - for standard input")
    for given in inputs or ("-",):
        for sentences, rows in _portions(given, options):
            _write(model, model.tokenize(sentences), rows, options)


def _portions(
    given: str, options: dict[str, Any]
) -> Iterator[tuple[list[Any], list[list[list[str]]] | None]]:
    """Sentences, and the columns of those that have some: of a file, a text, or lines of stdin."""
    columns = options["format"] in ("conll", "jsonl")
    if given == "-" and not columns:
        for line in input_lines(options["encoding"]):
            if line.strip():
                yield [line], None
    elif given == "-" or looks_like_file(given, SUFFIXES | NAMED):
        if options["format"] == "lines":
            from lexon.text import read_examples

            reading = {"format": "lines", "encoding": options["encoding"]}
            yield read_examples(given, need_labels=False, **reading).texts, None
            return
        found = _read(given, options, lambda line: click.echo(line, err=True), need_tags=False)
        yield found.tokens, found.rows
    else:
        yield [given], None


def _write(
    model: Any, tokens: list[list[str]], rows: list[list[list[str]]] | None, options: dict[str, Any]
) -> None:
    """Tags behind the tokens, or behind the columns of the file."""
    tags, sure = model.predict_sure(tokens)
    for place, (own, found, chances) in enumerate(zip(tokens, tags, sure, strict=True)):
        if options["as_json"]:
            more = {"probabilities": chances} if options["proba"] else {}
            click.echo(json.dumps({"tokens": own, "tags": found} | more, ensure_ascii=False))
            continue
        lines = [[token] for token in own] if rows is None else rows[place]
        for cells, tag, chance in zip(lines, found, chances, strict=True):
            more_cells = [tag, f"{chance:.4f}"] if options["proba"] else [tag]
            click.echo("\t".join([*cells, *more_cells]))
        click.echo()


def evaluate(model: Any, file: str, options: dict[str, Any]) -> Any:
    """The scores on a file of tagged sentences."""
    if options["target"] is not None:
        raise InputError("--target: this model tags tokens\n  name their tags' column: --label")
    found = _read(file, options, lambda line: click.echo(line, err=True))
    evaluation = model.evaluate(found.tokens, found.tags, file)
    for note in evaluation.notes:
        click.echo(f"{file}: {note}", err=True)
    return evaluation
