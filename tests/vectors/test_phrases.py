"""Phrases: the scores of the peers, joined the same way, from a text of any size."""

from __future__ import annotations

import json
import math
import random

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from lexon import parallel
from lexon.cli.vectors.phrases import command
from lexon.errors import InputError, ModelFileError
from lexon.kernels.pairs import spell
from lexon.vectors import phrases
from lexon.vectors.corpus import Corpus, CorpusSettings
from lexon.vectors.phrases import ENGLISH_CONNECTORS, Phrases
from tests.vectors.corpora import ALL

OPTIONS = [
    {"min_count": 1, "threshold": 0.1},
    {"min_count": 2, "threshold": 1.0},
    {"min_count": 3, "threshold": 3.0, "delimiter": "__"},
    {"min_count": 1, "threshold": -0.9, "scoring": "npmi"},
    {"min_count": 3, "threshold": 0.2, "scoring": "npmi"},
]


pytestmark = pytest.mark.usefixtures("sharing")


def text(seed=1, sentences=900):
    """Sentences of words of which some like to follow some."""
    chance = random.Random(seed)
    words = "new york city bank of america the war and peace a b c d e f".split()
    words += [f"w{n}" for n in range(40)]
    follow = {"new": "york", "york": "city", "bank": "of", "of": "america", "and": "peace"}
    made = []
    for _ in range(sentences):
        line = []
        for _ in range(chance.randrange(12)):
            last = line[-1] if line else None
            line.append(
                follow[last] if last in follow and chance.random() < 0.8 else (chance.choice(words))
            )
        made.append(line)
    return made


@pytest.mark.parametrize("connectors", [(), {"of", "and", "the"}], ids=["plain", "connectors"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_phrases_and_scores_are_those_of_gensim(options, connectors):
    peer = pytest.importorskip("gensim.models.phrases")
    sentences = text()
    theirs = peer.Phrases(sentences, connector_words=frozenset(connectors), **options)
    wanted = theirs.export_phrases() if hasattr(theirs, "export_phrases") else {}
    for threads in 1, 3:
        parallel.threads(threads)
        ours = Phrases(connector_words=connectors, **options).learn(sentences)
        found = {ours.delimiter.join(phrase.words): phrase.score for phrase in ours.found}
        assert found == pytest.approx(wanted, rel=1e-12)
        assert len(found) > 2
    assert [ours[sentence] for sentence in sentences] == [
        theirs[sentence] for sentence in sentences
    ]


def test_two_passes_are_those_of_gensim():
    peer = pytest.importorskip("gensim.models.phrases")
    sentences = text()
    options = {"min_count": 2, "threshold": 1.0, "connector_words": frozenset({"of"})}
    one = peer.Phrases(sentences, **options)
    two = peer.Phrases(one[sentences], **options)
    ours = Phrases(passes=2, **options).learn(sentences)
    assert any("new_york_city" in ours[sentence] for sentence in sentences)
    assert [ours[sentence] for sentence in sentences] == [two[one[each]] for each in sentences]


def test_the_formulas():
    sentences = [["a", "b"]] * 6 + [["a", "c"], ["d", "b", "d"]]  # n(ab)=6, n(a)=7, n(b)=7
    kinds, words = 4 + 4, 17
    wanted = {
        "default": (6 - 2) / 49 * kinds,
        "word2phrase": (6 - 2) / 49 * words,
        "npmi": math.log(6 / 17 / (7 / 17) ** 2) / -math.log(6 / 17),
    }
    for scoring, score in wanted.items():
        best = Phrases(min_count=2, threshold=0.01, scoring=scoring).learn(sentences).found
        assert [(p.words, p.count) for p in best] == [(("a", "b"), 6)]
        assert best[0].score == pytest.approx(score, rel=1e-12)


def test_joining_is_greedy_from_left_to_right():
    found = Phrases(min_count=1, threshold=0.01).learn([["a", "b"], ["b", "c"], ["a", "b"]] * 9)
    assert [phrase.words for phrase in found.found] == [("a", "b"), ("b", "c")]
    assert found[["a", "b", "c"]] == ["a_b", "c"]
    assert found[("x", "a", "a", "b", "c", "b", "c")] == ["x", "a", "a_b", "c", "b_c"]
    assert found[[]] == []


@given(st.lists(st.lists(st.sampled_from("a b ab of the c".split()), max_size=9), max_size=9))
@settings(deadline=None, max_examples=100)
def test_a_written_text_is_what_is_joined_word_by_word(tmp_path_factory, sentences):
    path = tmp_path_factory.getbasetemp() / "phrases.txt"
    if not any(sentences):
        return
    corpus = Corpus.from_sentences(sentences, ALL)
    found = Phrases(1, 0.3, delimiter="", connector_words={"of", "the"}, passes=3)
    found.learn(corpus)
    words = found.write(corpus, path)
    wanted = [found[sentence] for sentence in sentences]
    assert path.read_text().split("\n") == [*(" ".join(line) for line in wanted), ""]
    assert words == sum(map(len, wanted))


@pytest.mark.parametrize("stretch", [1, 7, 1000])
def test_a_text_is_rewritten_in_stretches_and_on_disk(tmp_path, monkeypatch, stretch):
    sentences = [*text(), [], ["new", "york"] * 30, [], []]
    whole = Phrases(min_count=2, threshold=1.0, passes=2).learn(sentences)
    monkeypatch.setattr(phrases, "_STRETCH", stretch)
    corpus = Corpus.from_sentences(sentences, CorpusSettings(min_count=1, memory=100))
    found = Phrases(min_count=2, threshold=1.0, passes=2).learn(corpus)
    assert found.found == whole.found
    found.write(corpus, tmp_path / "out.txt")
    lines = [" ".join(whole[sentence]) for sentence in sentences]
    assert (tmp_path / "out.txt").read_text() == "\n".join(lines) + "\n"


def test_bytes_that_are_no_text_are_written_as_they_were(tmp_path):
    (tmp_path / "in.txt").write_bytes(b"\xff\xfa b\nb\xc3 b \x00\n" * 6)
    corpus = Corpus.from_files(tmp_path / "in.txt", ALL)
    found = Phrases(min_count=1, threshold=0.1).learn(corpus)
    found.write(corpus, tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_bytes() == b"\xff\xfa_b\nb\xc3_b \x00\n" * 6


@pytest.mark.parametrize("odd", [[], [["a\0b", "\udcff"]] * 9, [["new", "york"]] * 9], ids=str)
def test_what_is_saved_is_loaded(tmp_path, odd):
    found = Phrases(2, 0.5, "npmi", "+", {"of", "and"}, 2).learn([*text(), *odd])
    found.save(tmp_path / "phrases.lexon")
    again = Phrases.load(tmp_path / "phrases.lexon")
    assert again == found
    assert again.levels == found.levels
    assert len(again.found) > 2
    assert all(again[sentence] == found[sentence] for sentence in text())


def test_a_file_cut_short_is_refused(tmp_path):
    path = tmp_path / "phrases.lexon"
    Phrases().learn(text()).save(path)
    whole = path.read_bytes()
    for size in range(0, len(whole), 97):
        path.write_bytes(whole[:size])
        with pytest.raises(ModelFileError):
            Phrases.load(path)


def test_sentences_may_be_gone_over_as_often_as_the_given_ones():
    sentences = text()
    found = Phrases(min_count=2, threshold=1.0).learn(sentences)
    joined = found.apply(sentences)
    assert list(joined) == list(joined) == [found[sentence] for sentence in sentences]


def test_english_connectors_stand_inside_only():
    sentences = [["bank", "of", "the", "west"], ["of", "west"], ["bank", "of"]] * 9
    found = Phrases(min_count=1, threshold=0.01, connector_words=ENGLISH_CONNECTORS)
    assert found.learn(sentences).found[0].words == ("bank", "of", "the", "west")
    assert found[["of", "bank", "of", "the", "west", "of"]] == ["of", "bank_of_the_west", "of"]
    assert found[["bank", "of", "west", "bank", "the"]] == ["bank", "of", "west", "bank", "the"]


@pytest.mark.parametrize(
    "options",
    [
        {"scoring": "chance"},
        {"threshold": 0},
        {"threshold": -1.0},
        {"threshold": float("nan")},
        {"scoring": "npmi", "threshold": 1.5},
        {"scoring": "npmi"},
        {"min_count": 0},
        {"passes": 0},
        {"connector_words": "of"},
    ],
    ids=str,
)
def test_options_that_cannot_be(options):
    with pytest.raises(InputError):
        Phrases(**options)


def test_what_cannot_be_learned_from():
    with pytest.raises(InputError, match="3 rare words of this corpus were dropped"):
        Phrases().learn(Corpus.from_sentences([list("aabbcde")], CorpusSettings(min_count=2)))
    with pytest.raises(InputError, match="not a list of words"):
        Phrases().learn(["new york"])
    with pytest.raises(InputError, match="not a list of words"):
        _ = Phrases().learn(text())["new york"]


def call(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_the_command_writes_a_text_and_its_phrases(tmp_path):
    source, out, kept = (tmp_path / name for name in ("in.txt", "out.txt", "kept.lexon"))
    sentences = text()
    source.write_text("".join(" ".join(line).upper() + " \n" for line in sentences))
    options = ("--min-count", 2, "--threshold", 1, "--connectors", "of,the", "--passes", 2)
    answer = call(source, "-o", out, *options, "--lower", "--save", kept, "--top", 2)
    assert answer.exit_code == 0, answer.output
    found = Phrases(2, 1.0, connector_words=["of", "the"], passes=2).learn(sentences)
    assert out.read_text().splitlines() == [" ".join(found[line]) for line in sentences]
    assert Phrases.load(kept) == found
    best = found.found[0]
    assert answer.stdout.splitlines()[0].split() == [
        f"{best.score:.3f}",
        str(best.count),
        "_".join(best.words),
    ]
    assert len(answer.stdout.splitlines()) == 2
    assert f"{len(found.found)} phrases" in answer.stderr
    again = call(source, "-o", out, *options, "--lower", "--json", "--quiet")
    lines = [json.loads(line) for line in again.stdout.splitlines()]
    assert [line["score"] for line in lines] == [phrase.score for phrase in found.found]
    assert not again.stderr


def test_the_command_changes_nothing_when_it_fails(tmp_path):
    source, out = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("a b\n")
    out.write_text("before")
    for arguments in (
        (tmp_path / "nowhere", "-o", out),
        (source, "-o", source),
        (source, "-o", out, "--save", out),
        (source, "-o", out, "--threshold", -1),
        (source, "-o", out, "--scoring", "npmi", "--threshold", 2),
        (source, "-o", out, "--characters", "--segment"),
    ):
        answer = call(*arguments)
        assert answer.exit_code == 2 or isinstance(answer.exception, InputError), arguments
        assert (source.read_text(), out.read_text()) == ("a b\n", "before")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_text_cut_short_by_a_full_disk_leaves_the_old_one(tmp_path, monkeypatch):
    out = tmp_path / "out.txt"
    out.write_text("before")
    corpus = Corpus.from_sentences(text(), ALL)
    found = Phrases(min_count=2, threshold=1.0).learn(corpus)
    monkeypatch.setattr(phrases, "_STRETCH", 100)
    calls = iter([*[spell] * 3, None])

    def full(*arguments):
        write = next(calls)
        if write is None:
            raise OSError(28, "No space left on device")
        return write(*arguments)

    monkeypatch.setattr(phrases, "spell", full)
    with pytest.raises(InputError, match="No space left on device"):
        found.write(corpus, out)
    assert out.read_text() == "before"
    assert list(tmp_path.iterdir()) == [out]
