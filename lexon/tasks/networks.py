"""The networks that read a text: from word numbers to one score per class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from lexon import nn, ops
from lexon.errors import InputError
from lexon.graph.node import recording
from lexon.graph.parameter import Parameter
from lexon.graph.tensor import Array, Tensor
from lexon.optim import max_norm_rows
from lexon.vectors import KeyedVectors


class TextNetwork(nn.Module):
    """What every text network offers: ``forward(ids, lengths)`` gives logits (B, C).

    ``out`` is the last layer, if there is a layer after word vectors.
    """

    out: nn.Linear | None = None
    dropout: nn.Dropout

    def hold_norm(self, largest: float | None) -> None:
        """Shrink rows of the last layer that have grown longer than Kim's ``largest``.

        Kim 2014 leaves features as they are in training and shrinks the rows by 1 - rate for
        prediction; our dropout makes features grow in training instead. The same network has rows
        shorter by 1 - rate here, and so is the limit.
        """
        if largest is not None and self.out is not None:
            max_norm_rows(self.out.weight, largest * (1 - self.dropout.rate))


class LinearText(TextNetwork):
    """One layer: every word has a score for every class, a text adds those of its words up.

    Equations: z = sum over the L words of W[word] / sqrt(L) + b. The same as softmax regression on
    word counts of length one.
    """

    def __init__(self, words: int, classes: int) -> None:
        self.table = nn.Embedding(words, classes, limit=0.0)
        self.bias = Parameter(np.zeros(classes, np.float32))

    def forward(self, ids: Array, lengths: Array) -> Tensor:
        total = ops.sum_over_time(self.table(ids), lengths=lengths)
        scale = 1 / np.sqrt(np.maximum(lengths, 1))
        return ops.add(ops.multiply(total, scale[:, None]), self.bias)


class MeanText(TextNetwork):
    """A multi-layer network over the mean of a text's word vectors.

    Equations: h = dropout(relu(V mean(E[word]) + c)), z = W h + b.
    Source: Iyyer et al. 2015, deep averaging network.
    """

    out: nn.Linear

    def __init__(
        self, table: nn.Embedding, hidden: int, classes: int, dropout: float, rng: nn.init.Random
    ) -> None:
        self.table = table
        self.hidden = nn.Linear(table.weight.shape[1], hidden, rng=rng)
        self.dropout = nn.Dropout(dropout, rng=rng)
        self.out = nn.Linear(hidden, classes, rng=rng)

    def forward(self, ids: Array, lengths: Array) -> Tensor:
        mean = ops.mean_over_time(self.table(ids), lengths=lengths)
        return self.out(self.dropout(ops.relu(self.hidden(mean))))


class NgramText(TextNetwork):
    """Filters over n-grams of word vectors, the maximum of each over time, dropout, one layer.

    Source: Kim 2014.
    """

    out: nn.Linear

    def __init__(
        self,
        table: nn.Embedding,
        windows: Sequence[int],
        filters: int,
        classes: int,
        dropout: float,
        rng: nn.init.Random,
    ) -> None:
        self.table = table
        self.conv = nn.NgramConv(table.weight.shape[1], filters, windows, limit=0.01, rng=rng)
        self.dropout = nn.Dropout(dropout, rng=rng)
        self.out = nn.Linear(filters * len(windows), classes, rng=rng)
        self.responses = nn.WordResponses(self.table, self.conv)

    def forward(self, ids: Array, lengths: Array) -> Tensor:
        read = self._learning if recording() else self.responses
        return self.out(self.dropout(read(ids, lengths)))

    def _learning(self, ids: Array, lengths: Array) -> Tensor:
        return self.conv(self.table(ids), lengths)


#: Recurrent networks by name: the layer, and whether it reads in both directions.
RECURRENT: dict[str, tuple[type[nn.RNN] | type[nn.GRU] | type[nn.LSTM], bool]] = {
    "rnn": (nn.RNN, False),
    "gru": (nn.GRU, False),
    "lstm": (nn.LSTM, False),
    "birnn": (nn.RNN, True),
    "bigru": (nn.GRU, True),
    "bilstm": (nn.LSTM, True),
}
POOLS = ("last", "max", "mean", "attention")


class RecurrentText(TextNetwork):
    """Recurrent layers over word vectors, pooled over time to one vector, dropout, one layer.

    ``pool``: "last" state, "max" or "mean" over time, or "attention": a weighted mean, with
    weights softmax over time of v . tanh(W h + b).
    Source: Zhou et al. 2016 for the attention, in the form of Yang et al. 2016.
    """

    out: nn.Linear

    def __init__(
        self,
        table: nn.Embedding,
        layer: nn.RNN | nn.GRU | nn.LSTM,
        pool: str,
        classes: int,
        dropout: float,
        rng: nn.init.Random,
    ) -> None:
        self.table, self.layer, self.pool = table, layer, pool
        self.dropout = nn.Dropout(dropout, rng=rng)
        width = layer.output_size
        if pool == "attention":
            self.look = nn.Linear(width, width, rng=rng)
            self.weigh = nn.Linear(width, 1, bias=False, rng=rng)
        self.out = nn.Linear(width, classes, rng=rng)

    def forward(self, ids: Array, lengths: Array) -> Tensor:
        x = self.dropout(self.table(ids))
        outputs, state = self.layer(x, lengths, detach=False)
        return self.out(self.dropout(self._pooled(outputs, state, lengths)))

    def _pooled(self, outputs: Tensor, state: Any, lengths: Array) -> Tensor:
        if self.pool == "max":
            return ops.max_over_time(outputs, lengths=lengths)
        if self.pool == "mean":
            return ops.mean_over_time(outputs, lengths=lengths)
        if self.pool == "attention":
            weights = self.attention(outputs, lengths)
            return ops.sum_over_time(outputs * weights, lengths=lengths)
        h = state[0] if isinstance(state, tuple) else state
        last = ops.index(h, index=(slice(None), slice(-self.layer.directions, None)))
        return ops.reshape(last, shape=(len(lengths), self.layer.output_size))

    def attention(self, outputs: Tensor, lengths: Array) -> Tensor:
        """How much each row counts (S, 1): positive, and 1 in sum over every text."""
        scores = self.weigh(ops.tanh(self.look(outputs)))
        text = np.repeat(np.arange(len(lengths)), lengths)
        highest = ops.max_over_time(scores, lengths=lengths).detach()
        power = ops.exp(scores - ops.lookup(highest, ids=text))
        return power / ops.lookup(ops.sum_over_time(power, lengths=lengths), ids=text)


#: The parameters of an estimator that a network has no use for.
# fmt: off
UNUSED = {
    "linear": (
        "windows", "filters", "dimension", "hidden", "dropout", "max_norm", "vectors", "static",
        "layers", "pool",
    ),
    "mlp": ("windows", "filters", "layers", "pool"),
    "cnn": ("hidden", "layers", "pool"),
    **dict.fromkeys(RECURRENT, ("windows", "filters")),
}
# fmt: on
Settings = dict[str, Any]
Build = Callable[[Settings, int, int, np.random.Generator], TextNetwork]


def word_table(settings: Settings, words: int, rng: np.random.Generator) -> nn.Embedding:
    table = nn.Embedding(words, settings["dimension"], static=settings["static"], rng=rng)
    with table.weight.writing() as array:
        array[0] = 0  # an unknown word says nothing
    return table


def begin_with(table: nn.Embedding, words: Sequence[str], vectors: KeyedVectors) -> int:
    """Put vectors into the rows of the words that have one; how many do.

    The other words keep first values that are drawn, made as long as the vectors on average.
    """
    places = vectors.key_to_index
    rows = [row for row, word in enumerate(words) if row and word in places]
    found = vectors.vectors[[places[words[row]] for row in rows]]
    with table.weight.writing() as array:
        if rows:
            array *= float(np.std(found)) / max(float(np.std(array[1:])), 1e-30)
        array[rows] = found
    return len(rows)


def _linear(settings: Settings, words: int, classes: int, rng: np.random.Generator) -> TextNetwork:
    return LinearText(words, classes)


def _mlp(settings: Settings, words: int, classes: int, rng: np.random.Generator) -> TextNetwork:
    table = word_table(settings, words, rng)
    return MeanText(table, settings["hidden"], classes, settings["dropout"], rng)


def _cnn(settings: Settings, words: int, classes: int, rng: np.random.Generator) -> TextNetwork:
    table = word_table(settings, words, rng)
    return NgramText(
        table, settings["windows"], settings["filters"], classes, settings["dropout"], rng
    )


def _recurrent(
    kind: Any, both: bool, settings: Settings, words: int, classes: int, rng: np.random.Generator
) -> TextNetwork:
    table = word_table(settings, words, rng)
    dropout, layers = settings["dropout"], settings["layers"]
    layer = kind(settings["dimension"], settings["hidden"], layers, both, dropout, rng=rng)
    return RecurrentText(table, layer, settings["pool"], classes, dropout, rng)


def one_sigmoid(logits: Tensor, targets: Array, weights: Array | None) -> Tensor:
    """Binary cross-entropy of one logit a row, weighted by row.

    Shapes: logits (B, 1), targets (B), weights (B).
    """
    column = targets[:, None]
    if weights is None:
        return ops.binary_cross_entropy(logits, targets=column)
    total = ops.softplus(logits) - logits * column
    return (total * (weights / max(weights.sum(), 1e-30))[:, None]).sum()


#: The closed table of networks: a model file names one of these and nothing else.
NETWORKS: dict[str, Build] = {
    "linear": _linear,
    "mlp": _mlp,
    "cnn": _cnn,
    **{name: partial(_recurrent, *layer) for name, layer in RECURRENT.items()},
}


def build_network(
    model: str, settings: Settings, words: int, classes: int, rng: np.random.Generator
) -> TextNetwork:
    """The network called ``model``, with first values drawn from ``rng``.

    Raises:
        InputError: there is none of that name.
    """
    if model not in NETWORKS:
        raise InputError(f"model {model!r} is none of {', '.join(NETWORKS)}")
    return NETWORKS[model](settings, words, classes, rng)


def weight_shapes(
    model: str, settings: Settings, words: int, classes: int
) -> dict[str, tuple[int, ...]]:
    """The weights of the network that :func:`build_network` would build, without building it."""
    width = settings["dimension"]
    if model == "linear":
        return {"table.weight": (words, classes), "bias": (classes,)}
    shapes: dict[str, tuple[int, ...]] = {"table.weight": (words, width), "out.bias": (classes,)}
    if model == "mlp":
        hidden = settings["hidden"]
        shapes |= {"hidden.weight": (hidden, width), "hidden.bias": (hidden,)}
        return shapes | {"out.weight": (classes, hidden)}
    if model in RECURRENT:
        return shapes | recurrent_shapes(model, settings, classes)
    filters, windows = settings["filters"], settings["windows"]
    for window in windows:
        shapes[f"conv.weight_{window}"] = (filters, window, width)
        shapes[f"conv.bias_{window}"] = (filters,)
    return shapes | {"out.weight": (classes, filters * len(windows))}


def recurrent_shapes(model: str, settings: Settings, classes: int) -> dict[str, tuple[int, ...]]:
    """The weights of recurrent layers and of what follows them, but for the last bias."""
    shapes = layer_shapes(model, settings)
    output = settings["hidden"] * (2 if RECURRENT[model][1] else 1)
    if settings["pool"] == "attention":
        shapes |= {"look.weight": (output, output), "look.bias": (output,)}
        shapes["weigh.weight"] = (1, output)
    return shapes | {"out.weight": (classes, output)}


def layer_shapes(model: str, settings: Settings) -> dict[str, tuple[int, ...]]:
    """The weights of a network's recurrent layers, which are its attribute ``layer``."""
    kind, both = RECURRENT[model]
    hidden, gates = settings["hidden"], kind.gates.count
    width: int = settings["dimension"]
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(settings["layers"]):
        for name in [f"{layer}", f"{layer}_reverse"][: 2 if both else 1]:
            place = f"layer.layers.{name}."
            shapes[place + "weight_x"] = (gates * hidden, width)
            shapes[place + "weight_h"] = (gates * hidden, hidden)
            shapes[place + "bias"] = (gates * hidden,)
            if kind is nn.GRU:
                shapes[place + "bias_h"] = (hidden,)
        width = hidden * (2 if both else 1)
    return shapes
