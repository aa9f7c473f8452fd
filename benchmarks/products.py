"""Small-batch matrix products on weights that stay the same: C (M, N) = A (M, K) W (N, K)ᵀ."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.case import SPEED, Case, Contender, Round, Settings, random_state

Array = npt.NDArray[Any]

#: K, and N as a recurrent layer of K neurons with four gates has it.
DEPTHS = {128: 512, 256: 1024, 512: 2048, 650: 2600}
HEIGHTS = (16, 32, 64)
CHECK = "mean of |C|"

#: Takes the number of times; does the product so often.
Repeat = Callable[[int], object]


def shapes(settings: Settings) -> dict[str, tuple[int, int, int]]:
    """M, N, K by row of the table."""
    depths = {128: 512} if settings.quick else DEPTHS
    return {f"{m} x {k} x {n}": (m, n, k) for k, n in depths.items() for m in HEIGHTS}


def flops(settings: Settings) -> dict[str, float]:
    return {row: 2.0 * m * n * k for row, (m, n, k) in shapes(settings).items()}


def operands(m: int, n: int, k: int) -> tuple[Array, Array, Array]:
    """A, W and room for C."""
    rng = random_state(m)
    a, w = (rng.uniform(-1, 1, shape).astype(np.float32) for shape in ((m, k), (n, k)))
    return a, w, np.zeros((m, n), np.float32)


def contest(
    settings: Settings, make: Callable[[Array, Array, Array], tuple[Repeat, Callable[[], Array]]]
) -> Callable[[], Round]:
    """Rounds of about 30 ms per shape. ``make`` gives the repetition, and a view of C after it."""
    ready = {}
    for row, shape in shapes(settings).items():
        repeat, result = make(*operands(*shape))
        repeat(1)
        times = max(1, int((1e8 if settings.quick else 3e9) / flops(settings)[row]))
        ready[row] = repeat, result, times

    def one_round() -> Round:
        seconds, sizes = {}, []
        for row, (repeat, result, times) in ready.items():
            began = time.perf_counter()
            repeat(times)
            seconds[row] = (time.perf_counter() - began) / times
            sizes.append(float(np.abs(result()).mean()))
        return Round(seconds, {CHECK: float(np.mean(sizes))})

    return one_round


def lexon_kernel(settings: Settings) -> Callable[[], Round]:
    """The kernel as other kernels call it: repeated within compiled code."""
    import numba

    from lexon.kernels.product import multiply, pack, panel_width

    @numba.njit(nogil=True)  # type: ignore[untyped-decorator]
    def many(times, a, k, m, data, n, panels, bias, c):  # type: ignore[no-untyped-def]
        for _ in range(times):
            multiply(a, k, 1, 0, m, data, k, n, 0, panels, bias, c)

    def make(a: Array, w: Array, c: Array) -> tuple[Repeat, Callable[[], Array]]:
        packed, none = pack(w.T), np.empty(0, np.float32)
        panels = -(-len(w) // panel_width(np.float32))
        flat, (m, k), n = a.reshape(-1), a.shape, len(w)
        return lambda times: many(times, flat, k, m, packed.data, n, panels, none, c), lambda: c

    return contest(settings, make)


def lexon_product(settings: Settings) -> Callable[[], Round]:
    """``product`` as operations call it: from Python, with a new C each time."""
    from lexon import parallel
    from lexon.kernels.product import pack, product

    parallel.threads(settings.threads)

    def make(a: Array, w: Array, c: Array) -> tuple[Repeat, Callable[[], Array]]:
        packed = pack(w.T)

        def repeat(times: int) -> None:
            for _ in range(times):
                product(a, packed)

        return repeat, lambda: product(a, packed)

    return contest(settings, make)


def numpy(settings: Settings) -> Callable[[], Round]:
    """NumPy's own BLAS (OpenBLAS in its wheels), into the same C each time."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(settings.threads)

    def make(a: Array, w: Array, c: Array) -> tuple[Repeat, Callable[[], Array]]:
        def repeat(times: int) -> None:
            for _ in range(times):
                np.matmul(a, w.T, out=c)

        return repeat, lambda: c

    return contest(settings, make)


def pytorch(settings: Settings) -> Callable[[], Round]:
    """``torch.mm``, into the same C each time."""
    import torch

    torch.set_num_threads(settings.threads)

    def make(a: Array, w: Array, c: Array) -> tuple[Repeat, Callable[[], Array]]:
        left, right, room = torch.from_numpy(a), torch.from_numpy(w).T, torch.from_numpy(c)

        def repeat(times: int) -> None:
            for _ in range(times):
                torch.mm(left, right, out=room)

        return repeat, lambda: c

    return contest(settings, make)


CASE = Case(
    title="Matrix products, M x K x N, on one thread",
    explanation=(
        "C (M, N) = A (M, K) W (N, K)ᵀ in float32, W the same in every call. lexon packs W once,"
        " which is not timed: so its kernels use it, in every time step of a text. The kernel is"
        " repeated within compiled code; `product` and the peers are called from Python each time,"
        " the peers into the same C, `product` into a new one."
    ),
    contenders={
        "lexon, kernel": Contender(lexon_kernel),
        "lexon, `product`": Contender(lexon_product),
        "NumPy": Contender(numpy),
        "PyTorch": Contender(pytorch, "torch"),
    },
    flops=flops,
    unit=SPEED,
    losses={CHECK: 1e-5},
    repeats=7,
    threads=1,
)
