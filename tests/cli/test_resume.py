"""Runs that are killed, interrupted, or out of disk: what is left is whole, and can go on."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lexon import storage
from lexon.tasks import load
from lexon.train.loop import Training
from tests.cli.commands import TINY, lexon, reviews, start, write
from tests.cli.kill_resume import kill

RUN = ("train", "reviews.csv", *TINY, "--epochs", "5", "--patience", "9", "--batch-size", "6",
       "--word-dropout", "0.2", "--schedule", "cosine", "-o", "m.lexon")  # fmt: skip
CHECKPOINT = Path("m.lexon.checkpoint")


class Stop:
    """Interrupts training at its step number ``at``, as Ctrl-C does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, what: type[BaseException]) -> None:
        self.steps, step = 0, Training._step

        def stopping(training: Training, indices: Any) -> None:
            self.steps += 1
            if self.steps == at:
                raise what
            step(training, indices)

        monkeypatch.setattr(Training, "_step", stopping)


@pytest.fixture
def expected(data: Path) -> bytes:
    """The model of a run that is left alone (5 epochs of 9 steps)."""
    assert lexon(*RUN, "--model", "mlp").code == 0
    found = Path("m.lexon").read_bytes()
    Path("m.lexon").unlink()
    return found


def test_killed_runs_end_in_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    assert kill(3, seed=5, folder=tmp_path / "runs") >= 1


def test_a_crash_in_the_middle_of_an_epoch_is_resumed_to_the_same_bytes(
    expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as context:
        Stop(context, 32, MemoryError)
        answer = lexon(*RUN, "--model", "mlp", "--checkpoint-every", "0")
    assert answer.code == 2 and "not enough memory" in answer.err
    assert not Path("m.lexon").exists() and CHECKPOINT.exists()
    with monkeypatch.context() as context:
        counter = Stop(context, -1, MemoryError)
        answer = lexon(*RUN, "--model", "mlp", "--resume")
    assert answer.code == 0 and "resumed from m.lexon.checkpoint, epoch 4" in answer.err
    assert counter.steps == 45 - 31  # what was done is not done again
    assert Path("m.lexon").read_bytes() == expected
    assert not CHECKPOINT.exists()


def test_nothing_to_resume_is_said_and_training_begins(expected: bytes) -> None:
    answer = lexon(*RUN, "--model", "mlp", "--resume")
    assert answer.code == 0
    assert "nothing to resume at m.lexon.checkpoint: training from the beginning" in answer.err
    assert Path("m.lexon").read_bytes() == expected


def test_without_resume_a_checkpoint_is_not_looked_at(
    expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    CHECKPOINT.write_bytes(b"of another run")
    assert lexon(*RUN, "--model", "mlp").code == 0
    assert Path("m.lexon").read_bytes() == expected


@pytest.mark.parametrize(
    "change", ["settings", "rows", "label", "valid", "damage", "no checkpoint"]
)
def test_a_checkpoint_of_another_run_is_refused(
    change: str, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as context:
        Stop(context, 20, MemoryError)
        lexon(*RUN, "--model", "mlp")
    options: tuple[object, ...] = ()
    rows = reviews()
    if change == "settings":
        options = ("--dropout", "0.25")
    elif change == "rows":
        write(Path("reviews.csv"), rows[:-1])
    elif change == "label":
        write(Path("reviews.csv"), [(rows[0][0], "pos"), *rows[1:]])
    elif change == "valid":
        write(Path("valid.csv"), rows[:9])
        options = ("--valid", "valid.csv")
    elif change == "damage":
        CHECKPOINT.write_bytes(CHECKPOINT.read_bytes()[:-1] + b"x")
    else:
        storage.write(CHECKPOINT, "model", {}, {})
    before = CHECKPOINT.read_bytes()
    answer = lexon(*RUN, "--model", "mlp", "--resume", *options)
    assert answer.code == 2 and "m.lexon.checkpoint" in answer.err and "remove it" in answer.err
    assert not Path("m.lexon").exists() and CHECKPOINT.read_bytes() == before


def test_an_interrupt_writes_the_best_epoch_and_ends_with_130(
    expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as context:
        Stop(context, 24, KeyboardInterrupt)
        answer = lexon(*RUN, "--model", "mlp", "--baseline")
    assert answer.code == 130
    assert re.search(r"interrupted; m\.lexon holds epoch \d, the best of 2, and --resume goes on",
                     answer.err)  # fmt: skip
    assert "training the linear baseline" not in answer.err  # who interrupts wants an end
    assert load("m.lexon").history_.stopped == "interrupted"
    assert lexon("predict", "m.lexon", "good film").code == 0
    answer = lexon(*RUN, "--model", "mlp", "--resume")
    assert "resumed from m.lexon.checkpoint, epoch 3" in answer.err
    assert answer.code == 0 and Path("m.lexon").read_bytes() == expected


@pytest.mark.parametrize("target", [(), ("--target", "label")])
def test_an_interrupt_before_the_first_epoch_has_ended_writes_nothing(
    target: tuple[str, ...], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Stop(monkeypatch, 2, KeyboardInterrupt)
    run = RUN if not target else ("train", "reviews.csv", "-o", "m.lexon", *target)
    answer = lexon(*run)
    assert (answer.code, answer.out) == (130, "")
    assert "interrupted before the first epoch had ended: no model is written" in answer.err
    assert sorted(os.listdir()) == ["reviews.csv"]


def test_an_interrupt_while_scoring_keeps_the_checkpoint(
    expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as context:
        context.setattr("lexon.tasks.job.fired_ngrams", _interrupt)
        answer = lexon(*RUN, "--model", "mlp")
    assert answer.code == 130 and "m.lexon.checkpoint is kept: --resume goes on" in answer.err
    answer = lexon(*RUN, "--model", "mlp", "--resume")
    assert answer.code == 0 and Path("m.lexon").read_bytes() == expected


def _interrupt(*arguments: Any, **options: Any) -> None:
    raise KeyboardInterrupt


def test_a_real_ctrl_c_ends_the_process_with_130(data: Path) -> None:
    run = ("train", data, *TINY, "--epochs", "100000", "--patience", "100000", "-o", "m.lexon")
    process = start(*run)
    assert process.stderr is not None and process.stdout is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("epoch   3"):
            break
    rest: list[str] = []
    reader = threading.Thread(target=rest.extend, args=(process.stderr,))
    reader.start()
    code = None
    while code is None:  # an interrupt that falls into a destructor is lost
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(20)
    assert code == 130
    reader.join()
    assert process.stdout.read().startswith("cnn: accuracy")
    process.stdout.close()
    process.stderr.close()
    assert "interrupted; m.lexon holds epoch" in rest[-1]
    assert "Traceback" not in "".join(lines + rest)
    assert len(load("m.lexon").history_.epochs) >= 3


def test_a_run_that_diverged_leaves_no_checkpoint(data: Path) -> None:
    write(Path("noise.csv"), [(text, "xy"[row % 7 < 3]) for row, (text, _) in enumerate(reviews())])
    answer = lexon("train", "noise.csv", *TINY, "--model", "linear", "--optimizer", "sgd",
                   "--learning-rate", "1e37", "--epochs", "50", "-o", "m.lexon")  # fmt: skip
    assert answer.code == 2 and "finite" in answer.err and "epoch   1" in answer.err
    assert sorted(os.listdir()) == ["noise.csv", "reviews.csv"]


@pytest.mark.parametrize("full_at", ["model", "checkpoint"])
def test_a_disk_that_fills_up_leaves_the_old_model_whole(
    full_at: str, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("m.lexon").write_bytes(expected)
    write_bytes = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if ("checkpoint" in path.name) == (full_at == "checkpoint"):
            write_bytes(path, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write_bytes(path, content)

    with monkeypatch.context() as context:
        context.setattr(Path, "write_bytes", full)
        answer = lexon(*RUN, "--model", "mlp", "--seed", "2")
    assert answer.code == 2 and "No space left on device" in answer.err
    assert "What stood there is unchanged" in answer.err and "Traceback" not in answer.err
    assert Path("m.lexon").read_bytes() == expected
    left = {"m.lexon", "reviews.csv"} | ({CHECKPOINT.name} if full_at == "model" else set())
    assert set(os.listdir()) == left  # nothing half-written, and a checkpoint to resume from


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 96 kilobytes, where this user may have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mount = ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(folder)]
        done = subprocess.run(mount, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip("only root may mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(data: Path, small_disk: Path) -> None:
    run = ("train", data, *TINY, "--model", "mlp", "-o", small_disk / "m.lexon")
    assert lexon(*run).code == 0
    before = (small_disk / "m.lexon").read_bytes()
    answer = lexon(*run, "--dimension", "500", "--hidden", "50")
    assert answer.code == 2 and "No space left on device" in answer.err
    assert (small_disk / "m.lexon").read_bytes() == before
    assert os.listdir(small_disk) == ["m.lexon"]
    assert lexon("predict", small_disk / "m.lexon", "good film").code == 0
