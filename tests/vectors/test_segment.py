"""Words of Chinese text."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lexon.errors import InputError
from lexon.vectors.corpus import Corpus, CorpusSettings
from lexon.vectors.segment import segmenter


def test_chinese_is_split_into_words(tmp_path):
    pytest.importorskip("rjieba")
    settings = CorpusSettings(min_count=1, segment=segmenter())
    path = tmp_path / "zh.txt"
    path.write_text("我来到北京清华大学\n\niPhone 15很好，\u3000真的。\r\n", encoding="utf-8")
    wanted = [["我", "来到", "北京", "清华大学"], []]
    corpus = Corpus.from_files(path, settings)
    assert list(corpus)[:2] == wanted
    assert list(corpus)[2] == ["iPhone", "15", "很", "好", "，", "真的", "。"]
    lines = path.read_text("utf-8").splitlines()
    assert list(Corpus.from_sentences(lines, settings)) == list(corpus)


def test_no_network_and_no_other_file_is_needed():
    pytest.importorskip("rjieba")
    program = (
        "import socket, sys\n"
        "def refuse(*_): raise AssertionError('the network was asked')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from lexon.vectors.segment import segmenter\n"
        "print(ascii(segmenter()('研究生命起源')))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True)
    if "No module named 'lexon'" in done.stderr:
        pytest.skip("lexon is not installed")
    assert eval(done.stdout) == ["研究", "生命", "起源"]


def test_an_old_character_line_is_words_too(tmp_path):
    """Bytes that are no text do not stop the segmenter."""
    pytest.importorskip("rjieba")
    path = tmp_path / "zh.txt"
    path.write_bytes("北京".encode() + b"\xff\xfe" + "大学\n".encode() * 3)
    corpus = Corpus.from_files(path, CorpusSettings(min_count=1, segment=segmenter()))
    assert "大学" in corpus.words
    assert corpus.undecodable > 0


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rjieba", None)
    with pytest.raises(
        InputError, match=r"rjieba.*not installed\n  pip install 'lexon\[chinese\]'"
    ):
        segmenter()
    with pytest.raises(InputError, match="no segmenter 'hanlp'; use one of jieba"):
        segmenter("hanlp")
