"""Files of any packing become a corpus, and bad input a clear error."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from lexon import parallel
from lexon.errors import DataFileError, InputError
from lexon.vectors import blocks
from lexon.vectors.corpus import Corpus, CorpusSettings
from tests.vectors.corpora import ALL, TEXT, contents

pytestmark = pytest.mark.usefixtures("sharing")


PACKERS = {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress}


@pytest.mark.parametrize("kind", PACKERS)
def test_packed_files_are_read_whatever_their_names(file, kind):
    half = len(TEXT) // 2
    parts = [PACKERS[kind](part.encode()) for part in (TEXT[:half], TEXT[half:])]
    corpus = Corpus.from_files(file(b"".join(parts), "packed"), ALL, block=3)
    assert contents(corpus) == contents(Corpus.from_files(file(TEXT), ALL))


def test_zstandard_is_read_or_its_package_named(file, monkeypatch):
    try:
        from backports import zstd
    except ImportError:
        zstd = pytest.importorskip("compression.zstd")
    packed = zstd.compress(TEXT.encode())
    path = file(packed, "text.zst")
    assert contents(Corpus.from_files(path, ALL)) == contents(Corpus.from_files(file(TEXT), ALL))
    with pytest.raises(DataFileError, match="cut short or damaged"):
        Corpus.from_files(file(packed[:-3]), ALL)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    monkeypatch.setitem(sys.modules, "backports.zstd", None)
    with pytest.raises(DataFileError, match=r"pip install backports\.zstd"):
        Corpus.from_files(path, ALL)


def test_several_files_and_folders_are_one_corpus(file, tmp_path):
    file("b b\nc", "2.txt"), file("a", "1.txt"), file("", "3.txt"), file("x", ".hidden")
    (tmp_path / "deeper").mkdir()
    for paths in (tmp_path, [tmp_path / f"{n}.txt" for n in (1, 2, 3)], iter([str(tmp_path)])):
        corpus = Corpus.from_files(paths, ALL)
        assert list(corpus) == [["a"], ["b", "b"], ["c"]]
    with pytest.raises(DataFileError, match="no file is in this folder"):
        Corpus.from_files(tmp_path / "deeper", ALL)
    with pytest.raises(InputError, match="no file is given"):
        Corpus.from_files([], ALL)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input(monkeypatch, pack):
    class Drips(io.BytesIO):
        """A pipe that gives a byte at a time."""

        def readinto(self, into):
            return super().readinto(memoryview(into)[:1])

        def read(self, size=-1):
            return super().read(min(size, 1))

    stream = Drips(pack(TEXT.encode()))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))
    seen = []
    corpus = Corpus.from_files("-", ALL, lambda done, total: seen.append((done, total)))
    assert list(corpus) == [line.split() for line in TEXT.splitlines()]
    assert seen[-1] == (len(pack(TEXT.encode())), None)


@pytest.mark.parametrize("block", [1, 2, 3, 50])
def test_marks_and_line_ends_of_other_systems(file, block):
    raw = b"\xef\xbb\xbfthe cat\r\n\r\n\xef\xbb\xbfthe\r\n"
    corpus = Corpus.from_files([file(raw, "1"), file(raw, "2")], ALL, block=block)
    line = ["the", "cat"], [], ["\ufeffthe"]
    assert list(corpus) == [*line, *line]


def test_progress_reaches_the_total(file):
    seen = []
    Corpus.from_files(file(TEXT * 99), ALL, lambda *step: seen.append(step), block=100)
    assert all(one <= other for one, other in pairwise(seen))
    assert len(seen) > 3
    assert seen[-1] == (99 * len(TEXT),) * 2
    seen.clear()
    Corpus.from_sentences([["a"]] * 25_000, ALL, lambda *step: seen.append(step))
    assert seen == [(10_000, 25_000), (20_000, 25_000), (25_000, 25_000)]


# What bad input gets


def test_a_text_without_words(file):
    for text in "", " \n\n\t ":
        with pytest.raises(InputError, match="the corpus is empty"):
            Corpus.from_files(file(text), ALL)
    with pytest.raises(InputError, match="the corpus is empty"):
        Corpus.from_sentences([[], []], ALL)


def test_all_words_are_too_rare(file):
    with pytest.raises(InputError) as raised:
        Corpus.from_files(file(TEXT), CorpusSettings(min_count=50))
    assert "'the', occurs 3 times, and min_count is 50" in str(raised.value)
    assert "min_count=1" in str(raised.value)
    suggested = "aaaaaabbbbbc"
    with pytest.raises(InputError, match="min_count=6"):
        Corpus.from_sentences([list(suggested)], CorpusSettings(min_count=50))


def test_files_that_cannot_be_read(file, tmp_path):
    with pytest.raises(DataFileError, match=r"nowhere\.txt': cannot be read: No such file"):
        Corpus.from_files(tmp_path / "nowhere.txt", ALL)
    with pytest.raises(DataFileError, match="cannot be read: embedded null"):
        Corpus.from_files("a\0b", ALL)
    packed = gzip.compress(TEXT.encode() * 50, mtime=0)
    cases = [packed[:-9], packed[:40] + b"\0" + packed[41:], lzma.compress(TEXT.encode())[:-20]]
    for raw in cases:
        with pytest.raises(DataFileError, match="cut short or damaged"):
            Corpus.from_files(file(raw), ALL)
    with pytest.raises(DataFileError, match="UTF-16"):
        Corpus.from_files(file(TEXT.encode("utf-16")), ALL)
    with pytest.raises(DataFileError, match="ZIP archive"):
        Corpus.from_files(file(b"PK\x03\x04 and so on"), ALL)


def test_an_error_while_threads_share(file):
    """The damage lies behind several blocks that are well."""
    parallel.threads(3)
    raw = gzip.compress(os.urandom(20_000).hex().encode() + b" end", mtime=0)
    with pytest.raises(DataFileError, match="damaged"):
        Corpus.from_files([file(TEXT, "well"), file(raw[:-12], "bad")], ALL, block=64)


@pytest.mark.parametrize("within", ["words", "characters", "lines"])
def test_a_word_without_end(file, monkeypatch, within):
    monkeypatch.setattr(blocks, "LONGEST", 5_000)
    options = {"characters": within == "characters"}
    if within == "lines":
        options["segment"] = str.split
    settings = CorpusSettings(min_count=1, **options)
    text = "a b\n" + "é" * 4_000
    with pytest.raises(DataFileError, match=r"a (word|line) of more than 5,000 bytes") as raised:
        Corpus.from_files(file(text), settings, block=100)
    assert ("characters=True" in str(raised.value)) == (within == "words")
    assert Corpus.from_files(file("a b\n" + "é" * 2_000), settings, block=100).raw_words == 3
    chinese = "a b\n" + "中" * 4_000
    if within == "characters":
        assert Corpus.from_files(file(chinese), settings, block=100).raw_words == 4_002


def test_a_long_line_takes_a_small_multiple_of_memory(tmp_path):
    path = tmp_path / "long.txt"
    with open(path, "wb") as out:
        out.truncate(2**29)  # zero bytes, which are as ordinary as others
    program = (
        "from lexon.memory import peak_memory\nfrom lexon.vectors.corpus import *\n"
        "from lexon.errors import DataFileError\n"
        "before = peak_memory()\n"
        f"try: Corpus.from_files({str(path)!r})\n"
        "except DataFileError as error: print(peak_memory() - before)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert float(done.stdout) < 100e6


NO_LISTS = [
    (["the cat", "sat"], r"sentence 0 is 'the cat', a str, not a list of words\n.*split"),
    ([["the"], 3], "sentence 1 is 3, a int, not a list of words"),
    ([["the", "cat"], ["sat", 7]], "sentence 1, word 1 is 7, a int, not a str"),
    ([[], [], [b"cat"]], "sentence 2, word 0 is b'cat', a bytes, not a str"),
    ("the cat", "sentences are 'the cat', not an iterable of lists"),
    (Path("file.txt"), "not an iterable of lists"),
    (7, "not an iterable of lists"),
]


@pytest.mark.parametrize(("sentences", "message"), NO_LISTS, ids=str)
def test_what_is_no_list_of_lists(sentences, message):
    with pytest.raises(InputError, match=message):
        Corpus.from_sentences(sentences, ALL)


@pytest.mark.parametrize("how", [{"characters": True}, {"segment": str.split}], ids=str)
def test_what_is_split_must_be_a_str(how):
    with pytest.raises(
        InputError, match=r"sentence 1 is \['the'\], a list, not a str, to be split"
    ):
        Corpus.from_sentences(["the cat", ["the"]], CorpusSettings(min_count=1, **how))


def test_what_segment_gives_must_be_words(file):
    settings = CorpusSettings(min_count=1, segment=str.upper)
    for read in (
        lambda: Corpus.from_files(file(TEXT), settings),
        lambda: Corpus.from_sentences(TEXT.splitlines(), settings),
    ):
        with pytest.raises(InputError, match="sentence 0 is 'THE CAT SAT', a str, not a list of"):
            read()


def test_a_place_far_behind_is_told_rightly():
    sentences = [["a", "b"]] * 100_000 + [["a", None]]
    with pytest.raises(InputError, match="sentence 100000, word 1 is None"):
        Corpus.from_sentences(sentences, ALL)


def test_errors_of_the_users_own_iterator_pass():
    def broken():
        yield ["a"]
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        Corpus.from_sentences(broken(), ALL)
    with pytest.raises(TypeError, match="mine"):
        Corpus.from_sentences([broken()], ALL)


@pytest.mark.parametrize(
    "options",
    [
        {"min_count": 0},
        {"max_final_vocab": 0},
        {"memory": 0},
        {"characters": True, "segment": str.split},
        {"known": ["a", "a"]},
    ],
    ids=str,
)
def test_settings_that_cannot_be(options):
    with pytest.raises(InputError):
        CorpusSettings(**options)


def test_a_full_disk_is_told(monkeypatch, tmp_path):
    missing = CorpusSettings(min_count=1, memory=1, folder=tmp_path / "missing")
    with pytest.raises(InputError, match=r"does not fit into .* bytes of memory"):
        Corpus.from_sentences([["a", "b"]] * 9, missing)
