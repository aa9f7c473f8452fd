"""How good predicted tags are: chunks as conlleval counts them, and single tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lexon.tasks.evaluation import ClassScore, Evaluation, Example
from lexon.tasks.tag_given import LEARNED
from lexon.text.schemes import (
    OUTSIDE,
    Chunk,
    chunks,
    count_breaks,
    describe_breaks,
    recognise_scheme,
    split_tag,
    types_of,
)

Sentences = Sequence[Sequence[str]]


def evaluate_tags(
    part: str,
    tokens: Sentences,
    truth: Sentences,
    predicted: Sentences,
    confidence: Sequence[float],
    *,
    chunked: bool,
    notes: tuple[str, ...] = (),
) -> Evaluation:
    """Scores of a tagger.

    With ``chunked`` tags the first score is F1 over chunks: one is right if its first and last
    token and its type are (:func:`lexon.text.schemes.chunks`). Otherwise it is the accuracy over
    tokens, and classes are tags. ``confidence`` is a number per sentence.
    Source: Tjong Kim Sang & De Meulder 2003, section 2.3; conlleval.
    """
    units = [
        (_units(one, chunked), _units(other, chunked))
        for one, other in zip(truth, predicted, strict=True)
    ]
    accuracy = token_accuracy(truth, predicted)
    per_class, (precision, recall, f1) = _by_class(units)
    chunk_scores = {"F1": f1, "precision": precision, "recall": recall, "accuracy": accuracy}
    macro = sum(score.f1 for score in per_class) / max(len(per_class), 1)
    return Evaluation(
        part=part,
        rows=len(tokens),
        scores=chunk_scores if chunked else {"accuracy": accuracy, "macro-F1": macro},
        labels=tuple(score.name for score in per_class),
        per_class=per_class,
        examples=tuple(
            Example(row, " ".join(words), *_told(words, *units[row], chunked), confidence[row])
            for row, words in enumerate(tokens)
        ),
        notes=notes,
    )


def token_accuracy(truth: Sentences, predicted: Sentences) -> float:
    """The share of tokens whose tags are right; 0 where there are none."""
    pairs = [zip(one, other, strict=True) for one, other in zip(truth, predicted, strict=True)]
    right = sum(own == other for pair in pairs for own, other in pair)
    return right / max(sum(map(len, truth)), 1)


def f1_of_chunks(truth: Sentences, predicted: Sentences) -> float:
    """F1 over the chunks of all sentences; 0 where there are none."""
    pairs = [(chunks(one), chunks(other)) for one, other in zip(truth, predicted, strict=True)]
    return _by_class(pairs)[1][2]


def remarks(
    truth: Sentences, learned: Sentences, labels: Sequence[str], chunked: bool
) -> tuple[str, ...]:
    """What is strange about true tags, and about those predicted in the scheme that was learned."""
    notes, types, seen = [], truth, set(labels)
    if chunked:
        types = [[_type(tag) for tag in sentence] for sentence in truth]
        seen = {"", *types_of([labels])}
        schemes = ("true", truth, recognise_scheme(truth)), ("predicted", learned, LEARNED)
        for who, sentences, scheme in schemes:
            found = count_breaks(sentences, scheme) if scheme else Counter[str]()
            if found:
                notes.append(
                    f"{found.total():,} {who} tags break {scheme}: {describe_breaks(found)};"
                    " they are read as conlleval reads them"
                )
    new = Counter(type_ for sentence in types for type_ in sentence if type_ not in seen)
    if new:
        named = ", ".join(f"{type_} ({times:,})" for type_, times in new.most_common(5))
        more = ", ..." if len(new) > 5 else ""
        notes.append(f"tags never seen in training, counted as wrong: {named}{more}")
    return tuple(notes)


def _type(tag: str) -> str:
    """The type of a chunk's tag, nothing outside; of any other tag itself."""
    return split_tag(tag)[1] or tag * (tag != OUTSIDE[0])


def _units(tags: Sequence[str], chunked: bool) -> list[Chunk]:
    """What is right or wrong as a whole: chunks, or single tokens."""
    if chunked:
        return chunks(tags)
    return [Chunk(place, place + 1, tag) for place, tag in enumerate(tags)]


def _by_class(
    units: Sequence[tuple[list[Chunk], list[Chunk]]],
) -> tuple[tuple[ClassScore, ...], tuple[float, float, float]]:
    """Scores of every type, sorted; and precision, recall and F1 over all."""
    wanted, found, hit = Counter[str](), Counter[str](), Counter[str]()
    for truth, predicted in units:
        wanted.update(chunk.type for chunk in truth)
        found.update(chunk.type for chunk in predicted)
        hit.update(chunk.type for chunk in set(truth) & set(predicted))
    per_class = tuple(
        ClassScore(name, *_rates(hit[name], found[name], wanted[name]), wanted[name])
        for name in sorted({*wanted, *found})
    )
    return per_class, _rates(hit.total(), found.total(), wanted.total())


def _rates(hit: int, found: int, wanted: int) -> tuple[float, float, float]:
    """Precision, recall and F1; 0 where there is nothing to divide by."""
    return hit / max(found, 1), hit / max(wanted, 1), 2 * hit / max(found + wanted, 1)


def _told(
    words: Sequence[str], truth: list[Chunk], predicted: list[Chunk], chunked: bool
) -> tuple[str, str]:
    """Truth and prediction in words: all chunks, or the tokens whose tags differ."""
    if not chunked:
        wrong = {t.start for t, p in zip(truth, predicted, strict=True) if t != p}
        truth, predicted = ([u for u in side if u.start in wrong] for side in (truth, predicted))
    return _listed(words, truth), _listed(words, predicted)


def _listed(words: Sequence[str], units: list[Chunk]) -> str:
    """Such as ``PER 1-2 John Smith``, places counted from 1."""
    told = []
    for start, stop, type_ in units:
        place = f"{start + 1}" if stop - start == 1 else f"{start + 1}-{stop}"
        told.append(f"{type_} {place} {' '.join(words[start:stop])}")
    return "; ".join(told) or "(none)"
