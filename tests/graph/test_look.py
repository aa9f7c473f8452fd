"""Looking at a graph: table, Graphviz, SVG, page. What is drawn is what is there."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lexon
from lexon import ops
from lexon.errors import GraphError
from lexon.graph import OPERATIONS, Operation, Parameter, Tensor, look
from lexon.graph.layout import Cell, Layout, arrange
from lexon.graph.node import inside
from lexon.graph.picture import bytes_kept, picture
from tests.graph.test_declare import ENCODER, NETWORK

SVG = "{http://www.w3.org/2000/svg}"


def neuron() -> Tensor:
    """sigmoid(w x + b) = 0.5, with dw = 0.5, dx = 0.125, db = 0.25."""
    x = Tensor(np.array(2.0), name="x")
    w, b = Parameter(np.array(0.5), name="w"), Parameter(np.array(-1.0), name="b")
    return ops.sigmoid(w * x + b)


def cells(line: str) -> list[str]:
    return re.split(r"  +", line.strip())


def test_table_of_a_neuron() -> None:
    y = neuron()
    y.backward(keep="arrays")
    lines = look.table(y).splitlines()
    assert cells(lines[0]) == [
        *("node", "module", "output", "|upstream|", "local", "|downstream|", "bytes", "line"),
    ]
    assert [cells(line)[:-1] for line in lines[1:]] == [
        ["1 w (parameter)", "()", "0.5"],
        ["2 x (input)", "()", "0.125"],
        ["3 multiply(1, 2)", "()", "0.25", "2 0.5", "0.5 0.125", "8"],
        ["4 b (parameter)", "()", "0.25"],
        ["5 add(3, 4)", "()", "0.25", "1 1", "0.25 0.25", "8"],
        ["6 sigmoid(5)", "()", "1", "0.25", "0.25", "8"],
    ]
    assert all("test_look.py:" in line for line in (lines[3], lines[5], lines[6]))


def test_table_is_aligned() -> None:
    y = neuron()
    y.backward(keep="arrays")
    lines = look.table(y).splitlines()
    for heading, value in (("output", "()"), ("|upstream|", "0.25"), ("line", "test_look")):
        assert lines[3].index(value, lines[0].index(heading)) == lines[0].index(heading)


def test_table_of_larger_arrays() -> None:
    x = Tensor(np.linspace(-1.0, 1.0, 6).reshape(2, 3), name="x")
    y = ops.tanh(x).sum()
    y.backward(keep="arrays")
    lines = look.table(y).splitlines()
    assert cells(lines[1])[:2] == ["1 x (input)", "(2, 3)"]
    assert cells(lines[2])[:4] == ["2 tanh(1)", "(2, 3)", "2.449", "0.42..0.961"]
    assert cells(lines[3])[:4] == ["3 sum(2)", "()", "1", "-"]


def test_before_the_walk_there_are_values_but_no_gradients() -> None:
    y = neuron()
    assert "sigmoid" in look.table(y) and "0.125" not in look.table(y)
    assert "×" not in look.dot(y)
    assert "gradient 0" not in look.svg(y)
    assert "0.5" in look.svg(y)


def test_norms_are_marked_as_norms() -> None:
    x = Tensor(np.array([3.0, 4.0]))
    y = (x * 1.0).sum()
    y.backward(keep="norms")
    assert "downstream ‖1.414‖" in look.dot(y)
    assert "‖1.414‖" in look.table(y)


def test_dot_of_a_neuron() -> None:
    y = neuron()
    y.backward(keep="arrays")
    text = look.dot(y)
    assert text.startswith("digraph ") and text.endswith("}\n")
    assert '0 [shape=ellipse, label="w\\n0.5\\ngradient 0.5", tooltip="parameter ()"];' in text
    edges = re.findall(r"(\d) -> (\d) \[label=\"(.*?)\"\]", text)
    assert edges == [
        ("0", "2", "0.5\\n0.25 × 2 = 0.5"),
        ("1", "2", "2\\n0.25 × 0.5 = 0.125"),
        ("2", "4", "1\\n0.25 × 1 = 0.25"),
        ("3", "4", "-1\\n0.25 × 1 = 0.25"),
        ("4", "5", "0\\n1 × 0.25 = 0.25"),
    ]


def test_names_are_escaped() -> None:
    x = Tensor(np.array(1.0), name='a<b> & "c"\\\x00')
    y = x * 2.0
    assert '"a<b> & \\"c\\"\\\\' in look.dot(y)
    texts = [text.text for text in ElementTree.fromstring(look.svg(y)).iter(f"{SVG}text")]
    assert 'a<b> & "c"\\?' in texts
    assert "a<b>" not in look.html(y)


def test_svg_shows_every_node_and_every_edge() -> None:
    y = neuron()
    y.backward(keep="arrays")
    root = ElementTree.fromstring(look.svg(y))
    texts = [text.text for text in root.iter(f"{SVG}text")]
    for wanted in ("w", "x", "b", "multiply", "add", "sigmoid", "0.25 × 0.5 = 0.125"):
        assert texts.count(wanted) == 1, wanted
    assert len(root.findall(f"./{SVG}g/{SVG}path")) == 5
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    group = root.find(f"./{SVG}g")
    assert group is not None
    right, down = map(float, re.findall(r"-?[\d.]+", group.attrib["transform"]))
    for text in group.iter(f"{SVG}text"):
        assert 0 < float(text.attrib["x"]) + right < width
        assert 0 < float(text.attrib["y"]) + down < height


def test_module_and_line_are_shown() -> None:
    with inside(NETWORK, ()), inside(ENCODER, ()):
        y = neuron()
    svg = look.svg(y)
    assert svg.count(">encoder</text>") == 3
    assert look.table(y).count("  encoder  ") == 3
    titles = [title.text or "" for title in ElementTree.fromstring(svg).iter(f"{SVG}title")]
    assert any(re.fullmatch(r"add\(a: .*\)\ntest_look.py:\d+", title) for title in titles)


def test_several_outputs_and_shared_nodes() -> None:
    x = Tensor(np.arange(6.0), name="x")
    first, second = ops.split(x, sizes=(2, 4))
    y = first.sum() * second.sum() + first.mean()
    y.backward(keep="arrays")
    text = look.dot(y)
    assert text.count('label="split') == 1
    assert "(6,)\\nupstream [14.5, 14.5], [1, 1, 1, 1]\\nlocal Jacobian 6 × 6" in text
    ElementTree.fromstring(look.svg(y))


def test_row_gradients_are_shown() -> None:
    table = Parameter(np.ones((50, 2)), name="words")
    y = ops.lookup(table, ids=np.array([3, 3, 7])).sum()
    y.backward(keep="arrays")
    assert "gradient 2 of 50 rows ‖3.162‖" in look.dot(y)
    assert "2 of 50 rows" in look.svg(y)
    assert "3.162" in look.table(y)


def test_html_opens_fused_operations() -> None:
    x, w, b = (
        Tensor(np.ones(shape), name=n) for shape, n in (((2, 3), "x"), ((4, 3), "w"), (4, "b"))
    )
    y = ops.softmax(ops.linear(x, w, b, panels=None)).sum()  # panels: not for the twin
    y.backward(keep="arrays")
    page = look.html(y, title="A <page>")
    assert "<title>A &lt;page&gt;</title>" in page
    assert page.count("<svg") == 3
    assert "linear, opened" in page and "softmax, opened" in page
    opened = page[page.index("softmax, opened") :]
    for operation in ("exp", "max", "divide"):
        assert f">{operation}</text>" in opened
    ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>"))
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_html_does_not_draw_with_the_generator_of_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def noisy(x: Any, *, rng: np.random.Generator) -> Any:
        return x + rng.normal(size=x.shape), lambda dy: dy

    operation = Operation("x: * -> y: *", noisy)
    operation.composed(lambda x, *, rng: ops.add(x, rng.normal(size=x.shape)))
    monkeypatch.setitem(OPERATIONS, "noisy", operation)
    rng = np.random.default_rng(0)
    y = operation(Tensor(np.ones(5)), rng=rng)
    state = rng.bit_generator.state
    assert "noisy, opened" in look.html(y)
    assert rng.bit_generator.state == state


def test_what_several_roots_share_is_drawn_once() -> None:
    shared = ops.exp(Tensor(np.ones(2)))
    seen = picture(shared * 2.0, shared * 3.0)
    assert [box.title for box in seen.boxes].count("exp") == 1
    assert len(seen.edges) == 5


def test_a_freed_graph_cannot_be_seen() -> None:
    y = neuron()
    y.backward()
    for view in (look.table, look.dot, look.svg, look.html, look.jacobian):
        with pytest.raises(GraphError, match="was freed by backward\n  look before it") as caught:
            view(y)
        assert 'keep="arrays"' in str(caught.value)


def test_a_source_alone_can_be_seen() -> None:
    x = Tensor(np.array(3.0), name="x")
    assert "1 x (input)" in look.table(x)
    ElementTree.fromstring(look.svg(x))


def test_a_drawing_nobody_could_read_is_refused() -> None:
    y = Tensor(np.array(1.0))
    for _ in range(300):
        y = y + 1.0
    with pytest.raises(GraphError, match=r"a drawing of 601 nodes .*\n  print look.table"):
        look.svg(y)
    assert len(look.table(y).splitlines()) == 602


def test_local_jacobians_on_request() -> None:
    x = Tensor(np.array([0.5, -1.0, 2.0]))
    y = ops.softmax(x)
    (J,) = look.jacobian(y)
    np.testing.assert_allclose(J, np.diag(y.value) - np.outer(y.value, y.value))
    _, second = ops.split(x, sizes=(1, 2))
    np.testing.assert_array_equal(look.jacobian(second)[0], [[0, 1, 0], [0, 0, 1]])
    with pytest.raises(GraphError, match="source node"):
        look.jacobian(x)


def test_bytes_kept() -> None:
    x = Tensor(np.ones(10))
    for y, size in (
        (x * 2.0, 80),  # its value; both factors were there before
        (ops.relu(x), 80),
        (ops.gelu(x), 160),  # its value and the distribution
        (ops.dropout(x, rate=0.5, rng=np.random.default_rng(0)), 90),  # and a mask
        (x[2:4], 0),  # a view of its input
        (ops.softmax(x), 80),
    ):
        assert y.node is not None and bytes_kept(y.node) == size, y.node.operation


def test_look_is_reached_from_the_top() -> None:
    assert lexon.look is look


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[tuple[float, float]], list[tuple[int, int]]]:
    count = draw(st.integers(1, 25))
    size = st.tuples(st.floats(10, 200), st.floats(10, 60))
    edges = [
        (draw(st.integers(0, head - 1)), head)
        for head in range(1, count)
        for _ in range(draw(st.integers(0, 3)))
    ]
    return [draw(size) for _ in range(count)], edges


def placed(layout: Layout) -> list[Cell]:
    return [*layout.boxes, *layout.labels, *(c for path in layout.paths for c in path[1:-2])]


@given(graphs())
def test_nothing_is_drawn_over_anything(
    graph: tuple[list[tuple[float, float]], list[tuple[int, int]]],
) -> None:
    boxes, edges = graph
    layout = arrange(boxes, edges, [(40.0, 30.0)] * len(edges))
    found = placed(layout)
    for place, a in enumerate(found):
        assert a.width / 2 - 1e-6 <= a.x <= layout.width - a.width / 2 + 1e-6
        assert a.height / 2 - 1e-6 <= a.y <= layout.height - a.height / 2 + 1e-6
        for b in found[:place]:
            beside = abs(a.x - b.x) >= (a.width + b.width) / 2
            apart = abs(a.y - b.y) >= (a.height + b.height) / 2
            assert beside or apart
    tallest: dict[int, float] = {}
    for cell in found:
        tallest[cell.layer] = max(cell.height, tallest.get(cell.layer, 0.0))
    for path in layout.paths:
        assert all(bend.height == tallest[bend.layer] for bend in path[1:-2])
        assert [cell.layer for cell in path] == list(range(path[0].layer, path[-1].layer + 1))


def test_a_chain_is_drawn_straight() -> None:
    """Parameters stand beside the chain of operations and do not push it about."""
    edges = [edge for step in range(0, 20, 2) for edge in ((step, step + 2), (step + 1, step + 2))]
    layout = arrange([(60.0, 30.0)] * 21, edges, [(90.0, 30.0)] * len(edges))
    chain = [layout.boxes[place].x for place in range(2, 21, 2)]
    assert max(abs(a - b) for a, b in pairwise(chain)) < 30


def test_an_operation_that_opened_is_too_large_stays_closed() -> None:
    x, h0 = Tensor(np.ones((60, 2))), np.zeros((1, 1, 3))
    weights = np.ones((3, 2)), np.ones((3, 3)), np.ones(3)
    h, _ = ops.rnn(x, h0, *weights, lengths=[60])
    page = look.html(h.sum())
    assert "rnn, opened" in page and "too many" in page
    names = look._copies(h.node)  # type: ignore[arg-type]
    assert [tensor.name for tensor in names] == ["x", "h0", "w", "u", "b"]
