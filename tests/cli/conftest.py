"""What the tests of the command line share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lexon import parallel
from tests.cli.commands import TINY, lexon, reviews, write


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test works in a folder of its own, and leaves the number of threads as it was."""
    monkeypatch.chdir(tmp_path)
    before = parallel.threads()
    yield
    parallel.threads(before)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Sixty texts with labels."""
    return write(tmp_path / "reviews.csv", reviews())


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A linear model that tells good from bad."""
    folder = tmp_path_factory.mktemp("trained")
    source, model = write(folder / "reviews.csv", reviews()), folder / "reviews.lexon"
    options = ("--model", "linear", *TINY, "--epochs", "20", "--quiet")
    assert lexon("train", source, *options, "-o", model).code == 0
    return model


@pytest.fixture(scope="session")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A regression model on a table."""
    folder = tmp_path_factory.mktemp("prices")
    rows = [(str(n % 7), ("yes", "no")[n % 2], str(3 * (n % 7) + n % 2)) for n in range(120)]
    write(folder / "homes.csv", rows, ("size", "garden", "price"))
    options = ("--target", "price", "--epochs", "2", "--hidden", "4", "--quiet", "--no-baseline")
    answer = lexon("train", folder / "homes.csv", *options, "-o", folder / "prices.lexon")
    assert answer.code == 0, answer.err
    return folder / "prices.lexon"
