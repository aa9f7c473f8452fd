"""The cache of compiled kernels: never stale, never half a file, never in the way."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from lexon.kernels import compile as cache


def triple(x):
    for i in range(x.size):
        x[i] *= 3


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LEXON_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def came_from_cache() -> bool:
    """Compile ``triple`` in a new dispatcher, check what it does, and tell where it came from."""
    compiled, x = cache.kernel(triple), np.arange(5.0)
    compiled(x)
    np.testing.assert_array_equal(x, [0, 3, 6, 9, 12])
    return sum(compiled.stats.cache_hits.values()) == 1


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_a_kernel_is_compiled_once(folder):
    assert cache.cache_folder() == folder
    assert not came_from_cache()
    assert came_from_cache()


def test_each_type_has_a_file(folder):
    compiled = cache.kernel(triple)
    for dtype in ("f", "d", "f"):
        compiled(np.ones(3, dtype))
    assert len(list(folder.iterdir())) == 2


def test_changed_sources_are_compiled_anew(folder, monkeypatch):
    assert not came_from_cache()
    monkeypatch.setattr(cache, "_sources", lambda: b"other sources")
    assert not came_from_cache()
    assert came_from_cache()
    monkeypatch.undo()


def test_the_digest_covers_every_kernel_source(tmp_path, monkeypatch):
    copy = tmp_path / "kernels"
    shutil.copytree(Path(cache.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(cache, "__file__", str(copy / "compile.py"))
    sources = cache._sources.__wrapped__
    before = sources()
    assert sources() == before
    files = sorted(copy.glob("*.py"))
    assert {"simd.py", "product.py", "elementary.py", "compile.py"} <= {p.name for p in files}
    for path in files:
        text = path.read_bytes()
        path.write_bytes(text + b"\n")
        assert sources() != before, path.name
        path.write_bytes(text)
    (copy / "new.py").write_text("x = 1\n")
    assert sources() != before


def test_the_digest_covers_the_compiler(monkeypatch):
    sources = cache._sources.__wrapped__
    before = sources()
    for module in (cache.numba, cache.llvmlite):
        with monkeypatch.context() as patch:
            patch.setattr(module, "__version__", "0.0")
            assert sources() != before


@pytest.mark.parametrize(
    "harm",
    [
        lambda whole: b"",
        lambda whole: whole[:31],
        lambda whole: whole[:32],
        lambda whole: whole[:-1],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: os.urandom(len(whole)),
        lambda whole: whole[:100] + bytes([whole[100] ^ 1]) + whole[101:],
        lambda whole: whole + b"more",
    ],
    ids=["empty", "in digest", "digest", "last byte", "half", "garbage", "one bit", "longer"],
)
def test_a_damaged_file_is_compiled_anew_and_mended(folder, harm):
    assert not came_from_cache()
    path = only_file(folder)
    path.write_bytes(harm(path.read_bytes()))
    assert not came_from_cache()
    assert came_from_cache()
    assert only_file(folder) == path


def test_a_file_of_another_user_is_not_loaded(folder, monkeypatch):
    assert not came_from_cache()
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert not came_from_cache()


@pytest.mark.parametrize("obstacle", ["file instead of folder", "folder instead of file", "full"])
def test_a_cache_that_cannot_be_written_is_no_error(folder, obstacle, monkeypatch):
    if obstacle == "file instead of folder":
        folder.write_text("in the way")
    elif obstacle == "folder instead of file":
        came_from_cache()
        path = only_file(folder)
        path.unlink()
        path.mkdir()
    else:

        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", full)
    assert not came_from_cache()
    assert not came_from_cache()
    if folder.is_dir():
        assert not list(folder.glob(".new-*")), "a temporary file stayed"


def test_flush_removes_this_kernels_files(folder):
    came_from_cache()
    other = folder / "other.name-0.kernel"
    other.write_bytes(b"")
    cache.kernel(triple)._cache.flush()
    assert only_file(folder) == other
