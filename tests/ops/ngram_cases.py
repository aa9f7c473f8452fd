"""Cases of lexon/ops/ngram.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import Case, normal

LENGTHS = {"mixed": (3, 0, 1, 6), "short": (1, 1), "no-rows": (0, 0)}
CHOICES: list[tuple[str, dict[str, Any]]] = [
    ("ngram", {}),
    ("ngram_max", {}),
    ("ngram_max", {"activation": "relu"}),
    ("ngram_max", {"activation": "tanh"}),
    ("ngram_mean", {}),
    ("ngram_mean", {"activation": "relu"}),
    ("ngram_mean", {"activation": "tanh"}),
]


def _reference(name: str, lengths: tuple[int, ...], options: dict[str, Any], edges: str) -> Any:
    """Kim's network by torch.nn.functional.conv1d, one text at a time."""

    def reference(x: Any, w: Any, b: Any) -> Any:
        import torch

        act = getattr(torch, options.get("activation", ""), lambda z: z)
        window, outputs = w.shape[1], []
        for text in x.split(lengths):
            if len(text) == 0:
                outputs.append(b.new_zeros(0 if name == "ngram" else 1, len(b)))
                continue
            around = (
                (window - 1, window - 1) if edges == "wide" else (0, max(window - len(text), 0))
            )
            padded = torch.nn.functional.pad(text.T[None], around)
            z = act(torch.conv1d(padded, w.transpose(1, 2), b))[0].T
            pool = {"ngram": lambda z: z, "ngram_max": lambda z: z.amax(0, True)}
            outputs.append(pool.get(name, lambda z: z.mean(0, True))(z))
        return torch.cat(outputs)

    return reference


CASES = [
    Case(
        name,
        (normal(91, sum(lengths), 4), normal(92, 5, window, 4), normal(93, 5)),
        {"lengths": np.array(lengths, int), "edges": edges, **options},
        f"{'-'.join(options.values())}{label}-{edges}-{window}",
        _reference(name, lengths, options, edges) if sum(lengths) else None,
    )
    for name, options in CHOICES
    for label, lengths in LENGTHS.items()
    for edges in ("wide", "valid")
    for window in (1, 3)
]
