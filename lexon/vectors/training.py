"""Training of word vectors, stretch by stretch: two matrices, what is drawn, and the threads.

Everything that is drawn is a function of the seed, the epoch and a word's position in the corpus.
So one worker gives the same bits however often training is interrupted and resumed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from lexon import parallel
from lexon.errors import InputError
from lexon.kernels import windows as made
from lexon.kernels.product import aligned
from lexon.kernels.windows import Corpus, Outputs, Plan, Rules, Words
from lexon.kernels.wordvectors import Buffers, Step, Tables, train_tokens
from lexon.vectors.huffman import huffman
from lexon.vectors.noise import keep_probabilities, keep_thresholds, noise

Array = npt.NDArray[Any]
Direction = Literal["centre-to-context", "context-to-centre"]

#: Tokens that a thread takes at a time, and windows that are planned ahead.
CHUNK, BLOCK = 16_384, 16
_LINE = 64


@dataclass(frozen=True)
class Settings:
    """What is learned and how.

    Units: window in words to each side, sample a share of the text, alpha and min_alpha the first
    and the last learning rate.
    """

    sg: bool = False  # skip-gram, else CBOW
    hs: bool = False  # hierarchical softmax
    negative: int = 5  # negatives for each pair; 0 without hs: the full softmax
    window: int = 5
    shrink_windows: bool = True  # a window's reach is drawn from 1 to window
    sample: float = 1e-3
    paper_discard: bool = False  # discard with probability 1 - sqrt(sample / f)
    ns_exponent: float = 0.75
    cbow_mean: bool = True
    compat: bool = False  # every context word gets the undivided gradient of the mean
    alpha: float = 0.025
    min_alpha: float = 1e-4
    epochs: int = 5
    exact: bool = False  # fresh negatives for every pair
    shared: int = 10  # else so many for all pairs of a window
    direction: Direction = "centre-to-context"
    outside: bool = False  # negatives are none of the window's own words
    compute_loss: bool = False
    seed: int = 1

    def rules(self) -> Rules:
        """The same for the kernels."""
        if not self.sg:
            direction = made.CBOW
        elif self.direction == "centre-to-context":
            direction = made.CENTRE_TO_CONTEXT
        else:
            direction = made.CONTEXT_TO_CENTRE
        if self.hs:
            objective = made.TREE
        elif self.negative == 0:
            objective = made.SOFTMAX
        else:
            fresh = self.exact or not self.sg
            objective = made.NEGATIVES if fresh else made.SHARED_NEGATIVES
        return Rules(
            direction, objective, int(self.window), bool(self.shrink_windows),
            int(self.negative), int(self.shared), bool(self.outside),
        )  # fmt: skip


class Done(NamedTuple):
    """What a stretch did. Units: words of the corpus; loss in nats, summed over pairs."""

    words: int
    loss: float
    pairs: int


class Trainer:
    """Two matrices and the way to train them on a corpus of word numbers.

    Shapes: counts (V), falling; ``inputs`` (V, dimension), the word vectors; ``outputs`` (V,
    dimension), or (V - 1, dimension) for the inner nodes of the tree. First values: inputs
    uniform in +-1 / (2 dimension), outputs 0.
    """

    def __init__(
        self,
        counts: npt.ArrayLike,
        dimension: int,
        settings: Settings,
        *,
        workers: int | None = None,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self.counts, self.dimension = np.asarray(counts, np.int64), dimension
        self.settings, self.workers = settings, workers or parallel.threads()
        self.rules = settings.rules()
        self._outputs = _outputs(self.counts, settings, self.rules)
        rows = len(self.counts) - (self.rules.objective == made.TREE)
        self._tables = Tables(
            _table(len(self.counts), dimension, dtype), _table(max(rows, 1), dimension, dtype)
        )
        random = np.random.default_rng(settings.seed)
        self.inputs[...] = (random.random(self.inputs.shape, np.float32) - 0.5) / dimension
        self._keep = keep_thresholds(
            keep_probabilities(self.counts, settings.sample, settings.paper_discard)
        )
        self._rooms = [
            _Room(self.rules, self._outputs, self._tables, BLOCK) for _ in range(self.workers)
        ]
        self.epoch = self.position = 0

    @property
    def inputs(self) -> Array:
        return self._tables.inputs[:, : self.dimension]

    @property
    def outputs(self) -> Array:
        return self._tables.outputs[:, : self.dimension]

    def stretch(self, tokens: Array, starts: Array, words: int) -> Done:
        """Train on the next ``words`` words of the corpus, rounded up to whole chunks.

        It ends with the epoch at the latest; then ``epoch`` has gone up and ``position`` is 0.
        """
        first = self.position
        last = min(-(-(first + max(words, 1)) // CHUNK) * CHUNK, len(tokens))
        corpus = Corpus(_frozen(tokens), _frozen(starts), self._keep)
        step, key = self._step(len(tokens)), self._key()
        tickets = count(first, CHUNK)

        def work(worker: int, stop: threading.Event) -> None:
            room = self._rooms[worker]
            while not stop.is_set() and (ticket := next(tickets)) < last:
                train_tokens(
                    corpus, self.rules, self._outputs, self._tables, step, key,
                    ticket, min(ticket + CHUNK, last), room.words, room.plan, room.buffers,
                )  # fmt: skip

        for room in self._rooms:
            room.buffers.losses[:] = 0
        _on_threads(work, self.workers)
        self.position = last
        if last == len(tokens):
            self.epoch, self.position = self.epoch + 1, 0
        loss, pairs = np.sum([room.buffers.losses for room in self._rooms], axis=0)
        return Done(last - first, float(loss), int(pairs))

    def _step(self, words: int) -> Step:
        s = self.settings
        slope = (s.alpha - s.min_alpha) / max(words * s.epochs, 1)
        return Step(
            s.alpha - slope * words * self.epoch, slope, s.min_alpha, bool(s.cbow_mean),
            not s.compat, bool(s.compute_loss),
        )  # fmt: skip

    def _key(self) -> np.uint64:
        return np.random.SeedSequence([self.settings.seed, self.epoch]).generate_state(1, "u8")[0]


def _outputs(counts: Array, settings: Settings, rules: Rules) -> Outputs:
    size = len(counts)
    table = noise(counts if rules.objective < made.TREE else counts[:0], settings.ns_exponent)
    tree = huffman(counts if rules.objective == made.TREE else counts[:0])
    everything = np.zeros(-(-size // made.STEP) * made.STEP, np.int32)
    everything[:size] = np.arange(size)
    if rules.objective != made.SOFTMAX:
        everything = everything[:0]
    return Outputs(*table, *tree, everything)


def _table(rows: int, dimension: int, dtype: npt.DTypeLike) -> Array:
    """Zeros whose rows are whole cache lines, so that no line belongs to two words."""
    numbers = _LINE // np.dtype(dtype).itemsize
    width = -(-dimension // numbers) * numbers
    table = aligned(rows * width, dtype).reshape(rows, width)
    table[...] = 0
    return table


def _frozen(array: Array) -> Array:
    """A read-only view, also of a memory map: one type for the kernels."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


class _Room:
    """What one thread works in."""

    def __init__(self, rules: Rules, outputs: Outputs, tables: Tables, windows: int) -> None:
        longest = 2 * rules.window
        width, dtype = tables.inputs.shape[1], tables.inputs.dtype
        size = CHUNK + longest + 2
        self.words = Words(
            np.empty(size, np.int32), np.empty(size, np.int64),
            np.empty(size, np.int32), np.empty(size, np.int32),
        )  # fmt: skip
        predictions = windows * (longest if rules.direction == made.CONTEXT_TO_CENTRE else 1)
        inputs = windows * longest
        lists = windows * longest if rules.objective == made.NEGATIVES else windows
        listed = _longest_list(rules, outputs)
        slots = predictions * (-(-listed // made.STEP) * made.STEP)
        if rules.objective == made.SOFTMAX:
            slots = predictions * len(outputs.everything)
        room = lists * listed + made.STEP
        nodes = tables.outputs.shape[0] if rules.objective == made.TREE else 0
        self.plan = Plan(
            np.empty(windows, np.int64), np.empty(windows, np.int32),
            np.empty(windows + 1, np.int32), np.empty(predictions + 1, np.int32),
            np.empty(predictions, np.int32), np.empty(predictions, np.int32),
            np.empty(predictions + 1, np.int64), np.empty(inputs, np.int32),
            np.zeros(room, np.int32), np.zeros(room, np.float32), np.zeros(room, np.float32),
            np.zeros(nodes, np.int32),
        )  # fmt: skip
        self.buffers = Buffers(
            np.empty(longest + 2, np.int32), aligned(predictions * width, dtype),
            aligned(predictions * width, dtype), aligned(slots + made.STEP, dtype),
            np.empty(inputs, dtype), np.empty(inputs, dtype), np.zeros(2),
        )  # fmt: skip


def _longest_list(rules: Rules, outputs: Outputs) -> int:
    """How many outputs a prediction can have."""
    answers = 2 * rules.window if rules.direction == made.CENTRE_TO_CONTEXT else 1
    if rules.objective == made.TREE:
        return answers * int(np.diff(outputs.path_starts).max(initial=0))
    if rules.objective == made.NEGATIVES:
        return answers * (1 + rules.negatives)
    return answers + rules.shared


def _on_threads(work: Callable[[int, threading.Event], None], workers: int) -> None:
    """``work(worker, stop)`` on so many threads, this one included; the first error is raised."""
    stop, errors = threading.Event(), []

    def guarded(worker: int) -> None:
        try:
            work(worker, stop)
        except BaseException as error:
            errors.append(error)
            stop.set()

    helpers = [threading.Thread(target=guarded, args=(w,)) for w in range(1, workers)]
    for helper in helpers:
        helper.start()
    guarded(0)
    for helper in helpers:
        helper.join()
    if errors:
        raise errors[0]
