"""How the text classifier trains: loss, weights of classes, held-out rows, epochs, bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logsumexp, softmax
from sklearn.exceptions import NotFittedError
from sklearn.utils.class_weight import compute_class_weight

from lexon import storage
from lexon.errors import InputError, NonFiniteError
from lexon.tasks import TextClassifier, classify
from lexon.train.history import Epoch
from lexon.train.loop import Silent, Training

TEXTS = ["good film", "fine good play", "bad film", "awful bad play"] * 8
LABELS = ["pos", "pos", "neg", "neg"] * 8
SMALL: dict[str, Any] = {"dimension": 5, "filters": 4, "hidden": 6, "windows": (1, 3), "epochs": 3}


class Losses(Silent):
    """Remembers the loss of every step and the weights after every epoch."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.weights: list[dict[str, Any]] = []

    def stepped(self, training: Training) -> None:
        self.losses.append(training.running_loss)

    def passed(self, training: Training, epoch: Epoch) -> None:
        self.weights.append(training.network.state_dict())


def first_loss(labels: list[Any], **settings: Any) -> tuple[TextClassifier, float]:
    """A model that has not learned (rate 0), and its loss on all rows in one step."""
    watcher = Losses()
    model = TextClassifier(
        "mlp",
        **SMALL | {"epochs": 1, "learning_rate": 0.0, "validation_fraction": 0, "dropout": 0.0,
                   "batch_size": 1000} | settings,
    )  # fmt: skip
    model.fit(TEXTS, labels, watcher=watcher)
    return model, watcher.losses[0]


def rare(share: int) -> list[int]:
    """Class 1 in one of `share` rows."""
    return [int(row % share == 0) for row in range(len(TEXTS))]


def logits(model: TextClassifier) -> Any:
    return model._logits(model.encoder_(TEXTS)).astype(np.float64)


def negative_log(model: TextClassifier) -> Any:
    """-log of each class's probability, from the logits (N, C)."""
    scores = logits(model)
    return logsumexp(scores, axis=1, keepdims=True) - scores


@pytest.mark.parametrize("given", [None, "balanced", {0: 1.5, 1: 4.0}, {1: 0.0}])
def test_class_weights_weigh_the_loss_as_scikit_learn_defines_them(given: Any) -> None:
    y = rare(8)
    model, loss = first_loss(y, class_weight=given)
    named = {0: 1.0, 1: 1.0} | given if isinstance(given, dict) else given
    weights = compute_class_weight(named, classes=np.array([0, 1]), y=y)[y]
    each = negative_log(model)[np.arange(len(y)), y]
    assert loss == pytest.approx((weights * each).sum() / weights.sum(), rel=1e-5)


@pytest.mark.parametrize("given", [None, "balanced", {1: 0.0}])
def test_one_sigmoid_has_the_same_weights(given: Any) -> None:
    y = rare(8)
    model, loss = first_loss(y, class_weight=given, output="sigmoid")
    named = {0: 1.0, 1: 1.0} | given if isinstance(given, dict) else given
    weights = compute_class_weight(named, classes=np.array([0, 1]), y=y)[y]
    each = np.logaddexp(0, logits(model)[:, 0] * np.where(y, -1, 1))
    assert loss == pytest.approx((weights * each).sum() / weights.sum(), rel=1e-5)


@pytest.mark.parametrize("given", [None, "balanced"])
def test_several_labels_have_a_sigmoid_each(given: Any) -> None:
    y = [["a"] if row % 4 else ["a", "b"] for row in range(16)] + [[]] * 16
    model, loss = first_loss(y, class_weight=given)
    truth = np.array([["a" in labels, "b" in labels] for labels in y])
    weights = len(y) / (2 * truth.sum(0)) if given else np.ones(2)
    each = np.logaddexp(0, np.where(truth, -1, 1) * logits(model))
    assert loss == pytest.approx((weights * each).mean(), rel=1e-5)


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_rows_that_weigh_nothing_alone_in_a_step_do_no_harm(output: str) -> None:
    model = TextClassifier(
        "mlp", **SMALL, class_weight={"neg": 0.0}, batch_size=1, output=output
    ).fit(TEXTS, LABELS)
    assert np.isfinite(model.predict_proba(TEXTS)).all()
    assert (model.predict(TEXTS) == "pos").all()


def test_one_sigmoid_gives_its_value_and_the_rest() -> None:
    model = TextClassifier("linear", output="sigmoid", epochs=10).fit(TEXTS, LABELS)
    chances, score = model.predict_proba(TEXTS), logits(model)[:, 0]
    np.testing.assert_allclose(chances[:, 1], expit(score), rtol=1e-6)
    assert (chances[:, 0] == 1 - chances[:, 1]).all()
    assert model.network_.bias.shape == (1,)
    assert model.score(TEXTS, LABELS) == 1.0


def test_what_is_held_out_keeps_the_share_of_every_class() -> None:
    y = ["rare"] * 8 + ["usual"] * 24
    model = TextClassifier("linear", epochs=1, validation_fraction=0.25, seed=3).fit(TEXTS, y)
    held = [y[row] for row in model.held_out_]
    assert (held.count("rare"), held.count("usual")) == (2, 6)
    other = TextClassifier("linear", epochs=1, validation_fraction=0.25, seed=4).fit(TEXTS, y)
    assert model.held_out_.tolist() != other.held_out_.tolist()


def test_held_out_rows_teach_nothing() -> None:
    words = [f"{text} w{row}" for row, text in enumerate(TEXTS)]
    model = TextClassifier("linear", epochs=1, validation_fraction=0.25).fit(words, LABELS)
    held = set(model.held_out_.tolist())
    known = {row for row in range(len(words)) if f"w{row}" in model.vocabulary_}
    assert known == set(range(len(words))) - held
    everything = TextClassifier("linear", epochs=1, validation_fraction=0).fit(words, LABELS)
    assert everything.held_out_ is None and "w31" in everything.vocabulary_


def test_the_best_epoch_is_kept_and_patience_ends_training() -> None:
    watcher = Losses()
    random = np.random.default_rng(0)
    noise = [" ".join(random.choice(list("abcdefgh"), 6)) for _ in range(60)]
    y = random.choice(["x", "y"], 60).tolist()
    model = TextClassifier("linear", epochs=60, patience=3, learning_rate=1.0, seed=2)
    model.fit(noise[:40], y[:40], valid=(noise[40:], y[40:]), watcher=watcher)
    history = model.history_
    scores = [epoch.score for epoch in history.epochs]
    assert history.best == 1 + scores.index(max(scores)) and history.best < len(scores)
    assert len(scores) == history.best + 3 and history.stopped == "no better for 3 epochs"
    kept = model.network_.state_dict()
    assert all((kept[name] == watcher.weights[history.best - 1][name]).all() for name in kept)
    assert any((kept[name] != watcher.weights[-1][name]).any() for name in kept)
    assert model.score(noise[40:], y[40:]) == history.best_score


@pytest.mark.parametrize("name", ["linear", "mlp", "cnn", "bilstm", "gru"])
def test_a_text_alone_has_the_bits_it_has_among_others(name: str, monkeypatch: Any) -> None:
    random = np.random.default_rng(1)
    words = "good bad fine awful film play".split()
    texts = [" ".join(random.choice(words, random.integers(0, 12))) for _ in range(40)]
    model = TextClassifier(name, **SMALL).fit(TEXTS, LABELS)
    together = model.predict_proba(texts)
    alone = np.concatenate([model.predict_proba([text]) for text in texts])
    assert together.tobytes() == alone.tobytes()
    assert len(np.unique(together[:, 0])) > 20
    monkeypatch.setattr(classify, "TOKENS_AT_ONCE", 10)
    assert model.predict_proba(texts).tobytes() == alone.tobytes()


@pytest.mark.parametrize("name", ["linear", "mlp", "cnn", "bilstm", "gru"])
def test_the_same_seed_gives_the_same_bytes_on_any_number_of_threads(
    name: str, tmp_path: Any, on_threads: Any
) -> None:
    def trained(seed: int) -> bytes:
        wide = {"dimension": 40, "hidden": 300, "filters": 40, "batch_size": 400}
        model = TextClassifier(name, **SMALL | wide, seed=seed)
        model.fit([f"{text} " * 20 for text in TEXTS * 10], LABELS * 10)
        model.save(tmp_path / "m.lexon")
        return (tmp_path / "m.lexon").read_bytes()

    least = 0 if name == "linear" else 1  # its work is too little to share
    one, two = (on_threads(threads, lambda: trained(5), least) for threads in (1, 2))
    assert one == two != trained(6)


def test_texts_too_few_to_hold_out_all_train_and_a_note_says_so() -> None:
    model = TextClassifier("linear", epochs=3).fit(TEXTS[:4], LABELS[:4])
    assert model.held_out_ is None and "4 rows are too few" in model.notes_[0]
    assert [epoch.score for epoch in model.history_.epochs] == [None] * 3
    assert {"awful", "fine", "film"} <= set(model.vocabulary_.words)


def test_a_fit_that_fails_leaves_nothing() -> None:
    model = TextClassifier("mlp", **SMALL).fit(TEXTS, LABELS)
    with pytest.raises(NonFiniteError):
        model.set_params(optimizer="sgd", learning_rate=1e60).fit(TEXTS, ["a", "b", "c", "d"] * 8)
    assert vars(model) == model.get_params()
    with pytest.raises(NotFittedError):
        model.predict(TEXTS)


@pytest.mark.parametrize("name", ["linear", "mlp", "cnn", "bilstm", "gru"])
def test_the_usual_optimizer_named_is_the_usual_optimizer(name: str) -> None:
    usual = TextClassifier(name, **SMALL).fit(TEXTS, LABELS)
    rate, kind = usual.history_.epochs[0].learning_rate, classify.USUAL[name][0]
    named = TextClassifier(name, **SMALL, optimizer=kind).fit(TEXTS, LABELS)
    assert named.history_.epochs[0].learning_rate == rate == classify.USUAL[name][1]


def test_the_rate_falls_to_0_by_the_cosine_schedule() -> None:
    model = TextClassifier(
        "mlp", **SMALL | {"epochs": 4, "batch_size": 2, "max_norm": 0.2}, schedule="cosine"
    )
    model.fit(TEXTS, LABELS)
    rates = [epoch.learning_rate for epoch in model.history_.epochs]
    assert rates == sorted(rates, reverse=True) and rates[0] < 0.003 and rates[-1] < 3e-4
    norms = np.linalg.norm(model.network_.out.weight.value, axis=1)
    assert norms.max() <= 0.1 * (1 + 1e-6), "what follows a step is done beside the schedule"


def test_words_are_hidden_in_training_alone() -> None:
    settings = SMALL | {"epochs": 30, "dropout": 0.0, "batch_size": 5}
    losses = {
        rate: TextClassifier("mlp", **settings, word_dropout=rate).fit(TEXTS, LABELS)
        for rate in (0.0, 0.99)
    }
    last = {rate: model.history_.epochs[-1].loss for rate, model in losses.items()}
    assert last[0.0] < 0.1 < 0.5 < last[0.99]
    model = losses[0.99]
    ids = model.encoder_(TEXTS)
    assert ids.rows.all(), "all words are known"
    model.network_.eval()
    wanted = softmax(model.network_(ids.rows, ids.lengths).value, axis=1)
    np.testing.assert_allclose(model.predict_proba(TEXTS), wanted, rtol=1e-5)


def test_the_cosine_schedule_ends_with_the_last_step_of_portions_too(monkeypatch: Any) -> None:
    """Long texts make more steps of an epoch than the batch size tells."""
    monkeypatch.setattr(classify, "LONGEST_READ", 8)
    model = TextClassifier("gru", **SMALL | {"epochs": 4, "batch_size": 99}, schedule="cosine")
    rates = [epoch.learning_rate for epoch in model.fit(TEXTS, LABELS).history_.epochs]
    assert rates == sorted(rates, reverse=True) and rates[-2] > 1e-4 > rates[-1] > 0


def test_fitting_again_begins_anew() -> None:
    model = TextClassifier("mlp", **SMALL)
    first = model.fit(TEXTS, LABELS).predict_proba(TEXTS).tobytes()
    model.fit(TEXTS[::-1], LABELS)
    assert model.fit(TEXTS, LABELS).predict_proba(TEXTS).tobytes() == first


@pytest.mark.parametrize("name", ["linear", "mlp", "cnn", "bilstm", "gru"])
@pytest.mark.parametrize("batch_size", [5, 1000])
def test_a_rate_that_explodes_is_an_error_with_a_remedy(name: str, batch_size: int) -> None:
    settings = SMALL | {"optimizer": "sgd", "learning_rate": 1e60, "batch_size": batch_size}
    with pytest.raises(NonFiniteError) as caught:
        TextClassifier(name, **settings | {"epochs": 6}).fit(TEXTS, LABELS)
    assert "finite" in str(caught.value) and "learning rate" in str(caught.value)


@pytest.mark.parametrize("held", [0, 0.1])
def test_weights_that_are_not_finite_are_never_kept(held: float) -> None:
    settings = SMALL | {"epochs": 1, "optimizer": "sgd", "learning_rate": 1e60, "batch_size": 99}
    with pytest.raises(NonFiniteError, match="finite"):
        TextClassifier("mlp", **settings, validation_fraction=held, max_norm=None).fit(
            TEXTS, LABELS
        )


def test_scores_of_held_out_texts_that_are_not_finite_are_an_error(monkeypatch: Any) -> None:
    monkeypatch.setattr(TextClassifier, "_logits", lambda self, ids: np.full((len(ids), 2), np.nan))
    with pytest.raises(NonFiniteError, match="held-out texts are not finite"):
        TextClassifier("linear", epochs=2).fit(TEXTS, LABELS)


def test_the_layer_that_exploded_is_named() -> None:
    settings = SMALL | {"optimizer": "sgd", "learning_rate": 1e30, "batch_size": 5}
    with pytest.raises(NonFiniteError, match=r"in hidden .*\n.* try 1e\+29"):
        TextClassifier("mlp", **settings).fit(TEXTS, LABELS)


def test_longer_runs_of_words_are_words_too() -> None:
    plain = TextClassifier("linear", epochs=1, word_ngrams=1).fit(TEXTS, LABELS)
    runs = TextClassifier("linear", epochs=1, word_ngrams=3).fit(TEXTS, LABELS)
    assert "fine good play" in runs.vocabulary_ and "fine good" not in plain.vocabulary_
    assert "good film" in TextClassifier("mlp", **SMALL).fit(TEXTS, LABELS).vocabulary_
    assert "good film" not in TextClassifier("cnn", **SMALL).fit(TEXTS, LABELS).vocabulary_


def test_rare_words_and_words_beyond_the_limit_are_unknown() -> None:
    texts = [*TEXTS, "zebra film"]
    model = TextClassifier("linear", epochs=1, min_count=2, validation_fraction=0)
    assert "zebra" not in model.fit(texts, [*LABELS, "pos"]).vocabulary_
    model.set_params(min_count=1, max_vocabulary=4, word_ngrams=1)
    assert len(model.fit(texts, [*LABELS, "pos"]).vocabulary_) == 4
    assert "GOOD" in model.set_params(lowercase=False, max_vocabulary=None).fit(
        [text.upper() for text in TEXTS], LABELS
    ).vocabulary_  # fmt: skip


def test_a_vocabulary_that_no_file_holds_is_refused_before_training(monkeypatch: Any) -> None:
    monkeypatch.setattr(storage, "_LONGEST_HEADER", 100)
    monkeypatch.setattr("lexon.tasks.common.run_training", lambda run: pytest.fail("it trains"))
    with pytest.raises(InputError, match=r"words of the vocabulary take .*\n.*--min-count 2"):
        TextClassifier("linear", epochs=1).fit(TEXTS, LABELS)
