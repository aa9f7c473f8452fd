"""Whole jobs as scikit-learn estimators: data in, trained network and honest scores out."""

from lexon.tasks.classify import TextClassifier
from lexon.tasks.language import LanguageModel
from lexon.tasks.models import load
from lexon.tasks.relation import RelationClassifier
from lexon.tasks.series import SeriesRegressor
from lexon.tasks.tabular import TabularClassifier, TabularRegressor
from lexon.tasks.tagger import SequenceTagger

__all__ = [
    "LanguageModel",
    "RelationClassifier",
    "SequenceTagger",
    "SeriesRegressor",
    "TabularClassifier",
    "TabularRegressor",
    "TextClassifier",
    "load",
]
