"""Model files: what was saved predicts the same to the bit, and what was altered is refused."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexon import storage
from lexon.errors import ModelFileError
from lexon.tasks import TabularClassifier, TabularRegressor, TextClassifier, load
from lexon.tasks.networks import NETWORKS, weight_shapes
from lexon.vectors import KeyedVectors
from tests.tasks.fuzz_models import MEMORY, TEXTS, fuzz

INPUTS = int(os.environ.get("LEXON_FUZZ_INPUTS", "3000"))
LABELS = ["pos", "pos", "neg", "neg"] * 6
SEVERAL = [["pos"], ["pos", "loud"], ["neg"], []] * 6
SMALL: dict[str, Any] = {
    "dimension": 6, "filters": 3, "hidden": 5, "windows": (1, 3), "epochs": 3, "seed": 4,
}  # fmt: skip
KINDS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "linear": ({"model": "linear"}, LABELS),
    "mlp": ({"model": "mlp", "class_weight": {"pos": 2.0}}, LABELS),
    "cnn": ({"model": "cnn"}, LABELS),
    "sigmoid": ({"model": "cnn", "output": "sigmoid"}, LABELS),
    "several": ({"model": "mlp"}, SEVERAL),
    "whole numbers": ({"model": "linear"}, [10, 10, 9, 9] * 6),
    "truth": ({"model": "linear", "class_weight": {True: 2}}, [True, True, False, False] * 6),
}


def fitted(kind: str) -> TextClassifier:
    settings, labels = KINDS[kind]
    return TextClassifier(**SMALL | settings).fit(TEXTS, labels)


@pytest.fixture(scope="module")
def model() -> TextClassifier:
    return fitted("linear")


@pytest.fixture(scope="module")
def data(model: TextClassifier, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("model") / "m.lexon"
    model.save(path)
    return path.read_bytes()


def altered(data: bytes, **changes: Any) -> bytes:
    """The file with other settings, and a checksum that is right."""
    stored = storage.parse(data)
    settings = stored.content["settings"] | changes
    return storage.serialise("model", stored.content | {"settings": settings}, stored.arrays)


def refusal(path: Path, data: bytes) -> str:
    """What is said of a file of these bytes."""
    path.write_bytes(data)
    with pytest.raises(ModelFileError) as caught:
        load(path)
    assert path.name in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_and_a_pickled_model_predict_the_same_bits(kind: str, tmp_path: Path) -> None:
    model, path = fitted(kind), tmp_path / "m.lexon"
    texts = [*TEXTS[:4], "", "never seen", "good bad film play fine awful"]
    expected = model.predict_proba(texts).tobytes()
    model.save(path)
    for other in (load(path), TextClassifier.load(path), pickle.loads(pickle.dumps(model))):
        assert other.predict_proba(texts).tobytes() == expected
        assert list(other.predict(texts)) == list(model.predict(texts))
        assert other.classes_.tolist() == model.classes_.tolist()
        assert other.classes_.dtype == model.classes_.dtype
        other.save(tmp_path / "again.lexon")
        assert (tmp_path / "again.lexon").read_bytes() == path.read_bytes()


def test_a_loaded_model_can_be_fitted_again(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.lexon"
    path.write_bytes(data)
    TextClassifier.load(path).fit(TEXTS, LABELS).save(tmp_path / "again.lexon")
    assert (tmp_path / "again.lexon").read_bytes() == data


def test_a_model_of_static_vectors_can_be_loaded(tmp_path: Path) -> None:
    vectors = KeyedVectors(["good", "bad"], np.eye(2, 6, dtype=np.float32))
    model = TextClassifier("mlp", vectors=vectors, static=True, **SMALL).fit(TEXTS, LABELS)
    model.save(tmp_path / "m.lexon")
    loaded = load(tmp_path / "m.lexon")
    assert loaded.predict_proba(TEXTS).tobytes() == model.predict_proba(TEXTS).tobytes()
    places = [model.vocabulary_.words.index(word) for word in ("good", "bad")]
    np.testing.assert_array_equal(model.network_.table.weight.value[places], np.eye(2, 6))


def test_a_file_cut_short_anywhere_is_refused(data: bytes) -> None:
    for length in range(len(data)):
        with pytest.raises(ModelFileError):
            storage.parse(data[:length])


def test_a_file_with_a_turned_bit_is_refused(data: bytes, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for place in range(len(data)):
        turned = bytearray(data)
        turned[place] ^= 1 << int(random.integers(8))
        with pytest.raises(ModelFileError):
            storage.parse(bytes(turned))
    said = refusal(tmp_path / "turned.lexon", data[:-1] + bytes([data[-1] ^ 1]))
    assert "damaged" in said and "again" in said


def test_what_is_no_model_file_is_refused(data: bytes, tmp_path: Path) -> None:
    assert "0 bytes" in refusal(tmp_path / "empty", b"")
    assert "not written by lexon" in refusal(tmp_path / "text.csv", b"text,label\ngood,pos\n" * 9)
    assert "cut short" in refusal(tmp_path / "half", data[: len(data) // 2])
    checkpoint = storage.serialise("checkpoint", {}, {})
    assert "holds a checkpoint" in refusal(tmp_path / "checkpoint", checkpoint)
    with pytest.raises(ModelFileError, match=r"there: cannot be read: No such file"):
        load(tmp_path / "there")
    with pytest.raises(ModelFileError, match="cannot be read: Is a directory"):
        load(tmp_path)


def test_a_newer_format_says_so(data: bytes, tmp_path: Path, monkeypatch: Any) -> None:
    stored = storage.parse(data)
    monkeypatch.setattr(storage, "FORMAT", storage.FORMAT + 1)
    newer = storage.serialise("model", stored.content, stored.arrays)
    monkeypatch.undo()
    assert "upgrade lexon" in refusal(tmp_path / "newer", newer)


def test_a_task_of_another_kind_is_refused(data: bytes, tmp_path: Path) -> None:
    stored = storage.parse(data)
    strange = storage.serialise("model", stored.content | {"task": "poetry"}, stored.arrays)
    assert "'poetry' is unknown" in refusal(tmp_path / "strange", strange)
    path = tmp_path / "texts.lexon"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match="text-classification, not for tabular-regression"):
        TabularRegressor.load(path)
    numbers = {"size": [float(n) for n in range(20)]}
    TabularRegressor(hidden=(2,), epochs=1).fit(numbers, numbers["size"]).save(path)
    with pytest.raises(ModelFileError, match="tabular-regression, not for text-classification"):
        TextClassifier.load(path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "cnn", "dimension": 10**9}, "weights stored"),
        ({"model": "mlp", "hidden": 10**12}, "weights stored"),
        ({"model": "cnn", "filters": 2**62, "dimension": 2**62}, "weights stored"),
        ({"model": "cnn", "windows": [10**9]}, "up to 100"),
        ({"model": "perceptron"}, "none of linear, mlp, cnn"),
        ({"dimension": "300"}, "whole number"),
        ({"dropout": -1}, "dropout"),
        ({"temperature": 1}, "temperature"),
    ],
)
def test_nothing_is_built_by_numbers_in_the_settings(
    data: bytes, tmp_path: Path, monkeypatch: Any, changes: dict[str, Any], said: str
) -> None:
    def build(*arguments: Any) -> None:
        raise AssertionError("a network is built")

    for name in NETWORKS:
        monkeypatch.setitem(NETWORKS, name, build)
    assert said in refusal(tmp_path / "m.lexon", altered(data, **changes))


@pytest.mark.parametrize(
    "change",
    [
        {"best": -1},
        {"best": 4},
        {"best": 1.0},
        {"best": True},
        {"measure": None},
        {"stopped": 3},
        {"epochs": [{}]},
        {"epochs": None},
    ],
)
def test_a_history_of_nonsense_is_refused(
    data: bytes, tmp_path: Path, change: dict[str, Any]
) -> None:
    stored = storage.parse(data)
    history = stored.content["history"] | change
    content = stored.content | {"history": history}
    refusal(tmp_path / "m.lexon", storage.serialise("model", content, stored.arrays))
    epochs = stored.content["history"]["epochs"]
    content["history"] = stored.content["history"] | {
        "epochs": [*epochs[:2], epochs[2] | {"loss": "low"}]
    }
    refusal(tmp_path / "m.lexon", storage.serialise("model", content, stored.arrays))


@pytest.mark.parametrize("kind", ["9" * 5000, "<U99999999", "<U999999", "V8", "f8,f8", "x", 3])
def test_classes_of_a_type_that_none_are_of_are_refused(tmp_path: Path, kind: Any) -> None:
    path, numbers = tmp_path / "m.lexon", [float(n % 9) for n in range(40)]
    model = TabularClassifier(hidden=(2,), epochs=1)
    model.fit({"size": numbers}, [f"c{number}" for number in numbers]).save(path)
    stored = storage.read(path, "model")
    names = [f"c{number}" for number in range(40)]
    content = stored.content | {"target": {"type": kind, "names": names}}
    said = refusal(path, storage.serialise("model", content, stored.arrays))
    assert isinstance(kind, int) or "of the classes" in said


def test_weights_of_another_number_type_are_refused(data: bytes, tmp_path: Path) -> None:
    stored = storage.parse(data)
    arrays = {name: array.astype(np.float64) for name, array in stored.arrays.items()}
    wide = storage.serialise("model", stored.content, arrays)
    assert "weights stored" in refusal(tmp_path / "wide", wide)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("classes", [1, 4])
def test_the_weights_foretold_are_those_built(name: str, classes: int) -> None:
    settings = TextClassifier(**SMALL).get_params()
    network = NETWORKS[name](settings, 7, classes, np.random.default_rng(0))
    built = {path: parameter.shape for path, parameter in network.named_parameters()}
    assert weight_shapes(name, settings, 7, classes) == built


def test_settings_of_numpy_types_are_saved_as_plain_ones(tmp_path: Path) -> None:
    model = TextClassifier(
        "mlp",
        dimension=np.int64(4),
        hidden=np.int32(4),
        dropout=np.float32(0.25),
        windows=np.array([1, 2]),
        epochs=np.int64(1),
        class_weight={np.int64(1): np.float64(2)},
    ).fit(TEXTS, [1, 1, 0, 0] * 6)
    model.save(tmp_path / "m.lexon")
    settings = storage.read(tmp_path / "m.lexon", "model").content["settings"]
    assert json.loads(json.dumps(settings)) == settings
    assert (settings["dimension"], settings["windows"]) == (4, [1, 2])
    assert settings["class_weight"] == {"1": 2.0}
    assert load(tmp_path / "m.lexon").predict(["good film"]) == model.predict(["good film"])


def test_altered_files_give_a_model_or_a_model_file_error() -> None:
    outcomes, grown = fuzz(INPUTS, seed=1)
    assert outcomes["ModelFileError"] > 0.5 * INPUTS and outcomes["loaded"] > 0.05 * INPUTS
    assert grown <= MEMORY
