"""What the kernel that splits characters must know of Unicode."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.kernels.characters import ALONE, BETWEEN, JOINER, MARK, RUN
from lexon.kernels.tokens import PADDING
from lexon.text.tokens import INVISIBLE, LATIN, _marks

Array = npt.NDArray[Any]

_KNOWN = 0x1F000  # no character from here on is a mark, a letter of runs, or white


@cache
def kinds_of_characters() -> Array:
    """The kind of each character, as `lexon.text.Tokenizer` has it; shape (characters,) uint8."""
    kinds = np.full(_KNOWN, ALONE, np.uint8)
    everything = "".join(map(chr, range(_KNOWN)))
    for members, kind in (LATIN, RUN), (_marks(), MARK), (rf"\s{INVISIBLE}", BETWEEN):
        for sign in re.findall(f"[{members}]", everything):
            both = kind == BETWEEN and kinds[ord(sign)] == MARK
            kinds[ord(sign)] = JOINER if both else kind
    return kinds


def decoded(text: Array, size: int) -> str:
    """The text of bytes; those that are no UTF-8 become U+FFFD."""
    return bytes(text[:size].data).decode("utf-8", "replace")


def normalised(text: Array, size: int) -> tuple[Array, int]:
    """The bytes of a text in NFC, padded, and how many they are."""
    raw = unicodedata.normalize("NFC", decoded(text, size)).encode()
    return np.frombuffer(bytearray(raw) + bytes(PADDING), np.uint8), len(raw)
