"""Reading with an embedding and n-gram filters that no longer change."""

from __future__ import annotations

from threading import Lock

import numpy as np

from lexon.graph.tensor import Array
from lexon.kernels.product import pack, product
from lexon.kernels.responses import max_of_responses
from lexon.nn.embedding import Embedding
from lexon.nn.ngram import NgramConv
from lexon.ops.ngram import activate
from lexon.ops.sequences import checked_lengths

#: Bytes of responses kept from call to call.
KEPT = 64 << 20


class WordResponses:
    """``conv(table(ids), lengths)`` for prediction: each word meets the filters once.

    Equations: r[word] = E[word] . every slice of every filter, y = f(max over t of b + sum_k
    r[x[t + k]][k]). These are the sums of the convolution in another order, so that values differ
    in their last digits from what training computes; those of a text never depend on other texts.
    Units: about 64 MiB of responses are kept between calls, and forgotten when a parameter changes.
    Several threads may read at once.
    """

    def __init__(self, table: Embedding, conv: NgramConv) -> None:
        self.table, self.conv = table, conv
        self._parameters = [table.weight, *conv.parameters()]
        self._windows = np.array(conv.windows)
        self._state: list[object] = []
        self._lock = Lock()

    def __reduce__(self) -> tuple[object, ...]:
        """Copies and pickles begin with nothing kept."""
        return WordResponses, (self.table, self.conv)

    def __call__(self, ids: Array, lengths: Array) -> Array:
        """y (B, windows x F) for word numbers (S).

        Raises:
            InputError: a word number is outside the table.
        """
        lengths = checked_lengths("responses", lengths, len(ids))
        if len(ids) and (ids.min() < 0 or ids.max() >= len(self.table.weight)):
            self.table(ids)  # says which
        with self._lock:
            rows, responses = self._rows(ids), self._kept
            bias = self._bias
        y = np.empty((len(lengths), len(bias)), bias.dtype)
        wide = self.conv.edges == "wide"
        max_of_responses(responses, rows, lengths, self._windows, wide, bias, y)
        return activate(y, self.conv.activation)

    def _rows(self, ids: Array) -> Array:
        """Where the responses of each word stand, after those missing are computed."""
        state = [parameter.derived("state", lambda _: object()) for parameter in self._parameters]
        if state != self._state:
            self._begin()
            self._state = state
        rows = self._places.take(ids)
        if len(ids) and rows.min() < 0:
            self._learn(ids)
            rows = self._places.take(ids)
        return rows

    def _begin(self) -> None:
        weights = [self.conv.weight(window).value for window in self.conv.windows]
        slices = [w.transpose(1, 0, 2).reshape(-1, w.shape[2]) for w in weights]
        self._slices = pack(np.concatenate(slices).T)
        self._bias = np.concatenate([self.conv.bias(window).value for window in self.conv.windows])
        self._forget(0)

    def _forget(self, room: int) -> None:
        self._places = np.full(len(self.table.weight), -1, np.int32)
        self._kept = np.empty((room, self._slices.columns), self._bias.dtype)
        self._used = 0

    def _learn(self, ids: Array) -> None:
        """Compute and keep the responses of new words; if these are too many, of ``ids`` alone."""
        met = np.zeros(len(self._places), bool)
        met[ids] = True
        words = np.flatnonzero(met & (self._places < 0))
        most = KEPT // (self._slices.columns * self._bias.itemsize)
        if self._used + len(words) > most:
            words = np.flatnonzero(met)
            self._forget(len(words))
        used, total = self._used, self._used + len(words)
        if total > len(self._kept):
            room = max(total, min(2 * used, most))
            grown = np.empty((room, self._slices.columns), self._bias.dtype)
            grown[:used] = self._kept[:used]
            self._kept = grown
        self._kept[used:total] = product(self.table(words).value, self._slices)
        self._places[words] = np.arange(used, total)
        self._used = total
