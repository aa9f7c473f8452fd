"""Which n-grams a network of n-gram filters looks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.graph.node import no_grad
from lexon.tasks.classify import TextClassifier
from lexon.tasks.networks import NgramText
from lexon.tasks.outcome import Fired

Array = npt.NDArray[Any]

#: Tokens that are looked at: the filters' values on all of them are held at once.
MOST_TOKENS = 50_000


def fired_ngrams(
    model: TextClassifier, texts: Sequence[str], *, filters: int = 12, ngrams: int = 5
) -> tuple[Fired, ...]:
    """The filters that matter most on these texts, each with the n-grams that excite it most.

    A filter matters by its largest value times the spread of its weights over the classes.
    Only the first texts are looked at, up to :data:`MOST_TOKENS`. Empty for a network without
    filters.
    """
    network = model.network_
    if not isinstance(network, NgramText) or not texts:
        return ()
    tokens = _first_tokens(model, texts)
    ids = model.vocabulary_.encode_batch(tokens)
    weight = np.asarray(network.out.weight.value)
    names = model.labels_.names
    found: list[tuple[float, Fired]] = []
    for place, window in enumerate(network.conv.windows):
        with no_grad():
            values = network.conv.map(network.table(ids.rows), ids.lengths, window).value
        columns = weight[:, place * network.conv.filters : (place + 1) * network.conv.filters]
        spread = columns.max(axis=0) - columns.min(axis=0) if len(columns) > 1 else abs(columns[0])
        rank = np.maximum(values.max(axis=0, initial=0), 0) * spread
        for f in np.argsort(-rank, kind="stable")[:filters]:
            if rank[f] > 0:
                top = _strongest(values[:, f], tokens, window, ngrams)
                found.append(
                    (float(rank[f]), Fired(window, int(f), top, _label(columns[:, f], names)))
                )
    found.sort(key=lambda pair: -pair[0])
    return tuple(fired for _, fired in found[:filters])


def _first_tokens(model: TextClassifier, texts: Sequence[str]) -> list[list[str]]:
    found: list[list[str]] = []
    left = MOST_TOKENS
    for text in texts:
        if not left:
            break
        found.append(model.encoder_.tokens(text)[:left])
        left -= len(found[-1])
    return found


def _label(column: Array, names: Sequence[str]) -> str:
    """The class that a filter speaks for; with one output, its sign tells."""
    return names[int(column.argmax())] if len(column) > 1 else names[int(column[0] > 0)]


def _strongest(
    values: Array, tokens: Sequence[Sequence[str]], window: int, wanted: int
) -> tuple[tuple[str, float], ...]:
    """The n-grams with the largest values, each once. Windows reach over the ends by K - 1."""
    counts = np.array([len(t) + window - 1 if t else 0 for t in tokens])
    ends = np.cumsum(counts)
    best: dict[str, float] = {}
    for at in np.argsort(-values, kind="stable")[: 40 * wanted]:
        text = int(np.searchsorted(ends, at, side="right"))
        first = int(at) - int(ends[text] - counts[text]) - (window - 1)
        ngram = " ".join(tokens[text][max(first, 0) : first + window])
        if ngram not in best:
            best[ngram] = float(values[at])
        if len(best) == wanted:
            break
    return tuple(best.items())
