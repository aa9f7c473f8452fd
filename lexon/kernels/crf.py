"""Linear-chain conditional random fields over sequences laid end to end.

A path y_1 ... y_L of tags scores  start[y_1] + sum_t x[t, y_t] + sum_t a[y_t-1, y_t] + stop[y_L].
Sums over all paths are taken forward, one row after the other, as logarithms: each row's are kept
beside their largest, so that neither long sequences nor large scores cost digits. The way back
then needs probabilities only: given the tag of a row, the tag before it is drawn from

    q[i | j] = e**(alpha[t - 1, i] + a[i, j]) / sum over i of the same,

so that the probabilities of row t - 1 are those of row t, carried through q. The path of an empty
sequence scores 0.

Source: Lafferty et al. 2001; Rabiner 1989 for the recursions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.kernels.compile import inlined, kernel
from lexon.kernels.elementary import exponential
from lexon.kernels.ngram import starts_of
from lexon.kernels.shared import shared

Array = npt.NDArray[Any]

#: Sequences that one thread takes at a time; their transitions' gradients are summed together.
SEQUENCES_A_BLOCK = 8
#: Operations that an exponential and what stands around it are counted as.
_COST = 20.0
#: Where a maximum begins: below all scores, so that a sum over impossible ones is still 0.
_LOWEST = np.float32(-3e38)


def log_partition(
    x: Array, a: Array, start: Array, stop: Array, lengths: Array
) -> tuple[Array, Array]:
    """Sums over all paths: alpha (S, C), and the logarithm of the whole sum (B), in float64.

    alpha[t, j] is the logarithm of the sum over paths up to row t that end in tag j, less the
    largest of its row.
    """
    alpha, totals = np.empty_like(x), np.zeros(len(lengths))
    starts = starts_of(lengths)
    work = _COST * x.size * x.shape[1]
    _forward(
        len(lengths), SEQUENCES_A_BLOCK, work, x, a, start, stop, starts, lengths, alpha, totals
    )
    return alpha, totals


def marginals(
    alpha: Array, a: Array, stop: Array, lengths: Array, weights: Array
) -> tuple[Array, Array]:
    """Probability of every tag in every row (S, C); of transitions, summed up (C, C).

    ``weights`` (B): how much the transitions of each sequence count in their sum.
    """
    p = np.empty_like(alpha)
    pairs = np.zeros((-(-len(lengths) // SEQUENCES_A_BLOCK), *a.shape), alpha.dtype)
    starts, work = starts_of(lengths), _COST * alpha.size * alpha.shape[1]
    _backward(
        len(lengths), SEQUENCES_A_BLOCK, work, alpha, a, stop, starts, lengths, weights, p, pairs
    )
    return p, pairs.sum(axis=0)


def path_scores(
    x: Array, a: Array, start: Array, stop: Array, path: Array, lengths: Array
) -> Array:
    """The score of one path a sequence (B), in float64."""
    scores = np.zeros(len(lengths))
    _scores(x, a, start, stop, path, starts_of(lengths), lengths, scores)
    return scores


def best_paths(
    x: Array, a: Array, start: Array, stop: Array, lengths: Array
) -> tuple[Array, Array]:
    """The path (S) that scores most in each sequence, and its score (B) in float64.

    Among equal ones it is the one with the lower tag, from the last row backwards.
    """
    path, before = np.empty(len(x), np.int64), np.empty(x.shape, np.int32)
    starts, work = starts_of(lengths), 4.0 * x.size * x.shape[1]
    _viterbi(
        len(lengths), SEQUENCES_A_BLOCK, work, x, a, start, stop, starts, lengths, before, path
    )
    return path, path_scores(x, a, start, stop, path, lengths)


@inlined
def _arrivals(before, a, top, terms, total):
    """terms[i, j] = e**(before[i] + a[i, j] - top[j]), top the largest, and their sums over i."""
    classes = before.size
    for j in range(classes):
        top[j] = _LOWEST
        total[j] = 0
    for i in range(classes):
        for j in range(classes):
            top[j] = max(top[j], before[i] + a[i, j])
    for i in range(classes):
        for j in range(classes):
            terms[i, j] = exponential(before[i] + a[i, j] - top[j])
    for i in range(classes):
        for j in range(classes):
            total[j] += terms[i, j]


@inlined
def _settle(row):
    """Take the largest number of a row from all of them, and return it."""
    top = _LOWEST
    for j in range(row.size):
        top = max(top, row[j])
    for j in range(row.size):
        row[j] -= top
    return top


@shared
def _forward(first, last, x, a, start, stop, starts, lengths, alpha, totals):
    classes = x.shape[1]
    top, total = np.empty(classes, x.dtype), np.empty(classes, x.dtype)
    terms = np.empty((classes, classes), x.dtype)
    for b in range(first, last):
        if lengths[b] == 0:
            continue
        begin = starts[b]
        for j in range(classes):
            alpha[begin, j] = start[j] + x[begin, j]
        offset = np.float64(_settle(alpha[begin]))
        for t in range(begin + 1, begin + lengths[b]):
            _arrivals(alpha[t - 1], a, top, terms, total)
            for j in range(classes):
                alpha[t, j] = np.log(total[j]) + top[j] + x[t, j]
            offset += _settle(alpha[t])
        final = alpha[begin + lengths[b] - 1]
        highest = np.float64(final[0]) + stop[0]
        for j in range(1, classes):
            highest = max(highest, np.float64(final[j]) + stop[j])
        whole = 0.0
        for j in range(classes):
            whole += np.exp(final[j] + np.float64(stop[j]) - highest)
        totals[b] = offset + highest + np.log(whole)


@shared
def _backward(first, last, alpha, a, stop, starts, lengths, weights, p, pairs):
    classes, own = alpha.shape[1], pairs[first // SEQUENCES_A_BLOCK]
    top, total = np.empty(classes, alpha.dtype), np.empty(classes, alpha.dtype)
    terms = np.empty((classes, classes), alpha.dtype)
    for b in range(first, last):
        if lengths[b] == 0:
            continue
        final = starts[b] + lengths[b] - 1
        for j in range(classes):
            p[final, j] = alpha[final, j] + stop[j]
        _settle(p[final])
        for j in range(classes):
            p[final, j] = exponential(p[final, j])
        whole = p[final, 0]
        for j in range(1, classes):
            whole += p[final, j]
        for j in range(classes):
            p[final, j] /= whole
        for t in range(final, starts[b], -1):
            _arrivals(alpha[t - 1], a, top, terms, total)
            for j in range(classes):  # an impossible tag has no tag before it
                total[j] = p[t, j] / total[j] if total[j] != 0 else 0
            for i in range(classes):
                for j in range(classes):
                    terms[i, j] *= total[j]
                whole = terms[i, 0]
                for j in range(1, classes):
                    whole += terms[i, j]
                p[t - 1, i] = whole
                for j in range(classes):
                    own[i, j] += weights[b] * terms[i, j]


@kernel
def _scores(x, a, start, stop, path, starts, lengths, scores):
    for b in range(lengths.size):
        if lengths[b] == 0:
            continue
        begin, end = starts[b], starts[b] + lengths[b]
        total = np.float64(start[path[begin]]) + x[begin, path[begin]]
        for t in range(begin + 1, end):
            total += np.float64(a[path[t - 1], path[t]]) + x[t, path[t]]
        scores[b] = total + stop[path[end - 1]]


@shared
def _viterbi(first, last, x, a, start, stop, starts, lengths, before, path):
    classes = x.shape[1]
    best, held = np.empty(classes, x.dtype), np.empty(classes, x.dtype)
    for b in range(first, last):
        if lengths[b] == 0:
            continue
        begin, end = starts[b], starts[b] + lengths[b]
        for j in range(classes):
            held[j] = start[j] + x[begin, j]
        _settle(held)
        for t in range(begin + 1, end):
            for j in range(classes):
                best[j] = held[0] + a[0, j]
                before[t, j] = 0
            for i in range(1, classes):
                for j in range(classes):
                    score = held[i] + a[i, j]
                    better = score > best[j]
                    best[j] = score if better else best[j]
                    before[t, j] = i if better else before[t, j]
            for j in range(classes):
                held[j] = best[j] + x[t, j]
            _settle(held)
        tag = 0
        for j in range(1, classes):
            if held[j] + stop[j] > held[tag] + stop[tag]:
                tag = j
        for t in range(end - 1, begin, -1):
            path[t] = tag
            tag = before[t, tag]
        path[begin] = tag
