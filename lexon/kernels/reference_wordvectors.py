"""Drawing and training of word vectors in plain NumPy: the specification of ``sampling.py``,
``tree.py``, ``windows.py``, ``wordvectors.py`` and ``ordered.py``, name by name."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.kernels.copies import Copies
from lexon.kernels.sampling import OF_POOLS, OF_WINDOWS
from lexon.kernels.simd_rows import PAD, STEP
from lexon.kernels.windows import (
    CBOW,
    CENTRE_TO_CONTEXT,
    CONTEXT_TO_CENTRE,
    NEGATIVES,
    SHARED_NEGATIVES,
    SOFTMAX,
    TREE,
    TRIES,
    Corpus,
    Outputs,
    Plan,
    Rules,
    Words,
)
from lexon.kernels.wordvectors import Buffers, Step, Tables

Array = npt.NDArray[Any]

_64 = 2**64 - 1


def mixed(key: int, position: int) -> int:
    """64 random bits of a position (SplitMix64)."""
    z = (int(key) + int(position) * 0x9E3779B97F4A7C15) & _64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _64
    return z ^ (z >> 31)


def advanced(state: int) -> int:
    return (state * 6364136223846793005 + 1442695040888963407) & _64


def bits(state: int) -> int:
    """32 random bits of a state (PCG XSH RS)."""
    return ((state ^ (state >> 22)) >> (22 + (state >> 61))) & (2**32 - 1)


def drawn(number: int, aliases: Array) -> int:
    place, rest = divmod(number * len(aliases), 2**32)
    threshold, alias = divmod(int(aliases[place]), 2**32)
    return place if rest <= threshold else alias


def alias_table(probabilities: Array, aliases: Array) -> None:
    """Thresholds and aliases with which ``drawn`` gives each word its probability."""
    share = list(probabilities * (len(probabilities) / probabilities.sum()))
    small = [word for word, s in enumerate(share) if s < 1]
    large = [word for word, s in enumerate(share) if s >= 1]
    aliases[...] = [(2**32 - 1) << 32 | word for word in range(len(aliases))]
    while small and large:
        poor, rich = small.pop(), large[-1]
        aliases[poor] = int(share[poor] * (2**32 - 1)) << 32 | rich
        share[rich] -= 1 - share[poor]
        if share[rich] < 1:
            small.append(large.pop())


def draw(key: int, first: int, aliases: Array, out: Array) -> None:
    for i in range(len(out)):
        out[i] = drawn(mixed(key, first + i) >> 32, aliases)


def join(counts: Array, parent: Array, code: Array) -> int:
    """Huffman's tree with a heap; of equals a word before a node, a rarer word, an older node."""
    size = len(counts)
    heap = [(int(counts[word]), 0, -word, word, 0) for word in range(size)]
    heapq.heapify(heap)
    deepest = 0
    for node in range(size - 1):
        total = 0
        deepest = 0
        for bit in (0, 1):
            count, _, _, child, depth = heapq.heappop(heap)
            parent[child], code[child] = node, bit
            total, deepest = total + count, max(deepest, depth + 1)
        heapq.heappush(heap, (total, 1, node, size + node, deepest))
    return deepest


def ways(parent: Array, code: Array, size: int, starts: Array, path: Array) -> None:
    starts[0] = 0
    for word in range(size):
        way: list[int] = []
        child = word
        while child != 2 * size - 2:
            way.insert(0, 2 * parent[child] + code[child])
            child = size + parent[child]
        starts[word + 1] = starts[word] + len(way)
        if path.size:
            path[starts[word] : starts[word + 1]] = way


def keep_words(
    corpus: Corpus, first: int, last: int, key: int, window: int, words: Words
) -> tuple[int, int]:
    """Kept words of tokens first to last and up to ``window`` more of their sentences around."""
    listed: list[tuple[int, int, int, int]] = []
    own = own_end = 0
    for s in range(len(corpus.starts) - 1):
        start, stop = int(corpus.starts[s]), int(corpus.starts[s + 1])
        if stop <= first or start >= last:
            continue
        kept = [
            t for t in range(start, stop) if mixed(key, t) >> 32 <= corpus.keep[corpus.tokens[t]]
        ]
        before = [t for t in kept if t < first][-window:]
        within = [t for t in kept if first <= t < last]
        after = [t for t in kept if t >= last][:window]
        begin, piece = len(listed), before + within + after
        if start < first:
            own = len(before)
        own_end = begin + len(before) + len(within)
        listed += [(corpus.tokens[t], t, begin, begin + len(piece)) for t in piece]
    for i, word in enumerate(listed):
        words.ids[i], words.positions[i], words.begins[i], words.ends[i] = word
    return own, own_end


def plan_windows(
    rules: Rules, outputs: Outputs, words: Words, first: int, last: int, key: int,
    context: Array, plan: Plan,
) -> int:  # fmt: skip
    """Plan the windows around the kept words first to last."""
    windows = predictions = listed = inputs = joined = 0
    pooled = -1
    plan.windows[0] = plan.inputs[0] = plan.slots[0] = 0
    for i in range(first, last):
        if rules.objective == SHARED_NEGATIVES and words.positions[i] // rules.near != pooled:
            pooled, joined = words.positions[i] // rules.near, 0
        state = mixed(int(key) ^ int(OF_WINDOWS), words.positions[i])
        shorter = ((state >> 32) * rules.window) >> 32 if rules.shrink else 0
        reach = rules.window - shorter
        places = range(max(words.begins[i], i - reach), min(words.ends[i], i + reach + 1))
        around = [int(words.ids[j]) for j in places if j != i]
        if not around:
            continue
        centre = int(words.ids[i])
        own = [centre, *around]
        pairs = {
            CENTRE_TO_CONTEXT: [([centre], around)],
            CBOW: [(around, [centre])],
            CONTEXT_TO_CENTRE: [([one], [centre]) for one in around],
        }[rules.direction]
        first_output = listed
        for place, (rows, answers) in enumerate(pairs):
            if place == 0 or rules.objective == NEGATIVES:
                if rules.objective == SHARED_NEGATIVES:
                    found = _shared(rules, outputs, answers, own, key, words.positions[i])
                else:
                    state, found = _listed(rules, outputs, answers, own, state)
                first_output, listed = listed, listed + len(found)
                for k, entry in enumerate(found, first_output):
                    plan.output_ids[k], plan.wanted[k], plan.weight[k] = entry
            plan.firsts[predictions], plan.lasts[predictions] = first_output, listed
            slots = listed - first_output
            if rules.together > 1:
                most = 2 * rules.window if rules.direction == CENTRE_TO_CONTEXT else 1
                slots = rules.shared + PAD * -(-most // PAD)
            plan.slots[predictions + 1] = plan.slots[predictions] + STEP * -(-slots // STEP)
            plan.input_ids[inputs : inputs + len(rows)] = rows
            inputs, predictions = inputs + len(rows), predictions + 1
            plan.inputs[predictions] = inputs
        if joined == 0:
            plan.positions[windows], plan.pairs[windows] = words.positions[i], 0
            windows += 1
        joined = (joined + 1) % rules.together
        plan.pairs[windows - 1] += 1 if rules.direction == CBOW else len(around)
        plan.windows[windows] = predictions
    plan.output_ids[listed : listed + PAD] = 0
    return windows


def _listed(
    rules: Rules, outputs: Outputs, answers: list[int], own: list[int], state: int
) -> tuple[int, list[tuple[int, float, float]]]:
    """Outputs (row, wanted, weight) of a prediction with these right answers."""
    found: list[tuple[int, float, float]] = []

    def negative() -> int:
        nonlocal state
        for _ in range(TRIES):
            state = advanced(state)
            word = drawn(bits(state), outputs.aliases)
            if not (rules.outside and word in own):
                break
        return word

    if rules.objective == TREE:
        nodes: dict[int, list[int]] = {}
        for answer in answers:
            for step in outputs.path[outputs.path_starts[answer] : outputs.path_starts[answer + 1]]:
                counts = nodes.setdefault(row_or_copy(outputs.copies, step >> 1), [0, 0])
                counts[0] += 1 - (step & 1)
                counts[1] += 1
        return state, [(node, left, all_) for node, (left, all_) in nodes.items()]
    for answer in answers:
        found.append((answer, 1, 1))
        if rules.objective == NEGATIVES:
            drawn_ones = [negative() for _ in range(rules.negatives)]
            found += [(n, 0, 1) for n in drawn_ones if n != answer]
    return state, found


def _shared(
    rules: Rules, outputs: Outputs, answers: list[int], own: list[int], key: int, position: int
) -> list[tuple[int, float, float]]:
    """As ``_listed`` with the negatives that near windows share."""
    state, pool = mixed(int(key) ^ int(OF_POOLS), position // rules.near), []
    for _ in range(rules.shared):
        state = advanced(state)
        pool.append(drawn(bits(state), outputs.aliases))
    meant = {n for n in pool if not (rules.outside and n in own)}
    each = np.float32(rules.negatives) / np.float32(max(sum(n in meant for n in pool), 1))
    weights = [sum(a != n for a in answers) if n in meant else 0 for n in pool]
    found = [(n, 0.0, float(each * np.float32(w))) for n, w in zip(pool, weights, strict=True)]
    return found + [(answer, 1, 1) for answer in answers]


def train_windows(
    rules: Rules, outputs: Outputs, tables: Tables, step: Step, plan: Plan, windows: int,
    buffers: Buffers,
) -> None:  # fmt: skip
    """h, g and e of all predictions of a window, then their updates."""
    for w in range(windows):
        predictions = range(plan.windows[w], plan.windows[w + 1])
        moves = [_moves(rules, tables, step, plan, w, p, buffers) for p in predictions]
        _apply(tables, moves)
        buffers.losses[1] += plan.pairs[w]


def _moves(
    rules: Rules, tables: Tables, step: Step, plan: Plan, w: int, p: int, buffers: Buffers
) -> tuple[Array, Array, Array, Array]:
    """Rows of the inputs with the change of each, and rows of the outputs with theirs."""
    rate = max(step.floor, step.start - step.slope * plan.positions[w])
    rows = plan.input_ids[plan.inputs[p] : plan.inputs[p + 1]].copy()
    listed = slice(plan.firsts[p], plan.lasts[p])
    answers, wanted, weight = (
        plan.output_ids[listed].copy(),
        plan.wanted[listed],
        plan.weight[listed],
    )
    h = tables.inputs[rows].mean(0) if step.mean else tables.inputs[rows].sum(0)
    if rules.objective == SOFTMAX:
        scores = tables.outputs @ h
        logarithm = np.log(np.exp(scores - scores.max()).sum()) + scores.max()
        loss = (logarithm - scores[answers]).sum()
        g = -rate * len(answers) * np.exp(scores - logarithm)
        np.add.at(g, answers, rate)
        answers = np.arange(len(scores))
    else:
        scores = tables.outputs[answers] @ h
        loss = (wanted * np.logaddexp(0, -scores)).sum()
        loss += ((weight - wanted) * np.logaddexp(0, scores)).sum()
        g = rate * (wanted - weight / (1 + np.exp(-scores)))
    buffers.losses[0] += loss if step.with_loss else 0
    e = g @ tables.outputs[answers]
    own_rate = rules.direction == CBOW and step.mean and step.usual_context > 0
    share = (step.usual_context / len(rows)) ** 0.5 if own_rate else 1
    return rows, np.tile(e * share, (len(rows), 1)), answers, np.outer(g, h)


def _apply(tables: Tables, moves: list[tuple[Array, Array, Array, Array]]) -> None:
    for rows, change, answers, other_change in moves:
        np.add.at(tables.inputs, rows, change)
        np.add.at(tables.outputs, answers, other_change)


def row_or_copy(copies: Copies, row: int) -> int:
    """A worker's copy of a row, where it has one."""
    return row + copies.own - copies.first if row >= copies.first else row


def synchronise(copies: Copies, table: Array) -> None:
    """The rows take a share of what the copies learned, and the copies are as they are."""
    first, size = copies.first, len(copies.seen)
    if size:
        rows, own = table[first : first + size], table[copies.own : copies.own + size]
        rows += copies.share * (own - copies.seen)
        own[...] = copies.seen[...] = rows


def train_tokens(
    corpus: Corpus, rules: Rules, outputs: Outputs, tables: Tables, step: Step, key: int,
    first: int, last: int, words: Words, plan: Plan, buffers: Buffers,
) -> None:  # fmt: skip
    """Window after window."""
    own, own_end = keep_words(corpus, first, last, key, rules.window, words)
    block = plan.positions.size
    for i in range(own, own_end, block):
        if (i - own) % outputs.copies.period < block:
            synchronise(outputs.copies, tables.outputs)
        stop = min(i + block, own_end)
        windows = plan_windows(rules, outputs, words, i, stop, key, buffers.context, plan)
        train_windows(rules, outputs, tables, step, plan, windows, buffers)
    synchronise(outputs.copies, tables.outputs)


def train_tokens_ordered(
    corpus: Corpus, rules: Rules, outputs: Outputs, tables: Tables, step: Step, key: int,
    first: int, last: int, words: Words, plans: Plan, buffers: Buffers, counts: Array,
    board: Array, member: int, members: int,
) -> None:  # fmt: skip
    """Block after block; within one, all see the tables as they stood at its beginning."""
    own, own_end = keep_words(corpus, first, last, key, rules.window, words)
    plan, room = Plan(*(a[0] for a in plans)), Buffers(*(a[0] for a in buffers))
    size = plans.positions.shape[1]
    for begin in range(own, own_end, plans.positions.size):
        moves = []
        for i in range(begin, min(begin + plans.positions.size, own_end), size):
            stop = min(i + size, own_end)
            for w in range(plan_windows(rules, outputs, words, i, stop, key, room.context, plan)):
                for p in range(plan.windows[w], plan.windows[w + 1]):
                    moves.append(_moves(rules, tables, step, plan, w, p, room))
                room.losses[1] += plan.pairs[w]
        _apply(tables, moves)
