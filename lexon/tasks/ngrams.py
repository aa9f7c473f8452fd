"""The simple rival of language models: counted n-grams, smoothed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class _Order(NamedTuple):
    """All n-grams of one length: a context, which is numbered one order below, and a word.

    Shapes: keys (G), context * words + word, ascending; counts (G); of each context the sum of
    its counts, and how many words follow it: totals, kinds (contexts).
    """

    keys: Array
    counts: Array
    totals: Array
    kinds: Array
    discount: float


class KneserNey:
    """P(word | the words before) from n-grams of up to ``order`` words.

    Equations: P_k(w | c) = max(n(c w) - d, 0) / n(c) + d m(c) / n(c) P_{k-1}(w | c without its
    first word); n counts occurrences in the highest order and different words in front in the
    lower ones, n(c) = sum over w of n(c w), m(c) is how many words follow c, P_0 = 1 / V,
    d = n1 / (n1 + 2 n2) with n1, n2 n-grams of count 1, 2.
    Source: Kneser & Ney 1995; Chen & Goodman 1999, section 4.1.6 (interpolated).
    """

    def __init__(self, ids: Array, words: int, order: int = 5) -> None:
        """Count the n-grams of a text (S) of word numbers below ``words``."""
        self.words = words
        self.name = f"Kneser-Ney {order}-grams"
        self._orders: list[_Order] = []
        # Of the n-gram that ends at each token: its number among those one word shorter.
        ending = np.zeros(len(ids), np.int32)
        keys, counts = np.zeros(1, np.int64), np.zeros(1, np.int64)
        for k in range(1, order + 1):
            context = ending[k - 2 : -1] if k > 1 else ending
            longer, number, seen = np.unique(
                context.astype(np.int64) * words + ids[k - 1 :],
                return_inverse=True,
                return_counts=True,
            )
            number = number.astype(np.int32)
            if k > 1:
                suffix = np.zeros(len(longer), np.int64)
                suffix[number] = ending[k - 1 :]
                # How many words stand in front; the text's first n-gram may have none.
                counts = np.maximum(np.bincount(suffix, minlength=len(keys)), 1)
                self._orders.append(_order(keys, counts, words))
            ending = np.concatenate([np.zeros(k - 1, np.int32), number])
            keys, counts = longer, seen
        self._orders.append(_order(keys, counts, words))

    def scores(self, ids: Array) -> Array:
        """-log P of each token (S) but the first, given those before it, in nats."""
        ending = np.zeros(len(ids), np.int64)
        probability = np.full(len(ids), 1 / self.words)
        for order in self._orders:
            context = ending if order is self._orders[0] else np.concatenate([[-1], ending[:-1]])
            key = context * self.words + ids
            place = np.minimum(np.searchsorted(order.keys, key), len(order.keys) - 1)
            seen = (context >= 0) & (order.keys[place] == key)
            # A context that ends the text was counted as an n-gram, and nothing follows it.
            known = (context >= 0) & (context < len(order.totals))
            at = np.where(known, context, 0)
            total = np.where(known, order.totals[at], 0)
            known &= total > 0
            total = np.maximum(total, 1)
            own = np.where(seen, np.maximum(order.counts[place] - order.discount, 0), 0)
            mixed = (own + order.discount * order.kinds[at] * probability) / total
            probability = np.where(known, mixed, probability)
            ending = np.where(seen, place, -1)
        return -np.log(probability[1:])


def _order(keys: Array, counts: Array, words: int) -> _Order:
    context = keys // words
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    discount = once / (once + 2 * twice) if once and twice else 0.75
    return _Order(keys, counts, np.bincount(context, counts), np.bincount(context), discount)
