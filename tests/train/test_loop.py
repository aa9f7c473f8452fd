"""Training: the best epoch kept, stopped in time, and resumed to the bit."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from lexon import ops
from lexon.errors import InputError, NonFiniteError
from lexon.train.history import Epoch, History, shown
from lexon.train.loop import Plan, Silent, Task, Training
from tests.train.runs import make, weights

STEPS_AN_EPOCH = 3


class Recorder(Silent):
    """Keeps the state after every step, through JSON as in a file, and every epoch's weights."""

    def __init__(self):
        self.states, self.epochs, self.running = [], [], []

    def keep(self, training):
        content, arrays = training.state()
        copies = {name: array.copy() for name, array in arrays.items()}
        self.states.append((json.dumps(content), copies))

    def began(self, training):
        self.keep(training)

    def stepped(self, training):
        self.running.append(training.running_loss)
        self.keep(training)

    def passed(self, training, epoch):
        self.epochs.append(weights(training))
        self.keep(training)


@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
def test_a_run_resumed_at_any_step_ends_with_the_same_bits(optimizer):
    recorder = Recorder()
    whole = make(0, 3, optimizer=optimizer, watcher=recorder, clip=0.5)
    history = whole.run()
    assert len(recorder.states) == 1 + 3 * (STEPS_AN_EPOCH + 1)
    for content, arrays in recorder.states:
        again = make(7, 3, optimizer=optimizer, rate=0.5, clip=0.5)
        again.network.late.rng.random(5)
        again.load_state(json.loads(content), arrays)
        assert again.run() == history
        assert weights(again) == weights(whole)
        content_now, arrays_now = again.state()
        wanted, wanted_arrays = whole.state()
        assert json.dumps(content_now) == json.dumps(wanted)
        assert {n: a.tobytes() for n, a in arrays_now.items()} == {
            n: a.tobytes() for n, a in wanted_arrays.items()
        }


def test_the_seed_decides():
    one, same, other = make(0), make(0), make(1)
    assert one.run() == same.run()
    assert weights(one) == weights(same)
    assert one.history != other.run()


def test_training_learns():
    training = make(0, 40)
    losses = [epoch.loss for epoch in training.run().epochs]
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([0.1, 0.5, 0.3], 2),
        ([0.5, 0.5, 0.5], 3),  # the loss falls, and decides between equal scores
        ([0.5, 0.5, 0.1], 2),
        ([0.1, 0.2, 0.3], 3),
        ([math.nan, 0.2, 0.1], 2),
        ([0.2, math.nan, 0.1], 1),
        ([math.nan, math.nan, math.nan], 3),
    ],
)
def test_the_best_epoch_is_kept(scores, best):
    recorder = Recorder()
    training = make(0, 3, scores=scores, watcher=recorder)
    history = training.run()
    assert history.best == best
    np.testing.assert_equal(history.best_score, scores[best - 1])
    assert weights(training) == recorder.epochs[best - 1]
    assert len({tuple(w.values()) for w in recorder.epochs}) == 3
    assert history.stopped == "all epochs"
    assert not training.network.training


def test_without_validation_the_last_epoch_is_kept():
    training = make(0, 3, watcher=(recorder := Recorder()))
    training.task = Task(10, training.task.loss, None)
    history = training.run()
    assert history.best == 3
    assert history.best_score is None
    assert weights(training) == recorder.epochs[2]


@pytest.mark.parametrize(
    ("patience", "scores", "epochs", "why"),
    [
        (1, [3, 2, 4, 5, 6], 2, "no better for 1 epochs"),
        (2, [3, 2, 4, 3, 3, 9], 5, "no better for 2 epochs"),
        (2, [3, 2, 4, 3, 5, 9], 6, "all epochs"),
        (None, [3, 2, 1, 0, 0, 0], 6, "all epochs"),
    ],
)
def test_patience(patience, scores, epochs, why):
    training = make(0, 6, scores=scores, patience=patience)
    history = training.run()
    assert len(history.epochs) == epochs
    assert history.stopped == why
    assert history.best_score == max(scores[:epochs])


class Interrupter(Recorder):
    def __init__(self, step):
        super().__init__()
        self.left = step

    def stepped(self, training):
        super().stepped(training)
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("step", range(1, 10))
def test_an_interrupt_keeps_the_best_so_far(step):
    watcher = Interrupter(step)
    training = make(0, 3, scores=[0.9, 0.1, 0.2], watcher=watcher)
    finished = (step - 1) // STEPS_AN_EPOCH
    if not finished:  # nothing to keep
        with pytest.raises(KeyboardInterrupt):
            training.run()
        assert not training.network.training
        return
    history = training.run()
    assert history.stopped == "interrupted"
    assert len(history.epochs) == finished
    assert history.best == 1
    assert history.best_score == 0.9
    assert weights(training) == watcher.epochs[0]
    assert not training.network.training


@pytest.mark.parametrize("where", ["state_dict", "validate"])
def test_an_interrupt_at_the_end_of_an_epoch_leaves_a_history_that_agrees(where, monkeypatch):
    training = make(0, 3)

    def interrupt(*_):
        raise KeyboardInterrupt

    if where == "state_dict":
        monkeypatch.setattr(training.network, "state_dict", interrupt)
    else:
        training.task = Task(10, training.task.loss, interrupt)
    with pytest.raises(KeyboardInterrupt):
        training.run()
    assert training.history == History("score")
    assert not training.network.training


@pytest.mark.parametrize("layer", ["table", "out", "conv"])
def test_nan_names_the_layer_and_a_rate(layer):
    training = make(0, 3, rate=0.05)
    module = getattr(training.network, layer)
    name, parameter = next(iter(module.named_parameters()))
    parameter.assign(np.full(parameter.shape, np.nan))
    with pytest.raises(NonFiniteError) as caught:
        training.run()
    message = str(caught.value)
    assert message.startswith("training left the finite numbers in epoch 1: NaN first in ")
    assert f"parameter {layer}.{name}\n" in message
    assert "learning rate 0.05 is probably too high: try 0.005" in message
    assert not training.network.training


@pytest.mark.parametrize("clip", [None, 1.0])
def test_a_gradient_that_is_nan_is_told_too(clip):
    training = make(0, 3, clip=clip)
    inner = training.task.loss

    def loss(indices):
        zero = training.network.out.bias * 0
        return inner(indices) + ops.sqrt(zero).sum() * 0  # the value 0, its gradient 0/0

    training.task = Task(10, loss, None)
    with (
        np.errstate(all="ignore"),
        pytest.raises(NonFiniteError, match=r"(?s)in epoch 1: .*out\.bias.*try 0\.005"),
    ):
        training.run()


def test_what_an_epoch_records():
    training = make(0, 2, clip=0.5, watcher=(recorder := Recorder()))
    first, second = training.run().epochs
    assert (first.epoch, second.epoch) == (1, 2)
    assert first.loss == pytest.approx(recorder.running[2], rel=1e-12)
    assert second.loss == pytest.approx(recorder.running[5], rel=1e-12)
    assert first.learning_rate == 0.05
    assert first.valid_loss == pytest.approx(-first.score)
    assert first.gradient_norm > 0.5
    assert 0 < first.clipped <= 1


def test_the_loss_of_an_epoch_is_the_mean_over_examples():
    """The last batch is smaller: a mean over batches would weigh its examples more."""
    seen = []
    training = make(0, 1)
    inner = training.task.loss

    def loss(indices):
        value = inner(indices)
        seen.extend([value.item()] * len(indices))
        return value

    training.task = Task(10, loss, None)
    assert training.run().epochs[0].loss == pytest.approx(np.mean(seen), rel=1e-12)
    assert len(seen) == 10
    assert len(set(seen)) == 3


def test_every_example_is_seen_once_an_epoch_in_a_new_order():
    seen = []
    training = make(0, 3)
    inner = training.task.loss
    training.task = Task(10, lambda i: (seen.append(i.copy()), inner(i))[1], None)
    training.run()
    epochs = [np.concatenate(seen[k : k + 3]) for k in (0, 3, 6)]
    assert [len(batch) for batch in seen] == [4, 4, 2] * 3
    for order in epochs:
        np.testing.assert_array_equal(np.sort(order), np.arange(10))
    assert len({tuple(order) for order in epochs}) == 3


def test_a_step_takes_no_more_than_fits_and_one_example_at_least():
    sizes, steps = np.array([3, 1, 9, 1, 5, 2, 2, 3, 1, 2]), []
    training = make(0, 2)
    inner = training.task.loss

    def loss(indices):
        steps.append(indices.copy())
        return inner(indices)

    training.task = Task(10, loss, None, sizes=sizes, largest=6)
    training.run()
    assert sorted(np.concatenate(steps).tolist()) == sorted([*range(10)] * 2)
    order = np.concatenate(steps)
    place = 0
    for step in steps:
        place += len(step)
        assert len(step) <= 4 and (sizes[step].sum() <= 6 or len(step) == 1)
        if len(step) < 4 and place not in (10, 20):
            assert sizes[step].sum() + sizes[order[place]] > 6


def test_examples_in_their_order_and_what_is_carried_are_resumed():
    def carrying(training):
        inner, carried = training.task.loss, {"last": np.zeros(1)}

        def loss(indices):
            carried["last"] = carried["last"] * 0.5 + indices.sum()
            return inner(indices) * float(1 + carried["last"][0] / 100)

        training.task = Task(10, loss, None, shuffled=False, carried=carried)
        return training

    recorder = Recorder()
    whole = carrying(make(0, 2, watcher=recorder))
    whole.run()
    for content, arrays in recorder.states:
        assert arrays["order"].tolist() in ([], [*range(10)])
        again = carrying(make(7, 2))
        again.load_state(json.loads(content), arrays)
        again.run()
        assert weights(again) == weights(whole)


def test_after_each_step_the_task_may_act():
    calls = []
    training = make(0, 2)
    training.task = Task(10, training.task.loss, None, calls.append)
    training.run()
    assert calls == [4, 8, 10, 14, 18, 20]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ((0, 4), "epochs is 0"),
        ((1, 0), "batch_size is 0"),
        ((1, 4, 0), "patience is 0"),
        ((1, 4, None, 0.0), "clip is 0.0"),
        ((1, 4, None, math.nan), "clip is nan"),
    ],
)
def test_a_plan_is_checked(settings, message):
    with pytest.raises(InputError, match=message):
        Plan(*settings)


def test_no_examples_are_the_users_mistake():
    one = make()
    with pytest.raises(InputError, match="no examples to train on"):
        Training(one.network, one.optimizer, Task(0, one.task.loss, None), one.plan, one.rng)


def test_a_history_survives_json():
    epochs = [Epoch(1, 0.5, None, None, 0.1, 1.0, 0.0), Epoch(2, 0.4, 0.9, 0.3, 0.1, 2.0, 0.5)]
    history = History("accuracy", epochs, 2, "interrupted")
    assert History.from_json(json.loads(json.dumps(history.to_json()))) == history
    assert history.best_score == 0.9


@pytest.mark.parametrize(
    ("score", "text"),
    [(0.5, "0.5000"), (-3.25, "-3.2500"), (1234567.0, "1234567.0000"), (1.0142e304, "1.014e+304")],
)
def test_scores_too_large_for_decimals_are_short(score, text):
    assert shown(score) == text
