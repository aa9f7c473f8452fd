"""The network of a language model: word vectors, recurrent layers, a softmax over all words."""

from __future__ import annotations

from typing import Any

import numpy as np

from lexon import nn
from lexon.errors import InputError
from lexon.graph.tensor import Array, Tensor
from lexon.nn import init
from lexon.optim.checks import positive, whole
from lexon.tasks.given import check_choice, check_learning
from lexon.tasks.networks import RECURRENT, Settings, layer_shapes
from lexon.text.stream import LEVELS
from lexon.text.tokens import KINDS
from lexon.vectors.huffman import huffman

MODELS = ("rnn", "gru", "lstm")
SOFTMAXES = ("full", "sampled", "hierarchical")
#: First values of word vectors and of the softmax, where no limit is given: up to so much.
LIMIT = 0.1


class LanguageNetwork(nn.Module):
    """P(next word | all words before): h from recurrent layers over word vectors, and a softmax.

    Equations: x[t] = dropout(E[word t]); h[1..T], state = layers(x, state);
    P = softmax(W dropout(h)).
    Source: Mikolov et al. 2010; Zaremba et al. 2014 for where dropout stands.
    """

    def __init__(self, settings: Settings, counts: Array, rng: init.Random) -> None:
        words, limit = len(counts), settings["limit"]
        width, hidden = settings["dimension"], settings["hidden"]
        first = {} if limit is None else {"limit": limit}
        limit = LIMIT if limit is None else limit
        kind: Any = RECURRENT[settings["model"]][0]
        self.table = nn.Embedding(words, width, limit=limit, rng=rng)
        self.dropout = nn.Dropout(settings["dropout"], rng=rng)
        layers, rate = settings["layers"], settings["dropout"]
        self.layer = kind(width, hidden, layers, dropout=rate, rng=rng, **first)
        own: Settings = {"weight": self.table.weight if settings["tied"] else None, "limit": limit}
        self.out: nn.FullSoftmax | nn.HierarchicalSoftmax
        if settings["softmax"] == "hierarchical":
            self.out = nn.HierarchicalSoftmax(hidden, *_tree(counts), limit=limit, rng=rng)
        elif settings["softmax"] == "sampled":
            drawn = settings["samples"]
            self.out = nn.SampledSoftmax(hidden, words, counts, samples=drawn, rng=rng, **own)
        else:
            self.out = nn.FullSoftmax(hidden, words, rng=rng, **own)

    def forward(self, ids: Array, lengths: Array, state: Any = None) -> tuple[Tensor, Any]:
        """h after each word (S, H), and the state after the last word of each sequence."""
        outputs, state = self.layer(self.dropout(self.table(ids)), lengths, state)
        return self.dropout(outputs), state


def _tree(counts: Array) -> tuple[Array, Array]:
    """Huffman's tree of the words, whose numbers need not stand in the order of their counts."""
    order = np.argsort(-counts, kind="stable")
    tree = huffman(np.maximum(counts[order], 1))
    lengths = np.empty(len(counts), np.int64)
    lengths[order] = np.diff(tree.starts)
    place = np.empty(len(counts), np.int64)
    place[order] = np.arange(len(counts))
    ways = [tree.path[tree.starts[p] : tree.starts[p + 1]] for p in place.tolist()]
    return np.concatenate([[0], np.cumsum(lengths)]), np.concatenate(ways)


def language_shapes(settings: Settings, words: int) -> dict[str, tuple[int, ...]]:
    """The weights of a network that :class:`LanguageNetwork` would build, without building it."""
    width, hidden = settings["dimension"], settings["hidden"]
    shapes = {"table.weight": (words, width)} | layer_shapes(settings["model"], settings)
    outputs = max(words - 1, 1) if settings["softmax"] == "hierarchical" else words
    shapes["out.bias"] = (outputs,)
    return shapes if settings["tied"] else shapes | {"out.weight": (outputs, hidden)}


def check_settings(model: Any) -> None:
    """Raise InputError for a parameter that makes no sense."""
    check_choice(model, "model", MODELS)
    check_choice(model, "level", LEVELS)
    check_choice(model, "tokens", KINDS)
    check_choice(model, "softmax", SOFTMAXES)
    for name in ("hidden", "layers", "samples", "steps", "batch_size", "epochs", "min_count"):
        whole(model, name, getattr(model, name), 1)
    for name, least in {
        "dimension": 1,
        "max_vocabulary": 2,
        "patience": 1,
        "decay_after": 1,
    }.items():
        if getattr(model, name) is not None:
            whole(model, name, getattr(model, name), least)
    check_learning(model)
    positive(model, "decay", model.decay)
    for name in ("limit", "learning_rate"):
        if getattr(model, name) is not None:
            positive(model, name, getattr(model, name))
    if model.tied and model.softmax == "hierarchical":
        raise InputError("a hierarchical softmax has no vectors of words to tie\n  leave out tied")
    if model.tied and model.dimension not in (None, model.hidden):
        raise InputError(
            f"tied weights: dimension is {model.dimension}, hidden is {model.hidden}\n"
            "  give both the same width"
        )
