"""The examples in the docstrings of all modules run and give what stands there."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import pytest

import lexon

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(lexon.__path__, "lexon.")
    if not module.name.endswith("__main__")
)  # fmt: skip


@pytest.mark.parametrize("name", ["lexon", *MODULES])
def test_examples_in_docstrings_run(name: str) -> None:
    result = doctest.testmod(import_module(name))
    assert result.failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    examples = {
        name: sum(len(test.examples) for test in finder.find(import_module(name)))
        for name in MODULES
    }
    assert sum(examples.values()) >= 20
    assert examples["lexon.tasks.classify"] and examples["lexon.nn.dense"]
