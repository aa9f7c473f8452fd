"""What tests of several packages share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lexon import parallel
from lexon.kernels import product
from lexon.kernels.shared import helped


@pytest.fixture
def on_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """``on_threads(n, f)``: f() on n threads, some times and until helpers took a block.

    With ``times`` 0 it is done once, whether there was something to share or not.
    """
    before = parallel.threads()
    for limit in ("WORTH_SHARING", "WORTH_WAKING"):
        monkeypatch.setattr(parallel, limit, 0)
    monkeypatch.setattr(product, "A_BLOCK", 1)

    def run(number: int, function: Callable[[], Any], times: int = 5) -> Any:
        parallel.threads(number)
        board, until = parallel.board(1), time.monotonic() + 20
        done, result = 1, function()
        while number > 1 and times and time.monotonic() < until:
            if done >= times and helped(board):
                break
            done, result = done + 1, function()  # a helper may have come too late
        assert number == 1 or helped(board) or not times, "nothing was shared"
        return result

    yield run
    parallel.threads(before)
