"""One pool of threads for the whole process, and work cut into blocks that do not depend on it.

A kernel that is worth sharing is cut into blocks whose borders depend on the size of the work
alone. Each block writes its own part of the output. So the bits of a result are the same on one
thread and on sixteen; only the waiting differs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from lexon.errors import InputError

#: Below this many floating-point operations waking a second thread costs more than it gives.
WORTH_SHARING = 30_000_000


class _Pool:
    """The process's threads: created at first use, forgotten by a forked child."""

    def __init__(self) -> None:
        self.size = os.process_cpu_count() if hasattr(os, "process_cpu_count") else _cpus()
        self.executor: ThreadPoolExecutor | None = None

    def resize(self, size: int) -> None:
        self.forget()
        self.size = size

    def forget(self) -> None:
        if self.executor is not None:
            self.executor.shutdown(wait=False)
        self.executor = None

    def helpers(self) -> ThreadPoolExecutor:
        if self.executor is None:
            self.executor = ThreadPoolExecutor(max(1, self.size - 1), thread_name_prefix="lexon")
        return self.executor


def _cpus() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


_pool = _Pool()
if hasattr(os, "register_at_fork"):

    def _forget_in_child() -> None:
        _pool.executor = None

    os.register_at_fork(after_in_child=_forget_in_child)


def threads(number: int | None = None) -> int:
    """Set how many threads kernels may use (when given) and return how many they use now.

    Units: threads of this process, the calling one included; by default one per processor
    that the process may run on.

    Raises:
        InputError: ``number`` is less than 1.
    """
    if number is not None:
        if number < 1:
            raise InputError(f"threads: {number} is less than 1\n  give 1 or more")
        _pool.resize(number)
    return _pool.size


def blocks(size: int, length: int) -> list[tuple[int, int]]:
    """The borders ``(start, stop)`` of ``size`` items cut into blocks of ``length``."""
    return [(start, min(start + length, size)) for start in range(0, size, length)]


def share(task: Callable[[int, int], object], cuts: list[tuple[int, int]], work: float) -> None:
    """Call ``task(start, stop)`` for every block, on several threads where that pays.

    Blocks must write to disjoint places. ``work`` is the number of floating-point operations
    of the whole. An error in any block is raised here, after all threads have stopped.
    """
    hands = min(_pool.size, len(cuts))
    if hands <= 1 or work < WORTH_SHARING:
        for start, stop in cuts:
            task(start, stop)
        return
    tickets = count()
    helpers = [_pool.helpers().submit(_drain, task, cuts, tickets) for _ in range(hands - 1)]
    try:
        _drain(task, cuts, tickets)
    finally:
        # By now every block is taken: a helper that has not begun is not waited for.
        errors = [helper.exception() for helper in helpers if not helper.cancel()]
    for error in errors:
        if error is not None:
            raise error


def _drain(
    task: Callable[[int, int], object], cuts: list[tuple[int, int]], tickets: Iterator[int]
) -> None:
    while (ticket := next(tickets)) < len(cuts):
        task(*cuts[ticket])
