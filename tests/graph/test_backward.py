"""The walk back: what arrives where, what is kept, what is freed."""

from __future__ import annotations

from threading import Thread
from typing import Any

import numpy as np
import pytest

import lexon
from lexon import ops
from lexon.errors import GraphError, NonFiniteError
from lexon.graph import Local, Node, Operation, RowGradient, Tensor


def neuron() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """sigmoid(w x + b) at x = 2, w = 0.5, b = -1: sigmoid(0)."""
    x, w, b = (Tensor(np.array(v), name=n) for v, n in ((2.0, "x"), (0.5, "w"), (-1.0, "b")))
    return ops.sigmoid(w * x + b), x, w, b


def node_of(tensor: Tensor) -> Node:
    assert tensor.node is not None
    return tensor.node


def test_one_neuron_by_hand() -> None:
    y, x, w, b = neuron()
    y.backward()
    assert y.item() == 0.5
    assert (x.grad, w.grad, b.grad) == (0.125, 0.5, 0.25)


def test_keep_arrays_stores_three_gradients_on_every_edge() -> None:
    y, _, w, _ = neuron()
    y.backward(8.0, keep="arrays")
    sigmoid = node_of(y)
    add = node_of(sigmoid.inputs[0])
    multiply = node_of(add.inputs[0])
    assert (sigmoid.upstream, sigmoid.local, sigmoid.downstream) == ((8,), (0.25,), (2,))
    assert (add.upstream, add.local, add.downstream) == ((2,), (1, 1), (2, 2))
    assert (multiply.upstream, multiply.local, multiply.downstream) == ((2,), (2, 0.5), (4, 1))
    assert w.grad == 4
    y.backward(8.0, keep="arrays")  # the graph is still there, and gradients add up
    assert w.grad == 8


def test_keep_norms_stores_their_lengths() -> None:
    x = Tensor(np.array([3.0, 4.0]))
    y = (x * 2.0).sum()
    y.backward(keep="norms")
    total, multiply = node_of(y), node_of(node_of(y).inputs[0])
    assert total.upstream == (1.0,) and total.local == (None,)
    np.testing.assert_allclose(total.downstream, (2**0.5,))
    np.testing.assert_allclose(multiply.local, (8**0.5, 5.0))
    np.testing.assert_allclose(multiply.downstream, (8**0.5, 7.0))
    assert all(isinstance(g, float) for g in (*multiply.upstream, *multiply.local))


def test_kept_local_gradients_have_the_shape_of_the_output() -> None:
    a, b = Tensor(np.ones((2, 1))), Tensor(np.ones(3))
    y = a + b
    y.sum().backward(keep="arrays")
    assert [g.shape for g in node_of(y).local] == [(2, 3), (2, 3)]
    assert [g.shape for g in node_of(y).downstream] == [(2, 1), (3,)]


def test_a_value_used_twice_gets_both_gradients() -> None:
    x = Tensor(np.array([1.0, 2.0]))
    y = ops.exp(x)
    (y * y + y * x).sum().backward()
    exact = 2 * np.exp(2 * x.value) + np.exp(x.value) * (x.value + 1)
    np.testing.assert_allclose(x.grad, exact)


def test_a_chain_of_shared_values_is_walked_once() -> None:
    """2**40 paths lead back to x, but only 40 nodes."""
    x = Tensor(np.array(1.0))
    y = x
    for _ in range(40):
        y = y + y
    y.backward()
    assert x.grad == 2.0**40


def test_a_graph_of_ten_thousand_steps() -> None:
    x = Tensor(np.array(1.0))
    y = x
    for _ in range(10_000):
        y = y + 1.0
    y.backward(keep="norms")
    assert x.grad == 1
    assert y.item() == 10_001
    del y  # taking the graph down must not overflow either


def test_gradients_add_up_over_walks() -> None:
    w = Tensor(np.array([1.0, 2.0]))
    (w * 3.0).sum().backward()
    (w * 4.0).sum().backward()
    np.testing.assert_array_equal(w.grad, [7, 7])


def test_the_graph_is_freed_and_says_so() -> None:
    y, *_ = neuron()
    y.backward()
    with pytest.raises(GraphError) as caught:
        y.backward()
    text = str(caught.value)
    assert text.startswith("backward: the graph behind sigmoid (test_backward.py:")
    assert "was freed by an earlier backward\n  call the earlier one with retain=True" in text


def test_a_freed_part_is_noticed_from_another_root() -> None:
    x = Tensor(np.array(2.0))
    shared = x * 3.0
    first, second = shared + 1.0, shared + 2.0
    first.backward()
    with pytest.raises(GraphError, match="behind multiply"):
        second.backward()
    assert x.grad == 3


def test_retain_keeps_the_graph() -> None:
    y, _, w, _ = neuron()
    y.backward(retain=True)
    y.backward()
    assert w.grad == 1.0


def test_freeing_lets_go_of_values() -> None:
    y, *_ = neuron()
    node = node_of(y)
    y.backward()
    assert node.freed and node.inputs == () and node.values == () and node.pull is None


def test_only_single_numbers_start_a_walk_alone() -> None:
    x = Tensor(np.ones((2, 3)))
    with pytest.raises(GraphError, match=r"shape \(2, 3\), not a single number"):
        (x * 2.0).backward()
    with pytest.raises(GraphError, match=r"upstream has shape \(3,\), the value \(2, 3\)"):
        (x * 2.0).backward(np.ones(3))


def test_nothing_to_do_is_an_error() -> None:
    with pytest.raises(GraphError, match="nothing here asks for a gradient"):
        ops.sum(np.ones(3)).backward()
    with pytest.raises(GraphError, match="nothing here asks for a gradient"):
        (Tensor(1.0) * 2.0).detach().backward()


def test_data_gets_no_gradient() -> None:
    w, x = Tensor(np.ones(2)), Tensor(np.ones(2), requires_grad=False)
    for keep in (None, "arrays"):
        (w * x).sum().backward(keep=keep)
        assert x.grad is None and w.grad is not None


def test_detach_cuts_the_graph() -> None:
    x = Tensor(np.array(3.0))
    (x * (x * x).detach()).backward()
    assert x.grad == 9


def test_a_source_is_its_own_graph() -> None:
    x = Tensor(np.array(3.0))
    x.backward()
    assert x.grad == 1


def test_no_grad_records_nothing() -> None:
    x = Tensor(np.array(3.0))
    with lexon.no_grad():
        assert (x * 2.0).node is None
        with lexon.no_grad():
            pass
        assert not (x * 2.0).requires_grad
    assert (x * 2.0).node is not None


def test_no_grad_ends_with_an_error() -> None:
    with pytest.raises(ZeroDivisionError), lexon.no_grad():
        raise ZeroDivisionError
    assert (Tensor(1.0) * 2.0).node is not None


def test_no_grad_is_of_one_thread() -> None:
    x, seen = Tensor(np.array(3.0)), []
    with lexon.no_grad():
        thread = Thread(target=lambda: seen.append((x * 2.0).node))
        thread.start()
        thread.join()
    assert seen[0] is not None


def test_an_unused_output_sends_zeros() -> None:
    x = Tensor(np.array([1.0, 2.0, 3.0]))
    _, used, _ = ops.split(x, sizes=(1, 1, 1))
    (used * 5.0).sum().backward()
    np.testing.assert_array_equal(x.grad, [0, 5, 0])


def test_outputs_of_one_operation_are_one_node() -> None:
    x = Tensor(np.array([1.0, 2.0]))
    first, second = ops.split(x, sizes=(1, 1))
    assert first.node is second.node and (first.output, second.output) == (0, 1)
    (first * 10.0 + second).sum().backward()
    np.testing.assert_array_equal(x.grad, [10, 1])


def test_the_way_back_runs_only_where_somebody_waits() -> None:
    asked: list[str] = []

    def product(a: Any, b: Any) -> Any:
        return a * b, Local(lambda: asked.append("a") or b, lambda: asked.append("b") or a)

    operation = Operation("a: *, b: * -> y: *", product)
    operation(Tensor(np.ones(2)), np.ones(2)).sum().backward()
    assert asked == ["a"]


def test_gradients_may_be_changed_in_place() -> None:
    """An optimiser clips them: no gradient may be a view of another, or of one number."""
    a, b, c = Tensor(np.ones(2)), Tensor(np.ones(3)), Tensor(np.ones(2))
    joined = ops.concatenate(a, b, c)
    joined.sum().backward()
    for x in (a, b, c):
        assert isinstance(x.grad, np.ndarray)
        assert x.grad.flags.writeable and x.grad.flags.c_contiguous
        x.grad *= 3
        np.testing.assert_array_equal(x.grad, 3)


def test_a_given_upstream_is_not_shared() -> None:
    x, upstream = Tensor(np.ones(2)), np.ones(2)
    x.backward(upstream)
    upstream *= 5
    np.testing.assert_array_equal(x.grad, 1)


def test_gradients_of_single_numbers_are_arrays() -> None:
    x = Tensor(np.array(2.0))
    (x * x + x).backward()
    assert isinstance(x.grad, np.ndarray) and x.grad == 5


def test_rows_and_dense_gradients_meet() -> None:
    table = Tensor(np.arange(8.0).reshape(4, 2))
    ops.lookup(table, ids=np.array([2, 2])).sum().backward()
    assert isinstance(table.grad, RowGradient)
    np.testing.assert_array_equal(table.grad.rows, [2])
    ops.lookup(table, ids=np.array([0, 2])).sum().backward()
    assert isinstance(table.grad, RowGradient)
    np.testing.assert_array_equal(table.grad.dense(), [[1, 1], [0, 0], [3, 3], [0, 0]])
    (table * 2.0).sum().backward()
    np.testing.assert_array_equal(table.grad, [[3, 3], [2, 2], [5, 5], [2, 2]])


def test_the_first_number_out_of_range_is_named() -> None:
    x = Tensor(np.array([1.0, 0.0]), name="x")
    y = (ops.log(x) * 2.0).sum()
    with pytest.raises(NonFiniteError) as caught:
        y.backward()
    assert "infinite first in the result of log (test_backward.py:" in str(caught.value)


def test_a_bad_input_is_named() -> None:
    x = Tensor(np.array([1.0, np.nan]), name="features")
    with pytest.raises(NonFiniteError, match="NaN first in the input or parameter features"):
        (x * 2.0).sum().backward()
