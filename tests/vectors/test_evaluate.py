"""Scores are those of gensim on the same vectors and files, and of plain arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexon.errors import DataFileError, InputError
from lexon.vectors import KeyedVectors, evaluate

PLACES = "paris rome berlin madrid london tokyo Cairo 北京 东京 巴黎".split()
LANDS = "france italy germany spain england japan Egypt 中国 日本 法国".split()


def some(noise: float = 0.9, forms: bool = True) -> KeyedVectors:
    """Places and lands side by side, with noise; some words in two forms; more words behind."""
    draw = np.random.default_rng(3)
    shift, words, rows = draw.normal(size=20), [], []
    for place, land in zip(PLACES, LANDS, strict=True):
        base = draw.normal(size=20)
        words += [place, land]
        rows += [base + noise * draw.normal(size=20), base + shift + noise * draw.normal(size=20)]
    if forms:
        words += ["Paris", "FRANCE", "Rome", "cairo"]
        rows += [rows[0] + 0.01, rows[1] + 0.01, rows[2] * 1.5, draw.normal(size=20)]
    words += [f"other{n}" for n in range(40)]
    rows += list(draw.normal(size=(40, 20)))
    return KeyedVectors(words, np.array(rows, np.float32))


def questions(path: Path, ending: str = "\n") -> Path:
    lines = [": capitals"]
    pairs = list(zip(PLACES, LANDS, strict=True))
    lines += [f"{a} {b} {c} {d}" for a, b in pairs[:7] for c, d in pairs[:7] if a != c]
    lines += [": 首都 and\tmore", "Paris France ROME Italy", "one two three", ""]
    lines += [f"{a} {b} {c} {d}" for a, b in pairs[7:] for c, d in pairs if a != c]
    lines += ["paris france nowhere noland", "paris france berlin paris", ": empty"]
    path.write_text("".join(line + ending for line in lines), encoding="utf-8")
    return path


def gensim_of(vectors: KeyedVectors) -> Any:
    other = pytest.importorskip("gensim.models").KeyedVectors(vectors.vector_size)
    other.add_vectors(vectors.index_to_key, vectors.vectors)
    return other


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("restrict", [300_000, 22, 12])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_analogies_are_answered_as_gensim_answers_them(
    tmp_path: Path, fold: bool, restrict: int, ending: str
) -> None:
    path, vectors = questions(tmp_path / "q", ending), some()
    score, sections = vectors.evaluate_word_analogies(path, restrict, fold)
    wanted, theirs = gensim_of(vectors).evaluate_word_analogies(str(path), restrict, fold)
    assert score == wanted and 0 < score < 1
    assert [part["section"] for part in sections] == [part["section"] for part in theirs]
    for ours, part in zip(sections, theirs, strict=True):
        assert ours["correct"] == part["correct"] and ours["incorrect"] == part["incorrect"]


def test_what_is_skipped_is_told(tmp_path: Path) -> None:
    path = questions(tmp_path / "q")
    _, sections = some().evaluate_word_analogies(path)
    counts = {
        part["section"]: [len(part[k]) for k in ("correct", "incorrect", "skipped")]  # type: ignore[literal-required]
        for part in sections
    }
    assert counts["首都 and\tmore"][2] == 1 and counts["capitals"][2] == 0
    assert counts["empty"] == [0, 0, 0]
    assert sum(counts["Total accuracy"]) == 42 + 1 + 27 + 2
    _, sections = some().evaluate_word_analogies(path, restrict_vocab=4)
    assert len(sections[-1]["skipped"]) == 42 + 1 + 27 + 2 - 2 - 1


def test_right_answers_are_right() -> None:
    vectors = some(noise=0, forms=False)
    units = vectors.vectors / np.linalg.norm(vectors.vectors, axis=1, keepdims=True)
    rows = {word: row for row, word in enumerate(vectors.index_to_key)}
    asked = np.array([[rows[w] for w in ("paris", "france", "rome", "italy")]] * 3)
    asked[1, 3] = rows["spain"]
    assert list(evaluate._right(units, vectors.index_to_key, rows, asked)) == [0, 2]


def pairs(path: Path, blank: str = "\t", ending: str = "\n") -> Path:
    words, draw = [*PLACES, *LANDS], np.random.default_rng(0)
    lines = [f"# words{blank}and{blank}scores", f"Word 1{blank}Word 2{blank}Human (mean)"]
    lines += [
        f"{a}{blank}{b}{blank}{draw.uniform(0, 10):.4f}"
        for a, b in zip(words, np.roll(words, 3).tolist(), strict=True)
    ]
    lines += [f"Paris{blank}FRANCE{blank}9.5", f"no{blank}such{blank}3", f"a{blank}b"]
    path.write_text("".join(line + ending for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("restrict", [300_000, 15])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_pairs_are_scored_as_gensim_scores_them(
    tmp_path: Path, fold: bool, restrict: int, ending: str
) -> None:
    path, vectors = pairs(tmp_path / "p", ending=ending), some()
    found = vectors.evaluate_word_pairs(path, restrict_vocab=restrict, case_insensitive=fold)
    pearson, spearman, unknown = gensim_of(vectors).evaluate_word_pairs(
        str(path), restrict_vocab=restrict, case_insensitive=fold
    )
    for ours, theirs in zip(found[:2], (pearson, spearman), strict=True):
        assert ours == (pytest.approx(theirs[0], abs=1e-6), pytest.approx(theirs[1], abs=1e-5))
    assert found[2] == pytest.approx(unknown, rel=1e-12)


def test_pairs_may_be_parted_by_blanks(tmp_path: Path) -> None:
    vectors = some()
    wanted = evaluate.pairs(vectors, pairs(tmp_path / "p"))
    assert wanted.pairs == 21 and wanted.unknown == 1 and wanted.unreadable == 2
    assert wanted.unknown_percent == pytest.approx(100 / 22)
    assert evaluate.pairs(vectors, pairs(tmp_path / "q", blank=" ")) == wanted
    given = evaluate.pairs(vectors, pairs(tmp_path / "r", blank=","), delimiter=",")
    assert given == wanted


def test_files_without_questions_are_refused(tmp_path: Path) -> None:
    path, vectors = tmp_path / "f", some()
    for content in (b"", b": only\n: sections\n", b"one two three\n"):
        path.write_bytes(content)
        with pytest.raises(DataFileError, match="there are no questions"):
            vectors.evaluate_word_analogies(path)
        with pytest.raises(DataFileError, match="at least 2 are wanted"):
            vectors.evaluate_word_pairs(path)
    path.write_bytes(b": a\nb \xff c d\n")
    for score in (vectors.evaluate_word_analogies, vectors.evaluate_word_pairs):
        with pytest.raises(DataFileError, match=r"f: cannot be read: .*utf-8"):
            score(path)
        with pytest.raises(DataFileError, match="cannot be read: No such file"):
            score(tmp_path / "nothing")
    with pytest.raises(InputError, match="delimiter is empty"):
        vectors.evaluate_word_pairs(pairs(path), delimiter="")
