"""Labels as ids and as ones and zeros."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lexon.errors import InputError, ModelFileError
from lexon.text import Labels


def test_single_labels() -> None:
    labels = Labels.fit(["pos", "neg", "pos", "neu"])
    assert (labels.names, labels.multi_label, len(labels)) == (("neg", "neu", "pos"), False, 3)
    ids = labels.encode(["neu", "pos", "neg"])
    assert (ids.tolist(), ids.dtype) == ([1, 2, 0], np.int64)
    assert labels.decode([1, 2, 0]) == ["neu", "pos", "neg"]
    assert labels.encode([]).shape == (0,)


def test_several_labels() -> None:
    labels = Labels.fit([("b",), (), ("c", "a")])
    hot = labels.encode([("c", "b"), (), ("a",)])
    assert (hot.tolist(), hot.dtype) == ([[0, 1, 1], [0, 0, 0], [1, 0, 0]], np.float32)
    assert labels.encode([]).shape == (0, 3)


def test_errors() -> None:
    labels = Labels.fit(["pos", "neg"])
    with pytest.raises(InputError, match=r"3 rows with the unknown labels 'Pos', 'neutral'; known"):
        labels.encode(["neutral", "pos", "Pos", "neutral"])
    several = Labels.fit([("a", "b")])
    with pytest.raises(InputError, match="1 row with the unknown label 'c'; known are 'a', 'b'"):
        several.encode([("a", "c"), ("b",)])
    with pytest.raises(InputError, match="only one label, 'a'; two different"):
        Labels.fit(["a", "a"])
    with pytest.raises(InputError, match="there is no label"):
        Labels.fit([(), ()])
    with pytest.raises(InputError, match="mixed"):
        Labels.fit(["a", ("b",)])  # type: ignore[list-item]
    with pytest.raises(InputError, match="needs a tuple of labels here"):
        several.encode(["a"])
    with pytest.raises(InputError, match="needs one label here"):
        labels.encode([("pos",)])


def test_json() -> None:
    for labels in (Labels.fit(["b", "a"]), Labels.fit([("b",), ("a",)])):
        assert Labels.from_json(json.loads(json.dumps(labels.to_json()))) == labels
    good = Labels(["a", "b"]).to_json()
    for wrong in ({"version": 2}, {"names": ["a"]}, {"names": ["a", "a"]}, {"multi_label": 1}):
        with pytest.raises(ModelFileError, match="no labels of version 1"):
            Labels.from_json({**good, **wrong})


def test_whole_numbers_are_ordered_by_size() -> None:
    assert Labels(["10", "9", "-1", "b", "a"]).names == ("-1", "9", "10", "a", "b")
