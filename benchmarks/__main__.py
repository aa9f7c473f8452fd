"""lexon beside its peers: ``python -m benchmarks [NAME ...]``.

Every contender runs in a clean process of its own, with the same number of threads; they take
turns, round by round. Told are medians, their ratios with the spread over rounds, the fraction of
the machine's measured peak, and the losses, so that nobody is fast by doing less.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from benchmarks import machine, page
from benchmarks.case import Case, Skipped
from benchmarks.cases import CASES
from benchmarks.race import measured_peak, missing, race
from benchmarks.summary import disagreements, summarise


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(CASES)))
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True)
@click.option("--repeats", type=click.IntRange(1), help="Rounds [each case's own number].")
@click.option("--quick", is_flag=True, help="A taste of each case, one round: is it alive?")
@click.option("--write", is_flag=True, help="Keep the results, and renew the page's tables.")
def main(
    names: tuple[str, ...], threads: int, repeats: int | None, quick: bool, write: bool
) -> None:
    """Run the cases NAME (all by default) and print a table for each."""
    if quick and write:
        raise click.UsageError("--quick measures too little to be kept: leave out --write")
    description = machine.describe()
    click.echo(machine.sentence(description))
    peaks = measured_peak(threads)
    for number, speed in peaks.items():
        click.echo(f"peak on {number} thread(s): {speed:.0f} GFLOP/s")
    results: dict[str, Any] = {}
    faults: list[str] = []
    for name in names or tuple(CASES):
        case = CASES[name]
        rounds = repeats or (1 if quick else case.repeats)
        results[name] = run(name, case, threads, quick, rounds, description, peaks)
        click.echo("\n" + page.section(case, results[name]))
        faults += [f"{name}: {fault}" for fault in disagreements(results[name])]
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        sys.exit(1)
    if write:
        page.keep(results, CASES)


def run(
    name: str,
    case: Case,
    threads: int,
    quick: bool,
    repeats: int,
    description: dict[str, str],
    peaks: dict[str, float],
) -> dict[str, Any]:
    """One case's result as it is kept."""
    settings = case.settings(threads, quick)
    try:
        flops = case.flops(settings)
    except Skipped as reason:
        return {"skipped": str(reason)}
    peak = peaks[str(settings.threads)]
    rounds = race(name, case, threads, quick, repeats, lambda told: click.echo(told, err=True))
    conditions = {
        "threads": settings.threads,
        "repeats": repeats,
        "quick": quick,
        "peak": peak,
        "machine": description,
    }
    absent = list(missing(case).items())
    return {**summarise(case, rounds, flops, peak), "absent": absent, "run": conditions}


if __name__ == "__main__":
    main()
