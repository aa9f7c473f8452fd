"""Skip-gram over vocabularies of many sizes, beside the memory traffic it cannot avoid.

Words are drawn by Zipf's law, without a text. The second contender reads and writes the rows that
training has to fetch, and computes nothing: where it takes longer than the operations would at
the machine's peak, memory is the limit, and the ratio tells how near training comes to it.

Run as a program, ``python -m benchmarks.vector_scale WHAT SIZE THREADS [FILE]``, it prints the
bytes of memory that training with a vocabulary of SIZE, or counting the words of FILE, takes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from benchmarks.case import Case, Contender, Round, Settings, random_state
from lexon.kernels.simd_rows import prefetch
from lexon.vectors.training import Settings as Training
from lexon.vectors.training import Trainer

Array = npt.NDArray[Any]

DIMENSION, WINDOW, CONTEXTS, SHARED, SAMPLE = 100, 5, 6, Training(sg=True).rules().shared, 1e-3
#: Rows of a kept word that the cache does not hold from the window before: its own, that of the
#: word which enters the window, and its negatives.
ROWS = 2 + SHARED
LINE, NUMBER = 64, 4  # bytes of a cache line and of a float32
#: Kept words by which rows are asked for ahead.
AHEAD = 3
LINE_OF_TEXT = 100


class Stream(NamedTuple):
    """A text of numbers: counts (V) by Zipf's law; tokens, and the starts of its sentences."""

    counts: Array
    tokens: Array
    starts: Array
    kept: float  # the share that sub-sampling leaves


def vocabularies(settings: Settings) -> dict[str, int]:
    """Rows of the table."""
    sizes = (2_000,) if settings.quick else (50_000, 500_000, 2_000_000)
    return {f"{size:,} words": size for size in sizes}


def tokens(settings: Settings) -> int:
    return 20_000 if settings.quick else 3_000_000


@lru_cache
def counts(words: int) -> Array:
    """How often each word would occur in 10^9 words."""
    share = 1.0 / np.arange(1, words + 1)
    occurring: Array = np.ceil(1e9 * share / share.sum()).astype(np.int64)
    return occurring


def drawn(words: int, number: int) -> Array:
    """A stream of words."""
    borders = np.cumsum(counts(words), dtype=np.float64)
    places = random_state(words).random(number) * borders[-1]
    words_drawn: Array = borders.searchsorted(places, side="right").astype(np.int32)
    return words_drawn


def stream(words: int, number: int) -> Stream:
    from lexon.vectors.noise import keep_probabilities

    keep = keep_probabilities(counts(words), SAMPLE)
    kept = float(counts(words) @ keep / counts(words).sum())
    starts = np.append(np.arange(0, number, LINE_OF_TEXT), number)
    return Stream(counts(words), drawn(words, number), starts, kept)


def operations(words: int) -> float:
    """Of a word of the text: six a number for each output of those that are kept."""
    return stream(words, 1).kept * 6.0 * CONTEXTS * (1 + SHARED) * DIMENSION


def flops(settings: Settings) -> dict[str, float]:
    number = tokens(settings)
    return {row: number * operations(size) for row, size in vocabularies(settings).items()}


def amounts(settings: Settings) -> dict[str, float]:
    return dict.fromkeys(vocabularies(settings), float(tokens(settings)))


def row_bytes() -> int:
    """A row fills whole cache lines."""
    return -(-DIMENSION * NUMBER // LINE) * LINE


def new_trainer(words: int, threads: int) -> Trainer:
    how = Training(sg=True, window=WINDOW, sample=SAMPLE, shared=SHARED, epochs=100)
    return Trainer(counts(words), DIMENSION, how, workers=threads)


def lexon(settings: Settings) -> Callable[[], Round]:
    """One epoch over the stream."""
    ready = {}
    for row, size in vocabularies(settings).items():
        text, trainer = stream(size, tokens(settings)), new_trainer(size, settings.threads)
        trainer.stretch(text.tokens, text.starts, 1)  # a first chunk: compiled, pages touched
        ready[row] = text, trainer
    notes = [_model(settings), *([] if settings.quick else memory_notes(settings))]

    def one_round() -> Round:
        seconds = {}
        for row, (text, trainer) in ready.items():
            trainer.epoch = trainer.position = 0
            began = time.perf_counter()
            trainer.stretch(text.tokens, text.starts, len(text.tokens))
            seconds[row] = time.perf_counter() - began
        return Round(seconds, notes=notes)

    return one_round


@numba.njit(nogil=True)  # type: ignore[untyped-decorator]
def touch(inputs, outputs, words, negatives, first, last):  # type: ignore[no-untyped-def]
    """Read and write the rows of the kept words first to last: one addition a number."""
    width, number, one = inputs.shape[1], negatives.shape[1], np.float32(1)
    for i in range(first, last):
        ahead = min(i + AHEAD, last - 1)
        prefetch(inputs, width, words[ahead])
        prefetch(outputs, width, words[ahead])
        for j in range(number):
            prefetch(outputs, width, negatives[ahead, j])
        own = words[i]
        for k in range(width):
            inputs[own, k] += one
        for k in range(width):
            outputs[own, k] += one
        for j in range(number):
            row = negatives[i, j]
            for k in range(width):
                outputs[row, k] += one


class Rows(NamedTuple):
    """What is touched: both matrices, the kept words and the negatives of each."""

    inputs: Array
    outputs: Array
    words: Array
    negatives: Array


def rows_of(words: int, number: int) -> Rows:
    from lexon.vectors.noise import keep_probabilities
    from lexon.vectors.room import new_table

    random, text = random_state(3), stream(words, number)
    keep = keep_probabilities(text.counts, SAMPLE)
    kept = text.tokens[random.random(number) < keep[text.tokens]]
    noise = np.cumsum(text.counts.astype(np.float64) ** 0.75)
    places = random.random((len(kept), SHARED)) * noise[-1]
    negatives = noise.searchsorted(places, side="right").astype(np.int32)
    inputs, outputs = (new_table(words, DIMENSION, np.float32) for _ in range(2))
    return Rows(inputs, outputs, kept, negatives)


def rows_alone(settings: Settings) -> Callable[[], Round]:
    """The same rows, read and written by as many threads, without anything computed."""
    ready = {row: rows_of(size, tokens(settings)) for row, size in vocabularies(settings).items()}

    def passes(rows: Rows) -> None:
        borders = np.linspace(0, len(rows.words), settings.threads + 1).astype(int).tolist()
        with ThreadPoolExecutor(settings.threads) as pool:
            list(pool.map(lambda part: touch(*rows, *part), pairwise(borders)))

    for rows in ready.values():
        passes(rows)

    def one_round() -> Round:
        seconds, speeds = {}, []
        for row, rows in ready.items():
            began = time.perf_counter()
            passes(rows)
            seconds[row] = time.perf_counter() - began
            moved = 2.0 * ROWS * row_bytes() * len(rows.words)
            speeds.append(f"{row} {moved / seconds[row] / 1e9:.1f} GB/s")
        return Round(seconds, notes=[f"rows alone, read and written: {', '.join(speeds)}"])

    return one_round


def _model(settings: Settings) -> str:
    moved = 2 * ROWS * row_bytes()
    each = [
        f"{row} {moved * stream(size, 1).kept:,.0f} bytes and {operations(size):,.0f} operations"
        for row, size in vocabularies(settings).items()
    ]
    return (
        f"a kept word: {ROWS} rows of {row_bytes()} bytes, read and written, {moved:,} bytes;"
        f" a word of the text, of which sub-sampling leaves some: {', '.join(each)}"
    )


# Peak memory


def memory_notes(settings: Settings) -> list[str]:
    """Bytes a word of the vocabulary and of the text, each measured in a process of its own."""
    size, length, threads = 500_000, 10_000_000, str(settings.threads)
    with tempfile.TemporaryDirectory(prefix="lexon-benchmark-") as folder:
        path = Path(folder) / "text.txt"
        with open(path, "w", encoding="ascii") as file:
            file.writelines(_lines(size // 10, length))
        training = _measured("training", str(size), threads)
        counting = _measured("corpus", str(length), threads, str(path))
    if training is None or counting is None:
        return ["peak memory: not told by this system"]
    return [
        f"peak memory of training with {size:,} words: {training / size:,.0f} bytes a word of the"
        f" vocabulary, {2 * row_bytes()} of them its rows; of the corpus pass over a text of"
        f" {length:,} words, {size // 10:,} different ones: {counting / length:.1f} bytes a word"
        " of the text"
    ]


def _lines(words: int, number: int) -> Iterator[str]:
    names = [f"w{word}" for word in range(words)]
    ids = drawn(words, number)
    for start in range(0, number, LINE_OF_TEXT):
        yield " ".join(names[word] for word in ids[start : start + LINE_OF_TEXT].tolist()) + "\n"


def _measured(*arguments: str) -> float | None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.vector_scale", *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[1],
    )
    return float(done.stdout) if done.stdout.strip() else None


def _peak_of(work: Callable[[], object]) -> int | None:
    """Bytes by which memory grew at most while ``work`` ran; None where Linux does not tell."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not reset.exists():
        return None

    def kilobytes(field: str) -> int:
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))

    reset.write_text("5")  # the peak so far is forgotten
    before = kilobytes("VmRSS")
    result = work()
    grown = kilobytes("VmHWM") - before
    del result
    return 1024 * grown


def main() -> None:
    from lexon import parallel
    from lexon.vectors import Corpus

    what, size, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    parallel.threads(threads)

    def training(words: int) -> Any:
        trainer, text = new_trainer(words, threads), stream(words, 20_000)
        trainer.stretch(text.tokens, text.starts, 20_000)
        return trainer

    if what == "training":
        training(1_000)  # compiled code, and what every process has, is not counted
        stream(size, 20_000)
        print(_peak_of(lambda: training(size)) or "")
    else:
        Corpus.from_sentences([["a"] * 5])
        print(_peak_of(lambda: Corpus.from_files(sys.argv[4])) or "")


if __name__ == "__main__":
    main()


def case(threads: int | None) -> Case:
    return Case(
        title=f"Word vectors: size of the vocabulary{', on one thread' if threads == 1 else ''}",
        explanation=(
            f"Skip-gram, {DIMENSION} numbers, window {WINDOW}, {SHARED} negatives a window, sample"
            f" {SAMPLE:g}: lexon's usual mode, one epoch of three million words drawn by Zipf's"
            f" law. Beside it the {ROWS} rows of each kept word that a cache cannot hold from the"
            " window before, read and written and nothing computed. The fraction of the peak is"
            " that of the operations: where the rows alone stay below 100 %, memory is the nearer"
            " limit, and the ratio tells how near lexon comes to it; above it arithmetic is, and"
            " lexon's own fraction tells it. Far from both, what binds is the instructions around"
            " short lists of short rows: words drawn, sums across lanes, exponentials."
        ),
        contenders={"lexon": Contender(lexon), "rows alone": Contender(rows_alone)},
        flops=flops,
        unit="k words/s",
        amounts=amounts,
        repeats=5,
        threads=threads,
    )


CASES = {"vector_scale": case(None), "vector_scale_one_thread": case(1)}
