"""Each layer computes its equation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lexon import nn, ops
from lexon.errors import InputError
from lexon.graph import RowGradient, Tensor, gradcheck
from lexon.optim import SGD, max_norm_rows


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def test_a_linear_layer_is_its_equation():
    layer = nn.Linear(5, 3, rng=4)
    layer.bias.assign([1, -2, 3])
    x = normal(7, 5)
    wanted = x.astype(float) @ layer.weight.value.T.astype(float) + [1, -2, 3]
    np.testing.assert_allclose(layer(x).value, wanted, rtol=1e-5, atol=1e-6)
    plain = nn.Linear(5, 3, bias=False, rng=4)
    np.testing.assert_allclose(plain(x).value, wanted - [1, -2, 3], rtol=1e-5, atol=1e-5)
    assert [name for name, _ in plain.named_parameters()] == ["weight"]


@pytest.mark.parametrize("function", ["sigmoid", "tanh", "relu", "identity", "gelu"])
def test_a_neuron_is_its_equation(function):
    neuron = nn.Neuron(4, function, rng=2)
    neuron.bias.assign(0.25)
    x = normal(6, 4)
    total = x.astype(float) @ neuron.weight.value + 0.25
    gelu = [0.5 * t * (1 + math.erf(t / math.sqrt(2))) for t in total]
    wanted = {
        "sigmoid": 1 / (1 + np.exp(-total)),
        "tanh": np.tanh(total),
        "relu": np.maximum(total, 0),
        "identity": total,
        "gelu": gelu,
    }[function]
    y = neuron(x)
    assert y.shape == (6,)
    np.testing.assert_allclose(y.value, wanted, rtol=1e-5, atol=1e-6)
    assert neuron(x[2]).item() == pytest.approx(y.value[2], rel=1e-6)


def test_a_neuron_learns_its_derivative():
    """d sigmoid(w x + b) / dw = y (1 - y) x."""
    neuron = nn.Neuron(2, rng=0)
    x = np.array([0.5, -2.0], np.float32)
    y = neuron(x)
    y.backward()
    slope = y.item() * (1 - y.item())
    np.testing.assert_allclose(neuron.weight.grad, slope * x, rtol=1e-6)
    assert float(neuron.bias.grad) == pytest.approx(slope, rel=1e-6)


def test_an_unknown_activation_names_the_known_ones():
    with pytest.raises(InputError, match="'softmacks' is none of relu, tanh"):
        nn.Neuron(2, "softmacks")(np.zeros(2, np.float32))


@pytest.mark.parametrize("name", ["ReLU", "Tanh", "Sigmoid", "GELU", "SiLU", "ELU"])
def test_activations_are_their_operations(name):
    x = normal(3, 4)
    y = getattr(nn, name)()(x).value
    np.testing.assert_array_equal(y, nn.activation(name.lower())(x).value)
    assert not np.array_equal(y, x)


def test_softmax_modules_are_probabilities():
    p, log_p = nn.Softmax()(normal(3, 4)).value, nn.LogSoftmax()(normal(3, 4)).value
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(np.log(p), log_p, rtol=1e-5)


def test_embedding_looks_up_rows_and_trains_only_those():
    table = nn.Embedding(10, 3, rng=1)
    before = table.weight.value.copy()
    y = table(np.array([4, 4, 0]))
    np.testing.assert_array_equal(y.value, before[[4, 4, 0]])
    assert abs(before).max() <= 0.25
    y.sum().backward()
    assert isinstance(table.weight.grad, RowGradient)
    SGD(table.parameters(), learning_rate=0.5).step()
    change = np.zeros((10, 1))
    change[[4, 0]] = [[-1.0], [-0.5]]
    np.testing.assert_allclose(table.weight.value - before, np.repeat(change, 3, 1), atol=1e-6)


def test_a_static_embedding_gets_no_gradient():
    vectors = normal(5, 3)
    table = nn.Embedding(5, 3, vectors=vectors, static=True)
    layer = nn.Linear(3, 2)
    layer(table([1, 2])).sum().backward()
    assert table.weight.grad is None
    assert layer.weight.grad is not None
    SGD([*table.parameters(), *layer.parameters()], learning_rate=1.0).step()
    np.testing.assert_array_equal(table.weight.value, vectors)
    trained = nn.Embedding(5, 3, vectors=vectors)
    trained([1]).sum().backward()
    assert trained.weight.grad is not None


def test_given_vectors_are_copied_and_must_fit():
    vectors = normal(5, 3)
    table = nn.Embedding(5, 3, vectors=vectors)
    vectors[0] = 7
    assert abs(table.weight.value).max() < 7
    with pytest.raises(InputError, match=r"the vectors are \(5, 3\), not \(5, 4\)"):
        nn.Embedding(5, 4, vectors=vectors)


def test_dropout_keeps_its_share_and_the_mean():
    drop, x = nn.Dropout(0.3, rng=3), np.ones((400, 500), np.float32)
    y = drop(x).value
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.7], rtol=1e-6)
    deviation = math.sqrt(0.3 * 0.7 / x.size)
    assert abs((y == 0).mean() - 0.3) < 5 * deviation
    for axis in (0, 1):  # neighbours are independent: no row or column stands out
        share = (y == 0).mean(axis=axis)
        assert abs(share - 0.3).max() < 6 * math.sqrt(0.3 * 0.7 / x.shape[axis])
    assert abs(np.corrcoef(y[:-1].ravel(), y[1:].ravel())[0, 1]) < 0.02


def test_dropout_sends_back_what_it_let_through():
    drop, x = nn.Dropout(0.5, rng=3), Tensor(normal(20, 20))
    y = drop(x)
    y.sum().backward()
    np.testing.assert_allclose(x.grad, np.where(y.value == 0, 0, 2.0))


def test_dropout_is_decided_by_its_generator():
    x = np.ones((9, 9), np.float32)
    one, same, other = (nn.Dropout(0.5, rng=seed) for seed in (1, 1, 2))
    first, second = one(x).value, one(x).value
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(same(x).value, first)
    assert not np.array_equal(other(x).value, first)
    shared = np.random.default_rng(1)
    np.testing.assert_array_equal(nn.Dropout(0.5, rng=shared)(x).value, first)
    np.testing.assert_array_equal(nn.Dropout(0.5, rng=shared)(x).value, second)


def test_dropout_rests_in_prediction():
    drop, x = nn.Dropout(0.5, rng=1), normal(9, 9)
    drop.eval()
    state = drop.rng.bit_generator.state
    np.testing.assert_array_equal(drop(x).value, x)
    assert drop.rng.bit_generator.state == state
    np.testing.assert_array_equal(nn.Dropout(0.0)(x).value, x)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, math.nan])
def test_a_dropout_rate_is_checked(rate):
    with pytest.raises(InputError, match=r"is not in \[0, 1\)"):
        nn.Dropout(rate)


@pytest.mark.parametrize("pool", ["max", "mean"])
@pytest.mark.parametrize("edges", ["wide", "valid"])
@pytest.mark.parametrize("activation", ["identity", "relu", "tanh"])
def test_ngram_conv_is_map_activation_and_pool(pool, edges, activation):
    conv = nn.NgramConv(4, 3, (1, 3), pool=pool, edges=edges, activation=activation, rng=6)
    for window in (1, 3):
        conv.bias(window).assign(normal(3, seed=window))
    x, lengths = normal(9, 4), np.array([5, 0, 1, 3])
    parts = []
    for window in (1, 3):
        z = conv.map(x, lengths, window)
        z = z if activation == "identity" else nn.activation(activation)(z)
        counts = ops.ngram_counts(lengths, window, edges)
        pooled = ops.max_over_time if pool == "max" else ops.mean_over_time
        parts.append(pooled(z, lengths=counts).value)
    y = conv(x, lengths).value
    np.testing.assert_allclose(y, np.concatenate(parts, axis=1), rtol=1e-5, atol=1e-6)
    assert y.shape == (4, 6)
    np.testing.assert_array_equal(y[1], 0)


def test_ngram_conv_first_values():
    kim = nn.NgramConv(50, 30, (3, 4), limit=0.01, rng=0)
    assert 0.0099 < abs(kim.weight(4).value).max() <= 0.01
    assert not np.array_equal(kim.weight(3).value[:, :3], kim.weight(4).value[:, :3])
    glorot = nn.NgramConv(50, 30, (3,), rng=0)
    assert glorot.weight(3).value.std() == pytest.approx(math.sqrt(2 / (150 + 30)), rel=0.05)
    np.testing.assert_array_equal(glorot.bias(3).value, 0)


@pytest.mark.parametrize(
    "wrong",
    [{"windows": ()}, {"windows": (0, 2)}, {"windows": (2, 2)}, {"pool": "sum"},
     {"edges": "narrow"}, {"activation": "gelu"}],
)  # fmt: skip
def test_ngram_conv_checks_its_settings(wrong):
    with pytest.raises(InputError, match=f"NgramConv: {next(iter(wrong))}"):
        nn.NgramConv(4, 3, **wrong)


def test_max_norm_shrinks_long_rows_of_a_layer_only():
    layer, x = nn.Linear(4, 3, rng=1), normal(2, 4)
    layer.weight.assign(layer.weight.value * [[10], [0.1], [10]])
    layer(x)
    before = layer.weight.value.copy()
    assert max_norm_rows(layer.weight, 3.0) == 2
    lengths = np.linalg.norm(layer.weight.value, axis=1)
    np.testing.assert_allclose(lengths[[0, 2]], 3, rtol=1e-6)
    np.testing.assert_array_equal(layer.weight.value[1], before[1])
    row = layer.weight.value[0]
    np.testing.assert_allclose(row / row[0], before[0] / before[0, 0], rtol=1e-5)
    np.testing.assert_allclose(layer(x).value, x @ layer.weight.value.T, rtol=1e-4, atol=1e-5)


def test_gradients_pass_through_a_whole_network():
    rng = np.random.default_rng(0)
    conv, out = nn.NgramConv(4, 3, (2, 3), activation="tanh", rng=rng), nn.Linear(6, 2, rng=rng)
    conv.astype(np.float64)
    out.astype(np.float64)
    lengths = np.array([3, 0, 5])

    def loss(x, w):
        hidden = conv(x, lengths)
        return ops.cross_entropy(out(hidden) + hidden @ w, targets=np.array([0, 1, 1]))

    assert gradcheck(loss, rng.normal(size=(8, 4)), rng.normal(size=(6, 2))) < 1e-6
