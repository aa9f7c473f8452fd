"""Tables into numbers or classes, as scikit-learn estimators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from lexon import ops
from lexon.graph.tensor import Tensor
from lexon.tasks.columns import Sheet
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
        optimizer, learning_rate: by name; None is the optimizer's usual rate. The rate falls to 0
            along half a cosine.
        epochs, batch_size, patience: passes; rows a step; epochs without gain before it stops.
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

    def predict(self, X: Any) -> Array:
        """The predicted number of each row (N); a row's does not depend on the others."""
        outputs = self._outputs_of(X)
        return self.target_.decode(outputs)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of the target's variance that is explained (R2)."""
        return float(super().score(X, read_target(y), sample_weight))

    def evaluate(self, X: Any, y: Any, part: str = "test") -> Evaluation:
        """All scores on rows with known targets."""
        check_is_fitted(self, "network_")
        sheet = self._read(X)
        truth = self._checked_target(y, len(sheet), varied=False)
        return evaluate_numbers(part, self._describe(sheet), truth, self._predicted(sheet))
    ...
