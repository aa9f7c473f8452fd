"""The last layer of a language model: a probability for every word, learned in one of three ways.

All three give exact probabilities: what they differ in is what a training step costs. ``h`` are
rows of hidden values (N, D), ``targets`` the numbers of the words that came (N).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lexon import ops
from lexon.graph.node import no_grad
from lexon.graph.parameter import Parameter
from lexon.graph.tensor import Array, Tensor
from lexon.kernels.product import pack
from lexon.nn import init
from lexon.nn.module import Module

#: Logits that are held at a time where no gradient is wanted: 64 MiB of float32.
LOGITS_AT_ONCE = 2**24


class FullSoftmax(Module):
    """P(word | h) = softmax(W h + b)[word], learned from all words at every step.

    Shapes: weight (V, D), bias (V). ``weight`` may be the table of an embedding: tied weights.
    First values: weight uniform in [-limit, limit], bias 0.
    Source: Press & Wolf 2017 and Inan et al. 2017 for the tying.
    """

    def __init__(
        self,
        width: int,
        words: int,
        *,
        weight: Parameter | None = None,
        limit: float = 0.1,
        rng: init.Random | None = None,
    ) -> None:
        if weight is None:
            weight = Parameter(init.uniform((words, width), limit, rng))
        self.weight, self.bias = weight, Parameter(np.zeros(words, np.float32))

    def loss(self, h: Tensor, targets: Array) -> Tensor:
        """The mean of -log P(target | h), in nats."""
        return ops.linear_cross_entropy(h, self.weight, self.bias, targets=targets)

    def log_probabilities(self, h: Array) -> Array:
        """log P of every word (N, V)."""
        panels = self.weight.derived("columns", lambda w: pack(w.T))
        with no_grad():
            logits = ops.linear(h, self.weight, self.bias, panels=panels)
            return ops.log_softmax(logits).value

    def scores(self, h: Array, targets: Array) -> Array:
        """-log P(target | h) of every row (N), in nats."""
        size = max(LOGITS_AT_ONCE // len(self.bias), 1)
        parts = [
            self.log_probabilities(h[at : at + size])[
                np.arange(len(targets[at : at + size])), targets[at : at + size]
            ]
            for at in range(0, len(targets), size)
        ]
        return -np.concatenate(parts) if parts else np.empty(0, np.float32)

    def settings(self) -> str:
        words, width = self.weight.shape
        return f"{width}, {words}"


class SampledSoftmax(FullSoftmax):
    """The full softmax, learned from the word that came and a few drawn ones.

    Equations: loss = -log of e**s[t] / (e**s[t] + sum over the drawn words c, but t, of e**s[c]);
    s[v] = w_v . h + b_v - log q_v, and q_v is how often v is expected among ``samples`` drawn from
    the words' counts to the power 0.75. The drawn ones are shared by all rows of a step.
    Source: Bengio & Senecal 2008; Jean et al. 2015, section 3.
    """

    def __init__(
        self,
        width: int,
        words: int,
        counts: npt.ArrayLike,
        *,
        samples: int = 1024,
        rng: init.Random | None = None,
        **options: Any,
    ) -> None:
        super().__init__(width, words, rng=rng, **options)
        self.rng, self.samples = init.generator(rng), samples
        noise = np.maximum(np.asarray(counts, np.float64), 1) ** 0.75
        self._until = np.cumsum(noise / noise.sum())
        self._expected = np.log(samples * noise / noise.sum()).astype(np.float32)

    def loss(self, h: Tensor, targets: Array) -> Tensor:
        """What stands above, the mean over rows, in nats; every call draws anew."""
        drawn = np.searchsorted(self._until, self.rng.random(self.samples), side="right")
        drawn = np.minimum(drawn, len(self._until) - 1)
        rivals = ops.linear(h, *self._rows(drawn)) - self._expected[drawn]
        weight, bias = self._rows(targets)
        own = ops.sum(h * weight, axis=1) + bias - self._expected[targets]
        # A drawn word that is the row's own target would be its own rival.
        hit = drawn == targets[:, None]
        rivals = ops.where(np.full_like(rivals.value, -1e9), rivals, condition=hit)
        scores = ops.concatenate(ops.expand_dims(own, axis=1), rivals, axis=1)
        return ops.cross_entropy(scores, targets=np.zeros(len(targets), np.int64))

    def _rows(self, words: Array) -> tuple[Tensor, Tensor]:
        column = ops.lookup(ops.expand_dims(self.bias, axis=1), ids=words)
        return ops.lookup(self.weight, ids=words), ops.squeeze(column, axis=1)


class HierarchicalSoftmax(Module):
    """P(word | h): the product of decisions on the way from a tree's root to the word.

    Equations: P(v | h) = product over the inner nodes n on the way to v of sigmoid(z_n) where the
    way goes left, of 1 - sigmoid(z_n) where it goes right; z_n = w_n . h + b_n. A step costs the
    nodes on the ways to its words, about log2 V each.
    Shapes: weight (V - 1, D), bias (V - 1); starts (V + 1) and path as
    :class:`lexon.vectors.huffman.Tree` has them: 2 * node + code for each step, word after word.
    Source: Morin & Bengio 2005.
    """

    def __init__(
        self,
        width: int,
        starts: Array,
        path: Array,
        *,
        limit: float = 0.1,
        rng: init.Random | None = None,
    ) -> None:
        inner = max(len(starts) - 2, 1)
        self.weight = Parameter(init.uniform((inner, width), limit, rng))
        self.bias = Parameter(np.zeros(inner, np.float32))
        self._starts, self._path = starts, path

    def loss(self, h: Tensor, targets: Array) -> Tensor:
        """The mean of -log P(target | h), in nats."""
        return ops.multiply(ops.sum(self._decisions(h, targets)[0]), 1 / max(len(targets), 1))

    def scores(self, h: Array, targets: Array) -> Array:
        """-log P(target | h) of every row (N), in nats."""
        with no_grad():
            nats, row = self._decisions(Tensor(h, requires_grad=False), targets)
        return np.bincount(row, nats.value, minlength=len(targets))

    def _decisions(self, h: Tensor, targets: Array) -> tuple[Tensor, Array]:
        """-log of each decision on the way to each target, and the row that it belongs to."""
        lengths = self._starts[targets + 1] - self._starts[targets]
        row = np.repeat(np.arange(len(targets)), lengths)
        step = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        taken = self._path[self._starts[targets][row] + step]
        nodes, sign = taken >> 1, (2 * (taken & 1) - 1).astype(np.float32)
        weight = ops.lookup(self.weight, ids=nodes)
        bias = ops.squeeze(ops.lookup(ops.expand_dims(self.bias, axis=1), ids=nodes), axis=1)
        z = ops.sum(ops.lookup(h, ids=row) * weight, axis=1) + bias
        return ops.softplus(z * sign), row

    def log_probabilities(self, h: Array) -> Array:
        """log P of every word (N, V)."""
        with no_grad():
            z = ops.linear(h, self.weight, self.bias).value
            left, right = -ops.softplus(-z).value, -ops.softplus(z).value
        nodes = self._path >> 1
        each = np.where(self._path & 1, right[:, nodes], left[:, nodes])
        each = np.concatenate([each, np.zeros((len(h), 1), each.dtype)], axis=1)
        total = np.add.reduceat(each, self._starts[:-1], axis=1)
        return np.where(np.diff(self._starts) > 0, total, 0)

    def settings(self) -> str:
        return f"{self.weight.shape[1]}, {len(self._starts) - 1}"
