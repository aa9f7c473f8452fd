"""``lexon lm evaluate``."""

from __future__ import annotations

import json
import math

import click

from lexon.cli.lm.text import read_text
from lexon.cli.options import whole
from lexon.errors import InputError


@click.command("evaluate")
@click.argument("model")
@click.argument("file")
@click.option("--encoding", help="Such as utf-8, gb18030, latin-1; recognised.")
@click.option("--tokens", "each", is_flag=True, help="Print every token and its bits, a JSON line.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
@whole("--threads", help="Threads to use; changes no bit of the result.")
def command(
    model: str, file: str, encoding: str | None, each: bool, as_json: bool, threads: int | None
) -> None:
    """Score the language model MODEL on the text of FILE.

    \b
    lexon lm evaluate novel.lexon chapter.txt
    lexon lm evaluate novel.lexon chapter.txt --tokens
    """
    from lexon.parallel import threads as use_threads
    from lexon.tasks import LanguageModel, load
    from lexon.train.history import shown

    if threads is not None:
        use_threads(threads)
    fitted = load(model)
    if not isinstance(fitted, LanguageModel):
        raise InputError(f"{model}: this is no language model\n  train one: lexon lm train")
    text = read_text(file, encoding)
    if each:
        for token, nats in fitted.scores(text):
            bits = {"token": token, "bits": round(nats / math.log(2), 4)}
            click.echo(json.dumps(bits, ensure_ascii=False))
        return
    evaluation = fitted.evaluate(text, file)
    if as_json:
        click.echo(json.dumps(evaluation.to_json(), ensure_ascii=False))
        return
    scores = "  ".join(f"{name} {shown(value)}" for name, value in evaluation.scores.items())
    click.echo(f"{file}: {evaluation.rows:,} tokens  {scores}")
