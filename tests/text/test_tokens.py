"""Tokens of every kind, and that no text breaks them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexon.errors import InputError, ModelFileError
from lexon.text import Tokenizer
from lexon.text.tokens import _words


@pytest.mark.parametrize(
    ("kind", "text", "tokens"),
    [
        ("words", "It's a 1990s film, isn't it?!", "it's a 1990s film , isn't it ? !"),
        ("words", "the dogs' café’s — 'so'", "the dogs ' café’s — ' so '"),
        ("words", "看了iPhone的review，很好", "看 了 iphone 的 review ， 很 好"),
        ("words", "テレビを見た", "テ レ ビ を 見 た"),
        ("words", "Привет, мир हिन्दी में", "привет , мир हिन्दी में"),
        ("words", "a\x00b\u200bc\ufeff \x85 d\tе", "a b c d е"),
        ("words", "❤️👍🏽", "❤️ 👍 🏽"),
        ("words", "cafe\u0301", "café"),
        ("spaces", "It's 我们 喜欢, ok\n", "it's 我们 喜欢, ok"),
        ("characters", "看了 iPhone12 的, très bien", "看 了 iphone12 的 , très bien"),
        ("characters", "мир it's", "м и р it ' s"),
        ("words", "", ""),
        ("characters", " \n\x07", ""),
    ],
)
def test_tokens(kind: str, text: str, tokens: str) -> None:
    assert Tokenizer(kind)(text) == tokens.split(" ") * bool(tokens)


def test_case_is_kept_on_request() -> None:
    assert Tokenizer("words", lowercase=False)("It's Ärger") == ["It's", "Ärger"]
    assert Tokenizer("words")("Ärger") == ["ärger"]


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["a film", "it's dull"], "words"),
        (["这家酒店很好", "房间不大，iPhone 能用"], "characters"),
        (["この映画は面白い", "テレビ"], "characters"),
        (["这 家 酒店 很 好", "房间 不 大 ， 可是 干净"], "spaces"),
        (["The word 好 means good", "and so on"], "words"),
        (["", "!?"], "words"),
        ([], "words"),
    ],
)
def test_auto_is_resolved_by_the_texts(texts: list[str], kind: str) -> None:
    assert Tokenizer().resolve(texts).kind == kind
    assert Tokenizer("words").resolve(texts).kind == "words"


def test_auto_must_be_resolved_and_kinds_exist() -> None:
    with pytest.raises(InputError, match="call resolve"):
        Tokenizer()("text")
    with pytest.raises(InputError, match="no tokenizer kind 'bpe'; use one of auto, words"):
        Tokenizer("bpe")


@given(st.text(st.characters(), max_size=40), st.sampled_from(["words", "spaces", "characters"]))
def test_no_text_breaks_a_tokenizer(text: str, kind: str) -> None:
    tokens = Tokenizer(kind, lowercase=False)(text)
    assert all(tokens)
    joined = "".join(tokens)
    whole = unicodedata.normalize("NFC", text)
    shown = [c for c in whole if c.isprintable() and not c.isspace()]
    assert [c for c in joined if c.isprintable() and not c.isspace()] == shown


@given(st.text(st.characters(max_codepoint=127), max_size=40))
def test_the_quick_pattern_for_ascii_changes_nothing(text: str) -> None:
    assert Tokenizer("words", lowercase=False)(text) == _words().findall(text)


def test_json() -> None:
    for tokenizer in (Tokenizer(), Tokenizer("words", lowercase=False)):
        assert Tokenizer.from_json(tokenizer.to_json()) == tokenizer
    for wrong in (
        {},
        {"version": 2, "kind": "words", "lowercase": True},
        {"version": 1, "kind": 3},
    ):
        with pytest.raises(ModelFileError, match="no tokenizer of version 1"):
            Tokenizer.from_json(wrong)
