"""What the tests of corpora share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lexon import parallel


@pytest.fixture
def sharing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """However small a text is, threads share it; afterwards there are as many as before."""
    monkeypatch.setattr(parallel, "WORTH_WAKING", 0)
    monkeypatch.setattr(parallel, "WORTH_SHARING", 0)
    before = parallel.threads()
    yield
    parallel.threads(before)


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """``file(text, name)``: the path of a file with this text."""

    def write(text: str | bytes, name: str = "text.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write
