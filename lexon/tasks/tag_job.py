"""The main job on sentences: from tagged tokens to a trained tagger, beside a linear rival."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lexon import __version__
from lexon.errors import InputError
from lexon.memory import peak_memory
from lexon.tasks.evaluation import Evaluation
from lexon.tasks.job import Resumption, fit_saving
from lexon.tasks.outcome import Outcome
from lexon.tasks.tag_baseline import LinearTagger
from lexon.tasks.tagger import SequenceTagger, sentences_digest
from lexon.text import duplicates
from lexon.text.conll import Tagged
from lexon.train.loop import Watcher


@dataclass(frozen=True)
class TaggedPart:
    """A named part of the data: sentences and the tags of their tokens."""

    name: str
    tokens: list[list[str]]
    tags: list[list[str]]

    @classmethod
    def of(cls, name: str, tagged: Tagged) -> TaggedPart:
        return cls(name, tagged.tokens, tagged.tags or [])

    @property
    def pair(self) -> tuple[list[list[str]], list[list[str]]]:
        return self.tokens, self.tags

    @property
    def texts(self) -> list[str]:
        return [" ".join(sentence) for sentence in self.tokens]

    def take(self, name: str, rows: Sequence[int]) -> TaggedPart:
        return TaggedPart(name, [self.tokens[i] for i in rows], [self.tags[i] for i in rows])


def train_tagger(
    model: SequenceTagger,
    train: TaggedPart,
    *,
    valid: TaggedPart | None = None,
    test: TaggedPart | None = None,
    baseline: bool = True,
    watcher: Watcher | None = None,
    resumption: Resumption | None = None,
    after_fit: Callable[[SequenceTagger], None] = lambda model: None,
    say: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Fit ``model``, and tell how good it is on the held-out part and on the test part.

    Parts and their use are those of :func:`lexon.tasks.job.train_text`.

    Raises:
        InputError: a part or a setting cannot be used.
        NonFiniteError: training diverged.
        KeyboardInterrupt: training was interrupted before its first epoch had ended.
    """
    for part in filter(None, (valid, test)):
        if not any(part.tokens):
            raise InputError(f"the {part.name} part has no token\n  give sentences")
    held_pair = None if valid is None else valid.pair
    seconds = fit_saving(
        model,
        *train.pair,
        valid=held_pair,
        keys=lambda: [sentences_digest(train.pair, held_pair), model.task],
        watcher=watcher,
        resumption=resumption,
        after_fit=after_fit,
        say=say,
    )
    learned, held = _split(model, train, valid)
    parts = [part for part in (held, test) if part is not None]
    evaluations = tuple(model.evaluate(*part.pair, part.name) for part in parts)
    remarks = tuple(f"{own.part}: {note}" for own in evaluations for note in own.notes)
    for remark in remarks:
        say(f"  {remark}")
    wanted = baseline and parts and model.history_.stopped != "interrupted"
    rival = _rival(model, learned, parts, say) if wanted else ()
    return Outcome(
        network=model.model,
        target="tag",
        evaluations=evaluations,
        baseline=rival,
        baseline_name=LinearTagger.name if rival else "",
        history=model.history_,
        facts=_facts(model, learned, parts),
        duplicates=_duplicates(learned, parts),
        notes=(*model.notes_, *remarks),
        seconds=seconds,
        memory=peak_memory(),
    )


def _split(
    model: SequenceTagger, train: TaggedPart, valid: TaggedPart | None
) -> tuple[TaggedPart, TaggedPart | None]:
    """The sentences that were learned from, and those held out."""
    if valid is not None or model.held_out_ is None:
        return train, valid
    held = set(model.held_out_.tolist())
    kept = [row for row in range(len(train.tokens)) if row not in held]
    return train.take("training", kept), train.take("held-out", sorted(held))


def _rival(
    model: SequenceTagger,
    learned: TaggedPart,
    parts: Sequence[TaggedPart],
    say: Callable[[str], None],
) -> tuple[Evaluation, ...]:
    say("training the linear baseline")
    try:
        rival = LinearTagger(model.seed).fit(*learned.pair)
    except ValueError as error:  # no token, or one tag only in this part
        say(f"no baseline: {error}")
        return ()
    return tuple(rival.evaluate(*part.pair, part.name, model.chunked) for part in parts)


def _facts(
    model: SequenceTagger, learned: TaggedPart, parts: Sequence[TaggedPart]
) -> dict[str, str]:
    facts = {}
    for part in (learned, *parts):
        size = f"{len(part.tokens):,} sentences, {sum(map(len, part.tokens)):,} tokens"
        facts[f"{part.name} part"] = size
    facts |= {
        "tag scheme": model.scheme_,
        "tags learned": f"{len(model.labels_):,}",
        "vocabulary": f"{len(model.encoder_.words):,} words,"
        f" {len(model.encoder_.characters):,} characters",
        "parameters": f"{sum(p.value.size for p in model.network_.parameters()):,}",
        "best epoch": f"{model.history_.best} of {len(model.history_.epochs)}"
        f" ({model.history_.stopped})",
    }
    facts |= {name: str(value) for name, value in model.get_params(deep=False).items()}
    return facts | {"lexon": __version__, "data": model.data_hash_[:16]}


def _duplicates(
    learned: TaggedPart, parts: Sequence[TaggedPart]
) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (part.texts[row], part.name, " ".join(part.tags[row]))
        for part in parts
        for row, _ in duplicates(learned.texts, part.texts)
    )
