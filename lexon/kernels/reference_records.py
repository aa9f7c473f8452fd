"""The walks over vector files in plain NumPy: the specification of ``records.py``, name by name."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_BLANKS = re.compile(rb"[ \t]")


def find_records(data: Array, width: int, starts: Array, ends: Array) -> tuple[int, int]:
    """[line ends] word, space, ``width`` bytes; as often as it goes, and is asked for"""
    raw, at, found = data.tobytes(), 0, 0
    while found < len(starts):
        start = at + len(raw[at:]) - len(raw[at:].lstrip(b"\n"))
        end = raw.find(b" ", start)
        if end < 0 or end + 1 + width > len(raw):
            break
        starts[found], ends[found] = start, end
        found, at = found + 1, end + 1 + width
    return found, at


def copy_records(
    first: int, last: int, data: Array, ends: Array, numbers: Array, bits: Array, finite: Array
) -> None:
    """numbers[row] = the bytes behind the space; finite[row] = all of them make finite numbers"""
    for row in range(first, last):
        at = int(ends[row]) + 1
        numbers[row] = data[at : at + numbers.shape[1]]
        finite[row] = np.isfinite(bits[row].view("<f4")).all()


def parse_lines(
    first: int,
    last: int,
    data: Array,
    starts: Array,
    stops: Array,
    word_ends: Array,
    numbers: Array,
    known: Array,
) -> None:
    """word, blank, number, blank, number, ...; number = float32(float64(text))"""
    for row in range(first, last):
        line = data[starts[row] : stops[row]].tobytes().rstrip(b" \t\r")
        word, *fields = _BLANKS.split(line)
        word_ends[row] = starts[row] + len(word)
        known[row] = False
        if word and len(fields) == numbers.shape[1]:
            try:
                numbers[row] = np.array([float(field) for field in fields]).astype(np.float32)
            except ValueError:
                continue
            known[row] = True
