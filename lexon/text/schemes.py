"""Tag schemes: how tags on single tokens say which runs of tokens belong together.

A tag is ``O`` (outside of all chunks) or a letter for the place within a chunk, a hyphen, and the
chunk's type, such as ``I-PER``:

    IOB1    I within, B only for a chunk right behind another one of its type
    IOB2    B begins every chunk, I goes on
    BIOES   as IOB2, with E for the last token, and S for a chunk of one

BILOU and BMES are BIOES with other letters. Whatever the scheme, and also where a sequence breaks
it, chunks are those of the program conlleval: a chunk begins at B or S, behind O, E or S, and
where the type changes; so ``O I-PER`` and ``B-LOC I-PER`` each hold a chunk of type PER.

Source: Ramshaw & Marcus 1995 (IOB1); Tjong Kim Sang & Buchholz 2000 (conlleval).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lexon.errors import InputError

Sentences = Sequence[Sequence[str]]

#: Letters for the beginning, the inside, the end and a single token, by scheme.
SCHEMES = {"IOB1": "IIII", "IOB2": "BIIB", "BIOES": "BIES", "BILOU": "BILU", "BMES": "BMES"}
#: Letters of other spellings, as BIOES has them.
_SPELT = {"L": "E", "U": "S", "M": "I"}
_TAG = re.compile(r"([BIESLUM])-(.+)", re.DOTALL)
OUTSIDE = ("O", "")


class Chunk(NamedTuple):
    """Tokens ``start`` up to ``stop`` (not included) are of one type."""

    start: int
    stop: int
    type: str


def split_tag(tag: str) -> tuple[str, str]:
    """Letter, in the spelling of BIOES, and type; ``("O", "")`` outside, and for any other tag."""
    match = _TAG.fullmatch(tag)
    return (_SPELT.get(match[1], match[1]), match[2]) if match else OUTSIDE


def _begins(letter: str, type_: str, before: str, type_before: str) -> bool:
    """Whether conlleval begins a chunk at this tag, which is not O."""
    return letter in "BS" or before in "OES" or type_ != type_before


def chunks(tags: Sequence[str]) -> list[Chunk]:
    """The chunks of one sentence, by conlleval's rules.

    >>> chunks(["I-PER", "I-PER", "O", "B-LOC"])
    [Chunk(start=0, stop=2, type='PER'), Chunk(start=3, stop=4, type='LOC')]
    """
    found: list[Chunk] = []
    before, begun = OUTSIDE, 0
    for place, tag in enumerate([*tags, "O"]):
        letter, type_ = split_tag(tag)
        begins = letter != "O" and _begins(letter, type_, *before)
        if before[0] != "O" and (begins or letter == "O"):
            found.append(Chunk(begun, place, before[1]))
        if begins:
            begun = place
        before = letter, type_
    return found


def convert(tags: Sequence[str], scheme: str) -> list[str]:
    """The tags of one sentence in another scheme; invalid ones become what conlleval reads.

    >>> convert(["I-PER", "I-PER", "B-PER", "O"], "BIOES")
    ['B-PER', 'E-PER', 'S-PER', 'O']

    Raises:
        InputError: there is no such scheme.
    """
    begin, inside, end, single = tuple(_letters(scheme))
    out, last = ["O"] * len(tags), Chunk(0, 0, "")
    for chunk in chunks(tags):
        start, stop, type_ = chunk
        letters = [begin, *inside * (stop - start - 2), end] if stop - start > 1 else [single]
        if scheme == "IOB1" and (last.stop, last.type) == (start, type_):
            letters[0] = "B"
        out[start:stop] = [f"{letter}-{type_}" for letter in letters]
        last = chunk
    return out


def _letters(scheme: str) -> str:
    if scheme not in SCHEMES:
        raise InputError(
            f"there is no tag scheme {scheme!r}\n"
            f"  give one of {', '.join(SCHEMES)}, or none for tags that are no chunks"
        )
    return SCHEMES[scheme]


def breaks(tags: Sequence[str], scheme: str) -> list[str]:
    """What in one sentence breaks the scheme, such as ``I-PER behind O``; empty where it is valid.

    Raises:
        InputError: there is no such scheme.
    """
    letters = {"B", *_letters(scheme)}
    found: list[str] = []
    before, shown = OUTSIDE, "the start"
    for place, tag in enumerate([*tags, "O"]):
        match = _TAG.fullmatch(tag)
        now = split_tag(tag)
        if tag != "O" and (match is None or match[1] not in letters):
            found.append(f"{tag} is no tag of {scheme}")
        elif _breaks(scheme, now, before):
            found.append(f"{tag if place < len(tags) else 'the end'} behind {shown}")
        before, shown = now, tag
    return found


def _breaks(scheme: str, now: tuple[str, str], before: tuple[str, str]) -> bool:
    open_ = before[0] in "BI"
    goes_on = open_ and now[1] == before[1]
    if scheme == "IOB1":
        return now[0] == "B" and not goes_on
    if scheme == "IOB2":
        return now[0] == "I" and not goes_on
    continues = now[0] in "IE"
    return not (continues and goes_on) if open_ else continues


def count_breaks(sentences: Sentences, scheme: str) -> Counter[str]:
    """How often each way to break the scheme occurs."""
    return Counter(fault for tags in sentences for fault in breaks(tags, scheme))


def recognise_scheme(sentences: Sentences) -> str | None:
    """The scheme that the tags are in, or None where they are no chunks, such as parts of speech.

    Of IOB1 and IOB2, and between the long schemes, the one that is broken least; the letters
    decide first.
    """
    tags = {tag for sentence in sentences for tag in sentence}
    if not tags - {"O"} or not all(tag == "O" or _TAG.fullmatch(tag) for tag in tags):
        return None
    used = {tag[0] for tag in tags} - {"O"}
    fitting = [name for name, letters in SCHEMES.items() if used <= set(letters) | {"B"}]
    if not fitting:
        return None
    short = [name for name in fitting if name in ("IOB1", "IOB2")]
    return min(short or fitting, key=lambda name: count_breaks(sentences, name).total())


def describe_breaks(found: Counter[str], most: int = 3) -> str:
    """The most frequent faults, such as ``I-PER behind O (3), I-LOC behind B-PER (1), ...``."""
    named = [f"{fault} ({times:,})" for fault, times in found.most_common(most)]
    return ", ".join(named) + (", ..." if len(found) > most else "")


def types_of(sentences: Iterable[Sequence[str]]) -> list[str]:
    """The types of chunks that occur, sorted."""
    return sorted({split_tag(tag)[1] for tags in sentences for tag in tags} - {""})
