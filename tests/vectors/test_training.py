"""Training repeats, resumes and shares its work as it promises."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from lexon.errors import InputError
from lexon.vectors import training
from lexon.vectors.training import Settings, Trainer, held_out_loss

KINDS = {
    "skip-gram": Settings(sg=True, compute_loss=True),
    "skip-gram exact": Settings(sg=True, exact=True, compute_loss=True),
    "skip-gram hs": Settings(sg=True, hs=True, direction="centre-to-context", compute_loss=True),
    "contexts first, hs": Settings(sg=True, hs=True, compute_loss=True),
    "skip-gram softmax": Settings(sg=True, negative=0, compute_loss=True),
    "cbow": Settings(compute_loss=True),
    "cbow hs": Settings(hs=True, compute_loss=True),
    "cbow softmax": Settings(negative=0, compute_loss=True),
    "centre first": Settings(sg=True, direction="centre-to-context", compute_loss=True),
}
WORDS = 60


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(training, "CHUNK", 256)


def text(size=2000, seed=0):
    """Two topics: words of the lower and of the upper half do not meet."""
    random = np.random.default_rng(seed)
    starts = np.arange(0, size + 1, 20)
    words = (random.random(size) ** 2 * WORDS / 2).astype(np.int32)
    topics = np.repeat(random.integers(0, 2, size // 20), 20)
    tokens = (2 * words + topics).astype(np.int32)
    order = np.argsort(-np.bincount(tokens, minlength=WORDS), kind="stable")
    rank = np.empty(WORDS, np.int32)
    rank[order] = np.arange(WORDS)
    tokens = rank[tokens]
    return tokens, starts, np.maximum(np.bincount(tokens, minlength=WORDS), 1)


def trained(settings, workers=1, epochs=2, words=700, dimension=12):
    tokens, starts, counts = text()
    trainer = Trainer(counts, dimension, replace(settings, epochs=epochs), workers=workers)
    losses = []
    while trainer.epoch < epochs:
        losses.append(trainer.stretch(tokens, starts, words))
    return trainer, losses


def assert_same_bits(one, other):
    np.testing.assert_array_equal(one.inputs, other.inputs)
    np.testing.assert_array_equal(one.outputs, other.outputs)


@pytest.mark.parametrize("name", KINDS)
def test_one_worker_repeats_to_the_bit_however_it_is_cut(name):
    whole, whole_losses = trained(KINDS[name], words=2000)
    pieces, losses = trained(KINDS[name], words=300)
    assert_same_bits(whole, pieces)
    assert len(losses) > len(whole_losses) == 2
    assert sum(d.words for d in losses) == 4000
    assert sum(d.pairs for d in losses) == sum(d.pairs for d in whole_losses)
    assert sum(d.loss for d in losses) == pytest.approx(sum(d.loss for d in whole_losses))
    other, _ = trained(replace(KINDS[name], seed=2), words=2000)
    assert (other.inputs != whole.inputs).mean() > 0.9


@pytest.mark.parametrize("name", KINDS)
def test_resumed_training_gives_the_same_bits(name):
    whole, _ = trained(KINDS[name])
    tokens, starts, counts = text()
    first = Trainer(counts, 12, replace(KINDS[name], epochs=2), workers=1)
    for _ in range(4):
        first.stretch(tokens, starts, 700)
    content, arrays = first.state()
    second = Trainer(counts, 12, replace(KINDS[name], epochs=2), workers=1)
    second.load_state(content, {k: v.copy() for k, v in arrays.items()})
    assert 0 < second.position < len(tokens)
    while second.epoch < 2:
        second.stretch(tokens, starts, 700)
    assert_same_bits(whole, second)


@pytest.mark.parametrize("name", KINDS)
def test_deterministic_training_gives_the_same_bits_on_any_number_of_workers(name):
    settings = replace(KINDS[name], deterministic=True)
    one, losses = trained(settings, workers=1)
    for workers in (2, 3, 20):
        several, other_losses = trained(settings, workers=workers, words=2000)
        assert_same_bits(one, several)
    assert sum(d.pairs for d in losses) == sum(d.pairs for d in other_losses)
    at_once, _ = trained(settings, words=2000)
    again, other = trained(settings, workers=2, words=2000)
    assert_same_bits(at_once, again)
    assert [d.loss for d in other] == [d.loss for d in other_losses]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("name", KINDS)
def test_loss_falls_and_words_of_one_topic_are_alike(name, workers):
    trainer, losses = trained(
        replace(KINDS[name], alpha=0.1, sample=0), workers=workers, epochs=15, words=2000
    )
    each = [d.loss / d.pairs for d in losses]
    assert each[-1] < 0.98 * each[0]
    tokens, starts, _ = text()
    topic = np.full(WORDS, -1)
    halves = [set(tokens[s:e].tolist()) for s, e in itertools.pairwise(starts)]
    first = halves[0]
    for half in halves:  # sentences that share a word are of one topic
        first = first | half if first & half else first
    topic = np.isin(np.arange(30), list(first))
    unit = trainer.inputs[:30] / np.linalg.norm(trainer.inputs[:30], axis=1, keepdims=True)
    alike = unit @ unit.T
    same = topic[:, None] == topic[None, :]
    assert alike[same].mean() > alike[~same].mean() + 0.1


def test_learning_rate_falls_over_all_words():
    settings = Settings(alpha=0.1, min_alpha=0.02, epochs=4)
    trainer = Trainer([3, 2], 4, settings, workers=1)
    rates = []
    for trainer.epoch in range(4):
        step = trainer._step(100, 10)
        rates += [max(step.floor, step.start - step.slope * t) for t in (0, 99)]
    np.testing.assert_allclose(rates[::2], [0.1, 0.08, 0.06, 0.04], rtol=1e-12)
    assert rates[-1] == pytest.approx(0.02 + 0.08 / 400, rel=1e-9)


def test_held_out_loss_is_that_of_the_formula_and_trains_nothing():
    tokens, starts, counts = text()
    settings = Settings(sg=True, negative=0, sample=0, shrink_windows=False, window=2)
    random = np.random.default_rng(3)
    inputs, outputs = random.normal(size=(2, WORDS, 5))
    scores = inputs @ outputs.T
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    pairs = [
        (tokens[i], tokens[j])
        for s, e in itertools.pairwise(starts)
        for i in range(s, e)
        for j in range(max(s, i - 2), min(e, i + 3))
        if i != j
    ]
    expected = -np.mean([logs[a, b] for a, b in pairs])
    kept = inputs.copy(), outputs.copy()
    loss = held_out_loss(inputs, outputs, counts, tokens, starts, settings)
    assert loss == pytest.approx(expected, rel=1e-10)
    np.testing.assert_array_equal(inputs, kept[0])
    np.testing.assert_array_equal(outputs, kept[1])


def test_held_out_loss_is_lower_for_trained_vectors():
    tokens, starts, counts = text()
    settings = Settings(sg=True, alpha=0.1, sample=0)
    trainer, _ = trained(settings, epochs=15, words=2000)
    new = Trainer(counts, 12, settings, workers=1)
    before, after = (
        held_out_loss(t.inputs, t.outputs, counts, tokens, starts, settings) for t in (new, trainer)
    )
    assert before == pytest.approx(6 * np.log(2), rel=0.03)  # one answer, almost five negatives
    assert after < before - 0.05


def test_text_without_pairs_has_no_loss():
    with pytest.raises(InputError, match="no two words"):
        held_out_loss(
            np.zeros((2, 3)), np.zeros((2, 3)), [2, 1], np.array([0, 1], np.int32),
            np.array([0, 1, 2]), Settings(sg=True),
        )  # fmt: skip


def test_a_state_of_other_shapes_is_refused():
    trainer = Trainer([3, 2, 1], 4, Settings(), workers=1)
    with pytest.raises(
        InputError, match=r"inputs: the state holds \(3, 5\), this trainer \(3, 4\)"
    ):
        trainer.load_state({"epoch": 0, "position": 0}, {"inputs": np.zeros((3, 5))})


@pytest.mark.parametrize(
    ("name", "value"), [("window", 0), ("negative", -1), ("alpha", float("nan")), ("direction", "")]
)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(InputError, match=name):
        Settings(**{name: value})


def test_an_interrupt_stops_all_workers(monkeypatch):
    real, calls = training.train_tokens, []

    def interrupted(*given):
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        real(*given)

    monkeypatch.setattr(training, "train_tokens", interrupted)
    tokens, starts, counts = text()
    trainer = Trainer(counts, 12, Settings(sg=True), workers=2)
    with pytest.raises(KeyboardInterrupt):
        trainer.stretch(tokens, starts, 2000)
    assert len(calls) < 8
    assert trainer.position == 0
    assert np.isfinite(trainer.inputs).all()


@pytest.mark.parametrize(
    ("options", "sentences", "usual"),
    [
        ({}, 1, 6),
        ({"shrink_windows": False}, 1, 10),
        ({"window": 1000}, 20, 4),  # windows are no longer than their sentences
        ({"window": 1000}, 100, 1),
        ({"compat": True}, 1, 0),
    ],
)
def test_the_words_of_a_usual_window(options, sentences, usual):
    trainer = Trainer([9, 5], 4, Settings(**options), workers=1)
    assert trainer._step(100, sentences).usual_context == usual
