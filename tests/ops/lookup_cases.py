"""Cases of lexon/ops/lookup.py."""

from __future__ import annotations

import numpy as np

from tests.ops.case import Case, normal

TABLE = normal(71, 6, 3)

CASES = [
    Case(
        "lookup",
        (TABLE,),
        {"ids": np.array(ids, int)},
        label,
        lambda table, ids=ids: table[list(ids)],
    )
    for label, ids in (
        ("twice", (0, 5, 2, 5, 0, 0, 4)),
        ("once", (3,)),
        ("all", (5, 4, 3, 2, 1, 0)),
        ("none", ()),
    )
]
