"""One training epoch of Kim's n-gram network on movie-review sentences.

Source: Kim 2014, CNN-rand on MR: word vectors of 300 numbers learned from random ones, windows 3,
4, 5 with 100 filters each, ReLU, maximum over time, dropout 0.5, rows of the last layer no longer
than 3, batches of 50, Adadelta (rho 0.95).
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.case import Case, Contender, Round, Settings, Skipped, random_state

Array = npt.NDArray[Any]

WINDOWS, FILTERS, DIMENSION, CLASSES = (3, 4, 5), 100, 300, 2
BATCH, DROPOUT, LARGEST, RHO, EPS = 50, 0.5, 3.0, 0.95, 1e-6
CHECKED = 20  # steps without dropout, after which losses are compared
EPOCH, CHECK = "an epoch", f"loss without dropout, mean of {CHECKED} steps"
MEAN = "mean loss of the timed epoch, with each library's own dropout"

#: Takes the numbers of a batch's sentences, makes one step and gives the loss.
Step = Callable[[Array], float]


@dataclass(frozen=True)
class Sentences:
    """Nine of ten sentences of MR: word numbers from 1, classes 0 and 1. Row 0 is for padding."""

    ids: list[Array]
    classes: Array
    words: int

    def order(self) -> list[Array]:
        """The numbers of each batch's sentences: the same for every contender and round."""
        order = random_state(2).permutation(len(self.ids))
        return [order[start : start + BATCH] for start in range(0, len(order), BATCH)]


def read(settings: Settings) -> Sentences:
    """The sentences of ``$LEXON_DATA/kim2014/rt-polarity.all``."""
    folder = os.environ.get("LEXON_DATA")
    if not folder:
        raise Skipped("LEXON_DATA does not name the data folder")
    path = Path(folder) / "kim2014" / "rt-polarity.all"
    if not path.exists():
        raise Skipped(f"there is no {path.name} in the folder kim2014 of LEXON_DATA")
    # Not splitlines: in Latin-1 some signs of the sentences would end a line.
    lines = path.read_text(encoding="latin-1").strip().split("\n")
    chosen = random_state(1).permutation(len(lines))[: 100 if settings.quick else 9596]
    rows = [lines[number].split() for number in sorted(chosen)]
    counts = Counter(word for row in rows for word in row[1:])
    numbers = {word: number for number, word in enumerate(sorted(counts), start=1)}
    ids = [np.array([numbers[word] for word in row[1:]], np.int64) for row in rows]
    return Sentences(ids, np.array([int(row[0]) for row in rows]), len(numbers) + 1)


def flops(settings: Settings) -> dict[str, float]:
    """Filters on all n-grams; on the way back those n-grams alone that won, twice."""
    data, window = read(settings), np.array(WINDOWS)
    grams = sum((len(ids) + window - 1) * window for ids in data.ids).sum()
    winners = 2 * len(data.ids) * window.sum()
    return {EPOCH: float(2 * (grams + winners) * FILTERS * DIMENSION)}


def first_weights(words: int) -> dict[str, Array]:
    """Kim's first values, by lexon's names: filters (F, K, D)."""
    rng = random_state(3)

    def uniform(limit: float, *shape: int) -> Array:
        return rng.uniform(-limit, limit, shape).astype(np.float32)

    weights = {"table.weight": uniform(0.25, words, DIMENSION)}
    weights["table.weight"][0] = 0
    for window in WINDOWS:
        weights[f"conv.weight_{window}"] = uniform(0.01, FILTERS, window, DIMENSION)
        weights[f"conv.bias_{window}"] = np.zeros(FILTERS, np.float32)
    weights["out.weight"] = uniform(0.1, CLASSES, FILTERS * len(WINDOWS))
    weights["out.bias"] = np.zeros(CLASSES, np.float32)
    return weights


def one_epoch(data: Sentences, begin: Callable[[float], Step]) -> tuple[float, float]:
    """Seconds and mean loss of an epoch from the first weights; making ready is not timed."""
    step, order = begin(DROPOUT), data.order()
    began = time.perf_counter()
    losses = [step(numbers) for numbers in order]
    return time.perf_counter() - began, float(np.mean(losses))


def checked(data: Sentences, begin: Callable[[float], Step]) -> float:
    """Mean loss of the first steps without dropout."""
    step = begin(0.0)
    return float(np.mean([step(numbers) for numbers in data.order()[:CHECKED]]))


class Stopwatch:
    """Seconds by part of the work."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - began


def lexon(settings: Settings) -> Callable[[], Round]:
    """The network of :class:`lexon.tasks.TextClassifier`, its step written out."""
    from lexon import nn, optim, parallel
    from lexon.tasks.networks import NgramText
    from lexon.text import Ragged

    parallel.threads(settings.threads)
    data, watch = read(settings), Stopwatch()
    ids, weights = Ragged.from_lists(data.ids), first_weights(data.words)  # type: ignore[arg-type]

    def begin(dropout: float) -> Step:
        table = nn.Embedding(data.words, DIMENSION)
        network = NgramText(table, WINDOWS, FILTERS, CLASSES, dropout, random_state(4))
        network.load_state_dict(weights)
        optimizer = optim.Adadelta(network.parameters(), rho=RHO, eps=EPS)
        return _lexon_step(network, optimizer, ids, data.classes, watch)

    check = checked(data, begin)

    def one_round() -> Round:
        watch.seconds.clear()
        seconds, mean = one_epoch(data, begin)
        return Round({EPOCH: seconds}, {MEAN: mean, CHECK: check}, dict(watch.seconds))

    return one_round


def _lexon_step(network: Any, optimizer: Any, ids: Any, classes: Array, watch: Stopwatch) -> Step:
    """A step in parts, so that the page can tell where the time goes."""
    from lexon import ops

    def step(numbers: Array) -> float:
        with watch("batch"):
            batch = ids.take(numbers)
        with watch("look-up"):
            x = network.table(batch.rows)
        with watch("convolution"):
            features = network.conv(x, batch.lengths)
        with watch("dropout, last layer, loss"):
            logits = network.out(network.dropout(features))
            loss = ops.cross_entropy(logits, targets=classes[numbers])
        with watch("backward"):
            optimizer.zero_grad()
            loss.backward()
        with watch("optimiser"):
            optimizer.step()
            network.hold_norm(LARGEST)
        return float(loss.item())

    return step


def pytorch_network(weights: dict[str, Array], dropout: float, sparse: bool = False) -> Any:
    """The same network as a careful PyTorch user writes it; word 0 is padding."""
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self, words: int) -> None:
            super().__init__()
            self.table = nn.Embedding(words, DIMENSION, padding_idx=0, sparse=sparse)
            self.convs = nn.ModuleList(nn.Conv1d(DIMENSION, FILTERS, w) for w in WINDOWS)
            self.dropout = nn.Dropout(dropout)
            self.out = nn.Linear(FILTERS * len(WINDOWS), CLASSES)

        def forward(self, words: Any) -> Any:
            margin = max(WINDOWS) - 1
            x = self.table(nn.functional.pad(words, (margin, margin))).transpose(1, 2)
            features = [torch.relu(conv(x)).amax(dim=2) for conv in self.convs]
            return self.out(self.dropout(torch.cat(features, dim=1)))

    network = Network(len(weights["table.weight"]))
    state = {name: weights[name] for name in ("table.weight", "out.weight", "out.bias")}
    for place, window in enumerate(WINDOWS):
        state[f"convs.{place}.weight"] = weights[f"conv.weight_{window}"].transpose(0, 2, 1)
        state[f"convs.{place}.bias"] = weights[f"conv.bias_{window}"]
    network.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    return network


def _pytorch_rules(network: Any, sparse: bool) -> list[Any]:
    """Adadelta; for a table with sparse gradients, which it does not take, Adagrad."""
    from torch import optim

    table = list(network.table.parameters()) if sparse else []
    others = [p for p in network.parameters() if all(p is not q for q in table)]
    rules: list[Any] = [optim.Adadelta(others, lr=1.0, rho=RHO, eps=EPS)]
    return [*rules, optim.Adagrad(table, lr=0.01)] if sparse else rules


def pytorch(settings: Settings, sparse: bool = False) -> Callable[[], Round]:
    """Each batch padded to its longest sentence, Conv1d."""
    import torch
    from torch.nn.functional import cross_entropy
    from torch.nn.utils.rnn import pad_sequence

    torch.set_num_threads(settings.threads)
    torch.sparse.check_sparse_tensor_invariants.disable()  # the default, but said: no warning
    data = read(settings)
    weights = first_weights(data.words)
    ids, classes = [torch.from_numpy(row) for row in data.ids], torch.from_numpy(data.classes)

    def begin(dropout: float) -> Step:
        torch.manual_seed(4)
        network = pytorch_network(weights, dropout, sparse)
        rules = _pytorch_rules(network, sparse)

        def step(numbers: Array) -> float:
            words = pad_sequence([ids[n] for n in numbers], batch_first=True)
            loss = cross_entropy(network(words), classes[numbers])
            for rule in rules:
                rule.zero_grad()
            loss.backward()
            for rule in rules:
                rule.step()
            with torch.no_grad():
                network.out.weight.renorm_(2, 0, LARGEST)
            return float(loss.item())

        return step

    # Another rule for the table gives other losses: they are not compared.
    check = {} if sparse else {CHECK: checked(data, begin)}

    def one_round() -> Round:
        seconds, mean = one_epoch(data, begin)
        return Round({EPOCH: seconds}, {} if sparse else {MEAN: mean, **check})

    return one_round


CASE = Case(
    title="TextCNN: one training epoch",
    explanation=(
        "Kim 2014, CNN-rand on MR: 9,596 sentences, word vectors of 300 numbers that are trained,"
        " windows 3, 4, 5 with 100 filters, dropout 0.5, batches of 50, Adadelta. PyTorch pads"
        " each batch to its longest sentence. Its Adadelta takes no sparse gradients:"
        " with a sparse table, the table is updated by Adagrad instead (another rule, cheaper, so"
        " that losses are not compared). The fraction of the peak counts what must be computed: no"
        " padding, and on the way back only the n-grams that won."
    ),
    contenders={
        "lexon": Contender(lexon),
        "PyTorch": Contender(pytorch, "torch"),
        "PyTorch, sparse table": Contender(lambda s: pytorch(s, sparse=True), "torch"),
    },
    flops=flops,
    unit="s",
    losses={CHECK: 1e-3, MEAN: 0.03},
)
