"""Training of word vectors, stretch by stretch: two matrices, what is drawn, and the threads.

Everything that is drawn is a function of the seed, the epoch and a word's position in the corpus.
So one worker gives the same bits however often training is interrupted and resumed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from lexon import parallel
from lexon.errors import InputError
from lexon.kernels import windows as made
from lexon.kernels.copies import NO_COPIES
from lexon.kernels.ordered import train_tokens_ordered
from lexon.kernels.simd_rows import STEP, TOGETHER
from lexon.kernels.team import new_board
from lexon.kernels.windows import Corpus, Outputs, Rules
from lexon.kernels.wordvectors import Step, Tables, train_tokens
from lexon.vectors.copies import copied_rows, new_copies
from lexon.vectors.huffman import huffman
from lexon.vectors.noise import keep_probabilities, keep_thresholds, noise
from lexon.vectors.room import new_plans, new_table, new_words

Array = npt.NDArray[Any]
Direction = Literal["centre-to-context", "context-to-centre"]

#: Tokens that a thread takes at a time, and windows that are planned ahead.
CHUNK, BLOCK = 16_384, 16
#: In ordered training: segments of a block, and windows of a segment for each objective. Within a
#: block nobody sees an update; the root of a tree is in every window. A word is the centre of about
#: ``REPEATS`` windows of a block, at most, where the vocabulary is large enough.
SEGMENTS, REPEATS = 16, 3.0
ORDERED = {made.TREE: 1, made.SOFTMAX: 1, made.NEGATIVES: 4, made.SHARED_NEGATIVES: 4}


@dataclass(frozen=True)
class Settings:
    """What is learned and how.

    ``hs`` is the hierarchical softmax, ``negative`` = 0 without it the full softmax, else negative
    sampling. With ``exact`` each pair of centre and context has its own negatives; else the pairs
    of a window share ``shared`` of them, which weigh as much, and so do windows within ``near``
    tokens of each other (None: what the direction needs). ``direction`` tells which word of a
    skip-gram pair goes in. ``compat`` makes word2vec.c's step of CBOW: every context word gets the
    undivided gradient of the mean.

    Units: window in words to each side, sample a share of the text, alpha and min_alpha the first
    and the last learning rate.

    Raises:
        InputError: a setting is out of its range.
    """

    sg: bool = False
    hs: bool = False
    negative: int = 5
    window: int = 5
    shrink_windows: bool = True
    sample: float = 1e-3
    paper_discard: bool = False
    ns_exponent: float = 0.75
    cbow_mean: bool = True
    compat: bool = False
    alpha: float = 0.025
    min_alpha: float = 1e-4
    epochs: int = 5
    exact: bool = False
    shared: int | None = None
    near: int | None = None
    direction: Direction = "context-to-centre"
    outside: bool = False
    deterministic: bool = False
    compute_loss: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise InputError(f"{name}: {value} is less than {least}\n  give {least} or more")
        if self.direction not in ("centre-to-context", "context-to-centre"):
            raise InputError(
                f"direction: {self.direction!r} is none of 'centre-to-context', 'context-to-centre'"
            )

    def usual_context(self, sentence: float) -> float:
        """Words around a centre, on average, in sentences of so many words."""
        around = self.window + 1 if self.shrink_windows else 2 * self.window
        return min(float(around), max(sentence - 1, 1.0))

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
        shared, near = _SHARED[self.direction]
        return Rules(
            direction, objective, int(self.window), bool(self.shrink_windows), int(self.negative),
            int(self.shared or shared or max(self.negative, 1)), int(self.near or near),
            TOGETHER if objective == made.SHARED_NEGATIVES and near > 1 else 1, bool(self.outside),
        )  # fmt: skip


#: How many negatives the pairs of a window share (0: ``negative``) and within how many tokens
#: windows share them; up to four of these move the vectors together. A centre that goes in alone
#: needs more of them: each moves by all pairs at once, along one vector; where the contexts go
#: in, along as many vectors as there are contexts.
_SHARED: dict[Direction, tuple[int, int]] = {
    "centre-to-context": (24, 8),
    "context-to-centre": (0, 1),
}
_LEAST = {
    "window": 1, "negative": 0, "shared": 1, "near": 1, "sample": 0, "alpha": 0, "min_alpha": 0,
    "epochs": 0, "seed": 0,
}  # fmt: skip


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
        self._outputs = outputs_of(self.counts, settings)
        self._rows = max(len(self.counts) - (self.rules.objective == made.TREE), 1)
        probabilities = keep_probabilities(self.counts, settings.sample, settings.paper_discard)
        self._kept = self.counts * probabilities
        together = 1 if settings.deterministic else self.workers
        copied = copied_rows(self._outputs, self._kept, together)
        self._tables = Tables(
            new_table(len(self.counts), dimension, dtype),
            new_table(self._rows + together * copied, dimension, dtype),
        )
        self._worker_outputs = [
            self._outputs._replace(copies=copies)
            for copies in new_copies(self._tables.outputs, self._rows, copied, together)
        ]
        random = np.random.default_rng(settings.seed)
        for start in range(0, len(self.counts), 65_536):  # a temporary array of some rows only
            some = self.inputs[start : start + 65_536]
            some[...] = (random.random(some.shape, np.float32) - 0.5) / dimension
        self._keep = keep_thresholds(probabilities)
        self._words = [new_words(CHUNK, settings.window) for _ in range(self.workers)]
        self._plans = self._new_plans()
        self.epoch = self.position = 0

    def _new_plans(self) -> list[tuple[Any, Any]]:
        """One plan for each worker, or one for all with a row for each segment."""
        if self.settings.deterministic:
            windows = min(ORDERED[self.rules.objective], self._harmless())
            return [new_plans(self.rules, self._outputs, self._tables, windows, SEGMENTS)]
        windows = 1 if self.rules.objective == made.SOFTMAX else BLOCK
        made_ones = [
            new_plans(self.rules, self._outputs, self._tables, windows) for _ in range(self.workers)
        ]
        return [
            (type(plan)(*(a[0] for a in plan)), type(room)(*(a[0] for a in room)))
            for plan, room in made_ones
        ]

    def _harmless(self) -> int:
        """Windows of a segment so that no word is the centre of more than a few in a block.

        All its updates of a block are computed from the same vectors; where the vocabulary is tiny
        their sum would go too far.
        """
        share = float(self._kept.max(initial=0)) / max(float(self._kept.sum()), 1.0)
        return max(1, int(REPEATS / (SEGMENTS * max(share, 1e-9))))

    @property
    def inputs(self) -> Array:
        """The word vectors, a view."""
        return self._tables.inputs[:, : self.dimension]

    @property
    def outputs(self) -> Array:
        """The vectors of the output layer, a view."""
        return self._tables.outputs[: self._rows, : self.dimension]

    def stretch(self, tokens: Array, starts: Array, words: int) -> Done:
        """Train on the next ``words`` words of the corpus, rounded up to whole chunks.

        It ends with the epoch at the latest; then ``epoch`` has gone up and ``position`` is 0.
        Interrupted, it leaves both matrices as far as they were trained, and ``position`` where
        it was.

        Shapes: tokens (words), int32; starts (sentences + 1), int64: sentence s is
        tokens[starts[s]:starts[s + 1]].
        """
        first = self.position
        last = min(-(-(first + max(words, 1)) // CHUNK) * CHUNK, len(tokens))
        corpus = Corpus(_frozen(tokens), _frozen(starts), self._keep)
        for _, room in self._plans:
            room.losses[...] = 0
        if first < last:
            train = self._ordered if self.settings.deterministic else self._unordered
            train(corpus, self._step(len(tokens), len(starts) - 1), self._key(), first, last)
        self.position = last
        if last == len(tokens):
            self.epoch, self.position = self.epoch + 1, 0
        # Segment by segment: the sum of losses does not depend on the number of threads either.
        loss, pairs = np.concatenate([np.atleast_2d(room.losses) for _, room in self._plans]).sum(
            axis=0
        )[:2]
        return Done(last - first, float(loss), int(pairs))

    def _unordered(self, corpus: Corpus, step: Step, key: np.uint64, first: int, last: int) -> None:
        """Every worker takes the next chunk and changes the rows at once (Recht et al. 2011).

        Of the upper nodes of a tree it changes copies, see ``lexon.kernels.copies``.
        """
        chunks = count(first, CHUNK)

        def work(worker: int, stop: threading.Event) -> None:
            plan, room = self._plans[worker]
            while not stop.is_set() and (chunk := next(chunks)) < last:
                train_tokens(
                    corpus, self.rules, self._worker_outputs[worker], self._tables, step, key,
                    chunk, min(chunk + CHUNK, last), self._words[worker], plan, room,
                )  # fmt: skip

        _on_threads(work, self.workers)

    def _ordered(self, corpus: Corpus, step: Step, key: np.uint64, first: int, last: int) -> None:
        """All workers go through the chunks together; see ``lexon.kernels.ordered``."""
        plans, rooms = self._plans[0]
        counts, members = np.zeros(SEGMENTS, np.int64), min(self.workers, SEGMENTS)
        turns = 2 * -(-(CHUNK + 1) // plans.positions.size)
        chunks = [(chunk, new_board(turns)) for chunk in range(first, last, CHUNK)]

        def work(member: int, stop: threading.Event) -> None:
            for chunk, board in chunks:
                if stop.is_set():
                    return
                train_tokens_ordered(
                    corpus, self.rules, self._outputs, self._tables, step, key,
                    chunk, min(chunk + CHUNK, last), self._words[member], plans, rooms, counts,
                    board, member, members,
                )  # fmt: skip

        _on_threads(work, members)

    def state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """What training needs to go on to the same bits: JSON, and arrays."""
        content = {"epoch": self.epoch, "position": self.position}
        return content, {"inputs": self.inputs, "outputs": self.outputs}

    def load_state(self, content: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        """Go on from a state.

        Raises:
            InputError: the matrices are of other shapes.
        """
        for name, own in (("inputs", self.inputs), ("outputs", self.outputs)):
            if arrays[name].shape != own.shape:
                raise InputError(
                    f"{name}: the state holds {arrays[name].shape}, this trainer {own.shape}\n"
                    "  resume with the same corpus and settings"
                )
            own[...] = arrays[name]
        self._tables.outputs[self._rows :] = 0
        for outputs in self._worker_outputs:
            outputs.copies.seen[...] = 0
        self.epoch, self.position = int(content["epoch"]), int(content["position"])

    def _step(self, words: int, sentences: int) -> Step:
        s = self.settings
        usual = 0.0 if s.compat else s.usual_context(words / max(sentences, 1))
        slope = (s.alpha - s.min_alpha) / max(words * s.epochs, 1)
        return Step(
            s.alpha - slope * words * self.epoch, slope, float(s.min_alpha), bool(s.cbow_mean),
            usual, bool(s.compute_loss),
        )  # fmt: skip

    def _key(self) -> np.uint64:
        state = np.random.SeedSequence([self.settings.seed, self.epoch]).generate_state(1, "u8")
        return np.uint64(state[0])


def held_out_loss(
    inputs: Array,
    outputs: Array,
    counts: npt.ArrayLike,
    tokens: Array,
    starts: Array,
    settings: Settings,
) -> float:
    """The mean loss of a text under two matrices, which may be any program's.

    Negatives are drawn for each pair, from one seed, whatever ``settings`` says: two pairs of
    matrices are asked the same. Nothing is trained.

    Shapes: inputs (V, D); outputs (V, D), or (V - 1, D) with a tree; counts (V) of the text that
    was trained on. Units: nats for each pair of centre and context, or for each word with CBOW.

    Raises:
        InputError: the text has no two words of the vocabulary beside each other.
    """
    still = replace(
        settings, alpha=0.0, min_alpha=0.0, epochs=1, exact=True, deterministic=False,
        compute_loss=True, seed=0,
    )  # fmt: skip
    judge = Trainer(counts, inputs.shape[1], still, workers=1, dtype=inputs.dtype)
    judge.load_state({"epoch": 0, "position": 0}, {"inputs": inputs, "outputs": outputs})
    done = judge.stretch(tokens, starts, len(tokens))
    if not done.pairs:
        raise InputError(
            "held-out text: no two words of the vocabulary stand beside each other\n"
            "  give more text, of the kind that was trained on"
        )
    return done.loss / done.pairs


def outputs_of(counts: Array, settings: Settings) -> Outputs:
    """The tables from which the objective takes its outputs; those of others are empty."""
    objective, size = settings.rules().objective, len(counts)
    table = noise(counts if objective < made.TREE else counts[:0], settings.ns_exponent)
    tree = huffman(counts if objective == made.TREE else counts[:0])
    everything = np.zeros(-(-size // STEP) * STEP, np.int32)
    everything[:size] = np.arange(size)
    rows = everything if objective == made.SOFTMAX else everything[:0]
    return Outputs(table, *tree, rows, NO_COPIES)


def _frozen(array: Array) -> Array:
    """A read-only view, also of a memory map: one type for the kernels."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def _on_threads(work: Callable[[int, threading.Event], None], workers: int) -> None:
    """``work(worker, stop)`` on so many threads, this one included; the first error is raised."""
    stop = threading.Event()
    errors: list[BaseException] = []

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
