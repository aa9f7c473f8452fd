"""The main job: from examples to a trained network, its scores, and those of its simple rival."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any

from lexon import __version__
from lexon.errors import InputError
from lexon.memory import peak_memory
from lexon.tasks.baseline import LinearBaseline
from lexon.tasks.classify import TextClassifier
from lexon.tasks.common import rows_digest
from lexon.tasks.evaluation import Evaluation
from lexon.tasks.explain import fired_ngrams
from lexon.tasks.given import read_labels
from lexon.tasks.outcome import Outcome
from lexon.text import Examples, Labels, duplicates
from lexon.train.checkpoint import Checkpoint
from lexon.train.loop import Training, Watcher


@dataclass(frozen=True)
class Resumption:
    """Where training is saved on the way. Units: ``every`` in seconds between two savings."""

    path: Path
    resume: bool = False
    every: float = 30.0

    def attach(self, identity: str, say: Callable[[str], None]) -> Callable[[Training], None]:
        """What ``fit`` calls with the training before it begins."""
        checkpoint = Checkpoint(self.path, identity)

        def prepare(training: Training) -> None:
            if self.resume:
                if checkpoint.resume(training):
                    say(f"resumed from {self.path}, epoch {training.epoch}")
                else:
                    say(f"nothing to resume at {self.path}: training from the beginning")
            training.save, training.save_every = checkpoint.save, self.every

        return prepare

    def finish(self) -> None:
        """Remove the checkpoint, and what a run that was killed while it saved left of one."""
        for path in (self.path, *self.path.parent.glob(f".{escape(self.path.name)}.*")):
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Part:
    """A named part of the data, and the file it comes from."""

    name: str
    texts: list[str]
    labels: list[Any]
    source: str = ""

    @classmethod
    def of(cls, name: str, examples: Examples) -> Part:
        source = examples.table.recognised.name if examples.table else ""
        return cls(name, examples.texts, list(examples.labels or ()), source)

    def rows(self) -> Iterable[tuple[str, Any]]:
        return zip(self.texts, self.labels, strict=True)

    def take(self, name: str, rows: Sequence[int]) -> Part:
        texts, labels = [self.texts[i] for i in rows], [self.labels[i] for i in rows]
        return Part(name, texts, labels, self.source)


def identity(settings: dict[str, Any], *digests: str) -> str:
    """A digest of everything that decides the trained weights."""
    text = json.dumps([__version__, settings, digests], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def text_rival(model: TextClassifier) -> LinearBaseline:
    """The rival of a text classifier: not trained yet."""
    characters = model.tokenizer_.kind == "characters"
    return LinearBaseline(model.tokenizer_, characters, model.seed)


def fired(model: TextClassifier, part: Part) -> dict[str, Any]:
    """What an outcome tells of the inside of a text classifier, seen on a part."""
    return {"fired": fired_ngrams(model, part.texts[:2000])}


def train_text(
    model: Any,
    train: Part,
    *,
    valid: Part | None = None,
    test: Part | None = None,
    baseline: bool = True,
    watcher: Watcher | None = None,
    resumption: Resumption | None = None,
    after_fit: Callable[[Any], None] = lambda model: None,
    say: Callable[[str], None] = lambda line: None,
    rival: Callable[[Any], LinearBaseline] = text_rival,
    inside: Callable[[Any, Part], dict[str, Any]] = fired,
) -> Outcome:
    """Fit ``model``, and tell how good it is on the held-out part and on the test part.

    The held-out part is ``valid``, else a share of the training rows; it chose the best epoch, so
    its score is kind. The test part is looked at once, at the end. ``after_fit`` is given the
    trained model before it is scored, to save it. Another kind of estimator with the methods of
    ``TextClassifier`` brings its own ``rival`` and what its outcome tells of its ``inside``.

    Raises:
        InputError: a part or a setting cannot be used; labels are checked before training.
        NonFiniteError: training diverged.
        KeyboardInterrupt: training was interrupted before its first epoch had ended.
    """
    _check_labels(train, valid, test)
    seconds = fit_saving(
        model,
        train.texts,
        train.labels,
        valid=None if valid is None else (valid.texts, valid.labels),
        keys=lambda: [rows_digest(train.rows(), None if valid is None else valid.rows())],
        watcher=watcher,
        resumption=resumption,
        after_fit=after_fit,
        say=say,
    )
    learned, held = _split(model, train, valid)
    parts = [part for part in (held, test) if part is not None and part.texts]
    evaluations = tuple(model.evaluate(p.texts, p.labels, p.name) for p in parts)
    wanted = baseline and model.history_.stopped != "interrupted"
    beside, name = _beside(rival(model), model, learned, parts, say) if wanted else ((), "")
    return Outcome(
        network=model.model,
        target="label",
        evaluations=evaluations,
        baseline=beside,
        baseline_name=name,
        history=model.history_,
        facts=_facts(model, learned, parts),
        duplicates=_duplicates(learned, parts),
        notes=model.notes_,
        seconds=seconds,
        memory=peak_memory(),
        **inside(model, parts[-1] if parts else learned),
    )


def fit_saving(
    model: Any,
    *data: Any,
    keys: Callable[[], Iterable[str]],
    resumption: Resumption | None,
    after_fit: Callable[[Any], None],
    say: Callable[[str], None],
    **options: Any,
) -> float:
    """Fit, resuming or saving on the way where that is asked for; the seconds that it took.

    ``keys`` tell the data apart from other data; ``after_fit`` is given the trained model, once
    its notes are said.

    Raises:
        InputError, NonFiniteError: as ``fit``.
        KeyboardInterrupt: training was interrupted before its first epoch had ended.
    """
    began = time.perf_counter()
    checkpoint = None
    if resumption is not None:
        checkpoint = resumption.attach(identity(model.get_params(deep=False), *keys()), say)
    with whole_epochs():
        model.fit(*data, checkpoint=checkpoint, **options)
    seconds = time.perf_counter() - began
    for note in model.notes_:
        say(f"  {note}")
    after_fit(model)
    return seconds


@contextmanager
def whole_epochs() -> Iterator[None]:
    """Say of an interrupt that it came before an epoch had ended; a later one passes no fit."""
    try:
        yield
    except KeyboardInterrupt:
        message = "before the first epoch had ended: no model is written"
        raise KeyboardInterrupt(message) from None


def _check_labels(train: Part, *others: Part | None) -> None:
    """Raise InputError, naming the file, if labels are too few or not those that are trained."""
    part = train
    try:
        labels = Labels.fit(read_labels(train.labels)[0])
        for part in filter(None, others):
            labels.encode(read_labels(part.labels)[0])
    except InputError as error:
        raise InputError(f"{part.source or part.name}: {error}") from None


def _split(model: Any, train: Part, valid: Part | None) -> tuple[Part, Part | None]:
    """The rows that were learned from, and those held out."""
    if valid is not None or model.held_out_ is None:
        return train, valid
    held = set(model.held_out_.tolist())
    kept = [row for row in range(len(train.texts)) if row not in held]
    return train.take("training", kept), train.take("held-out", sorted(held))


def _beside(
    rival: LinearBaseline,
    model: Any,
    learned: Part,
    parts: Sequence[Part],
    say: Callable[[str], None],
) -> tuple[tuple[Evaluation, ...], str]:
    say("training the linear baseline")
    try:
        rival.fit(learned.texts, model.labels_, learned.labels)
    except ValueError as error:  # no words at all, or one class left in this part
        say(f"no baseline: {error}")
        return (), ""
    return tuple(rival.evaluate(p.texts, p.labels, p.name) for p in parts), rival.name


def _facts(model: Any, learned: Part, parts: Sequence[Part]) -> dict[str, str]:
    facts = {"training rows": f"{len(learned.texts):,}"}
    facts |= {f"{part.name} rows": f"{len(part.texts):,}" for part in parts}
    facts |= {
        "tokens": model.tokenizer_.kind,
        "vocabulary": f"{len(model.vocabulary_):,} tokens",
        "classes": f"{len(model.labels_):,}",
        "parameters": f"{sum(p.value.size for p in model.network_.parameters()):,}",
        "best epoch": f"{model.history_.best} of {len(model.history_.epochs)}"
        f" ({model.history_.stopped})",
    }
    facts |= {name: str(value) for name, value in model.get_params(deep=False).items()}
    return facts | {"lexon": __version__, "data": model.data_hash_[:16]}


def _duplicates(learned: Part, parts: Sequence[Part]) -> tuple[tuple[str, str, str], ...]:
    found = []
    for part in parts:
        for row, _ in duplicates(learned.texts, part.texts):
            label = part.labels[row]
            shown = label if isinstance(label, str) else ", ".join(map(str, label))
            found.append((part.texts[row], part.name, shown))
    return tuple(found)
