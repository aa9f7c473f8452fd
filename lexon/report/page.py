"""The page as a whole: an outcome in, one HTML text out."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

from lexon.report import confusion, figures, sections, words
from lexon.storage import replacing
from lexon.tasks.evaluation import Evaluation
from lexon.tasks.outcome import Outcome

if TYPE_CHECKING:
    from jinja2 import Environment

#: How many texts that stand in two parts are listed.
DUPLICATES = 100


def write(outcome: Outcome, path: str | os.PathLike[str]) -> None:
    """Write the page of an outcome to a file, whole or not at all.

    Raises:
        InputError: the file cannot be written; what stood there before is unchanged.
    """
    page = render(outcome)
    with replacing(path) as temporary:
        temporary.write_bytes(page.encode())


def render_evaluation(
    evaluation: Evaluation, title: str, facts: Mapping[str, str] | None = None
) -> str:
    """The page of one evaluation: as ``render``, without training and baseline."""
    return render(Outcome(title, "", (evaluation,), facts=dict(facts or {})))


def render(outcome: Outcome) -> str:
    """The page of an outcome; equal outcomes give equal pages.

    Sections that have nothing to say are left out.
    """
    script = resources.files(__package__).joinpath("page.js").read_text("utf-8").strip()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = (
        environment()
        .get_template("page.html")
        .render(script=script, digest=digest, **_content(outcome))
    )
    # Half a surrogate pair, as a damaged text may hold, cannot be written in any encoding.
    return page.encode("utf-8", "replace").decode()


def environment() -> Environment:
    """Where templates come from, with everything escaped that is put into them."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("lexon", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {
        "ensure_ascii": False,
        "separators": (",", ":"),
    }
    for word in (words.language, words.number, words.percent, words.shorten):
        environment.filters[word.__name__] = word
    environment.globals.update(SHOWN=words.SHOWN, WHOLE=words.WHOLE)
    return environment


def _content(outcome: Outcome) -> dict[str, Any]:
    """All that the template shows."""
    history = outcome.history
    network = outcome.network
    return {
        "outcome": outcome,
        "title": f"{network} predicts {outcome.target}" if outcome.target else network,
        "tone": sections.tone(outcome),
        "scores": sections.scores(outcome),
        "epochs": history.epochs,
        "best": figures.best_epoch(history),
        "curves": sections.curves(outcome),
        "facts": [*_costs(outcome).items(), *outcome.facts.items()],
        "decisions": sections.decisions(outcome),
        "duplicates": outcome.duplicates[:DUPLICATES],
        **_details(outcome),
    }


def _details(outcome: Outcome) -> dict[str, Any]:
    """What the template shows of the part that decides: the last one."""
    if not outcome.evaluations:
        return dict.fromkeys(("part", "classes", "confusion", "errors", "scatter", "groups"))
    part = outcome.evaluations[-1]
    place = len(outcome.evaluations) - 1
    rival = outcome.baseline[place] if place < len(outcome.baseline) else None
    errors = sections.errors(part)
    return {
        "part": part,
        "regression": sections.is_regression(part),
        "classes": sections.classes(part, rival),
        "confusion": confusion.confusion(part),
        "limits": {
            "cell": confusion.PER_CELL,
            "all": confusion.IN_ALL,
            "text": confusion.LONGEST,
        },
        "errors": errors[: sections.WORST],
        "wrong": len(errors),
        "scatter": sections.scatter(part, outcome.target),
        "groups": sections.groups(outcome),
    }


def _costs(outcome: Outcome) -> dict[str, str]:
    """Time and memory, where they were measured."""
    costs = {}
    if outcome.seconds:
        costs["training time"] = words.duration(outcome.seconds)
    if outcome.memory:
        costs["peak memory"] = words.memory(outcome.memory)
    return costs
