"""Kernels that are given all their arrays in tuples, and what it takes to make that cost nothing.

Numba counts references to every array that is taken out of a tuple, with a locked addition; and
a call passes a tuple number by number, seven for each array. With small work that is most of it.
"""

from __future__ import annotations

from typing import Any

from lexon.kernels.compile import Function, inlined, kernel


def lean(function: Function) -> Function:
    """Compile ``function`` as ``kernel`` does, without counting; it may not make an array."""
    compiled: Any = kernel(function)
    compiled.targetoptions["_nrt"] = False
    return compiled


def part(function: Function) -> Function:
    """Compile ``function`` as ``inlined`` does, and copy it into every kernel that calls it."""
    compiled: Any = inlined(function)
    compiled.targetoptions["forceinline"] = True
    return compiled
