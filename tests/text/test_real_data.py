"""The readers on public data sets, in the folder named by LEXON_DATA."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from lexon.text import Tokenizer, Vocabulary, read_examples, read_table, read_tagged
from lexon.text.schemes import chunks, count_breaks, recognise_scheme

FOLDER = os.environ.get("LEXON_DATA", "")
DATA = Path(FOLDER)
pytestmark = pytest.mark.skipif(
    not FOLDER or not DATA.is_dir(), reason="LEXON_DATA does not name a folder of data sets"
)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("kim2014/rt-polarity.all", "labelled lines, Windows-1252, 10,662 rows"),
        ("kim2014/stsa.fine.train", "labelled lines, UTF-8, 8,544 rows"),
        ("kim2014/stsa.binary.phrases.train.derived", "labelled lines, UTF-8, 77,201 rows"),
        ("zh/chnsenticorp_htl/ChnSentiCorp_htl_all.csv", "CSV, comma, header, UTF-8, 7,766 rows"),
        ("zh/thucnews/test.txt", "TSV, tab, no header, UTF-8, 10,000 rows"),
        ("zh/thucnews/train_part.txt", "TSV, tab, no header, UTF-8, 33,590 rows"),
        ("reuters21578/train.jsonl.gz", "JSON lines, UTF-8, gzip, 7,769 rows"),
        ("imdb/test.tsv.xz", "TSV, tab, no header, UTF-8, xz, 25,000 rows"),
        ("tabular/weight-height.csv", "TSV, tab, header, UTF-8, 10,000 rows"),
        ("tabular/Ecdat_Computers.csv", "CSV, comma, header, UTF-8, 6,259 rows"),
        ("weather/Weather.csv", "CSV, comma, header, UTF-8, 3,655 rows"),
        ("wordsim/EN-WS-353-SIM.txt", "TSV, tab, no header, UTF-8, 203 rows"),
        ("ptb/ptb.valid.txt", "one text a line, UTF-8, 3,370 rows"),
        ("tinyshakespeare/input.txt", "one text a line, UTF-8, 40,000 rows"),
        ("conll2003/eng.testa", "one text a line, UTF-8, 55,043 rows"),
        ("analogy/questions-words.txt", "one text a line, UTF-8, 19,558 rows"),
    ],
)
def test_recognised(path: str, line: str) -> None:
    name = path.rsplit("/", 1)[1]
    assert read_table(DATA / path).recognised.describe() == f"{name}: {line}"


def test_movie_reviews() -> None:
    examples = read_examples(DATA / "kim2014/rt-polarity.all")
    assert Counter(examples.labels or []) == {"0": 5_331, "1": 5_331}
    assert any("cliché" in text for text in examples.texts)
    tokenizer = Tokenizer().resolve(examples.texts)
    assert tokenizer.kind == "words"
    spaces = Tokenizer("spaces")
    vocabulary = Vocabulary.build(map(spaces, examples.texts))
    assert 18_000 < len(vocabulary) < 23_000
    assert vocabulary.words[1:4] == (".", "the", ",")


def test_hotel_reviews_in_both_encodings(tmp_path: Path) -> None:
    path = DATA / "zh/chnsenticorp_htl/ChnSentiCorp_htl_all.csv"
    examples = read_examples(path)
    assert Counter(examples.labels or []) == {"1": 5_322, "0": 2_444}
    assert Tokenizer().resolve(examples.texts).kind == "characters"
    other = tmp_path / "gb.csv"
    other.write_bytes(path.read_bytes().decode("utf-8-sig").encode("gb18030"))
    again = read_examples(other)
    assert again.table is not None
    assert again.table.recognised.encoding == "gb18030"
    assert again.texts == examples.texts


def test_every_hotel_review_alone_is_recognised_as_gb18030(tmp_path: Path) -> None:
    from lexon.text.encoding import recognise

    texts = read_examples(DATA / "zh/chnsenticorp_htl/ChnSentiCorp_htl_all.csv").texts
    encoded = [text.encode("gb18030") for text in texts if not text.isascii()]
    wrong = [data for data in encoded if recognise(data, "a") not in {"gb18030"}]
    assert len(wrong) <= len(encoded) // 1_000


def test_reuters_has_several_labels() -> None:
    examples = read_examples(DATA / "reuters21578/train.jsonl.gz")
    assert examples.multi_label
    assert examples.labels is not None
    assert len({name for names in examples.labels for name in names}) == 90
    assert examples.labels[1] == ("sorghum", "oat", "barley", "corn", "wheat", "grain")


def test_headlines() -> None:
    examples = read_examples(DATA / "zh/thucnews/test.txt")
    assert Counter(examples.labels or []) == {str(label): 1_000 for label in range(10)}


def test_long_reviews() -> None:
    examples = read_examples(DATA / "imdb/test.tsv.xz")
    assert Counter(examples.labels or []) == {"pos": 12_500, "neg": 12_500}
    assert max(map(len, examples.texts)) > 5_000


@pytest.mark.parametrize(
    ("name", "sentences", "tokens"),
    [("train", 14_041, 203_621), ("testa", 3_250, 51_362), ("testb", 3_453, 46_435)],
)
def test_names_of_conll_2003(name: str, sentences: int, tokens: int) -> None:
    found = read_tagged(DATA / "conll2003" / f"eng.{name}")
    assert len(found) == sentences and sum(map(len, found.tokens)) == tokens
    assert found.tags is not None and "column 4 of 4 taken as the tag" in found.notes[-1]
    assert recognise_scheme(found.tags) == "IOB1" and not count_breaks(found.tags, "IOB1")
    found_chunks = [chunk for tags in found.tags for chunk in chunks(tags)]
    assert len(found_chunks) == {"train": 23_499, "testa": 5_942, "testb": 5_648}[name]
