"""Checks of hyper-parameters: the error names the number, its value and what is allowed."""

from __future__ import annotations

import math
from numbers import Integral, Real

from lexon.errors import InputError


def _refuse(owner: object, name: str, value: object, rule: str) -> InputError:
    label = owner if isinstance(owner, str) else type(owner).__name__
    return InputError(f"{label}: {name} is {value!r}\n  give {rule}")


def positive(owner: object, name: str, value: float) -> float:
    """A finite number above 0."""
    if not (isinstance(value, Real) and 0 < value < math.inf):
        raise _refuse(owner, name, value, "a number above 0")
    return float(value)


def not_negative(owner: object, name: str, value: float) -> float:
    """A finite number from 0 up."""
    if not (isinstance(value, Real) and 0 <= value < math.inf):
        raise _refuse(owner, name, value, "0 or a number above it")
    return float(value)


def fraction(owner: object, name: str, value: float) -> float:
    """A number from 0 to below 1, as a rate of decay must be."""
    if not (isinstance(value, Real) and 0 <= value < 1):
        raise _refuse(owner, name, value, "a number from 0 to below 1")
    return float(value)


def whole(owner: object, name: str, value: int, least: int) -> int:
    """A whole number from ``least`` up."""
    if not (isinstance(value, Integral) and value >= least):
        raise _refuse(owner, name, value, f"a whole number, {least} or more")
    return int(value)
