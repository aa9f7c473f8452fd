"""The tables of reproduced results, between two marks of benchmarks/README.md."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean, stdev

PAGE = Path(__file__).parents[1] / "README.md"
BEGIN = "<!-- results: written by python -m benchmarks.reproduce --table --write -->"
END = "<!-- end of results -->"

Results = dict[str, dict[str, float]]

HEAD = ["| | measure | mean ± standard deviation | cells | beside |", "|---|---|---|---|---|"]
COMPARED_HEAD = [
    "| | measure | first | second | difference ± its standard error | seeds |",
    "|---|---|---|---|---|---|",
]
#: What a cell says of itself: no score.
ASIDE = ("seconds", "training seconds", "rate", "questions asked")


def rows(name: str, cells: int, reference: str, results: Results) -> list[str]:
    """One line of the table per measure: mean and standard deviation over the cells."""
    lines = []
    for measure in next(iter(results.values()), {}):
        values = [result[measure] for result in results.values()]
        if measure in ASIDE:
            continue
        done = f"{len(results)} of {cells}"
        lines.append(f"| {name} | {measure} | {_spread(values)} | {done} | {reference} |")
        name = reference = ""
    return lines


def compared(name: str, pairs: tuple[tuple[str, str], ...], results: Results) -> list[str]:
    """One line per pair of groups and measure: both means, and the difference seed by seed.

    Cells are named GROUP-seed-N. The standard error is that of the mean of the differences.
    """
    lines = []
    for first, second in pairs:
        sides = [_by_seed(group, results) for group in (first, second)]
        seeds = [seed for seed in sides[0] if seed in sides[1]]
        title = f"{name}: {first}, {second}"
        for measure in sides[0][seeds[0]] if seeds else ():
            if measure in ASIDE:
                continue
            own, other = ([side[seed][measure] for seed in seeds] for side in sides)
            gaps = [a - b for a, b in zip(own, other, strict=True)]
            error = f" ± {stdev(gaps) / len(gaps) ** 0.5:.4f}" if len(gaps) > 1 else ""
            cells = [title, measure, _spread(own), _spread(other), f"{fmean(gaps):+.4f}{error}"]
            lines.append(f"| {' | '.join([*cells, ', '.join(seeds)])} |")
            title = ""
    return lines


def _by_seed(group: str, results: Results) -> Results:
    start = f"{group}-seed-"
    return {cell[len(start) :]: own for cell, own in results.items() if cell.startswith(start)}


def _spread(values: list[float]) -> str:
    return f"{fmean(values):.4f}" + (f" ± {stdev(values):.4f}" if len(values) > 1 else "")


def tables(lines: list[str], compared_lines: list[str], notes: list[str]) -> str:
    """What there is of each, as Markdown."""
    parts = [[*HEAD, *lines]] if lines else []
    parts += [[*COMPARED_HEAD, *compared_lines]] if compared_lines else []
    parts += [[f"- {note}" for note in notes]] if notes else []
    return "\n\n".join("\n".join(part) for part in parts)


def write(text: str) -> None:
    """Put the tables between their marks."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")
