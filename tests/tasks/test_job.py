"""The main job: parts of the data, the rival, what the outcome tells, and going on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lexon.errors import InputError
from lexon.tasks import TextClassifier, explain, job
from lexon.tasks.baseline import LinearBaseline
from lexon.tasks.explain import fired_ngrams
from lexon.tasks.job import Part, Resumption, identity, train_text
from lexon.text import Labels, Tokenizer, read_examples
from lexon.train.loop import Silent, Training

TEXTS = ["good film", "fine good play", "bad film", "awful bad play"] * 8
LABELS = ["pos", "pos", "neg", "neg"] * 8
SMALL: dict[str, Any] = {"dimension": 6, "filters": 4, "hidden": 5, "windows": (1, 2), "epochs": 8}
TRAIN = Part("training", TEXTS, LABELS)
TEST = Part("test", ["a good one", "Bad  FILM", "so bad"], ["pos", "neg", "neg"])


class Said(list[str]):
    """What was said on the way."""

    def __call__(self, line: str) -> None:
        self.append(line)


class StopAt(Silent):
    """Ends the process's training at a step, without its finding out how."""

    def __init__(self, step: int) -> None:
        self.left = step

    def stepped(self, training: Training) -> None:
        self.left -= 1
        if not self.left:
            raise RuntimeError("the power went out")


def test_the_outcome_holds_network_and_rival_on_every_part() -> None:
    model = TextClassifier("linear", epochs=20)
    outcome = train_text(model, TRAIN, test=TEST)
    assert [e.part for e in outcome.evaluations] == ["held-out", "test"]
    assert [e.part for e in outcome.baseline] == ["held-out", "test"]
    assert [e.rows for e in outcome.evaluations] == [3, 3] == [e.rows for e in outcome.baseline]
    assert outcome.evaluations[1].score == model.score(TEST.texts, TEST.labels) == 1.0
    assert outcome.verdict.startswith("linear: accuracy 1.0000 on 3 test rows, level with linear")
    assert outcome.facts["training rows"] == "29" and outcome.facts["classes"] == "2"
    assert outcome.facts["parameters"] == f"{2 * len(model.vocabulary_) + 2:,}"
    assert outcome.duplicates == (
        *((TEXTS[row], "held-out", LABELS[row]) for row in model.held_out_),
        ("Bad  FILM", "test", "neg"),
    )
    assert outcome.seconds > 0 and outcome.memory > 1e6


def test_a_given_held_out_part_is_used_and_all_rows_are_learned() -> None:
    valid = Part("held-out", ["good play", "awful film"], ["pos", "neg"])
    model = TextClassifier("linear", epochs=5)
    outcome = train_text(model, TRAIN, valid=valid, baseline=False)
    assert model.held_out_ is None and outcome.facts["training rows"] == "32"
    assert [e.part for e in outcome.evaluations] == ["held-out"] and outcome.baseline == ()
    assert outcome.history.best_score == outcome.evaluations[0].score


def test_with_nothing_held_out_nothing_is_claimed() -> None:
    outcome = train_text(TextClassifier("linear", epochs=2, validation_fraction=0), TRAIN)
    assert outcome.evaluations == outcome.baseline == ()
    assert outcome.verdict == "linear: trained, and evaluated on nothing."


def test_the_verdict_says_when_the_baseline_wins() -> None:
    outcome = train_text(TextClassifier("linear", epochs=1, learning_rate=0.0), TRAIN, test=TEST)
    assert outcome.baseline[1].score == 1.0 > outcome.evaluations[1].score
    assert "but the simple baseline wins" in outcome.verdict


def test_labels_are_checked_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TextClassifier, "fit", lambda *a, **k: pytest.fail("it trains"))
    strange = Part("test", ["so so"], ["meh"], "june.csv")
    with pytest.raises(InputError, match=r"^june\.csv: 1 row with the unknown label 'meh'"):
        train_text(TextClassifier(), TRAIN, test=strange)
    with pytest.raises(InputError, match=r"^held-out: .*'meh'"):
        train_text(TextClassifier(), TRAIN, valid=Part("held-out", ["so so"], ["meh"]))
    with pytest.raises(InputError, match=r"^training: there is only one label"):
        train_text(TextClassifier(), Part("training", TEXTS, ["pos"] * 32))
    with pytest.raises(InputError, match="one label here"):
        train_text(TextClassifier(), TRAIN, test=Part("test", ["x"], [("pos",)]))


def test_a_part_knows_the_file_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "june.csv").write_text("text,label\ngood,pos\nbad,neg\n")
    part = Part.of("test", read_examples(tmp_path / "june.csv"))
    assert (part.source, part.texts, part.labels) == ("june.csv", ["good", "bad"], ["pos", "neg"])
    assert part.take("half", [1]) == Part("half", ["bad"], ["neg"], "june.csv")


def test_what_was_cut_short_ends_in_the_same_bytes(tmp_path: Path) -> None:
    whole, said = TextClassifier("mlp", **SMALL, batch_size=5), Said()
    train_text(whole, TRAIN, baseline=False)
    whole.save(tmp_path / "whole")
    path = tmp_path / "c"
    for step in (9, 20, 1):
        with pytest.raises(RuntimeError):
            train_text(
                TextClassifier("mlp", **SMALL, batch_size=5), TRAIN, watcher=StopAt(step),
                resumption=Resumption(path, resume=True, every=0), say=said,
            )  # fmt: skip
    model = TextClassifier("mlp", **SMALL, batch_size=5)
    train_text(model, TRAIN, resumption=Resumption(path, resume=True), say=said, baseline=False)
    model.save(tmp_path / "resumed")
    assert (tmp_path / "resumed").read_bytes() == (tmp_path / "whole").read_bytes()
    assert said[0] == f"nothing to resume at {path}: training from the beginning"
    assert said[1:] == [f"resumed from {path}, epoch {epoch}" for epoch in (2, 5, 5)]


def test_the_end_of_a_run_clears_what_killed_ones_left(tmp_path: Path) -> None:
    path = tmp_path / "m[1].checkpoint"
    mine = [path, tmp_path / ".m[1].checkpoint.abc123", tmp_path / ".m[1].checkpoint.x"]
    others = [tmp_path / name for name in (".m1.checkpoint.abc", "m[1].checkpoint.old", "m[1]")]
    for file in (*mine, *others):
        file.touch()
    Resumption(path).finish()
    assert set(tmp_path.iterdir()) == set(others)


@pytest.mark.parametrize("change", [{"seed": 2}, {"class_weight": {"pos": 2.0}}, {"windows": [3]}])
def test_other_settings_are_another_identity(change: dict[str, Any]) -> None:
    settings = TextClassifier().get_params()
    assert identity(settings, "a") == identity(dict(settings), "a")
    assert identity(settings | change, "a") != identity(settings, "a") != identity(settings, "b")


@pytest.mark.parametrize(
    "labels",
    [
        [("a",), ("b",), ("a", "b"), ()] * 3,
        [("a", "b"), ("a",), ("a", "b"), ("a",)] * 3,  # one label that all rows have
        [("a",), ("b",)] * 6,
    ],
)
def test_the_rival_learns_several_labels(labels: list[tuple[str, ...]]) -> None:
    known = Labels.fit([*labels, ("a", "b", "c")])  # no row here has the label c
    texts = [" ".join((*row, "film")) for row in labels]
    rival = LinearBaseline(Tokenizer("words"), False, seed=1).fit(texts, known, labels)
    evaluation = rival.evaluate(texts, labels, "training")
    learned = {score.name: score.f1 for score in evaluation.per_class}
    assert learned["b"] == 1.0 and learned["c"] == 0.0
    assert evaluation.rows == len(texts)


def test_texts_without_words_have_no_rival() -> None:
    said = Said()
    blank = Part("training", [""] * 40, ["x", "y"] * 20)
    outcome = train_text(TextClassifier("mlp", **SMALL), blank, say=said)
    assert outcome.baseline == () and any("no baseline" in line for line in said)
    assert len(outcome.evaluations) == 1


def test_filters_are_explained_by_ngrams_of_the_texts() -> None:
    model = TextClassifier("cnn", **SMALL | {"epochs": 30}, validation_fraction=0)
    model.fit(TEXTS, LABELS)
    fired = fired_ngrams(model, TEXTS)
    assert fired and {one.window for one in fired} <= {1, 2}
    words = {word for text in TEXTS for word in text.split()}
    for one in fired:
        values = [value for _, value in one.ngrams]
        assert values == sorted(values, reverse=True)
        assert len({ngram for ngram, _ in one.ngrams}) == len(one.ngrams)
        for ngram, _ in one.ngrams:
            assert 0 <= len(ngram.split()) <= one.window and set(ngram.split()) <= words
    strongest = {one.label: one.ngrams[0][0] for one in reversed(fired)}
    assert {"good", "fine"} & set(strongest["pos"].split())
    assert {"bad", "awful"} & set(strongest["neg"].split())
    assert fired_ngrams(model, []) == ()
    assert fired_ngrams(TextClassifier("linear", epochs=1).fit(TEXTS, LABELS), TEXTS) == ()


def test_only_so_many_tokens_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    model = TextClassifier("cnn", **SMALL, validation_fraction=0).fit(TEXTS, LABELS)
    monkeypatch.setattr(explain, "MOST_TOKENS", 5)
    cut = fired_ngrams(model, ["fine good play", "bad film play", "awful play"])
    assert cut and cut == fired_ngrams(model, ["fine good play", "bad film"])


def test_memory_is_in_bytes() -> None:
    assert 10 * 2**20 < job.peak_memory() < 100 * 2**30
