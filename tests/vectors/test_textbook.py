"""A kernel's step equals the gradient step of the textbook network, for all six."""

from __future__ import annotations

import numpy as np
import pytest

from lexon import ops
from lexon.kernels import reference_wordvectors as reference
from lexon.kernels import windows
from lexon.kernels.windows import Corpus, Rules
from lexon.kernels.wordvectors import Step, Tables, train_tokens
from lexon.vectors import textbook
from lexon.vectors.huffman import huffman
from lexon.vectors.room import new_plans, new_table, new_words
from lexon.vectors.training import Settings, outputs_of

WORDS, DIMENSION, RATE, KEY = 7, 10, 0.3, np.uint64(5)
USUAL = 3.0  # words of a usual window: CBOW's input matrix has a learning rate of its own
COUNTS = np.array([90, 40, 20, 10, 5, 3, 1])
#: Sentences with repeated words, of one word, and shorter than a window.
SENTENCES = [[0, 1, 0, 2, 0, 0, 3], [4], [5, 6], [1, 1, 1]]
KINDS = {
    "negative sampling": (windows.NEGATIVES, Settings(sg=True, exact=True)),
    "shared negatives": (windows.SHARED_NEGATIVES, Settings(sg=True)),
    "hierarchical softmax": (windows.TREE, Settings(hs=True)),
    "softmax": (windows.SOFTMAX, Settings(negative=0)),
}
ARCHITECTURES = {
    "skip-gram": (windows.CENTRE_TO_CONTEXT, textbook.skip_gram),
    "reversed skip-gram": (windows.CONTEXT_TO_CENTRE, textbook.reversed_skip_gram),
    "cbow": (windows.CBOW, textbook.cbow),
}
PAIRS = [(a, k) for a in ARCHITECTURES for k in KINDS if (a, k) != ("cbow", "shared negatives")]


def corpus(sentences):
    tokens = np.concatenate(sentences).astype(np.int32)
    starts = np.cumsum([0] + [len(s) for s in sentences])
    tokens.flags.writeable = starts.flags.writeable = False
    return Corpus(tokens, starts, np.full(WORDS, 2**32 - 1, np.uint32))


def tables_of(network):
    def table(parameter):
        made = new_table(WORDS, DIMENSION, np.float64)
        made[: len(parameter.value), :DIMENSION] = parameter.value
        return made

    return Tables(table(network.inputs), table(network.outputs))


def network_of(kind):
    network = textbook.WordNetwork(WORDS, DIMENSION, tree=kind == "hierarchical softmax", rng=0)
    random = np.random.default_rng(2)
    for parameter in (network.inputs, network.outputs):
        parameter.astype(np.float64)
        parameter.assign(random.normal(size=parameter.shape))
    return network


def all_windows(sentences, reach):
    """(centre, contexts) straight from the sentences."""
    for sentence in sentences:
        for i, centre in enumerate(sentence):
            contexts = sentence[max(0, i - reach) : i] + sentence[i + 1 : i + reach + 1]
            if contexts:
                yield centre, contexts


@pytest.fixture
def draws(monkeypatch):
    """All negatives that the twin of the planner draws, those that are the answer too."""
    drawn = []
    draw = reference.drawn
    monkeypatch.setattr(reference, "drawn", lambda *a: drawn.append(draw(*a)) or drawn[-1])
    return drawn


def gradient_step(network, architecture, kind, centre, contexts, draws, rules):
    """One step of the textbook network on a window, with the negatives drawn for it."""
    times = 1 if rules.objective == windows.SHARED_NEGATIVES or architecture == "cbow" else None
    groups = iter([draws] * len(contexts) if times else np.reshape(draws, (len(contexts), -1)))
    weight = rules.negatives / rules.shared if kind == "shared negatives" else 1.0

    def sampled(network, h, answer):
        return textbook.negative_sampling([int(n) for n in next(groups)], weight)(
            network, h, answer
        )

    objective = {
        "hierarchical softmax": textbook.hierarchical_softmax(huffman(COUNTS)),
        "softmax": textbook.softmax,
    }.get(kind, sampled)
    loss = ARCHITECTURES[architecture][1](network, centre, contexts, objective)
    loss.backward()
    faster = np.sqrt(len(contexts) * USUAL) if architecture == "cbow" else 1
    for parameter, rate in ((network.inputs, RATE * faster), (network.outputs, RATE)):
        gradient = parameter.grad
        dense = gradient.dense() if hasattr(gradient, "dense") else gradient
        parameter.assign(parameter.value - rate * dense)
        parameter.grad = None
    return loss.item()


def compare(architecture, kind, sentences, draws):
    """Train kernel and network on the sentences; return both pairs of matrices and losses."""
    objective, settings = KINDS[kind]
    outputs = outputs_of(COUNTS, settings)
    rules = Rules(ARCHITECTURES[architecture][0], objective, 2, False, 4, 8, 3, 1, False)
    network = network_of(kind)
    tables, text = tables_of(network), corpus(sentences)
    plan, room = (type(a)(*(x[0] for x in a)) for a in new_plans(rules, outputs, tables, 1))
    words, size = new_words(20, 2), len(text.tokens)
    step = Step(RATE, 0.0, 0.0, True, USUAL, True)
    train_tokens(text, rules, outputs, tables, step, KEY, 0, size, words, plan, room)

    own, own_end = reference.keep_words(text, 0, size, KEY, 2, words)
    losses, around = [], all_windows(sentences, 2)
    for i in range(own, own_end):
        draws.clear()
        if reference.plan_windows(rules, outputs, words, i, i + 1, KEY, room.context, plan):
            window = next(around)
            losses.append(gradient_step(network, architecture, kind, *window, draws, rules))
    assert next(around, None) is None
    return tables, network, room.losses[0], sum(losses)


def assert_equal(tables, network):
    for table, parameter in zip(tables, (network.inputs, network.outputs), strict=True):
        own = table[: len(parameter.value), :DIMENSION]
        np.testing.assert_allclose(own, parameter.value, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("sentences", [[[0, 1, 0]], SENTENCES], ids=["window", "corpus"])
@pytest.mark.parametrize(("architecture", "kind"), PAIRS)
def test_kernel_makes_the_step_of_the_graph(architecture, kind, sentences, draws):
    tables, network, loss, twin = compare(architecture, kind, sentences, draws)
    assert_equal(tables, network)
    assert loss == pytest.approx(twin, rel=1e-12)
    moved = np.abs(network.inputs.value - network_of(kind).inputs.value).max()
    assert moved > 0.01


def test_windows_that_move_together_make_one_step_of_the_graph():
    objective, settings = KINDS["shared negatives"]
    outputs = outputs_of(COUNTS, settings)
    rules = Rules(windows.CENTRE_TO_CONTEXT, objective, 2, False, 4, 8, 5, 4, False)
    network, text, words = network_of("shared negatives"), corpus(SENTENCES), new_words(20, 2)
    tables, size = tables_of(network), len(text.tokens)
    plan, room = (type(a)(*(x[0] for x in a)) for a in new_plans(rules, outputs, tables, 40))
    step = Step(RATE, 0.0, 0.0, True, USUAL, True)
    train_tokens(text, rules, outputs, tables, step, KEY, 0, size, words, plan, room)
    own, own_end = reference.keep_words(text, 0, size, KEY, 2, words)
    count = reference.plan_windows(rules, outputs, words, own, own_end, KEY, room.context, plan)
    together = np.diff(plan.windows[: count + 1])
    assert together.max() > 1 and plan.windows[count] == len(list(all_windows(SENTENCES, 2)))
    around, total = all_windows(SENTENCES, 2), 0.0
    for w in range(count):
        losses = []
        for p in range(plan.windows[w], plan.windows[w + 1]):
            centre, contexts = next(around)
            pool = plan.output_ids[plan.firsts[p] : plan.firsts[p] + rules.shared].tolist()
            sampled = textbook.negative_sampling(pool, rules.negatives / rules.shared)
            losses.append(textbook.skip_gram(network, centre, contexts, sampled))
        loss = ops.sum(ops.stack(*losses))
        loss.backward()
        for parameter in (network.inputs, network.outputs):
            parameter.assign(parameter.value - RATE * parameter.grad.dense())
            parameter.grad = None
        total += loss.item()
    assert_equal(tables, network)
    assert room.losses[0] == pytest.approx(total, rel=1e-12)


def test_negatives_equal_to_the_answer_are_among_the_cases(draws):
    _, settings = KINDS["negative sampling"]
    outputs, words = outputs_of(COUNTS, settings), new_words(20, 2)
    rules = Rules(windows.CBOW, windows.NEGATIVES, 2, False, 4, 8, 3, 1, False)
    plan, room = (
        type(a)(*(x[0] for x in a))
        for a in new_plans(rules, outputs, tables_of(network_of("softmax")), 1)
    )
    own, own_end = reference.keep_words(corpus(SENTENCES), 0, 13, KEY, 2, words)
    skipped = 0
    for i in range(own, own_end):
        draws.clear()
        if reference.plan_windows(rules, outputs, words, i, i + 1, KEY, room.context, plan):
            skipped += int(words.ids[i]) in draws
    assert skipped > 3


@pytest.mark.parametrize("kind", ["negative sampling", "hierarchical softmax", "softmax"])
def test_an_undivided_gradient_is_noticed(kind, draws):
    """word2vec.c's step for the mean of contexts is not the gradient's."""
    objective, settings = KINDS[kind]
    outputs, network = outputs_of(COUNTS, settings), network_of(kind)
    tables, text = tables_of(network), corpus(SENTENCES)
    rules = Rules(windows.CBOW, objective, 2, False, 4, 8, 3, 1, False)
    plan, room = (type(a)(*(x[0] for x in a)) for a in new_plans(rules, outputs, tables, 1))
    step = Step(RATE, 0.0, 0.0, True, 0.0, False)
    train_tokens(text, rules, outputs, tables, step, KEY, 0, 13, new_words(20, 2), plan, room)
    _, network, *_ = compare("cbow", kind, SENTENCES, draws)
    with pytest.raises(AssertionError):
        assert_equal(tables, network)


def test_the_graph_of_cbow_can_be_drawn():
    from lexon.graph import look

    loss = textbook.cbow(textbook.WordNetwork(4, 2), 1, [0, 2], textbook.softmax)
    table = look.table(loss)
    assert [name in table for name in ("lookup", "mean", "matmul", "cross_entropy")] == [True] * 4
