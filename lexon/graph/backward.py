"""The walk back through the graph, and what can be asked of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.errors import GraphError, NonFiniteError
from lexon.graph.node import Downstream, Local, Node, norm
from lexon.graph.rows import RowGradient
from lexon.graph.tensor import Array, Gradient, Keep, Tensor


def ordered(root: Tensor) -> list[Node]:
    """All nodes that lead to ``root``, inputs before what is computed from them.

    Iterative: a graph of ten thousand steps does not overflow the stack.
    """
    if root.node is None:
        return []
    order: list[Node] = []
    seen = {id(root.node)}
    stack = [(root.node, iter(root.node.inputs))]
    while stack:
        node, inputs = stack[-1]
        for tensor in inputs:
            source = tensor.node
            if source is not None and id(source) not in seen:
                seen.add(id(source))
                stack.append((source, iter(source.inputs)))
                break
        else:
            order.append(node)
            stack.pop()
    return order


def backward(
    root: Tensor,
    upstream: npt.ArrayLike | None = None,
    *,
    keep: Keep = None,
    retain: bool = False,
) -> None:
    """Backpropagation from ``root``; see :meth:`Tensor.backward`."""
    if keep not in (None, "arrays", "norms"):
        raise GraphError(f'backward: keep is {keep!r}\n  give "arrays", "norms" or None')
    dy = _start(root, upstream)
    nodes = ordered(root)
    _refuse_freed(nodes)
    if upstream is None and not math.isfinite(root.value.item()):
        raise NonFiniteError(describe_nonfinite(root))
    if root.node is None:
        _deliver(root, dy, {})
        return
    waiting: dict[int, list[Gradient | None]] = {}
    _deliver(root, dy, waiting)
    for node in reversed(nodes):
        arrived = waiting.pop(id(node), None)
        if arrived is None:
            continue
        upstreams = [_dense_or_zero(node, place, g) for place, g in enumerate(arrived)]
        downstreams = _pulled(node, upstreams, every_edge=keep is not None)
        if keep is not None:
            _remember(node, upstreams, downstreams, keep)
        for tensor, dx in zip(node.inputs, downstreams, strict=True):
            if dx is not None and tensor.requires_grad:
                _deliver(tensor, dx, waiting)
        if keep is None and not retain:
            node.free()


def _start(root: Tensor, upstream: npt.ArrayLike | None) -> Array:
    if not root.requires_grad:
        raise GraphError(
            "backward: nothing here asks for a gradient\n"
            "  the value was computed from data only, detached, or within no_grad()"
        )
    if upstream is None:
        if root.value.size != 1:
            raise GraphError(
                f"backward: the value has shape {root.shape}, not a single number\n"
                "  give the upstream gradient of that shape, or sum the value first"
            )
        return np.ones_like(root.value)
    dy = np.array(upstream, root.dtype)
    if dy.shape != root.shape:
        raise GraphError(f"backward: upstream has shape {dy.shape}, the value {root.shape}")
    return dy


def _refuse_freed(nodes: list[Node]) -> None:
    for node in nodes:
        if node.freed:
            raise GraphError(
                f"backward: the graph behind {node.operation} ({node.line}) was freed by an earlier"
                " backward\n  call the earlier one with retain=True, or compute the value again"
            )


def _dense_or_zero(node: Node, place: int, arrived: Gradient | None) -> Array:
    if arrived is None:
        return np.zeros_like(node.values[place])
    return arrived.dense() if isinstance(arrived, RowGradient) else arrived


def _pulled(node: Node, upstreams: list[Array], every_edge: bool) -> list[Gradient | None]:
    assert node.pull is not None
    answer = node.pull(*upstreams)
    promised = answer if isinstance(answer, (tuple, list)) else (answer,)
    downstreams: list[Gradient | None] = []
    for tensor, promise in zip(node.inputs, promised, strict=True):
        if not (every_edge or tensor.requires_grad):
            downstreams.append(None)
            continue
        dx = _kept(promise)
        if isinstance(dx, np.ndarray) and dx.shape != tensor.shape:
            dx = unbroadcast(dx, tensor.shape)
        downstreams.append(dx)
    return downstreams


def _kept(promise: Downstream) -> Gradient | None:
    dx = promise() if callable(promise) else promise
    return np.asarray(dx) if isinstance(dx, np.generic) else dx  # arithmetic on 0-d arrays


def unbroadcast(dx: Array, shape: tuple[int, ...]) -> Array:
    """Sum ``dx`` over the axes along which an input of ``shape`` was repeated."""
    extra = dx.ndim - len(shape)
    axes = (*range(extra), *(i + extra for i, n in enumerate(shape) if n == 1))
    summed: Array = dx.sum(axis=axes, keepdims=True).reshape(shape)
    return summed


def _deliver(tensor: Tensor, dx: Gradient, waiting: dict[int, list[Gradient | None]]) -> None:
    node = tensor.node
    if node is None:
        total = dx if tensor.grad is None else _sum(tensor.grad, dx)
        # A view (of another gradient, of one repeated number) is not what an optimiser may change.
        is_view = isinstance(total, np.ndarray) and total.base is not None
        tensor.grad = np.array(total, order="C") if is_view else total
        return
    slots = waiting.setdefault(id(node), [None] * len(node.values))
    before = slots[tensor.output]
    slots[tensor.output] = dx if before is None else _sum(before, dx)


def _sum(a: Gradient, b: Gradient) -> Gradient:
    both: Any = a + b
    return np.asarray(both) if isinstance(both, np.generic) else both


def _remember(
    node: Node, upstreams: list[Array], downstreams: list[Gradient | None], keep: Keep
) -> None:
    locals_: list[Any] = [None] * len(node.inputs)
    if isinstance(node.pull, Local):
        shape = node.values[0].shape
        locals_ = [np.broadcast_to(d(), shape) for d in node.pull.derivatives]
    if keep == "norms":
        node.upstream = tuple(norm(g) for g in upstreams)
        node.local = tuple(None if g is None else norm(g) for g in locals_)
        node.downstream = tuple(norm(g) for g in downstreams)
    else:
        node.upstream = tuple(upstreams)
        node.local = tuple(locals_)
        node.downstream = tuple(downstreams)


def first_nonfinite(root: Tensor) -> tuple[Node | None, Tensor] | None:
    """Where NaN or infinity began: ``(node, value)``, the node None for an input or parameter."""
    for node in ordered(root):
        for tensor in node.inputs:
            if tensor.node is None and not np.isfinite(tensor.value).all():
                return None, tensor
        for value in node.values:
            if not np.isfinite(value).all():
                return node, Tensor(value, node)
    return None if np.isfinite(root.value).all() else (None, root)


def describe_nonfinite(root: Tensor) -> str:
    """One sentence that names the node, module and line where NaN or infinity began."""
    found = first_nonfinite(root)
    if found is None:
        return "all values are finite"
    node, tensor = found
    what = "NaN" if np.isnan(tensor.value).any() else "infinite"
    if node is None:
        return f"{what} first in the input or parameter {tensor.name or '(unnamed)'}"
    place = f" in {node.path}" if node.path else ""
    return f"{what} first in the result of {node.operation}{place} ({node.line})"


def vjp(
    function: Callable[..., Tensor], *inputs: npt.ArrayLike
) -> tuple[Array, Callable[[npt.ArrayLike], tuple[Array, ...]]]:
    """Value of ``function`` and the map from an upstream gradient to the downstream ones.

    Equation: pull(u) = u . J, J the Jacobian of ``function`` at ``inputs``.
    """
    sources = [Tensor(np.array(x, copy=True) if isinstance(x, np.ndarray) else x) for x in inputs]
    result = function(*sources)

    def pull(upstream: npt.ArrayLike) -> tuple[Array, ...]:
        for source in sources:
            source.grad = None
        if result.requires_grad:
            backward(result, upstream, retain=True)
        return tuple(_gradient(source) for source in sources)

    return result.value, pull


def _gradient(source: Tensor) -> Array:
    if source.grad is None:
        return np.zeros_like(source.value)
    return source.grad.dense() if isinstance(source.grad, RowGradient) else source.grad


#: A Jacobian with more numbers than this is refused: it is for small functions.
LARGEST_JACOBIAN = 10_000_000


def jacobian(function: Callable[..., Tensor], *inputs: npt.ArrayLike) -> tuple[Array, ...]:
    """All partial derivatives of a small function, one array per input.

    Equation: J[i, j] = d y_i / d x_j. Shapes: (*y.shape, *x.shape).

    Raises:
        GraphError: the Jacobian would hold more than ten million numbers.
    """
    value, pull = vjp(function, *inputs)
    total = value.size * sum(np.size(x) for x in inputs)
    if total > LARGEST_JACOBIAN:
        raise GraphError(
            f"jacobian: it would hold {total:,} numbers\n  use vjp, or a smaller function"
        )
    rows = []
    for i in range(value.size):
        upstream = np.zeros(value.size, value.dtype)
        upstream[i] = 1
        rows.append(pull(upstream.reshape(value.shape)))
    return tuple(
        np.stack([row[k] for row in rows]).reshape((*value.shape, *np.shape(x)))
        if rows
        else np.zeros((*value.shape, *np.shape(x)), value.dtype)
        for k, x in enumerate(inputs)
    )


def jvp(
    function: Callable[..., Tensor],
    inputs: tuple[npt.ArrayLike, ...],
    directions: tuple[npt.ArrayLike, ...],
) -> Array:
    """Derivative of a small function along ``directions``, through its Jacobian.

    Equation: J . v, summed over the inputs.
    """
    parts = jacobian(function, *inputs)
    total = sum(
        np.tensordot(part, np.asarray(v), axes=np.ndim(v))
        for part, v in zip(parts, directions, strict=True)
    )
    return np.asarray(total)


def gradient_error(
    function: Callable[..., Tensor | tuple[Tensor, ...]],
    *inputs: Array,
    harm: Callable[[Array], Array] | None = None,
    step: float = 1e-6,
    seed: int = 0,
) -> float:
    """Largest relative gap between backpropagation and finite differences, in float64.

    Equation: u . (f(x + e v) - f(x - e v)) / 2e against v . pull(u), for random u and v, one v
    per input. ``harm`` damages each downstream gradient first: a check that does not notice is
    no check.
    """
    random = np.random.default_rng(seed)
    inputs = tuple(np.asarray(x, np.float64) for x in inputs)

    def total(*xs: Any) -> Tensor:
        outputs = function(*xs)
        listed = outputs if isinstance(outputs, tuple) else (outputs,)
        if not weights:
            weights.extend(random.normal(size=y.shape) for y in listed)
        parts = [(y * u).sum() for y, u in zip(listed, weights, strict=True)]
        return sum(parts[1:], parts[0])

    weights: list[Array] = []
    _, pull = vjp(total, *inputs)
    downs = [harm(g) if harm else g for g in pull(1.0)]
    gaps = [0.0]
    for k, down in enumerate(downs):
        v = random.normal(size=inputs[k].shape)
        ends = [
            total(*(x + sign * step * v if j == k else x for j, x in enumerate(inputs))).item()
            for sign in (1, -1)
        ]
        numeric, exact = (ends[0] - ends[1]) / (2 * step), float(np.vdot(v, down))
        scale = max(abs(numeric), abs(exact), float(np.linalg.norm(down)) * 1e-3, 1e-9)
        gaps.append(abs(numeric - exact) / scale)
    return float(np.max(gaps))  # unlike max(), this lets NaN through


def gradcheck(
    function: Callable[..., Tensor | tuple[Tensor, ...]],
    *inputs: Array,
    tolerance: float = 1e-6,
) -> float:
    """Check the gradients of ``function`` by finite differences and return the relative gap.

    Raises:
        GraphError: the gap is larger than ``tolerance``.
    """
    error = gradient_error(function, *inputs)
    if not error <= tolerance:
        raise GraphError(f"gradcheck: backpropagation is off by {error:.1e} (relative)")
    return error
