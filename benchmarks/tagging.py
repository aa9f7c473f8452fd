"""Training a tagger: word vectors, BiLSTM and CRF on sentences of CoNLL-2003.

Both train from the same weights on the same batches, by plain gradient descent. PyTorch's sentences
are padded and its forward algorithm goes over a whole batch at once; its backward direction reads
sentences turned round within their lengths, so that no padding is read (as fast as a wrong one), or
packed sentences go through its own bidirectional layer.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.case import Case, Contender, Round, Settings, Skipped, random_state

Array = npt.NDArray[Any]

DIMENSION, HIDDEN, BATCH, RATE = 100, 100, 32, 0.1
ROW, LOSS = "training", "mean loss of the timed steps"
#: Takes the numbers of a batch's sentences, makes one step and gives the loss a token.
Step = Callable[[Array], float]


@dataclass(frozen=True)
class Sentences:
    """Word numbers from 1 and tag numbers of every sentence."""

    words: list[Array]
    tags: list[Array]
    vocabulary: int
    classes: int

    def batches(self) -> list[Array]:
        order = random_state(2).permutation(len(self.words))
        return [order[start : start + BATCH] for start in range(0, len(order), BATCH)]


def read(settings: Settings) -> Sentences:
    """Every seventh sentence of ``$LEXON_DATA/conll2003/eng.train``: about 2,000."""
    from lexon.text import Labels, Vocabulary, read_tagged
    from lexon.text.schemes import convert

    path = Path(os.environ.get("LEXON_DATA", "")) / "conll2003" / "eng.train"
    if not os.environ.get("LEXON_DATA") or not path.exists():
        raise Skipped("LEXON_DATA does not name a folder with conll2003/eng.train")
    found = read_tagged(path, label="4")
    vocabulary = Vocabulary.build(found.tokens)
    tags = [convert(one, "BIOES") for one in found.tags or []]
    labels = Labels.fit([tag for one in tags for tag in one])
    chosen = range(0, len(tags), 140 if settings.quick else 7)
    return Sentences(
        [vocabulary.encode(found.tokens[i]).astype(np.int64) for i in chosen],
        [labels.encode(tags[i]).astype(np.int64) for i in chosen],
        len(vocabulary),
        len(labels),
    )


def weights(data: Sentences) -> dict[str, Array]:
    """First values; the layer's by PyTorch's names."""
    rng = random_state(3)

    def some(*shape: int) -> Array:
        return rng.uniform(-0.1, 0.1, shape).astype(np.float32)

    found = {"table": some(data.vocabulary, DIMENSION), "out": some(data.classes, 2 * HIDDEN)}
    for layer in ("l0", "l0_reverse"):
        found[f"weight_ih_{layer}"] = some(4 * HIDDEN, DIMENSION)
        found[f"weight_hh_{layer}"] = some(4 * HIDDEN, HIDDEN)
        found[f"bias_ih_{layer}"] = some(4 * HIDDEN)
        found[f"bias_hh_{layer}"] = np.zeros(4 * HIDDEN, np.float32)
    return found


def lexon(settings: Settings) -> Callable[[], Round]:
    """Rows end to end."""
    from lexon import nn, ops, parallel
    from lexon.interop import torch as interop
    from lexon.optim import SGD

    parallel.threads(settings.threads)
    data = read(settings)

    def begin() -> Step:
        given = weights(data)
        table = nn.Embedding(data.vocabulary, DIMENSION, vectors=given.pop("table"))
        out = nn.Linear(2 * HIDDEN, data.classes, rng=0)
        out.weight.assign(given.pop("out"))
        layer = nn.LSTM(DIMENSION, HIDDEN, bidirectional=True, rng=0)
        interop.load(layer, given)
        field = nn.CRF(data.classes)
        parts = (table, layer, out, field)
        optimizer = SGD([p for part in parts for p in part.parameters()], learning_rate=RATE)

        def step(numbers: Array) -> float:
            words = np.concatenate([data.words[i] for i in numbers])
            tags = np.concatenate([data.tags[i] for i in numbers])
            lengths = np.array([len(data.words[i]) for i in numbers])
            scores = out(layer(table(words), lengths)[0])
            loss = ops.sum(field(scores, lengths, tags)) * (1 / len(words))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return float(loss.item())

        return step

    return ready(partial(one_round, data, begin))


def pytorch(packed: bool, settings: Settings) -> Callable[[], Round]:
    """Padded batches; the layer in both directions packed, or one direction turned round."""
    import torch

    torch.set_num_threads(settings.threads)
    data = read(settings)

    def begin() -> Step:
        given = {name: torch.from_numpy(array) for name, array in weights(data).items()}
        table = torch.nn.Embedding.from_pretrained(given.pop("table"), freeze=False, sparse=True)
        out = torch.nn.Linear(2 * HIDDEN, data.classes)
        torch.nn.init.zeros_(out.bias)
        out.weight.data = given.pop("out")
        layers = _layers(torch, given, packed)
        shapes = (data.classes, data.classes), (data.classes,), (data.classes,)
        transitions = [torch.zeros(shape, requires_grad=True) for shape in shapes]
        for layer in layers:  # its second bias would learn the same again: lexon has one
            for name, bias in layer.named_parameters():
                bias.requires_grad_(not name.startswith("bias_hh"))
        modules = torch.nn.ModuleList([table, out, *layers])
        optimizer = torch.optim.SGD([*modules.parameters(), *transitions], lr=RATE)

        def step(numbers: Array) -> float:
            pad = partial(torch.nn.utils.rnn.pad_sequence, batch_first=True)
            words = pad([torch.from_numpy(data.words[i]) for i in numbers])
            tags = pad([torch.from_numpy(data.tags[i]) for i in numbers])
            lengths = torch.tensor([len(data.words[i]) for i in numbers])
            read_ = _packed if packed else _turned
            scores = out(read_(torch, layers, table(words), lengths))
            loss = _negative_log_likelihood(torch, scores, tags, lengths, *transitions).sum()
            loss = loss / lengths.sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return float(loss.detach())

        return step

    return ready(partial(one_round, data, begin))


def _layers(torch: Any, given: dict[str, Any], packed: bool) -> list[Any]:
    """One layer for both directions, or one for each."""
    if packed:
        layer = torch.nn.LSTM(DIMENSION, HIDDEN, bidirectional=True, batch_first=True)
        layer.load_state_dict(given)
        return [layer]
    layers = []
    for suffix in ("l0", "l0_reverse"):
        layer = torch.nn.LSTM(DIMENSION, HIDDEN, batch_first=True)
        layer.load_state_dict({f"{name}_l0": given[f"{name}_{suffix}"] for name in
                               ("weight_ih", "weight_hh", "bias_ih", "bias_hh")})  # fmt: skip
        layers.append(layer)
    return layers


def _packed(torch: Any, layers: list[Any], x: Any, lengths: Any) -> Any:
    rnn = torch.nn.utils.rnn
    given = rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    return rnn.pad_packed_sequence(layers[0](given)[0], batch_first=True)[0]


def _turned(torch: Any, layers: list[Any], x: Any, lengths: Any) -> Any:
    places = torch.arange(x.shape[1])[None]
    turned = torch.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)
    rows = torch.arange(len(x))[:, None]
    forward, backward = layers[0](x)[0], layers[1](x[rows, turned])[0]
    return torch.cat([forward, backward[rows, turned]], dim=2)


def _negative_log_likelihood(
    torch: Any, scores: Any, tags: Any, lengths: Any, a: Any, start: Any, stop: Any
) -> Any:
    """The forward algorithm over a padded batch, step by step."""
    inside = torch.arange(scores.shape[1])[None] < lengths[:, None]
    alpha = start + scores[:, 0]
    for t in range(1, scores.shape[1]):
        after = torch.logsumexp(alpha[:, :, None] + a, dim=1) + scores[:, t]
        alpha = torch.where(inside[:, t, None], after, alpha)
    own = scores.gather(2, tags[:, :, None])[:, :, 0]
    path = torch.where(inside, own, torch.zeros(())).sum(1)
    steps = torch.where(inside[:, 1:], a[tags[:, :-1], tags[:, 1:]], torch.zeros(())).sum(1)
    last = tags.gather(1, lengths[:, None] - 1)[:, 0]
    return torch.logsumexp(alpha + stop, dim=1) - path - steps - start[tags[:, 0]] - stop[last]


def one_round(data: Sentences, begin: Callable[[], Step]) -> Round:
    """One pass over the sentences; making ready is not timed."""
    step = begin()
    began = time.perf_counter()
    losses = [step(numbers) for numbers in data.batches()]
    return Round({ROW: time.perf_counter() - began}, {LOSS: float(np.mean(losses))})


def ready(round_: Callable[[], Round]) -> Callable[[], Round]:
    """After a first round, which compiles and warms up."""
    round_()
    return round_


def tokens(settings: Settings) -> int:
    return sum(map(len, read(settings).words))


def flops(settings: Settings) -> dict[str, float]:
    """Layer and scores, forward once and three times as much in training."""
    data = read(settings)
    each = 2 * 4 * HIDDEN * (DIMENSION + HIDDEN) + 2 * HIDDEN * data.classes
    return {ROW: 3 * 2.0 * each * sum(map(len, data.words))}


CASE = Case(
    title="Training a tagger: word vectors, BiLSTM and CRF",
    explanation=(
        f"A seventh of CoNLL-2003's training sentences in batches of {BATCH}; {DIMENSION} inputs,"
        f" {HIDDEN} hidden units in each direction, 17 tags, float32, plain gradient"
        " descent (sparse for the word vectors of both). PyTorch's forward algorithm is vectorised"
        " over the padded batch. Losses are equal: all are right at the ends of sentences."
    ),
    contenders={
        "lexon": Contender(lexon),
        "PyTorch, padded": Contender(partial(pytorch, False), "torch"),
        "PyTorch, packed": Contender(partial(pytorch, True), "torch"),
    },
    flops=flops,
    unit="k words/s",
    amounts=lambda settings: {ROW: float(tokens(settings))},
    losses={LOSS: 1e-4},
)
