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
        """Train on texts and their labels.

        Raises:
            ValueError: there are no words at all, or one class only.
        """
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

    def predict(self, texts: Sequence[str]) -> list[Any]:
        """The label of each text, or a tuple of labels."""
        names, decided = self.labels.names, self._decide(self.features.transform(texts))
        if self.labels.multi_label:
            return [tuple(names[place] for place in np.flatnonzero(row)) for row in decided]
        return self.labels.decode(decided)

    def evaluate(self, texts: Sequence[str], names: Sequence[Any], part: str) -> Evaluation:
        """All scores on texts with known labels."""
        matrix = self.features.transform(texts)
        truth, predicted = self.labels.encode(names), self._decide(matrix)
        margin = np.asarray(self.machine.decision_function(matrix))
        confidence = margin if margin.ndim == 2 else np.abs(margin)[:, None]
        return evaluate_classes(part, texts, truth, confidence, self.labels.names, predicted)

    def _decide(self, matrix: Any) -> Array:
        """Class numbers (N), or zeros and ones (N, C)."""
        predicted = np.asarray(self.machine.predict(matrix))
        if not self.labels.multi_label:
            return predicted
        decided = np.zeros((matrix.shape[0], len(self.labels)), np.float32)
        decided[:, self.columns] = predicted.reshape(matrix.shape[0], -1)
        return decided
