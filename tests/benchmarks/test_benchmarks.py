"""The benchmarks run, and what they tell of given rounds is right."""

from __future__ import annotations

import dataclasses
import json
import lzma
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from benchmarks import __main__, page, parts, race, textcnn, vector_scale, word_vectors
from benchmarks import peak as peak_program
from benchmarks.case import Case, Contender, Round, Settings, Skipped
from benchmarks.cases import CASES
from benchmarks.recurrent import lexon as lexon_layers
from benchmarks.summary import disagreements, summarise

ALONE = __main__.Conditions(
    threads=2, repeats=None, quick=True, alone=True, machine={"processor": "one", "cores": "2",
    "system": "some", "python": "3"}, peaks={"1": 100.0, "2": 200.0},
)  # fmt: skip


@pytest.fixture
def sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with 120 sentences like MR, one with a sign of Latin-1; and others."""
    random = np.random.default_rng(0)
    rows = [
        f"{number % 2} " + " ".join(f"w{word}" for word in random.integers(200, size=3 + number))
        for number in range(120)
    ]
    rows[7] += " caf\x85 au lait"
    path = tmp_path / "kim2014" / "rt-polarity.all"
    path.parent.mkdir()
    path.write_text("\n".join(rows) + "\n", encoding="latin-1")
    english = tmp_path / "enwiki" / "enwiki-24m.txt.xz"
    english.parent.mkdir()
    lines = (" ".join(f"w{word}" for word in random.zipf(1.5, 20) if word < 99) for _ in range(400))
    english.write_bytes(lzma.compress("\n".join(lines).encode()))
    names = tmp_path / "conll2003" / "eng.train"
    names.parent.mkdir()
    names.write_text("w1 X X I-PER\nw2 X X I-PER\nw3 X X O\n\n" * 300)
    monkeypatch.setenv("LEXON_DATA", str(tmp_path))
    return path


def word_vector_cases(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """Their results, with gensim where it is installed; in this process, for there are many."""

    def here(name: str, present: list[str], settings: Settings, *_: object) -> dict[str, Any]:
        contenders = CASES[name].contenders
        return {contender: [contenders[contender].prepare(settings)()] for contender in present}

    with monkeypatch.context() as patch:
        patch.setattr(__main__, "race", here)
        beside = dataclasses.replace(ALONE, alone=False)
        return {name: __main__.run(name, beside) for name in CASES if "vector" in name}


def test_cases_run_and_are_kept(
    sentences: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = {name: __main__.run(name, ALONE) for name in CASES if "vector" not in name}
    results |= word_vector_cases(monkeypatch)
    for name, result in results.items():
        first = next(iter(CASES[name].contenders))
        for row in result["rows"].values():
            figures = row["contenders"][first]
            assert figures["median"] > 0 and len(figures["seconds"]) == 1
            assert figures["gflops"] == pytest.approx(row["flops"] / figures["median"] / 1e9)
            share = figures["gflops"] / result["run"]["peak"] if row["flops"] else None
            assert figures["of_peak"] == share
        assert {loss for loss in result["losses"]} == set(CASES[name].losses)
        assert not disagreements(result)
        assert all("PyTorch" in away or away == "gensim" for away in result["absent"])
    assert set(results) == set(CASES)
    assert results["product"]["run"]["peak"] == 100.0
    assert sum(results["textcnn_epoch"]["parts"].values()) > 0
    assert "448 bytes" in results["vector_scale"]["notes"][0]

    monkeypatch.setattr(page, "RESULTS", tmp_path / "results" / "speed.json")
    monkeypatch.setattr(page, "PAGE", tmp_path / "README.md")
    page.PAGE.write_text(f"before\n{page.BEGIN}\nstale\n{page.END}\nafter\n")
    page.keep(results, CASES)
    page.keep({"product": {"skipped": "no reason"}}, CASES)
    assert json.loads(page.RESULTS.read_text()) == results
    text = page.PAGE.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "stale" not in text
    assert all(case.title in text for case in CASES.values())


def nobody(settings: Settings) -> None:
    raise AssertionError


TWO = Case(
    title="", explanation="", unit="ms", flops=lambda settings: {"row": 4e9},
    contenders={"ours": Contender(nobody), "theirs": Contender(nobody)},  # type: ignore[arg-type]
    losses={"loss": 1e-3},
)  # fmt: skip


def rounds(seconds: list[float], loss: float) -> list[Round]:
    return [Round({"row": s}, {"loss": loss}, {"part": 2 * s}) for s in seconds]


def test_figures_of_given_rounds() -> None:
    ours, theirs = rounds([1.0, 2.0, 4.0], 0.5), rounds([4.0, 6.0, 10.0], 0.5004)
    result = summarise(TWO, {"ours": ours, "theirs": theirs}, {"row": 4e9}, 8.0)
    row = result["rows"]["row"]
    assert row["ratios"] == {"theirs": {"ratio": 3.0, "low": 2.5, "high": 4.0}}
    assert row["contenders"]["ours"] == {
        "seconds": [1.0, 2.0, 4.0], "median": 2.0, "gflops": 2.0, "of_peak": 0.25,
    }  # fmt: skip
    assert result["parts"] == {"part": 4.0}
    assert disagreements(result) == []


@pytest.mark.parametrize("loss", [0.51, float("nan")])
def test_losses_that_differ_are_told(loss: float) -> None:
    given = {"ours": rounds([1.0], 0.5), "theirs": rounds([1.0], loss)}
    (told,) = disagreements(summarise(TWO, given, {"row": 4e9}, 8.0))
    assert "loss differs" in told and "ours 0.5" in told


def test_contenders_start_clean_and_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENBLAS_CORETYPE", "OMP_NUM_THREADS", "MKL_CBWR", "NUMBA_CPU_NAME"):
        monkeypatch.setenv(name, "1")
        assert name not in race.clean_environment()
    monkeypatch.setenv("LEXON_CACHE", "kept")
    assert race.clean_environment()["LEXON_CACHE"] == "kept"

    asked = []

    class Worker:
        def __init__(self, case: str, contender: str, settings: Settings) -> None:
            self.contender = contender

        def __enter__(self) -> Worker:
            return self

        def __exit__(self, *error: object) -> None: ...

    def ask(worker: Worker, contender: str) -> dict[str, object]:
        assert worker.contender == contender
        asked.append(contender)
        return dataclasses.asdict(rounds([float(len(asked))], 0.5)[0])

    monkeypatch.setattr(race, "_worker", Worker)
    monkeypatch.setattr(race, "_ask", ask)
    done = race.race("case", ["ours", "theirs"], Settings(), 2, lambda told: None)
    assert asked == ["ours", "theirs", "theirs", "ours"]
    assert [r.seconds["row"] for r in done["ours"]] == [1.0, 4.0]


def test_without_data_a_case_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LEXON_DATA", raising=False)
    assert "LEXON_DATA" in __main__.run("textcnn_epoch", ALONE)["skipped"]
    monkeypatch.setenv("LEXON_DATA", str(tmp_path))
    with pytest.raises(Skipped, match=r"rt-polarity\.all"):
        textcnn.read(Settings())
    with pytest.raises(Skipped, match=r"enwiki-24m\.txt\.xz in the folder enwiki"):
        word_vectors.data_file("enwiki", "enwiki-24m.txt.xz")


def test_without_pytorch_its_contenders_stay_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "find_spec", lambda package: None)
    assert race.absent(CASES["product"], alone=False) == {"PyTorch": "torch is not installed"}
    assert "NumPy" not in race.absent(CASES["product"], alone=True)


def test_a_taste_is_not_kept() -> None:
    with pytest.raises(click.UsageError):
        __main__.main(["--quick", "--write"], standalone_mode=False)


def test_peak_does_all_its_sums() -> None:
    # Every sum goes to the fixed point of s / 2 + 1.
    assert peak_program._run(100) == 2.0 * peak_program.SUMS
    first = sum(range(peak_program.SUMS))
    assert peak_program._run(1) == first / 2 + peak_program.SUMS


def test_a_speed_is_the_amount_of_a_second() -> None:
    case = dataclasses.replace(TWO, unit="k words/s")
    given = {"ours": rounds([2.0], 0.5), "theirs": rounds([8.0], 0.5)}
    result = summarise(case, given, {"row": 4e9}, 8.0, {"row": 3e6})
    (line,) = page._table(case.unit, result["rows"])[2:]
    assert (
        line == "| row | 1,500 k words/s, 25 % | 375 k words/s, 6.2 % | **4.00** (4.00 to 4.00) |"
    )


def test_operations_of_word_vectors() -> None:
    """All words kept, one code of each word of a tree of two."""

    class Two:
        counts = np.array([1, 1])

    counted = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(word_vectors, "corpus", lambda settings: Two)
        patch.setattr(word_vectors, "SAMPLE", 0.0)
        for model in (word_vectors.SKIP_GRAM_100, word_vectors.CBOW_100, word_vectors.TREE_100):
            counted[model.title] = list(word_vectors.flops(model, Settings()).values())
    words = 5 * 2 * 100  # epochs, words, numbers
    assert list(counted.values()) == [
        [words * 6 * 6 * (1 + 5)] * 2,
        [words * (6 * (1 + 5) + 2 * 6)],
        [words * 6 * 6],
    ]


def test_rows_alone_are_those_of_training() -> None:
    rows = vector_scale.rows_of(50, 2_000)
    vector_scale.touch(*rows, 0, len(rows.words))
    times = np.bincount(rows.words, minlength=50)
    assert (rows.inputs[:, 0] == times).all() and (rows.inputs[:, -1] == times).all()
    drawn = np.bincount(rows.negatives.ravel(), minlength=50)
    assert (rows.outputs[:, -1] == times + drawn).all()
    assert rows.inputs.itemsize * rows.inputs.shape[1] == vector_scale.row_bytes()
    kept = vector_scale.stream(50, 1).kept
    assert len(rows.words) / 2_000 == pytest.approx(kept, rel=0.2)


def test_peak_memory_is_that_of_the_work() -> None:
    grown = vector_scale._peak_of(lambda: np.ones(10_000_000).sum() and None)
    assert grown is None or 79e6 <= grown < 90e6


def test_the_parts_of_a_step_are_told_and_leave_nothing_behind() -> None:
    from lexon.ops import recurrent

    before = recurrent.product, recurrent.lstm_backward
    (work,) = lexon_layers("LSTM", 8, 40, True, [np.array([5, 0, 3])])
    found = parts.measured(lambda: work(True), 3)
    kernels = {"products", "walks through time", "gradients of weights", "packing"}
    assert set(found) == kernels | {parts.REST} and all(found[name] > 0 for name in kernels)
    assert (recurrent.product, recurrent.lstm_backward) == before
    told = parts.note("a step", lambda: work(True), 1)
    assert told.startswith("lexon, a step: ") and "walks through time" in told
