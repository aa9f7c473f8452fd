"""Which tokens made a relation network decide as it did."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lexon import ops
from lexon.graph.node import no_grad
from lexon.kernels.ngram import starts_of
from lexon.tasks.relation_encode import MarkedIds
from lexon.tasks.relation_networks import NgramRelation, RecurrentRelation

Array = npt.NDArray[Any]


def token_weights(
    network: NgramRelation | RecurrentRelation, texts: MarkedIds, classes: Array
) -> Array:
    """How much each token counts for one class of its text (S).

    Shapes: classes (B): the row of the last layer that is explained. Units: of the class's score
    where the maximum over time is taken: what the tokens' n-grams that won a maximum add to it,
    each shared equally by its tokens, in sum the score less its bias. With attention: the share of
    attention, 1 in sum over a text.
    """
    with no_grad():
        if isinstance(network, NgramRelation):
            return _ngrams(network, texts, classes)
        outputs, _ = network.read(texts)
        if network.pool == "attention":
            return network.attention(outputs, texts.ids.lengths).value[:, 0]
    weights = np.zeros(len(texts.ids.rows))
    rows = network.out.weight.value[classes]
    _add(weights, outputs.value, texts.ids.lengths[:, None], rows[:, None], texts.ids.lengths, 1)
    return weights


def _ngrams(network: NgramRelation, texts: MarkedIds, classes: Array) -> Array:
    x, lengths = network.read(texts), texts.ids.lengths
    weights = np.zeros(len(texts.ids.rows))
    by_window = network.out.weight.value[classes].reshape(
        len(texts), len(network.conv.windows), network.pieces, network.conv.filters
    )
    for place, window in enumerate(network.conv.windows):
        values = ops.tanh(network.conv.map(x, lengths, window)).value
        pieces = texts.ngram_pieces(window)
        if network.pieces == 1:
            pieces = pieces.sum(axis=1, keepdims=True)
        _add(weights, values, pieces, by_window[:, place], lengths, window)
    return weights


def _add(
    weights: Array, values: Array, pieces: Array, of_class: Array, lengths: Array, window: int
) -> None:
    """Add to each token what the n-grams with it that won give to the class.

    Shapes: weights (S); values (T, F) of every n-gram; pieces (B, P) n-grams each; of_class
    (B, P, F) weights of the class.
    """
    starts, first = starts_of(lengths), 0
    for text, counts in enumerate(pieces.tolist()):
        begin = first
        for piece, count in enumerate(counts):
            if count:
                own = values[first : first + count]
                won = own.argmax(axis=0)
                given = np.zeros(count)
                np.add.at(given, won, own[won, np.arange(own.shape[1])] * of_class[text, piece])
                for ngram in np.flatnonzero(given):
                    last = first - begin + int(ngram)
                    tokens = slice(max(last - window + 1, 0), min(last + 1, int(lengths[text])))
                    share = given[ngram] / (tokens.stop - tokens.start)
                    weights[starts[text] : starts[text] + lengths[text]][tokens] += share
            first += count
