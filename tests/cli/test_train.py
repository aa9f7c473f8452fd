"""``lexon train``: from a file to a model, its scores and its report."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lexon import parallel
from lexon.cli.progress import Terminal
from lexon.tasks import TextClassifier, load
from tests.cli.commands import TINY, lexon, reviews, write


def train(*arguments: object) -> dict[str, Any]:
    """Train a tiny network, and return the scores as they are printed as JSON."""
    answer = lexon("train", *arguments, *TINY, "--json", "-o", "m.lexon")
    assert answer.code == 0, answer.err
    summary: dict[str, Any] = json.loads(answer.out)
    return summary


@pytest.mark.parametrize("name", ["linear", "mlp", "cnn"])
def test_every_network_is_trained_and_judged(name: str, data: Path) -> None:
    write(Path("test.csv"), reviews(24, seed=2))
    answer = lexon("train", data, "--model", name, *TINY, "--test", "test.csv", "-o", "m.lexon")
    assert answer.code == 0
    assert re.fullmatch(rf"{name}: accuracy \d\.\d{{4}} on 24 test rows\.\n", answer.out)
    assert "reviews.csv: CSV, comma, header, UTF-8, 60 rows" in answer.err
    assert "column 'label' taken as the label" in answer.err
    assert "test.csv: CSV, comma, header, UTF-8, 24 rows" in answer.err
    assert re.search(r"epoch   2  loss \d\.\d{4}  held-out accuracy \d\.\d{4}  [\d,]+ texts/s",
                     answer.err)  # fmt: skip
    assert f"model: m.lexon ({Path('m.lexon').stat().st_size:,} bytes)" in answer.err
    assert load("m.lexon").model == name
    assert sorted(path.name for path in Path().iterdir()) == ["m.lexon", "reviews.csv", "test.csv"]


def test_the_network_learns_and_the_baseline_is_beside_it(data: Path) -> None:
    write(Path("test.csv"), reviews(40, seed=2))
    answer = lexon("train", data, "--model", "linear", "--test", "test.csv", "-o", "m.lexon")
    assert answer.code == 0 and "training the linear baseline" in answer.err
    said = re.match(
        r"linear: accuracy (\d\.\d+) on 40 test rows, .*baseline.*: (\d\.\d+)", answer.out
    )
    assert said and min(map(float, said.groups())) > 0.9


def test_quiet_prints_the_verdict_only(data: Path) -> None:
    answer = lexon("train", data, *TINY, "--quiet", "-o", "m.lexon")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("cnn: accuracy") and answer.out.count("\n") == 1


def test_the_given_parts_are_used(data: Path) -> None:
    write(Path("valid.csv"), reviews(10, seed=3))
    write(Path("test.csv"), reviews(14, seed=2))
    summary = train(data, "--model", "mlp", "--valid", "valid.csv", "--test", "test.csv")
    parts = [(part["part"], part["rows"]) for part in summary["network"]]
    assert parts == [("held-out", 10), ("test", 14)]
    assert len(load("m.lexon").vocabulary_) > 18  # all sixty rows were learned from
    shares = [train(data, "--hold-out", share)["network"] for share in ("0", "0.5")]
    assert shares[0] == [] and shares[1][0]["rows"] == 30


def test_options_reach_the_network(data: Path) -> None:
    train(data, "--batch-size", "8", "--optimizer", "adam", "--learning-rate", "0.01",
          "--clip", "5", "--dropout", "0.2", "--keep-case", "--min-count", "2", "--seed", "7",
          "--max-vocabulary", "15", "--tokens", "spaces", "--patience", "2", "--max-norm", "1",
          "--word-ngrams", "2", "--class-weight", "neg=2,pos=1")  # fmt: skip
    model = load("m.lexon")
    assert (model.windows, model.filters, model.dimension, model.epochs) == ((1, 2), 3, 4, 2)
    given = model.get_params()
    assert {name: given[name] for name in ("batch_size", "optimizer", "learning_rate", "clip")} == {
        "batch_size": 8, "optimizer": "adam", "learning_rate": 0.01, "clip": 5.0,
    }  # fmt: skip
    assert (model.dropout, model.lowercase, model.min_count, model.seed) == (0.2, False, 2, 7)
    assert (model.patience, model.max_norm, len(model.vocabulary_)) == (2, 1.0, 15)
    assert model.word_ngrams == 2
    assert model.class_weight == {"neg": 2.0, "pos": 1.0}
    assert model.tokenizer_.kind == "spaces"


def test_one_sigmoid_and_balanced_classes(data: Path) -> None:
    train(data, "--output-layer", "sigmoid", "--class-weight", "balanced")
    model = load("m.lexon")
    assert model.output == "sigmoid" and model.class_weight == "balanced"
    assert model.network_.out.weight.shape[0] == 1


@pytest.mark.parametrize("form", ["separator", "lists"])
def test_texts_with_several_labels(form: str) -> None:
    rows = [(text, f"{label};loud" if row % 3 else label) for row, (text, label) in
            enumerate(reviews(300))]  # fmt: skip
    options: tuple[object, ...] = ("r.csv", "--separator", ";")
    if form == "separator":
        write(Path("r.csv"), rows)
    else:
        options = ("r.jsonl",)
        lines = (json.dumps({"text": text, "label": label.split(";")}) for text, label in rows)
        Path("r.jsonl").write_text("\n".join(lines))
    answer = lexon("train", *options, "--model", "linear", "--epochs", "20", "-o", "m.lexon")
    assert answer.code == 0 and answer.out.startswith("linear: micro-F1"), answer.err
    model = load("m.lexon")
    assert model.classes_.tolist() == ["loud", "neg", "pos"]
    score = lexon("evaluate", "m.lexon", *options, "--json")
    scores = json.loads(score.out)["scores"]
    assert list(scores) == ["micro-F1", "macro-F1", "exact match"] and scores["micro-F1"] > 0.8
    answer = lexon("predict", "m.lexon", "good great film", "awful bad story")
    assert [line.split(", ")[-1] for line in answer.out.split("\n")[:2]] == ["pos", "neg"]


def test_chinese_in_gb18030_is_trained_and_predicted() -> None:
    rows = [("房间很好", "好"), ("早餐不错", "好"), ("房间太差", "差"), ("服务很差", "差")] * 10
    text = "评论,标签\n" + "".join(f"{text},{label}\n" for text, label in rows)
    Path("hotel.csv").write_bytes(text.encode("gb18030"))
    answer = lexon("train", "hotel.csv", "--model", "linear", "--text", "评论", "--label", "标签",
                   "-o", "m.lexon")  # fmt: skip
    assert answer.code == 0 and "GB18030" in answer.err, answer.err
    assert load("m.lexon").tokenizer_.kind == "characters"
    assert lexon("predict", "m.lexon", "早餐很好", "服务太差").out == "好\n差\n"
    Path("new.txt").write_bytes("早餐很好\n服务太差\n".encode("gb18030"))
    answer = lexon("predict", "m.lexon", "new.txt", "--format", "lines", "--encoding", "gb18030")
    assert answer.out == "好\n差\n"
    piped = lexon("predict", "m.lexon", "-", "--encoding", "gb18030",
                  stdin=Path("new.txt").read_bytes())  # fmt: skip
    assert piped.out == "好\n差\n"


def test_the_same_seed_gives_the_same_bytes_on_any_number_of_threads(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "WORTH_SHARING", 0)
    monkeypatch.setattr(parallel, "WORTH_WAKING", 0)
    files = []
    for threads, seed in ((1, 3), (2, 3), (2, 4)):
        options = ("--filters", "40", "--dimension", "20", "--epochs", "2", "--no-baseline")
        done = lexon("train", data, *options, "--threads", threads, "--seed", seed, "-o", "m.lexon")
        assert done.code == 0 and parallel.threads() == threads
        files.append(Path("m.lexon").read_bytes())
    assert files[0] == files[1] != files[2]


def test_the_report_is_written(data: Path) -> None:
    answer = lexon("train", data, *TINY, "-o", "m.lexon", "--report", "r.html")
    assert answer.code == 0 and "report: r.html" in answer.err, answer.err
    page = Path("r.html").read_text()
    assert page.lstrip().lower().startswith("<!doctype html>") and "accuracy" in page
    answer = lexon("evaluate", "m.lexon", data, "--report", "e.html")
    assert answer.code == 0 and "accuracy" in Path("e.html").read_text()


def test_a_bar_is_shown_on_a_terminal() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100)
    texts, labels = zip(*reviews(), strict=True)
    model = TextClassifier("mlp", dimension=4, hidden=4, epochs=3, batch_size=9)
    model.fit(texts, labels, watcher=Terminal(console))
    shown = stream.getvalue()
    assert re.search(r"epoch 3/3  loss \d\.\d{4}.*texts/s.*at most 0:0\d left", shown)
    assert re.search(r"epoch   1  loss \d\.\d{4}  held-out accuracy", shown)


def test_labels_without_a_header_row_are_read_as_asked() -> None:
    Path("r.csv").write_text("".join(f"{text},{label}\n" for text, label in reviews()))
    rows = []
    for option in ("--header", "--no-header"):
        answer = lexon("train", "r.csv", option, *TINY, "-o", "m.lexon")
        assert answer.code == 0, answer.err
        rows.append(re.search(r"(\d+) rows", answer.err).group(1))  # type: ignore[union-attr]
    assert rows == ["59", "60"]
