"""From a text to its tokens."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

from lexon.errors import InputError, ModelFileError

KINDS = ("auto", "words", "spaces", "characters")
VERSION = 1
SAMPLE = 1_000
# Han characters, kana and their iteration marks: written without spaces between words.
HAN = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
LATIN = "0-9A-Za-zªºÀ-ÖØ-öø-ɏḀ-ỿ０-９Ａ-Ｚａ-ｚ"
# Controls and signs without a shape: never a token, always a boundary.
INVISIBLE = "\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff"
APOSTROPHES = "'’"
ASCII_WORDS = re.compile(r"\w+(?:'\w+)*|[^\s\x00-\x1f\x7f]", re.ASCII)
HAN_RUN = re.compile(f"[{HAN}]+")


@cache
def _marks() -> str:
    """Return the combining marks as the inside of a character class."""
    ranges: list[list[int]] = []
    for point in range(0x300, 0x1F000):
        if unicodedata.category(chr(point))[0] == "M":
            if ranges and ranges[-1][1] == point - 1:
                ranges[-1][1] = point
            else:
                ranges.append([point, point])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges) + "\u200c\u200d"


@cache
def _words() -> re.Pattern[str]:
    """Return the pattern of words: letters, digits, marks; Han each alone; other signs alone."""
    run = rf"[^\W{HAN}]+(?:[{_marks()}]+[^\W{HAN}]*)*"
    sign = rf"[^\s{INVISIBLE}][{_marks()}]*"
    return re.compile(rf"{run}(?:[{APOSTROPHES}]{run})*|{sign}")


@cache
def _characters() -> re.Pattern[str]:
    """Return the pattern of characters with their marks, Latin letters and digits in runs."""
    return re.compile(rf"(?:[{LATIN}]+[{_marks()}]*)+|[^\s{INVISIBLE}][{_marks()}]*")


@dataclass(frozen=True)
class Tokenizer:
    """Splits a text into tokens.

    words: runs of letters and digits (it's is one), every other sign and every Han character
    alone. spaces: what stands between spaces, for text that is tokenised already. characters:
    every character, but Latin letters and digits in runs. auto: one of these, chosen by `resolve`.

    Text is normalised to NFC, so that é is one and the same however it was typed. NFKC would go
    further and change signs that differ in meaning or use (x² to x2, … to three tokens, ， to the
    English comma), which cannot be undone; that is left to the user.
    """

    kind: str = "auto"
    lowercase: bool = True

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(
                f"there is no tokenizer kind {self.kind!r}; use one of {', '.join(KINDS)}"
            )

    def resolve(self, texts: Sequence[str]) -> Tokenizer:
        """Return a tokenizer whose kind, if it is auto, is chosen by a sample of `texts`.

        Han text without spaces between words gives characters, Han text that is segmented
        already gives spaces, everything else words.
        """
        if self.kind != "auto":
            return self
        step = max(1, len(texts) // SAMPLE)
        return replace(self, kind=_kind_of([text[:2_000] for text in texts[::step]]))

    def __call__(self, text: str) -> list[str]:
        """Return the tokens of `text`.

        Raises: InputError while the kind is auto.
        """
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        if self.lowercase:
            text = text.lower()
        if text.isascii() and self.kind in ("words", "characters"):
            return self._split_ascii(text)
        return self._split(text)

    @cached_property
    def _split(self) -> Callable[[str], list[str]]:
        """Return the function that splits any text."""
        if self.kind == "auto":
            raise InputError(
                "a tokenizer of kind 'auto' cannot split yet; call resolve(texts) first"
            )
        if self.kind == "spaces":
            return str.split
        return (_words if self.kind == "words" else _characters)().findall

    @cached_property
    def _split_ascii(self) -> Callable[[str], list[str]]:
        """Return the function that splits text of ASCII only, the same but faster."""
        return ASCII_WORDS.findall if self.kind == "words" else self._split

    def to_json(self) -> dict[str, object]:
        """Return what `from_json` restores, made of plain values."""
        return {"version": VERSION, "kind": self.kind, "lowercase": self.lowercase}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Tokenizer:
        """Return the tokenizer that `to_json` described.

        Raises: ModelFileError for anything else.
        """
        kind, lowercase = data.get("kind"), data.get("lowercase")
        if data.get("version") != VERSION or kind not in KINDS or not isinstance(lowercase, bool):
            raise ModelFileError(
                f"no tokenizer of version {VERSION}: {dict(data)!r:.100}; "
                "save the model again with this version of lexon"
            )
        return cls(str(kind), lowercase)


def _kind_of(texts: Sequence[str]) -> str:
    """Return the kind that fits a sample of texts."""
    runs = [run for text in texts for run in HAN_RUN.findall(text)]
    han = sum(map(len, runs))
    visible = sum(len(text) - sum(map(text.count, " \t")) for text in texts)
    if 10 * han < 3 * visible or not han:
        return "words"
    return "spaces" if han < 3 * len(runs) and _spaced(texts) else "characters"


def _spaced(texts: Sequence[str]) -> bool:
    """Whether most Han runs are bounded by spaces, so that someone has segmented them."""
    spaces = sum(text.count(" ") for text in texts)
    return spaces * 10 >= 7 * sum(len(HAN_RUN.findall(text)) for text in texts)
