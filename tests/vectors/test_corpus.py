"""One reading of a text: the same vocabulary and ids from every source, cut in whatever way."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import signal
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexon import parallel
from lexon.errors import DataFileError, InputError
from lexon.vectors import blocks
from lexon.vectors.corpus import Corpus, CorpusSettings

ALL = CorpusSettings(min_count=1)
TEXT = "the cat sat\non the mat\n\nthe end\n"


@pytest.fixture(autouse=True)
def shared(monkeypatch):
    """However small a text is, threads share it; afterwards there are as many as before."""
    monkeypatch.setattr(parallel, "WORTH_SHARING", 0)
    before = parallel.threads()
    yield
    parallel.threads(before)


@pytest.fixture
def file(tmp_path):
    def write(text, name="text.txt"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def contents(corpus):
    return (
        corpus.words,
        corpus.counts.tolist(),
        corpus.tokens.tolist(),
        corpus.starts.tolist(),
        corpus.raw_words,
        corpus.raw_vocabulary,
        corpus.undecodable,
    )


def plainly(sentences, min_count=1):
    """What a corpus must hold, by the plainest means."""
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word, n in counts.most_common() if n >= min_count]  # stable: first come
    ids = {word: i for i, word in enumerate(words)}
    kept = [[ids[word] for word in sentence if word in ids] for sentence in sentences]
    starts = np.cumsum([0, *map(len, kept)]).tolist()
    tokens = [i for sentence in kept for i in sentence]
    return words, [counts[w] for w in words], tokens, starts, counts.total(), len(counts)


WORDS = st.text(st.sampled_from("abé中𝔸\0\x1c\u2003\x85"), min_size=1, max_size=9)
SPACES = st.text(st.sampled_from(" \t\r\v\f"), min_size=1, max_size=3)


@st.composite
def texts(draw):
    """A text of few different words between odd spaces, and its sentences."""
    known = draw(st.lists(WORDS, min_size=1, max_size=5))
    number = st.lists(st.sampled_from(known), max_size=6)
    sentences = draw(st.lists(number, min_size=1, max_size=6))
    lines = []
    for sentence in sentences:
        pieces = [draw(st.one_of(st.just(""), SPACES))]
        for word in sentence:
            pieces += [word, draw(SPACES)]
        lines.append("".join(pieces))
    return "\n".join(lines) + "\n", sentences


@given(texts(), st.integers(1, 40), st.integers(1, 3), st.integers(1, 60))
@settings(deadline=None, max_examples=150)
def test_every_source_cut_anyhow_gives_the_same(tmp_path_factory, given, block, threads, memory):
    text, sentences = given
    if not any(sentences):
        return
    path = tmp_path_factory.getbasetemp() / "given.txt"
    path.write_bytes(text.encode())
    parallel.threads(threads)
    wanted = plainly(sentences)
    from_file = Corpus.from_files(path, CorpusSettings(min_count=1, memory=memory), block=block)
    assert contents(from_file)[:6] == wanted
    assert contents(Corpus.from_sentences(sentences, ALL)) == contents(from_file)
    assert contents(Corpus.from_sentences(iter(sentences), ALL)) == contents(from_file)
    assert list(from_file) == sentences


@given(st.binary(max_size=80), st.integers(1, 9))
@settings(deadline=None)
def test_any_bytes_come_back(tmp_path_factory, raw, block):
    raw = b"a" + raw  # no mark of a packing or an encoding
    path = tmp_path_factory.getbasetemp() / "bytes.txt"
    path.write_bytes(raw)
    corpus = Corpus.from_files(path, ALL, block=block)
    words = [word.encode("utf-8", "surrogateescape") for line in corpus for word in line]
    assert words == raw.split()
    assert corpus.undecodable == sum(not valid(word) for word in words)


def valid(word):
    try:
        return "\N{REPLACEMENT CHARACTER}" not in word.decode()
    except UnicodeDecodeError:
        return False


def test_ids_are_kept_in_arrays_that_kernels_know(file):
    path = file(TEXT)
    for memory in 10**6, 1:
        corpus = Corpus.from_files(path, CorpusSettings(min_count=1, memory=memory))
        for array, kind in ((corpus.tokens, "i4"), (corpus.starts, "i8"), (corpus.counts, "i8")):
            assert type(array) is np.ndarray
            assert array.dtype == kind
            assert array.flags.writeable
            assert array.flags.c_contiguous


def test_a_large_corpus_goes_to_a_file_that_vanishes(file, tmp_path):
    path, folder = file(TEXT * 2000), tmp_path / "here"
    folder.mkdir()
    options = CorpusSettings(min_count=1, memory=4000, folder=folder)
    corpus = Corpus.from_files(path, options, block=512)
    assert contents(corpus) == contents(Corpus.from_files(path, ALL))
    assert isinstance(corpus.tokens.base, np.memmap)
    assert isinstance(corpus.starts.base, np.memmap)
    assert os.name != "posix" or not list(folder.iterdir()), "the file has a name"
    del corpus
    assert not list(folder.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_reader_leaves_no_file(file, tmp_path, how):
    folder = tmp_path / "here"
    folder.mkdir()
    program = (
        "import sys, time; from lexon.vectors.corpus import *\n"
        "def slow():\n"
        "    for i in range(10**6):\n"
        "        yield ['word'] * 100_000\n"
        "        if i == 3: print('going', flush=True)\n"
        "        if i > 3: time.sleep(0.1)\n"
        f"Corpus.from_sentences(slow(), CorpusSettings(memory=4, folder={str(folder)!r}))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"going\n"
    process.send_signal(how)
    process.wait(20)
    process.stdout.close()
    assert not list(folder.iterdir())


def test_rare_words_are_dropped_and_counted(file):
    sentences = [line.split() for line in TEXT.splitlines()]
    corpus = Corpus.from_files(file(TEXT), CorpusSettings(min_count=2))
    assert contents(corpus)[:6] == plainly(sentences, 2)
    assert corpus.words == ["the"]
    assert (corpus.raw_words, corpus.dropped_words, corpus.raw_vocabulary) == (8, 5, 6)
    assert corpus.sentences == len(corpus) == 4


@pytest.mark.parametrize(("most", "kept"), [(1, ""), (2, "a"), (3, "a"), (4, "abcd"), (9, "abcde")])
def test_max_final_vocab_raises_min_count(most, kept):
    """As gensim has it: words of equal count go together, so that fewer may stay."""
    sentences = [["a"] * 4 + ["b"] * 3 + ["c"] * 3 + ["d"] * 3 + ["e"]]
    settings = CorpusSettings(min_count=1, max_final_vocab=most)
    if most == 1:  # a alone
        kept = "a"
    assert "".join(Corpus.from_sentences(sentences, settings).words) == kept


def test_words_in_lower_case_are_counted_together(file):
    text = "The CAT the cat ÉTÉ été\nΣΑΣ σας Ǆ ǆ THE\n"
    sentences = [[word.lower() for word in line.split()] for line in text.splitlines()]
    settings = CorpusSettings(min_count=1, lower=True)
    for threads in 1, 3:
        parallel.threads(threads)
        corpus = Corpus.from_files(file(text), settings, block=8)
        assert contents(corpus)[:5] == plainly(sentences)[:5]
        assert contents(
            Corpus.from_sentences([t.split() for t in text.splitlines()], settings)
        ) == (contents(corpus))


def test_characters_of_chinese_are_words(file):
    text = "今天 iPhone15很好，真的。\n\n好的 ok\n"
    corpus = Corpus.from_files(file(text), CorpusSettings(min_count=1, characters=True))
    sentences = list(corpus)
    assert sentences[0] == ["今", "天", "iPhone15", "很", "好", "，", "真", "的", "。"]
    assert sentences[1:] == [[], ["好", "的", "ok"]]
    again = Corpus.from_sentences(text.splitlines(), corpus.settings)
    assert contents(again) == contents(corpus)


@given(st.text(st.sampled_from("今天é中文a1 が\u0301\u3099"), min_size=30), st.integers(1, 20))
@settings(deadline=None)
def test_a_long_line_of_chinese_may_be_cut(tmp_path_factory, text, block):
    path = tmp_path_factory.getbasetemp() / "chinese.txt"
    path.write_text(text, encoding="utf-8")
    options = CorpusSettings(min_count=1, characters=True)
    if text.strip():
        whole = Corpus.from_files(path, options)
        assert contents(Corpus.from_files(path, options, block=block)) == contents(whole)
        assert whole.sentences == 1


def test_segment_splits_lines(file):
    settings = CorpusSettings(min_count=1, segment=lambda line: line.split("-"))
    text = "a-b c-a\r\n\nb c-a"
    for block in 1, 100:
        corpus = Corpus.from_files(file(text), settings, block=block)
        assert list(corpus) == [["a", "b c", "a"], [""], ["b c", "a"]]
    again = Corpus.from_sentences(text.replace("\r", "").split("\n"), settings)
    assert contents(again) == contents(corpus)


def test_growing_keeps_ids_and_appends_new_words():
    settings = CorpusSettings(min_count=2, known=["x", "gone", "a"])
    corpus = Corpus.from_sentences([["new", "a", "x"], ["rare", "b", "b", "new", "new"]], settings)
    assert corpus.words == ["x", "gone", "a", "new", "b"]
    assert corpus.counts.tolist() == [1, 0, 1, 3, 2]
    assert list(corpus) == [["new", "a", "x"], ["b", "b", "new", "new"]]
    assert corpus.tokens.tolist() == [3, 2, 0, 4, 4, 3, 3]


def test_encoding_with_a_given_vocabulary(file):
    settings = CorpusSettings(known=["mat", "the", "\udcff"], grow=False)
    corpus = Corpus.from_files(file(TEXT.encode() + b"\xff \xfe"), settings)
    assert corpus.words == settings.known
    assert corpus.counts.tolist() == [1, 3, 1]
    assert corpus.tokens.tolist() == [1, 1, 0, 1, 2]
    assert corpus.starts.tolist() == [0, 1, 3, 3, 4, 5]
    nothing = Corpus.from_sentences([["unknown"]], settings)
    assert len(nothing.tokens) == 0
    assert nothing.starts.tolist() == [0, 0]


@pytest.mark.parametrize("known", [[], ["\0", "a"], ["a\0b", "", "\ud800"]])
def test_known_words_of_any_kind_are_found(known):
    sentences = [[*known, "zz"]]
    corpus = Corpus.from_sentences(sentences, CorpusSettings(known=known, min_count=1))
    assert corpus.words == [*known, "zz"]
    assert corpus.counts.tolist() == [1] * len(corpus.words)


ODD_WORDS = st.text(st.characters(), max_size=3)  # surrogates and white space and all


@given(st.lists(st.lists(ODD_WORDS, max_size=4), min_size=1, max_size=4).filter(any))
@settings(deadline=None)
def test_words_of_sentences_may_hold_anything(sentences):
    corpus = Corpus.from_sentences(sentences, ALL)
    came = [word for sentence in corpus for word in sentence]
    given = [word for sentence in sentences for word in sentence]
    assert corpus.starts.tolist() == np.cumsum([0, *map(len, sentences)]).tolist()
    for word, other in zip(came, given, strict=True):
        surrogates = any("\ud800" <= sign <= "\udfff" for sign in other)
        assert word == other or surrogates


def test_long_sentences_are_not_cut(file):
    text = " ".join(f"w{n % 1000}" for n in range(300_000))
    for corpus in (
        Corpus.from_files(file(text), ALL, block=2**16),
        Corpus.from_sentences([text.split()], ALL),
    ):
        assert corpus.starts.tolist() == [0, 300_000]
        assert (corpus.counts == 300).all()


# Files


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
    with pytest.raises(DataFileError, match=r"nowhere\.txt: cannot be read: No such file"):
        Corpus.from_files(tmp_path / "nowhere.txt", ALL)
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
        "import resource, sys\nfrom lexon.vectors.corpus import *\n"
        "from lexon.errors import DataFileError\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"try: Corpus.from_files({str(path)!r})\n"
        "except DataFileError as error: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss"
        " - before)"
    )
    pytest.importorskip("resource")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert int(done.stdout) < 100_000, "KiB"


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
