"""``lexon train --task relation``, and what predict and evaluate make of its models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lexon.tasks import RelationClassifier, load
from tests.cli.commands import TINY, Answer, lexon, write
from tests.tasks.relations import sentences

TINY_CNN = ("--dimension", "4", "--filters", "3", "--windows", "1,2", "--epochs", "2",
            "--no-baseline")  # fmt: skip


@pytest.fixture
def semeval(tmp_path: Path) -> Path:
    """A SemEval-2010 Task 8 file of sixty examples."""
    texts, labels = sentences(60, 1)
    blocks = [
        f'{n}\t"{text}"\n{label}\nComment:\n\n'
        for n, (text, label) in enumerate(zip(texts, labels, strict=True), 1)
    ]
    (tmp_path / "train.txt").write_text("".join(blocks))
    return tmp_path / "train.txt"


@pytest.fixture(scope="module")
def relations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows the relations."""
    folder = tmp_path_factory.mktemp("relations")
    rows = list(zip(*sentences(200, 1), strict=True))
    source, model = write(folder / "r.csv", rows), folder / "r.lexon"
    answer = lexon("train", source, "--task", "relation", *TINY_CNN, "--epochs", "20", "--filters",
                   "12", "--dimension", "12", "--dropout", "0.1", "--quiet",
                   "-o", model)  # fmt: skip
    assert answer.code == 0, answer.err
    return model


def train(source: object, *options: object) -> Answer:
    return lexon("train", source, "--task", "relation", *options, "-o", "m.lexon")


def test_a_semeval_file_becomes_a_model_and_a_report(semeval: Path) -> None:
    answer = train(semeval, *TINY_CNN, "--baseline", "--report", "r.html", "--test", semeval)
    assert answer.code == 0, answer.err
    assert "train.txt: SemEval-2010 Task 8, UTF-8, 60 rows" in answer.err
    assert "held-out macro-F1" in answer.err and answer.out.startswith("cnn: macro-F1")
    assert "60 test rows" in answer.out and "linear baseline" in answer.out
    assert isinstance(load("m.lexon"), RelationClassifier)
    page = Path("r.html").read_text()
    assert "Words that decided" in page and 'class="text weighed"' in page
    assert sorted(path.name for path in Path().iterdir()) == ["m.lexon", "r.html", "train.txt"]


@pytest.mark.parametrize(
    "options",
    [("--model", "bilstm", "--hidden", "4", "--dimension", "4", "--epochs", "1"),
     (*TINY_CNN, "--pool", "max", "--loss", "cross-entropy", "--position-dimension", "2",
      "--max-distance", "4", "--other", "None", "--affix-dimension", "3", "--context", "5")],
)  # fmt: skip
def test_the_settings_arrive(options: tuple[str, ...], semeval: Path) -> None:
    answer = train(semeval, *options, "--no-baseline", "--threads", "1")
    assert answer.code == 0, answer.err
    found = load("m.lexon").get_params()
    names = [name for name in options if name.startswith("--") and name != "--no-baseline"]
    for name in names:
        value = found[name[2:].replace("-", "_")]
        shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        assert shown == options[options.index(name) + 1], name


def test_predictions_of_texts_files_and_lines(relations: Path) -> None:
    text = "the <e1>cat</e1> causes the <e2>wine</e2>"
    answer = lexon("predict", relations, text)
    assert answer == (0, "Cause-Effect(e1,e2)\n", "")
    Path("new.jsonl").write_text(
        json.dumps({"text": "the cat causes the wine", "e1": [4, 7], "e2": [19, 23]}) + "\n"
    )
    assert lexon("predict", relations, "new.jsonl").out == answer.out
    lines = lexon("predict", relations, "-", "--json", "--proba", stdin=f"{text}\n".encode())
    found = json.loads(lines.out)
    assert found["label"] == "Cause-Effect(e1,e2)" and found["text"] == text
    assert sum(found["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_an_evaluation_prints_relations(relations: Path) -> None:
    write(Path("test.csv"), zip(*sentences(60, 2), strict=True))
    answer = lexon("evaluate", relations, "test.csv", "--report", "e.html")
    assert answer.code == 0 and "test.csv: 60 rows  macro-F1 " in answer.out
    assert "Cause-Effect " in answer.out and "(e1,e2)" not in answer.out
    found = json.loads(lexon("evaluate", relations, "test.csv", "--json").out)
    assert list(found["scores"]) == ["macro-F1", "accuracy"] and found["scores"]["macro-F1"] > 0.8


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--model", "linear"), "model is 'linear', none of cnn, bilstm"),
        (("--word-ngrams", "2"), "--word-ngrams is no setting of this job"),
        (("--separator", ";"), "--separator"),
        (("--pool", "last"), "pool is 'last', none of piecewise, max"),
        (("--target", "label"), "--task relation does not go with --target"),
        (("--valid", "strange.csv"), "strange.csv: 1 row with the unknown label 'New'"),
        (("--test", "unmarked.csv"), "unmarked.csv: no spans are marked"),
        (("--test", "cut.txt"), "cut.txt, line 5: example 2"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    options: tuple[str, ...], said: str, semeval: Path
) -> None:
    write(Path("strange.csv"), [("<e1>a</e1> <e2>b</e2>", "New")])
    write(Path("unmarked.csv"), [("a b", "Other"), ("c d", "X")])
    Path("cut.txt").write_text("\n".join(semeval.read_text().splitlines()[:5]))
    before = sorted(Path().iterdir())
    answer = train(semeval, *TINY_CNN, *options)
    assert answer.code == 2 and said in answer.err and "Traceback" not in answer.err, answer.err
    assert sorted(Path().iterdir()) == before


def test_the_task_is_told_by_its_options(data: Path) -> None:
    answer = lexon("train", data, "--task", "table", *TINY, "-o", "m.lexon")
    assert answer.code == 2 and "--task table needs --target" in answer.err
    answer = lexon("train", data, "--task", "text", "--target", "label", "-o", "m.lexon")
    assert answer.code == 2 and "--task text does not go with --target" in answer.err
    assert lexon("train", data, "--task", "text", *TINY, "-o", "m.lexon").code == 0
    answer = lexon("train", data, "--loss", "ranking", *TINY, "-o", "m.lexon")
    assert answer.code == 2 and "--loss is no setting of this job" in answer.err


def test_a_model_of_another_job_is_given_marked_texts(
    relations: Path, trained: Path, data: Path
) -> None:
    answer = lexon("predict", relations, "good film")
    assert answer.code == 2 and "text 0: <e1> stands not at all in 'good film'" in answer.err
    answer = lexon("evaluate", relations, data)
    assert answer.code == 2 and "reviews.csv: no spans are marked" in answer.err
    assert lexon("evaluate", relations, data, "--target", "label").code == 2
