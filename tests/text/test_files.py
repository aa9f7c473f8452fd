"""Reading files: what is recognised, what the columns hold, and what every error says."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import random
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexon.errors import DataFileError, InputError
from lexon.text import read_examples, read_table, source
from lexon.text.files import PACKED_SUFFIXES
from tests.text.fuzz_readers import fuzz

Write = Callable[[str, str | bytes], Path]
INPUTS = int(os.environ.get("LEXON_FUZZ_INPUTS", "3000"))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("name", "content", "line", "columns"),
    [
        ("a.csv", "text,label\ngood,1\nbad,0\n", "a.csv: CSV, comma, header, UTF-8, 2 rows",
         {"text": ["good", "bad"], "label": ["1", "0"]}),
        ("a.csv", "kind;words\nspam;buy, now\nham;hi\n",
         "a.csv: CSV, semicolon, header, UTF-8, 2 rows",
         {"kind": ["spam", "ham"], "words": ["buy, now", "hi"]}),
        ("a.csv", "Sex\tHeight\nM\t1.5\nF\t1.4\n", "a.csv: TSV, tab, header, UTF-8, 2 rows",
         {"Sex": ["M", "F"], "Height": ["1.5", "1.4"]}),
        ("a.csv", "1,good film\n0,bad film\n", "a.csv: CSV, comma, no header, UTF-8, 2 rows",
         {"1": ["1", "0"], "2": ["good film", "bad film"]}),
        ("a.txt", "新年快乐\t3\n房价上涨\t1\n", "a.txt: TSV, tab, no header, UTF-8, 2 rows",
         {"1": ["新年快乐", "房价上涨"], "2": ["3", "1"]}),
        ("a.txt", "tiger\tcat\t7.35\nlove\tsex\t6.77\n",
         "a.txt: TSV, tab, no header, UTF-8, 2 rows",
         {"1": ["tiger", "love"], "2": ["cat", "sex"], "3": ["7.35", "6.77"]}),
        ("a", '{"text": "a", "n": 1}\n\n{"text": null, "x": [1, "b"], "n": {"k": 2}}\n',
         "a: JSON lines, UTF-8, 2 rows",
         {"text": ["a", ""], "n": [1, '{"k": 2}'], "x": ["", [1, "b"]]}),
        ("a.txt", "__label__a __label__b so it goes\n__label__b on\n",
         "a.txt: fastText lines, UTF-8, 2 rows",
         {"label": [["a", "b"], ["b"]], "text": ["so it goes", "on"]}),
        ("a.all", "0 silly and tedious .\n1 a fine film\n\n0 no\n",
         "a.all: labelled lines, UTF-8, 3 rows",
         {"label": ["0", "1", "0"], "text": ["silly and tedious .", "a fine film", "no"]}),
        ("a.txt", "one, two\n\nthree\n", "a.txt: one text a line, UTF-8, 3 rows",
         {"text": ["one, two", "", "three"]}),
        ("a.txt", "label,review\n1,good\n0,bad\n", "a.txt: CSV, comma, header, UTF-8, 2 rows",
         {"label": ["1", "0"], "review": ["good", "bad"]}),
    ],
)  # fmt: skip
def test_recognised(
    write: Write, name: str, content: str, line: str, columns: dict[str, list[object]]
) -> None:
    table = read_table(write(name, content))
    assert table.recognised.describe() == line
    assert table.columns == columns


def test_rows_end_at_line_feeds_only_and_keep_their_line(write: Write) -> None:
    lines = ["a\x85b", "c\u2028d\x0ce", "f\rg", "h"]
    assert read_table(write("a.txt", "\r\n".join(lines))).columns["text"] == lines
    table = read_table(write("a.csv", 'label,text\n1,"two\r\nlines ""x"""\n\n0,f\rg\n'))
    assert table.columns["text"] == ['two\nlines "x"', "f\rg"]
    assert list(table.line_numbers) == [2, 5]


def test_quotes_in_tab_separated_lines_are_text_unless_they_enclose_a_field(write: Write) -> None:
    table = read_table(
        write("a.tsv", 'text\tlabel\n"so" he said "no"\t1\n"open\t0\n"a ""b"""\t1\n')
    )
    assert table.columns["text"] == ['"so" he said "no"', '"open', 'a "b"']


@given(st.lists(st.lists(st.text("ab\",;' \n\té", max_size=6), min_size=2, max_size=2), min_size=1))
@settings(max_examples=200, deadline=None)
def test_csv_agrees_with_the_csv_module(
    tmp_path_factory: pytest.TempPathFactory, rows: object
) -> None:
    assert isinstance(rows, list)
    rows = [["x", "y"], *rows, ["z", "z"]]
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    path = tmp_path_factory.getbasetemp() / "agree.csv"
    path.write_bytes(buffer.getvalue().encode())
    table = read_table(path, format="csv", delimiter=",", header=True)
    assert [list(row) for row in zip(*table.columns.values(), strict=True)] == rows[1:]


def test_the_limit_of_the_csv_module_is_left_alone(write: Write) -> None:
    before = csv.field_size_limit()
    table = read_table(write("a.csv", "text,label\n" + "x" * 300_000 + ',1\n"y, z",0\n'))
    assert len(str(table.columns["text"][0])) == 300_000
    assert csv.field_size_limit() == before


def test_header_names_are_made_distinct_and_complete(write: Write) -> None:
    table = read_table(write("a.csv", ",text,text,label,text (2)\n1,a,b,0,c\n"))
    assert list(table.columns) == ["1", "text", "text (3)", "label", "text (2)"]


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress])
def test_packed(write: Write, pack: Callable[[bytes], bytes]) -> None:
    content = pack("text\tlabel\nné\t1\n".encode()) + pack(b"b\t0\n")
    table = read_table(write("a.bin", content))
    assert table.columns == {"text": ["né", "b"], "label": ["1", "0"]}
    assert f", {table.recognised.compression}, 2 rows" in table.recognised.describe()
    for end in (8, len(content) // 3, len(content) - 3):
        with pytest.raises(DataFileError, match=r"a\.bin: .*damaged|holds nothing"):
            read_table(write("a.bin", content[:end]))
    assert ".gz" in PACKED_SUFFIXES
    assert read_table(write("b.csv.gz", content)).recognised.format == "tsv"


def test_xz_streams_may_stand_apart(write: Write) -> None:
    content = lzma.compress(b"one\n") + bytes(4) + lzma.compress(b"two\n") + bytes(8)
    assert read_table(write("a.xz", content)).columns == {"text": ["one", "two"]}


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress])
def test_a_bomb_does_not_go_off(
    write: Write, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "EXPANSION", 10)
    monkeypatch.setattr(source, "EXPANSION_FLOOR", 2**21)
    path = write("a.gz", pack(bytes(64 * 2**20)))
    tracemalloc.start()
    try:
        with pytest.raises(DataFileError, match="unpack to more than 2,097,152"):
            read_table(path)
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()


REVIEWS = ["这家酒店的房间很小，早餐也不好吃", "我们都喜欢这部电影", "很好"]


@pytest.mark.parametrize(
    ("text", "codec", "expected"),
    [
        ("plain", "ascii", "utf-8"),
        ("été", "utf-8-sig", "utf-8"),
        ("été", "utf-16", "utf-16"),
        *[(review, "gb18030", "gb18030") for review in REVIEWS],
        ("1 " + "，".join(REVIEWS) * 500, "gb18030", "gb18030"),
        ("這個電影非常好看，我們都喜歡它的故事", "gb18030", "gb18030"),
        ("the café’s cliché – naïve", "cp1252", "cp1252"),
        ("0 a cliché .\n1 Ångström été\n", "latin-1", "cp1252"),
        ("caf\xe9 \x81\x8d", "latin-1", "latin-1"),
        ("“Straße” über Köln, ÄÖÜ", "cp1252", "cp1252"),
        ("이 영화는 정말 재미있고 배우들의 연기도 훌륭했습니다. " * 9, "euc_kr", "cp949"),
        ("Это очень хороший фильм, который нам всем понравился. " * 4, "cp1251", "cp1251"),
        (
            "この映画は面白かったです。昨日は雨が降っていたので、家で本を読んだ。" * 4,
            "shift_jis",
            "shift_jis",
        ),
    ],
)
def test_encoding(write: Write, text: str, codec: str, expected: str) -> None:
    table = read_table(write("a.txt", text.encode(codec)), format="lines")
    read = "\n".join(map(str, table.columns["text"]))
    assert read == text.encode(codec).decode(expected).lstrip("\ufeff").rstrip("\n")
    assert table.recognised.encoding == expected


def test_encoding_can_be_given(write: Write) -> None:
    path = write("a.txt", "很好".encode("gb18030"))
    assert read_table(path, encoding="latin-1").columns["text"] == ["ºÜºÃ"]
    path = write("a.txt", "très".encode("utf-16-le"))
    assert read_table(path, encoding="UTF-16LE").columns["text"] == ["très"]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", {}, "a.csv: the file is empty"),
        (b"\xef\xbb\xbf \n\n", {}, "nothing but blanks"),
        (b"text,label\n", {}, "only a header, no rows"),
        (b"text,label\na,1\nb\n", {}, "line 3: 1 field, where the first row has 2; 1 of 3 rows"),
        (b"text,label\na,1\nb, c,0\n", {}, r"line 3: 3 fields.*enclose fields that hold the delim"),
        (b'text,label\na,1\nb,"0\n1\n', {}, "line 3: the quote before '0.n1.n' is never closed"),
        (b'text,label\n"a\n"b" c,1\n', {}, r"line 3: field 1 goes on with 'b\" c,1.n' after"),
        (b"text\na\0b\n", {}, "line 2: there is a NUL character.*remove it"),
        ("text,label\na,1\n".encode("utf-16-le"), {}, "give encoding='utf-16-le'"),
        (b"one\ntwo\nthr\xe9e\n", {"encoding": "utf-8"}, "line 3: byte 0xe9 at offset 11 is not"),
        ("é\nè\nàéè\n".encode() + b"\xe9\n", {}, "line 4: byte 0xe9 at offset 13 breaks the UTF-8"),
        (b"a", {"encoding": "utf-99"}, "there is no text encoding 'utf-99'"),
        (b"a", {"encoding": "base64"}, "there is no text encoding 'base64'"),
        (b'{"a": 1}\n{"a": }\n', {"format": "jsonl"}, "line 2: no valid JSON at column 7"),
        (b'{"a": 1}\n[1, 2]\n', {"format": "jsonl"}, "line 2: this is an array, not a JSON object"),
        (b'[{"a": 1},\n', {"format": "jsonl"}, "line 1: no valid JSON.*jq -c"),
        (b'{"a":' * 100_000, {}, "line 1: the JSON is nested too deeply"),
        (b'{"a": ' + b"1" * 5_000 + b"}", {}, "line 1: a value cannot be read"),
        (b"".join(b'{"k%d": 1}\n' % k for k in range(2_000)), {}, "different keys"),
        (b"no labels\nat all\n", {"format": "fasttext"}, "no line has a label"),
        (b"," * 200_000 + b"a", {}, "line 1: 200,001 fields separated by comma"),
        (b'"a"' + b"," * 200_000, {"delimiter": ","}, "line 1: a row may have 100,000 fields"),
        (b"PK\x03\x04rest", {}, "this is a ZIP archive"),
        (b"PAR1rest", {}, "this is a Parquet file"),
        (bytes(range(1, 32)) * 9 + b"\xff", {}, "control characters"),
    ],
)  # fmt: skip
def test_errors_say_what_where_and_the_remedy(
    write: Write, content: bytes, options: dict[str, str], message: str
) -> None:
    with pytest.raises(DataFileError, match=message) as caught:
        read_table(write("a.csv", content), **options)  # type: ignore[arg-type]
    assert ";" in str(caught.value) or ":" in str(caught.value)
    assert len(str(caught.value)) < 500


def test_errors_of_paths(tmp_path: Path, write: Write) -> None:
    with pytest.raises(DataFileError, match=r"there is no such file in .*; check the name"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(DataFileError, match="there is no folder"):
        read_table(tmp_path / "no" / "none.csv")
    with pytest.raises(DataFileError, match="this is a folder"):
        read_table(tmp_path)
    with pytest.raises(DataFileError, match="cannot be read"):
        read_table("a\0b")
    with pytest.raises(DataFileError, match="cannot be read"):
        read_table("x" * 5_000)
    if os.path.exists("/dev/zero"):
        with pytest.raises(DataFileError, match="this is a device"):
            read_table("/dev/zero")
    with pytest.raises(InputError, match="there is no format 'xml'; use one of csv"):
        read_table(write("a", "b"), format="xml")
    with pytest.raises(InputError, match="the delimiter must be one character"):
        read_table(write("a", "b"), delimiter=", ")


def test_no_permission(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("a.csv", "a,b\n")

    def refuse(*_: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(DataFileError, match="no permission to read it; change its mode"):
        read_table(path)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b"1 a\n0 b\n"))))
    table = read_table("-")
    assert table.recognised.describe() == "standard input: labelled lines, UTF-8, gzip, 2 rows"
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(DataFileError, match="standard input: it is closed"):
        read_table("-")


def test_json_values(write: Write) -> None:
    line = json.dumps({"t": "a\ud800b😀", "n": float("nan"), "i": [None, True, [1]], "f": 1.5})
    columns = read_table(write("a.jsonl", line)).columns
    assert columns == {"t": ["a\ufffdb😀"], "n": [""], "i": [["", True, "[1]"]], "f": [1.5]}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b"word " * 4_000_000),
        ("a.csv", b"text,label\n" + b"word " * 4_000_000 + b",1\n"),
        ("a.csv", b'text,label\n"' + b"word, " * 3_300_000 + b'",1\n'),
        ("a.jsonl", b'{"text": "' + b"word " * 4_000_000 + b'"}\n'),
        ("a.txt", "我们".encode("gb18030") * 5_000_000),
    ],
)
def test_a_line_of_20_mb(write: Write, name: str, content: bytes) -> None:
    path = write(name, content)
    tracemalloc.start()
    try:
        table = read_table(path)
        assert tracemalloc.get_traced_memory()[1] < 10 * len(content)
    finally:
        tracemalloc.stop()
    assert len(table) == 1
    assert len(str(table.columns["text"][0])) >= 19_000_000 // (2 if name == "a.txt" else 1) - 10


@given(
    st.one_of(st.binary(max_size=200), st.text('{}[]",:\t\n\r1a_ é\0', max_size=60).map(str.encode))
)
@settings(max_examples=INPUTS // 2, deadline=None)
def test_any_bytes_give_a_table_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.bin"
    path.write_bytes(content)
    for options in (
        {},
        {"format": random.Random(content).choice(["csv", "tsv", "jsonl", "labelled"])},
    ):
        try:
            table = read_table(path, **options)  # type: ignore[arg-type]
            assert {len(cells) for cells in table.columns.values()} == {len(table)}
            read_examples(path, need_labels=False)
        except DataFileError:
            pass


def test_altered_files_give_a_table_or_an_error() -> None:
    outcomes, _ = fuzz(
        INPUTS, seed=INPUTS
    )  # the script watches the memory, in a process of its own
    assert outcomes["csv"] and outcomes["jsonl"] and outcomes["fasttext"] and outcomes["tsv"]
    assert sum(outcomes.values()) == INPUTS
