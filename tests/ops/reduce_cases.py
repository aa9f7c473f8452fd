"""Cases of lexon/ops/reduce.py."""

from __future__ import annotations

from typing import Any

from tests.ops.case import Case, normal
from tests.ops.elementwise_cases import named

X = normal(41, 4, 3)
BOX = normal(42, 2, 3, 4)
WHERE: list[tuple[Any, dict[str, Any]]] = [
    (X, {}),
    (X, {"axis": 0}),
    (X, {"axis": -1, "keepdims": True}),
    (BOX, {"axis": (0, 2)}),
    (BOX, {"axis": (-1, 0), "keepdims": True}),
    (normal(43), {}),
    (normal(44, 0, 3), {"axis": 1}),
    (normal(45, 0, 3), {"axis": 0}),
]
TORCH = {"sum": "sum", "mean": "mean", "max": "amax", "min": "amin", "norm": "norm"}


def _reference(name: str, options: dict[str, Any]) -> Any:
    def reference(x: Any) -> Any:
        import torch

        axes = options.get("axis", tuple(range(x.ndim)))
        keep = options.get("keepdims", False)
        if name == "norm":
            return torch.linalg.vector_norm(x, 2, axes, keep)
        return getattr(torch, name)(x, axes, keep)

    return reference


def _over_classes(name: str, options: dict[str, Any]) -> Any:
    def reference(x: Any) -> Any:
        import torch

        return getattr(torch, name)(x, options.get("axis", -1))

    return reference


CASES = [
    *(
        Case(
            name,
            (x,),
            options,
            f"{named(options)}{x.shape}",
            _reference(peer, options) if x.size else None,
        )
        for name, peer in TORCH.items()
        for x, options in WHERE
        if not (name == "norm" and x.ndim == 0)  # |x|: its twin has no gradient near 0
    ),
    *(
        Case(
            "logsumexp",
            (x,),
            options,
            f"{named(options)}{x.shape}",
            _reference("logsumexp", {"axis": -1, **options}) if x.size else None,
        )
        for x, options in WHERE[1:5]
    ),
    Case("logsumexp", (X,), {"axis": None}, "all", lambda x: x.logsumexp((0, 1))),
    Case("logsumexp", (normal(46, 0, 3),), {}, "no-rows"),
    *(
        Case(name, (x,), options, f"{named(options)}{x.shape}", _over_classes(name, options))
        for name in ("softmax", "log_softmax")
        for x, options in ((X, {}), (X, {"axis": 0}), (BOX, {"axis": 1}), (normal(47, 0, 3), {}))
    ),
    Case("softmax", (BOX,), {"axis": (1, 2)}, "two-axes"),
    Case("log_softmax", (BOX,), {"axis": (1, 2)}, "two-axes"),
]
