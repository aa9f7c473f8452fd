"""``lexon lm generate``."""

from __future__ import annotations

import click

from lexon.cli.options import whole
from lexon.errors import InputError


@click.command("generate")
@click.argument("model")
@click.option("--prompt", default="", help="Text to go on from [the beginning of a line].")
@whole("--length", least=0, default=100, help="Tokens to write.")
@click.option(
    "--temperature",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="Below 1 safer, above 1 bolder; 0 takes the most probable token.",
)
@whole("--top-k", help="Draw among so many most probable tokens only.")
@whole("--seed", least=0, most=2**32 - 1, default=1, help="Of the draws.")
@whole("--threads", help="Threads to use; changes no bit of the result.")
def command(
    model: str,
    prompt: str,
    length: int,
    temperature: float,
    top_k: int | None,
    seed: int,
    threads: int | None,
) -> None:
    """Write text with the language model MODEL, token by token as it is drawn.

    \b
    lexon lm generate novel.lexon --prompt "It was" --temperature 0.8 --top-k 40 --seed 7
    """
    from lexon.parallel import threads as use_threads
    from lexon.tasks import LanguageModel, load

    if threads is not None:
        use_threads(threads)
    fitted = load(model)
    if not isinstance(fitted, LanguageModel):
        raise InputError(f"{model}: this is no language model\n  train one: lexon lm train")
    ids = fitted.stream_.encode(prompt, fitted.vocabulary_)
    unknown = int((ids == 0).sum())
    if unknown:
        click.echo(f"{unknown} of the prompt's tokens are unknown to the model", err=True)
    pieces = fitted.tokens_after(prompt, length, temperature, top_k, seed)
    click.echo(prompt, nl=False)
    for piece in pieces:
        click.echo(piece, nl=False)
    click.echo()
