"""What a tagger is given, checked: sentences, tags and settings."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from lexon.errors import InputError
from lexon.optim.checks import fraction, whole
from lexon.tasks.given import check_choice, check_learning, check_windows
from lexon.tasks.tag_network import CHARACTERS, NETWORKS
from lexon.text.schemes import (
    OUTSIDE,
    SCHEMES,
    count_breaks,
    describe_breaks,
    recognise_scheme,
    split_tag,
    types_of,
)
from lexon.text.tokens import HAN_RUN, KINDS

#: What stands for the scheme of tags that are no chunks.
PLAIN = "none"
#: The scheme that the network learns chunks in, whatever the file's is.
LEARNED = "BIOES"
Sentences = list[list[str]]


def checked_sentences(X: Any, what: str = "sentence") -> Sentences:
    """Lists of tokens, or of tags.

    Raises:
        InputError: this is a string, or one of the sentences or of its tokens is something else.
    """
    if isinstance(X, (str, dict)) or not hasattr(X, "__iter__"):
        raise InputError(
            f"{what}s are a list of lists of strings, this is {X!r:.60}\n  give [[{what!r}, ...]]"
        )
    found = []
    for row, sentence in enumerate(X):
        if isinstance(sentence, (str, dict)) or not hasattr(sentence, "__iter__"):
            raise InputError(
                f"{what} {row} is {type(sentence).__name__}, not a list: {sentence!r:.60}"
                "\n  give a list of strings each"
            )
        own = sentence.tolist() if isinstance(sentence, np.ndarray) else list(sentence)
        for item in own:
            if not isinstance(item, str):
                raise InputError(
                    f"{what} {row} holds {item!r:.60}, not a string\n  give strings only"
                )
        found.append(own)
    return found


def check_agreement(tokens: Sentences, tags: Sentences) -> None:
    """Raise InputError unless every token has one tag."""
    if len(tokens) != len(tags):
        raise InputError(f"there are {len(tokens):,} sentences, but tags for {len(tags):,}")
    for row, (one, other) in enumerate(zip(tokens, tags, strict=True)):
        if len(one) != len(other):
            raise InputError(
                f"sentence {row} has {len(one)} tokens, but {len(other)} tags"
                "\n  give every token one tag"
            )


def resolve_scheme(asked: str, tags: Sentences) -> tuple[str, list[str]]:
    """The scheme that training tags are in, as asked or recognised, and what to say of it.

    Raises:
        InputError: there is no such scheme, or these are no tags of it.
    """
    scheme = asked if asked != "auto" else recognise_scheme(tags) or PLAIN
    if scheme == PLAIN:
        notes = [f"tags are taken one by one: {len({t for s in tags for t in s}):,} of them"]
        return PLAIN, notes + _nearly_chunks(tags) * (asked == "auto")
    found = count_breaks(tags, scheme)
    strange = [fault for fault in found if fault.endswith(f" is no tag of {scheme}")]
    if strange:
        raise InputError(
            f"scheme is {scheme}, but {strange[0]}\n"
            '  leave it out to have it recognised, or give "none" for tags that are no chunks'
        )
    types = types_of(tags)
    shown = ", ".join(types[:12]) + (", ..." if len(types) > 12 else "")
    origin = "recognised" if asked == "auto" else "as asked"
    notes = [f"tags are {scheme} ({origin}): chunks of {len(types):,} types, {shown}"]
    if found:
        notes.append(
            f"{found.total():,} tags break {scheme}: {describe_breaks(found)};"
            " they are read as conlleval reads them"
        )
    return scheme, notes


def _nearly_chunks(tags: Sentences) -> list[str]:
    """What to say where all but a few tags are those of chunks."""
    every = Counter(tag for sentence in tags for tag in sentence if tag != OUTSIDE[0])
    strange = Counter({tag: n for tag, n in every.items() if split_tag(tag) == OUTSIDE})
    if 10 * strange.total() > every.total():
        return []
    named = ", ".join(f"{tag} ({times:,})" for tag, times in strange.most_common(5))
    return [f"all but these look like tags of chunks: {named}; correct them to have chunks scored"]


def kind_of_tokens(asked: str, sentences: Sentences) -> str:
    """How texts that are to be tagged are cut, so that tokens look like those of training."""
    if asked != "auto":
        return asked
    tokens = [token for sentence in sentences[:1000] for token in sentence]
    han = [token for token in tokens if HAN_RUN.search(token)]
    if 10 * len(han) < 3 * len(tokens) or not han:
        return "words"
    return "characters" if sum(map(len, han)) < 1.2 * len(han) else "spaces"


def check_settings(model: Any) -> None:
    """Raise InputError for a parameter that makes no sense."""
    check_choice(model, "model", NETWORKS)
    check_choice(model, "characters", CHARACTERS)
    check_choice(model, "scheme", ("auto", *SCHEMES, PLAIN))
    check_choice(model, "tokens", KINDS)
    for name in ("filters", "dimension", "hidden", "layers", "min_count", "epochs", "batch_size"):
        whole(model, name, getattr(model, name), 1)
    for name, least in (("patience", 1), ("max_vocabulary", 2)):
        if getattr(model, name) is not None:
            whole(model, name, getattr(model, name), least)
    check_learning(model)
    fraction(model, "unknown_rate", model.unknown_rate)
    if not isinstance(model.lowercase, (bool, np.bool_)):
        raise InputError(f"lowercase is {model.lowercase!r}\n  give True or False")
    if model.static and model.vectors is None:
        raise InputError("static word vectors must be given: vectors=... (--vectors FILE)")
    check_windows(model.windows)
