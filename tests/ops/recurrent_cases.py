"""Cases of lexon/ops/recurrent.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import Case, normal

LENGTHS = {"mixed": (3, 0, 1, 6), "one": (1,), "no-rows": (0, 0), "falling": (5, 4, 4)}
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
D, H = 3, 5


def _inputs(name: str, lengths: tuple[int, ...], directions: int) -> tuple[Any, ...]:
    rows, batch, wide = sum(lengths), len(lengths), GATES[name] * H
    # Small enough that no gate is shut: a shut one sends back little but rounding.
    sizes = [(wide, D), (wide, H), (wide,), *[(H,)] * (name == "gru")]
    weights = [
        0.5 * normal(102 + 7 * side + place, *size)
        for side in range(directions)
        for place, size in enumerate(sizes)
    ]
    states = [normal(seed, batch, directions, H) for seed in (105, 108)[: 1 + (name == "lstm")]]
    return (normal(101, rows, D), *states, *weights)


def _reference(name: str, lengths: tuple[int, ...], options: dict[str, Any]) -> Any:
    """PyTorch's functions of one step after the other, sequence by sequence, from its formulas."""
    directions = options.get("reverse", (False,))

    def one(x: Any, states: list[Any], weights: list[Any], back: bool) -> Any:
        import torch

        w, u, b, *v = weights
        zero = torch.zeros_like(b)
        steps = []
        for row in x.flip(0) if back else x:
            if name == "lstm":
                states = torch.lstm_cell(row[None], states, w, u, b, zero)
            elif name == "gru":
                hidden = torch.cat([zero[: 2 * H], *v])
                states = [torch.gru_cell(row[None], states[0], w, u, b, hidden)]
            else:
                cell = getattr(torch, f"rnn_{options.get('nonlinearity', 'tanh')}_cell")
                states = [cell(row[None], states[0], w, u, b, zero)]
            steps.append(states[0])
        return torch.cat(steps[::-1] if back else steps) if steps else x.new_empty(0, H), states

    def reference(x: Any, *rest: Any) -> Any:
        import torch

        number = 1 + (name == "lstm")
        states, weights = rest[:number], rest[number:]
        each = len(weights) // len(directions)
        outputs, finals = [], []
        for side, back in enumerate(directions):
            own = weights[side * each : (side + 1) * each]
            done = [
                one(rows, [s[place : place + 1, side] for s in states], own, back)
                for place, rows in enumerate(x.split(lengths))
            ]
            outputs.append(torch.cat([h for h, _ in done]))
            finals.append([torch.cat(s) for s in zip(*(last for _, last in done), strict=True)])
        together = (torch.stack(s, dim=1) for s in zip(*finals, strict=True))
        return torch.cat(outputs, dim=1), *together

    return reference


CHOICES: list[tuple[str, str, dict[str, Any]]] = [
    ("rnn", "", {}),
    ("rnn", "-relu-back", {"nonlinearity": "relu", "reverse": (True,)}),
    ("rnn", "-both", {"reverse": (False, True)}),
    ("gru", "", {}),
    ("gru", "-back", {"reverse": (True,)}),
    ("gru", "-both", {"reverse": (False, True)}),
    ("lstm", "", {}),
    ("lstm", "-back", {"reverse": (True,)}),
    ("lstm", "-both", {"reverse": (False, True)}),
]

CASES = [
    Case(
        name,
        _inputs(name, lengths, len(options.get("reverse", (False,)))),
        {"lengths": np.array(lengths, int), **options},
        f"{label}{variant}",
        _reference(name, lengths, options) if sum(lengths) else None,
    )
    for name, variant, options in CHOICES
    for label, lengths in LENGTHS.items()
]
