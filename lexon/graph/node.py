"""One application of one operation, and the module it happened in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from lexon.graph.rows import RowGradient
from lexon.graph.tensor import Array, Gradient, Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What ``pull`` gives for one input: a gradient, a promise of one, or None (no gradient exists).
Downstream: TypeAlias = "Gradient | Callable[[], Gradient] | None"
#: Upstream gradients in, one per output; a Downstream per input out.
Pull: TypeAlias = Callable[..., Any]


class Place(Protocol):
    """What a module must offer so that nodes and errors can name it."""

    def named_children(self) -> Iterator[tuple[str, Any]]: ...


class Local:
    """The way back of an elementwise operation: downstream = upstream * local gradient.

    Holds one function per input that gives the local gradient dy/dx, element by element.
    """

    __slots__ = ("derivatives",)

    def __init__(self, *derivatives: Callable[[], Any]) -> None:
        self.derivatives = derivatives

    def __call__(self, upstream: Array) -> tuple[Downstream, ...]:
        return tuple(_times(upstream, derivative) for derivative in self.derivatives)


def _times(upstream: Array, derivative: Callable[[], Any]) -> Callable[[], Array]:
    def promise() -> Array:
        product: Array = upstream * derivative()
        return product

    return promise


class Node:
    """One application of one operation: its inputs, its values and the way back.

    After ``backward(keep=...)`` it also holds, per edge, what the walk saw: ``upstream`` one entry
    per output, ``local`` and ``downstream`` one per input (arrays, or norms for ``keep="norms"``).
    """

    __slots__ = (
        "downstream",
        "frame",
        "freed",
        "inputs",
        "local",
        "operation",
        "options",
        "pull",
        "scope",
        "signature",
        "upstream",
        "values",
    )

    def __init__(
        self,
        operation: str,
        signature: str,
        inputs: tuple[Tensor, ...],
        values: tuple[Array, ...],
        pull: Pull,
        options: dict[str, Any],
    ) -> None:
        self.operation = operation
        self.signature = signature
        self.inputs = inputs
        self.values = values
        self.pull: Pull | None = pull
        self.options = options
        self.scope: tuple[Place, ...] = tuple(module for module, _ in scope())
        self.frame = _caller()
        self.freed = False
        self.upstream: tuple[Any, ...] = ()
        self.local: tuple[Any, ...] = ()
        self.downstream: tuple[Any, ...] = ()

    @property
    def line(self) -> str:
        """Where in the user's program the operation was applied: ``file.py:12``."""
        return f"{Path(self.frame[0]).name}:{self.frame[1]}"

    @property
    def path(self) -> str:
        """The module it was applied in, such as ``encoder.project``; empty outside modules."""
        return module_path(self.scope)

    def free(self) -> None:
        """Let go of inputs, values and the way back."""
        self.inputs, self.values, self.pull, self.freed = (), (), None, True


_OWN_FILES = str(Path(__file__).resolve().parents[1]) + "/"


def _caller() -> tuple[str, int]:
    """File and line of the innermost frame outside this package (else of the outermost)."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OWN_FILES):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


class _State(local):
    """Per thread: which modules are running, and whether operations are recorded."""

    def __init__(self) -> None:
        self.scope: list[tuple[Place, tuple[Any, ...]]] = []
        self.recording = True


_state = _State()


def scope() -> list[tuple[Place, tuple[Any, ...]]]:
    """The modules now running, outermost first, each with what it was given."""
    return _state.scope


class inside:
    """Everything applied within belongs to ``module``."""

    __slots__ = ("entry",)

    def __init__(self, module: Place, given: tuple[Any, ...]) -> None:
        self.entry = (module, given)

    def __enter__(self) -> None:
        _state.scope.append(self.entry)

    def __exit__(self, *error: object) -> None:
        _state.scope.pop()


def module_path(modules: Sequence[Place]) -> str:
    """Names of the modules from the outermost's children down, joined by dots."""
    names = []
    for outer, inner in pairwise(modules):
        names += [name for name, child in outer.named_children() if child is inner][:1] or ["?"]
    return ".".join(names)


def recording() -> bool:
    """Whether operations are recorded in this thread."""
    return _state.recording


@contextmanager
def no_grad() -> Iterator[None]:
    """Within, operations compute values only: nothing is recorded.

    >>> import lexon
    >>> with lexon.no_grad():
    ...     (lexon.Tensor(2.0) * 3.0).node is None
    True
    """
    before, _state.recording = _state.recording, False
    try:
        yield
    finally:
        _state.recording = before


def norm(gradient: Gradient | None) -> float:
    """Euclidean norm of a gradient (0 for none)."""
    if gradient is None:
        return 0.0
    values = gradient.values if isinstance(gradient, RowGradient) else gradient
    return float(np.linalg.norm(np.asarray(values, np.float64).ravel()))
