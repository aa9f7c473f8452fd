"""Language models: what they learn, score and write, and that none of it hangs on how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexon import parallel
from lexon.errors import InputError, ModelFileError
from lexon.tasks import LanguageModel, load
from lexon.tasks.drawing import draw
from lexon.text.stream import in_rows
from lexon.train.loop import Training

TINY: dict[str, Any] = {
    "hidden": 8, "layers": 2, "steps": 5, "batch_size": 4, "epochs": 2, "dropout": 0.1,
    "learning_rate": 0.01,
}  # fmt: skip
LONGER = {
    "hidden": 16,
    "layers": 1,
    "epochs": 25,
    "learning_rate": 0.03,
    "dropout": 0,
    "steps": 10,
    "patience": None,
}
#: Every b is followed by what stood before it: a b a, c b c.
TEXT = "".join(np.random.default_rng(0).choice(["a b a\n", "c b c\n"], 150))


def fitted(**settings: Any) -> LanguageModel:
    return LanguageModel(**TINY | settings).fit(TEXT)


@pytest.mark.parametrize("model", ["rnn", "gru", "lstm"])
def test_what_came_before_is_remembered(model: str) -> None:
    learned = fitted(model=model, **LONGER)
    nats = dict(learned.scores("a b a\n")[2:])
    assert nats["a"] < 0.3  # a coin would give 0.69
    assert learned.evaluate("c b c\n" * 5).scores["perplexity"] < 1.5


@pytest.mark.parametrize("softmax", ["sampled", "hierarchical"])
def test_other_softmaxes_learn_as_well(softmax: str) -> None:
    learned = fitted(softmax=softmax, samples=20, **LONGER)
    assert learned.evaluate("c b c\n" * 5).scores["perplexity"] < 1.5


def test_tied_weights_are_stored_once(tmp_path: Path) -> None:
    learned = fitted(tied=True)
    names = set(learned.network_.state_dict())
    assert "table.weight" in names and "out.weight" not in names
    learned.save(tmp_path / "m.lexon")
    assert load(tmp_path / "m.lexon").scores("a b") == learned.scores("a b")


def test_scores_by_hand_and_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    learned = fitted()
    scores = learned.scores("a b\nc")
    assert [token for token, _ in scores] == ["a", "b", "\n", "c", "\n"]
    nats = np.array([nats for _, nats in scores])
    found = learned.evaluate("a b\nc").scores
    assert found["nats per token"] == pytest.approx(nats.mean())
    assert found["perplexity"] == pytest.approx(np.exp(nats.mean()))
    assert found["bits per character"] == pytest.approx(nats.sum() / np.log(2) / 5)
    monkeypatch.setattr("lexon.tasks.language.AT_ONCE", 2)
    np.testing.assert_array_equal([n for _, n in learned.scores("a b\nc")], nats)


def test_the_state_is_carried_from_step_to_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without dropout and learning the losses of training are those of the rows as wholes."""
    losses: list[float] = []
    step = Training._step
    settings = TINY | {"dropout": 0, "epochs": 1, "validation_fraction": 0, "learning_rate": 1e-30}
    model = LanguageModel(**settings)

    def noting(training: Training, indices: Any) -> None:
        before = dict(training.task.carried)
        losses.append(training.task.loss(indices).item() * len(indices))
        training.task.carried.clear()
        training.task.carried.update(before)
        step(training, indices)

    monkeypatch.setattr(Training, "_step", noting)
    model.fit(TEXT)
    ids = model.stream_.encode(TEXT, model.vocabulary_)
    inputs, targets = in_rows(ids, 4, 5)
    rows = [model._nats(np.append(row, end[-1])) for row, end in zip(inputs, targets, strict=True)]
    assert sum(losses) / inputs.shape[1] == pytest.approx(float(np.mean(rows)), rel=1e-5)


def test_rows_follow_each_other() -> None:
    inputs, targets = in_rows(np.arange(12), 3, 2)
    np.testing.assert_array_equal(inputs, [[0, 1, 2], [3, 4, 5], [6, 7, 8]])
    np.testing.assert_array_equal(targets, inputs + 1)
    assert in_rows(np.arange(5), 20, 35)[0].shape == (1, 4)


KINDS: list[dict[str, Any]] = [
    {}, {"model": "rnn"}, {"model": "gru", "tied": True}, {"softmax": "hierarchical"},
    {"softmax": "sampled", "samples": 5},
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_an_interrupted_run_goes_on_to_the_same_bytes(tmp_path: Path, kind: Any) -> None:
    settings = TINY | {"epochs": 3} | kind
    whole = LanguageModel(**settings).fit(TEXT)
    whole.save(tmp_path / "whole.lexon")
    states: list[Any] = []

    def stopping(training: Training) -> None:
        class Watcher:
            steps = 0

            def began(self, training: Training) -> None: ...
            def ended(self, training: Training) -> None: ...
            def passed(self, training: Training, epoch: Any) -> None: ...
            def stepped(self, training: Training) -> None:
                self.steps += 1
                if self.steps == 60:
                    states.append(training.state())
                    raise RuntimeError

        training.watcher = Watcher()

    with pytest.raises(RuntimeError):
        LanguageModel(**settings).fit(TEXT, checkpoint=stopping)
    assert 0 < states[0][0]["done"]
    again = LanguageModel(**settings)
    again.fit(TEXT, checkpoint=lambda training: training.load_state(*states[0]))
    again.save(tmp_path / "again.lexon")
    assert (tmp_path / "again.lexon").read_bytes() == (tmp_path / "whole.lexon").read_bytes()


def test_threads_change_no_bit(tmp_path: Path) -> None:
    before = parallel.threads()
    try:
        for number in (1, 3):
            parallel.threads(number)
            model = LanguageModel(hidden=150, layers=1, epochs=1, batch_size=8, steps=20)
            model.fit(TEXT).save(tmp_path / f"{number}.lexon")
    finally:
        parallel.threads(before)
    assert (tmp_path / "1.lexon").read_bytes() == (tmp_path / "3.lexon").read_bytes()


@pytest.mark.parametrize(
    ("text", "share", "held"),
    [
        ("a b\nc d\ne f", 0.0, ""),
        ("a b\nc d\ne f\ng h\n", 0.25, "g h\n"),
        ("a b\nc d\ne f\ng h", 0.25, "g h"),
        ("title\n" + "a b " * 50, 0.1, "b " + "a b " * 5),
        ("a b " * 50, 0.1, "a b " * 5),
        ("a", 0.5, ""),
    ],
)
def test_the_end_is_held_out_behind_a_line_or_a_word(text: str, share: float, held: str) -> None:
    model = LanguageModel(**TINY | {"validation_fraction": share})
    learned, ending = model.parts(text)
    assert (learned + ending, ending) == (text, held)


def test_characters_are_held_out_wherever_it_is() -> None:
    model = LanguageModel(**TINY | {"validation_fraction": 0.1, "level": "char"})
    assert model.parts("abcdefghij" * 3)[1] == "hij"


def test_the_epoch_and_the_verdict_tell_one_held_out_perplexity() -> None:
    learned = fitted()
    _, held = learned.parts(TEXT)
    told = learned.history_.best_score
    assert told == pytest.approx(learned.evaluate(held).scores["perplexity"], rel=1e-6)


def test_line_ends_of_windows_change_nothing() -> None:
    learned = fitted(level="char", lowercase=True)
    lines = "a b a\nc b c\n"
    assert learned.evaluate(lines.replace("\n", "\r\n")).scores == learned.evaluate(lines).scores


def test_a_share_of_unknown_tokens_is_told() -> None:
    learned = LanguageModel(**TINY, min_count=3).fit("rare words\n" + TEXT)
    assert any("% of the tokens are unknown" in note for note in learned.notes_)
    with pytest.raises(InputError, match="none of them frequent enough"):
        LanguageModel(**TINY, min_count=10**6).fit(TEXT)


def test_texts_are_drawn_by_their_seed() -> None:
    learned = fitted()
    drawn = learned.generate("a", 20, seed=3)
    assert drawn == learned.generate("a", 20, seed=3) != learned.generate("a", 20, seed=4)
    assert learned.generate("a b", 0) == ""
    best = learned.generate("a b", 9, temperature=0)
    assert best == learned.generate("a b", 9, top_k=1, seed=8)
    assert learned.generate("", 3) and learned.generate("zzz", 3)


def test_draws_are_in_proportion_and_never_unknown() -> None:
    logarithms = np.log([0.5, 0.3, 0.15, 0.05])
    rng = np.random.default_rng(0)
    found = np.bincount([draw(logarithms.copy(), 1.0, None, rng) for _ in range(4000)], minlength=4)
    np.testing.assert_allclose(found / 4000, [0, 0.6, 0.3, 0.1], atol=0.03)
    found = np.bincount([draw(logarithms.copy(), 0.5, 2, rng) for _ in range(4000)], minlength=4)
    np.testing.assert_allclose(found / 4000, [0, 0.8, 0.2, 0], atol=0.03)


def test_a_learning_rate_that_decays() -> None:
    rates = [e.learning_rate for e in fitted(epochs=5, decay_after=3, decay=0.1).history_.epochs]
    np.testing.assert_allclose(rates, [0.01, 0.01, 0.01, 1e-3, 1e-4])
    stuck = fitted(epochs=4, learning_rate=1e-30, patience=None).history_.epochs
    np.testing.assert_allclose([e.learning_rate for e in stuck], [1e-30, 1e-30, 5e-31, 2.5e-31])


def test_the_best_epoch_has_the_lowest_perplexity() -> None:
    history = fitted(epochs=8, learning_rate=0.5, patience=None).history_
    scores = [epoch.score for epoch in history.epochs]
    assert history.measure == "perplexity" and history.best == int(np.argmin(scores)) + 1
    assert len(set(scores)) > 1


def test_gradients_come_from_far_and_leave_nothing() -> None:
    learned = fitted(dropout=0)
    norms = learned.gradient_norms("a b a\nc b c\n")
    assert set(norms) == {"0", "1"} and len(norms["0"]) == 8
    assert (norms["0"] > 0).all()
    assert all(parameter.grad is None for parameter in learned.network_.parameters())


def test_chinese_characters_are_learned() -> None:
    learned = LanguageModel(level="char", **TINY).fit("我喜欢电影。你不喜欢。\n" * 40)
    assert len(learned.vocabulary_) == 10
    assert set(learned.generate("我", 30)) <= set("我喜欢电影。你不\n")


BAD = [
    ({"model": "cnn"}, "model is 'cnn'"), ({"hidden": 0}, "hidden is 0"),
    ({"level": "text"}, "level is 'text'"), ({"softmax": "half"}, "softmax"),
    ({"decay": 0}, "decay is 0"), ({"clip": -1.0}, "clip"), ({"seed": 2**32}, "seed"),
    ({"tied": True, "dimension": 4}, "tied weights: dimension is 4"),
    ({"tied": True, "softmax": "hierarchical"}, "no vectors of words to tie"),
    ({"max_vocabulary": 1}, "max_vocabulary"), ({"dropout": 1.0}, "dropout"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "message"), BAD)
def test_settings_that_make_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LanguageModel(**TINY | settings).fit(TEXT)


@pytest.mark.parametrize(("text", "message"), [("", "0 tokens"), (["a", 3], "text 1 is int")])
def test_texts_that_cannot_be_learned(text: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        LanguageModel(**TINY).fit(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"temperature": -1}, "temperature"), ({"top_k": 0}, "top_k"), ({"seed": -1}, "seed"),
     ({"seed": 2**32}, "seed"), ({"length": -1}, "length")],
)  # fmt: skip
def test_draws_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fitted(epochs=1).generate("a", **options)


def test_an_empty_text_has_no_scores() -> None:
    with pytest.raises(InputError, match="no tokens"):
        fitted(epochs=1).scores("")


def test_a_file_with_other_weights_is_refused(tmp_path: Path) -> None:
    for name, value, message in [("hidden", 9, "weights"), ("layers", 10**9, "layers")]:
        learned = fitted(epochs=1)
        setattr(learned, name, value)
        learned.save(tmp_path / "m.lexon")
        with pytest.raises(ModelFileError, match=message):
            LanguageModel.load(tmp_path / "m.lexon")
