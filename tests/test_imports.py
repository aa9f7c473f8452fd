"""Importing costs nothing until something is used."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import lexon

#: Peers, for tests and benchmarks.
NEVER = {"torch", "gensim", "fasttext", "tensorflow"}


def loaded_by(program: str) -> set[str]:
    """The modules in memory after ``program`` ran in a fresh process."""
    ending = "\nimport sys, json; print('\\n' + json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program + ending], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def third_party(modules: set[str]) -> set[str]:
    """Top-level names that neither Python nor its start-up brings."""
    known = set(sys.stdlib_module_names) | {m.partition(".")[0] for m in loaded_by("pass")}
    return {m.partition(".")[0] for m in modules} - known


def test_import_lexon_loads_only_lexon():
    modules = loaded_by("import lexon")
    assert third_party(modules) == {"lexon"}
    assert {m for m in modules if m.startswith("lexon")} == {"lexon"}


@pytest.mark.parametrize(
    "program",
    [
        "import lexon.cli",
        "import lexon.cli, contextlib\n"
        "with contextlib.suppress(SystemExit): lexon.cli.main(['--help'])",
        "import lexon.cli, contextlib\n"
        "with contextlib.suppress(SystemExit): lexon.cli.main(['--version'])",
    ],
    ids=["import", "--help", "--version"],
)
def test_the_command_line_starts_without_numpy(program):
    assert third_party(loaded_by(program)) - {"colorama"} == {"lexon", "click"}


def test_everything_together_loads_no_peer():
    program = "import lexon\nfor name in lexon.__all__: getattr(lexon, name)"
    assert not loaded_by(program) & NEVER


def test_every_public_name_resolves():
    assert sorted(lexon.__all__) == lexon.__all__
    assert set(lexon.__all__) == lexon._HOMES.keys()
    for name in lexon.__all__:
        assert getattr(lexon, name) is not None
        assert name in dir(lexon)


@pytest.mark.parametrize("name", lexon.__all__)
def test_every_public_name_resolves_first(name):
    loaded_by(f"import lexon\nassert lexon.{name} is lexon.{name}")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Tensr'"):
        _ = lexon.Tensr


def test_a_tensor_has_operations_from_the_start():
    """``lexon.Tensor`` alone must be able to multiply."""
    loaded_by("import lexon\nassert (lexon.Tensor([2.0]) * 3.0).value.tolist() == [6.0]")
