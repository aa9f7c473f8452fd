"""The adding problem at lengths 100 and 400: gated layers solve it, the plain one does not.

The network and its training are those of ``docs/examples/adding_problem.py``; every sequence is
seen once, the error is that on a thousand others. A length counts as solved below 0.01.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

STEPS = {100: 6000, 400: 12000}
SOLVED = 0.002


def cells(kind: str, length: int) -> dict[str, Callable[[Path], dict[str, float]]]:
    """Seeds 1 to 3."""
    return {f"seed-{seed}": partial(_cell, kind, length, seed) for seed in (1, 2, 3)}


def _cell(kind: str, length: int, seed: int, data: Path) -> dict[str, float]:
    example = _example()
    error, steps, network = example.learn(kind, length, STEPS[length], seed, SOLVED)
    norms = example.reach(network, length)
    half = length // 2
    return {
        "mean squared error": error,
        "steps": steps,
        "gradient half the way back, of that at the end": float(norms[half] / norms[-1]),
        "log10 of that at the first step": float(np.log10(max(norms[0] / norms[-1], _LEAST))),
    }


#: What stands for a gradient of 0: the least float32 beside it.
_LEAST = float(np.finfo(np.float32).smallest_subnormal)


def _example() -> Any:
    path = Path(__file__).parents[2] / "docs" / "examples" / "adding_problem.py"
    spec = importlib.util.spec_from_file_location("adding_problem", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
