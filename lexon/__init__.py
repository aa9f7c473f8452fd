"""lexon: neural networks for text, from one neuron up, open to look into.

The names below are loaded when they are first used, so that ``import lexon`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lexon import graph, nn, ops, optim, tasks, text
    from lexon.graph import Tensor, gradcheck, jacobian, jvp, look, no_grad, vjp
    from lexon.parallel import threads

__version__ = "0.1.0"

#: Where each public name lives; None: a package of its own.
_HOMES = {
    "Tensor": "lexon.graph",
    "gradcheck": "lexon.graph",
    "graph": None,
    "jacobian": "lexon.graph",
    "jvp": "lexon.graph",
    "look": "lexon.graph",
    "nn": None,
    "no_grad": "lexon.graph",
    "ops": None,
    "optim": None,
    "tasks": None,
    "text": None,
    "threads": "lexon.parallel",
    "vjp": "lexon.graph",
}

__all__ = [
    "Tensor",
    "gradcheck",
    "graph",
    "jacobian",
    "jvp",
    "look",
    "nn",
    "no_grad",
    "ops",
    "optim",
    "tasks",
    "text",
    "threads",
    "vjp",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lexon' has no attribute {name!r}")
    home = _HOMES[name]
    if home == "lexon.graph":
        import_module("lexon.ops")  # a tensor without operations would be an array
    value = import_module(f"lexon.{name}") if home is None else _find(home, name)
    globals()[name] = value
    return value


def _find(home: str, name: str) -> Any:
    module = import_module(home)
    return getattr(module, name, None) or import_module(f"{home}.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
