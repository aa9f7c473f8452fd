"""From rounds to figures: medians, ratios with their spread, fractions of the peak, losses."""

from __future__ import annotations

from statistics import median
from typing import Any

from benchmarks.case import Case, Round


def summarise(
    case: Case,
    rounds: dict[str, list[Round]],
    flops: dict[str, float],
    peak: float,
    amounts: dict[str, float] | None = None,
) -> dict[str, Any]:
    """One case's result as it is kept: plain values all the way down.

    ``peak``: GFLOP/s of as many threads as the case used.
    """
    first = next(iter(rounds))
    rows = {}
    for row, operations in flops.items():
        seconds = {name: [r.seconds[row] for r in own] for name, own in rounds.items()}
        rows[row] = {
            "flops": operations,
            **({"amount": amounts[row]} if amounts else {}),
            "contenders": {n: _figures(s, operations, peak) for n, s in seconds.items()},
            "ratios": {n: _ratio(s, seconds[first]) for n, s in seconds.items() if n != first},
        }
    notes = [note for own in rounds.values() for note in own[-1].notes]
    return {
        "rows": rows,
        "losses": _losses(case, rounds),
        "parts": _parts(rounds[first]),
        **({"notes": notes} if notes else {}),
    }


def _figures(seconds: list[float], operations: float, peak: float) -> dict[str, Any]:
    middle = median(seconds)
    speed = operations / middle / 1e9
    return {
        "seconds": seconds,
        "median": middle,
        "gflops": speed,
        "of_peak": speed / peak if operations else None,
    }


def _ratio(peer: list[float], own: list[float]) -> dict[str, float]:
    """How many times as long the peer took; least and largest over the rounds, pair by pair."""
    pairs = [theirs / ours for theirs, ours in zip(peer, own, strict=True)]
    return {"ratio": median(peer) / median(own), "low": min(pairs), "high": max(pairs)}


def _losses(case: Case, rounds: dict[str, list[Round]]) -> dict[str, Any]:
    """Each loss of every contender that reports it, and whether they agree."""
    losses = {}
    for name, tolerance in case.losses.items():
        values = {c: own[-1].losses[name] for c, own in rounds.items() if name in own[-1].losses}
        smallest = min(map(abs, values.values()), default=0.0)
        # Pair by pair, and written so that a loss which is no number agrees with nothing.
        pairs = [abs(one - other) for one in values.values() for other in values.values()]
        agree = all(gap <= tolerance * smallest for gap in pairs)
        losses[name] = {"tolerance": tolerance, "values": values, "agree": agree}
    return losses


def _parts(rounds: list[Round]) -> dict[str, float]:
    """Median seconds of each part of the work, of the first contender."""
    return {part: median(r.parts[part] for r in rounds) for part in rounds[0].parts}


def disagreements(result: dict[str, Any]) -> list[str]:
    """The losses that differ by more than is allowed, told in a sentence each."""
    told = []
    for name, loss in result.get("losses", {}).items():
        if not loss["agree"]:
            values = ", ".join(f"{c} {value:.6g}" for c, value in loss["values"].items())
            told.append(f"{name} differs by more than {loss['tolerance']:g} of it: {values}")
    return told
