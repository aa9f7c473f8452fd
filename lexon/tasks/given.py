"""What a text classifier is given, checked: texts, labels and settings."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from numbers import Real
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError
from lexon.optim.checks import fraction, not_negative, positive, whole
from lexon.tasks.common import SCHEDULES
from lexon.tasks.networks import NETWORKS, POOLS
from lexon.text import Labels
from lexon.text.tokens import KINDS
from lexon.vectors import KeyedVectors, open_vectors

Array = npt.NDArray[Any]

#: What labels were before they became names, and what makes them that again.
KINDS_OF_LABEL: dict[str, Any] = {
    "text": str,
    "whole": int,
    "number": float,
    "truth": {"True": True, "False": False}.__getitem__,
}
_MANY = (list, tuple, set, frozenset)
#: Longer n-grams cost far more than they tell.
LONGEST_WINDOW, LONGEST_RUN = 100, 10


def checked_texts(X: Any) -> list[str]:
    """The texts as a list of strings.

    Raises:
        InputError: it is one string, a table, or an item is not a string; tells which.
    """
    if isinstance(X, str):
        raise InputError("texts are a list of strings, this is one string\n  give [text]")
    if getattr(X, "ndim", 1) != 1 or isinstance(X, dict):
        shape = getattr(X, "shape", "named columns")
        raise InputError(f"texts are a list of strings, this is {shape}\n  give its text column")
    texts = _listed("texts", X)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"text {row} is {type(text).__name__}, not a string: {text!r:.60}")
    return texts


def check_lengths(texts: Sequence[Any], names: Sequence[Any]) -> None:
    """Raise InputError if there are more texts than labels, or fewer."""
    if len(texts) != len(names):
        raise InputError(f"there are {len(texts):,} texts, but {len(names):,} labels")


def _listed(what: str, given: Any) -> list[Any]:
    try:
        listed = list(given.tolist() if isinstance(given, np.ndarray) else given)
    except TypeError:
        raise InputError(f"{what} are {given!r:.60}\n  give a list") from None
    return [item.item() if isinstance(item, np.generic) else item for item in listed]


def read_labels(y: Any) -> tuple[list[Any], str]:
    """Labels as names, or as tuples of names, and what kind they were (:data:`KINDS_OF_LABEL`).

    Raises:
        InputError: some have one label and others a list, one is missing, or they are
            measurements.
    """
    if isinstance(y, str) or getattr(y, "ndim", 1) != 1:
        shape = getattr(y, "shape", "one string")
        raise InputError(f"labels are {shape}\n  give one label a text, or a list of labels each")
    listed = _listed("labels", y)
    many = [isinstance(labels, _MANY) for labels in listed]
    if any(many):
        if not all(many):
            row = many.index(False)
            raise InputError(
                f"some texts have a list of labels, row {row} has {listed[row]!r:.60}"
                "\n  give all a list, or none"
            )
        rows = [_listed("labels", labels) for labels in listed]
        kind = _kind([label for row in rows for label in row])
        return [tuple(sorted({_name(label) for label in row})) for row in rows], kind
    kind = _kind(listed)
    return [_name(label) for label in listed], kind


def _kind(labels: Sequence[Any]) -> str:
    missing = [row for row, label in enumerate(labels) if label is None or label != label]
    if missing:
        raise InputError(
            f"label {missing[0]} is missing ({len(missing):,} in all)\n  leave these rows out"
        )
    types = {type(label) for label in labels}
    if float in types and types <= {int, float}:
        for row, label in enumerate(labels):
            if not float(label).is_integer():
                raise InputError(
                    f"label {row} is {label}, a measurement\n  give classes, or train a regression"
                )
        return "number"
    kinds = {int: "whole", bool: "truth"}
    return kinds.get(types.pop(), "text") if len(types) == 1 else "text"


def _name(label: Any) -> str:
    """A label's name; 1 and 1.0 are both called 1."""
    return str(int(label) if isinstance(label, float) and label.is_integer() else label)


def as_given(labels: Labels, kind: str) -> Array:
    """The classes as they were before they became names (C)."""
    return np.array([KINDS_OF_LABEL[kind](name) for name in labels.names])


def read_vectors(given: Any) -> KeyedVectors | None:
    """Word vectors given as such, by the path of their file, or not at all.

    Raises:
        InputError: the file cannot be read, or this is something else.
    """
    if given is None or isinstance(given, KeyedVectors):
        return given
    if not isinstance(given, (str, PathLike)):
        raise InputError(
            f"vectors is a {type(given).__name__}\n  give KeyedVectors, or the path of a file"
        )
    return open_vectors(given)


def class_weights(given: Any, labels: Labels, targets: Array) -> Array | None:
    """The weight of each class (C), or None.

    Equations: "balanced" is N / (C n_c), n_c rows of N in class c, as scikit-learn has it.

    Raises:
        InputError: a label is named that no row has, or no label weighs anything.
    """
    if given is None:
        return None
    if given == "balanced":
        several = targets.ndim == 2
        rows = targets.sum(0) if several else np.bincount(targets, minlength=len(labels))
        return (len(targets) / (len(labels) * np.maximum(rows, 1))).astype(np.float32)
    named = {_name(label): weight for label, weight in given.items()}
    unknown = sorted(named.keys() - set(labels.names))
    if unknown:
        raise InputError(
            f"class_weight names {', '.join(unknown)}, which no row has\n"
            f"  the labels are {', '.join(labels.names)}"
        )
    weights = np.array([named.get(name, 1.0) for name in labels.names], np.float32)
    if not weights.any():
        raise InputError("class_weight is 0 for every label\n  give one of them more")
    return weights


def check_settings(model: Any) -> None:
    """Raise InputError for a parameter that makes no sense."""
    check_choice(model, "model", NETWORKS)
    check_choice(model, "output", ("softmax", "sigmoid"))
    check_choice(model, "tokens", KINDS)
    check_choice(model, "pool", POOLS)
    check_choice(model, "schedule", SCHEDULES)
    for name in ("filters", "dimension", "layers", "min_count", "epochs", "batch_size"):
        whole(model, name, getattr(model, name), 1)
    may_lack = {"hidden": 1, "patience": 1, "word_ngrams": 1, "max_vocabulary": 2}
    for name, least in may_lack.items():
        if getattr(model, name) is not None:
            whole(model, name, getattr(model, name), least)
    check_learning(model)
    fraction(model, "word_dropout", model.word_dropout)
    if model.max_norm is not None:
        positive(model, "max_norm", model.max_norm)
    if not (isinstance(model.threshold, Real) and 0 < float(model.threshold) <= 1):
        raise InputError(f"threshold is {model.threshold!r}\n  give a probability above 0")
    if model.word_ngrams is not None and model.word_ngrams > LONGEST_RUN:
        raise InputError(f"word_ngrams is {model.word_ngrams}\n  give {LONGEST_RUN} or less")
    if model.vectors is not None and model.model == "linear":
        raise InputError("a linear model has no word vectors\n  choose mlp or cnn")
    if model.static and model.vectors is None:
        raise InputError("static word vectors must be given: vectors=... (--vectors FILE)")
    check_windows(model.windows)
    _check_class_weight(model.class_weight)


def check_learning(model: Any) -> None:
    """Raise InputError for what makes no sense of that which all text estimators have."""
    for name in ("dropout", "validation_fraction"):
        fraction(model, name, getattr(model, name))
    if model.clip is not None:
        positive(model, "clip", model.clip)
    if model.learning_rate is not None:
        not_negative(model, "learning_rate", model.learning_rate)
    if whole(model, "seed", model.seed, 0) >= 2**32:
        raise InputError(f"seed is {model.seed}\n  give a whole number below 2**32")


def check_choice(model: Any, name: str, known: Any) -> None:
    """Raise InputError for a parameter that is none of the names `known`."""
    given = getattr(model, name)
    if not isinstance(given, str) or given not in known:
        near = difflib.get_close_matches(str(given).lower(), known, n=1)
        guess = f"did you mean {near[0]!r}?" if near else "choose one of these"
        raise InputError(f"{name} is {given!r}, none of {', '.join(known)}\n  {guess}")


def check_windows(windows: Any) -> None:
    """Raise InputError for n-gram sizes that make no sense."""
    given = isinstance(windows, (Sequence, np.ndarray)) and not isinstance(windows, str)
    sizes = list(windows) if given else []
    for size in sizes:
        if whole("windows", "an n-gram size", size, 1) > LONGEST_WINDOW:
            raise InputError(f"windows holds {size}\n  give n-gram sizes up to {LONGEST_WINDOW}")
    if not sizes or len(set(sizes)) < len(sizes):
        raise InputError(f"windows is {windows!r}\n  give n-gram sizes, each once: (3, 4, 5)")


def _check_class_weight(given: Any) -> None:
    if given is None or (isinstance(given, str) and given == "balanced"):
        return
    if not isinstance(given, dict):
        raise InputError(
            f'class_weight is {given!r}\n  give None, "balanced", or {{label: weight, ...}}'
        )
    for label, weight in given.items():
        if not (isinstance(weight, Real) and 0 <= float(weight) < math.inf):
            raise InputError(
                f"class_weight of {label!r} is {weight!r}\n  give 0 or a number above it"
            )
