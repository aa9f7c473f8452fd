"""Shared kernels: every block once, whoever does it; callers together; code kept by its name."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from numba import types

from lexon import parallel
from lexon.kernels.atomic import add
from lexon.kernels.shared import helped, shared

WORTH = float(parallel.WORTH_WAKING)


@shared
def count_up(first, last, times, done):
    """Each item of a block, so often."""
    for i in range(first, last):
        for _ in range(times[0]):
            add(done, i, 1)


@pytest.fixture(autouse=True)
def as_before():
    before = parallel.threads()
    yield
    parallel.threads(before)


@pytest.mark.parametrize("number", [1, 2, 5, 9, 17])
@pytest.mark.parametrize("work", [0.0, WORTH])
@pytest.mark.parametrize(("size", "length"), [(0, 1), (1, 1), (1, 9), (10, 3), (1000, 1)])
def test_every_item_is_done_once(size, length, work, number):
    parallel.threads(number)
    for _ in range(20):
        done = np.zeros(size, np.int64)
        count_up(size, length, work, np.ones(1, np.int64), done)
        assert (done == 1).all()


def test_helpers_take_blocks_that_are_worth_it():
    parallel.threads(2)
    board, slow = parallel.board(WORTH), np.array([100_000])
    for _ in range(200):
        count_up(8, 1, WORTH, slow, np.zeros(8, np.int64))
    taken = helped(board)
    assert 0 < taken < 1600
    count_up(8, 1, 0.0, slow, np.zeros(8, np.int64))
    assert helped(board) == taken


_thread = types.ExternalFunction("pthread_self", types.uint64())


@shared
def who_does_it(first, last, times, names):
    for i in range(first, last):
        names[i] = _thread()
        for _ in range(times[0]):
            add(times, 1, 1)


@pytest.mark.skipif(os.name != "posix", reason="asks for the thread by a function of POSIX")
@pytest.mark.parametrize(("number", "blocks"), [(2, 2), (2, 7), (5, 2), (5, 20)])
def test_the_callers_first_block_is_its_own(number, blocks):
    """So that a thread meets in kernel after kernel what is in its own cache."""
    parallel.threads(number)
    own = np.zeros(1, np.uint64)
    who_does_it(1, 1, 0.0, np.zeros(2, np.int64), own)
    helped_out = 0
    for _ in range(300):
        names = np.zeros(blocks, np.uint64)
        who_does_it(blocks, 1, WORTH, np.array([20_000, 0]), names)
        assert names[0] == own[0]
        helped_out += (names != own[0]).sum()
    assert helped_out


def test_callers_do_not_meet_each_others_work():
    parallel.threads(3)
    wrong = []

    def user() -> None:
        for size in range(1, 60):
            done = np.zeros(size, np.int64)
            count_up(size, 2, WORTH, np.array([50]), done)
            if not (done == 50).all():
                wrong.append(size)

    users = [threading.Thread(target=user, daemon=True) for _ in range(5)]
    for each in users:
        each.start()
    for each in users:
        each.join(60)
    assert not wrong and not any(each.is_alive() for each in users)


@shared
def fail_at(first, last, times, bad, done):
    for i in range(first, last):
        for _ in range(times[0]):
            add(done, i, 1)
        if i == bad:
            raise ValueError


@pytest.mark.parametrize("work", [0.0, WORTH])
def test_a_block_that_fails_is_told_and_lets_go(work):
    parallel.threads(2)
    slow, done = np.array([20_000]), np.zeros(8, np.int64)
    before = sys.getrefcount(done)
    for bad in [*range(8)] * 5:
        with pytest.raises(MemoryError, match="fail_at"):
            fail_at(8, 1, work, slow, bad, done)
    assert sys.getrefcount(done) == before
    fail_at(8, 1, work, slow, 9, done)
    if work:
        assert helped(parallel.board(work))


def test_a_helper_that_slept_is_woken():
    parallel.threads(2)
    board = parallel.board(WORTH)
    bed = parallel._pool.helpers().asleep
    for _ in range(20_000):
        if bed:
            break
        threading.Event().wait(0.001)
    assert bed, "the helper never went to sleep"
    slow = np.array([1_000_000])
    for _ in range(20):
        count_up(4, 1, WORTH, slow, np.zeros(4, np.int64))
    assert helped(board)


KEPT = """
import sys
import numpy as np
from lexon.kernels import rows, update
x, y = np.arange(4.0), np.zeros(4)
if "scale" in sys.argv:
    update.scale(4, 4, 0.0, x, 2.0, y)
    assert y.tolist() == [0, 2, 4, 6]
if "squares" in sys.argv:
    update.square_sums(4, 4, 0.0, x, 4, y)
    assert y[0] == 14
if "floats" in sys.argv:
    x, y = np.arange(4, dtype=np.float32), np.zeros(4, np.float32)
    update.scale(4, 4, 0.0, x, 2.0, y)
    assert y.tolist() == [0, 2, 4, 6]
if "cosines" in sys.argv:
    rows.cosines(4, 4, 0.0, np.ones((4, 3)), np.ones(4), np.ones(3), y)
    assert y.tolist() == [3, 3, 3, 3]
"""


def test_code_kept_by_several_processes_is_each_its_own(tmp_path):
    environment = os.environ | {"LEXON_CACHE": str(tmp_path)}
    for asked in (
        ["scale"],
        ["floats"],
        ["cosines"],
        ["squares"],
        ["scale", "floats", "cosines", "squares"],
    ):
        command = [sys.executable, "-c", KEPT, *asked]
        subprocess.run(command, env=environment, timeout=120, check=True)
