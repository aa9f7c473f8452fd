"""Words as bytes and back, and what to say of a word that is not there."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise
from string import ascii_lowercase
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError, ModelFileError

Array = npt.NDArray[Any]

#: Bytes that are no UTF-8 are kept in words as lone surrogates, and written as the same bytes.
ERRORS = "surrogateescape"
#: So many of the first words are compared letter by letter with one that is not there.
_COMPARED = 20_000


class UnknownWordError(InputError, KeyError):
    """A word has no vector; the message, made when it is read, names words spelt nearly so."""

    def __init__(self, word: object, index: Mapping[str, int]) -> None:
        super().__init__(word)
        self.word, self._index = word, index

    def __str__(self) -> str:
        if not isinstance(self.word, str):
            return f"{self.word!r}: the rows are 0 to {len(self._index) - 1:,}"
        near = near_spellings(self.word, self._index)
        hint = f"; did you mean {', '.join(map(repr, near))}?" if near else ""
        return f"{self.word!r:.80} is not among the {len(self._index):,} words{hint}"

    def __reduce__(self) -> Any:
        return InputError, (str(self),)  # without the words: a pool of processes pickles errors


def near_spellings(word: str, index: Mapping[str, int], number: int = 3) -> list[str]:
    """Words like one that is not there: in another case, one edit away, or alike among the first.

    The words of ``index`` stand in the order of their rows, the most frequent first.
    """
    found = dict.fromkeys(near for near in _other_forms(word) if near in index)
    if len(word) <= 40:
        forms = (word, word.lower())
        edited = {near for form in forms for near in _one_edit_away(form) if near in index}
        found |= dict.fromkeys(sorted(edited, key=index.__getitem__))
    if not found:
        length = len(word)
        rivals = [one for one in islice(index, _COMPARED) if abs(len(one) - length) <= 2]
        cutoff = 0.5 if length < 4 else 0.7
        found = dict.fromkeys(difflib.get_close_matches(word, rivals, number, cutoff))
    found.pop(word, None)
    return list(found)[:number]


def _other_forms(word: str) -> Iterator[str]:
    plain = unicodedata.normalize("NFKC", word)
    for form in (plain, unicodedata.normalize("NFC", word), plain.strip().replace(" ", "_")):
        yield from (form, form.lower(), form.capitalize(), form.title(), form.upper())


def _one_edit_away(word: str) -> Iterator[str]:
    letters = sorted({*ascii_lowercase, *word})
    for place in range(len(word) + 1):
        before, after = word[:place], word[place:]
        if after:
            yield before + after[1:]
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]
        for letter in letters:
            yield before + letter + after
            if after:
                yield before + letter + after[1:]


def pack(words: Sequence[str]) -> dict[str, Array]:
    """Words as the bytes of all of them, end to end, and where each ends.

    Raises:
        InputError: a word holds half a surrogate pair.
    """
    coded = [encode(word) for word in words]
    ends = np.cumsum([0, *map(len, coded)], dtype=np.int64)[1:]
    return {"words": np.frombuffer(b"".join(coded), np.uint8), "word_ends": ends}


def encode(word: str) -> bytes:
    """The bytes of a word."""
    try:
        return word.encode("utf-8", ERRORS)
    except UnicodeEncodeError as error:
        raise InputError(f"the word {word!r:.80} cannot be written as UTF-8: {error}") from None


def unpack(arrays: Mapping[str, Array]) -> list[str]:
    """The words of `pack`.

    Raises:
        ModelFileError: the arrays are not of `pack`.
    """
    raw, ends = arrays.get("words"), arrays.get("word_ends")
    if raw is None or ends is None or raw.dtype != np.uint8 or ends.dtype != np.int64:
        raise ModelFileError("it holds no words")
    places = np.concatenate([[0], ends.reshape(-1)])
    if (np.diff(places) < 0).any() or places[-1] != raw.size:
        raise ModelFileError("its words do not stand where it says")
    data, borders = raw.tobytes(), places.tolist()
    pairs = pairwise(borders)
    return [data[start:stop].decode("utf-8", ERRORS) for start, stop in pairs]
