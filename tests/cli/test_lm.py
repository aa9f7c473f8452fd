"""``lexon lm``: from a text to a model, to more text, and to its scores."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lexon.tasks import load
from lexon.train.loop import Training
from tests.cli.commands import lexon

TINY = ("--hidden", "8", "--layers", "1", "--epochs", "2", "--steps", "5", "--batch-size", "4",
        "--no-baseline")  # fmt: skip
TEXT = "".join(np.random.default_rng(0).choice(["a b a\n", "c b c\n"], 150))


@pytest.fixture
def text() -> Path:
    path = Path("text.txt")
    path.write_text(TEXT)
    return path


@pytest.fixture
def model(text: Path) -> Path:
    assert lexon("lm", "train", text, *TINY, "--quiet", "-o", "lm.lexon").code == 0
    return Path("lm.lexon")


def test_a_text_becomes_a_model_and_a_verdict(text: Path) -> None:
    Path("test.txt").write_text("a b a\n" * 20)
    options = (*TINY[:-1], "--test", "test.txt", "--report", "r.html")
    answer = lexon("lm", "train", text, *options, "-o", "lm.lexon")
    assert answer.code == 0
    assert answer.out.startswith("lstm: perplexity ") and "80 test tokens" in answer.out
    assert "Kneser-Ney 5-grams" in answer.out
    assert "epoch   2" in answer.err and "text.txt: 900 characters" in answer.err
    assert "perplexity" in Path("r.html").read_text()
    assert not Path("lm.lexon.checkpoint").exists()


def test_scores_as_json(text: Path) -> None:
    answer = lexon("lm", "train", text, *TINY[:-1], "--json", "--quiet", "-o", "lm.lexon")
    found = json.loads(answer.out)
    assert found["network"][0]["scores"]["perplexity"] > 1
    assert found["baseline"][0]["scores"].keys() <= found["network"][0]["scores"].keys()


def test_text_is_written_on(model: Path) -> None:
    written = lexon("lm", "generate", model, "--prompt", "a b", "--length", "8", "--seed", "3")
    assert written.code == 0 and written.out.startswith("a b") and written.err == ""
    assert written.out == "a b" + load(model).generate("a b", 8, seed=3) + "\n"
    greedy = ("--temperature", "0", "--length", "4")
    assert lexon("lm", "generate", model, *greedy).code == 0


def test_a_prompt_of_unknown_words(model: Path) -> None:
    answer = lexon("lm", "generate", model, "--prompt", "a zebra", "--length", "2")
    assert answer.code == 0 and "1 of the prompt's tokens are unknown" in answer.err


def test_a_text_is_scored(model: Path) -> None:
    Path("other.txt").write_text("a b a\n")
    answer = lexon("lm", "evaluate", model, "other.txt")
    assert answer.code == 0 and "4 tokens  perplexity" in answer.out
    found = json.loads(lexon("lm", "evaluate", model, "other.txt", "--json").out)
    each = lexon("lm", "evaluate", model, "other.txt", "--tokens").out.splitlines()
    bits = [json.loads(line) for line in each]
    assert [one["token"] for one in bits] == ["a", "b", "a", "\n"]
    mean = np.mean([one["bits"] for one in bits])
    assert 2**mean == pytest.approx(found["scores"]["perplexity"], rel=1e-3)


def test_an_interrupted_run_is_resumed(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ("lm", "train", text, *TINY, "--quiet", "--checkpoint-every", "0", "-o", "lm.lexon")
    assert lexon(*run).code == 0
    expected = Path("lm.lexon").read_bytes()
    Path("lm.lexon").unlink()
    steps, step = [0], Training._step

    def stopping(training: Training, indices: np.ndarray) -> None:
        steps[0] += 1
        if steps[0] == 20:
            raise KeyboardInterrupt
        step(training, indices)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "_step", stopping)
        assert lexon(*run).code == 130
    assert lexon(*run, "--resume").code == 0
    assert Path("lm.lexon").read_bytes() == expected


FAULTS = [
    (("train", "none.txt"), "there is no such file"),
    (("train", "text.txt", "--hidden", "0"), "hidden"),
    (("train", "text.txt", "--tied", "--dimension", "3"), "tied weights"),
    (("train", "chinese.txt"), "--level char"),
    (("train", "empty.txt"), "empty"),
]


@pytest.mark.parametrize(("arguments", "message"), FAULTS)
def test_what_cannot_be_trained(text: Path, arguments: tuple[str, ...], message: str) -> None:
    Path("chinese.txt").write_text("我们喜欢电影\n" * 30, encoding="utf-8")
    Path("empty.txt").write_text("")
    answer = lexon("lm", *arguments, "-o", "lm.lexon")
    assert answer.code == 2 and message in answer.err and "Traceback" not in answer.err
    assert not Path("lm.lexon").exists()


def test_a_text_larger_than_memory(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lexon.cli.lm.text.free_memory", lambda: 5000.0)
    answer = lexon("lm", "train", text, *TINY, "-o", "lm.lexon")
    assert answer.code == 2 and "first 416 bytes" in answer.err


def test_models_for_other_things(model: Path, trained: Path) -> None:
    answer = lexon("lm", "generate", trained)
    assert answer.code == 2 and "no language model" in answer.err
    answer = lexon("lm", "evaluate", trained, "text.txt")
    assert answer.code == 2 and "no language model" in answer.err
    answer = lexon("predict", model, "a b")
    assert answer.code == 2 and "lexon lm generate" in answer.err


@pytest.mark.parametrize("option", [("--seed", "4294967296"), ("--temperature", "-1"),
                                    ("--top-k", "0"), ("--seed", "-1")])  # fmt: skip
def test_draws_that_make_no_sense(model: Path, option: tuple[str, str]) -> None:
    answer = lexon("lm", "generate", model, *option)
    assert answer.code == 2 and option[0].strip("-").replace("-k", "") in answer.err
