"""From a corpus to lists of rows: which input rows predict which outputs, window by window.

A *prediction* is the mean (or sum) of some input rows, and a list of output rows of which each
is wanted so many times and weighs so many times. A *window* is all predictions around one word.
Nothing here reads a vector: what is drawn can be counted, replayed and trained on in any order.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lexon.kernels.copies import Copies, row_or_copy
from lexon.kernels.lean import lean, part
from lexon.kernels.sampling import (
    OF_POOLS,
    OF_WINDOWS,
    advanced,
    below,
    bits,
    drawn,
    is_kept,
    mixed,
    u64,
)
from lexon.kernels.simd_rows import PAD, STEP

Array = npt.NDArray[Any]

#: What predicts what: the centre its contexts, each context the centre, all contexts the centre.
CENTRE_TO_CONTEXT, CONTEXT_TO_CENTRE, CBOW = 0, 1, 2
#: The objectives.
NEGATIVES, SHARED_NEGATIVES, TREE, SOFTMAX = 0, 1, 2, 3
#: A negative that should not be one of the window's words is drawn so many times at most: a text
#: may have no other words.
TRIES = 8


class Corpus(NamedTuple):
    """Words by number; sentence s is tokens[starts[s]:starts[s + 1]]."""

    tokens: Array  # int32
    starts: Array  # int64
    keep: Array  # uint32, see sampling.is_kept


class Words(NamedTuple):
    """Words that sub-sampling left, each with where it stood and the borders of its sentence."""

    ids: Array  # int32
    positions: Array  # int64
    begins: Array  # int32: within these arrays
    ends: Array  # int32


class Rules(NamedTuple):
    """How windows are made."""

    direction: int
    objective: int
    window: int
    shrink: bool
    negatives: int  # for each pair
    shared: int  # for each window instead, all its pairs together
    near: int  # windows whose centres stand within so many tokens draw the same ones
    together: int  # so many of these at most move the vectors together, as one window
    outside: bool  # no negative is one of the window's own words, if TRIES draws find another


class Outputs(NamedTuple):
    """Where outputs come from: a table of aliases for negatives, paths of a tree."""

    aliases: Array  # uint64 (V), see sampling.drawn
    path_starts: Array  # int64 (V + 1)
    path: Array  # int32: 2 * node + code
    everything: Array  # int32: 0 to V - 1 and zeros up to a whole group, for the full softmax
    copies: Copies  # the rows of which every worker has its own


class Plan(NamedTuple):
    """Windows ready to be trained on."""

    positions: Array  # int64 (W): where in the corpus the window's centre stands
    pairs: Array  # int32 (W): how many words it predicts
    windows: Array  # int32 (W + 1): its first prediction
    inputs: Array  # int32 (P + 1): a prediction's first input
    firsts: Array  # int32 (P): its first output
    lasts: Array  # int32 (P)
    slots: Array  # int64 (P + 1): the room of its coefficients
    input_ids: Array  # int32
    output_ids: Array  # int32, from each last output to the next multiple of GROUP: 0
    wanted: Array  # float32: how many times an output is the right answer
    weight: Array  # float32: how many times it is asked for
    place: (
        Array  # int32 (rows of a tree's table, else 0): where a node stands in the list being made
    )
    pool: Array  # int32 (shared): negatives of near windows


@lean
def keep_words(corpus, first, last, key, window, words):
    """The words that sub-sampling leaves of tokens first to last, and their surroundings.

    Surroundings are up to ``window`` words of the same sentences before and after. Returns the
    borders of what is not surroundings.
    """
    starts = corpus.starts
    sentence = np.searchsorted(starts, first, side="right") - 1
    t, before = first, 0
    while t > starts[sentence] and before < window:
        t -= 1
        before += is_kept(corpus.tokens[t], t, key, corpus.keep)
    count = _keep(corpus, t, first, before, key, words, 0)
    own, begin, t, own_end = count, 0, first, count
    while t < last:
        stop = starts[sentence + 1]
        own_end = _keep(corpus, t, min(stop, last), words.ids.size, key, words, count)
        count = _keep(corpus, last, stop, own_end + window, key, words, own_end)
        for i in range(begin, count):
            words.begins[i], words.ends[i] = begin, count
        begin, t = count, stop
        sentence += 1
    return own, own_end


@part
def _keep(corpus, first, last, limit, key, words, count):
    for t in range(first, last):
        if count >= limit:
            break
        word = corpus.tokens[t]
        words.ids[count], words.positions[count] = word, t
        count += is_kept(word, t, key, corpus.keep)
    return count


@lean
def plan_windows(rules, outputs, words, first, last, key, context, plan):
    """Plan the windows around the kept words first to last; returns how many have a context."""
    windows = predictions = inputs = listed = 0
    plan.windows[0] = plan.inputs[0] = 0
    plan.slots[0] = 0
    pooled, joined = -1, 0
    for i in range(first, last):
        position = words.positions[i]
        if rules.objective == SHARED_NEGATIVES and position // rules.near != pooled:
            pooled, joined = position // rules.near, 0
            _fill_pool(outputs, mixed(key ^ OF_POOLS, pooled), plan.pool)
        state = mixed(key ^ OF_WINDOWS, position)
        size = _look_around(rules, words, i, state, context)
        if size == 0:
            continue
        predictions, inputs, listed = _plan_window(
            rules, outputs, context, size, state, plan, predictions, inputs, listed
        )
        if joined == 0:
            plan.positions[windows], plan.pairs[windows] = position, 0
            windows += 1
        joined = (joined + 1) % rules.together
        plan.pairs[windows - 1] += 1 if rules.direction == CBOW else size
        plan.windows[windows] = predictions
    for k in range(listed, listed + PAD):
        plan.output_ids[k] = 0
    return windows


@part
def _look_around(rules, words, i, state, context):
    """Put the words within reach of word i into ``context``, and behind them word i itself."""
    reach = rules.window
    if rules.shrink:
        reach -= below(state >> u64(32), rules.window)
    size = 0
    for j in range(max(words.begins[i], i - reach), min(words.ends[i], i + reach + 1)):
        context[size] = words.ids[j]
        size += j != i
    context[size] = words.ids[i]
    return size


@part
def _plan_window(rules, outputs, context, size, state, plan, predictions, inputs, listed):
    """Plan the predictions of one window."""
    start, stop = (0, size) if rules.direction == CENTRE_TO_CONTEXT else (size, size + 1)
    marks = u64(0)
    if rules.objective == SHARED_NEGATIVES or rules.outside:
        for t in range(size + 1):
            marks |= _mark(context[t])
    first_output = listed
    for j in range(size if rules.direction == CONTEXT_TO_CENTRE else 1):
        if j == 0 or rules.objective == NEGATIVES:
            first_output = listed
            state, listed = _list(
                rules, outputs, context, start, stop, size, marks, state, plan, listed
            )
        plan.firsts[predictions], plan.lasts[predictions] = first_output, listed
        slots = listed - first_output
        if rules.together > 1:  # the same for all, so that their places follow one rule
            answers = 2 * rules.window if rules.direction == CENTRE_TO_CONTEXT else 1
            slots = rules.shared + (answers + PAD - 1) // PAD * PAD
        room = (slots + STEP - 1) // STEP * STEP
        plan.slots[predictions + 1] = plan.slots[predictions] + room
        if rules.direction == CBOW:
            for k in range(size):
                plan.input_ids[inputs + k] = context[k]
            inputs += size
        else:
            plan.input_ids[inputs] = context[size if stop == size else j]
            inputs += 1
        predictions += 1
        plan.inputs[predictions] = inputs
    return predictions, inputs, listed


@part
def _list(rules, outputs, context, start, stop, size, marks, state, plan, listed):
    """List the outputs of a prediction whose right answers are context[start:stop]."""
    if rules.objective == TREE:
        if stop - start == 1:
            return state, _list_way(outputs, context[start], plan, listed)
        return state, _list_ways(outputs, context, start, stop, plan, listed)
    if rules.objective == SHARED_NEGATIVES:
        listed = _list_pool(rules, context, start, stop, size, marks, plan, listed)
    for t in range(start, stop):
        listed = _put(plan, listed, context[t], 1, 1)
        if rules.objective == NEGATIVES:
            for _ in range(rules.negatives):
                state, negative = _negative(rules, outputs, context, size, marks, state)
                _put(plan, listed, negative, 0, 1)
                listed += negative != context[t]
    return state, listed


@part
def _fill_pool(outputs, state, pool):
    for k in range(pool.size):
        state = advanced(state)
        pool[k] = drawn(bits(state), outputs.aliases)


@part
def _list_pool(rules, context, start, stop, size, marks, plan, listed):
    """List the shared negatives, each for the pairs whose right answer it is not."""
    first, drawn_ones = listed, rules.shared
    for k in range(rules.shared):
        negative = plan.pool[k]
        others = stop - start
        if _perhaps(marks, negative):
            for t in range(start, stop):
                others -= context[t] == negative
            if rules.outside and _is_inside(context, size, negative):
                others = 0
                drawn_ones -= 1
        listed = _put(plan, listed, negative, 0, others)
    each = np.float32(rules.negatives) / np.float32(max(drawn_ones, 1))
    for k in range(first, listed):
        plan.weight[k] *= each
    return listed


@part
def _is_inside(context, size, word):
    """Whether a word is one of the window's own, the centre being context[size]."""
    for t in range(size + 1):
        if context[t] == word:
            return True
    return False


@part
def _mark(word):
    return u64(1) << u64(word & 63)


@part
def _perhaps(marks, word):
    """Whether a word can be among those that were marked."""
    return marks & _mark(word) != u64(0)


@part
def _put(plan, listed, row, wanted, weight):
    plan.output_ids[listed], plan.wanted[listed], plan.weight[listed] = row, wanted, weight
    return listed + 1


@part
def _negative(rules, outputs, context, size, marks, state):
    """A word drawn from the noise, anew where it is the window's own and should not be."""
    for _ in range(TRIES):
        state = advanced(state)
        word = drawn(bits(state), outputs.aliases)
        if not rules.outside or not _perhaps(marks, word) or not _is_inside(context, size, word):
            break
    return state, word


@part
def _list_way(outputs, word, plan, listed):
    """The nodes on the way from the root to a word."""
    for k in range(outputs.path_starts[word], outputs.path_starts[word + 1]):
        node, code = row_or_copy(outputs.copies, outputs.path[k] >> 1), outputs.path[k] & 1
        listed = _put(plan, listed, node, 1 - code, 1)
    return listed


@part
def _list_ways(outputs, context, start, stop, plan, listed):
    """The nodes on the ways from the root to several words, each once."""
    first = listed
    for t in range(start, stop):
        word = context[t]
        for k in range(outputs.path_starts[word], outputs.path_starts[word + 1]):
            node, code = row_or_copy(outputs.copies, outputs.path[k] >> 1), outputs.path[k] & 1
            at = plan.place[node]
            if first <= at < listed and plan.output_ids[at] == node:
                plan.wanted[at] += 1 - code
                plan.weight[at] += 1
            else:
                plan.place[node] = listed
                listed = _put(plan, listed, node, 1 - code, 1)
    return listed
