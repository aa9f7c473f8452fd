"""The simple rival: a linear classifier on TF-IDF of n-grams, trained beside every network."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.tasks.evaluation import Evaluation, evaluate_classes
from lexon.text import Labels

Array = npt.NDArray[Any]


class LinearBaseline:
    """scikit-learn's TF-IDF (sublinear) and a linear support vector machine, one against the rest.

    N-grams are of one and two tokens; of one to three where tokens are characters.
    """

    def __init__(self, tokenize: Callable[[str], list[str]], characters: bool, seed: int) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.longest = 3 if characters else 2
        self.seed = seed
        self.features = TfidfVectorizer(
            tokenizer=tokenize,
            token_pattern=None,
            lowercase=False,
            ngram_range=(1, self.longest),
            sublinear_tf=True,
            dtype=np.float32,
        )

    @property
    def name(self) -> str:
        return f"linear baseline (TF-IDF of 1- to {self.longest}-grams, linear SVM)"

    def fit(self, texts: Sequence[str], labels: Labels, names: Sequence[Any]) -> LinearBaseline:
        """Train on texts and their labels."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.multiclass import OneVsRestClassifier
        from sklearn.svm import LinearSVC

        self.labels = labels
        machine = LinearSVC(random_state=self.seed)
        self.machine = OneVsRestClassifier(machine) if labels.multi_label else machine
        targets = labels.encode(names)
        if labels.multi_label:  # a label that no row here has cannot be learned
            self.columns = np.flatnonzero(targets.any(axis=0) & ~targets.all(axis=0))
            targets = targets[:, self.columns].astype(np.int64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a rival that is nearly there
            self.machine.fit(self.features.fit_transform(texts), targets)
        return self

    def evaluate(self, texts: Sequence[str], names: Sequence[Any], part: str) -> Evaluation:
        """All scores on texts with known labels."""
        matrix = self.features.transform(texts)
        truth, margin = (
            self.labels.encode(names),
            np.asarray(self.machine.decision_function(matrix)),
        )
        predicted = np.asarray(self.machine.predict(matrix))
        if self.labels.multi_label:
            decided = np.zeros_like(truth)
            decided[:, self.columns] = predicted.reshape(len(texts), -1)
            predicted = decided
        confidence = margin if margin.ndim == 2 else np.abs(margin)[:, None]
        return evaluate_classes(part, texts, truth, confidence, self.labels.names, predicted)
