"""What words are drawn as negatives, and which words of the text are kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.kernels.sampling import alias_table

Array = npt.NDArray[Any]

_UNITS = 2**32


def noise(counts: npt.ArrayLike, exponent: float = 0.75) -> Array:
    """The table of aliases from which ``sampling.drawn`` draws by count ** exponent.

    Shapes: counts (V); the table (V), uint64. Units: a negative exponent prefers rare words, 0
    all alike.
    Source: Mikolov et al. 2013b, section 2.2; Walker 1977 for the table.
    """
    logarithms = exponent * np.log(np.maximum(np.asarray(counts, np.float64), 1))
    probabilities = np.exp(logarithms - logarithms.max(initial=-np.inf))
    aliases = np.empty(len(probabilities), np.uint64)
    alias_table(probabilities, aliases)
    return aliases


def keep_probabilities(counts: npt.ArrayLike, sample: float, paper: bool = False) -> Array:
    """How probable it is that an occurrence of a word stays in the text.

    Equations: f = count / sum of counts; sqrt(sample / f) + sample / f, at most 1 (word2vec.c);
    with ``paper`` sqrt(sample / f), at most 1: the discard probability is 1 - sqrt(sample / f).
    Units: sample is a share of the text, such as 0.001; 0 keeps everything.
    Source: word2vec.c; Mikolov et al. 2013b, equation 5.
    """
    count = np.asarray(counts, np.float64)
    if sample <= 0:
        return np.ones(len(count))
    ratio = sample * count.sum() / np.maximum(count, 1)
    kept: Array = np.minimum(np.sqrt(ratio) + (0 if paper else ratio), 1)
    return kept


def keep_thresholds(probabilities: Array) -> Array:
    """Probabilities in units of 2**-32, less 1, as ``sampling.is_kept`` compares them."""
    units = np.ceil(np.asarray(probabilities, np.float64) * _UNITS)
    thresholds: Array = np.clip(units - 1, 0, _UNITS - 1).astype(np.uint32)
    return thresholds
