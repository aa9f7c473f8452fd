"""The main job of language models: from running text to a network, beside counted n-grams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lexon import __version__
from lexon.memory import free_memory, peak_memory
from lexon.tasks.common import rows_digest
from lexon.tasks.evaluation import Evaluation
from lexon.tasks.job import Resumption, fit_saving
from lexon.tasks.language import LanguageModel, token_scores
from lexon.tasks.ngrams import KneserNey
from lexon.tasks.outcome import Outcome
from lexon.text.stream import running
from lexon.train.loop import Watcher

#: Words, or characters, of the longest n-gram that the rival counts.
ORDERS = {"word": 5, "char": 8}
#: Bytes of memory that counting takes for each token of the text, at most.
COUNTING = 150


@dataclass(frozen=True)
class Text:
    """A named part of the data."""

    name: str
    text: str


def train_language(
    model: LanguageModel,
    train: Text,
    *,
    valid: Text | None = None,
    test: Text | None = None,
    baseline: bool = True,
    watcher: Watcher | None = None,
    resumption: Resumption | None = None,
    after_fit: Callable[[LanguageModel], None] = lambda model: None,
    say: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Fit ``model``, and tell how good it is on the held-out part and on the test part.

    Arguments and errors: :func:`lexon.tasks.job.train_text`.
    """
    held = None if valid is None else valid.text
    seconds = fit_saving(
        model,
        train.text,
        valid=held,
        keys=lambda: [rows_digest([(train.text, "")], None if held is None else [(held, "")])],
        watcher=watcher,
        resumption=resumption,
        after_fit=after_fit,
        say=say,
    )
    if valid is None:
        learned, ending = model.parts(train.text)
        train, valid = Text(train.name, learned), Text("held-out", ending)
    parts = [part for part in (valid, test) if part is not None and part.text]
    wanted = baseline and model.history_.stopped != "interrupted"
    rival, rival_name = _rival(model, train, parts, say) if wanted else ((), "")
    return Outcome(
        network=model.model,
        target="next token",
        evaluations=tuple(model.evaluate(part.text, part.name) for part in parts),
        baseline=rival,
        baseline_name=rival_name,
        history=model.history_,
        facts=_facts(model),
        notes=model.notes_,
        seconds=seconds,
        memory=peak_memory(),
    )


def _rival(
    model: LanguageModel, train: Text, parts: list[Text], say: Callable[[str], None]
) -> tuple[tuple[Evaluation, ...], str]:
    """The scores of counted n-grams, from the same tokens."""
    say("counting n-grams")
    ids = model.stream_.encode(train.text, model.vocabulary_).astype(np.int64)
    if 0 < free_memory() < COUNTING * len(ids):
        say(f"no n-grams: {COUNTING * len(ids):,} bytes of memory are not free")
        return (), ""
    order = min(ORDERS[model.level], len(ids))
    rival = KneserNey(ids, len(model.vocabulary_), order)
    found = []
    for part in parts:
        own = model.stream_.after_line(part.text, model.vocabulary_).astype(np.int64)
        scores = token_scores(rival.scores(own), running(part.text))
        found.append(Evaluation(part.name, len(own) - 1, scores, unit="tokens"))
    return tuple(found), rival.name


def _facts(model: LanguageModel) -> dict[str, str]:
    history, count = model.history_, sum(p.value.size for p in model.network_.parameters())
    facts: dict[str, Any] = {
        "tokens": f"{int(model.vocabulary_.counts.sum()):,} of {model.stream_.level}s",
        "vocabulary": f"{len(model.vocabulary_):,} tokens",
        "parameters": f"{count:,}",
        "best epoch": f"{history.best} of {len(history.epochs)} ({history.stopped})",
    }
    facts |= {name: str(value) for name, value in model.get_params(deep=False).items()}
    return facts | {"lexon": __version__, "data": model.data_hash_[:16]}
