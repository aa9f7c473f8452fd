"""All cases of all operations: ``CASES`` of every module ``*_cases.py`` beside this one.

An operation of ``lexon/ops/anything.py`` gets its cases in ``tests/ops/anything_cases.py``.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import lexon.ops  # noqa: F401  (declares the operations)
from tests.ops.case import Case

CASES: list[Case] = [
    case
    for path in sorted(Path(__file__).parent.glob("*_cases.py"))
    for case in import_module(f"tests.ops.{path.stem}").CASES
]
