"""Training of word vectors: what a plan's windows do to the two matrices.

For every prediction of a window, all from the vectors as they stand when the window begins:

    h = mean (or sum) of the input rows        s_j = h . u_j for every output row u_j
    g_j = rate * (wanted_j - weight_j sigmoid(s_j))     e = sum_j g_j u_j
    u_j <- u_j + g_j h          v_i <- v_i + e, or + sqrt(M / n) e where h is a mean of n rows

With the full softmax, weight * softmax(s)_j over all rows stands in place of weight_j sigmoid.

The gradient of a mean is e / n for each of n words: the more words, the shorter the step of all of
them together. So the input matrix of CBOW has a learning rate of its own, sqrt(n M) times the
other's, M being the words of a usual window: whatever n is, the step is sqrt(M) |e| long.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lexon.kernels.copies import synchronise
from lexon.kernels.elementary import exponential
from lexon.kernels.lean import lean, part
from lexon.kernels.simd_rows import (
    MOST_EXCHANGED,
    STEP,
    TOGETHER,
    combine,
    dots,
    exchange,
    gather,
    prefetch,
    pulls,
    scatter,
    spread,
)
from lexon.kernels.windows import (
    CBOW,
    NEGATIVES,
    SHARED_NEGATIVES,
    SOFTMAX,
    TREE,
    keep_words,
    plan_windows,
)

Array = npt.NDArray[Any]

f64 = np.float64


class Tables(NamedTuple):
    """The two matrices; rows are filled up with zeros to whole cache lines."""

    inputs: Array  # (V, width)
    outputs: Array  # (V or number of nodes, and workers' copies of some of them, width)


class Step(NamedTuple):
    """How far a window moves the vectors."""

    start: float  # learning rate at token 0 of this epoch
    slope: float  # by how much it falls with each token
    floor: float
    mean: bool  # h is the mean, not the sum
    usual_context: float  # M; 0: the step of word2vec.c, v_i <- v_i + e for a mean too
    with_loss: bool


class Buffers(NamedTuple):
    """Room for the predictions of one plan."""

    context: Array  # int32 (2 window + 2)
    hidden: Array  # (P * width): h
    errors: Array  # (P * width): e
    coefficients: Array  # (slots): s, then g
    shares: Array  # one for each input: its part in h
    back_shares: Array  # and what it gets of e
    losses: Array  # float64: sum of losses, number of pairs


@part
def forward(rules, outputs, tables, step, plan, rate, begin, end, buffers):
    """h and g of predictions begin to end; both tables are only read.

    All predictions take each step together: what one waits for, another computes.
    """
    width = tables.inputs.shape[1]
    rows = outputs.everything if rules.objective == SOFTMAX else plan.output_ids
    coefficients = buffers.coefficients
    _read_inputs(rules, tables, step, plan, begin, end, buffers)
    p = begin
    while p < end:
        first, last, shift = coefficients_at(rules, outputs, tables, plan, p)
        count, room = alike(rules, plan, p, end)
        dots(
            buffers.hidden, p * width, tables.outputs, rows, first,
            common_end(rules, first, last), coefficients, shift, room, count,
        )  # fmt: skip
        if rules.together > 1:
            for q in range(p, p + count):
                first, last, shift = coefficients_at(rules, outputs, tables, plan, q)
                dots(
                    buffers.hidden, q * width, tables.outputs, rows,
                    common_end(rules, first, last), last, coefficients, shift, 0, 1,
                )  # fmt: skip
        p += count
    for p in range(begin, end):
        first, last, shift = coefficients_at(rules, outputs, tables, plan, p)
        if rules.objective == SOFTMAX:
            _softmax(step, plan, rate, p, shift, last, buffers)
        else:
            if step.with_loss:
                _add_loss(plan, first, last, shift, buffers)
            for j in range(first, last, STEP):
                pulls(
                    coefficients, j + shift, plan.wanted, plan.weight, j,
                    coefficients.dtype.type(rate),
                )  # fmt: skip


@part
def errors(rules, outputs, tables, plan, begin, end, buffers):
    """e of predictions begin to end, from their g."""
    width = tables.inputs.shape[1]
    rows = outputs.everything if rules.objective == SOFTMAX else plan.output_ids
    p = begin
    while p < end:
        first, last, shift = coefficients_at(rules, outputs, tables, plan, p)
        count, room = alike(rules, plan, p, end)
        combine(
            tables.outputs, width, rows, first, common_end(rules, first, last),
            buffers.coefficients, shift, room, buffers.errors, p * width, count, False,
        )  # fmt: skip
        if rules.together > 1:
            for q in range(p, p + count):
                first, last, shift = coefficients_at(rules, outputs, tables, plan, q)
                combine(
                    tables.outputs, width, rows, common_end(rules, first, last), last,
                    buffers.coefficients, shift, 0, buffers.errors, q * width, 1, True,
                )  # fmt: skip
        p += count


@part
def _read_inputs(rules, tables, step, plan, begin, end, buffers):
    """h of predictions begin to end. In skip-gram each has a single input."""
    width = tables.inputs.shape[1]
    if rules.direction != CBOW:
        gather(
            tables.inputs, width, plan.input_ids, plan.inputs[begin], plan.inputs[end],
            buffers.hidden, begin * width,
        )  # fmt: skip
        return
    for p in range(begin, end):
        first, last = plan.inputs[p], plan.inputs[p + 1]
        share = 1 / f64(last - first) if step.mean else 1.0
        back = np.sqrt(share * step.usual_context) if step.mean and step.usual_context > 0 else 1.0
        for i in range(first, last):
            buffers.shares[i] = share
            buffers.back_shares[i] = back
        combine(
            tables.inputs, width, plan.input_ids, first, last, buffers.shares, 0, 0,
            buffers.hidden, p * width, 1, False,
        )  # fmt: skip


@part
def coefficients_at(rules, outputs, tables, plan, p):
    """Borders of a prediction's list of outputs, and from there to the place of coefficients."""
    if rules.objective == SOFTMAX:
        return 0, tables.outputs.shape[0], p * outputs.everything.size
    return plan.firsts[p], plan.lasts[p], plan.slots[p] - plan.firsts[p]


@part
def alike(rules, plan, p, end):
    """How many predictions from p on share one list of outputs, and the room of each.

    What they share is read once for up to TOGETHER of them.
    """
    count = 1
    if rules.together > 1:
        count = min(end - p, TOGETHER)
    elif rules.objective != SOFTMAX:
        while count < TOGETHER and p + count < end and plan.firsts[p + count] == plan.firsts[p]:
            count += 1
    return count, plan.slots[p + 1] - plan.slots[p]


@part
def common_end(rules, first, last):
    """Where the part of a list ends that is the same for all who are taken together."""
    return first + rules.shared if rules.together > 1 else last


@part
def _add_loss(plan, first, last, shift, buffers):
    """wanted * -log sigmoid(s) + (weight - wanted) * -log(1 - sigmoid(s)), summed in float64."""
    total = 0.0
    for j in range(first, last):
        s = f64(buffers.coefficients[j + shift])
        total += plan.weight[j] * np.log1p(np.exp(-abs(s))) - plan.wanted[j] * min(s, 0.0)
        total += (plan.weight[j] - plan.wanted[j]) * max(s, 0.0)
    buffers.losses[0] += total


@part
def _softmax(step, plan, rate, p, shift, size, buffers):
    """g = rate * (wanted - weight * softmax(s)), weight being the number of right answers."""
    c = buffers.coefficients
    first, last = plan.firsts[p], plan.lasts[p]
    top = c[shift]
    for j in range(1, size):
        top = max(top, c[shift + j])
    # The answers' part of the loss, while their scores are there.
    right = 0.0
    for t in range(first, last):
        right += f64(c[shift + plan.output_ids[t]]) - f64(top)
    for j in range(size):
        c[shift + j] = exponential(c[shift + j] - top)
    total = 0.0
    for j in range(size):
        total += f64(c[shift + j])
    if step.with_loss:
        buffers.losses[0] += (last - first) * np.log(total) - right
    scale = c.dtype.type(-rate * (last - first) / total)
    for j in range(size):
        c[shift + j] *= scale
    for t in range(first, last):
        c[shift + plan.output_ids[t]] += c.dtype.type(rate)


@part
def learning_rate(step, position):
    return max(step.floor, step.start - step.slope * position)


@part
def update(rules, outputs, tables, plan, begin, end, buffers):
    """e, u_j <- u_j + g_j h for the outputs, v_i <- v_i + share * e for the inputs.

    e is that of the u_j before they move, in a tree too, where each is read once for both.
    """
    if rules.objective == TREE and end - begin <= MOST_EXCHANGED:
        _exchange_all(rules, outputs, tables, plan, begin, end, buffers)
    else:
        errors(rules, outputs, tables, plan, begin, end, buffers)
        _spread_all(rules, outputs, tables, plan, begin, end, buffers)
    if rules.direction == CBOW:
        for p in range(begin, end):
            move_inputs(rules, tables, plan, p, plan.inputs[p], plan.inputs[p + 1], buffers)
    else:
        move_inputs(rules, tables, plan, begin, plan.inputs[begin], plan.inputs[end], buffers)


@part
def _exchange_all(rules, outputs, tables, plan, begin, end, buffers):
    """e and the outputs' step at once: all predictions have one list, and no node twice in it."""
    width = tables.inputs.shape[1]
    first, last, shift = coefficients_at(rules, outputs, tables, plan, begin)
    exchange(
        tables.outputs, width, plan.output_ids, first, last, buffers.coefficients, shift,
        plan.slots[begin + 1] - plan.slots[begin], buffers.hidden, buffers.errors, begin * width,
        end - begin,
    )  # fmt: skip


@part
def _spread_all(rules, outputs, tables, plan, begin, end, buffers):
    """u_j <- u_j + g_j h, prediction after prediction."""
    width = tables.inputs.shape[1]
    rows = outputs.everything if rules.objective == SOFTMAX else plan.output_ids
    p = begin
    while p < end:
        first, last, shift = coefficients_at(rules, outputs, tables, plan, p)
        count, room = alike(rules, plan, p, end)
        spread(
            tables.outputs, width, rows, first, common_end(rules, first, last),
            buffers.coefficients, shift, room, buffers.hidden, p * width, count,
        )  # fmt: skip
        if rules.together > 1:
            for q in range(p, p + count):
                first, last, shift = coefficients_at(rules, outputs, tables, plan, q)
                spread(
                    tables.outputs, width, rows, common_end(rules, first, last), last,
                    buffers.coefficients, shift, 0, buffers.hidden, q * width, 1,
                )  # fmt: skip
        p += count


@part
def move_inputs(rules, tables, plan, p, first, last, buffers):
    """v_i <- v_i + share * e for inputs of prediction p; in skip-gram each has an e of its own."""
    width = tables.inputs.shape[1]
    if rules.direction == CBOW:
        spread(
            tables.inputs, width, plan.input_ids, first, last, buffers.back_shares, 0, 0,
            buffers.errors, p * width, 1,
        )  # fmt: skip
    else:
        scatter(tables.inputs, width, plan.input_ids, first, last, buffers.errors, p * width)


@lean
def train_windows(rules, outputs, tables, step, plan, windows, buffers):
    """Train on the first windows of a plan, one after the other."""
    for w in range(windows):
        prefetch_window(rules, tables, plan, min(w + 1, windows - 1))
        rate = learning_rate(step, plan.positions[w])
        begin, end = plan.windows[w], plan.windows[w + 1]
        forward(rules, outputs, tables, step, plan, rate, begin, end, buffers)
        update(rules, outputs, tables, plan, begin, end, buffers)
        buffers.losses[1] += plan.pairs[w]


@part
def prefetch_window(rules, tables, plan, w):
    """Ask for the rows of a window, while the one before is at work.

    Nodes of a tree are many, and most stand in the windows around too: they are in the cache.
    """
    width = tables.inputs.shape[1]
    first, last = plan.windows[w], plan.windows[w + 1]
    for i in range(plan.inputs[first], plan.inputs[last]):
        prefetch(tables.inputs, width, plan.input_ids[i])
    if rules.objective == NEGATIVES or rules.objective == SHARED_NEGATIVES:
        for j in range(plan.firsts[first], plan.lasts[first if rules.together > 1 else last - 1]):
            prefetch(tables.outputs, width, plan.output_ids[j])
        for p in range(first + 1, last if rules.together > 1 else first):
            for j in range(common_end(rules, plan.firsts[p], 0), plan.lasts[p]):
                prefetch(tables.outputs, width, plan.output_ids[j])


@lean
def train_tokens(
    corpus, rules, outputs, tables, step, key, first, last, words, plan, buffers
):  # fmt: skip
    """Train on the windows around tokens first to last, in order.

    Copies that the worker has are synchronised at the beginning, every period, and at the end.
    """
    own, own_end = keep_words(corpus, first, last, key, rules.window, words)
    block = plan.positions.size
    for i in range(own, own_end, block):
        if (i - own) % outputs.copies.period < block:
            synchronise(outputs.copies, tables.outputs)
        stop = min(i + block, own_end)
        windows = plan_windows(rules, outputs, words, i, stop, key, buffers.context, plan)
        train_windows(rules, outputs, tables, step, plan, windows, buffers)
    synchronise(outputs.copies, tables.outputs)
