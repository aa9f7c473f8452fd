"""How much memory there is, and how much this process has held."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


_MACHINE = Path("/proc/meminfo")


def free_memory() -> float:
    """Memory that programs can still take, in bytes; 0 where the system does not tell."""
    if not _MACHINE.exists():
        return 0.0
    found = re.search(r"^MemAvailable:\s*(\d+) kB", _MACHINE.read_text(), re.MULTILINE)
    return 1024.0 * int(found[1]) if found else 0.0


def peak_memory() -> float:
    """Most memory this process has held, in bytes; 0 where the system does not tell.

    Linux says it of the program itself; what ``getrusage`` says there begins with the memory of
    the process that started it.
    """
    if _STATUS.exists():
        found = re.search(r"^VmHWM:\s*(\d+) kB", _STATUS.read_text(), re.MULTILINE)
        return 1024.0 * int(found[1]) if found else 0.0
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:
        return 0.0
    peak = getrusage(RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else 1024 * peak)
