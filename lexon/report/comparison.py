"""The table of networks side by side, and its page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from lexon import __version__
from lexon.replacing import replacing
from lexon.report import words
from lexon.report.page import environment
from lexon.tasks.compare import BASELINE, TEST, Standing

HEAD = ("model", "cells", "score", "spread", "training", "a text", "file", "beside the best")


def figures(standings: Sequence[Standing]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings and rows of the table, the best first."""
    measure = standings[0].measure
    head = tuple(measure if name == "score" else name for name in HEAD)
    return head, [
        (one.model, f"{len(one.scores)}", *_numbers(one), one.beside) for one in standings
    ]


def _numbers(one: Standing) -> tuple[str, ...]:
    """Score, spread and costs."""
    costs = ("–", "–", "–")
    if one.scores:
        file = f"{one.size / 2**20:.1f} MiB" if one.size else "–"
        costs = (words.duration(one.training), f"{1e3 * one.predicting:.2f} ms", file)
    mean = "–" if one.mean is None else f"{one.mean:.4f}"
    spread = "–" if one.mean is None or len(one.scores) < 2 else f"{one.spread:.4f}"
    return (mean, spread, *costs)


def notes(standings: Sequence[Standing]) -> list[str]:
    """What the reader of the table should know."""
    found = [f"beside the best: {TEST}"]
    if any(one.model == BASELINE for one in standings):
        found.append(
            "the baseline learns from all training rows; a network holds a part of them out to"
            " choose its epoch"
        )
    return found


def write(
    standings: Sequence[Standing],
    data: str,
    path: str | os.PathLike[str],
    facts: Mapping[str, str],
    command: str = "",
) -> None:
    """Write the page of a comparison to a file, whole or not at all.

    ``facts`` are what the table was made from, by name; ``command`` runs it again.

    Raises:
        InputError: the file cannot be written; what stood there before is unchanged.
    """
    head, rows = figures(standings)
    page = (
        environment()
        .get_template("comparison.html")
        .render(
            title=f"Networks compared on {data}",
            head=head,
            rows=rows,
            best=None if standings[0].failed else standings[0],
            notes=notes(standings),
            facts={**facts, "lexon": __version__},
            command=command,
        )
    )
    with replacing(path) as temporary:
        temporary.write_bytes(page.encode("utf-8", "replace"))
