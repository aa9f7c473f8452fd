"""Cases of lexon/ops/product.py."""

from __future__ import annotations

from tests.ops.case import Case, normal

SHAPES = [
    ((4, 3), (3, 5)),
    ((4, 3), (3,)),
    ((3,), (3, 5)),
    ((3,), (3,)),
    ((2, 4, 3), (3, 5)),
    ((2, 4, 3), (2, 3, 5)),
    ((4, 3), (2, 3, 5)),
    ((2, 4, 3), (3,)),
    ((3,), (2, 3, 5)),
    ((2, 1, 4, 3), (6, 3, 5)),
    ((0, 3), (3, 5)),
    ((4, 0), (0, 5)),
]


def _linear(x, w, b):  # type: ignore[no-untyped-def]
    return x @ w.T + b


CASES = [
    Case("linear", (normal(51, 6, 3), normal(52, 5, 3), normal(53, 5)), reference=_linear),
    Case("linear", (normal(54, 40, 19), normal(55, 33, 19), normal(56, 33)), {}, "wide", _linear),
    Case("linear", (normal(57, 1, 1), normal(58, 1, 1), normal(59, 1)), {}, "neuron", _linear),
    Case("linear", (normal(60, 0, 3), normal(61, 5, 3), normal(62, 5)), {}, "empty", _linear),
    *(
        Case(
            "matmul",
            (normal(63, *a), normal(64, *b)),
            {},
            f"{a}-{b}",
            lambda a, b: a @ b,
        )
        for a, b in SHAPES
    ),
]
