"""A program of a few kernels: prints what they give, for tests that need a fresh process.

Prints the width of the registers, the largest error relative to float64, and a digest of the
results' bits, as one line of JSON. With the argument ``few`` it needs only two small kernels.
"""

from __future__ import annotations

import hashlib
import json
import sys

import numpy as np

from lexon.kernels import ngram, reference
from lexon.kernels.product import pack, product
from lexon.kernels.rows import max_segments, unique_rows
from lexon.kernels.simd import registers

random = np.random.default_rng(0)
lengths = np.array([4, 0, 1, 9, 2])
x = random.normal(size=(16, 5)).astype("f")


def few():
    y, where = np.empty((5, 5), "f"), np.empty((5, 5), np.int64)
    max_segments(x, ngram.starts_of(lengths), lengths, y, where)
    twin, places = y.copy(), where.copy()
    reference.max_segments(x, ngram.starts_of(lengths), lengths, twin, places)
    _, positions = unique_rows(where.ravel() + 1, 20)
    return {"maximum": (y, twin), "positions": (positions, positions)}


def products():
    a, b = random.normal(size=(21, 40)).astype("f"), random.normal(size=(40, 75)).astype("f")
    w, bias = random.normal(size=(30, 3, 5)).astype("f"), random.normal(size=30).astype("f")
    y, _ = ngram.max_over_time(x, ngram.pack_filters(w), bias, lengths, 3, True)
    best, _ = reference.max_over_time(*(v.astype("d") for v in (x, w, bias)), lengths, True)
    return {"product": (product(a, pack(b)), a.astype("d") @ b.astype("d")), "ngram": (y, best)}


results = few() if "few" in sys.argv else products()
answer = {
    "bytes": registers().bytes,
    "error": max(float(abs(value - exact).max()) for value, exact in results.values()),
    "bits": hashlib.sha256(b"".join(v.tobytes() for v, _ in results.values())).hexdigest(),
}
print(json.dumps(answer))
