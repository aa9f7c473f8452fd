"""What there is to see in a graph, as text: boxes for nodes, edges with values and gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lexon.errors import GraphError
from lexon.graph.backward import ordered
from lexon.graph.node import Local, Node, norm
from lexon.graph.parameter import Parameter
from lexon.graph.rows import RowGradient
from lexon.graph.tensor import Array, Tensor

#: Arrays with at most so many numbers are shown whole.
SMALL = 4


@dataclass(frozen=True)
class Box:
    """One node: a source (``input``, ``parameter``, ``data``) or an ``operation``."""

    kind: str
    title: str
    lines: tuple[str, ...]
    note: str
    tensor: Tensor | None
    node: Node | None


@dataclass(frozen=True)
class Edge:
    """A value on its way from box ``tail`` into box ``head``, and the gradients coming back."""

    tail: int
    head: int
    value: str
    gradients: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """Boxes, inputs before what is computed from them, and the edges between them."""

    boxes: list[Box]
    edges: list[Edge]


def picture(*roots: Tensor) -> Picture:
    """Everything that leads to ``roots``.

    Raises:
        GraphError: the graph was freed.
    """
    boxes: list[Box] = []
    edges: list[Edge] = []
    places: dict[int, int] = {}
    for node in _nodes(roots):
        for tensor in node.inputs:
            if tensor.node is None and id(tensor) not in places:
                places[id(tensor)] = len(boxes)
                boxes.append(_source(tensor))
        places[id(node)] = head = len(boxes)
        boxes.append(_operation(node))
        for place, tensor in enumerate(node.inputs):
            tail = places[id(tensor.node or tensor)]
            edges.append(Edge(tail, head, show(tensor.value), _gradients(node, place)))
    for root in roots:
        if root.node is None and id(root) not in places:
            places[id(root)] = len(boxes)
            boxes.append(_source(root))
    return Picture(boxes, edges)


def _nodes(roots: tuple[Tensor, ...]) -> Iterator[Node]:
    seen: set[int] = set()
    for root in roots:
        for node in ordered(root):
            if node.freed:
                raise GraphError(
                    f"look: the graph behind {node.operation} ({node.line}) was freed by backward\n"
                    '  look before it, or call backward(keep="arrays") or backward(retain=True)'
                )
            if id(node) not in seen:
                seen.add(id(node))
                yield node


def _source(tensor: Tensor) -> Box:
    kind = "data"
    if tensor.requires_grad:
        kind = "parameter" if isinstance(tensor, Parameter) else "input"
    lines = [show(tensor.value)]
    if tensor.grad is not None:
        lines.append(f"gradient {show_gradient(tensor.grad)}")
    return Box(kind, tensor.name or kind, tuple(lines), f"{kind} {tensor.shape}", tensor, None)


def _operation(node: Node) -> Box:
    lines = [", ".join(show(value) for value in node.values)]
    if node.path:
        lines.append(node.path)
    note = f"{node.operation}({node.signature})\n{node.line}"
    return Box("operation", node.operation, tuple(lines), note, None, node)


def _gradients(node: Node, place: int) -> tuple[str, ...]:
    """The lines on the edge into input ``place``: upstream x local = downstream."""
    if not node.upstream:
        return ()
    upstream, local, downstream = node.upstream, node.local[place], node.downstream[place]
    three = (*upstream, local, downstream)
    if len(upstream) == 1 and all(isinstance(g, np.ndarray) and g.size == 1 for g in three):
        u, d, x = (number(g.item()) for g in three)
        return (f"{u} × {d} = {x}",)
    if local is None:
        outputs = sum(value.size for value in node.values)
        matrix = f"{outputs} × {node.inputs[place].value.size}"
    return (
        "upstream " + ", ".join(show_gradient(u) for u in upstream),
        f"local Jacobian {matrix}" if local is None else f"local {show_gradient(local, True)}",
        f"downstream {show_gradient(downstream)}",
    )


def number(x: float) -> str:
    """A number in at most four digits."""
    return f"{x:.4g}"


def show(value: Array) -> str:
    """The numbers of a small array, the shape of a larger one."""
    return _brackets(value.tolist()) if 0 < value.size <= SMALL else str(value.shape)


def _brackets(nested: Any) -> str:
    if isinstance(nested, list):
        return "[" + ", ".join(_brackets(part) for part in nested) + "]"
    return number(nested)


def show_gradient(gradient: Any, local: bool = False) -> str:
    """The numbers of a small gradient; else its norm, or from where to where a local one goes."""
    if gradient is None:
        return "none"
    if isinstance(gradient, float):
        return f"‖{number(gradient)}‖"
    if isinstance(gradient, RowGradient):
        return f"{len(gradient.rows)} of {gradient.shape[0]} rows ‖{number(norm(gradient))}‖"
    if 0 < gradient.size <= SMALL:
        return show(gradient)
    if local and gradient.size:
        low, high = number(gradient.min()), number(gradient.max())
        return low if low == high else f"{low} .. {high}"
    return f"‖{number(norm(gradient))}‖"


def bytes_kept(node: Node) -> int:
    """Bytes that the node keeps alive: its values, and what its way back remembers.

    Arrays of its inputs are counted where they were made.
    """
    elsewhere = {id(_owner(tensor.value)) for tensor in node.inputs}
    found = {id(_owner(value)): _owner(value) for value in node.values}
    waiting: list[Any] = [node.pull]
    seen: set[int] = set()
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, np.ndarray):
            found.setdefault(id(_owner(thing)), _owner(thing))
        else:
            waiting.extend(_parts(thing))
    return sum(array.nbytes for key, array in found.items() if key not in elsewhere)


def _owner(array: Array) -> Array:
    """The array whose memory a view looks into."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _parts(thing: Any) -> list[Any]:
    if isinstance(thing, Local):
        return list(thing.derivatives)
    if isinstance(thing, (tuple, list)):
        return list(thing)
    if isinstance(thing, dict):
        return list(thing.values())
    cells = getattr(thing, "__closure__", None) or ()
    return [cell.cell_contents for cell in cells]
