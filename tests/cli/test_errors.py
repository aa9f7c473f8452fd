"""What a careless user gives: a message with what, where and the remedy; nothing is written."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from lexon import storage
from tests.cli.commands import TINY, lexon, reviews, write

TEXTS = "good film,pos\nbad film,neg\n" * 10
FILES: dict[str, str | bytes] = {
    "empty.csv": "",
    "blank.csv": "\n \n\n",
    "header.csv": "text,label\n",
    "one-class.csv": "text,label\n" + "good film,pos\n" * 10,
    "one-row.csv": "text,label\ngood film,pos\n",
    "all-differ.csv": "text,label\n" + "".join(f"a b,l{row}\n" for row in range(20)),
    "unlabelled.csv": "text,label\n" + "good film,\n" * 10,
    "latin.csv": ("text,label\ncafé good,pos\nbad film,neg\n" * 9).encode("latin-1"),
    "nul.csv": "text,label\ngood\0film,pos\n" + TEXTS,
    "ragged.csv": "text,label\n" + TEXTS + "a,b,c,d\n",
    "unseen.csv": "text,label\nso so,meh\n",
    "numbers.csv": "a,b\n1,2\n3,4\n",
    "broken.jsonl": '{"text": "good", "label": "pos"}\n{"text": "bad", "label"\n',
    "lists.jsonl": '{"text": "good", "label": ["pos"]}\n{"text": "bad", "label": ["neg"]}\n' * 5,
    "image.csv": bytes(range(256)) * 8,
}


@pytest.fixture(autouse=True)
def files(elsewhere: None, tmp_path: Path) -> None:
    write(Path("reviews.csv"), reviews())
    Path("folder").mkdir()
    for name, content in FILES.items():
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())


def refused(*arguments: object) -> str:
    """What is said on standard error; exit code 2, no traceback, and no file that is new."""
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    answer = lexon(*arguments)
    assert (answer.code, answer.out) == (2, ""), answer
    assert re.search("^(lexon|Error): ", answer.err, re.MULTILINE) and len(answer.err) < 2000
    assert "Traceback" not in answer.err and "Warning" not in answer.err
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before
    return answer.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("there-is-none.csv", ["there-is-none.csv", "no such file", "check the name"]),
        ("folder", ["folder", "give the path of a file"]),
        ("empty.csv", ["empty.csv", "empty"]),
        ("blank.csv", ["blank.csv"]),
        ("header.csv", ["header.csv", "only a header", "add rows"]),
        ("one-class.csv", ["one-class.csv", "only one label, 'pos'", "two different"]),
        ("one-row.csv", ["one-row.csv"]),
        ("all-differ.csv", ["every label occurs once", "more rows"]),
        ("unlabelled.csv", ["unlabelled.csv", "none of the 10 rows has a label", "'label'"]),
        ("nul.csv", ["nul.csv, line 2", "NUL", "remove it"]),
        ("image.csv", ["image.csv", "control characters", "no text file"]),
        ("ragged.csv", ["ragged.csv, line 22", "4 fields", "quotes"]),
        ("broken.jsonl", ["broken.jsonl", "line 2"]),
        ("latin.csv --encoding utf-8", ["latin.csv, line 2", "0xe9", "leave the encoding out"]),
        ("reviews.csv --encoding klingon", ["klingon", "use utf-8"]),
        ("reviews.csv --text txt", ["'txt'", "'text', 'label'", "did you mean 'text'?"]),
        ("reviews.csv --label lable", ["'lable'", "did you mean 'label'?"]),
        ("reviews.csv --target lable", ["'lable'", "did you mean 'label'?"]),
        ("reviews.csv --text text --label text", ["both as text and as label"]),
        ("reviews.csv --delimiter ab", ["delimiter", "'ab'"]),
        ("reviews.csv --separator=", ["separator is empty"]),
        ("reviews.csv --valid there-is-none.csv", ["there-is-none.csv"]),
        ("reviews.csv --valid unseen.csv", ["unseen.csv: 1 row", "'meh'", "'neg', 'pos'"]),
        ("reviews.csv --test unseen.csv", ["unseen.csv: 1 row", "'meh'", "leave these rows out"]),
        ("reviews.csv --test header.csv", ["header.csv", "only a header"]),
        ("reviews.csv --test lists.jsonl", ["lists.jsonl", "several labels", "same form"]),
        ("reviews.csv --valid reviews.csv --hold-out 0.2", ["--hold-out does not go with --valid"]),
        ("reviews.csv --target label --text text", ["--text does not go with --target"]),
        ("reviews.csv --target label --filters 3", ["--filters", "its settings are"]),
        ("reviews.csv --output-layer sigmoid --valid unseen.csv", ["unseen.csv"]),
        ("reviews.csv --epochs 0", ["epochs is 0", "1 or more"]),
        ("reviews.csv --batch-size 0", ["batch_size is 0"]),
        ("reviews.csv --patience 0", ["patience is 0"]),
        ("reviews.csv --windows 0", ["n-gram size is 0"]),
        ("reviews.csv --windows x", ["'x'", "such as 3,4,5"]),
        ("reviews.csv --windows 3,3", ["(3, 3)", "each once"]),
        ("reviews.csv --windows 100000", ["100000", "up to 100"]),
        ("reviews.csv --dropout 1", ["dropout is 1.0", "below 1"]),
        ("reviews.csv --filters 0", ["filters is 0"]),
        ("reviews.csv --dimension -5", ["dimension is -5"]),
        ("reviews.csv --threads 0", ["threads", "1 or more"]),
        ("reviews.csv --hold-out 2", ["--hold-out", "0<=x<1"]),
        ("reviews.csv --hold-out nan", ["nan"]),
        ("reviews.csv --hold-out 0.0001", ["0.0001 of 60 rows"]),
        ("reviews.csv --learning-rate -1", ["learning_rate is -1"]),
        ("reviews.csv --learning-rate nan", ["learning_rate is nan"]),
        ("reviews.csv --clip -1", ["clip is -1"]),
        ("reviews.csv --max-norm 0", ["max_norm is 0"]),
        ("reviews.csv --optimizer adm", ["'adm'", "did you mean 'adam'?"]),
        ("reviews.csv --seed -1", ["seed is -1"]),
        ("reviews.csv --checkpoint-every -1", ["--checkpoint-every", "-1"]),
        ("reviews.csv --class-weight heavy", ["'heavy'", "balanced"]),
        ("reviews.csv --class-weight meh=2", ["meh", "the labels are neg, pos"]),
        ("reviews.csv --class-weight pos=-2", ["'pos' is -2"]),
        ("reviews.csv --threshold 0", ["threshold is 0"]),
        ("reviews.csv --dimension 100000000000000", ["not enough memory", "smaller"]),
    ],
)
def test_training_on_what_cannot_be_used(arguments: str, said: list[str]) -> None:
    table = "--target" in arguments
    err = refused("train", *(() if table else TINY), "-o", "m.lexon", *arguments.split(" "))
    for words in said:
        assert words in err


@pytest.mark.parametrize("rate", ["1e30", "1e60"])
@pytest.mark.parametrize("name", ["linear", "mlp", "cnn"])
def test_a_rate_that_explodes(name: str, rate: str) -> None:
    write(Path("noise.csv"), [(text, "xy"[row % 7 < 3]) for row, (text, _) in enumerate(reviews())])
    rate = "1e60" if name == "linear" else rate
    err = refused("train", "noise.csv", *TINY, "--model", name, "--optimizer", "sgd", "--quiet",
                  "--learning-rate", rate, "--epochs", "9", "-o", "m.lexon")  # fmt: skip
    assert "finite" in err and "the learning rate" in err and "try" in err
    if (name, rate) == ("cnn", "1e30"):
        assert "in conv" in err and "1e+29" in err


@pytest.mark.parametrize("more", [(), ("--epochs", "1", "--batch-size", "999")])
@pytest.mark.parametrize("rate", ["1e30", "1e60"])
def test_a_rate_that_explodes_on_a_table(rate: str, more: tuple[str, ...]) -> None:
    rows = [(str(n % 7), str(3 * (n % 7))) for n in range(60)]
    write(Path("table.csv"), rows, ("size", "price"))
    rate = "1e60" if more else rate
    err = refused("train", "table.csv", "--target", "price", "--quiet", "--optimizer", "sgd",
                  "--learning-rate", rate, *more, "-o", "m.lexon")  # fmt: skip
    assert "finite" in err and "the learning rate" in err and "try" in err


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("nowhere/m.lexon", "no folder 'nowhere'"),
        ("folder", "this is a folder"),
        ("", "this is a folder"),
        ("reviews.csv", "one of the files to read"),
        ("folder/../reviews.csv", "one of the files to read"),
        ("pipe", "a device or a pipe"),
        ("m" * 300, "File name too long"),
        ("a\0b", "NUL"),
    ],
)
@pytest.mark.parametrize("option", ["-o", "--report"])
def test_outputs_that_cannot_be_written(option: str, output: str, said: str) -> None:
    os.mkfifo("pipe")
    more = ("-o", "m.lexon") if option == "--report" else ()
    err = refused("train", "reviews.csv", *TINY, *more, option, output)
    assert said in err and option in err


def test_a_report_in_the_place_of_the_model() -> None:
    err = refused("train", "reviews.csv", *TINY, "-o", "m.lexon", "--report", "./m.lexon")
    assert "same file" in err


def test_rows_that_can_be_used_are_used() -> None:
    rows = [*reviews(), ("so so", "meh"), ("", "pos"), ("  ", "neg"), ("x", ""), ("y", " ")]
    write(Path("mixed.csv"), rows)
    answer = lexon("train", "mixed.csv", *TINY, "-o", "m.lexon")
    assert answer.code == 0
    assert "2 rows of 65 without a label in column 'label', dropped (lines 65, 66)" in answer.err
    assert "2 rows of 63 with an empty text, kept" in answer.err
    assert lexon("predict", "m.lexon", "").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("there-is-none.lexon x", ["there-is-none.lexon: cannot be read: No such file"]),
        ("folder x", ["folder: cannot be read: Is a directory"]),
        ("reviews.csv x", ["reviews.csv: not a usable model file", "not written by lexon"]),
        ("empty.csv x", ["empty.csv", "0 bytes"]),
        ("cut.lexon x", ["cut.lexon", "cut short"]),
        ("bit.lexon x", ["bit.lexon", "damaged"]),
        ("newer.lexon x", ["newer.lexon", "upgrade lexon"]),
        ("m.lexon new.csv", ["new.csv: there is no such file", "quotation marks"]),
        ("m.lexon folder", ["folder", "give the path of a file"]),
        ("m.lexon empty.csv", ["empty.csv", "empty"]),
        ("m.lexon reviews.csv --text txt", ["'txt'", "'text', 'label'"]),
        ("m.lexon ragged.csv", ["ragged.csv, line 22"]),
        ("prices.lexon good film", ["attributes", "one file of rows"]),
        ("prices.lexon good", ["good", "no such file"]),
        ("prices.lexon reviews.csv", ["'size'", "'text', 'label'"]),
        ("prices.lexon homes.csv --proba", ["--proba", "numbers"]),
        ("prices.lexon homes.csv --text size", ["--text", "attributes"]),
        ("prices.lexon", ["attributes"]),
    ],
)
def test_predicting_what_cannot_be_predicted(
    arguments: str, said: list[str], trained: Path, prices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained.read_bytes()
    for name, content in {
        "m.lexon": whole,
        "prices.lexon": prices.read_bytes(),
        "homes.csv": prices.with_name("homes.csv").read_bytes(),
        "cut.lexon": whole[:300],
        "bit.lexon": whole[:-9] + bytes([whole[-9] ^ 4]) + whole[-8:],
    }.items():
        Path(name).write_bytes(content)
    with monkeypatch.context() as context:
        context.setattr(storage, "FORMAT", 99)
        storage.write("newer.lexon", "model", {}, {})
    err = refused("predict", *arguments.split())
    for words in said:
        assert words in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("m.lexon unseen.csv", ["unseen.csv: 1 row", "'meh'", "'neg', 'pos'"]),
        ("m.lexon unlabelled.csv", ["unlabelled.csv", "none of the 10 rows"]),
        ("m.lexon numbers.csv", ["numbers.csv"]),
        ("m.lexon reviews.csv --label lable", ["did you mean 'label'?"]),
        ("m.lexon lists.jsonl", ["lists.jsonl", "one label"]),
        ("m.lexon header.csv", ["only a header"]),
        ("m.lexon reviews.csv --report folder", ["--report", "this is a folder"]),
        ("m.lexon reviews.csv --report reviews.csv", ["one of the files to read"]),
        ("m.lexon reviews.csv --report m.lexon", ["one of the files to read"]),
        ("prices.lexon reviews.csv", ["'price'", "'text', 'label'"]),
        ("prices.lexon reviews.csv --label lable", ["did you mean 'label'?"]),
    ],
)
def test_evaluating_what_cannot_be_evaluated(
    arguments: str, said: list[str], trained: Path, prices: Path
) -> None:
    Path("m.lexon").write_bytes(trained.read_bytes())
    Path("prices.lexon").write_bytes(prices.read_bytes())
    err = refused("evaluate", *arguments.split())
    for words in said:
        assert words in err


def test_a_file_without_a_text_column_is_told_what_was_taken(trained: Path) -> None:
    answer = lexon("predict", trained, "numbers.csv")
    assert answer.code == 0 and "numbers.csv: column 'a' taken as the text" in answer.err


def test_scores_of_one_row_are_json(trained: Path) -> None:
    write(Path("one.csv"), reviews(2)[:1])
    scores = lexon("evaluate", trained, "one.csv", "--json", "--text", "text", "--label", "label")
    assert json.loads(scores.out, parse_constant=pytest.fail)["rows"] == 1
