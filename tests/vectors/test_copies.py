"""Workers that train on one tree have copies of its upper nodes, and learn what one would."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lexon.kernels import reference_wordvectors as reference
from lexon.kernels.windows import Corpus, keep_words, plan_windows
from lexon.kernels.wordvectors import train_windows
from lexon.vectors import training
from lexon.vectors.copies import LEAST, OFTEN, PERIOD, copied_rows, period
from lexon.vectors.training import Settings, Trainer, held_out_loss

TREE = Settings(sg=True, hs=True, sample=0, alpha=0.1, epochs=1)
WORDS, SENTENCE, STRETCH = 400, 20, 4000


def text(size=64_000, seed=0):
    """Words by Zipf's law, the more frequent ones of a sentence near each other."""
    random = np.random.default_rng(seed)
    words = np.minimum(random.zipf(1.3, size) - 1, WORDS - 1).reshape(-1, SENTENCE)
    tokens = np.sort(words, axis=1).reshape(-1).astype(np.int32)
    counts = np.bincount(tokens, minlength=WORDS)
    rank = np.argsort(np.argsort(-counts, kind="stable")).astype(np.int32)
    starts = np.arange(0, size + 1, SENTENCE)
    return rank[tokens], starts, np.maximum(np.sort(counts)[::-1], 1)


@pytest.mark.parametrize("hs", [True, False])
@pytest.mark.parametrize("sg", [True, False])
def test_only_several_workers_on_one_tree_have_copies(sg, hs):
    _, _, counts = text()
    nodes = WORDS - hs
    for workers, deterministic in ((1, False), (3, True), (3, False)):
        settings = replace(TREE, sg=sg, hs=hs, deterministic=deterministic)
        trainer = Trainer(counts, 12, settings, workers=workers)
        has_copies = hs and workers > 1 and not deterministic
        assert {len(o.copies.seen) > 0 for o in trainer._worker_outputs} == {has_copies}
        assert trainer.outputs.shape == (nodes, 12)


def test_nodes_have_copies_that_are_met_often(monkeypatch):
    monkeypatch.setattr("lexon.vectors.copies._PIECE", 5)  # words are taken in pieces
    counts = 2 ** np.array([*range(11, -1, -1), 0])  # half of all windows meet the second node...
    outputs = training.outputs_of(counts, Settings(hs=True))
    shares = 0.5 ** np.arange(12)
    for workers, rows in ((2, 7), (8, 5), (32, 3), (100, 3)):
        assert period(workers) == max(PERIOD // workers, LEAST)
        often = shares * period(workers) >= OFTEN
        assert copied_rows(outputs, counts, workers) == often.sum() == rows
    assert copied_rows(outputs, counts, 1) == 0
    assert copied_rows(outputs, 0 * counts, 2) == 0


def in_lockstep(trainer, tokens, starts):
    """Train so that all workers go on with their copies at once: no luck of threads helps."""
    corpus = Corpus(tokens, starts, trainer._keep)
    step, key = trainer._step(len(tokens), len(starts) - 1), trainer._key()
    ends = np.zeros((2, trainer.workers), int)
    todo = iter(range(0, len(tokens), STRETCH))
    busy = True
    while busy:
        busy = False
        for worker, outputs in enumerate(trainer._worker_outputs):
            words, (plan, room) = trainer._words[worker], trainer._plans[worker]
            if ends[0, worker] == ends[1, worker] and (first := next(todo, None)) is not None:
                window = trainer.rules.window
                ends[:, worker] = keep_words(corpus, first, first + STRETCH, key, window, words)
            begin, end = ends[:, worker]
            stop = min(begin + outputs.copies.period, end)
            for i in range(begin, stop, plan.positions.size):
                last = min(i + plan.positions.size, stop)
                windows = plan_windows(
                    trainer.rules, outputs, words, i, last, key, room.context, plan
                )
                train_windows(trainer.rules, outputs, trainer._tables, step, plan, windows, room)
            ends[0, worker] = stop
            busy |= bool(stop > begin)
        for outputs in trainer._worker_outputs:
            reference.synchronise(outputs.copies, trainer._tables.outputs)


@pytest.mark.parametrize("workers", [2, 4, 8, 16])
def test_workers_in_lockstep_learn_what_one_does(workers):
    tokens, starts, counts = text()
    alone = Trainer(counts, 24, TREE, workers=1)
    alone.stretch(tokens, starts, len(tokens))
    trainer = Trainer(counts, 24, TREE, workers=workers)
    in_lockstep(trainer, tokens, starts)
    new, loss, wanted = (
        held_out_loss(t.inputs, t.outputs, counts, tokens, starts, TREE)
        for t in (Trainer(counts, 24, TREE, workers=1), trainer, alone)
    )
    assert wanted < 0.9 * new
    assert loss < wanted + 0.25 * (new - wanted)


def test_a_loaded_state_forgets_what_copies_learned():
    tokens, starts, counts = text(6000)
    trainer = Trainer(counts, 12, replace(TREE, alpha=0.0, min_alpha=0.0), workers=2)
    good = {"inputs": np.ones_like(trainer.inputs), "outputs": np.ones_like(trainer.outputs)}
    trainer._tables.outputs[:, :12] = np.nan
    for outputs in trainer._worker_outputs:
        outputs.copies.seen[:, :12] = np.nan
    trainer.load_state({"epoch": 0, "position": 0}, good)
    trainer.stretch(tokens, starts, len(tokens))
    np.testing.assert_array_equal(trainer.outputs, good["outputs"])
