"""Results as tables: on the terminal, and between two marks of the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.case import SPEED, SPEEDS, UNITS, Case
from lexon import storage

HERE = Path(__file__).parent
RESULTS, PAGE = HERE / "results" / "speed.json", HERE / "README.md"
BEGIN, END = "<!-- figures: written by python -m benchmarks --write -->", "<!-- end of figures -->"


def section(case: Case, result: dict[str, Any]) -> str:
    """One case as Markdown."""
    lines = [f"### {case.title}", "", case.explanation, ""]
    if "skipped" in result:
        return "\n".join([*lines, f"Not run: {result['skipped']}.", ""])
    lines += [*_table(case.unit, result["rows"]), ""]
    lines += [_loss(name, loss) for name, loss in result["losses"].items() if loss["values"]]
    lines += [f"- {note}" for note in result.get("notes", ())]
    if result["losses"] or result.get("notes"):
        lines.append("")
    if result["parts"]:
        lines += [_parts(result["parts"]), ""]
    if result["absent"]:
        absent = [f"{name} ({reason})" for name, reason in result["absent"].items()]
        lines += [f"Did not take part: {', '.join(absent)}.", ""]
    lines += [_conditions(result["run"]), ""]
    return "\n".join(lines)


def _table(unit: str, rows: dict[str, Any]) -> list[str]:
    some = next(iter(rows.values()))
    names, peers = list(some["contenders"]), list(some["ratios"])
    heads = ["", *names, *(f"times as fast as {peer}" for peer in peers)]
    lines = [_line(heads), _line(["---", *["---:"] * (len(heads) - 1)])]
    for row, figures in rows.items():
        amount = figures.get("amount", 0.0)
        cells = [_time(unit, figures["contenders"][name], amount) for name in names]
        ratios = (figures["ratios"][peer] for peer in peers)
        cells += [f"**{r['ratio']:.2f}** ({r['low']:.2f} to {r['high']:.2f})" for r in ratios]
        lines.append(_line([row, *cells]))
    return lines


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _time(unit: str, figures: dict[str, Any], amount: float) -> str:
    if unit in SPEEDS:
        value = amount / figures["median"] / SPEEDS[unit]
    else:
        value = figures["gflops"] if unit == SPEED else figures["median"] * UNITS[unit]
    of_peak = figures["of_peak"]
    fraction = "" if of_peak is None else f", {100 * of_peak:.{1 if of_peak < 0.1 else 0}f} %"
    return f"{value:,.{_digits(value)}f} {unit}{fraction}"


def _digits(value: float) -> int:
    return 2 if value < 10 else 1 if value < 100 else 0


def _loss(name: str, loss: dict[str, Any]) -> str:
    digits = 0 if all(float(value).is_integer() for value in loss["values"].values()) else 6
    values = ", ".join(f"{c} {value:,.{digits}f}" for c, value in loss["values"].items())
    verdict = f"within {loss['tolerance']:g} of each other" if loss["agree"] else "THEY DIFFER"
    return f"- {name}: {values} ({verdict if len(loss['values']) > 1 else 'nobody to compare'})"


def _parts(parts: dict[str, float]) -> str:
    whole = sum(parts.values())
    listed = (f"{part} {100 * seconds / whole:.0f} %" for part, seconds in parts.items())
    return f"Where the time of the first goes: {', '.join(listed)}."


def _conditions(run: dict[str, Any]) -> str:
    threads = f"{run['threads']} thread{'s' if run['threads'] > 1 else ''}"
    rounds = f"{run['repeats']} round{'s' if run['repeats'] > 1 else ''}"
    return (
        f"{threads}, {rounds}, peak {run['peak']:.0f} GFLOP/s; {machine.sentence(run['machine'])}."
    )


def keep(results: dict[str, Any], cases: dict[str, Case]) -> None:
    """Put results beside those kept, and all of them on the page; both files change whole."""
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    new = {name: result for name, result in results.items() if "skipped" not in result}
    every = {name: {**kept, **new}[name] for name in cases if name in kept or name in new}
    RESULTS.parent.mkdir(exist_ok=True)
    _write(RESULTS, json.dumps(every, indent=1, ensure_ascii=False) + "\n")
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    tables = "\n".join(section(cases[name], result) for name, result in every.items())
    _write(PAGE, f"{before}{BEGIN}\n\n{tables}\n{END}{after}")


def _write(path: Path, text: str) -> None:
    with storage.replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
