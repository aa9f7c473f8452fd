"""Training whose bits do not depend on the number of threads.

A block is a fixed number of kept words in segments. First the segments are shared out: each
window is planned, and its h, g and e computed from the tables as they stood when the block began.
Then the rows are shared out by owner: whoever takes an owner goes through the whole block in order
and applies the updates of its rows. So every row is changed in the order of the corpus.
"""

from __future__ import annotations

from lexon.kernels.lean import lean, part
from lexon.kernels.sampling import below
from lexon.kernels.simd_rows import spread
from lexon.kernels.team import report_done, take, wait_for_all
from lexon.kernels.windows import SOFTMAX, Plan, keep_words, plan_windows
from lexon.kernels.wordvectors import (
    Buffers,
    coefficients_at,
    errors,
    forward,
    learning_rate,
    move_inputs,
    prefetch_window,
)


@lean
def train_tokens_ordered(
    corpus, rules, outputs, tables, step, key, first, last, words, plans, buffers, counts,
    board, member, members,
):  # fmt: skip
    """Train on the windows around tokens first to last, together with the other members.

    plans and buffers hold one row for each segment, counts its number of windows; they and the
    board are the team's, words the member's own. Every block takes two steps of the board.
    """
    own, own_end = keep_words(corpus, first, last, key, rules.window, words)
    segments, size = plans.positions.shape
    turn = 0
    for begin in range(own, own_end, segments * size):
        s = take(board, turn, segments, member, members)
        while s >= 0:
            i = min(begin + s * size, own_end)
            plan, room = _segment(plans, buffers, s)
            windows = plan_windows(
                rules, outputs, words, i, min(i + size, own_end), key, room.context, plan
            )
            counts[s] = windows
            _forward_windows(rules, outputs, tables, step, plan, windows, room)
            report_done(board, turn)
            s = take(board, turn, segments, member, members)
        wait_for_all(board, turn, segments)
        owner = take(board, turn + 1, members, member, members)
        while owner >= 0:
            for s in range(segments):
                plan, room = _segment(plans, buffers, s)
                for p in range(plan.windows[counts[s]]):
                    _update_own(rules, outputs, tables, plan, p, room, owner, members)
            report_done(board, turn + 1)
            owner = take(board, turn + 1, members, member, members)
        wait_for_all(board, turn + 1, members)
        turn += 2


@part
def _segment(plans, buffers, s):
    plan = Plan(
        plans.positions[s], plans.pairs[s], plans.windows[s], plans.inputs[s], plans.firsts[s],
        plans.lasts[s], plans.slots[s], plans.input_ids[s], plans.output_ids[s], plans.wanted[s],
        plans.weight[s], plans.place[s], plans.pool[s],
    )  # fmt: skip
    room = Buffers(
        buffers.context[s], buffers.hidden[s], buffers.errors[s], buffers.coefficients[s],
        buffers.shares[s], buffers.back_shares[s], buffers.losses[s],
    )  # fmt: skip
    return plan, room


@part
def _forward_windows(rules, outputs, tables, step, plan, windows, buffers):
    for w in range(windows):
        prefetch_window(rules, tables, plan, min(w + 1, windows - 1))
        rate = learning_rate(step, plan.positions[w])
        begin, end = plan.windows[w], plan.windows[w + 1]
        forward(rules, outputs, tables, step, plan, rate, begin, end, buffers)
        errors(rules, outputs, tables, plan, begin, end, buffers)
        buffers.losses[1] += plan.pairs[w]


@part
def _update_own(rules, outputs, tables, plan, p, buffers, owner, owners):
    """As ``update``, for the rows of one owner."""
    width = tables.inputs.shape[1]
    first, last, shift = coefficients_at(rules, outputs, tables, plan, p)
    if rules.objective == SOFTMAX:
        start, stop = last * owner // owners, last * (owner + 1) // owners
        spread(
            tables.outputs, width, outputs.everything, start, stop, buffers.coefficients, shift, 0,
            buffers.hidden, p * width, 1,
        )  # fmt: skip
    else:
        for j in range(first, last):
            if _owner(plan.output_ids[j], owners) == owner:
                spread(
                    tables.outputs, width, plan.output_ids, j, j + 1, buffers.coefficients, shift,
                    0, buffers.hidden, p * width, 1,
                )  # fmt: skip
    for i in range(plan.inputs[p], plan.inputs[p + 1]):
        if _owner(plan.input_ids[i], owners) == owner:
            move_inputs(rules, tables, plan, p, i, i + 1, buffers)


@part
def _owner(row, owners):
    """Neighbouring rows, alike in frequency, go to different owners."""
    return below((row * 2654435761) & 0xFFFFFFFF, owners)
