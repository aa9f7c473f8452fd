"""Tables into numbers or classes, as scikit-learn estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, RegressorMixin

from lexon import ops
from lexon.graph.tensor import Tensor
from lexon.tasks.columns import Sheet, describe
from lexon.tasks.evaluation import Evaluation, evaluate_classes, evaluate_numbers
from lexon.tasks.table_model import TableModel
from lexon.tasks.targets import Classes, Numbers, read_labels, read_target
from lexon.text import stratified_holdout

Array = npt.NDArray[Any]


class TabularRegressor(RegressorMixin, TableModel):  # type: ignore[misc]
    """A network that predicts a number from the other columns of a table.

    ``fit(X, y)`` takes a two-dimensional array of numbers, or named columns: a mapping from names
    to cells, a :class:`lexon.text.Table`, a data frame. A column of numbers is standardised and
    cut into pieces at its quantiles; blanks are imputed. A column of anything else is categorical:
    one input for each of its levels. Encoder, mean and deviation of the target come from the
    training part alone, the best epoch on the held-out part is kept. Where there are too few rows
    to hold out ten, all train and the last epoch is kept.

    Parameters:
        model: "mlp" (hidden layers with ReLU and dropout) or "linear" (none).
        hidden: widths of the hidden layers.
        dropout: probability to drop a hidden neuron's output in training.
        bins: at most so many pieces of each column of numbers; 0 for the standardised value only.
        optimizer, learning_rate: by name; None is the optimizer's usual rate (0.005 for Adam in a
            linear model). The rate falls to 0 along half a cosine.
        epochs, batch_size, patience: passes; rows a step (None is a 32nd of the rows that train,
            from 8 to 128); epochs without gain before it stops.
        clip: largest norm of the gradient, or None.
        validation_fraction: share of the rows held out when ``fit`` gets no ``valid``; 0 for none.
        drop_index: leave out columns that only number the rows of a table; ``notes_`` tells which.
        seed: of the split, the first weights, the order, and dropout.

    Attributes after ``fit``: history_, network_, encoder_, notes_, held_out_ (the rows held out,
    or None), n_features_in_, feature_names_in_ (of a table).

    Raises:
        InputError: X, y or a parameter cannot be used.
        NonFiniteError: training diverged.

    Source: Gorishniy, Rubachev, Babenko, On embeddings for numerical features in tabular deep
    learning (2022), for the pieces.

    >>> from lexon.tasks import TabularRegressor
    >>> table = {"size": [float(n % 10) for n in range(200)], "garden": ["yes", "no"] * 100}
    >>> price = [3 * size + (garden == "yes") for size, garden in zip(*table.values())]
    >>> model = TabularRegressor(seed=1).fit(table, price)
    >>> model.predict({"size": [2, 7], "garden": ["yes", "no"]}).round().tolist()
    [7.0, 21.0]
    """

    _task = "tabular-regression"
    _measure = "R2"
    _kind_of_target = Numbers
    target_: Numbers

    def predict(self, X: Any) -> Array:
        """The predicted number of each row (N); a row's does not depend on the others."""
        outputs = self._outputs(self._sheet(X))
        return self.target_.decode(outputs)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of the target's variance that is explained (R2)."""
        return float(super().score(X, read_target(y), sample_weight))

    def evaluate(self, X: Any, y: Any, part: str = "test") -> Evaluation:
        """All scores on rows with known targets."""
        sheet = self._sheet(X)
        truth = self._checked_target(y, len(sheet))
        predicted = self.target_.decode(self._outputs(sheet))
        return evaluate_numbers(part, describe(sheet, self.encoder_.kinds), truth, predicted)

    def _read_target(self, y: Any) -> Array:
        return read_target(y)

    def _hold_out(self, truth: Array) -> tuple[Array, Array]:
        order = np.random.default_rng(self.seed).permutation(len(truth))
        held = round(self.validation_fraction * len(truth))
        return np.sort(order[held:]), np.sort(order[:held])

    def _loss(self, outputs: Tensor, targets: Array) -> Tensor:
        return ops.squared_error(outputs, targets=targets)

    def _score(self, outputs: Array, targets: Array) -> float:
        """R2; against the training rows' mean (0) where the targets are all alike."""
        wide = targets.astype(np.float64)
        around = wide - wide.mean() if np.ptp(wide) > 0 else wide
        missed = ((outputs - wide) ** 2).sum()
        return float(1 - missed / max(float((around**2).sum()), 1e-30))


class TabularClassifier(ClassifierMixin, TableModel):  # type: ignore[misc]
    """A network that tells which class a row of a table belongs to.

    As :class:`TabularRegressor` in all but the target: ``y`` holds labels, of text or of whole
    numbers; what is held out keeps the share of every class.

    Attributes after ``fit``: also classes_.

    >>> from lexon.tasks import TabularClassifier
    >>> table = {"size": [float(n % 10) for n in range(200)]}
    >>> names = ["small" if size < 5 else "big" for size in table["size"]]
    >>> model = TabularClassifier(seed=1).fit(table, names)
    >>> model.predict({"size": [2, 7]}).tolist()
    ['small', 'big']
    """

    _task = "tabular-classification"
    _measure = "accuracy"
    _kind_of_target = Classes
    target_: Classes

    @property
    def classes_(self) -> Array:
        """The labels, in the order of the columns of ``predict_proba``."""
        if not hasattr(self, "target_"):
            raise AttributeError("classes_ is known after fit")
        names: Array = self.target_.names
        return names

    def predict_proba(self, X: Any) -> Array:
        """Probabilities (N, C) in the order of ``classes_``; a row's do not depend on others."""
        return self._probabilities(self._sheet(X))

    def predict(self, X: Any) -> Array:
        """The most probable class of each row (N)."""
        numbers = self.predict_proba(X).argmax(axis=1)
        return self.classes_[numbers]

    def evaluate(self, X: Any, y: Any, part: str = "test") -> Evaluation:
        """All scores on rows with known labels.

        Raises:
            InputError: a label was not among the training rows' labels.
        """
        sheet = self._sheet(X)
        truth = self.target_.encode(self._checked_target(y, len(sheet)))
        probabilities = self._probabilities(sheet)
        return evaluate_classes(
            part,
            describe(sheet, self.encoder_.kinds),
            truth,
            probabilities,
            [str(name) for name in self.classes_],
            probabilities.argmax(axis=1),
        )

    def _probabilities(self, sheet: Sheet) -> Array:
        return ops.softmax(self._outputs(sheet)).value

    def _read_target(self, y: Any) -> Array:
        return read_labels(y)

    def _hold_out(self, truth: Array) -> tuple[Array, Array]:
        labels = [str(label) for label in truth.tolist()]
        return stratified_holdout(labels, self.validation_fraction, self.seed)

    def _loss(self, outputs: Tensor, targets: Array) -> Tensor:
        return ops.cross_entropy(outputs, targets=targets)

    def _score(self, outputs: Array, targets: Array) -> float:
        return float(np.mean(outputs.argmax(axis=1) == targets))
