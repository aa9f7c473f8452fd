"""Huffman's tree over words: each word's way from the root."""

from __future__ import annotations

import numpy as np

from lexon.kernels.compile import kernel


@kernel
def join(counts, parent, code):
    """Join the two rarest trees until one is left; counts fall. Returns the depth of the deepest.

    parent[i], code[i] for i < V are a word's inner node and its bit there; V + n is node n, the
    root being node V - 2. Of two equally rare trees a word goes before a joined tree.
    """
    size = counts.size
    total = np.empty(max(size - 1, 0), np.int64)
    word, node, made = size - 1, 0, 0
    for made in range(size - 1):
        total[made] = 0
        for bit in range(2):
            if word >= 0 and (node >= made or counts[word] <= total[node]):
                child = word
                total[made] += counts[word]
                word -= 1
            else:
                child = size + node
                total[made] += total[node]
                node += 1
            parent[child], code[child] = made, bit
    depths = np.zeros(2 * size, np.int64)
    deepest = 0
    for child in range(2 * size - 3, -1, -1):
        depths[child] = depths[size + parent[child]] + 1
        deepest = max(deepest, depths[child])
    return deepest


@kernel
def ways(parent, code, size, starts, path):
    """path[starts[w]:starts[w + 1]] = 2 * node + bit for the nodes from the root to word w.

    With an empty path only ``starts`` is filled.
    """
    starts[0] = 0
    for word in range(size):
        child, length = word, 0
        while child < 2 * size - 2:
            child = size + parent[child]
            length += 1
        starts[word + 1] = starts[word] + length
        if path.size:
            child = word
            for k in range(starts[word + 1] - 1, starts[word] - 1, -1):
                path[k] = 2 * parent[child] + code[child]
                child = size + parent[child]
