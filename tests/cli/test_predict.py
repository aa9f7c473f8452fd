"""``lexon predict`` and ``lexon evaluate``: what goes in, what comes out, and the same bits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lexon.tasks import load
from tests.cli.commands import TINY, lexon, reviews, start, write

#: Megabytes of the line without an end; 50 in the long form.
LINE = int(os.environ.get("LEXON_LINE_MEGABYTES", "4"))


def objects(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_texts_are_predicted(trained: Path) -> None:
    answer = lexon("predict", trained, "the good film", "an awful story", "")
    assert answer.code == 0 and answer.err == ""
    assert answer.out.splitlines()[:2] == ["pos", "neg"] and answer.out.count("\n") == 3


def test_probabilities_stand_with_the_highest_first(trained: Path) -> None:
    answer = lexon("predict", trained, "the good film", "--proba")
    first, second = (pair.split() for pair in answer.out.strip().split("  "))
    assert (first[0], second[0]) == ("pos", "neg") and float(first[1]) > 0.5
    assert float(first[1]) + float(second[1]) == pytest.approx(1, abs=2e-4)


def test_json_holds_text_label_and_exact_probabilities(trained: Path) -> None:
    answer = lexon("predict", trained, "the good film", '"bad" 好', "--proba", "--json")
    found = objects(answer.out)
    assert [one["label"] for one in found] == ["pos", "neg"]
    assert [one["text"] for one in found] == ["the good film", '"bad" 好']
    exact = load(trained).predict_proba(["the good film"])[0].tolist()
    assert found[0]["probabilities"] == {"pos": exact[1], "neg": exact[0]}


def test_a_file_its_lines_and_its_texts_have_the_same_labels(trained: Path) -> None:
    texts = [text for text, _ in reviews(30, seed=5)]
    write(Path("new.csv"), reviews(30, seed=5))
    Path("new.txt").write_text("\n".join(texts) + "\n")
    expected = lexon("predict", trained, *texts, "--json").out
    assert lexon("predict", trained, "new.csv", "--json").out == expected
    assert lexon("predict", trained, "new.txt", "--json", "--format", "lines").out == expected
    piped = Path("new.txt").read_bytes()
    assert lexon("predict", trained, "-", "--json", stdin=piped).out == expected
    assert lexon("predict", trained, "--json", stdin=piped).out == expected
    crlf = b"\xef\xbb\xbf" + piped.replace(b"\n", b"\r\n")
    assert lexon("predict", trained, "-", "--json", stdin=crlf).out == expected
    both = lexon("predict", trained, "new.csv", "new.csv", "--json")
    assert both.out == expected * 2 and "column 'text' taken as the text" in both.err


def test_another_process_predicts_the_same_bits(trained: Path) -> None:
    write(Path("new.csv"), reviews(20, seed=6))
    here = lexon("predict", trained, "new.csv", "--json", "--proba").out
    there = start("predict", trained, "new.csv", "--json", "--proba")
    assert there.communicate()[0] == here and there.returncode == 0


def test_a_model_file_trained_again_predicts_the_same_bits(data: Path) -> None:
    outs = []
    for name in ("a.lexon", "b.lexon"):
        lexon("train", data, "--model", "mlp", *TINY, "-o", name)
        outs.append(lexon("predict", name, data, "--json", "--proba").out)
    assert outs[0] == outs[1] and len(outs[0]) > 1000


def test_texts_of_any_characters(trained: Path) -> None:
    strange = ["\udcff good", "a\0b good", "\ufeff", "\x1b[31m", "🙂 good", "x" * 100_000]
    answer = lexon("predict", trained, *strange, "--json")
    assert answer.code == 0 and answer.err == ""
    found = objects(answer.out)
    assert len(found) == len(strange) and found[0]["label"] == "pos"
    assert [one["text"] for one in found] == strange


def test_a_text_of_a_million_words(data: Path) -> None:
    lexon("train", data, "--model", "cnn", *TINY, "-o", "m.lexon")
    Path("long.txt").write_text("good film " * 500_000)
    answer = lexon("predict", "m.lexon", "-", stdin=Path("long.txt").read_bytes())
    assert answer.code == 0 and answer.out in ("pos\n", "neg\n")


def test_a_line_without_an_end_takes_bounded_memory(trained: Path) -> None:
    Path("line.txt").write_bytes(b"good film and " * (LINE * 2**20 // 14))
    program = (
        "import atexit, sys; from lexon.memory import peak_memory; from lexon.cli import main\n"
        "atexit.register(lambda: print(peak_memory(), file=sys.stderr)); main()"
    )
    given = [sys.executable, "-c", program, "predict", str(trained), "line.txt"]
    done = subprocess.run([*given, "--format", "lines"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "pos\n"), done.stderr
    assert float(done.stderr.splitlines()[-1]) < (400 + 60 * LINE) * 2**20


def test_standard_input_that_is_closed_or_of_another_encoding(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = lexon("predict", trained, "-", stdin="bon\ncafé\n".encode("latin-1"))
    assert answer.code == 2 and "standard input" in answer.err and "--encoding" in answer.err
    answer = lexon("predict", trained, "-", "--encoding", "latin-1", stdin=b"caf\xe9 good\n")
    assert answer.out == "pos\n"
    answer = lexon("predict", trained, "-", "--encoding", "klingon", stdin=b"x\n")
    assert answer.code == 2 and "there is no encoding 'klingon'" in answer.err
    closed = start("predict", trained, "-", preexec_fn=lambda: os.close(0), stdin=None)
    _, err = closed.communicate()
    assert closed.returncode == 2 and "standard input is closed" in err


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_a_terminal_of_another_encoding_is_written_to(trained: Path, encoding: str) -> None:
    changed = os.environ | {"PYTHONIOENCODING": encoding}
    paths = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", "from lexon.cli import main; main()", "predict", str(trained),
         "好 good", "--json"], env=changed | {"PYTHONPATH": paths}, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert objects(done.stdout.decode(encoding)) == [{"text": "好 good", "label": "pos"}]


def test_the_reader_of_predictions_may_leave(trained: Path) -> None:
    write(Path("many.csv"), reviews(4000))
    done = start("predict", trained, "many.csv", "--json", "--proba")
    assert done.stdout is not None and done.stderr is not None
    assert done.stdout.readline().startswith('{"text"')
    done.stdout.close()
    err = done.stderr.read()
    done.stderr.close()
    assert done.wait() == 0
    assert "Traceback" not in err and "Broken" not in err


def test_the_reader_of_progress_may_leave_and_training_goes_on(data: Path) -> None:
    done = start("train", data, *TINY, "-o", "m.lexon")
    assert done.stderr is not None
    done.stderr.close()
    out = done.stdout.read()  # type: ignore[union-attr]
    done.stdout.close()  # type: ignore[union-attr]
    assert done.wait() == 0 and out.startswith("cnn: accuracy")
    assert len(load("m.lexon").history_.epochs) == 2


def test_an_evaluation_prints_scores_and_classes(trained: Path) -> None:
    write(Path("test.csv"), reviews(40, seed=9))
    answer = lexon("evaluate", trained, "test.csv")
    lines = answer.out.splitlines()
    assert lines[0].startswith("test.csv: 40 rows  accuracy ")
    assert lines[1].split() == ["class", "precision", "recall", "F1", "rows"]
    assert [line.split()[0] for line in lines[2:4]] == ["neg", "pos"]
    assert [line.split()[-1] for line in lines[2:4]] == ["20", "20"]
    scores = json.loads(lexon("evaluate", trained, "test.csv", "--json").out)
    assert scores["rows"] == 40 and scores["labels"] == ["neg", "pos"]
    labels = [one["label"] for one in objects(lexon("predict", trained, "test.csv", "--json").out)]
    right = sum(label == truth for label, (_, truth) in
                zip(labels, reviews(40, seed=9), strict=True))  # fmt: skip
    assert scores["scores"]["accuracy"] == right / 40


def test_rows_of_attributes_are_predicted(prices: Path) -> None:
    file = prices.with_name("homes.csv")
    found = objects(lexon("predict", prices, file, "--json").out)
    assert [one["row"] for one in found] == list(range(1, 121))
    lines = lexon("predict", prices, file).out.splitlines()
    assert lines == [f"{one['prediction']:g}" for one in found]
    piped = lexon("predict", prices, "-", "--format", "csv", stdin=file.read_bytes())
    assert piped.out.splitlines() == lines
    answer = lexon("predict", prices, "-", stdin=b"1\n2\n")
    assert answer.code == 2 and "taken as texts" in answer.err and "--format csv" in answer.err
    scores = lexon("evaluate", prices, file, "--json")
    assert json.loads(scores.out)["scores"].keys() == {"R2", "RMSE", "MAE"}
