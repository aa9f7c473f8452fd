"""One pool of threads: every block once, errors kept, nobody waits for ever."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexon import parallel
from lexon.errors import InputError

WORTH = float(parallel.WORTH_WAKING)


@pytest.fixture(autouse=True)
def as_before():
    before = parallel.threads()
    yield
    parallel.threads(before)


@given(size=st.integers(0, 200), length=st.integers(1, 50))
def test_blocks_cover_everything_once(size, length):
    cuts = parallel.blocks(size, length)
    assert [i for start, stop in cuts for i in range(start, stop)] == list(range(size))
    assert all(stop - start == length for start, stop in cuts[:-1])


@pytest.mark.parametrize("number", [1, 2, 5])
@pytest.mark.parametrize("work", [0.0, WORTH])
@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_every_block_is_done_once(number, work, count):
    parallel.threads(number)
    done: list[tuple[int, int]] = []
    parallel.share(lambda start, stop: done.append((start, stop)), parallel.blocks(count, 1), work)
    assert sorted(done) == parallel.blocks(count, 1)


def names(number: int, work: float) -> set[str]:
    """Which threads took part in four blocks that wait for each other, if they can."""
    if parallel.threads() != number:  # setting it would make new threads
        parallel.threads(number)
    seen: set[str] = set()
    together = threading.Barrier(min(number, 4)) if work >= WORTH else None

    def task(start: int, stop: int) -> None:
        if together is not None:
            together.wait(10)
        seen.add(threading.current_thread().name)

    parallel.share(task, parallel.blocks(4, 1), work)
    return seen


def test_work_is_shared_where_it_pays():
    assert len(names(1, WORTH)) == 1
    assert len(names(4, WORTH - 1)) == 1
    assert len(names(2, WORTH)) == 2
    assert len(names(4, WORTH)) == 4
    assert threading.current_thread().name in names(4, WORTH)


@pytest.mark.parametrize("number", [1, 3])
def test_an_error_in_a_block_is_raised_after_all_have_stopped(number):
    parallel.threads(number)
    running: list[int] = []

    def task(start: int, stop: int) -> None:
        running.append(start)
        try:
            if start == 2:
                raise ZeroDivisionError("block 2")
            time.sleep(0.01)
        finally:
            running.remove(start)

    with pytest.raises(ZeroDivisionError, match="block 2"):
        parallel.share(task, parallel.blocks(9, 1), WORTH)
    assert not running
    done: list[int] = []
    parallel.share(lambda start, stop: done.append(start), parallel.blocks(9, 1), WORTH)
    assert sorted(done) == list(range(9))


def test_an_error_in_a_helping_thread_is_raised():
    parallel.threads(2)
    both = threading.Barrier(2)

    def task(start: int, stop: int) -> None:
        both.wait(10)
        if threading.current_thread().name.startswith("lexon"):
            raise ZeroDivisionError("in the helper")

    with pytest.raises(ZeroDivisionError, match="in the helper"):
        parallel.share(task, parallel.blocks(2, 1), WORTH)


NESTED = """
import time
from lexon import parallel
parallel.threads(3)
done = []
def outer(row, _):
    time.sleep(0.01)  # so that every thread is in a block when the inner ones are shared
    parallel.share(lambda i, _: done.append((row, i)), parallel.blocks(4, 1), 1e9)
parallel.share(outer, parallel.blocks(6, 1), 1e9)
assert sorted(done) == [(row, i) for row in range(6) for i in range(4)]
"""


def test_blocks_may_share_their_own_work():
    """In a process of its own: threads that wait for each other for ever would keep this one."""
    subprocess.run([sys.executable, "-c", NESTED], timeout=30, check=True)


def test_several_threads_may_share_at_once():
    parallel.threads(2)
    counts = [0] * 6

    def user(place: int) -> None:
        for _ in range(20):
            done: list[int] = []
            parallel.share(lambda i, _, done=done: done.append(i), parallel.blocks(8, 1), WORTH)
            counts[place] += sorted(done) == list(range(8))

    users = [threading.Thread(target=user, args=(k,), daemon=True) for k in range(6)]
    for thread in users:
        thread.start()
    for thread in users:
        thread.join(20)
    assert counts == [20] * 6


@pytest.mark.parametrize("number", [0, -1, 1.5, float("nan"), True, "2"])
def test_no_other_number_of_threads(number):
    before = parallel.threads()
    with pytest.raises(InputError, match="no whole number from 1 on"):
        parallel.threads(number)
    assert parallel.threads() == before


def test_the_number_of_threads():
    assert parallel.threads(3) == 3
    assert parallel.threads() == 3


def _in_child(answers) -> None:
    answers.put(len(names(2, WORTH)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_makes_threads_of_its_own():
    assert len(names(2, WORTH)) == 2
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=_in_child, args=(answers,))
    child.start()
    child.join(30)
    assert child.exitcode == 0, "the child counts on threads that only its parent has"
    assert answers.get() == 2
