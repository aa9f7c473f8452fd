"""``lexon lm train``."""

from __future__ import annotations

from typing import Any

import click

from lexon.cli.jobs.common import finish, keeping, outputs, resumption, voices, writing
from lexon.cli.lm.text import read_text
from lexon.cli.options import resuming_options, whole
from lexon.errors import InputError

#: The estimator's parameters that are options.
_SETTINGS = (
    "model", "level", "tokens", "lowercase", "min_count", "max_vocabulary", "dimension", "hidden",
    "layers", "dropout", "tied", "softmax", "samples", "limit", "steps", "batch_size", "optimizer",
    "learning_rate", "decay", "decay_after", "clip", "epochs", "patience", "seed",
)  # fmt: skip


@click.command("train")
@click.argument("file")
@click.option("-o", "--model-file", required=True, help="The model file to write.")
@click.option("--level", type=click.Choice(["word", "char"]), default="word", show_default=True)
@click.option(
    "--model", type=click.Choice(["rnn", "gru", "lstm"]), default="lstm", show_default=True
)
@whole("--hidden", default=200, help="Width of the recurrent layers.")
@whole("--layers", default=2, help="Recurrent layers on top of each other.")
@whole("--dimension", help="Width of word vectors [as hidden].")
@click.option(
    "--dropout",
    type=float,
    default=0.2,
    show_default=True,
    help="Probability to drop a value between layers.",
)
@click.option("--tied", is_flag=True, help="Word vectors and softmax share their weights.")
@click.option(
    "--softmax",
    type=click.Choice(["full", "sampled", "hierarchical"]),
    default="full",
    show_default=True,
    help="How the last layer is trained; the others suit large vocabularies.",
)
@whole("--samples", default=1024, help="Words drawn at a step of the sampled softmax.")
@click.option("--limit", type=float, help="First weights are uniform up to so much.")
@whole("--steps", default=35, help="Tokens that the gradient goes back.")
@whole("--batch-size", default=20, help="Rows of the text that are read side by side.")
@whole("--epochs", default=10, help="Passes over the text.")
@whole("--patience", default=3, help="Epochs without gain before training stops.")
@click.option("--optimizer", default="adam", show_default=True, help="Or sgd, rmsprop, ...")
@click.option("--learning-rate", type=float, help="How far a step goes.")
@click.option(
    "--decay", type=float, default=0.5, show_default=True, help="Factor on the learning rate."
)
@whole(
    "--decay-after", help="Decay after every epoch from this one on [when the loss does not fall]."
)
@click.option("--clip", type=float, default=1.0, show_default=True, help="Norm of the gradient.")
@click.option("--tokens", type=click.Choice(["auto", "spaces", "words"]), default="auto")
@click.option("--lowercase/--keep-case", default=False, help="Take Good for good [keep case].")
@whole("--min-count", default=1, help="Rarer tokens are unknown.")
@whole("--max-vocabulary", least=2, help="Keep the most frequent tokens only.")
@click.option("--valid", help="File held out to choose the best epoch, instead of the end.")
@click.option("--test", help="File looked at once, at the end.")
@click.option(
    "--hold-out",
    "validation_fraction",
    type=click.FloatRange(0, 1, max_open=True),
    help="Share of the text, its end, held out without --valid [0.05].",
)
@click.option("--encoding", help="Such as utf-8, gb18030, latin-1; recognised.")
@whole("--seed", least=0, most=2**32 - 1, default=1, help="Of all chance there is.")
@whole("--threads", help="Threads to use; changes no bit of the result.")
@click.option("--report", help="Write an HTML report to this file.")
@click.option("--baseline/--no-baseline", default=True, help="Count n-grams as a simple rival.")
@resuming_options
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
@click.option("--quiet", is_flag=True, help="Print the verdict only.")
def command(file: str, model_file: str, **options: Any) -> int:
    """Train a language model on FILE, running text; .gz, .xz and .bz2 too.

    Words stand between spaces; a character model needs none, and suits Chinese. Ctrl-C ends
    training: the best epoch so far is written, the exit code is 130, and --resume goes on.

    \b
    lexon lm train novel.txt --level char --hidden 128 -o novel.lexon
    lexon lm train ptb.train.txt --valid ptb.valid.txt --tied -o ptb.lexon
    """
    from lexon.cli.progress import Terminal
    from lexon.parallel import threads
    from lexon.tasks.language import LanguageModel
    from lexon.tasks.language_job import Text, train_language

    if options["threads"] is not None:
        threads(options["threads"])
    inputs = (file, options["valid"], options["test"])
    path = outputs(model_file, options, *inputs)
    console, say = voices(options)
    parts = {
        name: Text(name, read_text(source, options["encoding"], say))
        for name, source in zip(("training", "held-out", "test"), inputs, strict=True)
        if source is not None
    }
    given = {name: options[name] for name in _SETTINGS}
    if options["validation_fraction"] is not None:
        if options["valid"] is not None:
            raise InputError("--hold-out does not go with --valid\n  give one of them")
        given["validation_fraction"] = options["validation_fraction"]
    model = LanguageModel(**given)
    checkpoint = resumption(path, options)
    with keeping(checkpoint):
        outcome = train_language(
            model,
            parts["training"],
            valid=parts.get("held-out"),
            test=parts.get("test"),
            baseline=options["baseline"],
            watcher=None if options["quiet"] else Terminal(console, "tokens"),
            resumption=checkpoint,
            after_fit=writing(path, say),
            say=say,
        )
    return finish(outcome, path, options, [], say)
