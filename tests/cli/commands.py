"""How the tests call the command line, and the small data they give it."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import random
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from lexon.cli import main

ROOT = Path(__file__).resolve().parents[2]
#: A process that a shell put into the background ignores Ctrl-C; here it must not.
PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from lexon.cli import main; main()"
)
#: Options that make every network tiny and leave the rival out.
TINY = ("--dimension", "4", "--filters", "3", "--hidden", "4", "--windows", "1,2",
        "--epochs", "2", "--no-baseline")  # fmt: skip
GOOD, BAD = "good fine lovely great warm".split(), "bad awful dull poor cold".split()
OTHER = "the film play story a it was and".split()


class Answer(NamedTuple):
    """Exit code and what was written to standard output and error."""

    code: Any
    out: str
    err: str


def lexon(*arguments: object, stdin: bytes | None = None) -> Answer:
    """The command line, called in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    before = sys.stdin
    code: Any = "main() returned"
    try:
        sys.stdin = io.TextIOWrapper(io.BytesIO(stdin or b""), "utf-8")
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main([str(argument) for argument in arguments])
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdin = before
    return Answer(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))  # type: ignore[attr-defined]


def start(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1"}
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        text=True,
        env=environment,
        **options,
    )


def reviews(rows: int = 60, seed: int = 1) -> list[tuple[str, str]]:
    """Texts that tell by one word which of two labels they have."""
    draw, found = random.Random(seed), []
    for row in range(rows):
        label = ("neg", "pos")[row % 2]
        words = [draw.choice(GOOD if label == "pos" else BAD)]
        words += [draw.choice(OTHER) for _ in range(draw.randint(1, 6))]
        draw.shuffle(words)
        found.append((" ".join(words), label))
    return found


def write(
    path: Path, rows: Iterable[tuple[str, ...]], head: tuple[str, ...] = ("text", "label")
) -> Path:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
        csv.writer(file).writerows([head, *rows])
    return path
