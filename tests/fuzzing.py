"""What the fuzzers share: their command line, and what it says of a run."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

#: (inputs, seed) to what came of them, the growth of peak memory in bytes, and more to be told.
Fuzz = Callable[[int, int], tuple[Any, ...]]


def command(fuzz: Fuzz, about: str | None, here: str, memory: int, inputs: int = 20_000) -> int:
    """Fuzz as the command line says; 0 if nothing escaped and memory grew by ``memory`` at most.

    ``here`` is the file in which ``fuzz`` leaves an input that something else came of.
    """
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--inputs", type=int, default=inputs)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    start = time.perf_counter()
    try:
        outcomes, grown, *more = fuzz(given.inputs, given.seed)
    except Exception:
        traceback.print_exc()
        print(f"the input is in {here}", file=sys.stderr)
        return 1
    seconds = time.perf_counter() - start
    print(
        f"seed {given.seed}: {given.inputs:,} inputs in {seconds:.0f} s"
        f" ({given.inputs / seconds:,.0f} a second)"
    )
    assert isinstance(outcomes, Counter)
    print(", ".join(f"{name} {count:,}" for name, count in outcomes.most_common()))
    print(f"peak memory grew by {grown / 2**20:.0f} MB (at most {memory / 2**20:.0f})", *more)
    return 0 if grown <= memory else 1
