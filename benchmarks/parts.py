"""Where the time of lexon's steps goes, by the kernels that its operations call."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from typing import Any
from unittest import mock

#: Parts of a step: the functions that do them, by the modules that call them.
PARTS: dict[str, dict[str, tuple[str, ...]]] = {
    "products": {"lexon.ops.recurrent": ("product",), "lexon.ops.loss": ("product",)},
    "walks through time": {
        "lexon.ops.recurrent": tuple(
            f"{kind}_{way}" for kind in ("rnn", "gru", "lstm") for way in ("forward", "backward")
        )
    },
    "gradients of weights": {
        "lexon.ops.recurrent": ("sums_over_rows",),
        "lexon.ops.loss": ("sums_over_rows",),
    },
    "packing": {
        "lexon.ops.recurrent": ("pack", "pack_gates", "pack_strips"),
        "lexon.kernels.recurrent": ("pack_before",),
        "lexon.ops.loss": ("pack_strips",),
    },
    "softmax": {"lexon.ops.loss": ("softmax_gradient",)},
    "clipping and update": {"lexon.optim": ("clip_norm",), "benchmarks.language": ("update",)},
}
REST = "the rest"
#: Steps that are measured.
TIMES = 30


def measured(step: Callable[[], object], times: int = TIMES) -> dict[str, float]:
    """Seconds of each part of a step, of which there is any, and of the rest."""
    seconds: dict[str, float] = defaultdict(float)

    def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*given, **options)
            finally:
                seconds[part] += (time.perf_counter() - began) / times

        return call

    with ExitStack() as stack:
        for part, places in PARTS.items():
            for name, functions in places.items():
                module = import_module(name)
                for function in functions:
                    wrapped = timed(part, getattr(module, function))
                    stack.enter_context(mock.patch.object(module, function, wrapped))
        step()
        seconds.clear()
        began = time.perf_counter()
        for _ in range(times):
            step()
        whole = (time.perf_counter() - began) / times
    return {**seconds, REST: whole - sum(seconds.values())}


def note(name: str, step: Callable[[], object], times: int = TIMES) -> str:
    """The parts of a step as a line for the page, the largest first."""
    parts = measured(step, times)
    rest = parts.pop(REST)
    listed = sorted(parts.items(), key=lambda part: -part[1])
    told = (f"{part} {1e3 * seconds:.2f} ms" for part, seconds in [*listed, (REST, rest)])
    return f"lexon, {name}: {', '.join(told)}"
