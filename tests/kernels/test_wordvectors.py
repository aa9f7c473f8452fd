"""Kernels of word vectors do what their twins in plain NumPy do."""

from __future__ import annotations

import inspect
import itertools

import numpy as np
import pytest

from lexon.kernels import (
    ordered,
    sampling,
    tree,
    windows,
    wordvectors,
)
from lexon.kernels import reference_wordvectors as reference
from lexon.kernels.simd_rows import MOST_EXCHANGED
from lexon.kernels.team import new_board
from lexon.kernels.windows import CBOW, CENTRE_TO_CONTEXT, CONTEXT_TO_CENTRE, Corpus, Rules
from lexon.kernels.wordvectors import Step, Tables
from lexon.vectors.copies import new_copies
from lexon.vectors.room import new_plans, new_table, new_words
from lexon.vectors.training import Settings, outputs_of

WORDS, KEY = 40, np.uint64(12345)
DIRECTIONS = (CENTRE_TO_CONTEXT, CONTEXT_TO_CENTRE, CBOW)
COUNTS = np.sort(np.random.default_rng(0).integers(1, 500, WORDS))[::-1].copy()
SETTINGS = {
    windows.NEGATIVES: Settings(sg=True, exact=True),
    windows.SHARED_NEGATIVES: Settings(sg=True),
    windows.TREE: Settings(hs=True),
    windows.SOFTMAX: Settings(negative=0),
}
#: Direction, objective, and how many windows move together.
CASES = [
    *((*case, 1) for case in itertools.product(DIRECTIONS, SETTINGS)),
    *((direction, windows.SHARED_NEGATIVES, 4) for direction in DIRECTIONS[:2]),
]


def corpus(seed=3, size=300, keep=0.7):
    """Few words, so that windows repeat them; sentences of all lengths, also 0 and 1."""
    random = np.random.default_rng(seed)
    tokens = (random.integers(0, WORDS, size) * random.random(size)).astype(np.int32)
    starts = np.array([0, 0, 1, 2, 2, 10, 200, size])
    tokens.flags.writeable = starts.flags.writeable = False
    return Corpus(tokens, starts, np.full(WORDS, int(keep * 2**32), np.uint32))


def rules_of(direction, objective, together=1, outside=False, window=3):
    return Rules(direction, objective, window, True, 4, 6, 3, together, outside)


def tables_of(dtype, dimension=21, seed=1):
    random = np.random.default_rng(seed)
    pair = Tables(new_table(WORDS, dimension, dtype), new_table(WORDS, dimension, dtype))
    for table in pair:
        table[:, :dimension] = random.normal(size=(WORDS, dimension)) / 2
    return pair


def copies(pair):
    return Tables(*(table.copy() for table in pair))


def row(arrays):
    return type(arrays)(*(array[0] for array in arrays))


def assert_planned_alike(one, other, count):
    predictions = one.windows[count]
    for name in ("positions", "pairs"):
        np.testing.assert_array_equal(getattr(one, name)[:count], getattr(other, name)[:count])
    np.testing.assert_array_equal(one.windows[: count + 1], other.windows[: count + 1])
    for name in ("inputs", "slots"):
        np.testing.assert_array_equal(
            getattr(one, name)[: predictions + 1], getattr(other, name)[: predictions + 1]
        )
    for name in ("firsts", "lasts"):
        np.testing.assert_array_equal(
            getattr(one, name)[:predictions], getattr(other, name)[:predictions]
        )
    inputs, listed = one.inputs[predictions], one.lasts[:predictions].max(initial=0)
    np.testing.assert_array_equal(one.input_ids[:inputs], other.input_ids[:inputs])
    for name in ("output_ids", "wanted", "weight"):
        np.testing.assert_array_equal(getattr(one, name)[:listed], getattr(other, name)[:listed])


@pytest.mark.parametrize("span", [(0, 300), (5, 7), (12, 180), (199, 201), (60, 60)])
def test_keep_words_equals_its_twin(span):
    own, other = new_words(300, 3), new_words(300, 3)
    borders = windows.keep_words(corpus(), *span, KEY, 3, own)
    twin_borders = reference.keep_words(corpus(), *span, KEY, 3, other)
    if span[0] < span[1]:
        assert borders == twin_borders
        for array, twin in zip(own, other, strict=True):
            np.testing.assert_array_equal(array[: borders[1]], twin[: borders[1]])
    else:
        assert borders[0] == borders[1]


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize(("direction", "objective", "together"), CASES)
def test_plan_equals_its_twin(direction, objective, together, outside):
    rules, outputs = (
        rules_of(direction, objective, together, outside),
        outputs_of(COUNTS, SETTINGS[objective]),
    )
    tables, words = tables_of(np.float64), new_words(300, 3)
    first, last = windows.keep_words(corpus(), 0, 300, KEY, 3, words)
    plan, other = (row(new_plans(rules, outputs, tables, 300)[0]) for _ in range(2))
    context = np.zeros(8, np.int32)
    count = windows.plan_windows(rules, outputs, words, first, last, KEY, context, plan)
    twin = reference.plan_windows(rules, outputs, words, first, last, KEY, context, other)
    assert count == twin
    least = 100 if together == 1 else 50
    assert least < count < last - first, "a lonely word has no window"
    assert_planned_alike(plan, other, count)


@pytest.mark.parametrize("direction", DIRECTIONS[:2])
def test_coefficients_of_windows_that_move_together_have_room(direction):
    rules = rules_of(direction, windows.SHARED_NEGATIVES, 4)._replace(shared=12)
    outputs, words = outputs_of(COUNTS, SETTINGS[rules.objective]), new_words(300, 3)
    plan, room = map(row, new_plans(rules, outputs, tables_of(np.float64), 300))
    own = windows.keep_words(corpus(), 0, 300, KEY, 3, words)
    count = windows.plan_windows(rules, outputs, words, *own, KEY, room.context, plan)
    each = np.diff(plan.slots[: plan.windows[count] + 1])
    assert 0 < each.max() * len(plan.firsts) <= room.coefficients.size


@pytest.mark.parametrize("step", [(True, 4.0), (True, 0.0), (False, 4.0)], ids=str)
@pytest.mark.parametrize(("direction", "objective", "together"), CASES)
def test_training_equals_its_twin(direction, objective, together, step):
    assert_trained_alike(rules_of(direction, objective, together), step)


@pytest.mark.parametrize("shared", [9, 10, 12])
@pytest.mark.parametrize("direction", DIRECTIONS[:2])
def test_windows_move_together_with_any_number_of_negatives(direction, shared):
    rules = rules_of(direction, windows.SHARED_NEGATIVES, 4)._replace(shared=shared)
    assert_trained_alike(rules, (True, 4.0))


def test_more_predictions_of_a_window_than_exchange_at_once():
    rules = rules_of(CONTEXT_TO_CENTRE, windows.TREE, window=MOST_EXCHANGED)
    assert_trained_alike(rules, (True, 4.0))


def assert_trained_alike(rules, step):
    outputs, step = (
        outputs_of(COUNTS, SETTINGS[rules.objective]),
        Step(0.1, 1e-4, 0.08, *step, True),
    )
    own = tables_of(np.float64)
    other = copies(own)
    rooms = []
    for module, tables in ((wordvectors, own), (reference, other)):
        plan, room = map(row, new_plans(rules, outputs, tables, 4))
        module.train_tokens(
            corpus(), rules, outputs, tables, step, KEY, 0, 300, new_words(300, rules.window),
            plan, room,
        )  # fmt: skip
        rooms.append(room.losses[:2])
    for table, twin in zip(own, other, strict=True):
        np.testing.assert_allclose(table, twin, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(*rooms, rtol=1e-12)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_workers_with_copies_of_rows_equal_their_twins(direction):
    """By turns, stretch after stretch; one of more windows than it goes on with its copies."""
    rules, tree_of = rules_of(direction, windows.TREE), outputs_of(COUNTS, Settings(hs=True))
    text = corpus(size=900, keep=0.99)
    step, rows = Step(0.1, 0, 0, True, 4.0, True), WORDS - 1
    own = Tables(tables_of("f8").inputs, new_table(rows + 2 * 7, 21, "f8"))
    own.outputs[:rows, :21] = np.random.default_rng(2).normal(size=(rows, 21)) / 2
    other = copies(own)
    for module, tables in ((wordvectors, own), (reference, other)):
        trees = [
            tree_of._replace(copies=own._replace(share=0.8))
            for own in new_copies(tables.outputs, rows, 7, 2)
        ]
        plan, room = map(row, new_plans(rules, tree_of, tables, 4))
        for worker, first, last in ((0, 0, 400), (1, 400, 500), (0, 500, 600), (1, 600, 900)):
            module.train_tokens(
                text, rules, trees[worker], tables, step, KEY,
                first, last, new_words(900, 3), plan, room,
            )  # fmt: skip
    for table, twin in zip(own, other, strict=True):
        np.testing.assert_allclose(table, twin, rtol=1e-11, atol=1e-11)
    np.testing.assert_array_equal(own.outputs[rows - 7 : rows], own.outputs[rows + 7 :])
    assert np.abs(own.outputs[rows : rows + 7] - own.outputs[rows + 7 :]).max() > 0


@pytest.mark.parametrize("objective", SETTINGS)
def test_training_in_float32_equals_its_twin_in_float64(objective):
    rules, outputs = rules_of(0, objective), outputs_of(COUNTS, SETTINGS[objective])
    step, own, other = Step(0.1, 0, 0, True, 4.0, True), tables_of("f4"), tables_of("f8")
    for module, tables in ((wordvectors, own), (reference, other)):
        plan, room = map(row, new_plans(rules, outputs, tables, 4))
        module.train_tokens(
            corpus(), rules, outputs, tables, step, KEY, 0, 100, new_words(300, 3), plan, room
        )
    for table, twin in zip(own, other, strict=True):
        np.testing.assert_allclose(table[:, :21], twin[:, :21], atol=5e-6)


@pytest.mark.parametrize(("direction", "objective", "together"), CASES)
def test_ordered_training_equals_its_twin(direction, objective, together):
    rules, outputs = (
        rules_of(direction, objective, together),
        outputs_of(COUNTS, SETTINGS[objective]),
    )
    step, own, losses = Step(0.1, 1e-4, 0.08, True, 4.0, True), tables_of(np.float64), []
    other = copies(own)
    for module, tables in ((ordered, own), (reference, other)):
        plans, rooms = new_plans(rules, outputs, tables, 2, 5)
        module.train_tokens_ordered(
            corpus(), rules, outputs, tables, step, KEY, 7, 290, new_words(300, 3), plans, rooms,
            np.zeros(5, np.int64), new_board(2 * 31), 0, 1,
        )  # fmt: skip
        losses.append(rooms.losses.sum(axis=0)[:2])
    for table, twin in zip(own, other, strict=True):
        np.testing.assert_allclose(table, twin, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(*losses, rtol=1e-12)


def test_what_is_drawn_equals_its_twin():
    outputs = outputs_of(COUNTS, Settings(sg=True))
    own, other = np.empty(1000, np.int64), np.empty(1000, np.int64)
    sampling.draw(KEY, 17, outputs.aliases, own)
    reference.draw(KEY, 17, outputs.aliases, other)
    np.testing.assert_array_equal(own, other)


def test_alias_table_equals_its_twin():
    own, other = np.empty(WORDS, np.uint64), np.empty(WORDS, np.uint64)
    sampling.alias_table(COUNTS**0.75, own)
    reference.alias_table(COUNTS**0.75, other)
    np.testing.assert_array_equal(own, other)


@pytest.mark.parametrize("counts", [COUNTS, np.full(9, 4), np.array([5, 1]), np.array([3])])
def test_tree_equals_its_twin(counts):
    size, made = len(counts), []
    for module in (tree, reference):
        parent, code = np.zeros(2 * size, np.int32), np.zeros(2 * size, np.int32)
        deepest = module.join(counts, parent, code)
        starts = np.zeros(size + 1, np.int64)
        module.ways(parent, code, size, starts, np.empty(0, np.int32))
        path = np.zeros(starts[-1], np.int32)
        module.ways(parent, code, size, starts, path)
        made.append((parent, code, starts, path, deepest))
    for array, twin in zip(*made, strict=True):
        np.testing.assert_array_equal(array, twin)


def test_every_kernel_has_a_twin_with_its_arguments():
    for module in (sampling, tree, windows, wordvectors, ordered):
        kernels = {
            n: k
            for n, k in vars(module).items()
            if hasattr(k, "py_func") and k.py_func.__module__ == module.__name__
            if not k.targetoptions.get("forceinline")
        }
        assert kernels
        for name, kernel in kernels.items():
            twin = inspect.signature(getattr(reference, name))
            assert list(inspect.signature(kernel.py_func).parameters) == list(twin.parameters)
