"""One reading of a text: the same vocabulary and ids from every source, cut in whatever way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexon import parallel
from lexon.text import Tokenizer
from lexon.vectors.corpus import Corpus, CorpusSettings
from tests.vectors.corpora import ALL, TEXT, contents

pytestmark = pytest.mark.usefixtures("sharing")


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
        "import signal, sys, time; from lexon.vectors.corpus import *\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
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


#: Of every kind of character, and of every length in UTF-8.
SIGNS = (
    "今天é中文a1 zÉがё_'’—…ﬁ\u0301\u3099\u0327\u0958\u200b\u200d\u2028\x85\x00\t\U0001f600𝔸𠀀々ー"
)


@given(st.text(st.sampled_from(SIGNS + "\r\n"), min_size=1), st.integers(1, 20), st.integers(1, 3))
@settings(deadline=None, max_examples=200)
def test_characters_are_those_of_the_tokenizer(tmp_path_factory, text, block, threads):
    path = tmp_path_factory.getbasetemp() / "chinese.txt"
    path.write_bytes(text.encode())
    options = CorpusSettings(min_count=1, characters=True)
    lines = (text.removesuffix("\n") + "\n").split("\n")[:-1]
    split = Tokenizer("characters", lowercase=False)
    if not any(map(split, lines)):
        return
    parallel.threads(threads)
    corpus = Corpus.from_files(path, options, block=block)
    assert list(corpus) == list(map(split, lines))
    assert contents(corpus) == contents(Corpus.from_sentences(lines, options))


def test_every_character_has_the_kind_that_the_tokenizer_gives_it(file):
    points = [*range(0xD800), *range(0xE000, 0x20100), 0x2FFFF, 0x10FFFF]
    lines = [f"中{chr(point)}a{chr(point)}b" for point in points if point != 10]
    options = CorpusSettings(min_count=1, characters=True)
    corpus = Corpus.from_files(file("\n".join(lines)), options)
    split = Tokenizer("characters", lowercase=False)
    wrong = [line for line, words in zip(lines, corpus, strict=True) if split(line) != words]
    assert not wrong


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


def test_words_of_equal_count_stand_as_they_came(file):
    words = [f"w{n * 7919 % 200_003}" for n in range(150_000)]
    for corpus in (
        Corpus.from_files(file("\n".join(words)), ALL),
        Corpus.from_sentences([[word] for word in words], ALL),
    ):
        assert corpus.words == words


def test_long_sentences_are_not_cut(file):
    text = " ".join(f"w{n % 1000}" for n in range(300_000))
    for corpus in (
        Corpus.from_files(file(text), ALL, block=2**16),
        Corpus.from_sentences([text.split()], ALL),
    ):
        assert corpus.starts.tolist() == [0, 300_000]
        assert (corpus.counts == 300).all()
