"""Whole jobs as scikit-learn estimators: data in, trained network and honest scores out."""

from lexon.tasks.classify import TextClassifier
from lexon.tasks.models import load
from lexon.tasks.tabular import TabularClassifier, TabularRegressor
from lexon.tasks.tagger import SequenceTagger

__all__ = [
    "SequenceTagger",
    "TabularClassifier",
    "TabularRegressor",
    "TextClassifier",
    "load",
]
