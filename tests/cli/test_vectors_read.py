"""``lexon vectors``: searching, scoring, converting, drawing; a mistake is no traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lexon import storage
from lexon.cli.vectors import command as vectors_command
from lexon.vectors import KeyedVectors, formats, open_vectors
from tests.cli.commands import lexon

WORDS = ["the", "king", "queen", "man", "woman", "北京", "Paris", "-ing"]
ROWS = [[1, 0, 0, 2], [4, 1, 0, 0], [4, -1, 0, 0], [1, 1, 0, 0], [1, -1, 0, 0], [0, 0, 3, 1],
        [0, 0, 3, 2], [-1, 0, 0, 1]]  # fmt: skip


@pytest.fixture
def wiki(tmp_path: Path) -> Path:
    KeyedVectors(WORDS, np.array(ROWS, np.float32), range(8, 0, -1)).save(tmp_path / "wiki.lexon")
    return tmp_path / "wiki.lexon"


def test_similar_words_are_printed(wiki: Path) -> None:
    answer = lexon("vectors", "similar", wiki, "北京", "--topn", 2)
    assert answer.code == 0 and answer.err == ""
    assert answer.out == " 0.9648  Paris\n 0.2828  the\n"
    answer = lexon("vectors", "similar", wiki, "北京", "king", "--topn", 1)
    assert answer.out.splitlines() == ["北京:", " 0.9648  Paris", "king:", " 0.8824  queen"]
    answer = lexon("vectors", "similar", wiki, "北京", "--restrict", 4, "--topn", 9)
    assert [line.split()[1] for line in answer.out.splitlines()] == ["the", "king", "queen", "man"]


def test_similar_words_as_json(wiki: Path) -> None:
    answer = lexon("vectors", "similar", wiki, "北京", "king", "--topn", 2, "--json")
    found = [json.loads(line) for line in answer.out.splitlines()]
    assert [one["word"] for one in found] == ["北京", "king"] and "北京" in answer.out
    wanted = KeyedVectors.load(wiki).most_similar("king", topn=2)
    assert [(one["word"], one["cosine"]) for one in found[1]["similar"]] == wanted


@pytest.mark.parametrize("more", [(), ("--cosmul",)])
def test_analogies_are_answered(wiki: Path, more: tuple[str, ...]) -> None:
    answer = lexon("vectors", "analogy", wiki, "king", "-", "man", "+", "woman", "--topn", 1, *more)
    assert answer.code == 0 and answer.out.split()[1] == "queen"
    answer = lexon("vectors", "analogy", wiki, "-", "man", "+", "king", "--json", *more)
    found = json.loads(answer.out)
    assert (found["positive"], found["negative"]) == (["king"], ["man"])
    assert len(found["similar"]) == 6


@pytest.mark.parametrize(
    "terms",
    [
        ["king", "man"],
        ["king", "-"],
        ["-", "king"],
        ["king", "+", "-"],
        ["king", "x", "man"],
        ["+"],
    ],
)
def test_what_is_no_sum_is_refused(wiki: Path, terms: list[str]) -> None:
    answer = lexon("vectors", "analogy", wiki, *terms)
    assert answer.code == 2 and "is not a sum of words" in answer.err and "\n  put" in answer.err


def test_vectors_are_scored(wiki: Path) -> None:
    Path("q.txt").write_text(": kin\nman woman king queen\nman king woman queen\nman x y z\n")
    Path("p.txt").write_text("king queen 9\nking 北京 1\nthe Paris 3\nno such 1\nhead line\n")
    options = ("--analogies", "q.txt", "--pairs", "p.txt")
    answer = lexon("vectors", "evaluate", wiki, *options)
    assert answer.code == 0 and answer.err == ""
    lines = [line.split() for line in answer.out.splitlines()]
    assert ["kin", "2", "2", "1", "100.00%"] in lines
    assert ["Total", "accuracy", "2", "2", "1", "100.00%"] in lines
    assert "p.txt: Spearman 1.0000" in answer.out
    assert "(3 pairs, 1 with unknown words, 1 lines left out)" in answer.out
    answer = lexon(
        "vectors", "evaluate", wiki, *options, "--restrict", 4, "--json", "--pairs", "p.txt"
    )
    found = json.loads(answer.out) if answer.code == 0 else {}
    assert answer.code == 2 and "at least 2 are wanted" in answer.err and found == {}
    answer = lexon("vectors", "evaluate", wiki, *options, "--json", "--case-sensitive")
    found = json.loads(answer.out)
    assert found["analogies"]["q.txt"]["kin"] == {
        "accuracy": 1.0, "correct": 2, "incorrect": 0, "skipped": 1,
    }  # fmt: skip
    assert (
        found["pairs"]["p.txt"]["spearman"][0] == pytest.approx(1) and found["restrict"] == 300_000
    )
    answer = lexon("vectors", "evaluate", wiki)
    assert answer.code == 2 and "nothing to score on" in answer.err


@pytest.mark.parametrize("target", ["v.bin", "v.txt", "v.vec.gz", "v.glove.xz", "v.lexon"])
def test_formats_are_converted_and_back(wiki: Path, target: str) -> None:
    answer = lexon("vectors", "convert", wiki, target)
    assert answer.code == 0 and f"{target}: 8 words of 4 numbers, " in answer.out
    assert lexon("vectors", "convert", target, "again.lexon").code == 0
    found = KeyedVectors.load("again.lexon")
    assert found.index_to_key == WORDS and found.vectors.tolist() == ROWS
    answer = lexon("vectors", "similar", target, "北京", "--topn", 1)
    assert answer.out == " 0.9648  Paris\n"


def test_formats_may_be_named_and_words_limited(wiki: Path) -> None:
    answer = lexon("vectors", "convert", wiki, "some.dat", "--format", "glove", "--limit", 3)
    assert answer.code == 0 and Path("some.dat").read_text().splitlines()[2] == "queen 4 -1 0 0"
    assert lexon("vectors", "convert", "some.dat", "x.bin", "--from", "glove").code == 0
    assert Path("x.bin").read_bytes().startswith(b"3 4\nthe \0")
    for target, message in [("x.dat", "cannot be told from this name"), ("no/x.bin", "no folder")]:
        answer = lexon("vectors", "convert", wiki, target)
        assert answer.code == 2 and message in answer.err
    answer = lexon("vectors", "convert", wiki, wiki)
    assert answer.code == 2 and "one of the files to read" in answer.err


def test_what_is_odd_about_a_file_is_said_on_standard_error() -> None:
    Path("v.txt").write_bytes(b"3 1\na 1\n\xff 2\na 3\n")
    answer = lexon("vectors", "similar", "v.txt", "a", "--topn", 1)
    assert answer.code == 0 and answer.out.startswith(" 1.0000")
    assert "not utf-8" in answer.err and "stood there before" in answer.err
    assert "UserWarning" not in answer.err
    answer = lexon("vectors", "similar", "v.txt", "a", "--topn", 1, "--encoding", "latin-1")
    assert answer.out == " 1.0000  ÿ\n" and "not utf-8" not in answer.err


@pytest.mark.parametrize("layout", [(), ("--layout", "tsne")])
def test_a_map_is_drawn(
    wiki: Path, layout: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lexon import parallel

    monkeypatch.setattr(parallel, "threads", lambda *_: 1)
    answer = lexon("vectors", "map", wiki, "-o", "map.html", "--words", 6, *layout)
    assert answer.code == 0 and answer.err == "" and "map.html: 6 words" in answer.out
    page = Path("map.html").read_text(encoding="utf-8")
    assert "北京" in page and "<title>wiki.lexon</title>" in page
    assert ("t-SNE" in page) == bool(layout)
    answer = lexon("vectors", "map", wiki, "-o", wiki)
    assert answer.code == 2 and "one of the files to read" in answer.err


COMMANDS = [("similar", "king"), ("analogy", "king"), ("convert", "x.bin"), ("map", "-o", "m.html"),
            ("evaluate", "--pairs", "p")]  # fmt: skip


@pytest.mark.parametrize("given", COMMANDS, ids=lambda given: given[0])
def test_a_file_that_is_no_good_is_the_users_mistake(wiki: Path, given: tuple[str, ...]) -> None:
    name, *rest = given
    Path("bad.txt").write_text("2 2\na 1 2\nb 1\n")
    Path("cut.lexon").write_bytes(wiki.read_bytes()[:-1])
    storage.write("model.lexon", "model", {}, {})
    for file, message in [
        ("bad.txt", "bad.txt: line 3 holds 1 numbers"),
        ("cut.lexon", "cut.lexon: not a usable vectors file: it holds"),
        ("model.lexon", "holds a model, which has no word vectors"),
        ("none.lexon", "none.lexon: cannot be read"),
    ]:
        answer = lexon("vectors", name, file, *rest)
        assert answer.code == 2 and message in answer.err and answer.out == ""
        assert "Traceback" not in answer.err


def test_an_unknown_word_names_near_ones(wiki: Path) -> None:
    answer = lexon("vectors", "similar", wiki, "paris")
    assert answer.code == 2
    assert answer.err == "lexon: 'paris' is not among the 8 words; did you mean 'Paris'?\n"


def test_an_unknown_command_names_a_near_one() -> None:
    answer = lexon("vectors", "simlar")
    assert answer.code == 2 and "did you mean 'similar'?" in answer.err
    answer = lexon("vectors", "--help")
    assert answer.code == 0
    assert all(name in answer.out for name in vectors_command.table)  # type: ignore[attr-defined]
    for name in ("similar", "analogy", "evaluate", "convert", "map"):
        assert lexon("vectors", name, "--help").code == 0


def test_help_loads_no_numpy() -> None:
    program = (
        "import sys, contextlib, lexon.cli\n"
        "for name in ('similar', 'analogy', 'evaluate', 'convert', 'map'):\n"
        "    with contextlib.suppress(SystemExit):\n"
        "        lexon.cli.main(['vectors', name, '--help'])\n"
        "assert not {'numpy', 'numba', 'sklearn', 'scipy', 'rich'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_openers_are_a_closed_table(wiki: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.write("other.lexon", "word2vec", {}, {})
    other = KeyedVectors.load(wiki)
    monkeypatch.setitem(formats.OPENERS, "word2vec", lambda path: other)
    assert open_vectors("other.lexon") is other
    assert open_vectors("other.lexon", limit=2).index_to_key == WORDS[:2]
