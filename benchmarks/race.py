"""Contenders side by side: each in a clean process of its own, taking turns round by round."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.case import Case, Round, Settings

ROOT = Path(__file__).resolve().parents[1]
#: Variables that choose somebody's kernels or threads: nobody inherits them.
OVERRIDES = ("OPENBLAS_", "OMP_", "GOMP_", "KMP_", "MKL_", "NUMBA_", "BLIS_", "VECLIB_")

Say = Callable[[str], None]


def clean_environment() -> dict[str, str]:
    """The environment without what overrides a library's own choices."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OVERRIDES)}


def absent(case: Case, alone: bool) -> dict[str, str]:
    """Contenders that do not take part, each with the reason."""
    reasons = {}
    for name, contender in case.contenders.items():
        if contender.package and alone:
            reasons[name] = "left out with --alone"
        elif contender.package and find_spec(contender.package) is None:
            reasons[name] = f"{contender.package} is not installed"
    return reasons


def race(
    name: str, present: list[str], settings: Settings, repeats: int, say: Say
) -> dict[str, list[Round]]:
    """All rounds of the contenders ``present`` in the case ``name``, by contender."""
    rounds: dict[str, list[Round]] = {contender: [] for contender in present}
    with ExitStack() as stack:
        workers = {}
        for contender in present:
            say(f"{name}: {contender} prepares")
            workers[contender] = stack.enter_context(_worker(name, contender, settings))
        for turn in range(repeats):
            say(f"{name}: round {turn + 1} of {repeats}")
            # Who begins changes, so that nobody always finds the machine warmed up by another.
            for contender in present if turn % 2 == 0 else reversed(present):
                answer = _ask(workers[contender], contender)
                rounds[contender].append(Round(**answer))
    return rounds


@contextmanager
def _worker(name: str, contender: str, settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """A contender's process, prepared; it ends with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.worker", name, contender, *_words(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env=clean_environment(),
    )
    try:
        _answer(process, contender)
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _words(settings: Settings) -> list[str]:
    return [str(settings.threads), str(settings.quick)]


def _ask(process: subprocess.Popen[str], contender: str) -> dict[str, Any]:
    assert process.stdin is not None
    process.stdin.write("round\n")
    process.stdin.flush()
    return _answer(process, contender)


def _answer(process: subprocess.Popen[str], contender: str) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{contender} ended without an answer; its error is above")
    content: dict[str, Any] = json.loads(line)
    return content


def measured_peak(threads: int) -> dict[str, float]:
    """GFLOP/s of one thread and of ``threads``, measured in a clean process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peak", str(threads)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=clean_environment(),
    )
    peak: dict[str, float] = json.loads(done.stdout)
    return peak
