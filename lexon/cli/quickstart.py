"""``lexon quickstart``."""

from __future__ import annotations

from pathlib import Path

import click

from lexon.errors import InputError

#: Texts to predict at the end: what modules of these names are about.
EXAMPLES = (
    "Return the event loop on which the coroutine is running and await its result.",
    "Parse the header of the message and return the addresses of its recipients.",
    "Create a widget, pack it into the window and bind the key to its callback.",
)


@click.command()
@click.option("--folder", default="quickstart", show_default=True, help="Where to write.")
@click.option("--threads", type=int, help="Threads to use; changes no bit of the result.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of all chance there is.")
def command(folder: str, threads: int | None, seed: int) -> int:
    """Train a cnn on the documentation of Python's own library: which package is a text from?

    Needs no download: the texts are the documentation strings of the Python that runs it. Writes
    two data files, a model and a report, and predicts three new texts.

    \b
    lexon quickstart
    lexon predict quickstart/model.lexon "Return the running event loop."
    """
    import csv
    from dataclasses import replace

    from rich.console import Console

    from lexon import parallel, report, storage
    from lexon.cli.progress import Terminal
    from lexon.tasks import TextClassifier
    from lexon.tasks.job import Part, train_text
    from lexon.text import standard_library_docs, stratified_holdout

    if threads is not None:
        parallel.threads(threads)
    out = Path(folder)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made: {error.strerror}") from None
    docs = standard_library_docs()
    whole = Part.of("all", docs)
    kept, held = stratified_holdout(whole.labels, 0.15, seed)
    train, test = whole.take("training", kept.tolist()), whole.take("test", held.tolist())
    for part in (train, test):
        with storage.replacing(out / f"{part.name}.csv") as temporary:
            with temporary.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(
                    [("package", "text"), *zip(part.labels, part.texts, strict=True)]
                )
    click.echo(f"{len(docs.texts):,} texts of {len(set(whole.labels))} packages; 15 % are the test")
    model = TextClassifier(
        model="cnn", dimension=100, filters=100, windows=(1, 2, 3), optimizer="adam",
        learning_rate=0.003, epochs=15, patience=3, max_norm=None, seed=seed,
    )  # fmt: skip
    outcome = train_text(
        model,
        train,
        test=test,
        watcher=Terminal(Console(stderr=True)),
        after_fit=lambda fitted: fitted.save(out / "model.lexon"),
        say=click.echo,
    )
    outcome = replace(outcome, command="lexon quickstart")
    report.write(outcome, out / "report.html")
    _show(outcome, model, out)
    return 130 if outcome.history.stopped == "interrupted" else 0


def _show(outcome: object, model: object, out: Path) -> None:
    for kind, evaluations in (("cnn", outcome.evaluations), ("baseline", outcome.baseline)):  # type: ignore[attr-defined]
        for evaluation in evaluations[-1:]:  # an interrupt leaves no baseline
            scores = evaluation.scores.items()
            click.echo(f"{kind:9s}" + "  ".join(f"{name} {value:.4f}" for name, value in scores))
    click.echo(outcome.verdict)  # type: ignore[attr-defined]
    for text, label in zip(EXAMPLES, model.predict(EXAMPLES), strict=True):  # type: ignore[attr-defined]
        click.echo(f"  {label:12s} {text}")
    click.echo(f"written: {out}/model.lexon, {out}/report.html, {out}/training.csv, {out}/test.csv")
