"""``lexon train --task tag``, and what predict and evaluate do with its models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lexon.tasks import SequenceTagger, load
from lexon.text import read_tagged
from tests.cli.commands import Answer, lexon, write
from tests.tasks.tagged import conll, sentences

QUICK = ("--task", "tag", "--dimension", "8", "--hidden", "6", "--filters", "4",
         "--batch-size", "4", "--dropout", "0.1", "--learning-rate", "0.02",
         "--no-baseline")  # fmt: skip


@pytest.fixture(scope="session")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows names."""
    folder = tmp_path_factory.mktemp("tagger")
    (folder / "names.conll").write_text(conll(*sentences()))
    answer = lexon("train", folder / "names.conll", *QUICK, "--epochs", "15", "--quiet", "-o",
                   folder / "m.lexon")  # fmt: skip
    assert answer.code == 0, answer.err
    return folder / "m.lexon"


def train(*more: str) -> Answer:
    return lexon("train", "n.conll", *QUICK, "--epochs", "2", *more, "-o", "m.lexon")


def test_training_says_what_it_found_and_how_good_it_is() -> None:
    Path("n.conll").write_text("-DOCSTART- X O\n\n" + conll(*sentences()))
    Path("t.conll").write_text(conll(*sentences(20, seed=2)))
    more = ("--epochs", "12", "--test", "t.conll", "--model", "bigru-crf", "--report", "r.html")
    answer = lexon("train", "n.conll", *QUICK[:-1], *more, "-o", "m.lexon")
    assert answer.code == 0, answer.err
    for said in ("n.conll: 60 sentences, ", "column 3 of 3 taken as the tag: 4 different",
                 "tags are IOB2 (recognised): chunks of 2 types, LOC, PER", "held-out F1",
                 "1 lines of -DOCSTART-", "sentences/s"):  # fmt: skip
        assert said in answer.err, said
    assert answer.out.startswith("bigru-crf: F1 ") and "on 20 test rows" in answer.out
    page = Path("r.html").read_text()
    assert "bigru-crf predicts tag" in page and "LOC" in page and "tag scheme" in page
    assert isinstance(load("m.lexon"), SequenceTagger) and not Path("m.lexon.checkpoint").exists()


def test_scores_as_json_and_options_of_no_use() -> None:
    Path("n.conll").write_text(conll(*sentences()))
    answer = train("--json", "--characters", "none", "--windows", "3", "--hold-out", "0.2")
    told = json.loads(answer.out)["network"][0]
    assert set(told["scores"]) == {"F1", "precision", "recall", "accuracy"} and told["rows"] == 12
    assert "no use in model bilstm-crf: --windows, --filters\n" in answer.err


def test_a_killed_run_resumes_to_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*arguments: object) -> None:
        raise RuntimeError

    Path("n.conll").write_text(conll(*sentences()))
    assert train().code == 0
    whole = Path("m.lexon").read_bytes()
    Path("m.lexon").unlink()
    with monkeypatch.context() as context:
        context.setattr(
            "lexon.train.loop.Training._out_of_patience", lambda self: self.epoch > 1 and stop()
        )
        with pytest.raises(RuntimeError):
            train()
    assert Path("m.lexon.checkpoint").exists() and not Path("m.lexon").exists()
    answer = train("--resume")
    assert "resumed from m.lexon.checkpoint, epoch 2" in answer.err
    assert Path("m.lexon").read_bytes() == whole


def test_predicting_sentences_lines_and_files(tagger: Path) -> None:
    given = "Anna Smith sees Rome 7"
    answer = lexon("predict", tagger, given)
    assert answer == Answer(0, "Anna\tB-PER\nSmith\tI-PER\nsees\tO\nRome\tB-LOC\n7\tO\n\n", "")
    told = json.loads(lexon("predict", tagger, given, "--json", "--proba").out)
    assert told["tags"][:2] == ["B-PER", "I-PER"] and len(told["probabilities"]) == 5
    assert (
        lexon("predict", tagger, "-", stdin=f"{given}\n\n{given}\n".encode()).out == 2 * answer.out
    )
    Path("lines.txt").write_text(f"{given}\n{given}\n")
    assert lexon("predict", tagger, "lines.txt", "--format", "lines").out == 2 * answer.out
    Path("t.conll").write_text(
        "-DOCSTART- O\n\nAnna NNP\nsees VBZ\n\nBob NNP\nsees VBZ\nRome NNP\n"
    )
    answer = lexon("predict", tagger, "t.conll")
    assert (
        answer.out
        == "Anna\tNNP\tB-PER\nsees\tVBZ\tO\n\nBob\tNNP\tB-PER\nsees\tVBZ\tO\nRome\tNNP\tB-LOC\n\n"
    )
    Path("again.conll").write_text(answer.out)
    assert read_tagged("again.conll").tags == [["B-PER", "O"], ["B-PER", "O", "B-LOC"]]
    assert lexon("predict", tagger, "-", "--format", "conll", stdin=b"Anna\nsees\n").out == (
        "Anna\tB-PER\nsees\tO\n\n"
    )
    Path("t.jsonl").write_text('{"tokens": ["Anna", "sees"]}\n{"text": "Rome", "tokens": []}\n')
    lines = lexon("predict", tagger, "t.jsonl", "--json").out.splitlines()
    assert json.loads(lines[0])["tags"] == ["B-PER", "O"] and json.loads(lines[1])["tags"] == []


def test_evaluating_a_file(tagger: Path) -> None:
    Path("t.conll").write_text(conll(*sentences(20, seed=2)) + "\nZoo X B-ORG\nx X I-LOC\n")
    answer = lexon("evaluate", tagger, "t.conll", "--report", "r.html")
    assert answer.code == 0 and "t.conll: 21 rows  F1 0." in answer.out and "PER" in answer.out
    assert "counted as wrong: ORG (1)" in answer.err
    assert "1 true tags break IOB2: I-LOC behind B-ORG (1)" in answer.err
    told = json.loads(lexon("evaluate", tagger, "t.conll", "--label", "3", "--json").out)
    assert {score["name"] for score in told["per_class"]} == {"LOC", "ORG", "PER"} and told["notes"]
    assert "Zoo" in Path("r.html").read_text()


#: Name, content, options, what is said.
REFUSED = [
    ("ragged.conll", "a X O\nb O\n", "", "ragged.conll, line 2: 2 columns, where line 1 has 3"),
    ("one.conll", "a O\nb O\n", "", "only one label, 'O'"),
    ("good.conll", "a B-X\nb O\n", "--scheme BIO", "scheme is 'BIO', none of auto, IOB1"),
    ("good.conll", "a I-X\nb O\n", "--scheme BMES --label 2", "I-X is no tag of BMES"),
    ("good.conll", "a B-X\nb O\n", "--model cnn", "model is 'cnn', none of bilstm"),
    ("good.conll", "a B-X\nb O\n", "--label 7", "there is no column '7'"),
    ("good.conll", "a B-X\nb O\n", "--pool max", "--pool is no setting of this job"),
    ("good.conll", "a B-X\nb O\n", "--format csv", "conll or jsonl"),
    ("good.conll", "a B-X\nb O\n", "--delimiter ,", "--delimiter"),
    ("good.conll", "a B-X\nb O\n", "--target 2", "does not go with --target"),
    ("bad.jsonl", '{"tokens": ["a"], "tags": []}\n', "", "line 1: 1 tokens, but 0 tags"),
]


@pytest.mark.parametrize(("name", "content", "options", "said"), REFUSED)
def test_bad_input_is_refused(name: str, content: str, options: str, said: str) -> None:
    Path(name).write_text(content)
    answer = lexon("train", name, *QUICK, *options.split(), "-o", "m.lexon")
    assert (answer.code, answer.out) == (2, "") and "Traceback" not in answer.err
    assert said in answer.err and not Path("m.lexon").exists(), answer.err


def test_other_jobs_point_to_this_one(tagger: Path) -> None:
    Path("n.conll").write_text("-DOCSTART- X O\n\n" + conll(*sentences()))
    answer = lexon("train", "n.conll", "-o", "m.lexon")
    assert answer.code == 2 and "--task tag" in answer.err
    rows = "\n".join(f"{mood},a text" for mood in ("good", "bad") * 30)
    Path("t.csv").write_text(f"mood,text\n{rows}\n")
    answer = lexon("train", "t.csv", "--model", "bilstm-crf", "-o", "m.lexon")
    assert answer.code == 2 and "none of linear, mlp, cnn" in answer.err
    Path("two.txt").write_text("安娜在北京\n约翰在南京\n", encoding="utf-8")
    answer = lexon("predict", tagger, "two.txt")
    assert answer.code == 0 and "--format lines" in answer.err


def test_models_of_another_task(tagger: Path, trained: Path) -> None:
    write(Path("reviews.csv"), [("good film, fine", "pos"), ("bad", "neg")])
    answer = lexon("evaluate", tagger, "reviews.csv")
    assert answer.code == 2 and "reviews.csv, line" in answer.err
    Path("t.conll").write_text(conll(*sentences(3)))
    answer = lexon("evaluate", trained, "t.conll")
    assert answer.code == 2 and "Traceback" not in answer.err
    for options in (("--target", "x"), ("--delimiter", ",")):
        assert lexon("evaluate", tagger, "t.conll", *options).code == 2
    answer = lexon("train", "t.conll", "--task", "table", "-o", "m.lexon")
    assert answer.code == 2 and "needs --target" in answer.err
    answer = lexon("train", "t.conll", "--format", "conll", "-o", "m.lexon")
    assert answer.code == 2 and "no format 'conll'" in answer.err
