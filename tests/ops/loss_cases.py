"""Cases of lexon/ops/loss.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import Case, normal, positive

X = normal(101, 5, 4)
CLASSES = np.array([0, 3, 1, 1, 2])
PROBABILITIES = positive(102, 5, 4)
PROBABILITIES /= PROBABILITIES.sum(axis=1, keepdims=True)
WEIGHTS = positive(103, 4)


def _torch(name: str, targets: Any, **options: Any) -> Any:
    def reference(x: Any) -> Any:
        import torch

        given = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        return getattr(torch.nn.functional, name)(x, torch.tensor(targets), **given)

    return reference


def _last_layer(reduction: str) -> Any:
    def reference(x: Any, w: Any, b: Any) -> Any:
        return _torch("cross_entropy", LAST, reduction=reduction)(x @ w.T + b)

    return reference


def _ranking(targets: Any, reduction: str) -> Any:
    """dos Santos et al. 2015, equation 1, row by row."""

    def reference(x: Any) -> Any:
        import torch

        losses = []
        for row, target in zip(x, targets.tolist(), strict=True):
            wrong = [row[c] for c in range(len(row)) if c != target]
            terms = [torch.log1p(torch.exp(2 * (0.5 + torch.stack(wrong).max())))] if wrong else []
            if target >= 0:
                terms.append(torch.log1p(torch.exp(2 * (2.5 - row[target]))))
            losses.append(sum(terms))
        total = torch.stack(losses).sum()
        return total / len(losses) if reduction == "mean" else total

    return reference


LAST = np.array([0, 36, 20, 1, 20])

CASES = [
    *(
        Case(
            "linear_cross_entropy",
            (X, normal(106, 37, 4), normal(107, 37)),
            {"targets": LAST, "reduction": reduction},
            reduction,
            _last_layer(reduction),
        )
        for reduction in ("mean", "sum")
    ),
    *(
        Case(
            "squared_error",
            (X,),
            {"targets": PROBABILITIES, "reduction": reduction},
            reduction,
            _torch("mse_loss", PROBABILITIES, reduction=reduction),
        )
        for reduction in ("mean", "sum")
    ),
    *(
        Case(
            "binary_cross_entropy",
            (X,),
            {"targets": PROBABILITIES, "reduction": reduction, "weights": weights},
            f"{reduction}-{'plain' if weights is None else 'weighted'}",
            _torch(
                "binary_cross_entropy_with_logits",
                PROBABILITIES,
                reduction=reduction,
                weight=weights,
            ),
        )
        for reduction in ("mean", "sum")
        for weights in (None, WEIGHTS)
    ),
    *(
        Case(
            "cross_entropy",
            (X,),
            {"targets": targets, "reduction": reduction, "weights": weights},
            f"{reduction}-{label}-{'plain' if weights is None else 'weighted'}",
            # PyTorch divides by N where the targets are probabilities, ours by their weights.
            _torch("cross_entropy", targets, reduction=reduction, weight=weights)
            if reduction == "sum" or weights is None or label == "classes"
            else None,
        )
        for reduction in ("mean", "sum")
        for label, targets in (("classes", CLASSES), ("probabilities", PROBABILITIES))
        for weights in (None, WEIGHTS)
    ),
    *(
        Case(
            "ranking_loss",
            (x,),
            {"targets": targets, "reduction": reduction},
            f"{label}-{reduction}",
            _ranking(targets, reduction),
        )
        for reduction in ("mean", "sum")
        for label, x, targets in (
            ("classes", X, CLASSES),
            ("none", X, np.array([-1, 3, 1, -1, 2])),
            ("single", normal(106, 3, 1), np.array([0, -1, 0])),
        )
    ),
    Case("ranking_loss", (normal(107, 0, 3),), {"targets": np.zeros(0, int)}, "empty"),
    Case("squared_error", (normal(104, 0, 3),), {"targets": np.zeros((0, 3))}, "empty"),
    Case(
        "cross_entropy",
        (normal(105, 0, 3),),
        {"targets": np.zeros(0, int), "reduction": "sum"},
        "empty",
    ),
]
