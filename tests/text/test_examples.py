"""Texts and labels from files: the columns chosen, the rows dropped, and the errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from lexon.errors import DataFileError, InputError
from lexon.text import read_examples


def write(folder: Path, content: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8", newline="")
    return path


def test_columns_by_name_and_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "id,title,review,stars,label\n1,t,good film,5,pos\n2,u,bad,1,neg\n")
    examples = read_examples(path)
    assert (examples.texts, examples.labels) == (["good film", "bad"], ["pos", "neg"])
    assert examples.notes == [
        "column 'review' taken as the text", "column 'label' taken as the label"
    ]  # fmt: skip
    examples = read_examples(path, text="title", label="stars")
    assert (examples.texts, examples.labels, examples.notes) == (["t", "u"], ["5", "1"], [])


def test_columns_by_content(tmp_path: Path) -> None:
    rows = "".join(f"{i},x{i % 3},a text of some words {i},{i % 2},k\n" for i in range(9))
    examples = read_examples(write(tmp_path, rows))
    assert examples.texts[3] == "a text of some words 3"
    assert examples.labels == ["0", "1"] * 4 + ["0"]
    assert examples.notes[1].startswith("column '4' taken as the label: it has the fewest")


def test_wrong_columns(tmp_path: Path) -> None:
    path = write(tmp_path, "review,label,n\na,x,1\nb,y,2\n")
    with pytest.raises(
        DataFileError, match=r"'reveiw'; it has 'review', 'label', 'n': did .*'review'"
    ):
        read_examples(path, text="reveiw")
    with pytest.raises(DataFileError, match=r"no column '评论'.*choose one of these"):
        read_examples(path, label="评论")
    with pytest.raises(DataFileError, match="asked for both as text and as label"):
        read_examples(path, text="review", label="review")
    with pytest.raises(DataFileError, match="only one column, 'text', so there are no labels"):
        read_examples(write(tmp_path, "just\nlines\n", "a.txt"))
    with pytest.raises(DataFileError, match="the only column, 'label', is the label"):
        read_examples(write(tmp_path, "label\nx\ny\n"))
    with pytest.raises(DataFileError, match="no column looks like labels; name it, one of 'id'"):
        read_examples(write(tmp_path, "id,text\n" + "".join(f"{i},t {i}\n" for i in range(9))))
    with pytest.raises(InputError, match="separator is empty"):
        read_examples(path, separator="")


def test_missing_labels_are_dropped_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path, "text,label\na,x\nb,\n,y\nd,  \n")
    examples = read_examples(path)
    assert (examples.texts, examples.labels, examples.dropped) == (["a", ""], ["x", "y"], [3, 5])
    assert list(examples.line_numbers) == [2, 4]
    assert "2 rows of 4 without a label in column 'label', dropped (lines 3, 5)" in examples.notes
    assert "1 row of 2 with an empty text, kept" in examples.notes
    unlabelled = read_examples(path, need_labels=False)
    assert (unlabelled.texts, unlabelled.labels, unlabelled.dropped) == (
        ["a", "b", "", "d"],
        None,
        [],
    )
    with pytest.raises(DataFileError, match="none of the 2 rows has a label in column 'label'"):
        read_examples(write(tmp_path, "text,label\na,\nb,\n"))


def test_without_labels(tmp_path: Path) -> None:
    examples = read_examples(write(tmp_path, "a\n\nb\n", "a.txt"), need_labels=False)
    assert (examples.texts, examples.labels, examples.multi_label) == (["a", "", "b"], None, False)
    examples = read_examples(write(tmp_path, "text,label\na,x\nb,y\n"), need_labels=False)
    assert examples.labels == ["x", "y"]


def test_several_labels(tmp_path: Path) -> None:
    path = write(tmp_path, "text,label\na,x;y; x\nb,\nc,z\n")
    examples = read_examples(path, separator=";")
    assert examples.multi_label
    assert (examples.texts, examples.labels) == (["a", "c"], [("x", "y"), ("z",)])
    lines = '{"text": ["a", "b"], "cats": [2, "x"]}\n{"text": "b", "cats": []}\n{"text": "c"}\n'
    examples = read_examples(write(tmp_path, lines, "a.jsonl"))
    assert (examples.texts, examples.labels) == (["a b", "b"], [("2", "x"), ()])
    assert examples.multi_label
    assert examples.dropped == [3]
    examples = read_examples(write(tmp_path, "__label__a __label__b t\n__label__a u\nv\n", "a.txt"))
    assert (examples.multi_label, examples.labels) == (True, [("a", "b"), ("a",)])
    examples = read_examples(write(tmp_path, "__label__a t\n__label__b u\nv\n", "a.txt"))
    assert (examples.multi_label, examples.labels, examples.dropped) == (False, ["a", "b"], [3])


def test_labels_that_are_numbers_become_names(tmp_path: Path) -> None:
    lines = '{"text": "a", "label": 1}\n{"text": "b", "label": 0.0}\n{"text": "c", "label": true}\n'
    assert read_examples(write(tmp_path, lines, "a.jsonl")).labels == ["1", "0", "True"]
