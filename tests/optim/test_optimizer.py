"""What optimisers share: names, skipping, errors, threads, and continuing to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from lexon import optim, parallel
from lexon.errors import InputError, ShapeError
from lexon.graph import Parameter, RowGradient
from lexon.kernels import update

KINDS = [
    (optim.GradientDescent, {}),
    (optim.SGD, {"learning_rate": 0.1}),
    (optim.SGD, {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    (optim.Adagrad, {}),
    (optim.Adadelta, {}),
    (optim.RMSprop, {}),
    (optim.Adam, {}),
    (optim.AdamW, {}),
]


def make(seed, shape=(6, 4), dtype=np.float32):
    return Parameter(np.random.default_rng(seed).normal(size=shape).astype(dtype))


def set_gradients(step, embedding, weight):
    """Sparse in most steps and dense in some for the one, always dense for the other."""
    random = np.random.default_rng(100 + step)
    rows = np.flatnonzero(random.random(len(embedding)) < 0.5)
    values = random.normal(size=(len(rows), 4)).astype(np.float32)
    gradient = RowGradient(rows, values, embedding.shape)
    embedding.grad = gradient.dense() if step % 4 == 2 else gradient
    weight.grad = random.normal(size=weight.shape).astype(np.float32)


@pytest.mark.parametrize(("kind", "numbers"), KINDS, ids=str)
def test_state_arrays_continue_to_the_bit(kind, numbers):
    embedding, weight, idle = make(0), make(1, (3, 4)), make(2, (2,))
    optimizer = kind({"embedding": embedding, "weight": weight, "idle": idle}, **numbers)
    for step in range(7):
        set_gradients(step, embedding, weight)
        optimizer.step()
    optimizer.learning_rate *= 0.5
    state = optimizer.state_arrays()
    kept = {name: array.copy() for name, array in state.items()}
    copies = {"embedding": embedding, "weight": weight, "idle": idle}
    copies = {name: Parameter(parameter.value) for name, parameter in copies.items()}
    other = kind(copies, **numbers)
    other.load_state_arrays(state)
    assert other.steps == 7
    for step in range(7, 14):
        set_gradients(step, embedding, weight)
        set_gradients(step, copies["embedding"], copies["weight"])
        optimizer.step()
        other.step()
    np.testing.assert_array_equal(embedding.value, copies["embedding"].value)
    np.testing.assert_array_equal(weight.value, copies["weight"].value)
    later, other_later = optimizer.state_arrays(), other.state_arrays()
    assert later.keys() == other_later.keys()
    for name in later:
        np.testing.assert_array_equal(later[name], other_later[name])
        np.testing.assert_array_equal(state[name], kept[name])  # a checkpoint does not move


def test_names_of_the_state():
    embedding, weight = make(0), make(1, (3, 4))
    optimizer = optim.Adam({"embedding": embedding, "project.weight": weight})
    set_gradients(0, embedding, weight)
    optimizer.step()
    assert {name: array.shape for name, array in optimizer.state_arrays().items()} == {
        "steps": (1,),
        "learning_rate": (1,),
        "embedding.steps": (1,),
        "embedding.touched": (6,),
        "embedding.means": (6, 4),
        "embedding.squares": (6, 4),
        "project.weight.steps": (1,),
        "project.weight.touched": (1,),
        "project.weight.means": (3, 4),
        "project.weight.squares": (3, 4),
    }


def test_a_state_that_does_not_fit_is_refused_whole():
    embedding, weight = make(0), make(1, (3, 4))
    optimizer = optim.Adam({"embedding": embedding, "weight": weight})
    set_gradients(0, embedding, weight)
    optimizer.step()
    state = optimizer.state_arrays()
    for name in state:
        if name.endswith(".steps"):
            continue
        lacking = {other: array for other, array in state.items() if other != name}
        with pytest.raises(InputError, match=f"lacks {name}" if "touch" not in name else "touched"):
            optimizer.load_state_arrays(lacking)
        altered = {**state, name: np.zeros((5, 5), np.float32)}
        with pytest.raises(InputError, match=name):
            optimizer.load_state_arrays(altered)
    with pytest.raises(InputError, match="also holds bias"):
        optimizer.load_state_arrays({**state, "bias.steps": np.array([1])})
    with pytest.raises(InputError, match=r"weight\.means"):
        optimizer.load_state_arrays({**state, "weight.means": state["weight.means"].astype("d")})
    with pytest.raises(InputError):
        optim.Adadelta({"embedding": embedding, "weight": weight}).load_state_arrays(state)
    for name, array in optimizer.state_arrays().items():
        np.testing.assert_array_equal(array, state[name])


@pytest.mark.parametrize(("kind", "numbers"), KINDS, ids=str)
def test_threads_do_not_change_bits(kind, numbers, monkeypatch):
    monkeypatch.setattr(parallel, "WORTH_SHARING", 0)
    monkeypatch.setattr(parallel, "WORTH_WAKING", 0)
    before, results = parallel.threads(), []
    try:
        for threads in (1, 2, 3):
            parallel.threads(threads)
            large, table = make(0, (401, 500)), make(1, (2000, 130))
            optimizer = kind([large, table], **numbers)
            random = np.random.default_rng(2)
            for step in range(3):
                large.grad = random.normal(size=large.shape).astype(np.float32)
                rows = np.flatnonzero(random.random(2000) < 0.6)
                values = random.normal(size=(len(rows), 130)).astype(np.float32)
                table.grad = RowGradient(rows, values, table.shape)
                table.grad = table.grad.dense() if step == 1 else table.grad
                optimizer.step()
            results.append([large.value.copy(), table.value.copy()])
    finally:
        parallel.threads(before)
    for other in results[1:]:
        np.testing.assert_array_equal(other[0], results[0][0])
        np.testing.assert_array_equal(other[1], results[0][1])


def test_blocks_cover_everything_once():
    large, table = make(0, (401, 500)), make(1, (2000, 130))
    random = np.random.default_rng(2)
    large.grad = random.normal(size=large.shape).astype(np.float32)
    rows = np.flatnonzero(random.random(2000) < 0.6)
    table.grad = RowGradient(
        rows, random.normal(size=(len(rows), 130)).astype(np.float32), (2000, 130)
    )
    expected = large.value - large.grad, table.value - table.grad.dense()
    optim.GradientDescent([large, table], learning_rate=1.0).step()
    np.testing.assert_array_equal(large.value, expected[0])
    np.testing.assert_array_equal(table.value, expected[1])


def test_gradients_stay_and_strided_or_read_only_ones_work():
    values = np.random.default_rng(0).normal(size=(4, 6))
    wide = np.random.default_rng(1).normal(size=(6, 8))
    compiled = len(update.descend.compiled.signatures)
    for gradient in [values.T, wide[:, ::2], np.broadcast_to(np.float64(2.5), (6, 4))]:
        theta, before = make(3, dtype=np.float64), gradient.copy()
        start, theta.grad = theta.value.copy(), gradient
        optim.SGD([theta], learning_rate=0.5).step()
        np.testing.assert_array_equal(gradient, before)
        np.testing.assert_allclose(theta.value, start - 0.5 * before, rtol=1e-15, atol=1e-16)
    assert len(update.descend.compiled.signatures) <= max(compiled, 2)  # one for each float type


def test_zero_grad_and_a_parameter_without_gradient():
    moved, idle = make(0), make(1)
    start, idle_start = moved.value.copy(), idle.value.copy()
    optimizer = optim.SGD([moved, idle], learning_rate=1.0)
    moved.grad = np.ones_like(moved.value)
    optimizer.step()
    optimizer.zero_grad()
    assert moved.grad is None
    optimizer.step()
    assert optimizer.steps == 2
    np.testing.assert_array_equal(moved.value, start - 1)
    np.testing.assert_array_equal(idle.value, idle_start)


def test_a_step_forgets_what_was_derived_and_locks_the_value():
    theta = make(0)
    theta.grad = np.ones_like(theta.value)
    old = theta.derived("total", np.sum)
    optim.SGD([theta], learning_rate=1.0).step()
    assert theta.derived("total", np.sum) == pytest.approx(old - 24, abs=1e-4)
    assert not theta.value.flags.writeable


def test_tied_parameters_move_once():
    theta = make(0)
    start, theta.grad = theta.value.copy(), np.ones_like(theta.value)
    optim.SGD({"embedding": theta, "output": theta}, learning_rate=1.0).step()
    np.testing.assert_array_equal(theta.value, start - 1)


def test_names_without_a_mapping():
    twins = [Parameter(np.zeros(2), name="bias"), Parameter(np.zeros(2), name="bias")]
    nameless = [Parameter(np.zeros(2)), Parameter(np.zeros(2), name="weight")]
    for parameters, names in [(twins, ["0.bias", "1.bias"]), (nameless, ["0", "weight"])]:
        optimizer = optim.Adagrad(iter(parameters))
        for parameter in parameters:
            parameter.grad = np.ones(2)
        optimizer.step()
        assert [n for n in optimizer.state_arrays() if n.endswith(".squares")] == [
            f"{name}.squares" for name in names
        ]


def test_empty_parameters_are_no_trouble():
    theta, table = Parameter(np.zeros((0, 3))), Parameter(np.zeros((0, 3)))
    theta.grad = np.zeros((0, 3))
    table.grad = RowGradient(np.zeros(0, np.int64), np.zeros((0, 3)), (0, 3))
    optimizer = optim.Adadelta([theta, table])
    optimizer.step()
    optimizer.load_state_arrays(optimizer.state_arrays())
    assert optimizer.state_arrays()["1.touched"].shape == (0,)


@pytest.mark.parametrize(
    ("kind", "numbers", "words"),
    [
        (optim.SGD, {"learning_rate": -0.1}, r"SGD: learning_rate is -0.1\n  give 0 or"),
        (optim.SGD, {"learning_rate": float("nan")}, "learning_rate is nan"),
        (optim.SGD, {"learning_rate": "0.1"}, "learning_rate is '0.1'"),
        (optim.SGD, {"momentum": 1.0}, "SGD: momentum is 1.0"),
        (optim.SGD, {"nesterov": True}, "nesterov is True and momentum 0"),
        (optim.SGD, {"weight_decay": -1}, "weight_decay is -1"),
        (optim.Adagrad, {"eps": 0}, "Adagrad: eps is 0\n  give a number above 0"),
        (optim.Adadelta, {"rho": 1}, "Adadelta: rho is 1\n  give a number from 0 to below 1"),
        (optim.Adadelta, {"learning_rate": float("inf")}, "learning_rate is inf"),
        (optim.RMSprop, {"alpha": -0.5}, "RMSprop: alpha is -0.5"),
        (optim.Adam, {"betas": (0.9, 1.0)}, r"Adam: betas\[1\] is 1.0"),
        (optim.AdamW, {"betas": 0.9}, "AdamW: betas is 0.9"),
    ],
)
def test_bad_numbers_are_named(kind, numbers, words):
    with pytest.raises(InputError, match=words):
        kind([make(0)], **numbers)


def test_bad_parameters_are_named():
    with pytest.raises(InputError, match="Adam: there is no parameter"):
        optim.Adam([])
    with pytest.raises(InputError, match="weight is a ndarray"):
        optim.Adam({"weight": np.zeros(2)})


def test_learning_rate_is_checked_later_too():
    optimizer = optim.Adam([make(0)])
    optimizer.learning_rate = 0.25
    assert optimizer.learning_rate == 0.25
    with pytest.raises(InputError, match="learning_rate is -1"):
        optimizer.learning_rate = -1


def test_bad_gradients_are_named():
    theta = Parameter(np.zeros((6, 4), np.float32), name="weight")
    optimizer = optim.Adam([theta])
    theta.grad = np.zeros((4, 6), np.float32)
    with pytest.raises(ShapeError, match=r"weight: its gradient is \(4, 6\)"):
        optimizer.step()
    theta.grad = np.zeros((6, 4), np.float64)
    with pytest.raises(InputError, match="weight: its gradient is float64"):
        optimizer.step()
    for rows, shape in [([-1, 2], (2, 4)), ([2, 6], (2, 4)), ([2], (2, 4)), ([2, 3], (2, 3))]:
        theta.grad = RowGradient(np.array(rows), np.zeros(shape, np.float32), (6, 4))
        words = rf"weight: values \(2, .\) for {len(rows)} rows from {rows[0]} to {rows[-1]} of"
        with pytest.raises(ShapeError, match=words):
            optimizer.step()
    theta.grad = np.zeros((6, 4), np.float32)
    optimizer.step()
    theta.astype(np.float64)
    theta.grad = np.zeros((6, 4), np.float64)
    with pytest.raises(InputError, match="became float64 after steps in float32"):
        optimizer.step()
