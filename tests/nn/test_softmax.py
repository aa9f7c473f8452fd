"""Three ways to learn a softmax over all words: their equations, by other means."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lexon import Tensor, nn
from lexon.graph.parameter import Parameter
from lexon.tasks.language_network import _tree

COUNTS = np.array([0, 7, 1, 30, 2, 2, 9, 1, 4])
WIDTH, ROWS = 5, 6
TARGETS = np.array([3, 0, 8, 3, 5, 1])


def hidden(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(ROWS, WIDTH)).astype(np.float32)


def made(kind: str) -> Any:
    if kind == "hierarchical":
        layer: Any = nn.HierarchicalSoftmax(WIDTH, *_tree(COUNTS), limit=0.8, rng=1)
    elif kind == "sampled":
        layer = nn.SampledSoftmax(WIDTH, len(COUNTS), COUNTS, samples=50, limit=0.8, rng=1)
    else:
        layer = nn.FullSoftmax(WIDTH, len(COUNTS), limit=0.8, rng=1)
    rng = np.random.default_rng(2)
    layer.bias.assign(rng.normal(size=layer.bias.shape))
    return layer


@pytest.mark.parametrize("kind", ["full", "sampled", "hierarchical"])
def test_probabilities_are_a_distribution_and_scores_are_of_it(kind: str) -> None:
    layer, h = made(kind), hidden()
    logarithms = layer.log_probabilities(h)
    np.testing.assert_allclose(np.exp(logarithms).sum(axis=1), 1, rtol=1e-5)
    own = -logarithms[np.arange(ROWS), TARGETS]
    np.testing.assert_allclose(layer.scores(h, TARGETS), own, rtol=1e-5)
    assert layer.scores(h[:0], TARGETS[:0]).shape == (0,)


@pytest.mark.parametrize("kind", ["full", "hierarchical"])
def test_the_loss_is_the_mean_score(kind: str) -> None:
    layer, h = made(kind), hidden()
    loss = layer.loss(Tensor(h), TARGETS).item()
    assert loss == pytest.approx(float(layer.scores(h, TARGETS).mean()), rel=1e-5)


def test_scores_in_portions_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, h = made("full"), hidden()
    whole = layer.scores(h, TARGETS)
    monkeypatch.setattr("lexon.nn.softmax.LOGITS_AT_ONCE", 2 * len(COUNTS))
    np.testing.assert_array_equal(layer.scores(h, TARGETS), whole)


@pytest.mark.parametrize("kind", ["full", "sampled", "hierarchical"])
def test_gradients_by_finite_differences(kind: str) -> None:
    layer = made(kind).astype(np.float64)
    h, step = Tensor(hidden().astype(np.float64)), 1e-6

    def loss() -> Any:
        if kind == "sampled":
            layer.rng = np.random.default_rng(3)
        return layer.loss(h, TARGETS)

    loss().backward()
    for parameter in layer.parameters():
        gradient = parameter.grad
        dense = gradient.dense() if hasattr(gradient, "dense") else gradient
        way = np.random.default_rng(4).normal(size=parameter.shape)
        first, values = np.array(parameter.value), []
        for sign in (1, -1):
            parameter.assign(first + sign * step * way)
            values.append(loss().item())
        parameter.assign(first)
        found = (values[0] - values[1]) / (2 * step)
        assert found == pytest.approx(float((dense * way).sum()), rel=1e-5), parameter.name


def test_the_sampled_loss_by_its_equation() -> None:
    layer, h = made("sampled"), hidden()
    layer.rng = np.random.default_rng(9)
    loss = layer.loss(Tensor(h), TARGETS).item()
    noise = np.maximum(COUNTS, 1) ** 0.75
    noise /= noise.sum()
    drawn = np.searchsorted(np.cumsum(noise), np.random.default_rng(9).random(50), side="right")
    scores = h @ layer.weight.value.T + layer.bias.value - np.log(50 * noise)
    each = []
    for row, target in enumerate(TARGETS):
        rivals = [scores[row, word] for word in drawn if word != target]
        total = np.exp([scores[row, target], *rivals]).sum()
        each.append(np.log(total) - scores[row, target])
    assert loss == pytest.approx(np.mean(each), rel=1e-5)


def test_frequent_words_have_short_ways() -> None:
    starts, path = _tree(COUNTS)
    lengths = np.diff(starts)
    assert lengths[3] == lengths.min() and lengths[[2, 7]].min() == lengths.max()
    assert len(path) == starts[-1]


def test_tied_weights_learn_from_both_places() -> None:
    table = nn.Embedding(len(COUNTS), WIDTH, rng=0)
    layer = nn.FullSoftmax(WIDTH, len(COUNTS), weight=table.weight)
    network = nn.Sequential(table, layer)
    assert [name for name, _ in network.named_parameters()] == ["0.weight", "1.bias"]
    ids = np.array([1, 1, 4, 2, 0, 8])
    layer.loss(table(ids), TARGETS).backward()
    both, layer.weight = np.array(table.weight.grad), Parameter(table.weight.value)
    h = Tensor(table.weight.value[ids])
    layer.loss(h, TARGETS).backward()
    looked_up = np.zeros_like(both)
    np.add.at(looked_up, ids, h.grad)
    np.testing.assert_allclose(both, layer.weight.grad + looked_up, rtol=1e-4, atol=1e-7)
