"""Look at a graph: as a table, as Graphviz text, as SVG, as one page for the browser.

All four work on a graph that has not been walked, and show more after
``loss.backward(keep="arrays")`` or ``keep="norms"``: on every edge the upstream gradient that
reaches its operation, the local gradient, and the downstream gradient passed on.

>>> import lexon
>>> x, w = lexon.Tensor([2.0], name="x"), lexon.Tensor([0.5], name="w")
>>> y = (w * x).sum()
>>> y.backward(keep="arrays")
>>> print(dot(y).splitlines()[-2].strip())
2 -> 3 [label="[1]\\nupstream 1\\nlocal Jacobian 1 × 1\\ndownstream [1]"];
"""

from __future__ import annotations

from copy import deepcopy
from html import escape
from inspect import signature
from typing import Any

import numpy as np

from lexon.errors import GraphError
from lexon.graph.backward import jacobian as jacobian_of
from lexon.graph.declare import Signature
from lexon.graph.drawing import draw
from lexon.graph.node import Node, norm
from lexon.graph.picture import Box, Picture, bytes_kept, number, picture, show_gradient
from lexon.graph.tensor import OPERATIONS, Array, Tensor

__all__ = ["dot", "html", "jacobian", "svg", "table"]

#: A drawing with more boxes than this is refused: nobody could read it.
LARGEST_DRAWING = 400
#: The page opens a fused operation only on inputs with at most so many numbers.
LARGEST_OPENED = 100_000

HEADINGS = (
    "node",
    "module",
    "output",
    "|upstream|",
    "local",
    "|downstream|",
    "bytes",
    "line",
)


def table(root: Tensor) -> str:
    """The graph behind ``root``, one line a node, as text in aligned columns.

    A node is written with the numbers of its inputs. ``local`` is the range of the local
    gradient (its norm after ``keep="norms"``), where the operation is elementwise. ``bytes`` are
    those the node keeps alive for the way back. Sources show their gradient as downstream.

    Raises:
        GraphError: the graph was freed.
    """
    rows = [HEADINGS, *_rows(picture(root))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = []
    for row in rows:
        cells = [
            text.rjust(width) if heading == "bytes" else text.ljust(width)
            for text, width, heading in zip(row, widths, HEADINGS, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def _rows(seen: Picture) -> list[tuple[str, ...]]:
    inputs: dict[int, list[str]] = {}
    for edge in seen.edges:
        inputs.setdefault(edge.head, []).append(str(edge.tail + 1))
    rows = []
    for place, box in enumerate(seen.boxes):
        if box.node is None:
            rows.append(_source_row(place, box))
        else:
            rows.append(_operation_row(place, box.node, inputs.get(place, [])))
    return rows


def _source_row(place: int, box: Box) -> tuple[str, ...]:
    tensor = box.tensor
    assert tensor is not None
    name = box.title if box.title == box.kind else f"{box.title} ({box.kind})"
    down = "" if tensor.grad is None else number(_norm(tensor.grad))
    shape, size = str(tensor.shape), f"{tensor.value.nbytes:,}"
    return (f"{place + 1} {name}", "", shape, "", "", down, size, "")


def _operation_row(place: int, node: Node, inputs: list[str]) -> tuple[str, ...]:
    return (
        f"{place + 1} {node.operation}({', '.join(inputs)})",
        node.path,
        " ".join(str(value.shape) for value in node.values),
        " ".join(number(_norm(g)) for g in node.upstream),
        " ".join("-" if g is None else _local(g) for g in node.local),
        " ".join("-" if g is None else number(_norm(g)) for g in node.downstream),
        f"{bytes_kept(node):,}",
        node.line,
    )


def _norm(gradient: Any) -> float:
    return gradient if isinstance(gradient, float) else norm(gradient)


def _local(local: Any) -> str:
    return show_gradient(local, True).replace(" ", "")  # one word: a column holds several


def dot(root: Tensor) -> str:
    """The graph behind ``root`` in the language of Graphviz.

    Raises:
        GraphError: the graph was freed.
    """
    seen = picture(root)
    lines = ["digraph graph_of_operations {", "  node [fontname=monospace];"]
    for place, box in enumerate(seen.boxes):
        shape = "box" if box.kind == "operation" else "ellipse"
        label = _quoted(box.title, *box.lines)
        lines.append(f"  {place} [shape={shape}, label={label}, tooltip={_quoted(box.note)}];")
    for edge in seen.edges:
        label = _quoted(edge.value, *edge.gradients)
        lines.append(f"  {edge.tail} -> {edge.head} [label={label}];")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(*lines: str) -> str:
    escaped = (
        line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for line in lines
    )
    return '"' + "\\n".join(escaped) + '"'


def svg(root: Tensor) -> str:
    """The graph behind ``root`` drawn from top to bottom, as an SVG document.

    Raises:
        GraphError: the graph was freed, or has more than 400 nodes.
    """
    return _drawn(picture(root))


def _drawn(seen: Picture) -> str:
    if len(seen.boxes) > LARGEST_DRAWING:
        raise GraphError(
            f"look: a drawing of {len(seen.boxes)} nodes could not be read\n"
            "  print look.table(...), or draw one shorter step"
        )
    return draw(seen)


STYLE = """
body { font-family: system-ui, sans-serif; margin: 2em; color: #222; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-family: ui-monospace, Menlo, Consolas, monospace;
        font-size: 12px; }
td, th { padding: 0.2em 0.8em; text-align: left; border-bottom: 1px solid #ddd;
         white-space: nowrap; }
"""


def html(root: Tensor, title: str = "Computational graph") -> str:
    """One page, complete without a network: drawing, table, and every fused operation opened.

    Raises:
        GraphError: the graph was freed, or has more than 400 nodes.
    """
    seen = picture(root)
    heads = "".join(f"<th>{escape(heading)}</th>" for heading in HEADINGS)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>\n"
        for row in _rows(seen)
    )
    parts = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
        f'<h1>{escape(title)}</h1>\n<div class="wide">{_drawn(seen)}</div>',
        f'<h2>Nodes</h2>\n<div class="wide"><table><tr>{heads}</tr>\n{rows}</table></div>',
        *_opened(seen),
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _opened(seen: Picture) -> list[str]:
    """For each fused operation, once, the same made of elementary operations."""
    parts: list[str] = []
    done: set[str] = set()
    for box in seen.boxes:
        node = box.node
        twin = None if node is None else getattr(OPERATIONS.get(node.operation), "twin", None)
        if node is None or twin is None or node.operation in done:
            continue
        done.add(node.operation)
        name = escape(node.operation)
        parts.append(f"<h2>{name}, opened</h2><p>{name} is one node; made of elementary")
        if sum(tensor.value.size for tensor in node.inputs) > LARGEST_OPENED:
            parts.append("operations it computes the same (too large to draw here).</p>")
            continue
        parts.append("operations it computes the same:</p>")
        known = signature(twin).parameters  # what only serves speed, the twin does not take
        options = {key: value for key, value in node.options.items() if key in known}
        outputs = twin(*_copies(node), **deepcopy(options))
        opened = picture(*(outputs if isinstance(outputs, tuple) else (outputs,)))
        if len(opened.boxes) > LARGEST_DRAWING:
            parts[-1] = (
                f"operations it computes the same ({len(opened.boxes)} of them: too many).</p>"
            )
            continue
        parts.append(f'<div class="wide">{_drawn(opened)}</div>')
    return parts


def _copies(node: Node) -> list[Tensor]:
    """The inputs of a node as source tensors with the names of its signature."""
    names = Signature(node.signature).names(len(node.inputs))
    return [
        Tensor(tensor.value, name=name, requires_grad=tensor.requires_grad)
        for tensor, name in zip(node.inputs, names, strict=True)
    ]


def jacobian(tensor: Tensor) -> tuple[Array, ...]:
    """The local Jacobians of the operation that computed ``tensor``, one per input; small ones.

    Equation: J[i, j] = d y_i / d x_j. Shapes: (*y.shape, *x.shape).

    Raises:
        GraphError: no operation computed it, its graph was freed, or the Jacobian is too large.
    """
    picture(tensor)  # refuses a freed graph
    if tensor.node is None:
        raise GraphError("look.jacobian: this is a source node: no operation computed it")
    node, output = tensor.node, tensor.output
    operation, options = OPERATIONS[node.operation], deepcopy(node.options)

    def once(*xs: Tensor) -> Any:
        result = operation(*xs, **options)
        return result[output] if isinstance(result, tuple) else result

    return jacobian_of(once, *(np.asarray(source.value) for source in node.inputs))
