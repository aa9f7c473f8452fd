"""Huffman's tree: frequent words get short ways from the root."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lexon.kernels import tree

Array = npt.NDArray[Any]


class Tree(NamedTuple):
    """The way from the root to every word.

    Shapes: starts (V + 1); path holds 2 * node + code for each step, word after word. A tree over
    V words has V - 1 inner nodes, numbered from 0 as they were joined: the root is node V - 2.
    """

    starts: Array
    path: Array

    def nodes(self, word: int) -> Array:
        """The inner nodes from the root down to ``word``."""
        return self.path[self.starts[word] : self.starts[word + 1]] >> 1

    def codes(self, word: int) -> Array:
        """At each of them: 0 where the way goes left (sigmoid is to be near 1), 1 where right."""
        return self.path[self.starts[word] : self.starts[word + 1]] & 1


def huffman(counts: npt.ArrayLike) -> Tree:
    """The tree that makes the mean length of the ways, weighted by ``counts``, as small as can be.

    Shapes: counts (V), falling.
    Source: Huffman 1952; Morin and Bengio 2005 for its use in a language model.
    """
    falling = np.ascontiguousarray(counts, np.int64)
    size = len(falling)
    parent, code = np.zeros(2 * size, np.int32), np.zeros(2 * size, np.int32)
    tree.join(falling, parent, code)
    starts = np.zeros(size + 1, np.int64)
    tree.ways(parent, code, size, starts, np.empty(0, np.int32))
    path = np.empty(starts[-1], np.int32)
    if size > 1:
        tree.ways(parent, code, size, starts, path)
    return Tree(starts, path)
