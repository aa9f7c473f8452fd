"""``lexon vectors train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lexon.cli.options import check_output, resuming_options, whole
from lexon.errors import InputError
from lexon.vectors.callback import Callback

if TYPE_CHECKING:
    from lexon.vectors import Word2Vec
    from lexon.vectors.callback import Progress

#: The parameters of ``Word2Vec`` that are options of the same name.
_PARAMETERS = (
    "window", "min_count", "max_final_vocab", "hs", "negative", "ns_exponent", "sample",
    "alpha", "min_alpha", "epochs", "seed", "exact", "outside", "paper_discard", "compat",
    "deterministic", "lower",
)  # fmt: skip


@click.command("train")
@click.argument("corpus", nargs=-1, required=True)
@click.option("-o", "--output", required=True, metavar="FILE", help="The vectors to write.")
@click.option("--sg/--cbow", default=False, help="Skip-gram, or CBOW [cbow].")
@whole("--dim", "vector_size", default=100, help="Numbers of a vector.")
@whole("--window", default=5, help="Words to each side.")
@click.option("--fixed-windows", is_flag=True, help="Always so many, not from 1 to so many.")
@whole("--epochs", default=5, help="Passes over the text.")
@whole("--min-count", default=5, help="Rarer words are left out.")
@whole("--max-vocabulary", "max_final_vocab", help="Words at most.")
@whole("--negative", least=0, default=5, help="Negatives of a pair.")
@click.option("--hs", is_flag=True, help="Hierarchical softmax instead of negatives.")
@click.option("--softmax", is_flag=True, help="The full softmax: for small vocabularies.")
@click.option(
    "--ns-exponent",
    type=float,
    default=0.75,
    show_default=True,
    help="Negatives are drawn by count to the power of this.",
)
@click.option("--sample", type=float, default=1e-3, show_default=True, help="0 keeps all words.")
@click.option("--paper-discard", is_flag=True, help="Thin frequent words as the paper has it.")
@click.option("--alpha", type=float, help="Learning rate [0.025 with --sg, else 0.05].")
@click.option("--min-alpha", type=float, default=1e-4, show_default=True, help="The last one.")
@click.option("--sum", "summed", is_flag=True, help="CBOW: the sum of the context, not its mean.")
@click.option(
    "--compat",
    is_flag=True,
    help="CBOW: give each word the undivided gradient, as word2vec.c does.",
)
@click.option("--exact", is_flag=True, help="Skip-gram: fresh negatives for every pair.")
@click.option(
    "--centre-to-context",
    is_flag=True,
    help="Skip-gram: the centre's row goes in [then alpha 0.04].",
)
@click.option("--outside", is_flag=True, help="Draw no words of the window as negatives.")
@click.option("--lower", is_flag=True, help="Take Good for good.")
@click.option("--characters", is_flag=True, help="Take every Chinese character as a word.")
@click.option("--segment", is_flag=True, help="Split Chinese into words first.")
@click.option("--held-out", metavar="FILE", help="Say the loss on this text after every epoch.")
@whole("--seed", least=0, default=1, help="Of all chance there is.")
@whole("--threads", help="Threads to use.")
@click.option("--deterministic", is_flag=True, help="The same bits with any number of threads.")
@click.option("--model", metavar="FILE", help="Write the whole model, too, to train on later.")
@resuming_options
@click.option("--quiet", is_flag=True, help="Show no progress.")
def command(corpus: tuple[str, ...], output: str, **options: Any) -> int:
    """Train word vectors on CORPUS: text of one sentence a line, words between spaces.

    CORPUS is one or several files (.gz, .xz, .bz2 and .zst too), a folder of such files, or - for
    standard input. FILE is in lexon's own format, or by its suffix in word2vec's: .txt, .vec, .bin.
    Ctrl-C writes the vectors learned so far, and --resume goes on; the exit code is then 130.

    \b
    lexon vectors train wiki.txt -o wiki.lexon
    lexon vectors train wiki.txt.xz -o wiki.lexon --sg --dim 300 --epochs 5
    lexon vectors train zhwiki.txt --segment -o zh.lexon
    """
    from rich.console import Console

    from lexon.vectors.formats import write

    path = check_output("-o", output, *corpus, options["held_out"])
    if options["model"] is not None:
        model_path = check_output("--model", options["model"], *corpus, options["held_out"])
        if model_path.absolute() == path.absolute():
            raise InputError("--model and -o name the same file\n  give two names")
    if options["threads"] is not None:
        from lexon.parallel import threads

        threads(options["threads"])
    console = Console(stderr=True, quiet=options["quiet"])
    model = _model(options)
    _read(model, corpus, console)
    checkpoint = path.with_name(path.name + ".checkpoint")
    if options["resume"] and not checkpoint.exists():
        console.print(f"nothing to resume at {checkpoint}: training from the beginning")
    model.train(
        held_out_file=options["held_out"],
        callbacks=[_Terminal(console)],
        checkpoint=checkpoint,
        resume=options["resume"],
        every=options["checkpoint_every"],
    )
    write(model.wv, path, _format(path))
    click.echo(f"{path}: {len(model.wv):,} words, {path.stat().st_size:,} bytes")
    if options["model"] is not None:
        model.save(options["model"])
    if not model.interrupted:
        return 0
    click.echo(
        f"lexon: interrupted; {path} holds what was learned so far, and --resume goes on", err=True
    )
    return 130


def _format(path: Path) -> str:
    """What the suffix asks for; any other name is lexon's own format."""
    from lexon.vectors.formats import format_of

    try:
        return format_of(path)
    except InputError:
        return "lexon"


def _model(options: dict[str, Any]) -> Word2Vec:
    from lexon.vectors import Word2Vec
    from lexon.vectors.segment import segmenter

    given = {name: options[name] for name in _PARAMETERS}
    if options["softmax"]:
        given |= {"hs": False, "negative": 0}
    return Word2Vec(
        vector_size=options["vector_size"],
        sg=int(options["sg"]),
        cbow_mean=int(not options["summed"]),
        shrink_windows=not options["fixed_windows"],
        direction="centre-to-context" if options["centre_to_context"] else None,
        characters=options["characters"],
        segment=segmenter() if options["segment"] else None,
        compute_loss=0.0 if options["quiet"] else 0.1,
        **given,
    )


def _read(model: Word2Vec, corpus: tuple[str, ...], console: Any) -> None:
    """The corpus counted, with a bar where somebody looks."""
    from rich.progress import Progress

    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading", total=None)
        model.build_vocab(
            corpus_file=corpus if len(corpus) > 1 else corpus[0],
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    read = model.corpus
    assert read is not None
    dropped = read.raw_vocabulary - len(model.words)
    console.print(
        f"{read.raw_words:,} words in {read.sentences:,} sentences; {len(model.words):,} different"
        f" ones kept, {dropped:,} rarer than {read.min_count} left out",
        highlight=False,
    )


class _Terminal(Callback):
    """What a person is told while vectors are trained."""

    def __init__(self, console: Any) -> None:
        self.console = console
        self.live: Any = None
        self.estimated = False

    def on_train_begin(self, model: Word2Vec) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        if self.console.is_terminal:
            columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
            self.live = Progress(*columns, console=self.console, transient=True)
            self.bar = self.live.add_task("training", total=None)
            self.live.start()

    def on_progress(self, model: Word2Vec, progress: Progress) -> None:
        from lexon.cli.progress import duration

        speed = f"{progress.speed:,.0f} words/s" if progress.trained else ""
        if self.live is not None:
            done = progress.epoch * progress.words + progress.position
            self.live.update(
                self.bar,
                total=progress.epochs * progress.words,
                completed=done,
                description=f"{speed}, {duration(progress.left)} left",
            )
        elif not self.estimated and progress.trained:
            self.console.print(f"{speed}: about {duration(progress.left)} to go", highlight=False)
            self.estimated = True
        if progress.position == 0:
            self._say_epoch(progress, speed)

    def _say_epoch(self, progress: Progress, speed: str) -> None:
        loss = f"  loss {progress.losses[-1]:.4f}" if progress.losses else ""
        held = f"  held-out loss {progress.held_out[-1]:.4f}" if progress.held_out else ""
        self.console.print(
            f"epoch {progress.epoch:3d}{loss}{held}  {speed}".rstrip(), highlight=False
        )

    def on_train_end(self, model: Word2Vec) -> None:
        if self.live is not None:
            self.live.stop()
