"""A picture of a graph as SVG: no program and no network needed."""

from __future__ import annotations

import re
from html import escape
from itertools import pairwise

from lexon.graph.layout import Cell, Layout, Size, arrange
from lexon.graph.picture import Box, Edge, Picture

FONT = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
LETTER = 0.62  # width of a monospaced letter, in parts of its size
TITLE, SMALL_TEXT = 13.0, 11.0
LINE = 1.35  # height of a line, in parts of its letters
MARGIN = 16.0
LEGEND = 34.0

#: Fill and edge of each kind of box.
COLOURS = {
    "input": ("#e3f0fb", "#2f6fa7"),
    "parameter": ("#fdf1d7", "#a8741a"),
    "data": ("#efefef", "#7d7d7d"),
    "operation": ("#ffffff", "#333333"),
}
VALUE, GRADIENT = "#222222", "#b3261e"


def draw(picture: Picture) -> str:
    """The picture as one SVG element."""
    layout = arrange(
        [_box_size(box) for box in picture.boxes],
        [(edge.tail, edge.head) for edge in picture.edges],
        [_label_size(edge) for edge in picture.edges],
    )
    width = max(layout.width, LETTER * SMALL_TEXT * 66) + 2 * MARGIN
    height = layout.height + 2 * MARGIN + LEGEND
    shift = (width - layout.width) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" font-family="{FONT}">',
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
        ' markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#777777"/>'
        "</marker></defs>",
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
        f'<g transform="translate({shift:.1f} {MARGIN})">',
        *_edges(layout, picture),
        *(_box(b, c) for b, c in zip(picture.boxes, layout.boxes, strict=True)),
        "</g>",
        *_legend(height),
        "</svg>",
    ]
    return "\n".join(parts)


def _box_size(box: Box) -> Size:
    letters = max(len(box.title) * TITLE, *(len(line) * SMALL_TEXT for line in box.lines))
    return letters * LETTER + 20, (TITLE + SMALL_TEXT * len(box.lines)) * LINE + 12


def _label_size(edge: Edge) -> Size:
    lines = (edge.value, *edge.gradients)
    letters = max(len(line) for line in lines) * SMALL_TEXT
    return letters * LETTER + 8, len(lines) * SMALL_TEXT * LINE + 4


def _edges(layout: Layout, picture: Picture) -> list[str]:
    lines = [_path(cells) for cells in layout.paths]
    labels = [_label(e, c) for e, c in zip(picture.edges, layout.labels, strict=True)]
    return lines + labels  # labels last: no line runs over a text


def _path(cells: list[Cell]) -> str:
    first, *between, last = cells
    points = [(first.x, first.y + first.height / 2)]
    for cell in between:
        # Straight through the label's height, so that the line leaves it where the eye expects.
        points += [(cell.x, cell.y - cell.height / 2), (cell.x, cell.y + cell.height / 2)]
    reach = min(0.35 * last.width, 0.35 * abs(between[-1].x - last.x))
    aim = last.x + (reach if between[-1].x > last.x else -reach)
    points.append((aim, last.y - last.height / 2))
    curve = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (y0 + y1) / 2
        curve += f" C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
    return f'<path d="{curve}" fill="none" stroke="#999999" marker-end="url(#arrow)"/>'


def _label(edge: Edge, cell: Cell) -> str:
    corner = f'x="{cell.x - cell.width / 2:.1f}" y="{cell.y - cell.height / 2:.1f}"'
    lines = [(edge.value, VALUE), *((line, GRADIENT) for line in edge.gradients)]
    top = cell.y - cell.height / 2 + 2
    texts = [
        _text(line, cell.x, top + (place + 0.75) * SMALL_TEXT * LINE, SMALL_TEXT, colour)
        for place, (line, colour) in enumerate(lines)
    ]
    ground = (
        f'<rect {corner} width="{cell.width:.1f}" height="{cell.height:.1f}" rx="3"'
        ' fill="#ffffff" fill-opacity="0.92"/>'
    )
    return ground + "".join(texts)


def _box(box: Box, cell: Cell) -> str:
    fill, edge = COLOURS[box.kind]
    radius = 4 if box.kind == "operation" else cell.height / 2.6
    top = cell.y - cell.height / 2
    parts = [
        f"<g><title>{_clean(box.note)}</title>",
        f'<rect x="{cell.x - cell.width / 2:.1f}" y="{top:.1f}" width="{cell.width:.1f}"'
        f' height="{cell.height:.1f}" rx="{radius:.1f}" fill="{fill}" stroke="{edge}"/>',
        _text(box.title, cell.x, top + 6 + TITLE, TITLE, edge, bold=True),
    ]
    y = top + 6 + TITLE * LINE
    for place, line in enumerate(box.lines):
        colour = GRADIENT if line.startswith("gradient ") else VALUE
        parts.append(
            _text(line, cell.x, y + (place + 0.75) * SMALL_TEXT * LINE, SMALL_TEXT, colour)
        )
    return "".join(parts) + "</g>"


def _text(text: str, x: float, y: float, size: float, colour: str, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" text-anchor="middle"'
        f' fill="{colour}"{weight}>{_clean(text)}</text>'
    )


def _clean(text: str) -> str:
    """Text that XML accepts: escaped, without control characters."""
    return escape(re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text))


def _legend(height: float) -> list[str]:
    y = height - MARGIN
    size = f'font-size="{SMALL_TEXT:g}"'
    return [
        f'<text x="{MARGIN}" y="{y - 15:.1f}" {size} fill="{VALUE}">'
        "black: values forward, (shape) of larger arrays</text>",
        f'<text x="{MARGIN}" y="{y:.1f}" {size} fill="{GRADIENT}">'
        "red: gradients back, upstream × local = downstream; ‖ ‖ a norm</text>",
    ]
