"""Products, lookups, n-grams, pools and losses, where their cases do not reach.

What a case holds (finite differences, composed twin, PyTorch) is tested in ``test_gradients``.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexon import ops
from lexon.errors import InputError, ShapeError
from lexon.graph import RowGradient, Tensor

FAR = [1e4, -1e4]


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(dtype)


def gradients(function, *inputs):
    """Value and gradients, upstream of fixed random numbers."""
    sources = [Tensor(x) for x in inputs]
    y = function(*sources)
    y.backward(normal(*y.shape, seed=9))
    dense = [g.dense() if isinstance(g, RowGradient) else g for g in (s.grad for s in sources)]
    return y.value, *dense


LENGTHS = np.array([4, 0, 1, 6])
ROWS, SQUARE = (normal(11, 3),), (normal(3, 3),)
GRAMS = (*ROWS, normal(5, 2, 3), normal(5))

#: Every operation here, with inputs that fit.
OPERATIONS = {
    "linear": (ops.linear, (normal(7, 3), normal(4, 3), normal(4))),
    "matmul": (ops.matmul, (normal(7, 3), normal(3, 4))),
    "stacked matmul": (ops.matmul, (normal(2, 7, 3), normal(3, 4))),
    "lookup": (partial(ops.lookup, ids=[1, 4, 1, 1]), (normal(6, 3),)),
    "ngram": (partial(ops.ngram, lengths=LENGTHS), GRAMS),
    "ngram_max": (partial(ops.ngram_max, lengths=LENGTHS), GRAMS),
    "ngram_mean": (partial(ops.ngram_mean, lengths=LENGTHS), GRAMS),
    "max_over_time": (partial(ops.max_over_time, lengths=LENGTHS), ROWS),
    "mean_over_time": (partial(ops.mean_over_time, lengths=LENGTHS), ROWS),
    "sum_over_time": (partial(ops.sum_over_time, lengths=LENGTHS), ROWS),
    "max_pool": (partial(ops.max_pool, lengths=LENGTHS, size=3, stride=2), ROWS),
    "mean_pool": (partial(ops.mean_pool, lengths=LENGTHS, size=3, stride=2), ROWS),
    "crf": (
        partial(ops.crf, lengths=LENGTHS, targets=np.arange(11) % 3),
        (*ROWS, normal(3, 3), normal(3), normal(3, seed=1)),
    ),
    "squared_error": (partial(ops.squared_error, targets=np.eye(3)), SQUARE),
    "cross_entropy": (partial(ops.cross_entropy, targets=[0, 2, 1]), SQUARE),
    "binary_cross_entropy": (
        partial(ops.binary_cross_entropy, targets=np.eye(3), weights=[1, 2, 3]),
        SQUARE,
    ),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_strides_change_nothing_and_inputs_stay(name):
    function, inputs = OPERATIONS[name]
    expected = gradients(function, *inputs)
    for strange in (
        [np.asfortranarray(x) for x in inputs],
        [np.repeat(x, 2, axis=-1)[..., ::2] for x in inputs],
        [x[::-1].copy()[::-1] for x in inputs],
    ):
        before = [x.copy() for x in strange]
        got = gradients(function, *strange)
        for ours, theirs in zip(got, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-14)
        for x, old in zip(strange, before, strict=True):
            np.testing.assert_array_equal(x, old)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_way_back_leaves_the_upstream_gradient_alone(name):
    """It may be another operation's upstream too."""
    function, inputs = OPERATIONS[name]
    y = function(*(Tensor(x) for x in inputs))
    upstream = normal(*y.shape, seed=9)
    before = upstream.copy()
    answer = y.node.pull(upstream)
    for promise in answer if isinstance(answer, tuple) else (answer,):
        if callable(promise):
            promise()
    np.testing.assert_array_equal(upstream, before)


@pytest.mark.parametrize("name", OPERATIONS)
def test_float32_stays_float32(name):
    function, inputs = OPERATIONS[name]
    exact = gradients(function, *inputs)
    got = gradients(function, *(x.astype(np.float32) for x in inputs))
    for ours, theirs in zip(got, exact, strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-6)


def test_the_gradient_of_a_table_holds_only_its_rows():
    table = Tensor(normal(1000, 3))
    ops.lookup(table, ids=[7, 999, 7]).sum().backward()
    assert isinstance(table.grad, RowGradient)
    np.testing.assert_array_equal(table.grad.rows, [7, 999])
    np.testing.assert_array_equal(table.grad.values, [[2, 2, 2], [1, 1, 1]])


@pytest.mark.parametrize("bad", [6, -1, 2**40])
def test_lookup_names_the_id_and_its_position(bad):
    with pytest.raises(InputError, match=rf"id {bad} at position 2 .* table of 6 rows"):
        ops.lookup(normal(6, 3), ids=np.array([0, 5, bad]))


@pytest.mark.parametrize("ids", [[0.0], [True], ["a"]])
def test_lookup_wants_integers(ids):
    with pytest.raises(InputError, match="row numbers are integers"):
        ops.lookup(normal(6, 3), ids=ids)


@given(
    lengths=st.lists(st.integers(0, 9), max_size=6),
    size=st.integers(1, 5),
    stride=st.integers(1, 7),
)
@settings(deadline=None)
def test_pools_by_their_definition(lengths, size, stride):
    x = normal(sum(lengths), 2)
    windows = []
    for text in np.split(x, np.cumsum(lengths)[:-1]) if lengths else []:
        covered = range(0, max(len(text) - size, 0) + stride, stride) if len(text) else ()
        windows += [text[begin : begin + size] for begin in covered if begin < len(text)]
    largest, mean = (o(x, lengths=np.array(lengths, int), size=size, stride=stride).value
                     for o in (ops.max_pool, ops.mean_pool))  # fmt: skip
    assert len(windows) == ops.pooled_lengths(lengths, size, stride).sum() == len(largest)
    np.testing.assert_array_equal(largest, [w.max(axis=0) for w in windows] or np.empty((0, 2)))
    wanted = [w.mean(axis=0) for w in windows] or np.empty((0, 2))
    np.testing.assert_allclose(mean, wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 1), (2, 3), (1, 4), (10, 1)])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 9])
def test_pools_agree_with_pytorch(length, size, stride):
    torch = pytest.importorskip("torch")
    x = normal(length, 3)
    source = torch.tensor(x, requires_grad=True)
    pooled = torch.nn.functional.max_pool1d(
        torch.nn.functional.pad(source.T[None], (0, max(size - length, 0)), value=-1e9),
        size, stride, ceil_mode=True,
    )[0].T  # fmt: skip
    pooled.backward(torch.tensor(normal(*pooled.shape, seed=9)))
    ours = gradients(
        lambda x: ops.max_pool(x, lengths=np.array([length]), size=size, stride=stride), x
    )
    np.testing.assert_array_equal(ours[0], pooled.detach().numpy())
    np.testing.assert_allclose(ours[1], source.grad.numpy(), rtol=1e-13)


@pytest.mark.parametrize("targets", [[0, 2, 2], [[0.2, 0.3, 0.5], [1, 0, 0], [0, 0.5, 0.5]]])
def test_weighted_cross_entropy_by_its_equation(targets):
    x, v = normal(3, 3), np.array([0.5, 2.0, 3.0])
    t = np.eye(3)[targets] if np.ndim(targets) == 1 else np.array(targets)
    log_softmax = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    wanted = -(v * t * log_softmax).sum() / (v * t).sum()
    loss = ops.cross_entropy(x, targets=np.array(targets), weights=v)
    assert loss.item() == pytest.approx(wanted, rel=1e-13)


@pytest.mark.parametrize("far", FAR)
@pytest.mark.parametrize("loss", ["classes", "probabilities", "binary"])
def test_losses_far_out_are_finite_and_right(loss, far):
    """float32 logits of ten thousand: nothing overflows, and near ties keep their digits."""
    x = Tensor(np.array([[far, 0, -far], [far, far, far + 1]], np.float32))
    eye = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    if loss == "binary":
        y = ops.binary_cross_entropy(x, targets=eye, reduction="sum")
        wanted = np.logaddexp(0, x.value.astype(np.float64)) - eye * x.value
        slope = np.exp(-np.logaddexp(0, -x.value.astype(np.float64))) - eye
    else:
        targets = np.array([0, 1]) if loss == "classes" else eye
        y = ops.cross_entropy(x, targets=targets, reduction="sum")
        shifted = x.value.astype(np.float64) - x.value.max(axis=1, keepdims=True)
        wanted = eye * (np.log(np.exp(shifted).sum(axis=1, keepdims=True)) - shifted)
        slope = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True) - eye
    y.backward()
    assert y.item() == pytest.approx(wanted.sum(), rel=3e-7)
    np.testing.assert_allclose(x.grad, slope, rtol=1e-6, atol=1e-6)


def test_a_tie_far_out_costs_ln_2():
    x = np.full((1, 2), 1e4, np.float32)
    assert ops.cross_entropy(x, targets=np.array([0])).item() == pytest.approx(np.log(2), rel=1e-7)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.linear(normal(2, 3), normal(4, 5), normal(4)), ShapeError,
         r"linear: D is 3 in one argument and 5 in another\n  x \(N, D\) = \(2, 3\)"),
        (lambda: ops.linear(normal(2, 3), normal(4, 3), normal(5)), ShapeError, "H is 4 .* and 5"),
        (lambda: ops.matmul(normal(2, 3), normal(4, 3)), ShapeError, "D is 3 .* and 4"),
        (lambda: ops.matmul(normal(2, 3), 2.0), ShapeError, "a single number is no matrix"),
        (lambda: ops.ngram(normal(5, 3), normal(4, 2, 2), normal(4), lengths=[5]), ShapeError,
         "D is 3 .* and 2"),
        (lambda: ops.ngram(*GRAMS, lengths=[5, 5]), ShapeError, "add up to 10, .* 11 rows"),
        (lambda: ops.ngram_max(*GRAMS, lengths=[12, -1]), ShapeError, "a length is negative: -1"),
        (lambda: ops.ngram_max(*GRAMS, lengths=[11], edges="narrow"), InputError,
         "'narrow' is neither"),
        (lambda: ops.ngram_max(*GRAMS, lengths=[11], activation="gelu"), InputError, "'gelu'"),
        (lambda: ops.max_pool(normal(5, 3), lengths=[5], size=0, stride=1), InputError,
         "size 0 and stride 1"),
        (lambda: ops.mean_pool(normal(5, 3), lengths=[4], size=1, stride=1), ShapeError,
         "add up to 4"),
        (lambda: ops.cross_entropy(normal(2, 3), targets=[0, 3]), InputError,
         "row 1 is class 3, but there are 3 classes"),
        (lambda: ops.cross_entropy(normal(2, 3), targets=[0, -1]), InputError, "class -1"),
        (lambda: ops.cross_entropy(normal(2, 3), targets=[0.0, 1.0]), InputError, "integers"),
        (lambda: ops.cross_entropy(normal(2, 3), targets=[0]), ShapeError, "N is 2"),
        (lambda: ops.cross_entropy(normal(2, 3), targets=[0, 1], weights=[1, 2]), ShapeError,
         "C is 3 .* and 2"),
        (lambda: ops.cross_entropy(normal(2, 3), targets=[0, 1], reduction="max"), InputError,
         "'max' is neither"),
        (lambda: ops.squared_error(normal(2, 3), targets=normal(3, 2)), ShapeError, "one target"),
        (lambda: ops.binary_cross_entropy(normal(2, 3), targets=[0, 1]), ShapeError, r"\(2, 3\)"),
    ],
)  # fmt: skip
def test_errors_tell_rule_and_values(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_threads_change_no_bit_of_a_last_layer(on_threads, monkeypatch):
    monkeypatch.setattr("lexon.ops.loss.SOFTMAX_BLOCK", 200)
    random = np.random.default_rng(0)
    x, w, b = (random.normal(size=shape).astype(np.float32) for shape in ((70, 9), (150, 9), 150))
    targets = random.integers(0, 150, 70)

    def everything():
        inputs = [Tensor(array) for array in (x, w, b)]
        loss = ops.linear_cross_entropy(*inputs, targets=targets)
        loss.backward()
        return [loss.value.tobytes(), *(tensor.grad.tobytes() for tensor in inputs)]

    one = on_threads(1, everything)
    assert on_threads(2, everything) == one and on_threads(5, everything) == one


def test_a_row_of_a_last_layer_knows_no_neighbours():
    random = np.random.default_rng(1)
    x, w, b = (random.normal(size=shape).astype(np.float32) for shape in ((9, 5), (40, 5), 40))
    targets = random.integers(0, 40, 9)
    together = Tensor(x)
    ops.linear_cross_entropy(together, w, b, targets=targets, reduction="sum").backward()
    for row in range(9):
        alone = Tensor(x[row : row + 1])
        own = targets[row : row + 1]
        ops.linear_cross_entropy(alone, w, b, targets=own, reduction="sum").backward()
        assert alone.grad.tobytes() == together.grad[row : row + 1].tobytes()
