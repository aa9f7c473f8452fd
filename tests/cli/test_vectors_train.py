"""``lexon vectors train``: from a text to vectors; cut short, resumed, refused."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from lexon import parallel
from lexon.vectors import KeyedVectors, Word2Vec, open_vectors
from lexon.vectors import run as training
from tests.cli.commands import lexon, start

CHINESE = "这家酒店的房间很大而且很干净\n早餐不好吃但是服务员非常热情\n"
TINY = ("--dim", 8, "--min-count", 1, "--epochs", 2, "--threads", 1, "--seed", 3)


@pytest.fixture(autouse=True)
def as_many_threads_as_before() -> object:
    before = parallel.threads()
    yield
    parallel.threads(before)


def sentences(number: int, seed: int = 0) -> str:
    random = np.random.default_rng(seed)
    words = np.array([f"w{rank}" for rank in range(60)])
    share = 1 / np.arange(1, 61)
    return "".join(
        " ".join(random.choice(words, 12, p=share / share.sum())) + "\n" for _ in range(number)
    )


@pytest.fixture
def text(elsewhere: None) -> Path:
    Path("wiki.txt").write_text(sentences(3000))
    return Path("wiki.txt")


def train(*arguments: object) -> KeyedVectors:
    answer = lexon("vectors", "train", *arguments, *TINY, "-o", "v.lexon")
    assert answer.code == 0 and answer.out.startswith("v.lexon: "), answer.err
    return open_vectors("v.lexon")


def test_a_text_becomes_vectors_and_every_step_is_told(text: Path) -> None:
    Path("held.txt").write_text(sentences(200, seed=1))
    answer = lexon(
        "vectors", "train", text, *TINY, "-o", "v.lexon", "--held-out", "held.txt", "--sg"
    )
    size = Path("v.lexon").stat().st_size
    assert answer.code == 0 and answer.out == f"v.lexon: 60 words, {size:,} bytes\n"
    assert "36,000 words in 3,000 sentences; 60 different ones kept" in answer.err
    assert re.search(r"[\d,]+ words/s: about \d:\d\d to go", answer.err)
    epochs = [line.split() for line in answer.err.splitlines() if line.startswith("epoch")]
    assert [(e[1], e[2], e[4], e[5]) for e in epochs] == [
        ("1", "loss", "held-out", "loss"), ("2", "loss", "held-out", "loss")
    ]  # fmt: skip
    assert float(epochs[1][6]) < float(epochs[0][6])
    vectors = open_vectors("v.lexon")
    assert vectors.vectors.shape == (60, 8) and vectors.index_to_key[0] == "w0"
    expected = Word2Vec(corpus_file=text, vector_size=8, min_count=1, epochs=2, workers=1, seed=3,
                        sg=1, compute_loss=True)  # fmt: skip
    assert np.array_equal(vectors.vectors, expected.wv.vectors)
    assert sorted(path.name for path in Path().iterdir()) == ["held.txt", "v.lexon", "wiki.txt"]


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        (("--hs",), {"hs": 1}),
        (("--softmax", "--sum"), {"negative": 0, "cbow_mean": 0}),
        (("--sg", "--exact", "--fixed-windows"), {"sg": 1, "exact": True, "shrink_windows": False}),
        (("--sg", "--centre-to-context"), {"sg": 1, "direction": "centre-to-context"}),
        (("--sample", "0", "--alpha", "0.2", "--window", "2"),
         {"sample": 0, "alpha": 0.2, "window": 2}),
        (("--deterministic", "--compat", "--outside"),
         {"deterministic": True, "compat": True, "outside": True}),
    ],
)  # fmt: skip
def test_options_are_the_parameters(options: tuple[str, ...], settings: dict[str, object],
                                    text: Path) -> None:  # fmt: skip
    text.write_text(sentences(300))
    given = {"vector_size": 8, "min_count": 1, "epochs": 2, "workers": 1, "seed": 3}
    expected = Word2Vec(corpus_file=text, **given | settings, compute_loss=True)  # type: ignore[arg-type]
    assert np.array_equal(train(text, *options).vectors, expected.wv.vectors)


def test_chinese_goes_character_by_character(elsewhere: None) -> None:
    Path("zh.txt").write_text("我喜欢北京。\n北京很大 abc\n" * 30, encoding="utf-8")
    assert {"北", "京", "abc"} <= set(train("zh.txt", "--characters").index_to_key)


def test_several_files_and_standard_input(text: Path) -> None:
    lines = text.read_text().splitlines(keepends=True)
    Path("a.txt").write_text("".join(lines[:1000]))
    Path("b.txt").write_text("".join(lines[1000:]))
    whole = train(text).vectors.copy()
    assert np.array_equal(train("a.txt", "b.txt").vectors, whole)
    answer = lexon("vectors", "train", "-", *TINY, "-o", "s.lexon", stdin=text.read_bytes())
    assert answer.code == 0 and np.array_equal(open_vectors("s.lexon").vectors, whole)


def test_the_whole_model_goes_on(text: Path) -> None:
    vectors = train(text, "--model", "m.lexon").vectors.copy()
    model = Word2Vec.load("m.lexon")
    assert np.array_equal(model.wv.vectors, vectors)
    model.train(corpus_file=text)
    assert not np.array_equal(model.wv.vectors, vectors)


def test_ctrl_c_keeps_what_is_learned_and_resume_goes_on(
    text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(text).vectors.copy()
    monkeypatch.setattr(training, "_FIRST_STRETCH", 1)
    monkeypatch.setattr(training, "STRETCH", 1e-9)
    report, calls = training.Run._report, []

    def interrupted(self: training.Run) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        report(self)

    monkeypatch.setattr(training.Run, "_report", interrupted)
    command = ("vectors", "train", text, *TINY, "-o", "v.lexon", "--checkpoint-every", 0)
    answer = lexon(*command)
    assert answer.code == 130 and "holds what was learned so far" in answer.err
    assert open_vectors("v.lexon").vectors.shape == whole.shape
    assert not np.array_equal(open_vectors("v.lexon").vectors, whole)
    assert Path("v.lexon.checkpoint").exists()
    answer = lexon(*command, "--resume")
    assert answer.code == 0 and not Path("v.lexon.checkpoint").exists()
    assert np.array_equal(open_vectors("v.lexon").vectors, whole)
    answer = lexon(*command, "--resume")
    assert answer.code == 0 and "nothing to resume" in answer.err


def test_ctrl_c_is_heard_between_stretches(text: Path) -> None:
    """A process that is sent the signal writes vectors and a checkpoint, and goes on from it."""
    text.write_text(sentences(20_000))
    command = ["vectors", "train", text, *TINY, "--epochs", 60, "-o", "v.lexon"]
    process = start(*command, stderr=subprocess.PIPE)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch   2"):
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()
    assert process.wait() == 130 and "--resume goes on" in rest and "Traceback" not in rest
    assert open_vectors("v.lexon").vectors.shape == (60, 8)
    assert Path("v.lexon.checkpoint").exists()
    assert lexon(*command, "--resume", "--quiet").code == 0
    resumed = open_vectors("v.lexon").vectors.copy()
    assert lexon(*command, "--quiet").code == 0
    assert np.array_equal(open_vectors("v.lexon").vectors, resumed)


@pytest.mark.parametrize("name", ["v.txt", "v.vec", "v.bin", "v.lexon", "vectors"])
def test_the_suffix_tells_the_format(name: str, text: Path) -> None:
    text.write_text(sentences(100))
    wanted = train(text).vectors.copy()
    assert lexon("vectors", "train", text, *TINY, "-o", name, "--quiet").code == 0
    start_of_file = Path(name).read_bytes()[:40]
    assert start_of_file.startswith(b"60 8\n") == (Path(name).suffix in (".txt", ".vec", ".bin"))
    assert np.array_equal(open_vectors(name).vectors, wanted)


def test_a_killed_process_leaves_whole_files_and_goes_on(text: Path) -> None:
    text.write_text(sentences(20_000))
    command = ["vectors", "train", text, *TINY, "--epochs", 40, "-o", "v.lexon"]
    process = start(*command, "--checkpoint-every", 0, "--quiet")
    checkpoint = Path("v.lexon.checkpoint")
    until = time.monotonic() + 60
    while not checkpoint.exists() and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    assert checkpoint.exists()
    assert lexon(*command, "--resume", "--quiet").code == 0
    resumed = open_vectors("v.lexon").vectors.copy()
    assert lexon(*command, "--quiet").code == 0
    assert np.array_equal(open_vectors("v.lexon").vectors, resumed)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.txt", "-o", "v.lexon"], "none.txt"),
        (["empty.txt", "-o", "v.lexon"], "the corpus is empty"),
        (["wiki.txt", "-o", "v.lexon", "--min-count", "99999"], "--min-count|min_count"),
        (["wiki.txt", "-o", "wiki.txt"], "one of the files to read"),
        (["wiki.txt", "-o", "nowhere/v.lexon"], "there is no folder"),
        (["wiki.txt", "-o", "v.lexon", "--model", "v.lexon"], "the same file"),
        (["wiki.txt", "-o", "v.lexon", "--dim", "0"], "--dim"),
        (["wiki.txt", "-o", "v.lexon", "--window", "0"], "--window"),
        (["wiki.txt", "-o", "v.lexon", "--negative", "-3"], "--negative"),
        (["wiki.txt", "-o", "v.lexon", "--epochs", "0"], "--epochs"),
        (["zh.txt", "-o", "v.lexon"], "--characters"),
        (["wiki.txt", "-o", "v.lexon", "--held-out", "foreign.txt"], "held-out"),
    ],
)
def test_what_cannot_be_trained_is_told(arguments: list[str], said: str, text: Path) -> None:
    Path("empty.txt").touch()
    Path("foreign.txt").write_text("x y z\n")
    Path("zh.txt").write_text(
        "这家酒店的房间很大而且很干净\n早餐不好吃但是服务员非常热情\n", encoding="utf-8"
    )
    answer = lexon("vectors", "train", *arguments)
    assert answer.code == 2 and re.search(said, answer.err), answer.err
    assert "Traceback" not in answer.err and answer.out == ""
    assert not Path("v.lexon").exists()
