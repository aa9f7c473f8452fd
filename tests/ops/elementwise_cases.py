"""Cases of lexon/ops/elementwise.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import Case, normal, positive


def functional(name: str, **options: Any) -> Any:
    """The function of that name in torch.nn.functional, or else in torch."""

    def reference(*xs: Any) -> Any:
        import torch

        found = getattr(torch.nn.functional, name, None) or getattr(torch, name)
        return found(*xs, **options)

    return reference


TWO = [
    ("same", normal(1, 4, 3), positive(2, 4, 3)),
    ("row", normal(3, 4, 3), positive(4, 3)),
    ("column", normal(5, 4, 1), positive(6, 4, 3)),
    ("outer", normal(7, 4, 1), positive(8, 1, 3)),
    ("number", normal(9), positive(10, 2, 3)),
    ("empty", normal(11, 0, 3), positive(12, 3)),
]
BINARY = {
    "add": "add",
    "subtract": "subtract",
    "multiply": "multiply",
    "divide": "divide",
    "maximum": "maximum",
    "minimum": "minimum",
}
ONE: list[tuple[str, dict[str, Any], Any]] = [
    ("negative", {}, functional("negative")),
    ("exp", {}, functional("exp")),
    ("absolute", {}, functional("abs")),
    ("erf", {}, functional("erf")),
    ("tanh", {}, functional("tanh")),
    ("sigmoid", {}, functional("sigmoid")),
    ("relu", {}, functional("relu")),
    ("leaky_relu", {}, functional("leaky_relu")),
    ("leaky_relu", {"slope": 0.3}, functional("leaky_relu", negative_slope=0.3)),
    ("elu", {}, functional("elu")),
    ("elu", {"alpha": 0.7}, functional("elu", alpha=0.7)),
    ("softplus", {}, functional("softplus")),
    ("gelu", {}, functional("gelu")),
    ("silu", {}, functional("silu")),
    ("clip", {"low": -0.5, "high": 0.8}, functional("clamp", min=-0.5, max=0.8)),
    ("clip", {"high": 0.1}, functional("clamp", max=0.1)),
    ("clip", {"low": 0.1}, functional("clamp", min=0.1)),
    ("power", {"exponent": 2}, lambda x: x**2),
    ("power", {"exponent": 3.0}, lambda x: x**3),
]
POSITIVE: list[tuple[str, dict[str, Any], Any]] = [
    ("log", {}, functional("log")),
    ("sqrt", {}, functional("sqrt")),
    ("power", {"exponent": -1.5}, lambda x: x**-1.5),
    ("power", {"exponent": 0.5}, lambda x: x**0.5),
]


def named(options: dict[str, Any]) -> str:
    return "-".join(f"{key}={value}" for key, value in options.items())


def _dropout(shape: tuple[int, ...], rate: float, label: str) -> Case:
    fresh = lambda: {"rng": np.random.default_rng(3)}  # noqa: E731
    return Case("dropout", (normal(13, *shape),), {"rate": rate}, label, fresh=fresh)


CHOICE = np.random.default_rng(14).random((4, 3)) < 0.5
CHOICE[0] = True, False, True

CASES = [
    *(
        Case(name, (a, b), label=label, reference=functional(peer))
        for name, peer in BINARY.items()
        for label, a, b in TWO
    ),
    *(
        Case(
            name,
            (np.asarray(normal(15, *shape) * 2),),
            options,
            f"{named(options)}{shape}",
            reference,
        )
        for name, options, reference in ONE
        for shape in ((5, 4), (), (0, 3))
    ),
    *(
        Case(name, (positive(16, *shape),), options, f"{named(options)}{shape}", reference)
        for name, options, reference in POSITIVE
        for shape in ((5, 4), (), (0, 3))
    ),
    *(
        Case("where", (a, b), {"condition": CHOICE[: len(a) if a.ndim else 1]}, label)
        for label, a, b in TWO
        if label in ("same", "row", "column", "outer", "empty")
    ),
    Case("where", (normal(17), normal(18, 3)), {"condition": CHOICE}, "condition-widens"),
    _dropout((6, 5), 0.4, "some"),
    _dropout((6, 5), 0.0, "none"),
    _dropout((0, 5), 0.4, "empty"),
]
