"""Any model file: which estimator it holds, and that estimator."""

from __future__ import annotations

from os import PathLike
from typing import Any

from lexon import storage
from lexon.errors import ModelFileError
from lexon.tasks.classify import TextClassifier
from lexon.tasks.language import LanguageModel
from lexon.tasks.relation import RelationClassifier
from lexon.tasks.series import SeriesRegressor
from lexon.tasks.tabular import TabularClassifier, TabularRegressor
from lexon.tasks.tagger import SequenceTagger

#: The closed list of what a model file may hold.
ESTIMATORS: dict[str, Any] = {
    "text-classification": TextClassifier,
    "language-model": LanguageModel,
    "relation-classification": RelationClassifier,
    "tagging": SequenceTagger,
    "tabular-regression": TabularRegressor,
    "tabular-classification": TabularClassifier,
    "series-regression": SeriesRegressor,
}


def load(path: str | PathLike[str]) -> Any:
    """The estimator of a model file, from the closed list of those that lexon writes.

    Raises:
        ModelFileError: the file is damaged, or names a task that this lexon does not know.
    """
    stored = storage.read(path, "model")
    task = stored.content.get("task")
    if not isinstance(task, str) or task not in ESTIMATORS:
        raise ModelFileError(f"{path}: its task {task!r:.60} is unknown\n  upgrade lexon")
    return ESTIMATORS[task].from_stored(stored, path)
