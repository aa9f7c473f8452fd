"""Word vectors that are there: the nearest of half a million words, and reading a file."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.case import Case, Contender, Round, Settings, random_state

Array = npt.NDArray[Any]

DIMENSION, NEAREST = 300, 10
#: Single queries in a row: the figure is the mean.
ALONE = 10
BATCH, ONE = "a batch of 1,000 queries", "one query"
FOUND, COSINE = "mean row of the nearest found", "mean cosine of the nearest found"
READ = "reading a word2vec binary file"
LENGTH = "mean length of the vectors read"

#: Answers queries (B, D): the nearest of each, as pairs of word and cosine.
Answer = Callable[[Array], list[list[tuple[str, float]]]]


def sizes(settings: Settings) -> tuple[int, int]:
    """Words to search and queries of the batch."""
    return (5_000, 20) if settings.quick else (500_000, 1_000)


def table(words: int) -> tuple[list[str], Array]:
    """Words by number, and random vectors."""
    vectors = random_state(1).standard_normal((words, DIMENSION), np.float32)
    return [f"w{row}" for row in range(words)], vectors


def flops(settings: Settings) -> dict[str, float]:
    """The cosines: a product of every query and every vector."""
    words, queries = sizes(settings)
    return {BATCH: 2.0 * queries * words * DIMENSION, ONE: 2.0 * words * DIMENSION}


def contest(settings: Settings, batch: Answer, one: Answer) -> Callable[[], Round]:
    """Rounds of queries that are vectors near those of random words.

    ``one`` answers queries one by one.
    """
    words, number = sizes(settings)
    rng = random_state(2)
    rows = rng.integers(words, size=number)
    noise = rng.standard_normal((number, DIMENSION), np.float32)
    queries = table(words)[1][rows] + np.float32(0.5) * noise
    batch(queries[:4])  # lengths are computed, and what is compiled is compiled
    one(queries[:1])

    def one_round() -> Round:
        began = time.perf_counter()
        found = batch(queries)
        middle = time.perf_counter()
        alone = one(queries[:ALONE])
        ended = time.perf_counter()
        places = [int(word[1:]) for each in [*found, *alone] for word, _ in each]
        values = [value for each in found for _, value in each]
        losses = {FOUND: float(np.mean(places)), COSINE: float(np.mean(values))}
        return Round({BATCH: middle - began, ONE: (ended - middle) / len(alone)}, losses)

    return one_round


def lexon(settings: Settings) -> Callable[[], Round]:
    from lexon import parallel
    from lexon.vectors import KeyedVectors

    parallel.threads(settings.threads)
    _limit_blas(settings.threads)
    vectors = KeyedVectors(*table(sizes(settings)[0]))

    def one(queries: Array) -> Any:
        return [vectors.most_similar([query], topn=NEAREST) for query in queries]

    return contest(settings, partial(vectors.most_similar_batch, topn=NEAREST), one)


def gensim(settings: Settings) -> Callable[[], Round]:
    """Many queries are a loop: there is no other way."""
    from gensim.models import KeyedVectors

    _limit_blas(settings.threads)
    vectors = KeyedVectors(DIMENSION)
    vectors.add_vectors(*table(sizes(settings)[0]))

    def one(queries: Array) -> Any:
        return [vectors.most_similar([query], topn=NEAREST) for query in queries]

    return contest(settings, one, one)


def _limit_blas(threads: int) -> None:
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

    threadpool_limits(threads)


CASE = Case(
    title="Word vectors: the nearest words",
    explanation=(
        f"`most_similar`, the {NEAREST} nearest by cosine among 500,000 random vectors of"
        f" {DIMENSION} numbers; queries are vectors. lexon answers many at once"
        f" (`most_similar_batch`), gensim one after the other. One query: mean of {ALONE} in a"
        " row."
    ),
    contenders={"lexon": Contender(lexon), "gensim": Contender(gensim, "gensim")},
    flops=flops,
    unit="ms",
    losses={FOUND: 1e-4, COSINE: 1e-5},
    repeats=3,
)


@lru_cache(maxsize=1)
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="lexon-benchmark-")


def binary_file(settings: Settings) -> Path:
    """A file as the original word2vec writes it."""
    words, vectors = table(2_000 if settings.quick else 200_000)
    path = Path(_folder().name) / "vectors.bin"
    with open(path, "wb") as file:
        file.write(f"{len(words)} {DIMENSION}\n".encode())
        for word, row in zip(words, vectors, strict=True):
            file.write(word.encode() + b" " + row.tobytes() + b"\n")
    return path


def reading(settings: Settings, read: Callable[[Path], Any]) -> Callable[[], Round]:
    """Rounds of reading the file, which is in the system's cache, since it was just written."""
    path = binary_file(settings)
    read(path)

    def one_round() -> Round:
        began = time.perf_counter()
        vectors = read(path).vectors
        seconds = time.perf_counter() - began
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
        return Round({READ: seconds}, {LENGTH: float(lengths.mean())})

    return one_round


def lexon_reading(settings: Settings) -> Callable[[], Round]:
    from lexon import parallel
    from lexon.vectors import KeyedVectors

    parallel.threads(settings.threads)
    return reading(settings, lambda path: KeyedVectors.load_word2vec_format(path, binary=True))


def gensim_reading(settings: Settings) -> Callable[[], Round]:
    from gensim.models import KeyedVectors

    return reading(settings, lambda path: KeyedVectors.load_word2vec_format(path, binary=True))


READING = Case(
    title="Word vectors: reading a file",
    explanation=(
        f"200,000 words of {DIMENSION} numbers in word2vec's binary format, 240 megabytes, read by"
        " `load_word2vec_format` from the system's cache."
    ),
    contenders={
        "lexon": Contender(lexon_reading),
        "gensim": Contender(gensim_reading, "gensim"),
    },
    flops=lambda settings: {READ: 0.0},
    unit="ms",
    losses={LENGTH: 0.0},
    repeats=5,
)
