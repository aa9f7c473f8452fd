"""How kernels are compiled, and where compiled code is kept.

``@kernel`` compiles a function on plain arrays for the processor it runs on, at its first call
with each type of arguments. The machine code is kept in the user's cache folder, one file per
function and types, under a name that hashes *every* kernel source, the compiler's version and
the processor. So a changed callee in another file never leaves a stale caller behind, and
processes that meet a cold cache together write equal files, each renamed into place whole.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core.caching import CompileResultCacheImpl, _Cache
from numba.core.serialize import dumps

Function = Callable[..., Any]

#: Rounding a product and a sum once (``contract``) keeps a result independent of its place in
#: the array; the rest of "fast math" does not, and is not used.
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}


def kernel(function: Function, body: Function | None = None) -> Function:
    """Compile ``function`` at first use, or take it from the cache, as that of its ``body``."""
    compiled: Any = numba.njit(**OPTIONS)(function)
    compiled._cache = _KernelCache(body or function)
    return compiled


def inlined(function: Function) -> Function:
    """Compile ``function`` as a part of the kernels that call it."""
    compiled: Any = numba.njit(**OPTIONS)(function)
    return compiled


def cache_folder() -> Path:
    """Where compiled kernels are kept: ``LEXON_CACHE``, or the user's own cache folder."""
    named = os.environ.get("LEXON_CACHE")
    if named:
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("lexon") / "kernels"


@cache
def _sources() -> bytes:
    """Digest of everything that compiled code depends on besides types and processor."""
    digest = hashlib.sha256(f"{sys.version}{numba.__version__}{llvmlite.__version__}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.digest()


class _KernelCache(_Cache):
    """Numba's cache interface over one file per function and types."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.name = f"{function.__module__}.{function.__qualname__}"
        self.source = Path(function.__code__.co_filename)
        self.enabled = True
        # Numba's own (de)serialisers of compiled functions; they need no state of theirs.
        self._implementation = object.__new__(CompileResultCacheImpl)

    @property
    def cache_path(self) -> str:
        return str(cache_folder())

    def enable(self) -> None:
        self.enabled = True

    def disable(self) -> None:
        self.enabled = False

    def flush(self) -> None:
        for path in cache_folder().glob(f"{self.name}-*.kernel"):
            path.unlink(missing_ok=True)

    def _path(self, types: Any, codegen: Any) -> Path:
        elsewhere = self.source.parent != Path(__file__).parent
        own = self.source.read_bytes() if elsewhere and self.source.exists() else b""
        key = hashlib.sha256(_sources() + own + repr((types, codegen.magic_tuple())).encode())
        return cache_folder() / f"{self.name}-{key.hexdigest()[:32]}.kernel"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        if not self.enabled:
            return None
        target_context.refresh()
        path = self._path(sig, target_context.codegen())
        try:
            if not _own(path):
                return None
            stored = path.read_bytes()
        except OSError:
            return None
        digest, payload = stored[:32], stored[32:]
        if hashlib.sha256(payload).digest() != digest:
            return None
        return self._implementation.rebuild(target_context, pickle.loads(payload))

    def save_overload(self, sig: Any, data: Any) -> None:
        if not (self.enabled and self._implementation.check_cachable(data)):
            return
        payload = dumps(self._implementation.reduce(data))
        # A cache that cannot be written is a slower start, not an error.
        with suppress(OSError):
            _write_whole(self._path(sig, data.codegen), hashlib.sha256(payload).digest() + payload)


def _own(path: Path) -> bool:
    """Compiled code of another user is not loaded."""
    return not hasattr(os, "getuid") or path.stat().st_uid == os.getuid()


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
