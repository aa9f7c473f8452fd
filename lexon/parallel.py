"""One pool of threads for the whole process, and work cut into blocks that they share.

A kernel that is worth sharing is cut into blocks, each of which writes its own part of the output.
Where a sum is taken in parts, their borders depend on the size of the work alone. So the bits of a
result are the same on one thread and on sixteen; only the waiting differs.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from queue import SimpleQueue
from typing import Any

import numpy as np

from lexon.errors import InputError

Task = Callable[[int, int], object]

#: Below this many floating-point operations a second thread costs more than it gives; and below
#: so many one that is asleep.
WORTH_SHARING, WORTH_WAKING = 1_000_000, 8_000_000
#: How often a thread looks for new work (or for the end of another's) before it goes to sleep:
#: some tenths of a millisecond, longer than the way from one product to the next.
LOOKS = 2_000_000


class _Job:
    """Blocks to be done, each by whoever draws its ticket."""

    def __init__(self, task: Task, cuts: list[tuple[int, int]]) -> None:
        self.task, self.cuts = task, cuts
        self.tickets = count()
        self.helped = np.zeros(1, np.int64)  # blocks that helpers have finished
        self.errors: list[BaseException] = []

    def work(self) -> int:
        """Do blocks until there are none left; how many were done here."""
        done = 0
        while (ticket := next(self.tickets)) < len(self.cuts):
            done += 1
            try:
                self.task(*self.cuts[ticket])
            except BaseException as error:
                self.errors.append(error)
        return done


_NOTHING = _Job(lambda start, stop: None, [])


class _Pool:
    """The process's threads: started at first use, forgotten by a forked child."""

    def __init__(self) -> None:
        self.size = os.process_cpu_count() if hasattr(os, "process_cpu_count") else _cpus()
        self.team: _Team | None = None
        self.lock = threading.Lock()

    def resize(self, size: int) -> None:
        with self.lock:
            if self.team is not None:
                self.team.dismiss()
            self.team, self.size = None, size

    def helpers(self) -> _Team:
        if (team := self.team) is None:
            with self.lock:
                team = self.team = self.team or _Team(self.size - 1)
        return team


class _Team:
    """Helping threads: awake for a moment after work, then asleep until called."""

    def __init__(self, size: int) -> None:
        from lexon.kernels.shared import new_board, serve
        from lexon.kernels.signal import changed, post

        self.post, self.changed, self.serve = post, changed, serve
        self.board = new_board(size + 1)
        self.calls = np.zeros(1, np.int64)
        self.job: _Job | None = None
        self.asleep: list[SimpleQueue[None]] = []
        post(self.calls, 0)  # compiled here, once, not by every helper
        changed(self.calls, 0, 1)
        serve(self.board, 0, self.calls, 0, 1)
        for number in range(size):
            name = f"lexon_{number}"
            threading.Thread(target=self._help, args=(number + 1,), name=name, daemon=True).start()

    def call(self, job: _Job | None) -> None:
        """Offer the blocks of ``job`` to all helpers; None sends them home."""
        self.job = job
        self.post(self.calls, 1)
        self.wake()

    def wake(self) -> None:
        with suppress(IndexError):  # another thread may wake them, too
            while self.asleep:
                self.asleep.pop().put(None)

    def dismiss(self) -> None:
        self.call(None)

    def finish(self, job: _Job, theirs: int) -> None:
        """Wait until helpers have done the blocks they took; what these held is let go."""
        self.job = _NOTHING
        while (helped := int(job.helped[0])) < theirs:
            if not self.changed(job.helped, helped, LOOKS):
                time.sleep(1e-4)

    def _help(self, member: int) -> None:
        bed: SimpleQueue[None] = SimpleQueue()
        known = 0
        while True:
            self.serve(self.board, member, self.calls, known, LOOKS)
            if self.calls[0] == known:
                self.asleep.append(bed)
                if self.calls[0] == known:
                    bed.get()
                else:
                    try:
                        self.asleep.remove(bed)
                    except ValueError:  # it was woken after all
                        bed.get()
            if self.calls[0] == known:
                continue  # woken for the blocks of a kernel
            known = int(self.calls[0])
            if (job := self.job) is None:
                return
            if done := job.work():
                self.post(job.helped, done)
            del job


def _cpus() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


_pool = _Pool()
if hasattr(os, "register_at_fork"):

    def _forget_in_child() -> None:
        _pool.team, _pool.lock = None, threading.Lock()

    os.register_at_fork(after_in_child=_forget_in_child)


def threads(number: int | None = None) -> int:
    """Set how many threads kernels may use (when given) and return how many they use now.

    Units: threads of this process, the calling one included; by default one per processor
    that the process may run on.

    Raises:
        InputError: ``number`` is no whole number from 1 on.
    """
    if number is not None:
        if not isinstance(number, (int, np.integer)) or isinstance(number, bool) or number < 1:
            raise InputError(f"threads: {number!r} is no whole number from 1 on\n  give 1 or more")
        _pool.resize(int(number))
    return _pool.size


def blocks(size: int, length: int) -> list[tuple[int, int]]:
    """The borders ``(start, stop)`` of ``size`` items cut into blocks of ``length``."""
    return [(start, min(start + length, size)) for start in range(0, size, length)]


_ALONE = np.zeros(0, np.int64)


def board(work: float) -> Any:
    """Where a kernel of so many floating-point operations offers its blocks to helpers.

    An empty one where it is better done alone.
    """
    if _pool.size <= 1 or work < WORTH_SHARING:
        return _ALONE
    team = _pool.helpers()
    if work >= WORTH_WAKING:
        team.wake()
    return team.board


def share(task: Task, cuts: list[tuple[int, int]], work: float) -> None:
    """Call ``task(start, stop)`` for every block, on several threads where that pays.

    Blocks must write to disjoint places. ``work`` is the number of floating-point operations
    of the whole. An error in any block is raised here, after all threads have stopped.
    """
    if min(_pool.size, len(cuts)) <= 1 or work < WORTH_WAKING:
        for start, stop in cuts:
            task(start, stop)
        return
    job, team = _Job(task, cuts), _pool.helpers()
    team.call(job)
    theirs = len(cuts) - job.work()
    try:
        team.finish(job, theirs)
    except KeyboardInterrupt:  # not before nobody writes any more
        team.finish(job, theirs)
        raise
    if job.errors:
        raise job.errors[0]
