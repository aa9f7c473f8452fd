"""The table of networks side by side, and its page."""

from __future__ import annotations

import os
from collections.abc import Sequence

from lexon.replacing import replacing
from lexon.report import words
from lexon.report.page import environment
from lexon.tasks.compare import TEST, Standing

HEAD = ("model", "cells", "score", "spread", "training", "a text", "file", "beside the best")


def figures(standings: Sequence[Standing]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings and rows of the table, the best first."""
    measure = standings[0].measure
    head = tuple(measure if name == "score" else name for name in HEAD)
    return head, [
        (
            one.model,
            f"{len(one.scores)}",
            f"{one.mean:.4f}",
            f"{one.spread:.4f}" if len(one.scores) > 1 else "–",
            words.duration(one.training),
            f"{1e3 * one.predicting:.2f} ms",
            f"{one.size / 2**20:.1f} MiB" if one.size else "–",
            one.beside,
        )
        for one in standings
    ]


def write(standings: Sequence[Standing], data: str, path: str | os.PathLike[str]) -> None:
    """Write the page of a comparison to a file, whole or not at all.

    Raises:
        InputError: the file cannot be written; what stood there before is unchanged.
    """
    head, rows = figures(standings)
    page = (
        environment()
        .get_template("comparison.html")
        .render(title=f"Networks compared on {data}", head=head, rows=rows, test=TEST)
    )
    with replacing(path) as temporary:
        temporary.write_bytes(page.encode("utf-8", "replace"))
