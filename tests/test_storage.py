"""Files are written whole or not at all, and a damaged one is never read."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from lexon import storage
from lexon.errors import InputError, ModelFileError

CONTENT = {"name": "écrit 漢字", "depth": [1, 2.5, None, {"x": True}]}
ARRAYS = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "bias": np.array(0.5, np.float32),
    "ids": np.array([3, -1], np.int64),
    "empty": np.zeros((0, 4)),
}


def small() -> bytes:
    return storage.serialise("model", {"a": 1}, {"w": np.array([1.0, -2.0], np.float32)})


def same(stored, content, arrays):
    assert stored.content == content
    assert stored.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        assert stored.arrays[name].shape == array.shape
        assert stored.arrays[name].dtype == array.dtype
        assert stored.arrays[name].tobytes() == array.tobytes()


def test_what_is_written_is_read(tmp_path):
    storage.write(tmp_path / "m", "model", CONTENT, ARRAYS)
    stored = storage.read(tmp_path / "m", "model")
    assert stored.kind == "model"
    same(stored, CONTENT, ARRAYS)


@given(
    arrays=st.dictionaries(
        st.text(st.characters(codec="utf-8"), max_size=8).filter(lambda n: n != "__metadata__"),
        arrays_of.arrays(
            st.sampled_from(["f4", "f8", "i4", "i8", "u1", "bool"]),
            arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
        ),
        max_size=4,
    ),
    content=st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers() | st.text("añ")),
)
@settings(deadline=None)
def test_any_arrays_come_back(arrays, content):
    raw = storage.serialise("model", content, arrays)
    same(storage.parse(raw), content, arrays)


def test_strides_and_byte_order_do_not_matter():
    straight = np.arange(12, dtype=np.float64).reshape(3, 4)
    for strange in (np.asfortranarray(straight), straight[::-1][::-1], straight.astype(">f8")):
        stored = storage.parse(storage.serialise("model", {}, {"x": strange}))
        np.testing.assert_array_equal(stored.arrays["x"], straight)


def test_equal_contents_give_equal_bytes():
    turned = dict(reversed(CONTENT.items())), dict(reversed(ARRAYS.items()))
    assert storage.serialise("model", CONTENT, ARRAYS) == storage.serialise("model", *turned)
    assert storage.serialise("model", CONTENT, ARRAYS) != storage.serialise("model", {}, ARRAYS)


def test_every_truncation_is_noticed():
    raw = storage.serialise("model", CONTENT, ARRAYS)
    for size in range(len(raw)):
        with pytest.raises(ModelFileError):
            storage.parse(raw[:size])


def test_every_flipped_bit_is_noticed():
    raw = small()
    for place in range(len(raw)):
        for bit in range(8):
            harmed = bytearray(raw)
            harmed[place] ^= 1 << bit
            with pytest.raises(ModelFileError):
                storage.parse(bytes(harmed))


def test_flipped_bits_of_a_large_file_are_noticed():
    raw = storage.serialise("model", CONTENT, {"w": np.random.default_rng(0).normal(size=50_000)})
    for place in np.random.default_rng(1).integers(0, len(raw), 60):
        harmed = bytearray(raw)
        harmed[place] ^= 1 << int(place % 8)
        with pytest.raises(ModelFileError):
            storage.parse(bytes(harmed))


@pytest.mark.parametrize("more", [b"\0", b"x" * 100, small()])
def test_appended_bytes_are_noticed(more):
    with pytest.raises(ModelFileError, match="damaged"):
        storage.parse(small() + more)


def forged(note: object, prefix: str = "0" * 64) -> bytes:
    """A file with a right checksum around any note."""
    from safetensors.numpy import save

    text = note if isinstance(note, str) else json.dumps(note)
    raw = save({"w": np.ones(2, np.float32)}, metadata={"lexon": prefix + text})
    return storage._with_digest(raw, hashlib.sha256(raw).hexdigest().encode())


def test_a_newer_format_asks_for_an_upgrade():
    note = {"format": storage.FORMAT + 1, "kind": "model", "content": {}}
    with pytest.raises(ModelFileError, match=r"(?s)its format is 2, .* up to 1.*upgrade lexon"):
        storage.parse(forged(note))


@pytest.mark.parametrize(
    "note",
    ["", "{", "[]", "7", {}, {"format": 1}, {"format": "1", "kind": "model", "content": {}},
     {"format": 1, "kind": "model", "content": 3}, {"format": 1, "kind": "model"}],
)  # fmt: skip
def test_a_forged_note_is_refused(note):
    with pytest.raises(ModelFileError, match="not written by lexon"):
        storage.parse(forged(note))


def header(text: str) -> bytes:
    return len(text.encode()).to_bytes(8, "little") + text.encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello",
        b"PK\x03\x04" + bytes(100),
        b"\x80\x04\x95" + bytes(100),
        (2**63).to_bytes(8, "little") + b"{}",
        header("{}"),
        header("[]"),
        header("null"),
        header('{"__metadata__": 3}'),
        header('{"__metadata__":{"lexon":3}}'),
        header('{"__metadata__":{"lexon":"short"}}'),
        header('{"other":1,"__metadata__":{"lexon":"' + "0" * 80 + '"}}'),
        header("[" * 100_000),
        header("\ud800".encode("utf-8", "surrogatepass").decode("latin1")),
    ],
)
def test_other_files_are_refused(raw):
    with pytest.raises(ModelFileError):
        storage.parse(raw)


def test_another_kind_a_missing_file_and_a_folder_are_refused(tmp_path):
    path = tmp_path / "m"
    storage.write(path, "checkpoint", CONTENT, ARRAYS)
    with pytest.raises(ModelFileError, match="holds a checkpoint, where a model is wanted"):
        storage.read(path, "model")
    with pytest.raises(ModelFileError, match="nowhere: cannot be read: No such file"):
        storage.read(tmp_path / "nowhere", "model")
    with pytest.raises(ModelFileError, match="cannot be read"):
        storage.read(tmp_path, "model")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelFileError, match=f"{path.name}: not a usable model file"):
        storage.read(path, "model")


def full(*_args: object, **_options: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("owner", "step"),
    [(Path, "write_bytes"), (os, "fsync"), (os, "replace"), (tempfile, "mkstemp")],
)
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, owner, step):
    path = tmp_path / "m"
    storage.write(path, "model", {"old": 1}, ARRAYS)
    before = path.read_bytes()
    monkeypatch.setattr(owner, step, full)
    with pytest.raises(InputError, match=r"(?s)cannot be written: No space left.*unchanged"):
        storage.write(path, "model", {"new": 2}, ARRAYS)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, RuntimeError])
def test_a_failure_in_the_middle_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "m"
    path.write_text("old")
    with pytest.raises(error), storage.replacing(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_until_the_end_the_old_file_stands(tmp_path):
    path = tmp_path / "m"
    path.write_text("old")
    with storage.replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == path.parent
    assert path.read_text() == "new"


def test_a_missing_folder_is_the_users_mistake(tmp_path):
    with pytest.raises(InputError, match="cannot be written: No such file or directory"):
        storage.write(tmp_path / "no" / "m", "model", {}, {})


@pytest.mark.skipif(os.name != "posix", reason="file modes are of POSIX")
def test_the_file_has_the_mode_of_any_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        storage.write(tmp_path / "m", "model", {}, {})
    finally:
        os.umask(before)
    assert (tmp_path / "m").stat().st_mode & 0o777 == 0o640


def test_a_header_that_is_too_long_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    words = {"words": ["word" * 250] * 101_000}
    with pytest.raises(InputError, match=r"cannot be stored.*\n.*100,000,000 bytes"):
        storage.write(tmp_path / "m", "model", words, ARRAYS)
    assert list(tmp_path.iterdir()) == []
    assert not storage.fits(storage.header_bytes(words))


@given(st.text('a"\\é漢\n', max_size=9).map(lambda text: text * 30))
def test_the_bytes_in_the_header_are_known_beforehand(text: str) -> None:
    sizes = [len(storage.serialise("model", {"a": [t]}, {})) for t in ("", text)]
    more = storage.header_bytes([text]) - storage.header_bytes([""])
    assert 0 <= sizes[1] - sizes[0] - more + 7 <= 14  # the header is filled up to eights
