"""Limits on gradients and weights."""

from __future__ import annotations

import numpy as np
import pytest

from lexon import optim, parallel
from lexon.errors import InputError, NonFiniteError, ShapeError
from lexon.graph import Parameter, RowGradient


def some(dtype=np.float64):
    random = np.random.default_rng(0)
    weight, table, idle = (Parameter(np.zeros(s, dtype)) for s in [(70, 50), (9, 4), (3,)])
    weight.grad = random.normal(size=(70, 50)).astype(dtype)
    values = random.normal(size=(2, 4)).astype(dtype)
    table.grad = RowGradient(np.array([1, 7]), values, (9, 4))
    return weight, table, idle


def whole(parameters):
    gradients = [p.grad.dense() if isinstance(p.grad, RowGradient) else p.grad for p in parameters]
    return np.concatenate([gradient.ravel() for gradient in gradients if gradient is not None])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clip_norm(dtype):
    parameters = some(dtype)
    before, arrays = whole(parameters), [parameters[0].grad, parameters[1].grad.values]
    copies = [array.copy() for array in arrays]
    norm = optim.clip_norm(parameters, 5.0)
    assert norm == pytest.approx(np.linalg.norm(before.astype(np.float64)), rel=1e-14)
    np.testing.assert_allclose(whole(parameters), before * (5 / norm), rtol=1e-6)
    assert np.linalg.norm(whole(parameters).astype(np.float64)) == pytest.approx(5, rel=1e-6)
    assert parameters[0].grad.dtype == parameters[1].grad.values.dtype == dtype
    assert isinstance(parameters[1].grad, RowGradient) and parameters[2].grad is None
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_clip_norm_equals_pytorch():
    torch = pytest.importorskip("torch")
    parameters = some()
    peers = [torch.zeros(p.shape, dtype=torch.float64, requires_grad=True) for p in parameters[:2]]
    peers[0].grad = torch.tensor(parameters[0].grad)
    peers[1].grad = torch.tensor(parameters[1].grad.dense())
    norm = torch.nn.utils.clip_grad_norm_(peers, 5.0)
    assert optim.clip_norm(parameters, 5.0) == pytest.approx(float(norm), rel=1e-14)
    # PyTorch divides by norm + 1e-6.
    np.testing.assert_allclose(parameters[0].grad, peers[0].grad.numpy(), rtol=1e-6)


def test_clip_norm_leaves_small_gradients():
    parameters = some()
    arrays = [parameters[0].grad, parameters[1].grad]
    norm = optim.clip_norm(parameters, 1e6)
    assert 0 < norm < 1e6
    assert parameters[0].grad is arrays[0] and parameters[1].grad is arrays[1]


def test_clip_norm_counts_a_tied_parameter_once():
    weight = some()[0]
    norm = float(np.linalg.norm(weight.grad))
    assert optim.clip_norm({"embedding": weight, "output": weight}, 1.0) == pytest.approx(norm)
    assert np.linalg.norm(weight.grad) == pytest.approx(1.0)


def test_clip_norm_has_the_same_bits_on_every_number_of_threads(monkeypatch):
    monkeypatch.setattr(parallel, "WORTH_SHARING", 0)
    monkeypatch.setattr(parallel, "WORTH_WAKING", 0)
    weight = Parameter(np.zeros((700, 500), np.float32))
    gradient = np.random.default_rng(0).normal(size=(700, 500)).astype(np.float32)
    before, norms = parallel.threads(), []
    try:
        for threads in (1, 2, 3):
            parallel.threads(threads)
            weight.grad = gradient
            norms.append(optim.clip_norm([weight], 1e9))
    finally:
        parallel.threads(before)
    assert norms[0] == norms[1] == norms[2]
    assert norms[0] == pytest.approx(np.linalg.norm(gradient.astype(np.float64)), rel=1e-14)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_clip_norm_names_what_is_not_finite(bad):
    weight, table, _ = some()
    table.grad.values[1, 2] = bad
    before = weight.grad
    with pytest.raises(NonFiniteError, match="gradient of table is not finite"):
        optim.clip_norm({"weight": weight, "table": table}, 1.0)
    assert weight.grad is before


def test_clip_value():
    parameters = some(np.float32)
    before, array = whole(parameters), parameters[0].grad
    copy = array.copy()
    optim.clip_value(parameters, 0.5)
    np.testing.assert_array_equal(whole(parameters), before.clip(-0.5, 0.5))
    assert parameters[0].grad.dtype == np.float32
    np.testing.assert_array_equal(array, copy)


def test_max_norm_rows():
    value = np.array([[3.0, 4.0], [0.6, 0.8], [0.0, 0.0], [-30.0, 40.0]])
    weight = Parameter(value)
    stale = weight.derived("total", np.sum)
    assert optim.max_norm_rows(weight, 3) == 2
    expected = [[1.8, 2.4], [0.6, 0.8], [0.0, 0.0], [-1.8, 2.4]]
    np.testing.assert_allclose(weight.value, expected, rtol=1e-15)
    np.testing.assert_array_equal(weight.value[1:3], value[1:3])
    assert weight.derived("total", np.sum) != stale


def test_bad_limits_are_named():
    weight = some()[0]
    for limit in (0, -1.0, float("nan")):
        with pytest.raises(InputError, match="clip_norm: largest is"):
            optim.clip_norm([weight], limit)
        with pytest.raises(InputError, match="clip_value: largest is"):
            optim.clip_value([weight], limit)
        with pytest.raises(InputError, match="max_norm_rows: largest is"):
            optim.max_norm_rows(weight, limit)
    with pytest.raises(ShapeError, match=r"bias is \(3,\)"):
        optim.max_norm_rows(Parameter(np.zeros(3), name="bias"), 3.0)
