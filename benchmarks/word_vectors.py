"""Training of word vectors from a text file to vectors, reading and vocabulary included."""

from __future__ import annotations

import lzma
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.case import Case, Contender, Round, Settings, Skipped

EPOCHS, WINDOW, NEGATIVES, SAMPLE, MIN_COUNT, SEED = 5, 5, 5, 1e-3, 5, 1
#: Words that a shrinking window of 5 holds besides its centre, far from the ends of a line.
CONTEXTS = 6
RAW, KEPT = "words of the text", "words in the vocabulary, counted in the text"
LOSS = "loss under one scorer, on 2,000 lines of the text (nats a prediction)"
ANALOGIES = "Google analogies answered, of those among 30,000 words"
SCORED_LINES, QUICK_LINES = 2000, 300
VOCABULARY = "vocabulary pass"


@dataclass(frozen=True)
class Model:
    """One kind of word vectors; ``rows`` of its table, each with lexon's ``exact``."""

    title: str
    skip_gram: bool
    tree: bool
    dimension: int
    lexon_rate: float
    gensim_rate: float
    rows: dict[str, bool]


FIVE = f"{EPOCHS} epochs"
SKIP_GRAM_100 = Model(
    "skip-gram, 100 numbers", True, False, 100, 0.025, 0.025,
    {f"{FIVE}, negatives of a window shared": False, f"{FIVE}, `exact`": True},
)  # fmt: skip
SKIP_GRAM_300 = Model(
    "skip-gram, 300 numbers", True, False, 300, 0.025, 0.025,
    {f"{FIVE}, negatives of a window shared": False},
)  # fmt: skip
CBOW_100 = Model("CBOW, 100 numbers", False, False, 100, 0.05, 0.05, {FIVE: False})
TREE_100 = Model(
    "skip-gram by hierarchical softmax, 100 numbers",
    True,
    True,
    100,
    0.025,
    0.025,
    {FIVE: False},
)


@dataclass(frozen=True)
class Text:
    """The text, unpacked: all of it, and its first lines."""

    path: Path
    start: Path


@lru_cache(maxsize=1)
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="lexon-benchmark-")


@lru_cache(maxsize=1)
def text(settings: Settings) -> Text:
    """``$LEXON_DATA/enwiki/enwiki-24m.txt.xz`` unpacked, for it is no part of anyone's time."""
    packed = data_file("enwiki", "enwiki-24m.txt.xz")
    paths = [Path(_folder().name) / name for name in ("text.txt", "start.txt")]
    limits = [QUICK_LINES] * 2 if settings.quick else [None, SCORED_LINES]
    for path, limit in zip(paths, limits, strict=True):
        with lzma.open(packed) as source, open(path, "wb") as file:
            file.writelines(islice(source, limit))
    return Text(*paths)


def data_file(*names: str) -> Path:
    """A file of the data folder.

    Raises:
        Skipped: there is none.
    """
    folder = os.environ.get("LEXON_DATA")
    if not folder:
        raise Skipped("LEXON_DATA does not name the data folder")
    path = Path(folder, *names)
    if not path.exists():
        raise Skipped(f"there is no {path.name} in the folder {path.parent.name} of LEXON_DATA")
    return path


@lru_cache(maxsize=1)
def corpus(settings: Settings) -> Any:
    from lexon.vectors import Corpus

    return Corpus.from_files(text(settings).path)


def words(rows: dict[str, bool], settings: Settings, epochs: int = EPOCHS) -> dict[str, float]:
    """Words of the text, as often as they are read."""
    return dict.fromkeys(rows, float(epochs * corpus(settings).raw_words))


def flops(model: Model, settings: Settings) -> dict[str, float]:
    """Six operations a number for each output of each kept word: s, its step, and its share of e.

    CBOW adds the sum of the contexts and the step of each. Windows cut by the ends of lines are
    counted as whole.
    """
    from lexon.vectors.huffman import huffman
    from lexon.vectors.noise import keep_probabilities

    counts = corpus(settings).counts
    kept = counts * keep_probabilities(counts, SAMPLE)
    if model.tree:
        outputs = CONTEXTS * float(kept @ np.diff(huffman(counts).starts)) / kept.sum()
    elif not model.skip_gram:
        outputs = 1.0 + NEGATIVES
    else:
        outputs = CONTEXTS * (1.0 + NEGATIVES)
    each = 6 * outputs + (0 if model.skip_gram else 2 * CONTEXTS)
    return dict.fromkeys(model.rows, float(EPOCHS * kept.sum() * model.dimension * each))


def named(loss: str, exact: bool) -> str:
    return f"{loss}, `exact`" if exact else loss


def allowed(model: Model) -> dict[str, float]:
    """How far the losses may differ; at the head of the page's list is what must be equal."""
    loss = 0.05 if model.skip_gram else 0.1  # CBOW's own step comes to a lower one
    scores = {ANALOGIES: 0.25} if model.tree else {LOSS: loss, ANALOGIES: 0.25}
    differing = {
        named(loss, exact): most for exact in model.rows.values() for loss, most in scores.items()
    }
    return {RAW: 0.0, KEPT: 0.0, **differing}


#: Trains on a file: (path, exact) to the trained model.
Train = Callable[[Path, bool], Any]


def contest(
    model: Model,
    settings: Settings,
    train: Train,
    rows: dict[str, bool],
    read: Callable[[Any], Any],
) -> Callable[[], Round]:
    """Rounds of ``rows``; ``read`` tells of a trained model (raw words, what it learned).

    Rows that are not trained apart are the first one.
    """
    from benchmarks.reproduce.word_scorer import Learned, held_out_loss
    from lexon.vectors import KeyedVectors

    given = text(settings)

    def checks(trained: Any) -> dict[str, float]:
        raw_words, learned = read(trained)
        found = {RAW: float(raw_words), KEPT: float(np.sum(learned.counts))}
        ordered: Learned = learned.in_order()
        if settings.quick:
            return found  # nobody has learned anything that could be compared
        if not model.tree:
            found[LOSS] = held_out_loss(ordered, given.start, model.skip_gram)
        questions = data_file("analogy", "questions-words.txt")
        vectors = KeyedVectors(ordered.words, ordered.inputs)
        found[ANALOGIES] = vectors.evaluate_word_analogies(questions, 30_000)[0]
        return found

    def one_round() -> Round:
        done: dict[str, tuple[float, dict[str, float]]] = {}
        for row, exact in rows.items():
            began = time.perf_counter()
            trained = train(given.path, exact)
            seconds = time.perf_counter() - began
            done[row] = seconds, checks(trained)
        done = {row: done.get(row) or next(iter(done.values())) for row in model.rows}
        losses = {
            named(name, exact): value
            for row, exact in model.rows.items()
            for name, value in done[row][1].items()
        }
        return Round({row: seconds for row, (seconds, _) in done.items()}, losses)

    for exact in rows.values():  # what is compiled or loaded once is not timed
        train(given.start, exact)
    return one_round


def lexon(model: Model, settings: Settings) -> Callable[[], Round]:
    from benchmarks.reproduce.word_scorer import Learned
    from lexon import parallel
    from lexon.vectors import Word2Vec

    parallel.threads(settings.threads)

    def train(path: Path, exact: bool) -> Any:
        return Word2Vec(
            corpus_file=path, vector_size=model.dimension, window=WINDOW, min_count=MIN_COUNT,
            sg=int(model.skip_gram), hs=int(model.tree), negative=0 if model.tree else NEGATIVES,
            sample=SAMPLE, alpha=model.lexon_rate, epochs=EPOCHS, workers=settings.threads,
            seed=SEED, exact=exact,
        )  # fmt: skip

    def read(trained: Any) -> tuple[int, Learned]:
        outputs = _no_outputs(trained.counts) if model.tree else trained._trainer.outputs
        learned = Learned(trained.words, trained.counts, trained.wv.vectors, outputs)
        return trained.corpus.raw_words, learned

    return contest(model, settings, train, model.rows, read)


def gensim(model: Model, settings: Settings) -> Callable[[], Round]:
    """Its fastest way to read: the file itself. Negatives are always those of a pair."""
    from gensim.models import Word2Vec

    from benchmarks.reproduce.word_scorer import Learned

    def train(path: Path, exact: bool) -> Any:
        return Word2Vec(
            corpus_file=str(path), vector_size=model.dimension, window=WINDOW,
            min_count=MIN_COUNT, sg=int(model.skip_gram), hs=int(model.tree),
            negative=0 if model.tree else NEGATIVES, sample=SAMPLE, alpha=model.gensim_rate,
            epochs=EPOCHS, workers=settings.threads, seed=SEED,
        )  # fmt: skip

    def read(trained: Any) -> tuple[int, Learned]:
        known = trained.wv.index_to_key
        counts = np.array([trained.wv.get_vecattr(word, "count") for word in known])
        outputs = _no_outputs(counts) if model.tree else trained.syn1neg
        return trained.corpus_total_words, Learned(known, counts, trained.wv.vectors, outputs)

    one_row = dict(list(model.rows.items())[:1])
    return contest(model, settings, train, one_row, read)


def _no_outputs(counts: Any) -> Any:
    """In place of a tree's nodes, which nobody scores."""
    return np.empty((len(counts), 0), np.float32)


def case(model: Model) -> Case:
    """One table: a training of minutes, so that it is run once unless asked otherwise."""
    rate = f"{model.lexon_rate} (lexon) and {model.gensim_rate} (gensim)"
    if model.skip_gram:
        direction = f"Learning rate {rate}; both predict the centre from each context."
    else:
        direction = (
            f"Learning rate {rate}: gensim adds the undivided gradient of the mean to each word of"
            " a context, and does not come down to the same loss."
        )
    objective = "" if model.tree else f" {NEGATIVES} negatives a prediction,"
    sharing = (
        f" In its usual mode the pairs of a window of lexon share {NEGATIVES} negatives; gensim"
        " draws them for every pair: its one training stands beside both of lexon's."
        if len(model.rows) > 1
        else ""
    )
    return Case(
        title=f"Word vectors: {model.title}",
        explanation=(
            "From a text file (24 million words of Wikipedia, in the system's cache) to vectors,"
            f" reading and vocabulary included: {EPOCHS} epochs, window {WINDOW} (shrinking),"
            f"{objective} sample {SAMPLE:g}, min_count {MIN_COUNT}. {direction} gensim"
            " reads by `corpus_file`, its fastest way, with as many workers as lexon has"
            f" threads.{sharing} Words are those of the text, times epochs."
        ),
        contenders={
            "lexon": Contender(partial(lexon, model)),
            "gensim": Contender(partial(gensim, model), "gensim"),
        },
        flops=partial(flops, model),
        unit="k words/s",
        amounts=partial(words, model.rows),
        losses=allowed(model),
        repeats=1,
    )


def lexon_vocabulary(settings: Settings) -> Callable[[], Round]:
    """It leaves the words of the text as numbers, too, which training then reads."""
    from lexon import parallel
    from lexon.vectors import Corpus

    parallel.threads(settings.threads)
    given = text(settings)
    Corpus.from_files(given.start)

    def one_round() -> Round:
        began = time.perf_counter()
        found = Corpus.from_files(given.path)
        seconds = time.perf_counter() - began
        counted = {RAW: float(found.raw_words), KEPT: float(found.counts.sum())}
        return Round({VOCABULARY: seconds}, counted)

    return one_round


def gensim_vocabulary(settings: Settings) -> Callable[[], Round]:
    """With vectors of one number, which ``build_vocab`` prepares as well."""
    from gensim.models import Word2Vec

    given = text(settings)

    def one_round() -> Round:
        model = Word2Vec(vector_size=1, min_count=MIN_COUNT, workers=settings.threads)
        began = time.perf_counter()
        model.build_vocab(corpus_file=str(given.path))
        seconds = time.perf_counter() - began
        kept = float(sum(model.wv.get_vecattr(w, "count") for w in model.wv.index_to_key))
        return Round({VOCABULARY: seconds}, {RAW: float(model.corpus_total_words), KEPT: kept})

    return one_round


VOCABULARY_CASE = Case(
    title="Word vectors: vocabulary",
    explanation=(
        "Counting the words of the same text file. lexon leaves the text as word numbers, which"
        " training then reads; gensim reads the file again in every epoch."
    ),
    contenders={
        "lexon": Contender(lexon_vocabulary),
        "gensim": Contender(gensim_vocabulary, "gensim"),
    },
    flops=lambda settings: {VOCABULARY: 0.0},
    unit="k words/s",
    amounts=lambda settings: words({VOCABULARY: False}, settings, epochs=1),
    losses={RAW: 0.0, KEPT: 0.0},
    repeats=3,
)
CASES = {
    "vectors_vocabulary": VOCABULARY_CASE,
    "vectors_sg100": case(SKIP_GRAM_100),
    "vectors_sg300": case(SKIP_GRAM_300),
    "vectors_cbow100": case(CBOW_100),
    "vectors_hs100": case(TREE_100),
}
