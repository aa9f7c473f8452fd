"""A program of a few kernels: prints what they give, for tests that need a fresh process.

Arguments: none. Prints the width of the registers, the largest error of a product and of an
n-gram maximum relative to float64, and a digest of their bits, as one line of JSON.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np

from lexon.kernels import ngram, reference
from lexon.kernels.product import pack, product
from lexon.kernels.simd import registers

random = np.random.default_rng(0)
a, b = random.normal(size=(21, 40)).astype("f"), random.normal(size=(40, 75)).astype("f")
x, w = random.normal(size=(16, 5)).astype("f"), random.normal(size=(30, 3, 5)).astype("f")
bias, lengths = random.normal(size=30).astype("f"), np.array([4, 0, 1, 9, 2])

c = product(a, pack(b))
y, _ = ngram.max_over_time(x, ngram.pack_filters(w), bias, lengths, 3, True)
best, _ = reference.max_over_time(*(v.astype("d") for v in (x, w, bias)), lengths, True)
answer = {
    "bytes": registers().bytes,
    "product": float(abs(c - a.astype("d") @ b.astype("d")).max()),
    "ngram": float(abs(y - best).max()),
    "bits": hashlib.sha256(c.tobytes() + y.tobytes()).hexdigest(),
}
print(json.dumps(answer))
