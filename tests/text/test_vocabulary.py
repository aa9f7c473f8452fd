"""The vocabulary: its order, its limits, its ids."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexon.errors import InputError, ModelFileError
from lexon.text import Vocabulary

TEXTS = [["b", "a", "c", "a"], [], ["b", "a", "d", "<unk>"], ["é"]]


def test_order_and_counts() -> None:
    vocabulary = Vocabulary.build(TEXTS)
    assert vocabulary.words == ("<unk>", "a", "b", "c", "d", "é")
    assert vocabulary.counts.tolist() == [1, 3, 2, 1, 1, 1]
    assert Vocabulary.build(TEXTS, min_count=2).words == ("<unk>", "a", "b")
    small = Vocabulary.build(TEXTS, max_size=3)
    assert (small.words, small.counts.tolist()) == (("<unk>", "a", "b"), [4, 3, 2])
    assert Vocabulary.build(TEXTS, max_size=1).words == ("<unk>",)


@given(st.lists(st.lists(st.sampled_from("abcdefg<"), max_size=8)), st.randoms())
def test_the_order_of_the_texts_changes_nothing(
    texts: list[list[str]], order: random.Random
) -> None:
    vocabulary = Vocabulary.build(texts, min_count=2, max_size=5)
    shuffled = order.sample(texts, len(texts))
    assert Vocabulary.build(shuffled, min_count=2, max_size=5) == vocabulary
    expected = sorted(Counter(chain(*texts)).items(), key=lambda pair: (-pair[1], pair[0]))
    assert list(vocabulary.words[1:]) == [word for word, count in expected if count > 1][:4]
    assert vocabulary.counts.sum() == sum(map(len, texts))


def test_ids() -> None:
    vocabulary = Vocabulary.build(TEXTS)
    ids = vocabulary.encode(["d", "never", "a", "<unk>"])
    assert ids.dtype == np.int32
    assert ids.tolist() == [4, 0, 1, 0]
    assert vocabulary.decode(ids.tolist()) == ["d", "<unk>", "a", "<unk>"]
    batch = vocabulary.encode_batch([["a", "zz"], [], ["b"]])
    assert (batch.rows.tolist(), batch.lengths.tolist()) == ([1, 0, 2], [2, 0, 1])
    assert len(vocabulary) == 6
    assert "never" not in vocabulary  # nor does looking it up put it there
    assert "d" in vocabulary


def test_json() -> None:
    vocabulary = Vocabulary.build(TEXTS, min_count=1)
    assert Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json()))) == vocabulary
    good = vocabulary.to_json()
    for wrong in (
        {"version": 9}, {"words": ["a"]}, {"words": ["<unk>", "a", "a"]}, {"counts": [1]},
        {"counts": [1.5] * 6}, {"words": [1, 2]},
    ):  # fmt: skip
        with pytest.raises(ModelFileError, match="no vocabulary of version 1"):
            Vocabulary.from_json({**good, **wrong})


def test_wrong_options() -> None:
    with pytest.raises(InputError, match="min_count is 0; it must be at least 1"):
        Vocabulary.build(TEXTS, min_count=0)
    with pytest.raises(InputError, match="max_size is 0"):
        Vocabulary.build(TEXTS, max_size=0)
    with pytest.raises(InputError, match="<unk> and then others, each once"):
        Vocabulary(["a", "b"])
