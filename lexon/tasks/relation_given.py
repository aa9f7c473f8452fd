"""What a relation classifier is given, checked: marked texts, labels and settings."""

from __future__ import annotations

from typing import Any

from lexon.errors import InputError
from lexon.optim.checks import whole
from lexon.tasks.given import (
    check_choice,
    check_learning,
    check_lengths,
    check_windows,
    read_labels,
)
from lexon.tasks.relation_networks import POOLS
from lexon.text import MarkedText
from lexon.text.tokens import KINDS

LOSSES = ("ranking", "cross-entropy")
#: Layers on top of each other, far more than ever helped.
MOST_LAYERS = 50


def checked_marked(X: Any) -> list[MarkedText]:
    """Marked texts, or strings with the marks <e1>, </e1>, <e2>, </e2>, as marked texts.

    Raises:
        InputError: an item is neither, or its spans cannot be used; tells which item.
    """
    if isinstance(X, (str, MarkedText)):
        raise InputError("texts are a list of marked texts, this is one\n  give [text]")
    try:
        listed = list(X)
    except TypeError:
        raise InputError(f"texts are {X!r:.60}\n  give a list of marked texts") from None
    found = []
    for row, text in enumerate(listed):
        if not isinstance(text, (str, MarkedText)):
            kind = type(text).__name__
            raise InputError(
                f"text {row} is {kind}, neither a string nor a MarkedText"
                "\n  mark the spans in it: '<e1>He</e1> left <e2>Rome</e2>', or give"
                " MarkedText('He left Rome', (0, 2), (8, 12))"
            )
        try:
            found.append(MarkedText.parse(text) if isinstance(text, str) else text)
        except InputError as error:
            raise InputError(f"text {row}: {error}") from None
    return found


def checked_rows(X: Any, y: Any) -> tuple[list[MarkedText], list[str], str]:
    """Texts, the name of the one label of each, and what kind labels were.

    Raises:
        InputError: they cannot be used, or are not alike in number.
    """
    texts, (names, kind) = checked_marked(X), read_labels(y)
    check_lengths(texts, names)
    if any(isinstance(name, tuple) for name in names):
        raise InputError("labels are lists\n  give one relation a text")
    return texts, names, kind


def check_settings(model: Any) -> None:
    """Raise InputError for a parameter that makes no sense."""
    check_choice(model, "model", POOLS)
    if model.loss is not None:
        check_choice(model, "loss", LOSSES)
    check_choice(model, "tokens", KINDS)
    if model.pool is not None:
        check_choice(model, "pool", POOLS[model.model])
    least = dict.fromkeys(("filters", "hidden", "layers", "dimension", "max_distance"), 1)
    least |= {
        "min_count": 1,
        "epochs": 1,
        "batch_size": 1,
        "position_dimension": 0,
        "affix_dimension": 0,
    }
    may_lack = {"patience": 1, "max_vocabulary": 2, "context": 0}
    for name, smallest in (least | may_lack).items():
        if name in least or getattr(model, name) is not None:
            whole(model, name, getattr(model, name), smallest)
    if model.layers > MOST_LAYERS:
        raise InputError(f"layers is {model.layers}\n  give {MOST_LAYERS} or fewer")
    check_learning(model)
    if not isinstance(model.other, str):
        raise InputError(f"other is {model.other!r}\n  give the label of rows without a relation")
    check_windows(model.windows)
