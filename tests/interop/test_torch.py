"""PyTorch's weights by name, in and out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lexon import nn
from lexon.errors import InputError, ModelFileError
from lexon.interop import torch as weights

LENGTHS = [4, 1, 6]
KINDS = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def numbers(module):
    return {name: tensor.detach().numpy() for name, tensor in module.state_dict().items()}


@pytest.fixture
def torch():
    module = pytest.importorskip("torch")
    module.manual_seed(3)
    return module


@pytest.mark.parametrize("make", [nn.GRU, nn.GRUCell])
def test_a_form_that_pytorch_does_not_have(make):
    module = make(3, 4, reset_after=False)
    for act in (weights.state_dict, lambda m: weights.load(m, weights.state_dict(make(3, 4)))):
        with pytest.raises(InputError, match="use reset_after=True"):
            act(module)


def test_a_module_is_no_mapping_of_weights():
    with pytest.raises(InputError, match=r"give module\.state_dict"):
        weights.load(nn.LSTM(3, 4), nn.LSTM(3, 4))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bias", [True, False])
def test_pytorchs_layers_give_the_same_outputs(torch, kind, bias):
    theirs = getattr(torch.nn, kind)(3, 5, 2, bidirectional=True, bias=bias)
    ours = KINDS[kind](3, 5, 2, bidirectional=True, rng=0)
    weights.load(ours, numbers(theirs))
    x = normal(sum(LENGTHS), 3)
    parts = torch.nn.utils.rnn.pack_sequence(torch.tensor(x).split(LENGTHS), enforce_sorted=False)
    rows = torch.cat(torch.nn.utils.rnn.unpack_sequence(theirs(parts)[0]))
    np.testing.assert_allclose(ours(x, LENGTHS)[0].value, rows.detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_cells(torch, kind):
    theirs, ours = getattr(torch.nn, f"{kind}Cell")(3, 5), getattr(nn, f"{kind}Cell")(3, 5)
    weights.load(ours, numbers(theirs))
    x, h = normal(4, 3), normal(4, 5)
    state = (h, h[::-1].copy()) if kind == "LSTM" else h
    given = tuple(map(torch.tensor, state)) if kind == "LSTM" else torch.tensor(state)
    found, wanted = ours(x, state), theirs(torch.tensor(x), given)
    if kind != "LSTM":
        found, wanted = (found,), (wanted,)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one.value, other.detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_and_back(torch, kind):
    ours = KINDS[kind](3, 5, 2, bidirectional=True, rng=0)
    for place, parameter in enumerate(ours.parameters()):
        parameter.assign(normal(*parameter.shape, seed=place))
    theirs = getattr(torch.nn, kind)(3, 5, 2, bidirectional=True)
    theirs.load_state_dict({n: torch.tensor(w) for n, w in weights.state_dict(ours).items()})
    again = KINDS[kind](3, 5, 2, bidirectional=True, rng=1)
    weights.load(again, numbers(theirs))
    for name, parameter in ours.named_parameters():
        np.testing.assert_array_equal(again.state_dict()[name], parameter.value, err_msg=name)


def a_network():
    class Network(nn.Module):
        def __init__(self):
            self.embedding = nn.Embedding(7, 3, rng=0)
            self.encoder = nn.GRU(3, 5, rng=0)
            self.head = nn.Sequential(nn.Linear(5, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1))

    return Network()


def test_a_whole_network_by_its_names(torch):
    parts = {
        "embedding": torch.nn.Embedding(7, 3),
        "encoder": torch.nn.GRU(3, 5, batch_first=True),
        "head": torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)),
    }
    given = {f"{p}.{n}": w for p, module in parts.items() for n, w in numbers(module).items()}
    network = a_network()
    weights.load(network, given)
    ids = np.array([3, 1, 6, 2])
    state = network.encoder(network.embedding(ids), [4])[0]
    y = network.head(state).value
    theirs = parts["head"](parts["encoder"](parts["embedding"](torch.tensor(ids))[None])[0][0])
    np.testing.assert_allclose(y, theirs.detach().numpy(), atol=1e-5)


def test_a_safetensors_file_in_and_out(tmp_path):
    network, path = a_network(), tmp_path / "weights.safetensors"
    weights.save(network, path)
    names = json.loads(path.read_bytes()[8 : 8 + int.from_bytes(path.read_bytes()[:8], "little")])
    assert {"encoder.weight_hh_l0", "encoder.bias_hh_l0", "head.2.weight"} <= names.keys()
    other = a_network()
    for parameter in other.parameters():
        parameter.assign(parameter.value + 1)
    weights.load(other, path)
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[name], value, err_msg=name)


def test_a_learned_initial_state_stays():
    layer = nn.LSTM(3, 5, initial="learned", rng=0)
    given = weights.state_dict(nn.LSTM(3, 5, rng=9))
    layer.first_states[0].assign(normal(1, 5))
    weights.load(layer, given)
    np.testing.assert_array_equal(layer.first_states[0].value, normal(1, 5))
    np.testing.assert_array_equal(layer.layers["0"].weight_x.value, given["weight_ih_l0"])


def test_what_does_not_fit_is_listed_and_changes_nothing():
    layer = nn.LSTM(3, 5, rng=0)
    before = layer.state_dict()
    given = weights.state_dict(nn.LSTM(3, 5, 2, rng=9))
    del given["weight_hh_l0"], given["bias_ih_l0"]
    given["weight_ih_l0"] = given["weight_ih_l0"][:, :2]
    with pytest.raises(InputError) as caught:
        weights.load(layer, given)
    text = str(caught.value)
    for part in (
        "do not fit LSTM",
        "missing: weight_hh_l0",
        "missing: bias_ih_l0",
        "weight_ih_l0 is (20, 2), not (20, 3)",
        "not in this network: weight_ih_l1",
    ):
        assert part in text
    for name, value in before.items():
        np.testing.assert_array_equal(layer.state_dict()[name], value)


@pytest.mark.parametrize("content", [None, b"", b"\x80\x04pickle", b"\xff" * 64])
def test_files_that_are_none(tmp_path, content):
    path = tmp_path / "weights.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"weights\.pt: "):
        weights.load(nn.Linear(2, 2), path)
