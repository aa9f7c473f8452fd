"""lexon beside its peers: ``python -m benchmarks [NAME ...]``.

Every contender runs in a clean process of its own, with the same number of threads; they take
turns, round by round. Told are medians, their ratios with the spread over rounds, the fraction of
the machine's measured peak, and the losses, so that nobody is fast by doing less.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import click

from benchmarks import machine, page
from benchmarks.case import Skipped
from benchmarks.cases import CASES
from benchmarks.race import absent, measured_peak, race
from benchmarks.summary import disagreements, summarise


@dataclass(frozen=True)
class Conditions:
    """Under which all cases run: ``repeats`` None for each case's own number, peaks by threads."""

    threads: int
    repeats: int | None
    quick: bool
    alone: bool
    machine: dict[str, str]
    peaks: dict[str, float]


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(CASES)))
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True)
@click.option("--repeats", type=click.IntRange(1), help="Rounds [each case's own number].")
@click.option("--quick", is_flag=True, help="A taste of each case, one round: is it alive?")
@click.option("--alone", is_flag=True, help="Without peers that need packages of their own.")
@click.option("--write", is_flag=True, help="Keep the results, and renew the page's tables.")
def main(
    names: tuple[str, ...],
    threads: int,
    repeats: int | None,
    quick: bool,
    alone: bool,
    write: bool,
) -> None:
    """Run the cases NAME (all by default) and print a table for each."""
    if (quick or alone) and write:
        raise click.UsageError("a run with --quick or --alone is not kept: leave out --write")
    peaks = measured_peak(threads)
    conditions = Conditions(threads, repeats, quick, alone, machine.describe(), peaks)
    click.echo(machine.sentence(conditions.machine))
    for number, speed in peaks.items():
        click.echo(f"peak on {number} thread(s): {speed:.0f} GFLOP/s")
    results, faults = {}, []
    for name in dict.fromkeys(names) or CASES:
        results[name] = run(name, conditions)
        click.echo("\n" + page.section(CASES[name], results[name]))
        faults += [f"{name}: {fault}" for fault in disagreements(results[name])]
    if faults:
        click.echo("\n".join(faults), err=True)
        sys.exit(1)
    if write:
        page.keep(results, CASES)


def run(name: str, conditions: Conditions) -> dict[str, Any]:
    """One case's result as it is kept."""
    case = CASES[name]
    settings = case.settings(conditions.threads, conditions.quick)
    try:
        flops, amounts = case.flops(settings), case.amounts(settings)
    except Skipped as reason:
        return {"skipped": str(reason)}
    repeats = conditions.repeats or (1 if conditions.quick else case.repeats)
    peak, away = conditions.peaks[str(settings.threads)], absent(case, conditions.alone)
    present = [contender for contender in case.contenders if contender not in away]
    rounds = race(name, present, settings, repeats, lambda told: click.echo(told, err=True))
    told = {
        "threads": settings.threads,
        "repeats": repeats,
        "quick": settings.quick,
        "peak": peak,
        "machine": conditions.machine,
    }
    return {**summarise(case, rounds, flops, peak, amounts), "absent": away, "run": told}


if __name__ == "__main__":
    main()
