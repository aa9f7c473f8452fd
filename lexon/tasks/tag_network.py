"""The networks that tag: from tokens to a score per token and tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lexon import nn, ops
from lexon.graph.tensor import Array, Tensor
from lexon.tasks.networks import RECURRENT
from lexon.tasks.tag_words import CASES, Encoded, TokenEncoder

#: Each network: its recurrent layer, and whether a CRF judges the sequence of tags.
NETWORKS = {
    f"{layer}{suffix}": (layer, bool(suffix))
    for layer in ("bilstm", "bigru")
    for suffix in ("", "-crf")
}
CHARACTERS = ("cnn", "bilstm", "none")
#: Width of a character's vector, and of the vector of a kind of capitalisation.
CHARACTER_WIDTH, CASE_WIDTH = 30, 8


class RareWords(nn.Module):
    """In training a word that was met once is, with probability ``rate``, taken for unknown.

    So the vector of unknown words is learned as well. Source: Lample et al. 2016, section 4.3.
    """

    def __init__(self, rare: Array, rate: float, rng: np.random.Generator) -> None:
        self.rare, self.rate, self.rng = rare, rate, rng

    def forward(self, words: Array) -> Array:
        if not self.training or self.rate == 0:
            return words
        return np.where(self.rare[words] & (self.rng.random(len(words)) < self.rate), 0, words)


class CharacterFilters(nn.Module):
    """Filters over the characters of a word, the maximum of each. Source: Ma & Hovy 2016."""

    def __init__(
        self, signs: int, windows: Sequence[int], filters: int, rng: np.random.Generator
    ) -> None:
        self.table = nn.Embedding(signs, CHARACTER_WIDTH, limit=_limit(CHARACTER_WIDTH), rng=rng)
        self.conv = nn.NgramConv(CHARACTER_WIDTH, filters, windows, rng=rng)
        self.width = filters * len(windows)

    def forward(self, ids: Array, lengths: Array) -> Tensor:
        return self.conv(self.table(ids), lengths)


class CharacterReader(nn.Module):
    """A word read from both ends: the last states of two LSTMs. Source: Lample et al. 2016."""

    def __init__(self, signs: int, units: int, rng: np.random.Generator) -> None:
        self.table = nn.Embedding(signs, CHARACTER_WIDTH, limit=_limit(CHARACTER_WIDTH), rng=rng)
        self.layer = nn.LSTM(CHARACTER_WIDTH, units, bidirectional=True, rng=rng)
        self.width = self.layer.output_size

    def forward(self, ids: Array, lengths: Array) -> Tensor:
        _, (h, _) = self.layer(self.table(ids), lengths, detach=False)
        return ops.reshape(h, shape=(len(lengths), self.width))


class TagNetwork(nn.Module):
    """Words, their characters and capitals, read in both directions; a score per token and tag.

    Equations: x = dropout([E[word], characters, case]), h = BiLSTM(x), z = W dropout(h) + b; tags
    are those of the highest z, or with a CRF those of the best path (:func:`lexon.ops.crf`).
    Source: Huang et al. 2015; Ma & Hovy 2016.
    """

    def __init__(
        self,
        settings: dict[str, Any],
        encoder: TokenEncoder,
        classes: int,
        rng: np.random.Generator,
    ) -> None:
        width, rate = settings["dimension"], settings["dropout"]
        self.rare_words = RareWords(encoder.rare, settings["unknown_rate"], rng)
        limit = _limit(width)
        self.table = nn.Embedding(
            len(encoder.words), width, limit=limit, static=settings["static"], rng=rng
        )
        self.characters = _characters(settings, len(encoder.characters), rng)
        self.cases = nn.Embedding(CASES, CASE_WIDTH, limit=_limit(CASE_WIDTH), rng=rng)
        read = self.characters.width if self.characters else 0
        layer, field = NETWORKS[settings["model"]]
        self.dropout = nn.Dropout(rate, rng=rng)
        self.layer = RECURRENT[layer][0](
            width + read + CASE_WIDTH, settings["hidden"], settings["layers"], True, rate, rng=rng
        )
        self.out = nn.Linear(self.layer.output_size, classes, rng=rng)
        self.crf = nn.CRF(classes) if field else None

    def forward(self, part: Encoded) -> Tensor:
        """Scores (S, C) of every tag for every token."""
        outputs, _ = self.layer(self.dropout(self._features(part)), part.lengths)
        return self.out(self.dropout(outputs))

    def _features(self, part: Encoded) -> Tensor:
        tokens = part.tokens.rows
        parts = [self.table(self.rare_words(part.words[tokens])), self.cases(part.cases[tokens])]
        if self.characters is not None:  # each distinct token is read once
            distinct, places = np.unique(tokens, return_inverse=True)
            own = part.characters.take(distinct)
            parts.append(ops.lookup(self.characters(own.rows, own.lengths), ids=places))
        return ops.concatenate(*parts, axis=1)

    def loss(self, scores: Tensor, lengths: Array, targets: Array) -> Tensor:
        """Mean over the tokens of -log p(targets), in nats; scores (S, C), targets (S)."""
        if self.crf is None:
            return ops.cross_entropy(scores, targets=targets, reduction="mean")
        losses = self.crf(scores, lengths, targets)
        return ops.sum(losses) * (1 / max(len(targets), 1))

    def best(self, scores: Array, lengths: Array) -> Array:
        """The tags (S) that these scores speak for."""
        if self.crf is None:
            return scores.argmax(axis=1)
        return self.crf.best(scores, lengths)[0]

    def probabilities(self, scores: Array, lengths: Array) -> Array:
        """The probability (S, C) of every tag for every token."""
        if self.crf is None:
            return ops.softmax(scores).value
        return self.crf.marginals(scores, lengths)


def _limit(width: int) -> float:
    """First values uniform with variance 1 / D. Source: Ma & Hovy 2016, section 4.1."""
    return float(np.sqrt(3 / width))


def _characters(
    settings: dict[str, Any], signs: int, rng: np.random.Generator
) -> CharacterFilters | CharacterReader | None:
    if settings["characters"] == "none":
        return None
    if settings["characters"] == "bilstm":
        return CharacterReader(signs, _units(settings), rng)
    return CharacterFilters(signs, settings["windows"], settings["filters"], rng)


def _units(settings: dict[str, Any]) -> int:
    """Units of each direction that reads characters: as wide together as the filters."""
    return max(settings["filters"] // 2, 1)


def weight_count(settings: dict[str, Any], words: int, signs: int, classes: int) -> int:
    """How many weights the network has, without building it."""
    hidden, layers, below = settings["hidden"], settings["layers"], settings["dimension"]
    total = words * below + CASES * CASE_WIDTH
    below += CASE_WIDTH
    if settings["characters"] == "cnn":
        filters, windows = settings["filters"], settings["windows"]
        total += filters * sum(window * CHARACTER_WIDTH + 1 for window in windows)
        below += filters * len(windows)
    elif settings["characters"] == "bilstm":
        units = _units(settings)
        total += 2 * _recurrent("bilstm", CHARACTER_WIDTH, units)
        below += 2 * units
    total += signs * CHARACTER_WIDTH * (settings["characters"] != "none")
    layer, field = NETWORKS[settings["model"]]
    total += 2 * _recurrent(layer, below, hidden)
    total += 2 * (layers - 1) * _recurrent(layer, 2 * hidden, hidden)
    total += classes * (2 * hidden + 1) + field * classes * (classes + 2)
    return int(total)


def _recurrent(layer: str, below: int, hidden: int) -> int:
    """The weights of one direction of one layer."""
    kind = RECURRENT[layer][0]
    second_bias = hidden if kind is nn.GRU else 0
    return kind.gates.count * hidden * (below + hidden + 1) + second_bias
