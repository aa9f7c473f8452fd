"""Every operation: its gradient against finite differences, its composed form, and PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import numpy as np
import pytest

from lexon.graph import OPERATIONS, Tensor, gradient_error
from tests.ops.case import Array, Case, listed, values_and_gradients, weights_like
from tests.ops.cases import CASES

FUSED = [case for case in CASES if case.twin is not None]
KNOWN_ELSEWHERE = [case for case in CASES if case.reference is not None]


def zeroed(g: Array) -> Array:
    return g * 0


def scaled(g: Array) -> Array:
    return g * 1.01


def first_row_dropped(g: Array) -> Array:
    harmed = g.copy()
    harmed[:1] = 0
    return harmed


def test_every_operation_has_a_case() -> None:
    assert {case.operation for case in CASES} == set(OPERATIONS)


def test_cases_have_different_names() -> None:
    assert len({str(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradient(case: Case) -> None:
    assert gradient_error(case, *case.inputs) < 1e-6


@pytest.mark.parametrize("harm", [zeroed, scaled, first_row_dropped])
@pytest.mark.parametrize("case", [case for case in CASES if not case.empty], ids=str)
def test_gradient_check_notices(case: Case, harm: Callable[[Array], Array]) -> None:
    _, gradients = values_and_gradients(case, case.inputs)
    for place, gradient in enumerate(gradients):
        if gradient.ndim == 0 and harm is first_row_dropped:
            continue
        if np.array_equal(harm(gradient), gradient):
            continue
        number = count()

        def on_one(g: Array, number: count[int] = number, place: int = place) -> Array:
            return harm(g) if next(number) == place else g

        assert gradient_error(case, *case.inputs, harm=on_one) > 1e-4, f"input {place}"


@pytest.mark.parametrize("case", FUSED, ids=str)
def test_fused_is_composed(case: Case) -> None:
    assert case.twin is not None
    values, gradients = values_and_gradients(case, case.inputs)
    twin_values, twin_gradients = values_and_gradients(case.twin, case.inputs)
    for ours, theirs in zip(values + gradients, twin_values + twin_gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("case", KNOWN_ELSEWHERE, ids=str)
def test_agrees_with_pytorch(case: Case) -> None:
    torch = pytest.importorskip("torch")
    assert case.reference is not None
    values, gradients = values_and_gradients(case, case.inputs)
    sources = [torch.tensor(x, requires_grad=True) for x in case.inputs]
    outputs = case.reference(*sources)
    listed = outputs if isinstance(outputs, tuple | list) else (outputs,)
    sum((y * torch.tensor(weights_like(y.detach().numpy()))).sum() for y in listed).backward()
    for ours, theirs in zip(values, listed, strict=True):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-11, atol=1e-13)
    for ours, source in zip(gradients, sources, strict=True):
        np.testing.assert_allclose(ours, source.grad.numpy(), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("case", [case for case in CASES if not case.empty], ids=str)
def test_a_second_way_back_finds_what_the_first_found(case: Case) -> None:
    """Also where the first one makes its gradients in what was kept for it."""
    _, once = values_and_gradients(case, case.inputs)
    sources = [Tensor(x) for x in case.inputs]
    parts = [(y * weights_like(y.value)).sum() for y in listed(case(*sources))]
    total = sum(parts[1:], parts[0])
    total.backward(retain=True)
    total.backward()
    for source, gradient in zip(sources, once, strict=True):
        g = np.zeros_like(source.value) if source.grad is None else source.grad
        twice = g if isinstance(g, np.ndarray) else g.dense()
        np.testing.assert_allclose(twice, 2 * gradient, rtol=1e-12, atol=1e-14)
