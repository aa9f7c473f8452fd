"""Cases of lexon/ops/recurrent.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import Case, normal

LENGTHS = {"mixed": (3, 0, 1, 6), "one": (1,), "no-rows": (0, 0), "falling": (5, 4, 4)}
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
D, H = 3, 5


def _inputs(name: str, lengths: tuple[int, ...]) -> tuple[Any, ...]:
    rows, batch, wide = sum(lengths), len(lengths), GATES[name] * H
    # Small enough that no gate is shut: a shut one sends back little but rounding.
    weights = (
        0.5 * normal(seed, *size) for seed, size in enumerate(((wide, D), (wide, H), (wide,)), 102)
    )
    states = normal(105, batch, H), normal(108, batch, H)
    extra = {"rnn": states[:1], "gru": (normal(107, H), states[0]), "lstm": states}
    return (normal(101, rows, D), *weights, *extra[name])


def _reference(name: str, lengths: tuple[int, ...], options: dict[str, Any]) -> Any:
    """PyTorch's functions of one step after the other, sequence by sequence, from its formulas."""

    def reference(x: Any, w: Any, u: Any, b: Any, *rest: Any) -> Any:
        import torch

        zero = torch.zeros_like(b)
        outputs, final = [], []
        for number, rows in enumerate(x.split(lengths)):
            states = [s[number : number + 1] for s in rest[name == "gru" :]]
            steps = []
            for row in rows.flip(0) if options.get("reverse") else rows:
                if name == "lstm":
                    states = torch.lstm_cell(row[None], states, w, u, b, zero)
                elif name == "gru":
                    hidden = torch.cat([zero[: 2 * H], rest[0]])
                    states = [torch.gru_cell(row[None], states[0], w, u, b, hidden)]
                else:
                    kind = options.get("nonlinearity", "tanh")
                    cell = getattr(torch, f"rnn_{kind}_cell")
                    states = [cell(row[None], states[0], w, u, b, zero)]
                steps.append(states[0])
            outputs += steps[::-1] if options.get("reverse") else steps
            final.append(states)
        return torch.cat(outputs), *(torch.cat(s) for s in zip(*final, strict=True))

    return reference


CHOICES: list[tuple[str, dict[str, Any]]] = [
    ("rnn", {}),
    ("rnn", {"nonlinearity": "relu", "reverse": True}),
    ("gru", {}),
    ("gru", {"reverse": True}),
    ("lstm", {}),
    ("lstm", {"reverse": True}),
]

CASES = [
    Case(
        name,
        _inputs(name, lengths),
        {"lengths": np.array(lengths, int), **options},
        f"{label}{'-'.join(['', *map(str, options.values())])}",
        _reference(name, lengths, options) if sum(lengths) else None,
    )
    for name, options in CHOICES
    for label, lengths in LENGTHS.items()
]
