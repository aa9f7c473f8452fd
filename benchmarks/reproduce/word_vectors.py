"""Word vectors beside gensim's: the same text, settings and scorer, seeds 1 to 3, two workers.

English: 24 million words of Wikipedia, every 100th line held out. Chinese: Wikipedia cut into
words. Window 5 (shrinking), 5 negatives, sample 1e-3, min_count 5, 5 epochs. Skip-gram each at
its usual learning rate: from a context to the centre at 0.025; lexon from the centre to its
contexts at 0.04, too. CBOW at the best of four rates by held-out loss of seed 1, each tool its
own, and at 0.05; every prediction of CBOW has negatives of its own, so that ``exact`` is the same
there.

gensim reads through its iterator: with ``corpus_file`` its learning rate falls another way.
"""

from __future__ import annotations

import json
import lzma
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from benchmarks.reproduce.word_scorer import Learned, Tests, scores
from lexon import parallel

RESULTS = Path(__file__).parent / "results"
SEEDS = (1, 2, 3)
HELD_OUT = 100  # one line of so many
EQUAL_RATE = 0.05
#: "lexon-centre" trains from the centre to its contexts; all others go the other way.
SKIP_GRAM_RATES = {"lexon": 0.025, "lexon-exact": 0.025, "lexon-centre": 0.04, "gensim": 0.025}
TOOLS = ("lexon", "gensim")
#: Learning rates that each tool tries for CBOW.
RATES = (0.0125, 0.025, 0.05, 0.1)

Cells = dict[str, Callable[[Path], dict[str, float]]]
Results = dict[str, dict[str, float]]
#: Groups of cells that are compared, seed by seed: ours and theirs.
SKIP_GRAM_PAIRS = tuple((tool, "gensim") for tool in SKIP_GRAM_RATES if tool != "gensim")
CBOW_PAIRS = (
    ("lexon-best", "gensim-best"),
    (f"lexon-rate-{EQUAL_RATE}", f"gensim-rate-{EQUAL_RATE}"),
)
CHINESE_PAIRS = (("lexon", "gensim"),)


@dataclass(frozen=True)
class Training:
    """One training: ``tool`` is one of SKIP_GRAM_RATES."""

    tool: str
    skip_gram: bool
    dimension: int
    rate: float
    seed: int


def skip_gram(dimension: int) -> Cells:
    """Every tool and seed."""
    return {
        f"{tool}-seed-{seed}": partial(english, Training(tool, True, dimension, rate, seed))
        for tool, rate in SKIP_GRAM_RATES.items()
        for seed in SEEDS
    }


def cbow(name: str, dimension: int) -> Cells:
    """Four rates with seed 1, then the equal rate and the best one with every seed."""
    cells: Cells = {}
    for tool in TOOLS:
        runs = [(rate, 1) for rate in RATES] + [(EQUAL_RATE, seed) for seed in SEEDS[1:]]
        for rate, seed in runs:
            run = Training(tool, False, dimension, rate, seed)
            cells[f"{tool}-rate-{rate}-seed-{seed}"] = partial(english, run)
        for seed in SEEDS:
            run = Training(tool, False, dimension, 0.0, seed)
            cells[f"{tool}-best-seed-{seed}"] = partial(_best, name, run)
    return cells


def chinese() -> Cells:
    """Skip-gram of 100 numbers, on words cut by lexon's segmenter for both tools."""
    return {
        f"{tool}-seed-{seed}": partial(
            _chinese, Training(tool, True, 100, SKIP_GRAM_RATES[tool], seed)
        )
        for tool in TOOLS
        for seed in SEEDS
    }


def _best(name: str, run: Training, data: Path) -> dict[str, float]:
    """The rate of the least held-out loss; a training that is there already is not repeated."""
    losses = {rate: _kept(name, run.tool, rate, 1)["held-out loss"] for rate in RATES}
    chosen = replace(run, rate=min(losses, key=losses.__getitem__))
    try:
        return _kept(name, run.tool, chosen.rate, run.seed)
    except FileNotFoundError:
        return english(chosen, data)


def _kept(name: str, tool: str, rate: float, seed: int) -> dict[str, float]:
    path = RESULTS / name / f"{tool}-rate-{rate}-seed-{seed}.json"
    result: dict[str, float] = json.loads(path.read_text())
    return result


def rates_tried(name: str) -> list[str]:
    """What the rates of CBOW came to, for the page."""
    lines = []
    for tool in TOOLS:
        try:
            losses = [_kept(name, tool, rate, 1)["held-out loss"] for rate in RATES]
        except FileNotFoundError:
            continue
        told = ", ".join(f"{r} {loss:.4f}" for r, loss in zip(RATES, losses, strict=True))
        lines.append(f"{name}, {tool}, held-out loss of seed 1 by learning rate: {told}.")
    return lines


def english(run: Training, data: Path) -> dict[str, float]:
    """Train, and score: the 30,000 most frequent words for Google's analogies."""
    train, held_out = english_text(data)
    return trained(run, train, english_tests(data, held_out))


def english_tests(data: Path, held_out: Path) -> Tests:
    pairs = {
        "WordSim-353": data / "wordsim" / "EN-WS-353-ALL.txt",
        "SimLex-999": data / "wordsim" / "EN-SIMLEX-999.txt",
    }
    return Tests(held_out, data / "analogy" / "questions-words.txt", pairs, 30_000)


def _chinese(run: Training, data: Path) -> dict[str, float]:
    train, held_out = chinese_text(data)
    pairs = {"wordsim-297": data / "wordsim" / "ZH-wordsim-297.txt"}
    tests = Tests(held_out, data / "analogy" / "zh_semantic.txt", pairs, None)
    return trained(run, train, tests)


def trained(run: Training, text: Path, tests: Tests) -> dict[str, float]:
    """Train and score. "training seconds" begin with the text file, its vocabulary included."""
    began = time.perf_counter()
    learned = (gensim if run.tool == "gensim" else lexon)(run, text)
    seconds = time.perf_counter() - began
    found = scores(learned, tests, run.skip_gram)
    return {**found, "rate": run.rate, "training seconds": round(seconds, 1)}


def lexon(run: Training, text: Path) -> Learned:
    from lexon.vectors import Word2Vec

    model = Word2Vec(
        corpus_file=text, vector_size=run.dimension, window=5, min_count=5, sg=int(run.skip_gram),
        negative=5, sample=1e-3, alpha=run.rate, epochs=5, workers=parallel.threads(),
        seed=run.seed, exact=run.tool == "lexon-exact",
        direction="centre-to-context" if run.tool == "lexon-centre" else "context-to-centre",
    )  # fmt: skip
    assert model._trainer is not None  # a trained model has one
    return Learned(model.words, model.counts, model.wv.vectors, model._trainer.outputs)


def gensim(run: Training, text: Path) -> Learned:
    from gensim.models.word2vec import LineSentence, Word2Vec

    model = Word2Vec(
        LineSentence(str(text)), vector_size=run.dimension, window=5, min_count=5,
        sg=int(run.skip_gram), negative=5, sample=1e-3, alpha=run.rate, epochs=5,
        workers=parallel.threads(), seed=run.seed,
    )  # fmt: skip
    words = model.wv.index_to_key
    counts = np.array([model.wv.get_vecattr(word, "count") for word in words])
    return Learned(words, counts, model.wv.vectors, model.syn1neg)


@lru_cache(maxsize=1)
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Where texts are unpacked; it goes with the process."""
    return tempfile.TemporaryDirectory(prefix="lexon-vectors-")


@lru_cache(maxsize=1)
def english_text(data: Path) -> tuple[Path, Path]:
    """The lines to train on, and those held out."""
    return _divided("english", _lines(data / "enwiki" / "enwiki-24m.txt.xz"))


@lru_cache(maxsize=1)
def chinese_text(data: Path) -> tuple[Path, Path]:
    """The same of Chinese: words with blanks between them, signs of punctuation left out."""
    from lexon.vectors.segment import segmenter

    cut = segmenter()
    lines = _lines(data / "zh" / "zhwiki" / "zhwiki.txt.xz")
    text = (line for line in lines if not line.startswith(("<doc ", "</doc>")) and line.strip())
    words = ([word for word in cut(line) if word.isalnum()] for line in text)
    return _divided("chinese", (" ".join(each) + "\n" for each in words if each))


def _lines(packed: Path) -> Iterator[str]:
    with lzma.open(packed, "rt", encoding="utf-8", newline="\n") as file:
        yield from file


def _divided(name: str, lines: Iterator[str]) -> tuple[Path, Path]:
    paths = [Path(_folder().name) / f"{name}-{part}.txt" for part in ("train", "held-out")]
    with (
        open(paths[0], "w", encoding="utf-8") as train,
        open(paths[1], "w", encoding="utf-8") as held,
    ):
        for number, line in enumerate(lines):
            (held if number % HELD_OUT == HELD_OUT - 1 else train).write(line)
    return paths[0], paths[1]
