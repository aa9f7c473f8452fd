"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("lexon", "numpy", "numba", "torch", "gensim")


def describe() -> dict[str, str]:
    """Processor, cores that may be used, system, and versions."""
    versions = {name: found for name in PACKAGES if (found := _version(name))}
    return {
        "processor": _processor(),
        "cores": str(_cores()),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **versions,
    }


def sentence(machine: dict[str, str]) -> str:
    """The description in one line."""
    versions = ", ".join(f"{name} {machine[name]}" for name in PACKAGES if name in machine)
    return (
        f"{machine['processor']}, {machine['cores']} cores; {machine['system']};"
        f" Python {machine['python']}, {versions}"
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _processor() -> str:
    """The processor's name, with its widest vectors where the system tells."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return platform.processor() or platform.machine()
    fields: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    flags = fields.get("flags", "").split()
    vectors = next((f for f in ("avx512f", "avx2", "avx", "asimd") if f in flags), "")
    name = fields.get("model name", platform.machine())
    family = f"family {fields['cpu family']}" if "cpu family" in fields else ""
    return ", ".join(part for part in (name, family, vectors) if part)
