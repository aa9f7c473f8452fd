"""Marked texts, and the files that hold them."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexon.errors import DataFileError, InputError
from lexon.text import MarkedText, read_examples, read_relations, read_table

FOLDER = os.environ.get("LEXON_DATA", "")
SEMEVAL = """1\t"The <e1>cat</e1> ate the "<e2>fish</e2>"."
Agent-Patient(e1,e2)
Comment: (a) holds

2\t"A <e1>bowl</e1> with <e2>fish</e2>."
Content-Container(e2,e1)
Comment:

3\t"The <e1>cat</e1> saw a <e2>bowl</e2>."
Other
Comment:

"""
EXAMPLE = {"text": "the cat ate the fish", "e1": [4, 7], "e2": [16, 20], "label": "Eats"}


def jsonl(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


# Marks


@given(
    st.lists(st.text("ab <>/é词", min_size=1, max_size=6), min_size=5, max_size=5), st.booleans()
)
def test_a_text_with_marks_is_read_as_it_is_written(pieces: list[str], turned: bool) -> None:
    pieces[1], pieces[3] = pieces[1] + "x", "x" + pieces[3]
    ends = [sum(map(len, pieces[:n])) for n in range(6)]
    spans = [(ends[1], ends[2]), (ends[3], ends[4])]
    marked = MarkedText("".join(pieces), *(reversed(spans) if turned else spans))
    assert marked.pieces == tuple(pieces) and marked.e1_first is not turned
    assert MarkedText.parse(str(marked)) == marked


def test_marks_may_stand_in_either_order() -> None:
    marked = MarkedText.parse("a <e2>b</e2> c <e1>d</e1>")
    assert (marked.text, marked.e1, marked.e2) == ("a b c d", (6, 7), (2, 3))
    assert str(marked) == "a <e2>b</e2> c <e1>d</e1>"
    assert MarkedText.parse("<e1>a</e1><e2>b</e2>").pieces == ("", "a", "", "b", "")


@pytest.mark.parametrize(
    ("marked", "said"),
    [
        ("a b", "<e1> stands not at all"),
        ("<e1>a</e1> b", "<e2> stands not at all"),
        ("<e1>a</e1> <e2>b", "</e2> stands not at all"),
        ("<e1>a</e1> <e2>b</e2> <e2>c</e2>", "<e2> stands 2 times"),
        ("</e1>a<e1> <e2>b</e2>", "</e1> stands before <e1>"),
        ("<e1>a <e2>b</e1> c</e2>", "cross each other"),
        ("<e1>a <e2>b</e2> c</e1>", "one is inside the other"),
        ("<e2><e1>a</e1></e2>", "one is inside the other"),
        ("<e1></e1> <e2>b</e2>", "span e1, 0 to 0, is empty"),
        ("<e1>a</e1> <e2> \t</e2>", "span e2, 2 to 4, is empty"),
    ],
)
def test_marks_that_cannot_be_used_are_refused(marked: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        MarkedText.parse(marked)


@pytest.mark.parametrize(
    ("e1", "e2", "said"),
    [
        ((0, 3), (2, 5), "e1 'abc' and e2 'cde' overlap"),
        ((2, 5), (0, 3), "overlap"),
        ((0, 5), (1, 2), "overlap"),
        ((0, 1), (0, 1), "overlap"),
        ((0, 1), (4, 6), "e2 is 4 to 6, but the text has 5"),
        ((0, 1), (-2, 5), "e2 is -2 to 5"),
        ((3, 1), (4, 5), "e1 is 3 to 1"),
        ((1, 1), (4, 5), "e1, 1 to 1, is empty"),
        ((0, 1), (1.5, 2), "two whole numbers"),
        ((0, 1), None, "two whole numbers"),
        ((0, 1, 2), (3, 4), "two whole numbers"),
    ],
)
def test_spans_that_cannot_be_used_are_refused(e1: Any, e2: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        MarkedText("abcde", e1, e2)
    with pytest.raises(InputError, match="holds the mark </e2> itself"):
        MarkedText("a</e2>bc", (0, 1), (7, 8))


# SemEval-2010 Task 8


def test_a_semeval_file_is_recognised_and_read(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    for text in (SEMEVAL, SEMEVAL.replace("\n", "\r\n"), SEMEVAL.replace("\n\n", "\n")):
        path.write_bytes(text.encode())
        found = read_relations(path)
        assert found.table.recognised.describe() == (
            "train.txt: SemEval-2010 Task 8, UTF-8, 3 rows"
        )
        assert found.labels == ["Agent-Patient(e1,e2)", "Content-Container(e2,e1)", "Other"]
        assert str(found.texts[0]) == 'The <e1>cat</e1> ate the "<e2>fish</e2>".'
        assert found.table.columns["id"] == ["1", "2", "3"]
        assert found.table.columns["comment"] == ["(a) holds", "", ""]
    assert read_examples(path).labels == found.labels


def test_a_table_with_marks_is_no_semeval_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text('1\t"<e1>a</e1> <e2>b</e2>"\n2\t"<e1>c</e1> <e2>d</e2>"\n' * 2)
    assert read_table(tmp_path / "a.txt").recognised.format == "tsv"
    found = read_relations(tmp_path / "a.txt", need_labels=False)
    assert str(found.texts[1]) == "<e1>c</e1> <e2>d</e2>" and len(found) == 4


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("3\t", "\t", r"line 9: .* is no numbered sentence"),
        ("<e1>cat</e1> saw a <e2>bowl</e2>", "cat saw a bowl", "line 9: .* is no numbered"),
        ("(e2,e1)", "(e2,e3)", "line 5: example 2: .*is no relation"),
        ("Content-Container(e2,e1)\n", "", "line 5: example 2: there is no relation"),
        ("Comment: (a)", "(a)", r"line 1: example 1: '\(a\) holds' is no comment"),
        ('fish</e2>."', "fish</e2>.", "line 5: example 2: its sentence has no closing"),
        ('</e2>."\nContent', '."\nContent', "line 5: </e2> stands not at all"),
    ],
)
def test_a_semeval_file_with_a_fault_is_refused(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "train.txt"
    path.write_text(SEMEVAL.replace(old, new))
    with pytest.raises(DataFileError, match=said):
        read_relations(path)


def test_a_relation_lacks_its_direction(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_text(SEMEVAL + SEMEVAL.replace("(e2,e1)", ""))
    with pytest.raises(DataFileError, match="line 18: Content-Container has no direction here"):
        read_relations(path)


def test_a_semeval_file_cut_anywhere_is_refused_or_whole(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    whole = SEMEVAL.replace("Comment:\n\n", "Comment:\n")
    first = whole.index("2\t")
    for length in range(first + 1, len(whole)):
        path.write_text(whole[:length])
        try:
            found = read_relations(path, format="semeval")
        except DataFileError as error:
            assert "train.txt" in str(error)
            continue
        # Only a comment may be cut unseen, for it may hold anything, and an end between examples.
        assert (
            found.labels
            == ["Agent-Patient(e1,e2)", "Content-Container(e2,e1)", "Other"][: len(found)]
        )
        last = whole[:length].rstrip("\n").rpartition("\n")[2]
        assert last.startswith("Comment") or whole[:length].endswith("\n"), last


@pytest.mark.skipif(not Path(FOLDER, "semeval2010_task8").is_dir(), reason="no LEXON_DATA")
def test_the_real_files() -> None:
    train = read_relations(Path(FOLDER, "semeval2010_task8", "TRAIN_FILE.TXT"))
    test = read_relations(Path(FOLDER, "semeval2010_task8", "TEST_FILE_FULL.TXT"))
    assert (len(train), len(test)) == (8000, 2717)
    counts = Counter(train.labels or ())
    assert (
        len(counts) == 19 and counts["Other"] == 1410 and counts["Entity-Destination(e2,e1)"] == 1
    )
    assert str(train.texts[4]).startswith("The <e1>student</e1> <e2>association</e2> is the voice")


# Tables


def test_json_lines_with_spans_in_characters_and_in_tokens(tmp_path: Path) -> None:
    words = "the cat ate the fish".split()
    expected = MarkedText("the cat ate the fish", (4, 7), (16, 20))
    rows = (
        EXAMPLE,
        {"text": words, "e1": [1, 2], "e2": [4, 5], "label": "Eats"},
        {"token": words, "h": {"name": "cat", "pos": [1, 2]},
         "t": {"name": "fish", "pos": [4, 5]}, "relation": "Eats"},
        {"text": " ".join(words), "head": {"start": 4, "end": 7},
         "tail": {"start": 16, "end": 20}, "relation": "Eats"},
        {"text": "the <e1>cat</e1> ate the <e2>fish</e2>", "e1": "cat", "label": "Eats"},
    )  # fmt: skip
    for row in rows:
        found = read_relations(jsonl(tmp_path / "a.jsonl", row, row | {"n": 1}))
        assert found.texts == [expected] * 2 and found.labels == ["Eats"] * 2, row
    named = {"text": expected.text, "a": [4, 7], "b": [16, 20], "label": "Eats"}
    found = read_relations(jsonl(tmp_path / "a.jsonl", named), spans=("b", "a"))
    assert found.texts == [MarkedText(expected.text, expected.e2, expected.e1)]


def test_a_token_with_a_blank_moves_no_span(tmp_path: Path) -> None:
    row = {"text": ["New York", "is", "in", "NY"], "e1": [0, 1], "e2": [3, 4], "label": "x"}
    (found,) = read_relations(jsonl(tmp_path / "a.jsonl", row), need_labels=False).texts
    assert str(found) == "<e1>New York</e1> is in <e2>NY</e2>"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"e2": [16, 21]}, "e2 is 16 to 21, but the text has 20"),
        ({"e2": [5, 9]}, "overlap"),
        ({"e2": [4, 4]}, "e2, 4 to 4, is empty"),
        ({"e2": None}, "e2 is missing"),
        ({"e2": "fish"}, "e2 is 'fish'"),
        ({"e2": [16]}, r"e2 is \[16\]"),
        ({"e2": [1.0, 2.0]}, "two whole numbers"),
        ({"e2": [True, False]}, "two whole numbers"),
        ({"e2": {"pos": 5}}, "two whole numbers"),
        ({"e2": "{"}, "two whole numbers"),
        ({"text": ["the", "cat"], "e1": [0, 1], "e2": [1, 3]}, "there are 2 tokens"),
        ({"text": ["the", "cat"], "e1": [0, 1], "e2": [1, 1]}, "there are 2 tokens"),
    ],
)
def test_json_lines_with_spans_of_no_use_are_refused(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = jsonl(tmp_path / "a.jsonl", EXAMPLE, EXAMPLE | changes)
    with pytest.raises(DataFileError, match=f"a.jsonl, line 2: .*{said}"):
        read_relations(path)


def test_csv_with_marks(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = [
        "sentence,relation,split",
        '"a <e1>b</e1>, <e2>c</e2>",X,1',
        "<e2>d</e2> <e1>e</e1>,Y,1",
    ]
    path.write_text("\n".join([*lines, "<e2>d</e2> <e1>e</e1>,,1"]))
    found = read_relations(path)
    assert [str(text) for text in found.texts] == [
        "a <e1>b</e1>, <e2>c</e2>",
        "<e2>d</e2> <e1>e</e1>",
    ]
    assert found.labels == ["X", "Y"] and list(found.line_numbers) == [2, 3]
    assert any("1 row of 3 without a label" in note for note in found.notes)
    path.write_text("\n".join([*lines, "no marks,X,1"]))
    with pytest.raises(DataFileError, match=r"a\.csv, line 4: <e1> stands not at all"):
        read_relations(path)
    path.write_text("\n".join([*lines, "<e2>d</e2> <e1>e</e1>,X,1,7"]))
    with pytest.raises(DataFileError, match="line 4: 4 fields, where the first row has 3"):
        read_relations(path)


def test_texts_without_spans_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\na b,X\nc d,Y\n")
    with pytest.raises(DataFileError, match="no spans are marked"):
        read_relations(tmp_path / "a.csv")
    with pytest.raises(DataFileError, match="no column 'e1'"):
        read_relations(tmp_path / "a.csv", spans=("e1", "e2"))
    several = EXAMPLE | {"label": ["a", "b"]}
    with pytest.raises(DataFileError, match="one relation each"):
        read_relations(jsonl(tmp_path / "a.jsonl", several, several))
