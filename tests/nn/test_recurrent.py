"""Recurrent layers and cells: the equations, the cells, PyTorch, and sequences of any lengths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexon import nn, ops
from lexon.errors import InputError, ShapeError
from lexon.graph import Tensor, no_grad
from lexon.graph.backward import gradient_error
from lexon.interop import torch as weights
from lexon.optim import SGD

LENGTHS = np.array([4, 0, 1, 7, 2, 7])
ROWS = int(LENGTHS.sum())
D, H = 3, 5
KINDS = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}
CELLS = {"RNN": nn.RNNCell, "GRU": nn.GRUCell, "LSTM": nn.LSTMCell}
VARIANTS = [(1, False), (2, True)]


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(dtype)


def layer_of(kind, layers=1, both=False, dtype=np.float64, **options):
    """A layer whose numbers are all different."""
    layer = KINDS[kind](D, H, layers, both, rng=1, **options)
    layer.astype(dtype)
    for place, parameter in enumerate(layer.parameters()):
        parameter.assign(0.5 * normal(*parameter.shape, seed=place))
    return layer


def states_of(layer, batch, seed=50):
    drawn = tuple(normal(batch, len(layer.layers), H, seed=seed + s) for s in range(layer.states))
    return drawn if layer.states > 1 else drawn[0]


def listed(state):
    return list(state) if isinstance(state, tuple) else [state]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reverse", [False, True])
def test_a_layer_is_its_cell_step_after_step(kind, reverse):
    """Values, and gradients of inputs, weights and initial state."""
    layer = layer_of(kind, both=reverse)
    cell = CELLS[kind](D, H)
    cell.astype(np.float64)
    own = layer.layers["0_reverse" if reverse else "0"]
    cell.load_state_dict(own.state_dict())
    side = 1 if reverse else 0
    x, first = normal(ROWS, D), [Tensor(s) for s in listed(states_of(layer, len(LENGTHS)))]
    y, final = layer(Tensor(x), LENGTHS, tuple(first) if layer.states > 1 else first[0],
                     detach=False)  # fmt: skip
    upstream = normal(ROWS, H, seed=3), *(normal(len(LENGTHS), H, seed=4 + s) for s in range(2))
    parts = [y[:, side * H : (side + 1) * H], *(f[:, side] for f in listed(final))]
    total = [(p * u).sum() for p, u in zip(parts, upstream, strict=False)]
    sum(total[1:], total[0]).backward()

    starts = LENGTHS.cumsum() - LENGTHS
    source, again = Tensor(x), [Tensor(s.value) for s in first]
    total = []
    for b, (start, length) in enumerate(zip(starts, LENGTHS, strict=True)):
        state = tuple(s[b : b + 1, side] for s in again)
        rows = range(start, start + length)
        for row in reversed(rows) if reverse else rows:
            state = cell(source[row : row + 1], state if layer.states > 1 else state[0])
            state = state if isinstance(state, tuple) else (state,)
            np.testing.assert_allclose(
                y.value[row, side * H : (side + 1) * H], state[0].value[0], rtol=1e-12, atol=1e-14
            )
            total.append((state[0] * upstream[0][row]).sum())
        for f, s, u in zip(listed(final), state, upstream[1:], strict=False):
            np.testing.assert_allclose(f.value[b, side], s.value[0], rtol=1e-12, atol=1e-14)
            total.append((s * u[b]).sum())
    sum(total[1:], total[0]).backward()
    for name, parameter in own.named_parameters():
        wanted = dict(cell.named_parameters())[name].grad
        np.testing.assert_allclose(parameter.grad, wanted, rtol=1e-10, atol=1e-12, err_msg=name)
    for ours, theirs in zip(first, again, strict=True):
        np.testing.assert_allclose(ours.grad, theirs.grad, rtol=1e-10, atol=1e-12)


def pytorch_of(torch, layer, kind):
    module = getattr(torch.nn, kind)(
        D, H, layer.num_layers, bidirectional=layer.bidirectional, dtype=torch.float64
    )
    module.load_state_dict({n: torch.tensor(w) for n, w in weights.state_dict(layer).items()})
    return module


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("layers", "both"), VARIANTS)
def test_agrees_with_pytorch_on_packed_sequences(kind, layers, both):
    torch = pytest.importorskip("torch")
    layer = layer_of(kind, layers, both)
    module = pytorch_of(torch, layer, kind)
    lengths = LENGTHS[LENGTHS > 0]  # PyTorch refuses length 0
    x, first = normal(ROWS, D), states_of(layer, len(lengths))
    source, begin = Tensor(x), [Tensor(s) for s in listed(first)]
    y, final = layer(source, lengths, tuple(begin) if layer.states > 1 else begin[0], detach=False)
    upstream = normal(*y.shape, seed=3)
    total = (y * upstream).sum()
    for f in listed(final):
        total = total + (f * normal(*f.shape, seed=4)).sum()
    total.backward()

    theirs = torch.tensor(x, requires_grad=True)
    packed = torch.nn.utils.rnn.pack_sequence(theirs.split(lengths.tolist()), enforce_sorted=False)
    start = [torch.tensor(s.swapaxes(0, 1).copy(), requires_grad=True) for s in listed(first)]
    out, end = module(packed, tuple(start) if layer.states > 1 else start[0])
    rows = torch.cat(torch.nn.utils.rnn.unpack_sequence(out))
    loss = (rows * torch.tensor(upstream)).sum()
    for f, e in zip(listed(final), listed(end), strict=True):
        np.testing.assert_allclose(f.value, e.detach().numpy().swapaxes(0, 1), rtol=1e-10)
        loss = loss + (e.swapaxes(0, 1) * torch.tensor(normal(*f.shape, seed=4))).sum()
    loss.backward()
    np.testing.assert_allclose(y.value, rows.detach().numpy(), rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(source.grad, theirs.grad.numpy(), rtol=1e-9, atol=1e-12)
    for ours, other in zip(begin, start, strict=True):
        np.testing.assert_allclose(ours.grad, other.grad.numpy().swapaxes(0, 1), rtol=1e-9)
    for name, gates in layer.layers.items():
        for own, other in {"weight_x": "weight_ih", "weight_h": "weight_hh"}.items():
            wanted = getattr(module, f"{other}_l{name}").grad.numpy()
            found = getattr(gates, own).grad
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12, err_msg=other)
        wanted = getattr(module, f"bias_ih_l{name}").grad.numpy()
        np.testing.assert_allclose(gates.bias.grad, wanted, rtol=1e-9, atol=1e-12)
        if kind == "GRU":
            wanted = getattr(module, f"bias_hh_l{name}").grad.numpy()[2 * H :]
            np.testing.assert_allclose(gates.bias_h.grad, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("after", [True, False])
def test_the_reset_gate_stands_where_it_is_asked_for(after):
    layer, x = layer_of("GRU", reset_after=after), normal(1, D)
    own, h = layer.layers["0"], normal(1, 1, H, seed=2)
    z = x @ own.weight_x.value.T + own.bias.value
    u = np.split(own.weight_h.value, 3)
    r, k = (1 / (1 + np.exp(-(part + h[0] @ w.T)))
            for part, w in zip(np.split(z, 3, 1)[:2], u[:2], strict=True))  # fmt: skip
    inner = h[0] @ u[2].T + own.bias_h.value
    inner = r * inner if after else (r * h[0]) @ u[2].T + own.bias_h.value
    wanted = k * h[0] + (1 - k) * np.tanh(np.split(z, 3, 1)[2] + inner)
    np.testing.assert_allclose(layer(x, [1], h)[0].value, wanted, rtol=1e-12)


def test_the_first_form_of_the_gru_learns():
    layer = layer_of("GRU", reset_after=False)
    first = normal(len(LENGTHS), 1, H)

    def outputs(x, h):
        y, final = layer(x, LENGTHS, h, detach=False)
        return y, final

    assert gradient_error(outputs, normal(ROWS, D), first) < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_pass_through_stacked_layers_in_both_directions(kind):
    layer = layer_of(kind, 2, True)

    def outputs(x, *states):
        y, final = layer(x, LENGTHS, states if len(states) > 1 else states[0], detach=False)
        return (y, *listed(final))

    first = [0.5 * s for s in listed(states_of(layer, len(LENGTHS)))]
    assert gradient_error(outputs, normal(ROWS, D), *first) < 1e-6


def bits(tensor):
    return tensor.value.tobytes()


@pytest.mark.parametrize("kind", KINDS)
@given(lengths=st.lists(st.integers(0, 12), min_size=1, max_size=14), seed=st.integers(0, 9))
@settings(max_examples=10, deadline=None)
def test_a_batch_is_each_sequence_alone_to_the_bit(kind, lengths, seed):
    layer = layer_of(kind, both=True, dtype=np.float32)
    x = normal(sum(lengths), D, seed=seed, dtype=np.float32)
    with no_grad():
        y, final = layer(x, lengths)
        for b, (start, length) in enumerate(
            zip(np.cumsum(lengths) - lengths, lengths, strict=True)
        ):
            alone, state = layer(x[start : start + length], [length])
            assert bits(alone) == bits(y[start : start + length])
            for one, all_ in zip(listed(state), listed(final), strict=True):
                assert bits(one[0]) == bits(all_[b])


@pytest.mark.parametrize("kind", KINDS)
def test_permuting_a_batch_permutes_the_results(kind):
    layer, x = layer_of(kind, both=True, dtype=np.float32), normal(ROWS, D, dtype=np.float32)
    order = np.random.default_rng(3).permutation(len(LENGTHS))
    parts = np.split(np.arange(ROWS), LENGTHS.cumsum()[:-1])
    rows = np.concatenate([parts[b] for b in order])
    with no_grad():
        y, final = layer(x, LENGTHS)
        permuted, last = layer(x[rows], LENGTHS[order])
    assert bits(permuted) == y.value[rows].tobytes()
    for ours, theirs in zip(listed(last), listed(final), strict=True):
        assert bits(ours) == theirs.value[order].tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_backwards_is_forwards_on_turned_sequences(kind):
    layer, x = layer_of(kind, both=True), normal(ROWS, D)
    ahead, back = layer.layers["0"], layer.layers["0_reverse"]
    back.load_state_dict(ahead.state_dict())
    parts = np.split(np.arange(ROWS), LENGTHS.cumsum()[:-1])
    turned = np.concatenate([part[::-1] for part in parts])
    with no_grad():
        y, final = layer(x, LENGTHS)
        other, last = layer(x[turned], LENGTHS)
    np.testing.assert_array_equal(y.value[:, H:], other.value[turned][:, :H])
    for ours, theirs in zip(listed(final), listed(last), strict=True):
        np.testing.assert_array_equal(ours.value[:, 1], theirs.value[:, 0])


@pytest.mark.parametrize("kind", KINDS)
def test_no_rows_and_no_sequences(kind):
    layer = layer_of(kind, 2, True)
    for lengths in ([0, 0], []):
        y, final = layer(Tensor(normal(0, D)), lengths, detach=False)
        assert y.shape == (0, 2 * H)
        for state in listed(final):
            np.testing.assert_array_equal(state.value, np.zeros((len(lengths), 4, H)))
        y.sum().backward()
        assert not layer.layers["0"].weight_x.grad.any()


@pytest.mark.parametrize("kind", KINDS)
def test_going_on_from_a_state_is_one_long_sequence(kind):
    layer, x = layer_of(kind), normal(9, D)
    whole, end = layer(x, [9])
    first, state = layer(x[:4], [4])
    rest, last = layer(x[4:], [5], state)
    np.testing.assert_allclose(whole.value, np.concatenate([first.value, rest.value]), rtol=1e-12)
    for ours, theirs in zip(listed(last), listed(end), strict=True):
        np.testing.assert_allclose(ours.value, theirs.value, rtol=1e-12)
        assert not ours.requires_grad, "the state is cut off from the graph unless asked"


@pytest.mark.parametrize("kind", KINDS)
def test_a_learned_initial_state_is_learned(kind):
    layer = layer_of(kind, 2, True, initial="learned")
    names = [name for name, _ in layer.named_parameters() if "first_states" in name]
    assert len(names) == layer.states
    before = [p.value.copy() for p in layer.first_states]
    x, zeros = normal(ROWS, D), layer_of(kind, 2, True)
    assert not np.array_equal(layer(x, LENGTHS)[0].value, zeros(x, LENGTHS)[0].value)
    layer(normal(ROWS, D), LENGTHS)[0].sum().backward()
    SGD(layer.parameters(), learning_rate=0.1).step()
    for parameter, old in zip(layer.first_states, before, strict=True):
        assert (parameter.value != old).all()


def test_a_random_initial_state_is_drawn_in_training_only():
    layer, x = layer_of("LSTM", initial="random"), normal(ROWS, D)
    first, second = (layer(x, LENGTHS)[0].value for _ in range(2))
    assert not np.array_equal(first, second)
    layer.eval()
    np.testing.assert_array_equal(layer(x, LENGTHS)[0].value, layer_of("LSTM")(x, LENGTHS)[0].value)


def test_dropout_acts_between_layers_in_training_only():
    x = normal(ROWS, D)
    plain, dropped = layer_of("GRU", 2), layer_of("GRU", 2, dropout=0.5)
    assert not np.array_equal(plain(x, LENGTHS)[0].value, dropped(x, LENGTHS)[0].value)
    dropped.eval()
    np.testing.assert_array_equal(plain(x, LENGTHS)[0].value, dropped(x, LENGTHS)[0].value)
    single, alone = layer_of("GRU"), layer_of("GRU", dropout=0.5)
    np.testing.assert_array_equal(single(x, LENGTHS)[0].value, alone(x, LENGTHS)[0].value)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_norms_are_those_of_h(kind):
    """d loss / d h_t by the composed twin, where every h is a tensor of its own."""
    layer, x = layer_of(kind, both=True), normal(7, D)
    layer.record_gradients = True
    lengths, upstream = [5, 2], normal(7, 2 * H, seed=8)
    y, _ = layer(x, lengths)
    (y * upstream).sum().backward()
    assert set(layer.gradient_norms) == {"0", "0_reverse"}
    cell = CELLS[kind](D, H)
    cell.astype(np.float64)
    for name, side in (("0", 0), ("0_reverse", 1)):
        cell.load_state_dict(layer.layers[name].state_dict())
        squares = np.zeros(5)
        for rows in (range(5), range(5, 7)):
            steps = list(reversed(rows) if side else rows)
            for place in range(len(steps)):  # h after step ``place`` as a source of its own
                h = Tensor(y.value[steps[place] : steps[place] + 1, side * H : (side + 1) * H])
                squares[place] += _norm_from(cell, kind, x, steps, place, h, upstream, side) ** 2
        if kind != "LSTM":
            np.testing.assert_allclose(layer.gradient_norms[name], np.sqrt(squares), rtol=1e-9)
        else:  # the memory cell is another way past h
            assert (layer.gradient_norms[name] > 0).all()
            np.testing.assert_allclose(
                layer.gradient_norms[name][-1], np.sqrt(squares[-1]), rtol=1e-9
            )


def _norm_from(cell, kind, x, steps, place, h, upstream, side):
    columns = slice(side * H, (side + 1) * H)
    state = (h, np.zeros((1, H))) if kind == "LSTM" else h
    total = (h * upstream[steps[place], columns]).sum()
    for row in steps[place + 1 :]:
        state = cell(x[row : row + 1], state)
        out = state[0] if kind == "LSTM" else state
        total = total + (out * upstream[row, columns]).sum()
    total.backward()
    return np.linalg.norm(h.grad)


def test_gradients_are_not_recorded_unless_asked():
    layer = layer_of("RNN")
    layer(normal(ROWS, D), LENGTHS)[0].sum().backward()
    assert layer.gradient_norms == {}


def test_first_values():
    layer = nn.LSTM(30, 20, rng=0)
    gates = layer.layers["0"]
    for part in np.split(gates.weight_h.value, 4):
        np.testing.assert_allclose(part @ part.T, np.eye(20), atol=1e-5)
    np.testing.assert_array_equal(gates.bias.value, np.repeat([0, 1, 0, 0], 20))
    assert nn.LSTM(3, 4, forget_bias=0.0).layers["0"].bias.value.max() == 0
    same = nn.RNN(3, 4, recurrent="identity", nonlinearity="relu").layers["0"]
    np.testing.assert_array_equal(same.weight_h.value, np.eye(4))
    narrow = nn.GRU(30, 20, limit=0.1, rng=0).layers["0"]
    for weight in (narrow.weight_x.value, narrow.weight_h.value):
        assert 0.099 < abs(weight).max() <= 0.1
    spread = nn.RNN(30, 20, recurrent="uniform", rng=0).layers["0"].weight_h.value
    assert abs(spread).max() == pytest.approx(np.sqrt(6 / 40), rel=0.05)
    again = nn.LSTM(30, 20, rng=0).layers["0"].weight_x.value
    np.testing.assert_array_equal(gates.weight_x.value, again)


def test_an_update_is_seen():
    """What is packed of the weights is packed anew."""
    layer, x = layer_of("LSTM"), normal(ROWS, D)
    before = layer(x, LENGTHS)[0].value.copy()
    for parameter in (layer.layers["0"].weight_x, layer.layers["0"].weight_h):
        parameter.assign(parameter.value * 1.5)
    fresh = layer_of("LSTM")
    fresh.load_state_dict(layer.state_dict())
    after = layer(x, LENGTHS)[0].value
    np.testing.assert_array_equal(after, fresh(x, LENGTHS)[0].value)
    assert not np.array_equal(after, before)


WRONG = [
    (lambda: nn.LSTM(0, 4), InputError, "input_size 0, hidden_size 4"),
    (lambda: nn.GRU(3, 0), InputError, "give 1 or more of each"),
    (lambda: nn.RNN(3, 4, 0), InputError, "num_layers 0"),
    (lambda: nn.RNN(3, 4, initial="ones"), InputError, "initial 'ones'"),
    (lambda: nn.RNN(3, 4, nonlinearity="selu"), InputError, "nonlinearity 'selu'"),
    (lambda: nn.RNN(3, 4, recurrent="diagonal"), InputError, "recurrent 'diagonal' is none of"),
    (lambda: nn.RNN(3, 4, dropout=1.0), InputError, "dropout rate 1.0"),
    (lambda: nn.LSTM(3, 4)(np.zeros((5, 3)), [2, 2]), ShapeError, "add up to 4, but there are 5"),
    (lambda: nn.LSTM(3, 4)(np.zeros((5, 3)), [6, -1]), ShapeError, "a length is negative"),
    (lambda: nn.LSTM(3, 4)(np.zeros((5, 2)), [5]), ShapeError, "was given 2 columns"),
    (lambda: nn.GRU(3, 4)(np.zeros((5, 3)), [5], np.zeros((1, 4))), ShapeError, "not (1, 1, 4)"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), WRONG, ids=[text for *_, text in WRONG])
def test_refusals_tell_the_rule_and_the_values(call, error, text):
    with pytest.raises(error) as caught:
        call()
    assert text in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_learns_to_count(kind):
    """Whether a sequence holds more ones than minus ones."""
    random = np.random.default_rng(0)
    layer, out = KINDS[kind](1, 8, rng=0), nn.Linear(8, 2, rng=0)
    rule = SGD([*layer.parameters(), *out.parameters()], learning_rate=0.5, momentum=0.9)
    losses = []
    for _ in range(100):
        lengths = random.integers(1, 8, 32)
        x = random.choice([-1.0, 1.0], (lengths.sum(), 1)).astype(np.float32)
        classes = np.add.reduceat(x[:, 0], lengths.cumsum() - lengths) > 0
        _, state = layer(x, lengths, detach=False)
        h = state[0] if kind == "LSTM" else state
        loss = ops.cross_entropy(out(h[:, 0]), targets=classes.astype(int))
        rule.zero_grad()
        loss.backward()
        rule.step()
        losses.append(loss.item())
    assert np.mean(losses[-10:]) < 0.3 < losses[0]


def test_directions_must_agree():
    x, u = np.zeros((3, D)), np.zeros((H, H))
    own = np.zeros((H, D)), u, np.zeros(H)
    for states, layers, reverse, told in [
        (1, own * 2, (False, True), "n is 2 in one argument and 1 in another"),
        (1, own, (), "weights of 1 directions, and reverse is"),
        (1, own, True, "tell for each direction whether it goes backwards"),
    ]:
        with pytest.raises((ShapeError, InputError), match=told):
            ops.rnn(x, np.zeros((1, states, H)), *layers, lengths=[3], reverse=reverse)


@pytest.mark.parametrize("kind", KINDS)
def test_a_retained_graph_goes_back_by_the_weights_it_was_made_with(kind):
    """What the first way back overwrote is made again as it was, also of weights that moved on."""
    layer = layer_of(kind, both=True)
    x = Tensor(normal(ROWS, D))
    y, _ = layer(x, LENGTHS)
    upstream = normal(*y.shape, seed=9)
    found = []
    for _ in range(2):
        for parameter in layer.parameters():
            parameter.grad = None
        y.backward(upstream, retain=True)
        found.append([np.array(p.grad) for p in layer.parameters()])
        for own in layer.layers.values():
            for parameter in (own.weight_x, own.bias):
                with parameter.writing() as array:
                    array *= 3
    for first, second in zip(*found, strict=True):
        np.testing.assert_allclose(second, first, rtol=1e-12, atol=1e-14)


def test_parameters_and_arrays_may_stand_side_by_side():
    layer = layer_of("GRU", both=True)
    one, two = (layer.layers[name].weights for name in ("0", "0_reverse"))
    given = normal(ROWS, D), np.zeros((len(LENGTHS), 2, H))
    options = {"lengths": LENGTHS, "reverse": (False, True)}
    mixed = ops.gru(*given, *one, *(Tensor(w.value.copy()) for w in two), **options)
    np.testing.assert_array_equal(mixed[0].value, layer(given[0], LENGTHS)[0].value)


@pytest.mark.parametrize("lengths", [[3.9, 5.2], np.ones(8, bool), [np.nan, 8.0], [[3, 5]], 8])
def test_lengths_are_whole_numbers_side_by_side(lengths):
    with pytest.raises(ShapeError, match=r"lengths .*\n  give"):
        nn.GRU(D, H)(np.zeros((8, D)), lengths)


@pytest.mark.parametrize("state", [np.zeros((2, 1, H)), (np.zeros((2, 1, H)),) * 3])
def test_an_lstm_has_two_states(state):
    with pytest.raises(ShapeError, match=r"no pair\n  give \(h, c\)"):
        nn.LSTM(D, H)(np.zeros((8, D)), [3, 5], state)


def test_states_are_brought_to_the_layers_type():
    given = np.full((2, 1, H), 0.5)
    outputs, _ = nn.GRU(D, H, rng=1)(Tensor(np.ones((8, D), np.float32)), [3, 5], given)
    assert outputs.dtype == np.float32


@pytest.mark.parametrize("kind", CELLS)
def test_cells_refuse_other_shapes(kind):
    cell = CELLS[kind](D, H)
    both = kind == "LSTM"
    for x in (np.zeros(D), np.zeros((2, D + 1)), np.zeros((1, 2, D))):
        with pytest.raises(ShapeError, match=rf"x is .*\n  give \(B, {D}\)"):
            cell(x)
    for state in (np.zeros((1, H)), np.zeros((2, H + 1))):
        with pytest.raises(ShapeError, match=rf"states of shape .*\n  give .*\(2, {H}\)"):
            cell(np.zeros((2, D)), (state, state) if both else state)
    if both:
        with pytest.raises(ShapeError, match="the two states h and c"):
            cell(np.zeros((2, D)), np.zeros((2, H)))
