"""A conditional random field as the last layer of a tagger."""

from __future__ import annotations

from typing import Any

import numpy as np

from lexon import ops
from lexon.graph.parameter import Parameter
from lexon.graph.tensor import Array, Tensor, TensorLike
from lexon.nn.module import Module


class CRF(Module):
    """Scores of tags beside each other: a sequence of tags is judged as a whole.

    Equations: :func:`lexon.ops.crf`. Shapes: ``crf(x, lengths, targets)`` with x (S, C), lengths
    (B) and targets (S) -> losses (B); parameters transitions (C, C), start (C), stop (C), at first
    0: no transition is better than another.

    >>> import numpy as np
    >>> from lexon import nn
    >>> field = nn.CRF(2)
    >>> field.transitions.assign([[0.0, -9.0], [0.0, 0.0]])  # tag 1 does not follow tag 0
    >>> field.best(np.array([[1.0, 0.0], [0.0, 0.5]]), [2])[0].tolist()
    [0, 0]
    """

    def __init__(self, classes: int) -> None:
        self.transitions = Parameter(np.zeros((classes, classes), np.float32))
        self.start = Parameter(np.zeros(classes, np.float32))
        self.stop = Parameter(np.zeros(classes, np.float32))

    def forward(self, x: TensorLike, lengths: Array, targets: Array) -> Tensor:
        own = self.transitions, self.start, self.stop
        return ops.crf(x, *own, targets=targets, lengths=lengths)

    def best(self, x: Array, lengths: Any) -> tuple[Array, Array]:
        """The best path (S) and its score (B, logits) of each sequence."""
        return ops.viterbi(x, *self._values(), lengths=np.asarray(lengths))

    def marginals(self, x: Array, lengths: Any) -> Array:
        """The probability of every tag in every row (S, C)."""
        return ops.crf_marginals(x, *self._values(), lengths=np.asarray(lengths))

    def _values(self) -> tuple[Array, Array, Array]:
        return self.transitions.value, self.start.value, self.stop.value

    def was_given(self, *inputs: Any) -> str:
        shape = np.shape(getattr(inputs[0], "value", inputs[0]))
        return f"was given {shape[-1]} columns" if shape else "was given a single number"

    def settings(self) -> str:
        return f"classes={len(self.start)}"
