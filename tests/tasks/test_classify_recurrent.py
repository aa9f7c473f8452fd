"""Recurrent networks and given word vectors in the text classifier."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from lexon import Tensor, nn, no_grad
from lexon.errors import InputError
from lexon.tasks import TextClassifier
from lexon.tasks.networks import POOLS, RECURRENT, RecurrentText
from lexon.vectors import KeyedVectors

SMALL: dict[str, Any] = {
    "dimension": 10, "hidden": 8, "epochs": 12, "learning_rate": 0.02, "dropout": 0.1,
    "validation_fraction": 0, "tokens": "spaces", "seed": 1,
}  # fmt: skip


def texts(number: int, seed: int) -> tuple[list[str], list[str]]:
    """Letters, among them in every other text: first a, later b (the order decides)."""
    draw, made, labels = random.Random(seed), [], []
    for place in range(number):
        words = [draw.choice("cdefgh") for _ in range(draw.randint(0, 6))]
        pair = "ab" if place % 2 else "ba"
        first, last = sorted(draw.randint(0, len(words)) for _ in range(2))
        words.insert(first, pair[0])
        words.insert(last + 1, pair[1])
        made.append(" ".join(words))
        labels.append(pair)
    return made, labels


@pytest.mark.parametrize(("name", "pool"), [("lstm", "last"), ("bigru", "attention"),
                                            ("birnn", "max"), ("bilstm", "mean")])  # fmt: skip
def test_the_order_of_words_is_learned(name: str, pool: str) -> None:
    model = TextClassifier(name, pool=pool, **SMALL).fit(*texts(500, 1))
    assert model.score(*texts(200, 2)) > 0.9


@pytest.mark.parametrize("pool", POOLS)
def test_an_empty_text_has_probabilities(pool: str) -> None:
    model = TextClassifier("gru", pool=pool, **SMALL | {"epochs": 1}).fit(*texts(20, 1))
    assert np.isfinite(model.predict_proba(["", "a b"])).all()


def network(pool: str, both: bool = True) -> RecurrentText:
    table = nn.Embedding(9, 4, rng=0)
    layer = nn.GRU(4, 3, bidirectional=both, rng=1)
    made = RecurrentText(table, layer, pool, 2, 0.0, np.random.default_rng(2))
    return made.eval()  # type: ignore[return-value]


def test_attention_is_a_distribution_over_each_text() -> None:
    lengths, reader = np.array([3, 0, 1, 4]), network("attention")
    with no_grad():
        outputs, _ = reader.layer(reader.table(np.arange(8)), lengths)
        weights = reader.attention(outputs, lengths).value[:, 0]
    assert (weights > 0).all()
    sums = np.add.reduceat(weights, [0, 3, 4])
    np.testing.assert_allclose(sums, [1, 1, 1], rtol=1e-5)
    assert np.ptp(weights[:3]) > 0


def test_last_is_where_each_direction_ends() -> None:
    reader, lengths = network("last"), np.array([3, 2])
    with no_grad():
        outputs, state = reader.layer(reader.table(np.arange(5)), lengths)
        pooled = reader._pooled(outputs, state, lengths).value
    np.testing.assert_array_equal(pooled[:, :3], outputs.value[[2, 4], :3])
    np.testing.assert_array_equal(pooled[:, 3:], outputs.value[[0, 3], 3:])


@pytest.mark.parametrize("name", RECURRENT)
def test_the_file_of_a_network_of_two_layers(name: str, tmp_path: Any) -> None:
    given = SMALL | {"epochs": 1, "layers": 2, "pool": "attention"}
    model = TextClassifier(name, **given).fit(*texts(30, 1))
    model.save(tmp_path / "m.lexon")
    loaded = TextClassifier.load(tmp_path / "m.lexon")
    new = texts(9, 3)[0]
    assert np.array_equal(loaded.predict_proba(new), model.predict_proba(new))


def vectors(width: int = 6) -> KeyedVectors:
    numbers = np.random.default_rng(3).normal(size=(5, width)).astype(np.float32)
    return KeyedVectors(["a", "b", "c", "zebra", "d"], numbers)


@pytest.mark.parametrize("name", ["mlp", "cnn", "lstm"])
def test_training_begins_with_given_vectors(name: str, tmp_path: Any) -> None:
    given, rows = vectors(), texts(60, 1)
    model = TextClassifier(name, vectors=given, static=True, **SMALL | {"epochs": 2}).fit(*rows)
    table = model.network_.table.weight.value
    assert table.shape == (len(model.vocabulary_), 6)
    for word in "abcd":
        row = table[model.vocabulary_.encode([word])[0]]
        np.testing.assert_array_equal(row, given[word])
    assert not table[0].any()
    assert any("4 of the 9 words" in note for note in model.notes_)
    others = table[model.vocabulary_.encode(list("efgh"))]
    assert 0.3 < others.std() / given.vectors.std() < 3
    trained = TextClassifier(name, vectors=given, **SMALL | {"epochs": 2}).fit(*rows)
    moved = trained.network_.table.weight.value[trained.vocabulary_.encode(["a"])[0]]
    assert 0 < abs(moved - given["a"]).max() < 0.5
    given.save(tmp_path / "v.lexon")
    named = TextClassifier(name, vectors=tmp_path / "v.lexon", **SMALL | {"epochs": 2}).fit(*rows)
    for one in (trained, named):
        one.save(tmp_path / "m.lexon")
        loaded = TextClassifier.load(tmp_path / "m.lexon")
        assert loaded.get_params()["vectors"] is None and loaded.dimension == 6
        same = loaded.predict_proba(rows[0]) == trained.predict_proba(rows[0])
        assert same.all()


def test_vectors_that_cannot_serve_are_refused(tmp_path: Any) -> None:
    rows = texts(20, 1)
    for settings, message in (
        ({"model": "linear", "vectors": vectors()}, "no word vectors"),
        ({"model": "cnn", "static": True}, "must be given"),
        ({"model": "cnn", "vectors": 5}, "give KeyedVectors"),
        ({"model": "cnn", "vectors": str(tmp_path / "none.bin")}, "none.bin"),
        ({"model": "gru", "pool": "sum"}, "pool"),
        ({"model": "gru", "layers": 0}, "layers"),
    ):
        with pytest.raises(InputError, match=message):
            TextClassifier(**SMALL | settings).fit(*rows)


def test_gradients_reach_every_parameter() -> None:
    for pool in POOLS:
        reader = network(pool)
        loss = (reader(np.arange(8), np.array([3, 0, 1, 4])) * Tensor([[1.0, -2.0]])).sum()
        loss.backward()
        for name, parameter in reader.named_parameters():
            assert parameter.grad is not None, (pool, name)
