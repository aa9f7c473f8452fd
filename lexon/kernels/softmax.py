"""Softmax and cross-entropy in one pass over each row, the logits overwritten by the gradient."""

from __future__ import annotations

import numpy as np

from lexon.kernels.compile import kernel
from lexon.kernels.elementary import exponential


@kernel
def softmax_cross_entropy(x, targets, weights, losses, p):
    """losses[n] = weights[n] (log sum_c e**x[n, c] - x[n, targets[n]]); p = softmax of the rows.

    The sum over classes is taken in order: a row's bits do not depend on its neighbours.
    """
    rows, classes = x.shape
    for n in range(rows):
        top = x[n, 0]
        for c in range(1, classes):
            top = max(top, x[n, c])
        for c in range(classes):
            p[n, c] = exponential(x[n, c] - top)
        total = p[n, 0]
        for c in range(1, classes):
            total += p[n, c]
        for c in range(classes):
            p[n, c] /= total
        # The difference first: beside a large ``top`` the logarithm's digits would be lost.
        losses[n] = weights[n] * (np.log(total) + (top - x[n, targets[n]]))
