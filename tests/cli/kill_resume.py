"""Kills a training run again and again, and sees that it ends in the bytes of one left alone.

    python -m tests.cli.kill_resume --kills 20 --seed 1

Each kill is a SIGKILL at a random moment: before the first checkpoint, in the middle of an epoch,
or while a file is being written. After it the model file is not there, or whole; so is the
checkpoint. A run that reaches its end early is compared, and another one begun.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from lexon import storage
from lexon.errors import ModelFileError
from tests.cli.commands import TINY, reviews, start, write

OPTIONS = (*TINY, "--epochs", "60", "--patience", "1000", "--batch-size", "6",
           "--checkpoint-every", "0")  # fmt: skip


def train(folder: Path, model: str, *options: str) -> list[object]:
    """The arguments of a run that saves its state after every step."""
    return ["train", folder / "reviews.csv", *OPTIONS, *options, "-o", folder / model]


def prepare(folder: Path) -> bytes:
    """Write the data, train without a kill, and return the model file."""
    write(folder / "reviews.csv", reviews())
    done = start(*train(folder, "whole.lexon"))
    _, err = done.communicate()
    assert done.returncode == 0, err
    return (folder / "whole.lexon").read_bytes()


def run_and_kill(folder: Path, random_: random.Random) -> bool:
    """Go on with the run and kill it; tell whether the kill came before its end."""
    checkpoint = folder / "killed.lexon.checkpoint"
    before = _changed(checkpoint)
    process = start(*train(folder, "killed.lexon", "--resume"))
    if random_.random() < 0.8:  # when it has saved something; else at any moment
        while process.poll() is None and _changed(checkpoint) == before:
            time.sleep(0.005)
        time.sleep(random_.uniform(0, 0.4))
    else:
        time.sleep(random_.uniform(0, 3))
    process.kill()
    _, err = process.communicate()
    assert "Traceback" not in err, err
    return process.returncode != 0


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def whole(path: Path, kind: str) -> bool:
    """Whether the file is not there, or can be read to its end."""
    try:
        storage.read(path, kind)
    except ModelFileError:
        return not path.exists()
    return True


def kill(kills: int, seed: int, folder: Path) -> int:
    """Kill so many runs; return how many runs ended, each in the bytes of the one left alone."""
    random_, ended = random.Random(seed), 0
    expected, model = prepare(folder), folder / "killed.lexon"
    checkpoint = folder / "killed.lexon.checkpoint"
    while kills > 0:
        if run_and_kill(folder, random_):
            kills -= 1
            assert whole(model, "model") and whole(checkpoint, "checkpoint")
        else:
            ended += _compare(folder, expected)
    done = start(*train(folder, "killed.lexon", "--resume"))
    _, err = done.communicate()
    assert done.returncode == 0, err
    return ended + _compare(folder, expected)


def _compare(folder: Path, expected: bytes) -> int:
    model = folder / "killed.lexon"
    assert model.read_bytes() == expected, "the killed run ended in other bytes"
    model.unlink()
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["reviews.csv", "whole.lexon"], left
    return 1


def main() -> int:
    """Kill as the command line says; 0 if every run ended in the same bytes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ended = kill(options.kills, options.seed, Path(folder))
    print(f"{options.kills} kills, {ended} runs ended, all in the same bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
