"""Modules: names, states, modes, and what an error tells of them."""

from __future__ import annotations

import numpy as np
import pytest

from lexon import nn, ops
from lexon.errors import InputError, LexonError, ShapeError
from lexon.graph import Tensor
from lexon.optim import SGD


class Encoder(nn.Module):
    def __init__(self, rng):
        self.words = nn.Embedding(9, 4, rng=rng)
        self.project = nn.Linear(4, 3, rng=rng)
        self.drop = nn.Dropout(0.5, rng=rng)

    def forward(self, ids):
        return self.drop(ops.tanh(self.project(self.words(ids))))


class Network(nn.Module):
    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        self.encoder = Encoder(rng)
        self.scale = nn.Parameter(np.float32(2.0))
        self.heads = [nn.Linear(3, 2, rng=rng), nn.Linear(3, 1, bias=False, rng=rng)]
        self.extra = {"a": nn.Neuron(3, rng=rng)}
        self.shifts = (nn.Parameter(np.ones(2, np.float32)),)

    def forward(self, ids):
        h = self.encoder(ids) * self.scale
        return (self.heads[0](h) + self.shifts[0]).sum() + self.heads[1](h).sum()


NAMES = {
    "scale": (),
    "shifts.0": (2,),
    "encoder.words.weight": (9, 4),
    "encoder.project.weight": (3, 4),
    "encoder.project.bias": (3,),
    "heads.0.weight": (2, 3),
    "heads.0.bias": (2,),
    "heads.1.weight": (1, 3),
    "extra.a.weight": (3,),
    "extra.a.bias": (),
}


def test_every_parameter_has_its_path():
    network = Network()
    assert {name: p.shape for name, p in network.named_parameters()} == NAMES
    assert [p.name for p in network.parameters()] == [n for n, _ in network.named_parameters()]
    assert set(network.state_dict()) == set(NAMES)


def test_a_parameter_in_two_places_is_one():
    network = nn.Sequential(nn.Linear(3, 3, rng=0), nn.Linear(3, 3, rng=1))
    network.layers[1].weight = network.layers[0].weight
    assert [n for n, _ in network.named_parameters()] == ["0.weight", "0.bias", "1.bias"]


def test_a_state_makes_another_network_the_same():
    one, other = Network(1).eval(), Network(2).eval()
    ids = np.array([0, 3, 8])
    assert one(ids).item() != other(ids).item()
    other(ids)  # weights packed for the kernels are in use before they change
    other.load_state_dict(one.state_dict())
    assert one(ids).item() == other(ids).item()
    assert {n: a.tobytes() for n, a in one.state_dict().items()} == {
        n: a.tobytes() for n, a in other.state_dict().items()
    }


def test_a_state_is_a_copy():
    network = Network()
    state = network.state_dict()
    before = {name: array.copy() for name, array in state.items()}
    for array in state.values():
        array += 1
    for name, array in network.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_a_state_that_does_not_fit_lists_everything_and_changes_nothing():
    network = Network()
    before, state = network.state_dict(), Network(5).state_dict()
    del state["encoder.project.bias"], state["scale"]
    state["heads.0.weight"] = np.zeros((2, 4))
    state["shifts.0"] = np.zeros(())
    state["heads.7.weight"] = np.zeros(1)
    with pytest.raises(InputError) as caught:
        network.load_state_dict(state)
    assert str(caught.value).splitlines() == [
        "state does not fit Network:",
        "  heads.0.weight is (2, 4), not (2, 3)",
        "  missing: encoder.project.bias",
        "  missing: scale",
        "  not a parameter of this network: heads.7.weight",
        "  shifts.0 is (), not (2,)",
    ]
    for name, array in network.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_modes_reach_every_module():
    network = Network()
    assert all(m.training for m in network.modules())
    assert network.eval() is network
    assert not any(m.training for m in network.modules())
    network.train()
    assert all(m.training for m in network.modules())
    assert len(list(network.modules())) == 8


def test_astype_reaches_every_parameter():
    network = Network().astype(np.float64)
    assert {p.dtype for p in network.parameters()} == {np.dtype(np.float64)}
    assert network(np.array([1, 2])).dtype == np.float64


def test_repr_tells_the_settings():
    layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.3))
    assert repr(layers) == (
        "Sequential(Linear(in_features=4, out_features=8), ReLU(), Dropout(0.3))"
    )
    assert repr(nn.Embedding(9, 4, static=True)) == "Embedding(words=9, dimension=4, static)"
    assert repr(nn.Neuron(3, "tanh")) == "Neuron(3, 'tanh')"
    conv = nn.NgramConv(4, 5, (2, 3))
    assert repr(conv) == "NgramConv(dimension=4, filters=5, windows=(2, 3))"


class Through(nn.Module):
    def __init__(self):
        self.encoder = nn.Sequential(nn.Tanh(), nn.Linear(256, 128))

    def forward(self, x):
        return self.encoder(x)


def test_a_shape_error_ends_with_the_module():
    with pytest.raises(ShapeError) as caught:
        Through()(np.zeros((32, 300), np.float32))
    assert str(caught.value) == (
        "linear: D is 300 in one argument and 256 in another\n"
        "  x (N, D) = (32, 300)\n"
        "  w (H, D) = (128, 256)\n"
        "in encoder.1: Linear(in_features=256, out_features=128) was given 300 columns"
    )
    with pytest.raises(ShapeError, match=r"in the network: Linear\(.*\) was given a single number"):
        nn.Linear(3, 2)(1.0)
    with pytest.raises(ShapeError, match=r"in the network: Embedding\(.*\) was given ids of shape"):
        nn.Embedding(3, 2)(np.zeros((2, 2), int))


def test_after_an_error_the_next_one_names_its_own_place():
    net = nn.Sequential(nn.Linear(3, 2))
    for _ in range(2):
        with pytest.raises(ShapeError, match="in 0: Linear"):
            net(np.zeros((1, 4), np.float32))
    with pytest.raises(ShapeError) as caught:
        ops.linear(np.zeros((1, 4)), np.zeros((2, 3)), np.zeros(2))
    assert "\nin " not in str(caught.value)


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="Bare has no forward"):
        type("Bare", (nn.Module,), {})()()


def test_a_sequence_of_modules_is_their_composition():
    layers = nn.Linear(3, 4, rng=1), nn.Tanh(), nn.Linear(4, 2, rng=2)
    net = nn.Sequential(*layers)
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    expected = layers[2](ops.tanh(layers[0](x)))
    np.testing.assert_array_equal(net(x).value, expected.value)
    assert len(net) == 3
    assert net[1] is layers[1]


@pytest.mark.parametrize("change", ["step", "assign", "load_state_dict", "writing", "astype"])
@pytest.mark.parametrize("kind", ["linear", "max", "mean"])
def test_packed_weights_are_never_stale(kind, change):
    """After any change of a weight the layer computes with the new one."""
    x, lengths = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32), np.array([5, 2])
    if kind == "linear":
        layer, weight = nn.Linear(4, 6, rng=1), "weight"
        function = layer
    else:
        layer, weight = nn.NgramConv(4, 6, (3,), pool=kind, rng=1), "weight_3"

        def function(x):
            return layer(x, lengths)

    parameter = getattr(layer, weight)
    before = function(x)
    if change == "step":
        before.sum().backward()
        SGD(layer.parameters(), learning_rate=1.0).step()
    elif change == "assign":
        parameter.assign(parameter.value * 2)
    elif change == "load_state_dict":
        layer.load_state_dict({n: a + 1 for n, a in layer.state_dict().items()})
    elif change == "writing":
        with parameter.writing() as array:
            array += 1
    else:
        layer.astype(np.float64)
        x = x.astype(np.float64)
    after = function(x)
    if change != "astype":
        assert abs(after.value - before.value).max() > 0.01
    fresh = nn.Linear(4, 6) if kind == "linear" else nn.NgramConv(4, 6, (3,), pool=kind)
    fresh.astype(after.dtype).load_state_dict(layer.state_dict())
    expected = fresh(x) if kind == "linear" else fresh(x, lengths)
    np.testing.assert_array_equal(after.value, expected.value)


def test_a_weight_cannot_be_changed_behind_the_layers_back():
    layer = nn.Linear(2, 2)
    with pytest.raises(ValueError, match="read-only"):
        layer.weight.value[0, 0] = 1
    with pytest.raises(LexonError, match=r"parameter is \(2, 2\), the value \(3,\)"):
        layer.weight.assign(np.zeros(3))


def test_inputs_that_are_data_get_no_gradient():
    x = Tensor(np.ones((1, 2), np.float32), requires_grad=False)
    nn.Linear(2, 2)(x).sum().backward()
    assert x.grad is None
