"""Cases of lexon/ops/shape.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import Case, normal

X = normal(21, 4, 3)
BOX = normal(22, 2, 3, 4)


def _torch(name: str, *arguments: Any, listed: bool = False) -> Any:
    def reference(*xs: Any) -> Any:
        import torch

        return getattr(torch, name)(*([xs] if listed else xs), *arguments)

    return reference


INDICES: list[tuple[str, Any]] = [
    ("integer", 1),
    ("negative", -1),
    ("slice", slice(1, None)),
    ("step", slice(None, None, 2)),
    ("backwards", slice(None, None, -1)),
    ("ellipsis", (..., 0)),
    ("new-axis", (None, slice(None), 2)),
    ("element", (2, 1)),
    ("rows-twice", [0, 2, 2, 1, 0]),
    ("array", np.array([[3, 0], [0, 3]])),
    ("pairs", ([0, 0, 3], [1, 1, 2])),
    ("mixed", (slice(1, 3), [2, 2])),
    ("mask", X > 0),
    ("nothing", slice(0, 0)),
    ("no-rows", np.array([], int)),
]

CASES = [
    Case("reshape", (X,), {"shape": (2, 6)}, "2-6", lambda x: x.reshape(2, 6)),
    Case("reshape", (X,), {"shape": (3, -1)}, "rest", lambda x: x.reshape(3, -1)),
    Case("reshape", (X,), {"shape": -1}, "flat", lambda x: x.reshape(-1)),
    Case("reshape", (normal(23, 0, 3),), {"shape": (3, 0)}, "empty"),
    Case("transpose", (X,), {}, "reversed", lambda x: x.T),
    Case("transpose", (BOX,), {"axes": (1, 2, 0)}, "turned", lambda x: x.permute(1, 2, 0)),
    Case("transpose", (BOX,), {"axes": (-1, 0, 1)}, "negative", lambda x: x.permute(2, 0, 1)),
    Case("transpose", (normal(24),), {}, "number"),
    Case("broadcast_to", (normal(25, 3),), {"shape": (4, 3)}, "rows", lambda x: x.expand(4, 3)),
    Case("broadcast_to", (normal(26, 4, 1),), {"shape": (2, 4, 3)}, "both"),
    Case("broadcast_to", (normal(27, 1, 3),), {"shape": (0, 3)}, "empty"),
    Case("expand_dims", (X,), {"axis": 1}, "middle", lambda x: x.unsqueeze(1)),
    Case("expand_dims", (X,), {"axis": (0, -1)}, "ends", lambda x: x[None, ..., None]),
    Case("squeeze", (normal(28, 1, 3, 1),), {}, "all", lambda x: x.squeeze()),
    Case("squeeze", (normal(29, 1, 3, 1),), {"axis": -1}, "last", lambda x: x.squeeze(-1)),
    Case("flip", (X,), {"axis": 0}, "rows", _torch("flip", (0,))),
    Case("flip", (X,), {}, "all", _torch("flip", (0, 1))),
    Case("flip", (normal(30, 0, 3),), {"axis": 0}, "empty"),
    *(Case("index", (X,), {"index": index}, label) for label, index in INDICES),
    *(
        Case(
            "concatenate",
            (normal(31, 2, 3), normal(32, *other), normal(33, 2, 3)),
            {"axis": axis},
            f"{axis}-{other}",
            _torch("cat", axis, listed=True),
        )
        for axis, other in ((0, (4, 3)), (1, (2, 5)), (-1, (2, 1)), (0, (0, 3)))
    ),
    Case("concatenate", (X,), {}, "one"),
    *(
        Case(
            "stack",
            (X, normal(34, 4, 3)),
            {"axis": axis},
            str(axis),
            _torch("stack", axis, listed=True),
        )
        for axis in (0, 1, -1)
    ),
    Case("stack", (normal(35, 0, 3), normal(36, 0, 3)), {"axis": 1}, "empty"),
    Case("split", (X,), {"sizes": (1, 3)}, "rows", lambda x: x.split((1, 3))),
    Case("split", (X,), {"sizes": (1, 0, 2), "axis": -1}, "columns", _torch("split", (1, 0, 2), 1)),
    Case("split", (normal(37, 0, 3),), {"sizes": (0, 0)}, "empty"),
]
