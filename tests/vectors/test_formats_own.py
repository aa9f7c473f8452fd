"""lexon's own file of word vectors: mapped, checked, shared, and refused when it is not whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexon import storage
from lexon.errors import InputError, ModelFileError
from lexon.vectors import KeyedVectors, open_vectors
from tests.vectors.test_formats import TABLE, same, some


@given(
    st.lists(st.text(max_size=6), unique=True, max_size=8),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from([np.float32, np.float64]),
)
@settings(deadline=None, max_examples=60)
def test_any_words_come_back(
    tmp_path_factory: Any, words: list[str], width: int, counted: bool, dtype: Any
) -> None:
    path = tmp_path_factory.mktemp("own") / "v"
    table = np.random.default_rng(0).normal(size=(len(words), width)).astype(dtype)
    try:
        KeyedVectors(words, table, np.arange(len(words)) if counted else None).save(path)
    except InputError as error:
        assert "cannot be written as UTF-8" in str(error)
        return
    for mmap in (True, False):
        found = KeyedVectors.load(path, mmap=mmap, verify=True)
        same(found, words, table)
        assert found.vectors.dtype == dtype
        assert (found.counts is not None) == counted
        assert not counted or found.counts.tolist() == list(range(len(words)))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    some().save(tmp_path / "v.lexon")
    return tmp_path / "v.lexon"


def test_the_vectors_are_mapped_and_not_to_be_written(own: Path) -> None:
    found = KeyedVectors.load(own)
    assert not found.vectors.flags.writeable and not found.vectors.flags.owndata
    base = found.vectors
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert isinstance(base, np.memmap)
    assert base.offset % 64 == 0
    found = KeyedVectors.load(own, mmap=False)
    found.vectors[0] = 1
    same(KeyedVectors.load(own))


def test_ten_processes_share_one_copy(tmp_path: Path) -> None:
    if not Path("/proc/self/smaps").exists():
        pytest.skip("only Linux tells how memory is shared")
    rows = 40_000
    KeyedVectors([f"w{n}" for n in range(rows)], np.ones((rows, 100), np.float32)).save(
        tmp_path / "v"
    )
    program = (
        "import sys, pathlib\n"
        "from lexon.vectors import KeyedVectors\n"
        f"v = KeyedVectors.load({str(tmp_path / 'v')!r})\n"
        "before = pathlib.Path('/proc/self/smaps').read_text()\n"
        "v.vectors.sum()\n"
        "print('read', flush=True)\n"
        "sys.stdin.readline()\n"
        "of = lambda text: {l.split(':')[0]: int(l.split()[1]) for l in\n"
        f"  text.partition({str(tmp_path / 'v')!r})[2].splitlines()[1:20] if l.endswith('kB')}}\n"
        "b, a = of(before), of(pathlib.Path('/proc/self/smaps').read_text())\n"
        "print(b['Rss'], a['Rss'], a['Pss'], a['Private_Dirty'])\n"
    )
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None and worker.stdout.readline() == "read\n"
    for worker in workers:
        out, _ = worker.communicate("\n")
        opening, whole, share, private = map(int, out.split())
        assert whole > 15_000 and opening < whole / 4 and private == 0
    assert share <= whole


def test_every_truncation_is_noticed(own: Path) -> None:
    raw = own.read_bytes()
    for size in range(len(raw)):
        own.write_bytes(raw[:size])
        with pytest.raises(ModelFileError):
            KeyedVectors.load(own)
    own.write_bytes(raw + b"\0")
    with pytest.raises(ModelFileError, match="cut short or damaged"):
        KeyedVectors.load(own)


def test_every_flipped_bit_is_noticed_but_those_of_the_vectors_only_when_verified(
    own: Path,
) -> None:
    raw = own.read_bytes()
    start = raw.index(TABLE.tobytes())
    vectors = range(start, start + TABLE.nbytes)
    for place in range(len(raw)):
        harmed = bytearray(raw)
        harmed[place] ^= 1 << place % 8
        own.write_bytes(harmed)
        if place in vectors:
            KeyedVectors.load(own)
        else:
            with pytest.raises(ModelFileError):
                KeyedVectors.load(own)
        for options in ({"verify": True}, {"mmap": False}):
            with pytest.raises(ModelFileError):
                KeyedVectors.load(own, **options)


def test_storage_reads_mapped_files_whole_and_safetensors_does(own: Path) -> None:
    from safetensors.numpy import load_file

    stored = storage.read(own, "vectors")
    np.testing.assert_array_equal(stored.arrays["vectors"], TABLE)
    np.testing.assert_array_equal(load_file(own)["vectors"], TABLE)
    assert storage.kind_of(own) == "vectors"
    before = own.read_bytes()
    some().save(own)
    assert own.read_bytes() == before


def test_other_files_of_lexon_are_refused(own: Path, monkeypatch: Any) -> None:
    storage.write(own, "model", {}, {"w": np.ones(3)})
    with pytest.raises(ModelFileError, match="its kind is 'model', where 'vectors' is wanted"):
        KeyedVectors.load(own)
    with pytest.raises(ModelFileError, match="holds a model, which has no word vectors"):
        open_vectors(own)
    storage.write(own, "vectors", {}, {"w": np.ones(3)})
    with pytest.raises(ModelFileError, match="it is not one to be mapped"):
        KeyedVectors.load(own)
    monkeypatch.setattr(storage, "FORMAT", 2)
    some().save(own)
    monkeypatch.undo()
    for reader in (KeyedVectors.load, open_vectors):
        with pytest.raises(ModelFileError, match="its format is 2, this lexon reads up to 1"):
            reader(own)


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"words": np.zeros(0, np.uint8), "word_ends": np.zeros(0, np.int64)},
        {"words": np.frombuffer(b"ab", np.uint8), "word_ends": np.array([2, 1])},
        {"words": np.frombuffer(b"ab", np.uint8), "word_ends": np.array([-1, 2])},
        {"words": np.frombuffer(b"ab", np.uint8), "word_ends": np.array([1, 3])},
        {"words": np.frombuffer(b"aa", np.uint8), "word_ends": np.array([1, 2])},
        {"words": np.frombuffer(b"ab", np.uint8), "word_ends": np.array([1.0, 2.0])},
        {"words": np.frombuffer(b"abc", np.uint8), "word_ends": np.array([1, 2, 3])},
    ],
)
def test_files_made_by_hand_are_refused(own: Path, arrays: Any) -> None:
    storage.write_mapped(
        own, "vectors", {}, {"vectors": np.ones((2, 2), "f")} | arrays, ["vectors"]
    )
    with pytest.raises(ModelFileError, match="not a usable vectors file"):
        KeyedVectors.load(own)
    storage.write_mapped(own, "vectors", {}, {"other": np.ones((2, 2), "f")} | arrays, ["other"])
    with pytest.raises(ModelFileError, match="not a usable vectors file"):
        KeyedVectors.load(own)
