"""Files of word vectors: what is written is read, by us and by gensim; what is bad is named."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import subprocess
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexon.errors import DataFileError, InputError, ModelFileError
from lexon.text import packing
from lexon.vectors import KeyedVectors, open_vectors, source
from lexon.vectors.formats import format_of, quietly_opened

WORDS = ["the", "of", "naïve", "北京", "can't", "</s>", "🙂", "3.14", "-"]
TABLE = np.random.default_rng(0).normal(0, 0.3, (9, 5)).astype(np.float32)
TABLE[3, 1], TABLE[4, 2], TABLE[5, 0] = -0.0, 1.5e-38, 3.2e38


def some() -> KeyedVectors:
    return KeyedVectors(WORDS, TABLE, np.arange(9, 0, -1))


def same(found: KeyedVectors, words: list[str] = WORDS, table: Any = TABLE) -> None:
    assert found.index_to_key == words
    assert found.vectors.tobytes() == np.ascontiguousarray(table).tobytes()


def text(rows: int = 9, header: bool = True, ending: str = "\n", blank: str = " ") -> bytes:
    lines = [f"{rows} 5"] if header else []
    lines += [
        blank.join([word, *map(str, row)]) for word, row in zip(WORDS[:rows], TABLE, strict=False)
    ]
    return "".join(line + ending for line in lines).encode()


def binary(rows: int = 9, ending: bytes = b"\n") -> bytes:
    records = (
        w.encode() + b" " + row.tobytes() + ending
        for w, row in zip(WORDS[:rows], TABLE, strict=False)
    )
    return f"{rows} 5\n".encode() + b"".join(records)


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".bz2"])
@pytest.mark.parametrize("name", ["v.lexon", "v.bin", "v.txt", "v.vec", "v.glove"])
def test_what_is_written_is_read(tmp_path: Path, name: str, suffix: str) -> None:
    from lexon.vectors import formats

    if name == "v.lexon" and suffix:
        pytest.skip("lexon's own format is mapped, not packed")
    path = tmp_path / (name + suffix)
    formats.write(some(), path, format_of(path))
    same(open_vectors(path))
    unpack = {"": bytes, ".gz": gzip.decompress, ".xz": lzma.decompress, ".bz2": bz2.decompress}
    plain = unpack[suffix](path.read_bytes())
    assert {"v.lexon": b"{", "v.glove": b"the "}.get(name, b"9 5\n") in plain[:9]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress])
def test_packings_are_recognised_by_content_and_several_in_one_file(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path, whole = tmp_path / "vectors", text()
    path.write_bytes(pack(whole[:70]) + pack(whole[70:]))
    same(open_vectors(path))
    path.write_bytes(pack(whole)[:-9])
    with pytest.raises(DataFileError, match="cut short or damaged"):
        open_vectors(path)


def test_zstandard_says_who_can_unpack_it(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(packing, "ZSTANDARD_MODULES", ("no_such_module",))
    path = tmp_path / "v.txt.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(30))
    with pytest.raises(DataFileError, match=r"Zstandard, which Python reads from 3\.14 on"):
        open_vectors(path)
    with pytest.raises(DataFileError, match="Zstandard"):
        some().save_word2vec_format(path)


def test_zstandard_is_read_and_written_where_python_can(tmp_path: Path) -> None:
    if not any(map(_there, packing.ZSTANDARD_MODULES)):
        pytest.skip("neither Python 3.14 nor backports.zstd")
    some().save_word2vec_format(tmp_path / "v.vec.zst")
    same(open_vectors(tmp_path / "v.vec.zst"))
    (tmp_path / "v").write_bytes((tmp_path / "v.vec.zst").read_bytes()[:-20])
    with pytest.raises(DataFileError, match="cut short or damaged"):
        open_vectors(tmp_path / "v")


def _there(module: str) -> bool:
    return pytest.importorskip("importlib").util.find_spec(module.partition(".")[0]) is not None


@pytest.mark.parametrize(
    "content",
    [
        text(),
        text(blank="\t"),
        text(ending=" \n"),
        text(ending="\r\n"),
        text(ending=" \r\n")[:-3],
        text().replace(b" ", b"  "),
        text().replace(b"\n", b"\n\n"),
        b"\xef\xbb\xbf" + text(),
        text(header=False),
        text(header=False, blank="\t")[:-1],
        binary(),
        binary(ending=b""),
        binary() + b"\n \n",
    ],
)
def test_variants_are_recognised(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "v"
    path.write_bytes(content)
    same(open_vectors(path))
    same(open_vectors(path, limit=4), WORDS[:4], TABLE[:4])
    assert len(open_vectors(path, limit=10**12)) == 9


@pytest.mark.parametrize("binary", [True, False])
def test_gensim_reads_ours_and_we_read_gensims(tmp_path: Path, binary: bool) -> None:
    other = pytest.importorskip("gensim.models").KeyedVectors
    some().save_word2vec_format(tmp_path / "ours", binary=binary)
    found = other.load_word2vec_format(tmp_path / "ours", binary=binary)
    assert found.index_to_key == WORDS and found.vectors.tobytes() == TABLE.tobytes()
    found.save_word2vec_format(tmp_path / "theirs", binary=binary)
    for known in (None, binary):
        same(KeyedVectors.load_word2vec_format(tmp_path / "theirs", binary=known))


def test_glove_is_read_and_written(tmp_path: Path) -> None:
    some().save_glove_format(tmp_path / "g.txt")
    same(KeyedVectors.load_glove_format(tmp_path / "g.txt"))
    same(KeyedVectors.load_glove_format(tmp_path / "g.txt", limit=2), WORDS[:2], TABLE[:2])
    # Two whole numbers make a header, unless the format is given.
    (tmp_path / "h").write_bytes(b"1 2\nof 3\n")
    found = KeyedVectors.load_glove_format(tmp_path / "h")
    assert found.index_to_key == ["1", "of"] and found.vectors.tolist() == [[2], [3]]


@pytest.mark.parametrize("form", ["text", "binary"])
def test_many_pieces_make_one_file(tmp_path: Path, monkeypatch: Any, form: str) -> None:
    vectors = KeyedVectors(
        [f"w{n}" * (n % 7 + 1) for n in range(1000)],
        np.random.default_rng(1).normal(size=(1000, 7)).astype(np.float32),
    )
    vectors.save_word2vec_format(tmp_path / "v", binary=form == "binary")
    vectors.save_word2vec_format(tmp_path / "v.gz", binary=form == "binary")
    for piece in (1, 7, 64, 1000, 4096):
        for module in (source, packing):
            monkeypatch.setattr(module, "PIECE", piece)
        for name in ("v", "v.gz") if piece > 1 else ("v",):
            same(open_vectors(tmp_path / name), vectors.index_to_key, vectors.vectors)


def test_a_pipe_is_read(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes with names on this system")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "v").write_bytes(binary())
    with subprocess.Popen(["sh", "-c", "cat v > pipe"], cwd=tmp_path):
        same(open_vectors(tmp_path / "pipe"))


# Odd files with a defined result


def opened(tmp_path: Path, content: bytes, **options: Any) -> tuple[KeyedVectors, list[str]]:
    (tmp_path / "v").write_bytes(content)
    return quietly_opened(tmp_path / "v", **options)


@pytest.mark.parametrize(
    "content",
    [
        b"4 1\na 1\nb 2\na 3\nb 4\n",
        b"a 1\nb 2\na 3\nb 4\n",
        b"4 1\n" + b"".join(b"%c " % w + np.float32(n).tobytes() for n, w in enumerate(b"abab", 1)),
    ],
)
def test_of_a_word_that_stands_there_again_the_first_is_kept(
    tmp_path: Path, content: bytes
) -> None:
    found, notes = opened(tmp_path, content)
    assert found.index_to_key == ["a", "b"] and found.vectors.tolist() == [[1], [2]]
    assert len(notes) == 1 and "2 rows are of words that stood there before" in notes[0]
    assert "'a' in row 3" in notes[0]
    with pytest.warns(UserWarning, match="stood there before"):
        open_vectors(tmp_path / "v")


@pytest.mark.parametrize("binary", [True, False])
def test_words_that_are_no_utf_8_keep_their_bytes(tmp_path: Path, binary: bool) -> None:
    content = text().replace("北京".encode(), b"\xe5\x8c") if not binary else globals()["binary"]()
    content = content.replace("北京".encode(), b"\xe5\x8c")
    found, notes = opened(tmp_path, content)
    assert found.index_to_key[3] == "\udce5\udc8c"
    assert len(notes) == 1 and "1 words are not utf-8, the first in row 4" in notes[0]
    found.save_word2vec_format(tmp_path / "again", binary=binary)
    assert b"\xe5\x8c " in (tmp_path / "again").read_bytes()
    found.save(tmp_path / "own")
    assert KeyedVectors.load(tmp_path / "own").index_to_key == found.index_to_key
    with pytest.raises(DataFileError, match=r"row 4: the word b'\\xe5\\x8c' is not utf-8"):
        opened(tmp_path, content, unicode_errors="strict")
    other, notes = opened(tmp_path, content, unicode_errors="replace")
    assert other.index_to_key[3] == "\ufffd" and len(notes) == 1


def test_another_encoding_is_named(tmp_path: Path) -> None:
    found, notes = opened(tmp_path, text().decode().encode("gb18030"), encoding="gb18030")
    same(found)
    assert notes == []
    with pytest.raises(InputError, match="no encoding 'utf-88'"):
        opened(tmp_path, text(), encoding="utf-88")
    with pytest.raises(InputError, match="unicode_errors: there is no way 'odd'"):
        opened(tmp_path, text().replace(b"the", b"\xff"), unicode_errors="odd")


def test_blanks_before_the_numbers_belong_to_the_word(tmp_path: Path) -> None:
    for content in (b"2 2\nnew york 1 2\nof 3 4\n", b"of 3 4\nnew york 1 2\n. . . 5 6\n"):
        found, _ = opened(tmp_path, content)
        assert found["new york"].tolist() == [1, 2] and found["of"].tolist() == [3, 4]


# Bad files, each with its name, place and remedy

GOOD, RECORDS = text(), binary()
NAN = np.float32("nan").tobytes()
BAD = {
    "empty": (b"", "the file is empty"),
    "blank": (b"\n\n", "not a file of word vectors"),
    "prose": (b"It was a dark night.\nAnd so on.\n", "not a file of word vectors"),
    "zip": (b"PK\x03\x04" + bytes(50), "a ZIP archive.*unpack it"),
    "pickle": (b"\x80\x04\x95" + bytes(50), "a pickle.*save_word2vec_format"),
    "fasttext model": (b"\xba\x16\x4f\x2f" + bytes(50), "a fastText model.*[.]vec"),
    "only a header": (b"9 5\n", "promises 9 words of 5 numbers, at least 107 bytes; .* holds 4"),
    "huge header": (
        b"1000000000000 300\n" + GOOD,
        "promises 1,000,000,000,000 words of 300 numbers, at least 601,999,999,999,999 bytes",
    ),
    "wide header": (b"1 1000000000\n" + GOOD, "1,000,000,000 numbers a word; 1 to 100,000"),
    "no width": (b"9 0\n", "0 numbers a word"),
    "no words": (b"0 5\n", "it holds no words"),
    "fewer rows": (GOOD.replace(b"9 5", b"10 5", 1), "promises 10 words, the file ends after 9"),
    "more rows": (GOOD.replace(b"9 5", b"8 5", 1), "line 10.*promises 8 words, and more"),
    "other width": (GOOD.replace(b"9 5", b"9 6", 1), "line 2 holds 5 numbers .* where 6 are"),
    "short last row": (GOOD[:-25], "line 10 holds 3 numbers behind its word, where 5"),
    "short glove row": (text(header=False) + b"and 1 2 3 4\n", "line 10 holds 4 numbers"),
    "no number": (GOOD.replace(b" -", b" x", 1), "line [0-9]+: b'x[0-9.]+' is not a number"),
    "underscore": (b"1 2\nof 1_0 2\n", "line 2: b'1_0' is not a number"),
    "nan": (b"2 2\nof 1 2\nto 1 nan\n", "line 3 holds NaN or an infinite number"),
    "infinite": (b"2 2\nof 1 2\nto -inf 1\n", "line 3 holds NaN"),
    "too large": (b"2 2\nof 1 2\nto 1 1e39\n", "line 3 holds NaN or an infinite"),
    "binary short": (RECORDS[:-2], "row 9 of 9 is not whole: the file ends there"),
    "binary fewer": (RECORDS.replace(b"9 5", b"8 5", 1), "more follows behind the 8 rows"),
    "binary more": (RECORDS.replace(b"9 5", b"10 5", 1), "row 10 of 10 is not whole"),
    "binary nan": (
        RECORDS.replace(TABLE[6].tobytes(), NAN + TABLE[6].tobytes()[4:]),
        "row 7 .* holds NaN or an infinite number",
    ),
    "binary no word": (RECORDS.replace(b"\nof ", b"\n "), "row 2 .*: no word stands there"),
    "gzip of rubbish": (gzip.compress(b"\0" * 999), "not a file of word vectors"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_named(tmp_path: Path, case: str) -> None:
    content, message = BAD[case]
    with pytest.raises(DataFileError, match=f"(?s)v: .*{message}") as caught:
        opened(tmp_path, content)
    assert "\n  " in str(caught.value) or ";" in str(caught.value), "there is no remedy"
    if content[:2] != b"\x1f\x8b":
        packed = content.replace(b"9 5", b"9 5", 1)
        (tmp_path / "v.gz").write_bytes(gzip.compress(packed))
        with pytest.raises(DataFileError):
            open_vectors(tmp_path / "v.gz")


def test_a_blank_in_a_word_of_a_binary_file_is_noticed(tmp_path: Path) -> None:
    for at in range(9):
        content = RECORDS.replace(WORDS[at].encode() + b" ", WORDS[at].encode() + b" x ", 1)
        with pytest.raises(DataFileError, match=r"may hold a space|a word holds a space"):
            opened(tmp_path, content)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="nothing: cannot be read: No such file"):
        open_vectors(tmp_path / "nothing")
    with pytest.raises(DataFileError, match="this is a folder or a device"):
        open_vectors(tmp_path)
    with pytest.raises(ModelFileError, match="cannot be read"):
        KeyedVectors.load(tmp_path / "nothing")
    with pytest.raises(InputError, match="there is no format 'odd'"):
        open_vectors(tmp_path, format="odd")
    with pytest.raises(InputError, match="limit is 0"):
        opened(tmp_path, GOOD, limit=0)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", ["text", "binary"])
def test_promises_are_not_believed(tmp_path: Path, packed: bool, form: str) -> None:
    body = b"of " + (b"1 " * 300 if form == "text" else np.ones(300, "f").tobytes()) + b"\n"
    content = b"900000000000 300\n" + body
    (tmp_path / "v").write_bytes(gzip.compress(content) if packed else content)
    (tmp_path / "w").write_bytes(b"1 1\nw 1\n")
    open_vectors(tmp_path / "w")  # kernels are loaded before memory is counted
    tracemalloc.start()
    with pytest.raises(DataFileError, match="900,000,000,000"):
        open_vectors(tmp_path / "v")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 2**20


def test_a_line_without_an_end_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    from lexon.vectors import records

    monkeypatch.setattr(records, "LONGEST_LINE", 1000)
    with pytest.raises(DataFileError, match="line 2 is longer than 1,000 bytes"):
        opened(tmp_path, b"1 2\n" + b"x" * 5000)
    monkeypatch.setattr(records, "LONGEST_WORD", 1000)
    with pytest.raises(DataFileError, match=r"a word is longer than 1,000|not whole"):
        opened(tmp_path, b"1 2\n" + b"\1" * 5000, format="binary")


def test_an_unpacked_flood_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(source, "EXPANSION_FLOOR", 10_000)
    monkeypatch.setattr(source, "EXPANSION", 10)
    with pytest.raises(DataFileError, match=r"unpacks to more than 10,000 bytes"):
        opened(tmp_path, gzip.compress(b"".join(b"w%d 1 2\n" % (n % 50) for n in range(9_000))))


@pytest.mark.parametrize("word", ["", "new york", "a\tb", "a\nb"])
@pytest.mark.parametrize("name", ["v.txt", "v.bin", "v.glove"])
def test_words_that_a_format_cannot_hold_are_refused(tmp_path: Path, word: str, name: str) -> None:
    from lexon.vectors import formats

    path = tmp_path / name
    path.write_text("old")
    vectors = KeyedVectors(["of", word], [[1, 2], [3, 4]])
    with pytest.raises(InputError, match="cannot be written in this format"):
        formats.write(vectors, path, format_of(path))
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    vectors.save(path)
    assert KeyedVectors.load(path).index_to_key == ["of", word]


def test_formats_are_told_by_suffix() -> None:
    assert [format_of(n) for n in ("a.lexon", "a.BIN", "a.txt.gz", "b.vec.xz", "a.b.glove")] == [
        "lexon", "binary", "word2vec", "word2vec", "glove",
    ]  # fmt: skip
    with pytest.raises(InputError, match="cannot be told from this name"):
        format_of("vectors.gz")
