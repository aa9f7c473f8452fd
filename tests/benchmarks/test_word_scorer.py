"""The scorer of word vectors computes what it says, the same for every tool; the page compares."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import stdev

import numpy as np
import pytest

from benchmarks.reproduce import page, word_scorer, word_vectors
from benchmarks.reproduce.word_scorer import WINDOW, Learned, held_out_loss

WORDS = [f"w{number}" for number in range(30)]


@pytest.fixture
def learned() -> Learned:
    random = np.random.default_rng(0)
    inputs, outputs = random.normal(size=(2, len(WORDS), 8)).astype(np.float32)
    return Learned(WORDS, np.arange(90, 60, -1), inputs, outputs)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    random = np.random.default_rng(1)
    lines = [" ".join(random.choice([*WORDS, "unknown"], size)) for size in (1, 2, 40, 0, 300)]
    path = tmp_path / "held-out.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def _one(learned: Learned, contexts: list[int], target: int, negatives: list[int]) -> float:
    """The loss of one prediction, number by number."""
    hidden = np.mean([learned.inputs[row].astype(float) for row in contexts], axis=0)
    loss = np.log1p(np.exp(-(hidden @ learned.outputs[target].astype(float))))
    for negative in negatives:
        if negative != target:
            loss += np.log1p(np.exp(hidden @ learned.outputs[negative].astype(float)))
    return float(loss)


@pytest.mark.parametrize("width", [1, 4])
def test_loss_of_predictions(learned: Learned, width: int) -> None:
    random = np.random.default_rng(2)
    contexts, targets = random.integers(30, size=(50, width)), random.integers(30, size=50)
    contexts[::3, 1:] = -1
    negatives = random.integers(30, size=(50, 5))
    negatives[:, 2] = targets
    wanted = sum(
        _one(learned, [row for row in some if row >= 0], target, list(drawn))
        for some, target, drawn in zip(contexts, targets, negatives, strict=True)
    )
    assert word_scorer._loss(learned, contexts, targets, negatives) == pytest.approx(wanted, 1e-12)


def test_pairs_are_near_and_both_ways() -> None:
    ids, lines = np.arange(1000), np.repeat([0, 1], [300, 700])
    made = list(word_scorer._pairs(ids, lines, np.random.default_rng(0)))
    pairs = [(int(a), int(b)) for c, t in made for a, b in zip(c[:, 0], t, strict=True)]
    assert all(0 < abs(a - b) <= WINDOW and lines[a] == lines[b] for a, b in pairs)
    assert sorted(pairs) == sorted((b, a) for a, b in pairs) and len(set(pairs)) == len(pairs)
    shares = np.bincount([abs(a - b) for a, b in pairs])[1:] / 2 / 990
    assert shares == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2], abs=0.05)


def test_windows_stay_within_lines() -> None:
    ids, lines = np.arange(500), np.repeat([0, 1, 2], [200, 1, 299])
    made = list(word_scorer._windows(ids, lines, np.random.default_rng(0)))
    centres = np.concatenate([targets for _, targets in made]).tolist()
    assert centres == [row for row in range(500) if row != 200]  # alone in its line
    reaches = []
    for contexts, targets in made:
        for row, centre in zip(contexts, targets, strict=True):
            near = [int(word) for word in row if word >= 0]
            reach = max(abs(word - centre) for word in near)
            first, last = (0, 199) if centre < 200 else (201, 499)
            inside = range(max(first, centre - reach), min(last, centre + reach) + 1)
            assert near == [word for word in inside if word != centre]
            reaches.append(reach)
    assert np.bincount(reaches)[1:] / len(reaches) == pytest.approx([0.2] * WINDOW, abs=0.06)


@pytest.mark.parametrize("skip_gram", [True, False])
def test_loss_is_that_of_the_words_not_of_their_order(
    learned: Learned, text: Path, skip_gram: bool
) -> None:
    mixed = np.random.default_rng(3).permutation(len(WORDS))
    other = Learned(
        [WORDS[row] for row in mixed],
        learned.counts[mixed],
        learned.inputs[mixed],
        learned.outputs[mixed],
    )
    loss = held_out_loss(learned.in_order(), text, skip_gram)
    assert held_out_loss(other.in_order(), text, skip_gram) == loss
    assert held_out_loss(other, text, skip_gram) != loss
    worse = Learned(WORDS, learned.counts, learned.inputs, -learned.outputs)
    assert held_out_loss(worse, text, skip_gram) != loss
    nothing = Learned(WORDS, learned.counts, learned.inputs, 0 * learned.outputs)
    six = 6 * np.log(2)  # less where a negative is the target
    assert 0.95 * six < held_out_loss(nothing, text, skip_gram) < six


def test_frequent_words_are_thinned_out(
    learned: Learned, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_scorer, "SAMPLE", 0.0)
    ids, lines = word_scorer._kept(learned, text, np.random.default_rng(0))
    words = [line.split() for line in text.read_text().split("\n")]
    known = [[word for word in line if word != "unknown"] for line in words]
    assert [WORDS[row] for row in ids] == [word for line in known for word in line]
    assert np.bincount(lines, minlength=5).tolist() == [len(line) for line in known[:5]]
    monkeypatch.setattr(word_scorer, "SAMPLE", 1e-3)  # of shares of 1/30: sqrt(0.03) + 0.03
    kept, _ = word_scorer._kept(learned, text, np.random.default_rng(0))
    assert len(kept) / len(ids) == pytest.approx(0.2, abs=0.06)


def test_words_of_equal_count_stand_by_spelling() -> None:
    vectors = np.arange(3.0)[:, None]
    ordered = Learned(["c", "b", "a"], np.array([2, 5, 2]), vectors, -vectors).in_order()
    assert ordered.words == ["b", "a", "c"] and ordered.counts.tolist() == [5, 2, 2]
    assert ordered.inputs.ravel().tolist() == [1, 2, 0]
    assert ordered.outputs.ravel().tolist() == [-1, -2, 0]


def test_differences_are_taken_seed_by_seed() -> None:
    own, other = [0.5, 0.7, 0.6], [0.4, 0.65, 0.45]
    results = {f"ours-seed-{n}": {"score": s, "rate": 1.0} for n, s in enumerate(own)}
    results |= {f"theirs-seed-{n}": {"score": s} for n, s in enumerate(other)}
    results["theirs-seed-9"] = {"score": 100.0}  # without a partner
    results["ours-other-seed-1"] = {"score": 100.0}
    (line,) = page.compared("test", (("ours", "theirs"), ("ours", "nobody")), results)
    error = stdev([0.1, 0.05, 0.15]) / 3**0.5
    assert line == (
        f"| test: ours, theirs | score | 0.6000 ± 0.1000 | 0.5000 ± {stdev(other):.4f}"
        f" | +0.1000 ± {error:.4f} | 0, 1, 2 |"
    )


def test_the_best_rate_is_that_of_the_least_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_vectors, "RESULTS", tmp_path)
    trained: list[word_vectors.Training] = []

    def english(run: word_vectors.Training, data: Path) -> dict[str, float]:
        trained.append(run)
        return {"held-out loss": abs(run.rate - 0.1), "rate": run.rate}

    monkeypatch.setattr(word_vectors, "english", english)
    results = {}
    for cell, run in word_vectors.cbow("cbow", 100).items():
        run = run if "best" in cell else word_vectors.partial(english, *run.args)
        results[cell] = run(tmp_path)
        (tmp_path / "cbow").mkdir(exist_ok=True)
        (tmp_path / "cbow" / f"{cell}.json").write_text(json.dumps(results[cell]))
    assert {results[f"{tool}-best-seed-{n}"]["rate"] for tool in word_vectors.TOOLS for n in (1, 2)
            } == {0.1}  # fmt: skip
    best = [run for run in trained if run.rate == 0.1 and run.seed > 1]
    assert [(run.tool, run.seed) for run in best] == [
        ("lexon", 2), ("lexon", 3), ("gensim", 2), ("gensim", 3),
    ]  # fmt: skip
    assert len(trained) == 2 * (4 + 2 + 2)  # seed 1 of the best rate is not trained again


def test_every_hundredth_line_is_held_out() -> None:
    train, held = word_vectors._divided("test", (f"{number}\n" for number in range(250)))
    assert held.read_text().split() == ["99", "199"]
    rest = [str(number) for number in range(250) if number not in (99, 199)]
    assert train.read_text().split() == rest
