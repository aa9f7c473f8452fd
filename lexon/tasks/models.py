"""Any model file: which estimator it holds, and that estimator."""

from __future__ import annotations

from os import PathLike
from typing import Any

from lexon import storage
from lexon.errors import ModelFileError
from lexon.tasks.classify import TextClassifier

__all__ = ["TextClassifier", "load"]


def load(path: str | PathLike[str]) -> Any:
    """The estimator of a model file, from the closed list of those that lexon writes.

    Raises:
        ModelFileError: the file is damaged, or names a task that this lexon does not know.
    """
    stored = storage.read(path, "model")
    task = stored.content.get("task")
    if task == "text-classification":
        return TextClassifier.from_stored(stored, path)
    raise ModelFileError(f"{path}: its task {task!r} is not known to this lexon\n  upgrade lexon")
