"""Every operation: what it does to the arrays it is given, whatever their type and layout."""

from __future__ import annotations

import numpy as np
import pytest

from lexon.graph import OPERATIONS, Tensor
from lexon.graph.declare import Argument, Signature
from tests.ops.case import Array, Case, listed, values_and_gradients
from tests.ops.cases import CASES

WITH_AXES = [case for case in CASES if any(x.ndim for x in case.inputs)]


def column_order(x: Array) -> Array:
    return np.asfortranarray(x)


def every_second(x: Array) -> Array:
    """The same numbers, each followed by one that must not be read."""
    wide = np.full((*x.shape[:-1], 2 * x.shape[-1]), np.nan, x.dtype) if x.ndim else x
    if x.ndim:
        wide[..., ::2] = x
    return wide[..., ::2] if x.ndim else x


def backwards(x: Array) -> Array:
    """The same numbers, stored from the last to the first."""
    return np.flip(np.flip(x).copy())


@pytest.mark.parametrize("layout", [column_order, every_second, backwards])
@pytest.mark.parametrize("case", WITH_AXES, ids=str)
def test_layout_makes_no_difference(case: Case, layout: object) -> None:
    assert callable(layout)
    values, gradients = values_and_gradients(case, case.inputs)
    laid_out = tuple(layout(x) for x in case.inputs)
    other_values, other_gradients = values_and_gradients(case, laid_out)
    for ours, others in zip(values + gradients, other_values + other_gradients, strict=True):
        np.testing.assert_allclose(ours, others, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_inputs_are_not_changed(case: Case) -> None:
    before = [x.copy() for x in case.inputs]
    read_only = tuple(x.copy() for x in case.inputs)
    for x in read_only:
        x.flags.writeable = False
    values_and_gradients(case, read_only)
    for x, copy in zip(case.inputs, before, strict=True):
        np.testing.assert_array_equal(x, copy)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_float_type_is_kept(case: Case, dtype: type) -> None:
    values, gradients = values_and_gradients(case, tuple(x.astype(dtype) for x in case.inputs))
    assert [x.dtype for x in values + gradients] == [dtype] * (len(values) + len(gradients))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_float32_computes_the_same(case: Case) -> None:
    exact = values_and_gradients(case, case.inputs)[0]
    rounded = values_and_gradients(case, tuple(x.astype(np.float32) for x in case.inputs))[0]
    for a, b in zip(exact, rounded, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_have_the_shapes_of_inputs(case: Case) -> None:
    _, gradients = values_and_gradients(case, case.inputs)
    assert [g.shape for g in gradients] == [x.shape for x in case.inputs]


def sizes_of(argument: Argument, shape: tuple[int, ...]) -> dict[str, int]:
    """Size of every dimension that is a plain letter, or n times one."""
    letters = argument.sizes
    tail = shape[len(shape) - len(letters) :]
    sizes = {}
    for (factor, letter), size in zip(letters, tail, strict=True):
        if letter and factor in (0, 1):
            sizes[letter if factor else f"n{letter}"] = size
    return sizes


@pytest.mark.parametrize("case", CASES, ids=str)
def test_outputs_are_as_declared(case: Case) -> None:
    signature: Signature = OPERATIONS[case.operation].signature  # type: ignore[attr-defined]
    outputs = listed(case(*map(Tensor, case.inputs)))
    known = dict(case.sizes)
    if not signature.variadic:
        for argument, x in zip(signature.named(len(case.inputs)), case.inputs, strict=True):
            known |= {} if argument.any_shape else sizes_of(argument, x.shape)
        for name, argument in signature.data.items():
            if case.options.get(name) is not None and not argument.any_shape:
                known |= sizes_of(argument, np.shape(case.options[name]))
    if any(argument.name.startswith("*") for argument in signature.outputs):
        return
    assert len(outputs) == len(signature.outputs)
    for argument, y in zip(signature.outputs, outputs, strict=True):
        if argument.any_shape:
            continue
        if not argument.leading:
            assert y.ndim == len(argument.sizes)
        for letter, size in sizes_of(argument, y.shape).items():
            if letter.startswith("n") and letter != "n":
                assert size == known["n"] * known[letter[1:]]
            assert size == known.get(letter, size), letter
