"""The README: its commands and programs run, and what it names is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.zh.md")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text(name), re.MULTILINE | re.DOTALL)


def commands(name: str) -> list[str]:
    """The lines of all bash blocks."""
    return [line for block in blocks(name, "bash") for line in block.splitlines() if line]


def places(name: str) -> list[list[str]]:
    """What stands in backquotes in each row of the table of concepts."""
    rows = re.findall(r"^\|[^|\n]+\|([^|\n]+)\|$", text(name), re.MULTILINE)
    found = [re.findall(r"`([^`]+)`", row) for row in rows]
    return [row for row in found if row]


def environment(folder: Path) -> dict[str, str]:
    """Where ``lexon`` and ``python`` are this program's, with no kernels compiled yet."""
    programs = folder / "bin"
    programs.mkdir()
    call = {"lexon": f'"{sys.executable}" -c "from lexon.cli import main; main()"',
            "python": f'"{sys.executable}"'}  # fmt: skip
    for name, command in call.items():
        (programs / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (programs / name).chmod(0o755)
    path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    known = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    return known | {"LEXON_CACHE": str(folder / "kernels"), "MPLBACKEND": "agg"}


def computers(path: Path) -> None:
    """A table with a price column, as the README's reader has one."""
    rows = ["speed,ram,screen,brand,price"]
    for row in range(240):
        speed, ram, screen = 25 + row % 50, 2 ** (row % 5), 14 + row % 3
        brand = ("north", "south")[row % 2]
        rows.append(
            f"{speed},{ram},{screen},{brand},{900 + 9 * speed + 30 * ram + 200 * (row % 2)}"
        )
    path.write_text("\n".join(rows) + "\n")


def weather(path: Path) -> None:
    """Days of two cities."""
    random, rows = np.random.default_rng(1), ["city,date,high_temp,avg_wind"]
    for city, mean in (("Auckland", 18), ("Beijing", 12)):
        for day in range(200):
            date = np.datetime64("2016-01-01") + day
            high = mean + 9 * np.sin(day / 58) + random.normal()
            rows.append(f"{city},{date},{high:.1f},{random.integers(2, 20)}")
    path.write_text("\n".join(rows) + "\n")


def relations(path: Path) -> None:
    """Two kinds of sentences with marked spans."""
    rows = ['the <e1>cat</e1> ate the <e2>fish</e2>,"Agent-Patient(e1,e2)"',
            'a <e1>fish</e1> in a <e2>bowl</e2>,"Content-Container(e1,e2)"']  # fmt: skip
    path.write_text("\n".join(["text,relation", *rows * 20]) + "\n")


def names(path: Path) -> None:
    """Sentences with names, a token a line."""
    random = np.random.default_rng(2)
    lines = []
    for _ in range(60):
        person, place = random.choice(["Anna", "Ben", "Carla"]), random.choice(["Rome", "Oslo"])
        lines += [f"{person} B-PER", "Smith I-PER", "lives O", "in O", f"{place} B-LOC", ". O", ""]
    path.write_text("\n".join(lines) + "\n")


def sentences(path: Path) -> None:
    """A text with the words that the README asks for."""
    random = np.random.default_rng(0)
    words = "the king queen man woman rules walks returns a value list of event loop".split()
    lines = (" ".join(random.choice(words, 12)) for _ in range(3000))
    path.write_text("\n".join(lines) + "\n")


def test_every_command_runs_in_order(tmp_path: Path) -> None:
    known, folder = environment(tmp_path), tmp_path / "work"
    folder.mkdir()
    computers(folder / "computers.csv")
    weather(folder / "weather.csv")
    relations(folder / "relations.csv")
    names(folder / "names.conll")
    sentences(folder / "wiki.txt")
    out = {}
    for command in commands("README.md"):
        line = command.replace("docs/examples/", f"{ROOT}/docs/examples/")
        done = subprocess.run(line, shell=True, cwd=folder, env=known, capture_output=True,
                              text=True)  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr and "Warning" not in done.stderr, done.stderr
        assert (done.stdout + done.stderr).strip(), f"{command} says nothing"
        out[command] = done.stdout
    for name in ("quickstart/report.html", "packages.html", "descent.svg", "map.html", "wiki.bin"):
        assert (folder / name).stat().st_size > 1000
    with (folder / "quickstart/test.csv").open() as file:
        rows = sum(1 for _ in file) - 1
    predicted = next(out[command] for command in out if "--json" in command)
    assert predicted.count("\n") == rows > 500
    scored = next(out[command] for command in out if command.startswith("lexon evaluate"))
    accuracy = re.search(r"accuracy (\d\.\d+)", scored)
    assert accuracy and float(accuracy.group(1)) > 0.5
    assert "asyncio" in next(out[command] for command in out if "--proba" in command).split("\n")[0]
    prices = next(out[command] for command in out if "predict prices" in command).split()
    assert len(prices) == 240 and all(500 < float(price) < 3000 for price in prices)


@pytest.mark.parametrize("name", READMES)
def test_every_program_runs(name: str, tmp_path: Path) -> None:
    known = environment(tmp_path) | {"LEXON_CACHE": os.environ.get("LEXON_CACHE", "")}
    programs, printed = blocks(name, "python"), []
    assert len(programs) == 4
    for program in programs:
        done = subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=tmp_path,
                              env=known, capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    assert re.match(r"\['(pos|好)'\] \[\[0\.\d+ +0\.\d+ *\]\]", printed[0])
    assert printed[2] == "(8, 64) (3, 4, 32)\n"
    assert "queen" in printed[3] or "女王" in printed[3]
    assert "sigmoid" in printed[1] and "upstream" in printed[1]
    assert "<svg" in (tmp_path / "neuron.svg").read_text()
    assert len(list(tmp_path.glob("*.lexon"))) == 2


@pytest.mark.parametrize("name", READMES)
def test_the_first_lines_are_the_two_commands(name: str) -> None:
    lines = text(name).splitlines()
    assert lines[0] == "# lexon"
    assert lines[2].startswith("    make quickstart ") and lines[3].startswith("    make test ")
    targets = set(re.findall(r"^(\w+):", text("Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:^    |`)make (\w+)", text(name), re.MULTILINE)) <= targets


def test_both_readmes_have_the_same_commands_and_places() -> None:
    english, chinese = READMES
    assert commands(english) == commands(chinese) and len(commands(english)) >= 9
    rows = [[sorted(row) for row in places(name)] for name in READMES]
    assert rows[0] == rows[1] and len(rows[0]) >= 15
    links = [sorted(re.findall(r"\]\(((?!README)[^)]+)\)", text(name))) for name in READMES]
    assert links[0] == links[1]


@pytest.mark.parametrize("name", READMES)
def test_what_the_table_of_concepts_names_is_there(name: str) -> None:
    for row in places(name):
        sources, folder = "", ROOT
        for place in (place for place in row if place.endswith(("/", ".py"))):
            path = ROOT / place if "/" in place else folder / place
            assert path.exists(), place
            folder = path if path.is_dir() else path.parent
            sources += path.read_text(encoding="utf-8") if path.is_file() else ""
        for symbol in (place for place in row if place.isidentifier()):
            assert re.search(rf"^(class|def) {symbol}\b", sources, re.MULTILINE), symbol
    assert 'output: str = "softmax"' in (ROOT / "lexon/tasks/classify.py").read_text()


@pytest.mark.parametrize("name", READMES)
def test_every_link_leads_to_a_file(name: str) -> None:
    links = re.findall(r"\]\(([^)]+)\)", text(name))
    assert len(links) >= 3
    for link in links:
        assert (ROOT / link).exists(), link
