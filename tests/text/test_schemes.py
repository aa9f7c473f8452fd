"""Tag schemes: chunks by conlleval's rules, conversion there and back, what breaks a scheme."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexon.errors import InputError
from lexon.text.schemes import (
    SCHEMES,
    Chunk,
    breaks,
    chunks,
    convert,
    count_breaks,
    describe_breaks,
    recognise_scheme,
    split_tag,
)


@st.composite
def chunk_lists(draw: st.DrawFn) -> tuple[int, list[Chunk]]:
    """A sentence's length and its chunks."""
    found, place = [], 0
    for gap, length, type_ in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from("ABC")))
    ):
        found.append(Chunk(place + gap, place + gap + length, type_))
        place += gap + length
    return place + draw(st.integers(0, 2)), found


def tags_of(length: int, found: list[Chunk]) -> list[str]:
    """As IOB2, written by hand."""
    tags = ["O"] * length
    for start, stop, type_ in found:
        tags[start:stop] = [f"B-{type_}"] + [f"I-{type_}"] * (stop - start - 1)
    return tags


@given(chunk_lists())
def test_all_schemes_hold_the_same_chunks(sentence: tuple[int, list[Chunk]]) -> None:
    length, found = sentence
    iob2 = tags_of(length, found)
    assert chunks(iob2) == found
    for scheme in SCHEMES:
        tags = convert(iob2, scheme)
        assert len(tags) == length and chunks(tags) == found and breaks(tags, scheme) == []
        assert convert(tags, "IOB2") == iob2


@given(st.lists(st.sampled_from(["O", *(f"{a}-{b}" for a in "BIESLUM" for b in "XY")])))
def test_what_is_converted_is_valid_whatever_it_was(tags: list[str]) -> None:
    for scheme in SCHEMES:
        assert breaks(convert(tags, scheme), scheme) == []
        assert chunks(convert(tags, scheme)) == chunks(tags)


#: Tags, and the chunks that conlleval reads: its functions startOfChunk and endOfChunk by hand.
BY_HAND = [
    ("O I-A I-A O", [(1, 3, "A")]),
    ("I-A I-B", [(0, 1, "A"), (1, 2, "B")]),
    ("B-A I-B I-B", [(0, 1, "A"), (1, 3, "B")]),
    ("B-A B-A I-A", [(0, 1, "A"), (1, 3, "A")]),
    ("I-A B-A", [(0, 1, "A"), (1, 2, "A")]),
    ("B-A E-A E-A", [(0, 2, "A"), (2, 3, "A")]),
    ("O E-A I-A", [(1, 2, "A"), (2, 3, "A")]),
    ("S-A I-A", [(0, 1, "A"), (1, 2, "A")]),
    ("B-A S-A", [(0, 1, "A"), (1, 2, "A")]),
    ("B-A I-A", [(0, 2, "A")]),
    ("O O", []),
    ("", []),
]


@pytest.mark.parametrize(("tags", "found"), BY_HAND)
def test_chunks_are_those_of_conlleval(tags: str, found: list[tuple[int, int, str]]) -> None:
    assert chunks(tags.split()) == [Chunk(*one) for one in found]


@pytest.mark.parametrize(
    ("tags", "scheme", "said"),
    [
        ("O I-A I-A B-A", "IOB1", []),
        ("O B-A", "IOB1", ["B-A behind O"]),
        ("I-B B-A", "IOB1", ["B-A behind I-B"]),
        ("B-A I-A B-A O B-B", "IOB2", []),
        ("I-A", "IOB2", ["I-A behind the start"]),
        ("B-A I-B O I-B", "IOB2", ["I-B behind B-A", "I-B behind O"]),
        ("S-A", "IOB2", ["S-A is no tag of IOB2"]),
        ("S-A B-A I-A E-A O", "BIOES", []),
        ("B-A O", "BIOES", ["O behind B-A"]),
        ("B-A I-A", "BIOES", ["the end behind I-A"]),
        ("B-A E-B S-B I-B", "BIOES", ["E-B behind B-A", "I-B behind S-B", "the end behind I-B"]),
        ("B-A M-A E-A S-B", "BMES", []),
        ("B-A L-A U-B", "BILOU", []),
        ("B-A E-A", "BILOU", ["E-A is no tag of BILOU"]),
        ("NN O", "IOB2", ["NN is no tag of IOB2"]),
    ],
)
def test_what_breaks_a_scheme_is_named(tags: str, scheme: str, said: list[str]) -> None:
    assert breaks(tags.split(), scheme) == said


@pytest.mark.parametrize(
    ("sentences", "scheme"),
    [
        (["I-A I-A O", "I-A B-A I-B"], "IOB1"),
        (["I-A O"], "IOB1"),
        (["B-A I-A O", "B-A B-A"], "IOB2"),
        (["B-A O B-B"], "IOB2"),
        (["B-A I-A O"] * 9 + ["O I-A"], "IOB2"),
        (["B-A E-A S-B O"], "BIOES"),
        (["S-A O"], "BIOES"),
        (["B-A L-A U-B O"], "BILOU"),
        (["B-A M-A E-A O"], "BMES"),
        (["NN VB", "O"], None),
        (["O O"], None),
        ([""], None),
        (["B-A L-A E-A"], None),
        (["I-A X"], None),
    ],
)
def test_schemes_are_recognised(sentences: list[str], scheme: str | None) -> None:
    assert recognise_scheme([sentence.split() for sentence in sentences]) == scheme


def test_types_may_hold_hyphens() -> None:
    assert split_tag("B-geo-loc") == ("B", "geo-loc")
    assert convert(["I-a-b", "I-a-c"], "BIOES") == ["S-a-b", "S-a-c"]


def test_faults_are_counted_the_most_frequent_first() -> None:
    sentences = [["I-A"], ["O", "I-A"], ["O", "I-A"], ["B-A", "I-B"], ["B-B", "I-A"]]
    found = count_breaks(sentences, "IOB2")
    assert found.total() == 5
    assert describe_breaks(found, 1) == "I-A behind O (2), ..."
    assert describe_breaks(found).startswith("I-A behind O (2), I-A behind the start (1)")


def test_an_unknown_scheme_is_refused() -> None:
    for function in (convert, breaks):
        with pytest.raises(InputError, match="no tag scheme 'IOBES'\n  give one of IOB1, IOB2"):
            function(["O"], "IOBES")


def test_chunks_never_touch_one_another() -> None:
    found = chunks("I-A I-A B-A I-B O S-B E-B".split())
    assert all(one.stop <= other.start for one, other in pairwise(found))
