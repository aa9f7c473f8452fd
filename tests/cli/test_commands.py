"""The program as a whole: help that teaches, exit codes, commands that are misspelt."""

from __future__ import annotations

import re

import pytest

import lexon
from lexon.cli import COMMANDS
from tests.cli import commands
from tests.cli.commands import start


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_gives_examples(name: str) -> None:
    answer = commands.lexon(name, "--help")
    assert (answer.code, answer.err) == (0, "")
    examples = re.findall(rf"^ +(?:cat \S+ \| )?lexon {name} ?(.*)$", answer.out, re.MULTILINE)
    assert examples
    for option in re.findall(r"--[a-z-]+", " ".join(examples)):
        assert re.search(rf"^ +(-\w, )?{option}\b", answer.out, re.MULTILINE), option


def test_the_help_of_the_program_lists_all_commands() -> None:
    answer = commands.lexon("--help")
    assert answer.code == 0
    for name, purpose in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(purpose)}$", answer.out, re.MULTILINE)
    assert "lexon train" in answer.out


def test_the_help_tells_what_an_interrupt_does() -> None:
    said = " ".join(commands.lexon("train", "--help").out.split())
    assert "Ctrl-C ends training" in said and "exit code is 130" in said and "--resume" in said


def test_the_version_is_told() -> None:
    assert commands.lexon("--version").out == f"lexon, version {lexon.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trian", "a.csv"], "no command 'trian': did you mean 'train'?"),
        (["sing"], "there are train, predict, evaluate, compare"),
        (["train"], "Missing argument 'FILE'"),
        (["train", "a.csv"], "Missing option '-o'"),
        (["train", "a.csv", "b.csv", "-o", "m"], "unexpected extra argument"),
        (["train", "a.csv", "-o", "m", "--epoch", "2"], "--epochs"),
        (["train", "a.csv", "-o", "m", "--epochs", "two"], "'two' is not a valid integer"),
        (["train", "a.csv", "-o", "m", "--model", "svm"], "'linear', 'mlp', 'cnn', 'rnn'"),
        (["predict"], "Missing argument 'MODEL'"),
        (["evaluate", "m"], "Missing argument 'FILE'"),
        ([], "Usage: lexon"),
    ],
)
def test_what_is_misspelt_or_missing_is_told(arguments: list[str], said: str) -> None:
    answer = commands.lexon(*arguments)
    assert answer.code == 2 and said in answer.err and answer.out == ""


def test_a_process_ends_with_the_code_and_without_a_traceback() -> None:
    done = start("train", "there-is-none.csv", "-o", "m.lexon")
    out, err = done.communicate()
    assert (done.returncode, out) == (2, "")
    assert err.startswith("lexon: there-is-none.csv: there is no such file")
    assert "Traceback" not in err


def test_the_help_tells_the_defaults_of_texts() -> None:
    from inspect import signature

    from lexon.cli.options import DEFAULTS
    from lexon.tasks import TextClassifier

    told = " ".join(commands.lexon("train", "--help").out.partition("Options:")[2].split())
    usual = {name: one.default for name, one in signature(TextClassifier).parameters.items()}
    for name in DEFAULTS:
        default = usual.get(name)
        if isinstance(default, bool) or default is None:
            continue
        shown = (
            ",".join(map(str, default))
            if isinstance(default, tuple)
            else f"{default:g}"
            if isinstance(default, float)
            else str(default)
        )
        option = {"output": "output-layer"}.get(name, name.replace("_", "-"))
        after = told.split(f" --{option} ")[1].split(" --")[0]
        inside = after[after.rindex("[") :]
        assert shown in inside, (name, shown, inside)
