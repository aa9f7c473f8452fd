"""Reproduce results, cell by cell: ``python -m benchmarks.reproduce [NAME ...]``.

A cell is one training run (a fold, or a seed). Its result is written as soon as it is known, and
a cell whose result is there is not run again: a long reproduction may be stopped and continued.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks.reproduce import (
    adding,
    chinese,
    kim,
    language,
    page,
    relation,
    reuters,
    reviews,
    tabular,
    tagging,
    weather,
    word_vectors,
)
from lexon import parallel, storage

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Experiment:
    """Cells by name, and what is published or asked of their mean.

    With ``pairs`` groups of cells are compared seed by seed instead; ``notes`` go below the table.
    """

    cells: dict[str, Callable[[Path], dict[str, float]]]
    reference: str = ""
    pairs: tuple[tuple[str, str], ...] = ()
    notes: Callable[[], list[str]] = list


EXPERIMENTS = {
    "kim-mr": Experiment(kim.movie_reviews(), "Kim 2014: 0.761; a careful rerun: 0.759"),
    "kim-sst2": Experiment(kim.sentiment_treebank(), "Kim 2014: 0.827; a careful rerun: 0.835"),
    "computers": Experiment(tabular.cells("computers"), "scikit-learn, same folds"),
    "california": Experiment(tabular.cells("california"), "scikit-learn, same folds"),
    "hotel-reviews": Experiment(chinese.cells(), "tuned TF-IDF, same split"),
    "reuters": Experiment(reuters.cells(), "one-vs-rest linear TF-IDF, same split"),
    "mr-bilstm": Experiment(reviews.movie_reviews(), "the folds of kim-mr"),
    "sst2-bilstm": Experiment(reviews.sentiment_treebank(), "the parts of kim-sst2"),
    "imdb-bilstm": Experiment(reviews.long_reviews(), "linear TF-IDF, same split"),
    "imdb-cnn": Experiment(reviews.long_reviews("cnn"), "the split of imdb-bilstm"),
    "mr-linear": Experiment(reviews.linear_movie_reviews(), "TF-IDF on the folds of kim-mr"),
    "sst2-linear": Experiment(reviews.linear_treebank(), "TF-IDF on the parts of kim-sst2"),
    **{
        f"adding-{kind.lower()}-{length}": Experiment(adding.cells(kind, length), "always 1: 0.167")
        for kind in ("RNN", "GRU", "LSTM")
        for length in adding.STEPS
    },
    "ptb-lstm": Experiment(language.small(), "Zaremba et al. 2014: 114.5, 120.7 (valid)"),
    "ptb-gru": Experiment(language.small("gru"), "the same size and recipe"),
    "ptb-rnn": Experiment(language.small("rnn"), "the same size and recipe"),
    "ptb-tied": Experiment(language.tied(), "PyTorch's example, 6 epochs: 110.44"),
    "ptb-tied-40": Experiment(language.tied_long(), "PyTorch's example, 40 epochs: 87.17"),
    "ptb-counted": Experiment(language.counted(), "Mikolov & Zweig 2012, modified: 141.2"),
    **{
        name: Experiment(language.characters(name), "no published figure for this split")
        for name in language.STRETCHES
    },
    "tinyshakespeare-256": Experiment(language.larger(), "the split of tinyshakespeare"),
    **{
        f"weather-{name}": Experiment(
            weather.cells(name, by_city=name == "lstm"), "the last value; linear regression"
        )
        for name in ("lstm", "gru", "rnn")
    },
    "conll2003": Experiment(
        tagging.cells(vectors=False), "test F1: Huang 2015, no vectors: 0.8426; Lample 2016: 0.8363"
    ),
    "conll2003-vectors": Experiment(
        tagging.cells(vectors=True), "test F1: Huang 2015 with outside vectors: 0.8883"
    ),
    **{
        f"vectors-sg{dimension}": Experiment(
            word_vectors.skip_gram(dimension), pairs=word_vectors.SKIP_GRAM_PAIRS
        )
        for dimension in (100, 300)
    },
    **{
        name: Experiment(
            word_vectors.cbow(name, dimension),
            pairs=word_vectors.CBOW_PAIRS,
            notes=partial(word_vectors.rates_tried, name),
        )
        for name, dimension in (("vectors-cbow100", 100), ("vectors-cbow300", 300))
    },
    "relation": Experiment(
        relation.cells(given=False), "words and positions, no outside vectors; asked: 0.76"
    ),
    "relation-vectors": Experiment(
        relation.cells(given=True), "vectors of lexon on 24 M words; asked: 0.795"
    ),
    "vectors-zh": Experiment(word_vectors.chinese(), pairs=word_vectors.CHINESE_PAIRS),
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(EXPERIMENTS)))
@click.option("--data", default=os.environ.get("LEXON_DATA"), help="The data folder [LEXON_DATA].")
@click.option("--threads", type=int, default=2, show_default=True)
@click.option("--table", is_flag=True, help="Print the results there are; run nothing.")
@click.option("--write", is_flag=True, help="Renew the table in benchmarks/README.md, too.")
@click.option("--only", default="", help="Run no cells but those whose names begin so.")
def main(
    names: tuple[str, ...], data: str | None, threads: int, table: bool, write: bool, only: str
) -> None:
    """Run the cells of NAME (all by default) that have no result yet, and print the tables."""
    parallel.threads(threads)
    lines: list[str] = []
    compared: list[str] = []
    notes: list[str] = []
    for name in names or EXPERIMENTS:
        experiment = EXPERIMENTS[name]
        results = {}
        for cell, run in experiment.cells.items():
            path = RESULTS / name / f"{cell}.json"
            if not path.exists() and not table and cell.startswith(only):
                if data is None:
                    raise click.UsageError("name the data folder with --data or LEXON_DATA")
                click.echo(f"{name} {cell} ...", nl=False)
                _record(path, run, Path(data))
                click.echo(f" {path.read_text()}")
            if path.exists():
                results[cell] = json.loads(path.read_text())
        if experiment.pairs:
            compared += page.compared(name, experiment.pairs, results)
        else:
            lines += page.rows(name, len(experiment.cells), experiment.reference, results)
        notes += experiment.notes()
    text = page.tables(lines, compared, notes)
    click.echo(text)
    if write:
        page.write(text)


def _record(path: Path, run: Callable[[Path], dict[str, float]], data: Path) -> None:
    began = time.perf_counter()
    result: dict[str, Any] = dict(run(data))
    result["seconds"] = round(time.perf_counter() - began, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with storage.replacing(path) as temporary:
        temporary.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
