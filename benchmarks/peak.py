"""The machine's measured peak: fused multiply-adds on registers alone, nothing from memory.

Run as a program, ``python -m benchmarks.peak THREADS``, it prints GFLOP/s of float32 as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lexon.kernels.simd import lanes

#: Sums that do not wait for each other: more than a processor's multiply-adds in flight (latency
#: 4 cycles x 2 units), fewer than its registers.
SUMS = 12
STEPS, ATTEMPTS = 5_000_000, 12


@intrinsic
def _multiply_add(context: Any, steps: Any) -> Any:
    """Every sum s <- s * x + y, ``steps`` times; the total, so that nothing is left out."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        width = lanes(4)
        vector = ir.VectorType(ir.FloatType(), width)
        x, y = (ir.Constant(vector, [number] * width) for number in (0.5, 1.0))
        before, body = builder.block, builder.append_basic_block("body")
        after = builder.append_basic_block("after")
        builder.branch(body)

        builder.position_at_end(body)
        step, sums = builder.phi(given[0].type), [builder.phi(vector) for _ in range(SUMS)]
        following = builder.add(step, ir.Constant(step.type, 1))
        once = {"flags": ["contract"]}  # product and sum in one instruction
        added = [builder.fadd(builder.fmul(total, x, **once), y, **once) for total in sums]
        step.add_incoming(ir.Constant(step.type, 0), before)
        step.add_incoming(following, body)
        for place, (total, new) in enumerate(zip(sums, added, strict=True)):
            total.add_incoming(ir.Constant(vector, [float(place)] * width), before)
            total.add_incoming(new, body)
        builder.cbranch(builder.icmp_signed("<", following, given[0]), body, after)

        builder.position_at_end(after)
        whole = added[0]
        for new in added[1:]:
            whole = builder.fadd(whole, new)
        return builder.extract_element(whole, ir.Constant(ir.IntType(32), 0))

    return types.float32(types.intp), generate


@numba.njit(nogil=True)  # type: ignore[untyped-decorator]
def _run(steps: int) -> float:
    return _multiply_add(steps)


def peak(threads: int) -> float:
    """GFLOP/s that so many threads reach together: the best of several attempts."""
    _run(1)
    best = 0.0
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(ATTEMPTS):
            began = time.perf_counter()
            list(pool.map(_run, [STEPS] * threads))
            seconds = time.perf_counter() - began
            best = max(best, 2.0 * SUMS * lanes(4) * STEPS * threads / seconds / 1e9)
    return best


def main() -> None:
    threads = int(sys.argv[1])
    print(json.dumps({"1": peak(1), str(threads): peak(threads)}))


if __name__ == "__main__":
    main()
