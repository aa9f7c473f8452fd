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

from benchmarks.case import Case, Round

ROOT = Path(__file__).resolve().parents[1]
#: Variables that choose somebody's kernels or threads: nobody inherits them.
OVERRIDES = ("OPENBLAS_", "OMP_", "GOMP_", "KMP_", "MKL_", "NUMBA_", "BLIS_", "VECLIB_")

Say = Callable[[str], None]


def clean_environment() -> dict[str, str]:
    """The environment without what overrides a library's own choices."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OVERRIDES)}


def missing(case: Case) -> dict[str, str]:
    """Contenders that cannot take part, each with the package that it lacks."""
    needs = {name: contender.package for name, contender in case.contenders.items()}
    return {name: need for name, need in needs.items() if need and find_spec(need) is None}


def race(
    name: str, case: Case, threads: int, quick: bool, repeats: int, say: Say
) -> dict[str, list[Round]]:
    """All rounds of all contenders that can take part, by name of the contender."""
    absent = missing(case)
    present = [contender for contender in case.contenders if contender not in absent]
    rounds: dict[str, list[Round]] = {contender: [] for contender in present}
    with ExitStack() as stack:
        workers = {}
        for contender in present:
            say(f"{name}: {contender} prepares")
            workers[contender] = stack.enter_context(_worker(name, contender, threads, quick))
        for turn in range(repeats):
            say(f"{name}: round {turn + 1} of {repeats}")
            # Who begins changes, so that nobody always finds the machine warmed up by another.
            for contender in present if turn % 2 == 0 else reversed(present):
                answer = _ask(workers[contender], contender)
                rounds[contender].append(Round(**answer))
    return rounds


@contextmanager
def _worker(
    name: str, contender: str, threads: int, quick: bool
) -> Iterator[subprocess.Popen[str]]:
    """A contender's process, prepared; it ends with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.worker", name, contender, str(threads), str(quick)],
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
