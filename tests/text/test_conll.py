"""Reading sentences with tags: columns and JSON lines."""

from __future__ import annotations

import json
import lzma
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexon.errors import DataFileError, InputError
from lexon.text import read_tagged

COLUMNS = """-DOCSTART- -X- O O

EU NNP I-NP I-ORG
rejects VBZ I-VP O

Peter NNP I-NP I-PER
"""


def read(path: Path, content: str | bytes, **options: Any) -> Any:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_tagged(path, **options)


def test_columns_and_documents(tmp_path: Path) -> None:
    found = read(tmp_path / "a.conll", COLUMNS)
    assert found.tokens == [["EU", "rejects"], ["Peter"]]
    assert found.tags == [["I-ORG", "O"], ["I-PER"]]
    assert found.lines == [3, 6] and found.rows[0][1] == ["rejects", "VBZ", "I-VP", "O"]
    assert found.notes == [
        "1 lines of -DOCSTART-, which are no sentences, left out",
        "column 4 of 4 taken as the tag: 3 different, I-ORG, I-PER, O",
    ]


def test_columns_may_be_named(tmp_path: Path) -> None:
    found = read(tmp_path / "a", COLUMNS, text="2", label="3")
    assert found.tokens[0] == ["NNP", "VBZ"] and found.tags[0] == ["I-NP", "I-VP"]
    assert len(found.notes) == 1


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\n \t\n"])
@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_ends_of_lines_and_of_the_file_change_nothing(tmp_path: Path, line: str, end: str) -> None:
    content = COLUMNS.rstrip("\n") + end
    found = read(tmp_path / "a", content.replace("\n", line))
    assert found.tokens == [["EU", "rejects"], ["Peter"]] and found.tags[1] == ["I-PER"]


def test_tabs_let_tokens_hold_blanks(tmp_path: Path) -> None:
    found = read(tmp_path / "a", "New York\tB-LOC\nis\tO\n\n \t \n\u3000\tO\nx\tO")
    assert found.tokens == [["New York", "is"], ["\u3000", "x"]]


def test_chinese_by_characters_packed_and_in_gb18030(tmp_path: Path) -> None:
    content = "王 B-PER\n明 I-PER\n在 O\n\n北 B-LOC\n京 I-LOC\n".encode("gb18030")
    found = read(tmp_path / "a.xz", lzma.compress(content))
    assert found.tokens == [["王", "明", "在"], ["北", "京"]] and found.tags[1][0] == "B-LOC"


def test_universal_dependencies(tmp_path: Path) -> None:
    words = ("1-2", "am", "_"), ("1", "a", "ADP"), ("2", "dem", "DET"), ("2.1", "x", "_")
    rows = [f"{n}\t{word}\t_\t{tag}\t_\t_\t0\troot\t_\t_" for n, word, tag in words]
    found = read(tmp_path / "a.conllu", "# text = am\n" + "\n".join(rows) + "\n")
    assert found.tokens == [["a", "dem"]] and found.tags == [["ADP", "DET"]]
    assert "column 4 of 10" in found.notes[0]


def test_a_hash_is_a_token_elsewhere(tmp_path: Path) -> None:
    assert read(tmp_path / "a", "# # O\n1 CD O\n").tokens == [["#", "1"]]


def test_the_tag_column_is_the_last_that_repeats(tmp_path: Path) -> None:
    found = read(tmp_path / "a", "a A x1\nb B x2\nc A x3\nd B x4\na A x5\n")
    assert found.tags == [["A", "B", "A", "B", "A"]] and "column 2 of 3" in found.notes[0]


def test_without_tags_there_need_be_none(tmp_path: Path) -> None:
    found = read(tmp_path / "a", "one\ntwo\n\nthree\n", need_tags=False)
    assert found.tokens == [["one", "two"], ["three"]] and found.tags is None


def test_objects(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [
        {"id": 1, "tokens": ["Anna", "in", "Rom"], "ner_tags": ["B-PER", "O", "B-LOC"]},
        {"id": 2, "tokens": "王明 在", "ner_tags": "B-PER O"},
        {"id": 3, "tokens": "王明", "ner_tags": ["B-PER", "I-PER"]},
        {"id": 4, "tokens": [], "ner_tags": []},
        {"id": 5, "tokens": [7, "x"], "ner_tags": [0, 1]},
    ]
    found = read(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines)))
    assert found.tokens[1:] == [["王明", "在"], ["王", "明"], [], ["7", "x"]]
    assert found.tags[2:] == [["B-PER", "I-PER"], [], ["0", "1"]]
    assert found.notes == [
        "'tokens' taken as the tokens",
        "'ner_tags' taken as the tags",
        "1 sentences without tokens, kept: nothing is predicted for them",
    ]
    named = read_tagged(tmp_path / "a.jsonl", text="tokens", label="ner_tags")
    assert named.tags == found.tags and len(named.notes) == 1
    untagged = read_tagged(tmp_path / "a.jsonl", need_tags=False)
    assert untagged.tokens == [["Anna", "in", "Rom"], "王明 在", "王明", [], ["7", "x"]]
    assert untagged.tags is None


@given(
    content=st.one_of(
        st.binary(max_size=60),
        st.text('ab \t\n\r#1-.{}[]":,oken_王\u3000', max_size=60).map(str.encode),
    ),
    need_tags=st.booleans(),
)
@settings(deadline=None, max_examples=300)
def test_anything_is_read_or_refused(content: bytes, need_tags: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = read(Path(folder, "a"), content, need_tags=need_tags)
        except DataFileError:
            return
    if found.tags is not None:
        assert list(map(len, found.tokens)) == list(map(len, found.tags))
        assert all(tag for sentence in found.tags for tag in sentence)


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        ("a O\nb\n", {}, ["line 2: 1 column, where line 1 has 2: 'b'", "end sentences by blank"]),
        ("a X O\n\nb O\n", {}, ["line 3: 2 columns, where line 1 has 3"]),
        ("a\nb\na\n", {}, ["there is one column, and no tags beside it", "blank or tab"]),
        ("a 1\nb 2\nc 3\n", {}, ["no column of 2 columns looks like tags"]),
        ("-DOCSTART- O\n\n", {}, ["there is no token"]),
        ("a O\n", {"label": "3"}, ["no column '3' for the tag; it has 2 columns", "from 1"]),
        ("a O\n", {"label": "tag"}, ["no column 'tag'", "a number, counted from 1"]),
        ("a O\n", {"text": "0"}, ["no column '0' for the token"]),
        ("a O\n", {"text": "2", "label": "2"}, ["column 2 is asked for both"]),
        ("a\tO\nb\t\na\tO\n", {}, ["line 2: the token has no tag", "write O"]),
        ("a O\n", {"format": "csv"}, ["conll or jsonl"]),
        ('{"tokens": ["a"], "tags": ["O", "O"]}\n', {}, ["line 1: 1 tokens, but 2 tags"]),
        ('{"tokens": ["a"], "tags": [null]}\n', {}, ["line 1: token 1 has no tag"]),
        ('{"tokens": ["a", ""], "tags": ["O", "O"]}\n', {}, ["line 1: token 2 is empty"]),
        ('{"tokens": ["a"]}\n', {}, ["nothing is called tags; its objects have 'tokens'"]),
        ('{"x": ["a"], "tags": ["O"]}\n', {}, ["nothing is called tokens", "'x', 'tags'"]),
        ('{"tokens": ["a"], "tags": ["O"]}\n', {"label": "pos"}, ["there is no 'pos'"]),
        ('{"tokens": ["a"], "tags": ["O"]}\n{"tok', {}, ["line 2", "no valid JSON"]),
    ],
)
def test_refusals_tell_place_and_remedy(
    tmp_path: Path, content: str, options: dict[str, str], said: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path / "bad.x", content, **options)
    for part in said:
        assert part in str(caught.value)
    if "format" not in options:
        assert isinstance(caught.value, DataFileError) and "bad.x" in str(caught.value)
