"""The networks that tell which relation holds between two marked spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lexon import nn, ops
from lexon.errors import InputError
from lexon.graph.tensor import Tensor
from lexon.tasks.networks import RecurrentText, TextNetwork, recurrent_shapes, word_table
from lexon.tasks.relation_encode import MarkedIds

#: What each network makes of its values over time: the usual way first.
POOLS = {"cnn": ("piecewise", "max"), "bilstm": ("attention", "max")}
#: The parameters of an estimator that a network has no use for.
UNUSED = {"cnn": ("hidden", "layers"), "bilstm": ("windows", "filters")}


class Features(nn.Module):
    """Word vectors, and beside them vectors of distances to both spans and of affixes.

    Equations: x[s] = (E[word], P1[distance to e1], P2[distance to e2], B[beginning], A[ending]),
    distances clipped.
    Shapes: S tokens -> (S, D + 2P + 2A).
    Source: Zeng et al. 2014, section 3.3, for distances; Collobert et al. 2011, section 6.1, for
    endings.
    """

    def __init__(
        self, settings: dict[str, Any], affixes: Sequence[int], rng: np.random.Generator
    ) -> None:
        self.max_distance: int = settings["max_distance"]
        width, rows = settings["position_dimension"], 2 * self.max_distance + 1
        self.near = [nn.Embedding(rows, width, rng=rng) for _ in range(2 * bool(width))]
        width = settings["affix_dimension"]
        self.affixes = [nn.Embedding(number, width, rng=rng) for number in affixes]

    def forward(self, words: Tensor, texts: MarkedIds) -> Tensor:
        beside = [near(texts.distances(e, self.max_distance)) for e, near in enumerate(self.near)]
        pairs = zip(self.affixes, texts.affixes, strict=True)
        beside += [affix(ids.rows) for affix, ids in pairs]
        return ops.concatenate(words, *beside, axis=1) if beside else words


def input_width(settings: dict[str, Any]) -> int:
    """Columns of what a network reads."""
    beside = settings["position_dimension"] + settings["affix_dimension"]
    return int(settings["dimension"] + 2 * beside)


class NgramRelation(TextNetwork):
    """Filters over n-grams, the maximum over time of the text or of its three pieces, one layer.

    ``pool``: "max", or "piecewise": the maximum before and in the first span, behind it up to and
    in the second span, and behind that.
    Equations: h = dropout(tanh(max over t of w . x[t : t + K] + b)), z = W h + c.
    Source: dos Santos et al. 2015; Zeng et al. 2015 for the pieces.
    """

    out: nn.Linear

    def __init__(
        self,
        table: nn.Embedding,
        features: Features,
        width: int,
        windows: Sequence[int],
        filters: int,
        pool: str,
        classes: int,
        dropout: float,
        rng: np.random.Generator,
    ) -> None:
        self.table, self.features, self.pool = table, features, pool
        self.conv = nn.NgramConv(width, filters, windows, activation="tanh", rng=rng)
        self.dropout = nn.Dropout(dropout, rng=rng)
        self.out = nn.Linear(filters * len(windows) * self.pieces, classes, rng=rng)

    @property
    def pieces(self) -> int:
        """Into how many a text is cut."""
        return 3 if self.pool == "piecewise" else 1

    def forward(self, texts: MarkedIds) -> Tensor:
        x = self.read(texts)
        if self.pieces == 1:
            h = self.conv(x, texts.ids.lengths)
        else:
            h = ops.concatenate(*(self._by_piece(x, texts, k) for k in self.conv.windows), axis=1)
        return self.out(self.dropout(h))

    def read(self, texts: MarkedIds) -> Tensor:
        """What the filters see (S, D + 2P + 2A)."""
        return self.dropout(self.features(self.table(texts.ids.rows), texts))

    def _by_piece(self, x: Tensor, texts: MarkedIds, window: int) -> Tensor:
        """The filters of one window over each piece (B, 3F); 0 for a piece without n-grams."""
        z = self.conv.map(x, texts.ids.lengths, window)
        top = ops.max_over_time(z, lengths=texts.ngram_pieces(window).reshape(-1))
        return ops.reshape(ops.tanh(top), shape=(len(texts), 3 * self.conv.filters))


class RecurrentRelation(RecurrentText):
    """An LSTM in both directions, pooled by attention or maximum over time, one layer.

    Source: Zhou et al. 2016 with position embeddings in place of position indicators.
    """

    def __init__(
        self,
        table: nn.Embedding,
        features: Features,
        layer: nn.LSTM,
        pool: str,
        classes: int,
        dropout: float,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(table, layer, pool, classes, dropout, rng)
        self.features = features

    def forward(self, texts: MarkedIds) -> Tensor:  # type: ignore[override]
        outputs, state = self.read(texts)
        return self.out(self.dropout(self._pooled(outputs, state, texts.ids.lengths)))

    def read(self, texts: MarkedIds) -> tuple[Tensor, Any]:
        """The outputs of both directions (S, 2H), and the final states."""
        x = self.dropout(self.features(self.table(texts.ids.rows), texts))
        outputs, state = self.layer(x, texts.ids.lengths, detach=False)
        return outputs, state


def build_network(
    model: str,
    settings: dict[str, Any],
    sizes: Sequence[int],
    classes: int,
    rng: np.random.Generator,
) -> NgramRelation | RecurrentRelation:
    """The network called ``model``, with first values drawn from ``rng``.

    ``sizes``: how many words there are, and how many of each affix, if any.

    Raises:
        InputError: there is none of that name.
    """
    if model not in POOLS:
        raise InputError(f"model {model!r} is none of {', '.join(POOLS)}")
    table = word_table(settings, sizes[0], rng)
    features, width = Features(settings, sizes[1:], rng), input_width(settings)
    pool, dropout = settings["pool"], settings["dropout"]
    if model == "cnn":
        windows, filters = settings["windows"], settings["filters"]
        return NgramRelation(table, features, width, windows, filters, pool, classes, dropout, rng)
    layer = nn.LSTM(width, settings["hidden"], settings["layers"], True, dropout, rng=rng)
    return RecurrentRelation(table, features, layer, pool, classes, dropout, rng)


def weight_shapes(
    model: str, settings: dict[str, Any], sizes: Sequence[int], classes: int
) -> dict[str, tuple[int, ...]]:
    """The weights of the network that :func:`build_network` would build, without building it."""
    near, width = settings["position_dimension"], input_width(settings)
    shapes: dict[str, tuple[int, ...]] = {"table.weight": (sizes[0], settings["dimension"])}
    for place in range(2 * bool(near)):
        shapes[f"features.near.{place}.weight"] = (2 * settings["max_distance"] + 1, near)
    for place, number in enumerate(sizes[1:]):
        shapes[f"features.affixes.{place}.weight"] = (number, settings["affix_dimension"])
    if model == "bilstm":
        wide = settings | {"dimension": width}
        return shapes | {"out.bias": (classes,)} | recurrent_shapes(model, wide, classes)
    filters, windows = settings["filters"], settings["windows"]
    for window in windows:
        shapes[f"conv.weight_{window}"] = (filters, window, width)
        shapes[f"conv.bias_{window}"] = (filters,)
    pieces = 3 if settings["pool"] == "piecewise" else 1
    features = filters * len(windows) * pieces
    return shapes | {"out.weight": (classes, features), "out.bias": (classes,)}
