"""The table of reproduced results, between two marks of benchmarks/README.md."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean, stdev

PAGE = Path(__file__).parents[1] / "README.md"
BEGIN = "<!-- results: written by python -m benchmarks.reproduce --table --write -->"
END = "<!-- end of results -->"

Results = dict[str, dict[str, float]]


def rows(name: str, cells: int, reference: str, results: Results) -> list[str]:
    """One line of the table per measure: mean and standard deviation over the cells."""
    lines = []
    for measure in next(iter(results.values()), {}):
        values = [result[measure] for result in results.values()]
        if measure == "seconds":
            continue
        spread = f" ± {stdev(values):.4f}" if len(values) > 1 else ""
        done = f"{len(results)} of {cells}"
        lines.append(f"| {name} | {measure} | {fmean(values):.4f}{spread} | {done} | {reference} |")
        name = reference = ""
    return lines


def write(lines: list[str]) -> None:
    """Put the table between its marks."""
    head = ["| | measure | mean ± standard deviation | cells | beside |", "|---|---|---|---|---|"]
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text("\n".join([before + BEGIN, "", *head, *lines, "", END]) + after, "utf-8")
