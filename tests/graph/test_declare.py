"""Declaring operations: signatures, what they refuse, and what nodes remember."""

from __future__ import annotations

import doctest
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lexon
import lexon.graph
from lexon import ops
from lexon.errors import GraphError, NonFiniteError, ShapeError
from lexon.graph import OPERATIONS, Operation, Tensor
from lexon.graph.node import inside


def project(x: Any, w: Any) -> Any:
    return x @ w.T, lambda dy: (dy @ w, dy.T @ x)


PROJECT = Operation("x: N D, w: H D -> y: N H", project)


class Module:
    """As much of a module as nodes and errors look at."""

    def __init__(self, text: str = "", **children: Module) -> None:
        self.text = text
        self.children = children

    def __repr__(self) -> str:
        return self.text

    def named_children(self) -> Iterator[tuple[str, Any]]:
        yield from self.children.items()

    def was_given(self, x: Any) -> str:
        return f"was given {x.shape[1]} columns"


LINEAR = Module("Linear(in_features=256)")
ENCODER = Module("Encoder()", project=LINEAR)
NETWORK = Module("Network()", other=Module(), encoder=ENCODER)


def side_by_side(x: Any, *weights: Any) -> Any:
    each = zip(weights[::2], weights[1::2], strict=True)
    return np.concatenate([x @ w.T + b for w, b in each], axis=1), None


SEVERAL = Operation(
    "x: N D, h: N n, [w: H D, b: H]+ -> y: N nH", lambda x, _, *ws: side_by_side(x, *ws)
)


def test_inputs_may_be_given_again_and_again() -> None:
    random = np.random.default_rng(1)
    x, w, b, u = random.normal(size=(2, 3)), random.normal(size=(5, 3)), np.arange(5.0), np.ones(5)
    one, two = np.ones((2, 1)), np.ones((2, 2))
    np.testing.assert_array_equal(SEVERAL(x, one, w, b).value, x @ w.T + b)
    both = np.concatenate([x @ w.T + b, 2 * x @ w.T + u], axis=1)
    np.testing.assert_allclose(SEVERAL(x, two, w, b, 2 * w, u).value, both)
    assert SEVERAL.signature.names(6) == ["x", "h", "w[0]", "b[0]", "w[1]", "b[1]"]
    with pytest.raises(ShapeError, match="H is 5 in one argument and 4 in another"):
        SEVERAL(x, two, w, b, w, np.ones(4))
    with pytest.raises(ShapeError, match="n is 1 in one argument and 2 in another"):
        SEVERAL(x, two, w, b)
    for given in ((x, one), (x, one, w), (x, two, w, b, w)):
        told = rf"takes x, h, and w, b for each direction or part: it was given {len(given)}"
        with pytest.raises(GraphError, match=told):
            SEVERAL(*given)


def test_as_often_as_a_group_is_a_size() -> None:
    wide = Operation("x: N nH, [w: H D]+ -> y: N nH", lambda x, *_: (x, None))
    w = np.ones((5, 3))
    assert wide(np.ones((2, 10)), w, w).shape == (2, 10)
    with pytest.raises(ShapeError, match="H is 2 in one argument and 5 in another"):
        wide(np.ones((2, 4)), w, w)
    with pytest.raises(ShapeError, match="7 is not 2 x H"):
        wide(np.ones((2, 7)), w, w)


def test_a_shape_error_tells_rule_values_and_place() -> None:
    x, w = np.zeros((32, 300)), np.zeros((128, 256))
    with (
        pytest.raises(ShapeError) as caught,
        inside(NETWORK, (x,)),
        inside(ENCODER, (x,)),
        inside(LINEAR, (x,)),
    ):
        PROJECT(x, w)
    assert str(caught.value) == (
        "project: D is 300 in one argument and 256 in another\n"
        "  x (N, D) = (32, 300)\n"
        "  w (H, D) = (128, 256)\n"
        "in encoder.project: Linear(in_features=256) was given 300 columns"
    )


def test_a_shape_error_outside_modules_and_in_the_outermost() -> None:
    x = np.zeros((3, 2))
    with pytest.raises(ShapeError) as caught:
        PROJECT(x, np.zeros((4, 5)))
    assert str(caught.value).endswith("  w (H, D) = (4, 5)")
    with pytest.raises(ShapeError) as caught, inside(LINEAR, (x,)):
        PROJECT(x, np.zeros((4, 5)))
    assert str(caught.value).endswith("in the network: Linear(in_features=256) was given 2 columns")


def unchanged(*arrays: Any, **options: Any) -> Any:
    return arrays[0], lambda dy: (dy, *(None for _ in arrays[1:]))


REFUSED: list[tuple[str, list[tuple[int, ...]], dict[str, Any], str]] = [
    ("x: N D -> y: N D", [(3,)], {}, "unchanged: x has 1 dimensions, not 2\n  x (N, D) = (3,)"),
    ("x: ... D -> y: ... D", [()], {}, "x has 0 dimensions, not at least 1"),
    ("x: D, r: 4H D -> y: D", [(2,), (6, 2)], {}, "6 is not 4 x H\n  r (4H, D) = (6, 2)"),
    ("x: 4H D, r: 3H -> y: *", [(8, 2), (9,)], {}, "H is 2 in one argument and 3 in another"),
    ("x: 2 D -> y: 2 D", [(3, 5)], {}, "3 is not 2\n  x (2, D) = (3, 5)"),
    ("x: N N -> y: N N", [(3, 5)], {}, "N is 3 in one argument and 5 in another"),
    ("x: B D | lengths: B -> y: *", [(3, 5)], {"lengths": [1, 2]}, "B is 3 in one argument and 2"),
]


@pytest.mark.parametrize(("signature", "shapes", "options", "text"), REFUSED)
def test_signatures_refuse(
    signature: str, shapes: list[tuple[int, ...]], options: dict[str, Any], text: str
) -> None:
    with pytest.raises(ShapeError) as caught:
        Operation(signature, unchanged)(*map(np.zeros, shapes), **options)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("signature", "shapes"),
    [
        ("x: N D -> y: N D", [(0, 0)]),
        ("x: ... D, w: D -> y: *", [(2, 3, 4), (4,)]),
        ("x: 4H D, r: 3H -> y: *", [(8, 2), (6,)]),
        ("*xs: * -> y: *", [(8, 2), (6,), ()]),
        ("x: * | lengths: B -> y: *", [(8, 2)]),
    ],
)
def test_signatures_accept(signature: str, shapes: list[tuple[int, ...]]) -> None:
    x, *_ = arrays = [np.zeros(shape) for shape in shapes]
    assert Operation(signature, unchanged)(*arrays).shape == x.shape


def test_the_number_of_arrays_is_checked() -> None:
    with pytest.raises(GraphError, match="project takes x, w: it was given 1 arrays"):
        PROJECT(np.zeros((3, 2)))


def test_mixed_float_types_are_refused() -> None:
    with pytest.raises(GraphError) as caught:
        Tensor(np.ones(2)) * Tensor(np.ones(2, np.float32))
    assert str(caught.value).startswith("multiply: its inputs are float32 and float64\n")


def test_data_takes_the_type_of_tensors() -> None:
    assert (Tensor(np.ones(2, np.float32)) * np.ones(2)).dtype == np.float32
    assert (Tensor(np.ones(1)) * 0.1).item() == 0.1
    assert ops.exp(np.float64(0.1)).dtype == np.float64
    assert ops.exp([1, 2]).dtype == np.float32
    assert Tensor([1, 2]).dtype == Tensor(1.5).dtype == np.float32
    assert Tensor(np.arange(3)).dtype == np.float32


def test_array_times_tensor_is_one_operation() -> None:
    y = np.ones(3) * Tensor(np.ones(3))
    assert isinstance(y, Tensor) and y.node is not None and y.node.operation == "multiply"


def test_operators_and_methods() -> None:
    a, b = np.array([[1.0, 2.0]]), np.array([[3.0, 5.0]])
    x, y = Tensor(a), Tensor(b)
    pairs = [
        (x + y, a + b), (x - y, a - b), (x * y, a * b), (x / y, a / b), (-x, -a), (x**3, a**3),
        (2 + x, 2 + a), (2 - x, 2 - a), (2 * x, 2 * a), (2 / x, 2 / a), (x @ y.T, a @ b.T),
        (a @ y.T, a @ b.T), (x[0], a[0]), (x.T, a.T), (x.sum(0), a.sum(0)), (x.max(), a.max()),
        (x.mean(1, True), a.mean(1, keepdims=True)), (x.reshape(2, 1), a.reshape(2, 1)),
        (x.exp(), np.exp(a)), (x.log(), np.log(a)), (x.sqrt(), np.sqrt(a)),
        (x.tanh(), np.tanh(a)), (x.sigmoid(), 1 / (1 + np.exp(-a))), ((x - 2).relu(), [[0, 0]]),
    ]  # fmt: skip
    for ours, numpys in pairs:
        np.testing.assert_allclose(ours.value, numpys)


def test_nodes_know_module_and_line() -> None:
    x = Tensor(np.ones((1, 2)))
    with inside(NETWORK, (x,)), inside(ENCODER, (x,)), inside(LINEAR, (x,)):
        y = PROJECT(x, np.ones((1, 2)))
    assert y.node is not None
    assert y.node.path == "encoder.project"
    assert y.node.line.startswith("test_declare.py:")
    text = Path(__file__).read_text().splitlines()[y.node.frame[1] - 1]
    assert "y = PROJECT(x" in text
    assert (x * 2.0).node.path == ""  # type: ignore[union-attr]


def test_a_number_out_of_range_is_named_with_its_module() -> None:
    x = Tensor(np.array([0.0]))
    with inside(NETWORK, (x,)), inside(ENCODER, (x,)):
        y = ops.log(x)
    with pytest.raises(NonFiniteError, match=r"result of log in encoder \(test_declare.py:\d+\)"):
        y.backward()


def test_composed_twins_are_registered() -> None:
    operation = Operation("x: * -> y: *", unchanged)
    assert operation.twin is None

    @operation.composed
    def twin(x: Any) -> Any:
        return x

    assert operation.twin is twin


def test_an_operation_that_is_not_declared() -> None:
    from lexon.graph.tensor import apply

    with pytest.raises(GraphError, match="no operation is called 'fourier'"):
        apply("fourier", 1.0)


def test_operations_show_their_signature() -> None:
    assert repr(PROJECT) == "project(x: N D, w: H D -> y: N H)"
    assert OPERATIONS["sum"].__name__ == "sum_"


def test_tensors_show_what_they_are() -> None:
    x = Tensor([1.0, 2.0], name="x")
    assert repr(x) == "Tensor(x: [1. 2.])"
    assert repr(x * x) == "Tensor([1. 4.] = multiply(...))"


MODULES = sorted(path.stem for path in Path(lexon.graph.__file__).parent.glob("[!_]*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(module: str) -> None:
    assert doctest.testmod(import_module(f"lexon.graph.{module}")).failed == 0
