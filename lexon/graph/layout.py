"""Where the boxes of a drawn graph stand: layers from top to bottom, nothing on top of anything.

Every edge carries a label, and the label is a cell of the layout like the boxes, in a layer of
its own just above the box it leads to. Long edges pass through empty cells. Layers are ordered
by the mean place of their neighbours (Sugiyama, Tagawa and Toda 1981); then every cell moves as
near to the mean of its neighbours as order and width allow.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, field
from itertools import pairwise

ORDER_SWEEPS = 12
PLACE_SWEEPS = 24
GAP_ACROSS = 18.0
GAP_DOWN = 20.0
Size = tuple[float, float]


@dataclass
class Cell:
    """A box, a label or a bend of a long edge: its size, and its centre once placed.

    ``weight`` is its say in where its neighbours go.
    """

    layer: int
    width: float
    height: float
    weight: float = 1.0
    x: float = 0.0
    y: float = 0.0
    above: list[Cell] = field(default_factory=list)
    below: list[Cell] = field(default_factory=list)


@dataclass
class Layout:
    """Cells of the boxes, of the labels, and for each edge all its cells from tail to head."""

    boxes: list[Cell]
    labels: list[Cell]
    paths: list[list[Cell]]
    width: float
    height: float


def arrange(boxes: list[Size], edges: list[tuple[int, int]], labels: list[Size]) -> Layout:
    """Place boxes, each after those it is computed from, and one label per edge."""
    cells = [
        Cell(layer, *size) for layer, size in zip(_layers(len(boxes), edges), boxes, strict=True)
    ]
    label_cells, paths = [], []
    heads = {head for _, head in edges}
    for (tail, head), size in zip(edges, labels, strict=True):
        above, below = cells[tail], cells[head]
        # What comes from a source gives way, so that the chain of operations stays straight.
        weight = 1.0 if tail in heads else 0.1
        bends = [Cell(layer, 2.0, 0.0, weight) for layer in range(above.layer + 1, below.layer - 1)]
        label = Cell(below.layer - 1, *size, weight)
        path = [above, *bends, label, below]
        for upper, lower in pairwise(path):
            upper.below.append(lower)
            lower.above.append(upper)
        label_cells.append(label)
        paths.append(path)
    layers = _ordered(_by_layer(cells, paths))
    width = _place_across(layers)
    return Layout(cells, label_cells, paths, width, _place_down(layers))


def _layers(count: int, edges: list[tuple[int, int]]) -> list[int]:
    """Layer of each box: two below the lowest it needs; sources just above their first use."""
    layers = [0] * count
    for tail, head in sorted(edges, key=lambda edge: edge[1]):
        layers[head] = max(layers[head], layers[tail] + 2)
    heads = {head for _, head in edges}
    for box in range(count):
        uses = [layers[head] for tail, head in edges if tail == box]
        if box not in heads and uses:
            layers[box] = min(uses) - 2
    return layers


def _by_layer(boxes: list[Cell], paths: list[list[Cell]]) -> list[list[Cell]]:
    layers: list[list[Cell]] = [[] for _ in range(max((c.layer for c in boxes), default=0) + 1)]
    seen: set[int] = set()
    for cell in [*(cell for path in paths for cell in path), *boxes]:
        if id(cell) not in seen:
            seen.add(id(cell))
            layers[cell.layer].append(cell)
    return layers


def _ordered(layers: list[list[Cell]]) -> list[list[Cell]]:
    """The order with the fewest crossings met while sweeping down and up."""
    best, fewest = layers, _crossings(layers)
    for sweep in range(ORDER_SWEEPS):
        down = sweep % 2 == 0
        layers = [list(layer) for layer in layers]
        for layer in layers if down else reversed(layers):
            _number(layers)
            means = {id(cell): _mean(cell.above if down else cell.below, cell) for cell in layer}
            layer.sort(key=lambda cell: means[id(cell)])
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = layers, crossings
    return best


def _number(layers: list[list[Cell]]) -> None:
    for layer in layers:
        for place, cell in enumerate(layer):
            cell.x = (place + 0.5) / len(layer)


def _mean(neighbours: list[Cell], cell: Cell) -> float:
    total = sum(n.weight for n in neighbours)
    return sum(n.x * n.weight for n in neighbours) / total if neighbours else cell.x


def _crossings(layers: list[list[Cell]]) -> int:
    _number(layers)
    total = 0
    for layer in layers:
        met: list[float] = []
        for cell in layer:
            ends = sorted(below.x for below in cell.below)
            total += sum(len(met) - bisect_right(met, end) for end in ends)
            for end in ends:
                insort(met, end)
    return total


def _place_across(layers: list[list[Cell]]) -> float:
    """Give every cell its x; return the width of all."""
    for layer in layers:
        _settle(layer, [0.0] * len(layer))
    for sweep in range(PLACE_SWEEPS):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            wished = [_mean(cell.above if down else cell.below, cell) for cell in layer]
            _settle(layer, wished)
    left = min(cell.x - cell.width / 2 for layer in layers for cell in layer)
    right = max(cell.x + cell.width / 2 for layer in layers for cell in layer)
    for layer in layers:
        for cell in layer:
            cell.x -= left
    return right - left


def _settle(layer: list[Cell], wished: list[float]) -> None:
    """Nearest places to those wished (weighted least squares) that keep the order and the gaps.

    With the room taken by the cells to the left subtracted this is a regression by an ascending
    sequence: neighbours that would change places are pooled at their mean.
    """
    room, offsets = 0.0, []
    for place, cell in enumerate(layer):
        if place:
            room += (layer[place - 1].width + cell.width) / 2 + GAP_ACROSS
        offsets.append(room)
    pools: list[tuple[float, float, int]] = []
    for wish, offset, cell in zip(wished, offsets, layer, strict=True):
        mean, weight, count = wish - offset, cell.weight, 1
        while pools and pools[-1][0] > mean:
            other, more, members = pools.pop()
            mean = (mean * weight + other * more) / (weight + more)
            weight, count = weight + more, count + members
        pools.append((mean, weight, count))
    settled = [mean for mean, _, count in pools for _ in range(count)]
    for cell, mean, offset in zip(layer, settled, offsets, strict=True):
        cell.x = mean + offset


def _place_down(layers: list[list[Cell]]) -> float:
    """Give every cell its y; return the height of all."""
    y = 0.0
    for layer in layers:
        height = max((cell.height for cell in layer), default=0.0)
        for cell in layer:
            cell.y = y + height / 2
            # A bend goes straight through its layer: edges move sideways between layers only.
            cell.height = cell.height or height
        y += height + GAP_DOWN
    return y - GAP_DOWN
