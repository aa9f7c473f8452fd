"""Whole jobs as scikit-learn estimators: data in, trained network and honest scores out."""

from lexon.tasks.classify import TextClassifier
from lexon.tasks.models import load
from lexon.tasks.relation import RelationClassifier
from lexon.tasks.tabular import TabularClassifier, TabularRegressor

__all__ = ["RelationClassifier", "TabularClassifier", "TabularRegressor", "TextClassifier", "load"]
