"""Cases of lexon/ops/crf.py."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import numpy as np

from tests.ops.case import Case, normal

LENGTHS = {"mixed": (3, 0, 1, 6), "one": (1,), "no-rows": (0, 0), "long": (20, 2)}
C = 3


def _reference(lengths: tuple[int, ...], targets: Any) -> Any:
    """Every path there is, scored one by one; for the few that can be listed."""

    def reference(x: Any, a: Any, start: Any, stop: Any) -> Any:
        import torch

        losses, begin = [], 0
        for length in lengths:
            rows, own = x[begin : begin + length], tuple(targets[begin : begin + length].tolist())
            begin += length

            def score(path: tuple[int, ...], rows: Any = rows) -> Any:
                total = sum((rows[t, y] for t, y in enumerate(path)), start.sum() * 0 + a.sum() * 0)
                total = total + sum(a[i, j] for i, j in pairwise(path))
                return total + (start[path[0]] + stop[path[-1]] if path else 0)

            paths = [score(path) for path in product(range(C), repeat=length)]
            losses.append(torch.logsumexp(torch.stack(paths), 0) - score(own))
        return torch.stack(losses)

    return reference


def _case(label: str, lengths: tuple[int, ...]) -> Case:
    rows = sum(lengths)
    targets = np.random.default_rng(rows).integers(0, C, rows)
    return Case(
        "crf",
        (normal(111, rows, C), normal(112, C, C), normal(113, C), normal(114, C)),
        {"lengths": np.array(lengths, int), "targets": targets},
        label,
        _reference(lengths, targets) if 0 < max(lengths) < 8 else None,
    )


CASES = [_case(label, lengths) for label, lengths in LENGTHS.items()]
