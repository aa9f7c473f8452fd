"""Linear-chain conditional random fields: the score of a whole sequence of tags."""

from __future__ import annotations

from typing import Any

import numpy as np

from lexon.errors import ShapeError
from lexon.graph.declare import op
from lexon.graph.node import Pull
from lexon.graph.tensor import Array, Tensor
from lexon.kernels import crf as kernels
from lexon.kernels.ngram import starts_of
from lexon.ops.classes import checked_classes
from lexon.ops.reduce import logsumexp, sum_
from lexon.ops.sequences import checked_lengths
from lexon.ops.shape import expand_dims, index, stack


@op("x: S C, a: C C, start: C, stop: C | targets: S, lengths: B -> losses: B")
def crf(
    x: Array, a: Array, start: Array, stop: Array, *, targets: Array, lengths: Array
) -> tuple[Array, Pull]:
    """losses[b] = -log p(targets of sequence b), of all sequences of tags it might have.

    Equations: a path y_1 ... y_L scores
        s(y) = start[y_1] + sum_t x[t, y_t] + sum_t a[y_t-1, y_t] + stop[y_L],
    and loss = log sum over all paths of e**s(path) - s(targets). Its gradient is by x the
    probability of each tag in each row, by a that of each transition, less what the targets have.
    Shapes: x (S, C) scores of tags, a (C, C) of the tag in the column behind that in the row,
    start and stop (C), targets (S) class numbers, lengths (B) -> losses (B); 0 for an empty
    sequence. Units: scores in logits, losses in nats a sequence.
    Source: Lafferty et al. 2001, section 3; the forward algorithm: Rabiner 1989.

    Raises:
        InputError: a target is not a class number.
    """
    lengths = checked_lengths("crf", lengths, len(x))
    x, a = np.ascontiguousarray(x), np.ascontiguousarray(a)
    start, stop = np.ascontiguousarray(start), np.ascontiguousarray(stop)
    path = checked_classes("crf", targets, x.shape[1])
    alpha, totals = kernels.log_partition(x, a, start, stop, lengths)
    scores = kernels.path_scores(x, a, start, stop, path, lengths)

    def pull(dy: Array) -> tuple[Array, ...]:
        weights = np.ascontiguousarray(dy)
        p, da = kernels.marginals(alpha, a, stop, lengths, weights)
        each = np.repeat(weights, lengths)
        dx = p * each[:, None]
        rows = np.arange(len(x))
        dx[rows, path] -= each
        filled, starts = lengths > 0, starts_of(lengths)
        begin, end = starts[filled], (starts + lengths - 1)[filled]
        inner = np.delete(rows, begin)
        np.subtract.at(da, (path[inner - 1], path[inner]), each[inner])
        return dx, da, dx[begin].sum(axis=0), dx[end].sum(axis=0)

    return (totals - scores).astype(x.dtype), pull


@crf.composed
def _crf(
    x: Tensor, a: Tensor, start: Tensor, stop: Tensor, *, targets: Array, lengths: Array
) -> Tensor:
    """Sequence by sequence, row by row."""
    losses: list[Any] = []
    for begin, length in zip(starts_of(np.asarray(lengths)), lengths, strict=True):
        own = np.asarray(targets)[begin : begin + length]
        if not length:
            losses.append(sum_(start * 0.0))
            continue
        alpha = start + index(x, index=int(begin))
        for t in range(int(begin) + 1, int(begin + length)):
            arriving = logsumexp(expand_dims(alpha, axis=1) + a, axis=0)
            alpha = arriving + index(x, index=t)
        score = sum_(index(x, index=(np.arange(begin, begin + length), own)))
        score = score + index(start, index=int(own[0])) + index(stop, index=int(own[-1]))
        score = score + sum_(index(a, index=(own[:-1], own[1:])))
        losses.append(logsumexp(alpha + stop, axis=0) - score)
    return stack(*losses) if losses else index(start, index=slice(0, 0))


def viterbi(
    x: Array, a: Array, start: Array, stop: Array, *, lengths: Array
) -> tuple[Array, Array]:
    """The path that scores most in each sequence (S), and its score s(y) (B), as in ``crf``.

    Shapes: x (S, C), a (C, C), start and stop (C), lengths (B). Among equal paths it is the one
    of lower class numbers, compared from the end. Scores are float64, in logits.
    Source: Viterbi 1967.
    """
    return kernels.best_paths(*_checked("viterbi", x, a, start, stop, lengths))


def crf_marginals(x: Array, a: Array, start: Array, stop: Array, *, lengths: Array) -> Array:
    """The probability of every tag in every row (S, C), summed over all paths, as in ``crf``."""
    x, a, start, stop, lengths = _checked("crf_marginals", x, a, start, stop, lengths)
    alpha, _ = kernels.log_partition(x, a, start, stop, lengths)
    return kernels.marginals(alpha, a, stop, lengths, np.zeros(len(lengths), x.dtype))[0]


def _checked(
    operation: str, x: Array, a: Array, start: Array, stop: Array, lengths: Array
) -> tuple[Array, ...]:
    """Arrays of one type and contiguous, after checking that they agree."""
    classes = x.shape[-1] if x.ndim == 2 else -1
    wanted = {
        "a": (a, (classes, classes)),
        "start": (start, (classes,)),
        "stop": (stop, (classes,)),
    }
    for name, (array, shape) in wanted.items():
        if array.shape != shape:
            raise ShapeError(
                f"{operation}: {name} is {array.shape}, x is {x.shape}\n"
                "  give x (S, C), a (C, C), start (C), stop (C)"
            )
    arrays = (np.ascontiguousarray(array, x.dtype) for array in (x, a, start, stop))
    return *arrays, checked_lengths(operation, lengths, len(x))
