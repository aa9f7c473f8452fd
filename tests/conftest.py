"""What tests of several packages share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lexon import parallel
from lexon.kernels import product


@pytest.fixture
def on_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """``on_threads(n, f)``: f() on n threads, however small the work, if blocks are to share."""
    before, helped = parallel.threads(), []
    work = parallel._Job.work

    def together(job: Any) -> int:
        helped.append(1)
        until = time.monotonic() + 5
        while len(helped) < 2 and time.monotonic() < until:
            time.sleep(0)  # nobody begins before another thread has come to help
        return work(job)

    monkeypatch.setattr(parallel, "WORTH_SHARING", 0)
    monkeypatch.setattr(product, "A_BLOCK", 1)
    monkeypatch.setattr(parallel._Job, "work", together)

    def run(number: int, function: Callable[[], Any]) -> Any:
        parallel.threads(number)
        helped.clear()
        result = function()
        assert number == 1 or len(helped) > 1, "nothing was shared"
        return result

    yield run
    parallel.threads(before)
