"""One scorer for the word vectors of any tool: held-out loss, analogies, likeness of pairs.

What a tool learned is put into an order that does not depend on the tool, and everything drawn is
drawn by a fixed seed. So all tools answer the same questions, and predict the same words among
the same negatives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.vectors import KeyedVectors
from lexon.vectors.noise import keep_probabilities

Array = npt.NDArray[Any]

WINDOW, NEGATIVES, SAMPLE, EXPONENT, SEED = 5, 5, 1e-3, 0.75, 0
#: Predictions scored at a time: bounds the memory.
BATCH = 4096


@dataclass(frozen=True)
class Learned:
    """The two matrices of a tool: word vectors, and those of the output layer.

    Shapes: counts (V); inputs and outputs (V, D).
    """

    words: list[str]
    counts: Array
    inputs: Array
    outputs: Array

    def in_order(self) -> Learned:
        """By falling count, words of equal count by spelling: tools differ in those."""
        counts = np.asarray(self.counts, np.int64)
        order = sorted(range(len(counts)), key=lambda row: (-counts[row], self.words[row]))
        words = [self.words[row] for row in order]
        return Learned(words, counts[order], self.inputs[order], self.outputs[order])


@dataclass(frozen=True)
class Tests:
    """The files that vectors are scored with. ``frequent``: analogies among so many words."""

    held_out: Path
    analogies: Path
    pairs: dict[str, Path]
    frequent: int | None


def scores(learned: Learned, tests: Tests, skip_gram: bool) -> dict[str, float]:
    """Analogies answered right, of those asked; Spearman by set of pairs; the held-out loss."""
    ordered = learned.in_order()
    vectors = KeyedVectors(ordered.words, ordered.inputs, ordered.counts)
    share, sections = vectors.evaluate_word_analogies(tests.analogies, tests.frequent)
    asked = len(sections[-1]["correct"]) + len(sections[-1]["incorrect"])
    found = {"analogies": share, "questions asked": float(asked)}
    for name, path in tests.pairs.items():
        found[name] = vectors.evaluate_word_pairs(path)[1][0]
    return {**found, "held-out loss": held_out_loss(ordered, tests.held_out, skip_gram)}


def held_out_loss(learned: Learned, path: Path, skip_gram: bool) -> float:
    """The mean loss of predictions in a text that nobody was trained on, in float64.

    Equations: -log sigmoid(h . u_target) - sum over negatives n of log sigmoid(-h . u_n)
        skip-gram     h = the vector of a word, the target each word near it, of every pair both
                      ways: so it is the same for tools trained in either direction
        CBOW          h = the mean of the vectors around a word, the word the target
    Frequent words are thinned out, windows shrink, and negatives are drawn, as in training, but by
    one seed for all. A negative that is the target is left out.

    Units: nats a prediction. ``learned`` is in order.
    """
    random = np.random.default_rng(SEED)
    ids, lines = _kept(learned, path, random)
    made = _pairs(ids, lines, random) if skip_gram else _windows(ids, lines, random)
    noise = np.cumsum(learned.counts.astype(np.float64) ** EXPONENT)
    total, predictions = 0.0, 0
    for contexts, targets in made:
        drawn = random.random((len(targets), NEGATIVES)) * noise[-1]
        negatives = np.minimum(noise.searchsorted(drawn, side="right"), len(noise) - 1)
        total += _loss(learned, contexts, targets, negatives)
        predictions += len(targets)
    return total / max(1, predictions)


def _kept(learned: Learned, path: Path, random: np.random.Generator) -> tuple[Array, Array]:
    """The known words that sub-sampling leaves, end to end, and the line of each."""
    rows = {word: row for row, word in enumerate(learned.words)}
    ids, lines = [], []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file):
            known = [rows[word] for word in line.split() if word in rows]
            ids += known
            lines += [number] * len(known)
    keep = keep_probabilities(learned.counts, SAMPLE)
    array, places = np.array(ids, np.int64), np.array(lines, np.int64)
    kept = random.random(len(array)) < keep[array]
    return array[kept], places[kept]


def _pairs(ids: Array, lines: Array, random: np.random.Generator) -> Iterator[tuple[Array, Array]]:
    """Words that predict, (N, 1), and the words predicted: each drawn pair both ways.

    A pair at distance k is drawn with probability (WINDOW + 1 - k) / WINDOW, as often as windows
    that shrink hold it.
    """
    for distance in range(1, WINDOW + 1):
        near = np.flatnonzero(lines[:-distance] == lines[distance:])
        near = near[random.random(len(near)) < (WINDOW + 1 - distance) / WINDOW]
        first, second = ids[near], ids[near + distance]
        both = np.concatenate([first, second]), np.concatenate([second, first])
        for start in range(0, len(both[0]), BATCH):
            part = slice(start, start + BATCH)
            yield both[0][part, None], both[1][part]


def _windows(
    ids: Array, lines: Array, random: np.random.Generator
) -> Iterator[tuple[Array, Array]]:
    """Rows of the words around a word, -1 where there are fewer, and the words predicted."""
    reach = random.integers(1, WINDOW + 1, len(ids))
    offsets = np.array([o for o in range(-WINDOW, WINDOW + 1) if o])
    for start in range(0, len(ids), BATCH):
        centres = np.arange(start, min(start + BATCH, len(ids)))
        places = centres[:, None] + offsets
        inside = np.clip(places, 0, len(ids) - 1)
        valid = (places == inside) & (lines[inside] == lines[centres, None])
        valid &= np.abs(offsets) <= reach[centres, None]
        some = valid.any(axis=1)
        yield np.where(valid, ids[inside], -1)[some], ids[centres[some]]


def _loss(learned: Learned, contexts: Array, targets: Array, negatives: Array) -> float:
    """The summed loss of predictions.

    Shapes: contexts (N, up to 2 WINDOW), -1 for none; targets (N); negatives (N, NEGATIVES).
    """
    present = contexts >= 0
    rows = learned.inputs[contexts].astype(np.float64) * present[:, :, None]
    hidden = rows.sum(axis=1) / present.sum(axis=1, keepdims=True)
    outputs = np.concatenate([targets[:, None], negatives], axis=1)
    s = np.matmul(learned.outputs[outputs].astype(np.float64), hidden[:, :, None])[:, :, 0]
    others = np.logaddexp(0, s[:, 1:]) * (negatives != targets[:, None])
    return float(np.logaddexp(0, -s[:, 0]).sum() + others.sum())
