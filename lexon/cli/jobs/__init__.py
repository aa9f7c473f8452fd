"""The jobs of ``lexon train``, ``predict`` and ``evaluate``: one module for each.

Every module offers ``train(file, path, options)``, ``predict(model, inputs, options)`` and
``evaluate(model, file, options)``; it is imported when its job is done.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lexon.errors import InputError

#: Each job, and the tasks of the model files that it makes.
JOBS = {
    "text": ("text-classification",),
    "tag": ("tagging",),
    "table": ("tabular-regression", "tabular-classification"),
    "series": ("series-regression",),
    "relation": ("relation-classification",),
}


def job(name: str) -> Any:
    """The module of a job."""
    return import_module(f"{__name__}.{name}")


def job_of(model: Any) -> Any:
    """The module of the job that a trained model does."""
    for name, tasks in JOBS.items():
        if model.task in tasks:
            return job(name)
    raise InputError(f"this is a {model.task}\n  use lexon lm generate or lexon lm evaluate")
