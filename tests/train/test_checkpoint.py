"""A checkpoint continues the same run, or says why it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from lexon.errors import InputError
from lexon.train.checkpoint import Checkpoint
from lexon.train.loop import Silent
from tests.train.runs import make, weights


class Crash(Exception):
    pass


class CrashAt(Silent):
    def __init__(self, step):
        self.left = step

    def stepped(self, training):
        self.left -= 1
        if self.left == 0:
            raise Crash


@pytest.mark.parametrize("step", [1, 2, 4, 8])
@pytest.mark.parametrize("save_every", [0.0, 1e9], ids=["every step", "every epoch"])
def test_a_crashed_run_goes_on_to_the_same_bits(tmp_path, step, save_every):
    whole = make()
    history = whole.run()
    keep = Checkpoint(tmp_path / "c", "same data")
    crashed = make(save=keep.save, save_every=save_every, watcher=CrashAt(step))
    with pytest.raises(Crash):
        crashed.run()
    again = make(seed=5)
    saved = step > (1 if save_every == 0 else 3)
    assert Checkpoint(tmp_path / "c", "same data").resume(again) == saved
    again = again if saved else make()
    assert again.run() == history
    assert weights(again) == weights(whole)


def saved_checkpoint(path: Path):
    training = make()
    training.run()
    Checkpoint(path, "identity").save(training)
    return training


def test_without_a_file_training_begins(tmp_path):
    training = make()
    before = weights(training)
    assert not Checkpoint(tmp_path / "c", "identity").resume(training)
    assert weights(training) == before


def test_one_of_other_data_is_refused(tmp_path):
    saved_checkpoint(tmp_path / "c")
    training = make()
    before = weights(training)
    with pytest.raises(InputError, match=r"c: the checkpoint is of other data or other settings\n"):
        Checkpoint(tmp_path / "c", "another").resume(training)
    assert weights(training) == before


@pytest.mark.parametrize(
    "harm",
    [
        lambda raw: raw[: len(raw) // 2],
        lambda raw: raw[:-1],
        lambda raw: raw[:200] + bytes([raw[200] ^ 4]) + raw[201:],
        lambda raw: raw[:-9] + bytes([raw[-9] ^ 4]) + raw[-8:],
        lambda raw: b"",
        lambda raw: b"something else",
    ],
    ids=["half", "last byte", "bit of header", "bit of array", "empty", "text"],
)
def test_a_damaged_one_is_refused(tmp_path, harm):
    path = tmp_path / "c"
    saved_checkpoint(path)
    path.write_bytes(harm(path.read_bytes()))
    training = make()
    before = weights(training)
    with pytest.raises(InputError, match=r"(?s)not a usable checkpoint.*remove it and train"):
        Checkpoint(path, "identity").resume(training)
    assert weights(training) == before


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_it_is_written_whole_or_not_at_all(tmp_path, monkeypatch, error):
    path = tmp_path / "c"
    whole = saved_checkpoint(path)
    before = path.read_bytes()

    def half(self, raw):
        with open(self, "wb") as file:
            file.write(raw[: len(raw) // 2])
        raise error

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises((InputError, KeyboardInterrupt)):
        Checkpoint(path, "identity").save(make())
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    again = make()
    assert Checkpoint(path, "identity").resume(again)
    assert weights(again) == weights(whole)


def test_remove(tmp_path):
    keep = Checkpoint(tmp_path / "c", "identity")
    keep.remove()
    keep.save(make())
    keep.remove()
    assert not keep.path.exists()
