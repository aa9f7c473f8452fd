"""What all jobs share: settings from options, progress, checkpoints, the end of a training."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from lexon.cli.options import DEFAULTS, check_output
from lexon.errors import InputError, NonFiniteError


def voices(options: dict[str, Any]) -> tuple[Any, Callable[[str], None]]:
    """The console for progress, and what says a line; both on standard error."""
    from rich.console import Console

    console = Console(stderr=True)
    if options["quiet"]:
        return console, lambda line: None
    return console, lambda line: click.echo(line, err=True)


def settings(kind: type, options: dict[str, Any]) -> dict[str, Any]:
    """The estimator's parameters among the options given.

    Raises:
        InputError: an option was given that this kind of model does not have.
    """
    from inspect import signature

    known = signature(kind).parameters
    given = {name: options[name] for name in DEFAULTS if options.get(name) is not None}
    strange = sorted(given.keys() - known.keys())
    if strange:
        raise InputError(
            f"--{strange[0].replace('_', '-')} is no setting of this job"
            f"\n  its settings are {', '.join(sorted(known))}"
        )
    if options["hold_out"] is not None:
        given["validation_fraction"] = options["hold_out"]
    return given | {"seed": options["seed"]}


def command_line() -> str:
    """The command that is running, as it would be typed."""
    return shlex.join(["lexon", *sys.argv[1:]])


def say_unused(model: Any, options: dict[str, Any], say: Callable[[str], None]) -> None:
    """Say which of the options given this network has no use for."""
    unused = [name for name in model.unused() if options.get(name) is not None]
    if unused:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in unused)
        say(f"no use in model {model.model}: {named}")


def kept_results(path: Path, identity: str, *inputs: str | None) -> Any:
    """Where results are kept on the way, checked before there are any.

    Raises:
        InputError: no file can be written there.
    """
    from lexon.train.cells import Cells

    remedy = "results are kept there until all are done: run in a folder where that can be"
    check_output("results on the way:", str(path), *inputs, remedy=remedy)
    return Cells(path, identity)


def resumption(path: Path, options: dict[str, Any]) -> Any:
    from lexon.tasks.job import Resumption

    checkpoint = path.with_name(path.name + ".checkpoint")
    return Resumption(checkpoint, options["resume"], options["checkpoint_every"])


def writing(path: Path, say: Callable[[str], None]) -> Callable[[Any], None]:
    """What writes the trained model: before it is scored, so that no trouble there loses it."""

    def write(model: Any) -> None:
        model.save(path)
        say(f"model: {path} ({path.stat().st_size:,} bytes)")

    return write


def finish(
    outcome: Any,
    path: Path,
    options: dict[str, Any],
    notes: list[str],
    say: Callable[[str], None],
) -> int:
    """Write the report, and say how it went; the exit code."""
    history = outcome.history
    interrupted = history.stopped == "interrupted"
    if not interrupted:
        resumption(path, options).finish()
    outcome = replace(outcome, command=command_line(), notes=(*notes, *outcome.notes))
    if options["report"]:
        from lexon.report import write

        write(outcome, options["report"])
        say(f"report: {options['report']}")
    if options["as_json"]:
        click.echo(json.dumps(_summary(outcome), ensure_ascii=False))
    else:
        click.echo(outcome.verdict)
    if not interrupted:
        return 0
    click.echo(
        f"lexon: interrupted; {path} holds epoch {history.best}, the best of"
        f" {len(history.epochs)}, and --resume goes on",
        err=True,
    )
    return 130


def _summary(outcome: Any) -> dict[str, Any]:
    return {
        "verdict": outcome.verdict,
        "network": [evaluation.to_json() for evaluation in outcome.evaluations],
        "baseline": [evaluation.to_json() for evaluation in outcome.baseline],
        "history": outcome.history.to_json(),
        "seconds": outcome.seconds,
        "memory": outcome.memory,
    }


def outputs(model_file: str, options: dict[str, Any], *inputs: str | None) -> Path:
    """The path of the model file, checked like that of the report, before the work begins.

    Raises:
        InputError: one of them cannot be written, is an input, or is the other one.
    """
    path = check_output("-o", model_file, *inputs)
    if options["report"] is not None:
        report = check_output("--report", options["report"], *inputs)
        if report.absolute() == path.absolute():
            raise InputError("--report and -o name the same file\n  give two names")
    return path


@contextmanager
def keeping(checkpoint: Any) -> Iterator[None]:
    """What becomes of a checkpoint where training does not end: one that diverged is removed."""
    try:
        yield
    except NonFiniteError:  # it would end the same way again
        checkpoint.finish()
        raise
    except KeyboardInterrupt:
        if checkpoint.path.exists():
            click.echo(f"{checkpoint.path} is kept: --resume goes on from it", err=True)
        raise
