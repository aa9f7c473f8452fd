"""Cases of lexon/ops/sequences.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops.case import Case, normal

LENGTHS = {
    "mixed": (3, 0, 1, 5),
    "one": (4,),
    "ends-empty": (0, 2, 0),
    "no-rows": (0, 0),
    "nothing": (),
}
WINDOWS = ((2, 2), (3, 1), (2, 3), (1, 1), (10, 1))


def _over_time(name: str, lengths: tuple[int, ...]) -> Callable[[Any], Any]:
    def reference(x: Any) -> Any:
        import torch

        pooled = [
            getattr(torch, name)(rows, 0) if len(rows) else torch.zeros(x.shape[1:], dtype=x.dtype)
            for rows in x.split(lengths)
        ]
        return torch.stack(pooled)

    return reference


CASES = [
    *(
        Case(
            name,
            (normal(81, sum(lengths), 3),),
            {"lengths": np.array(lengths, int)},
            label,
            _over_time(peer, lengths) if sum(lengths) else None,
        )
        for name, peer in (
            ("max_over_time", "amax"),
            ("mean_over_time", "mean"),
            ("sum_over_time", "sum"),
        )
        for label, lengths in LENGTHS.items()
    ),
    *(
        Case(
            name,
            (normal(82, sum(lengths), 3),),
            {"lengths": np.array(lengths, int), "size": size, "stride": stride},
            f"{label}-{size}-{stride}",
        )
        for name in ("max_pool", "mean_pool")
        for label, lengths in LENGTHS.items()
        for size, stride in WINDOWS
    ),
]
