"""The kernels on other processors than this one, and in many processes at once."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-5


def start(cache: Path, *part: str, **settings: str) -> subprocess.Popen[str]:
    """The program ``sums`` in a process of its own, with its own cache of kernels."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.kernels.sums", *part],
        cwd=ROOT,
        env=inherited | {"LEXON_CACHE": str(cache)} | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    result = json.loads(out)
    assert result["error"] < TOLERANCE
    return result


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="x86 only")
@pytest.mark.parametrize(("processor", "width"), [("haswell", 32), ("x86-64-v2", 16)])
def test_narrower_registers_give_right_results(processor, width, tmp_path):
    settings = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""}
    result = answer(start(tmp_path, **settings))
    assert result["bytes"] == width
    again = answer(start(tmp_path, **settings))  # from the cache
    assert again == result


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="x86 only")
def test_processors_share_a_cache_folder(tmp_path):
    """Code for one processor is never run on another: the key tells them apart."""
    answer(start(tmp_path, "few"))
    before = set(tmp_path.iterdir())
    answer(start(tmp_path, "few", NUMBA_CPU_NAME="x86-64-v2", NUMBA_CPU_FEATURES=""))
    assert len(set(tmp_path.iterdir())) == 2 * len(before)


def test_ten_processes_on_one_cold_cache(tmp_path):
    cache = tmp_path / "not" / "yet" / "there"
    results = [answer(process) for process in [start(cache, "few") for _ in range(10)]]
    assert results == results[:1] * 10
    files = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert {Path(name).suffix for name in files} == {".kernel"}, "a temporary file stayed"
    assert answer(start(cache, "few")) == results[0]
    again = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert again == files, "something was compiled again"
