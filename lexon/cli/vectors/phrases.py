"""``lexon vectors phrases``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lexon.cli.options import check_output

if TYPE_CHECKING:
    from lexon.vectors.corpus import CorpusSettings
    from lexon.vectors.phrases import Phrases


@click.command("phrases")
@click.argument("corpus", nargs=-1, required=True)
@click.option("-o", "--output", required=True, metavar="FILE", help="The text file to write.")
@click.option("--min-count", type=int, default=5, show_default=True, help="Of a pair of words.")
@click.option("--threshold", type=float, help="Score of a phrase [10; 100 or 0.5 as scored].")
@click.option(
    "--scoring",
    type=click.Choice(["default", "word2phrase", "npmi"]),
    default="default",
    show_default=True,
    help="How pairs are scored.",
)
@click.option("--passes", type=int, default=1, show_default=True, help="More find longer ones.")
@click.option("--delimiter", default="_", show_default=True, help="Between joined words.")
@click.option("--connectors", help="Words a phrase may hold inside: english, or of,the,...")
@click.option("--lower", is_flag=True, help="Take Good for good.")
@click.option("--characters", is_flag=True, help="Take every Chinese character as a word.")
@click.option("--segment", is_flag=True, help="Split Chinese into words first.")
@click.option("--save", metavar="FILE", help="Write the phrases, to be joined in other texts.")
@click.option("--top", type=click.IntRange(0), default=20, show_default=True, help="To print.")
@click.option("--threads", type=int, help="Threads to use; changes no bit of the result.")
@click.option("--json", "as_json", is_flag=True, help="Print the phrases as JSON, one a line.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def command(corpus: tuple[str, ...], output: str, save: str | None, **options: Any) -> None:
    """Join words of CORPUS that stand together often, and print the best of these phrases.

    CORPUS is one or several files of one sentence a line (.gz, .xz, .bz2 and .zst too), a
    folder of such files, or - for standard input. The text is written with its phrases joined,
    as in new_york, one sentence a line, a space between words.

    \b
    lexon vectors phrases wiki.txt -o wiki-phrases.txt
    lexon vectors phrases wiki.txt.xz -o out.txt --scoring npmi --connectors english --passes 2
    """
    path = check_output("-o", output, *corpus)
    inputs = (*corpus, output)
    kept = check_output("--save", save, *inputs) if save is not None else None
    if kept is not None and kept.absolute() == path.absolute():
        raise click.UsageError("--save and -o name the same file: give two names")
    if options["threads"] is not None:
        from lexon.parallel import threads

        threads(options["threads"])
    phrases = _phrases(options)
    before, after = _join(corpus, path, phrases, _settings(options), options["quiet"])
    if kept is not None:
        phrases.save(kept)
    _show(phrases, options["top"], options["as_json"])
    if not options["quiet"]:
        click.echo(
            f"{path}: {after:,} words, where the text had {before:,};"
            f" {len(phrases.found):,} phrases",
            err=True,
        )


def _phrases(options: dict[str, Any]) -> Phrases:
    from lexon.vectors.phrases import ENGLISH_CONNECTORS, Phrases

    given = options["connectors"]
    connectors = ENGLISH_CONNECTORS if given == "english" else (given or "").split(",")
    threshold = options["threshold"]
    if threshold is None:
        threshold = {"default": 10.0, "word2phrase": 100.0, "npmi": 0.5}[options["scoring"]]
    return Phrases(
        min_count=options["min_count"],
        threshold=threshold,
        scoring=options["scoring"],
        delimiter=options["delimiter"],
        connector_words=[word for word in connectors if word],
        passes=options["passes"],
    )


def _settings(options: dict[str, Any]) -> CorpusSettings:
    from lexon.vectors.corpus import CorpusSettings
    from lexon.vectors.segment import segmenter

    return CorpusSettings(
        min_count=1,
        lower=options["lower"],
        characters=options["characters"],
        segment=segmenter() if options["segment"] else None,
    )


def _join(
    sources: tuple[str, ...], path: Path, phrases: Phrases, settings: CorpusSettings, quiet: bool
) -> tuple[int, int]:
    """Learn the phrases of a text and write it with them; the words before and after."""
    from rich.console import Console
    from rich.progress import Progress

    from lexon.vectors.corpus import Corpus

    with Progress(console=Console(stderr=True), transient=True, disable=quiet) as bar:
        reading = bar.add_task("reading", total=None)

        def read(done: int, total: int | None) -> None:
            bar.update(reading, completed=done, total=total)

        corpus = Corpus.from_files(sources, settings, read)
        counting = bar.add_task("counting pairs", total=phrases.passes)
        phrases.learn(corpus, lambda done, total: bar.update(counting, completed=done))
        writing = bar.add_task("writing", total=None)
        after = phrases.write(corpus, path)
        bar.update(writing, completed=1, total=1)
    return corpus.raw_words, after


def _show(phrases: Phrases, top: int, as_json: bool) -> None:
    best = phrases.found if as_json else phrases.found[:top]
    for phrase in best:
        joined = phrases.delimiter.join(phrase.words)
        if as_json:
            about = {"phrase": joined, "score": phrase.score, "count": phrase.count}
            click.echo(json.dumps(about, ensure_ascii=False))
        else:
            click.echo(f"{phrase.score:12.3f} {phrase.count:9,}  {joined}")
