"""Whole jobs as scikit-learn estimators: data in, trained network and honest scores out."""

from lexon.tasks.classify import TextClassifier

__all__ = ["TextClassifier"]
