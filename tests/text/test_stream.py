"""Running text as tokens: nothing is lost on the way there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexon.errors import InputError, ModelFileError
from lexon.text import Stream, Tokenizer
from lexon.text.stream import running

WORDS = Stream(Tokenizer("spaces", False))
CHARACTERS = Stream(None)


def every(stream: Stream, text: str) -> list[str]:
    return [token for portion in stream.tokens(text) for token in portion]


def test_words_and_the_ends_of_lines() -> None:
    assert every(WORDS, "a b\n\n c\n") == ["a", "b", "\n", "\n", "c", "\n"]
    assert every(WORDS, "a b\nc") == ["a", "b", "\n", "c", "\n"]
    assert every(WORDS, "") == []


def test_characters_are_those_of_the_text() -> None:
    assert every(CHARACTERS, "a 中\r\n") == ["a", " ", "中", "\n"]


@given(st.text(alphabet="ab \n中", max_size=40))
def test_characters_come_back(text: str) -> None:
    assert CHARACTERS.text(every(CHARACTERS, text)) == text


@given(st.lists(st.lists(st.sampled_from(["a", "bc", "中"]), max_size=4), min_size=1, max_size=4))
def test_words_come_back(lines: list[list[str]]) -> None:
    text = "".join(" ".join(line) + "\n" for line in lines)
    assert WORDS.text(every(WORDS, text)) == text


def test_what_stands_before_decides_about_the_space() -> None:
    assert WORDS.text(["b"], "a") == " b" and WORDS.text(["b"], "\n") == "b"
    assert CHARACTERS.text(["b"], "a") == "b"


def test_numbers_of_tokens() -> None:
    vocabulary = WORDS.vocabulary("b a a\n<unk> a\n", 1, None)
    assert vocabulary.words == ("<unk>", "a", "\n", "b")
    ids = WORDS.encode("a zz <unk>\nb", vocabulary)
    np.testing.assert_array_equal(ids, [1, 0, 0, 2, 3, 2])
    assert WORDS.encode("", vocabulary).shape == (0,)


def test_a_list_of_texts_is_lines_whoever_ended_them() -> None:
    assert running(["a b\n", "c"]) == running(["a b", "c\n"]) == "a b\nc\n"
    assert running("a\r\nb") == "a\nb" and running([]) == ""
    with pytest.raises(InputError, match="text 1 is int"):
        running(["a", 3])  # type: ignore[list-item]


def test_small_letters_at_both_levels() -> None:
    assert every(Stream.of("char", "auto", True, "Ab"), "Ab") == ["a", "b"]
    assert every(Stream.of("word", "spaces", True, "Ab"), "Ab") == ["ab", "\n"]
    with pytest.raises(InputError, match="level char"):
        Stream.of("char", "words", False, "Ab")


def test_chinese_without_spaces_is_no_text_of_words() -> None:
    with pytest.raises(InputError, match=r"--level char"):
        Stream.of("word", "auto", False, "我们喜欢电影\n" * 3)
    spaced = Stream.of("word", "auto", False, "我们 喜欢 电影 的 人\n" * 3)
    assert every(spaced, "我们 喜欢") == ["我们", "喜欢", "\n"]
    assert Stream.of("word", "words", True, "x").tokenizer == Tokenizer("words", True)


@pytest.mark.parametrize(
    "stream", [WORDS, CHARACTERS, Stream(Tokenizer("words", True)), Stream(None, True)]
)
def test_a_stream_is_stored(stream: Stream) -> None:
    assert Stream.from_json(stream.to_json()) == stream


@pytest.mark.parametrize(
    "data",
    [{}, {"level": "word", "tokenizer": None}, {"level": "char", "tokenizer": {}}, {"level": 3}],
)
def test_what_is_no_stream_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ModelFileError):
        Stream.from_json(data)
