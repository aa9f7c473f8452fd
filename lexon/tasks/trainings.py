"""What comparing networks and searching settings share: trainings, checked before the first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from lexon.tasks.classify import TextClassifier
from lexon.tasks.given import read_vectors
from lexon.tasks.networks import UNUSED
from lexon.train.loop import Training


class _Ready(Exception):
    """A training could begin now."""


def own_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without those that the network they name has no use for."""
    unused = TextClassifier(**settings).unused()
    return {name: value for name, value in settings.items() if name not in unused}


def vectors_of(settings: Mapping[str, Any], models: Collection[str]) -> dict[str, Any]:
    """The word vectors among the settings, read once for all trainings; empty without.

    Raises:
        InputError: their file cannot be read.
    """
    given = settings.get("vectors")
    if given is None or all("vectors" in UNUSED[model] for model in models):
        return {}
    return {"vectors": read_vectors(given)}


def check_training(
    settings: Mapping[str, Any], labels: Sequence[Any], valid: Sequence[Any] | None = None
) -> None:
    """Check that a network can be trained with these settings on rows of these labels.

    ``fit`` itself checks, on texts without words, and is stopped where training would begin.

    Raises:
        InputError: it cannot.
    """

    def stop(training: Training) -> None:
        raise _Ready

    held = None if valid is None else ([""] * len(valid), valid)
    with suppress(_Ready):
        TextClassifier(**settings).fit([""] * len(labels), labels, valid=held, checkpoint=stop)


def fit_whole(
    settings: Mapping[str, Any],
    texts: Sequence[str],
    labels: Sequence[Any],
    valid: tuple[Sequence[str], Sequence[Any]] | None = None,
) -> TextClassifier:
    """The network, trained to the end.

    Raises:
        KeyboardInterrupt: training was interrupted, also where ``fit`` keeps the best epoch so
            far: a network trained by half stands beside no others.
        InputError, NonFiniteError: as ``fit``.
    """
    model = TextClassifier(**settings).fit(texts, labels, valid=valid)
    if model.history_.stopped == "interrupted":
        raise KeyboardInterrupt
    return model
