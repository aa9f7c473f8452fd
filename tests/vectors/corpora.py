"""A small text, and what of a corpus is compared."""

from __future__ import annotations

from lexon.vectors.corpus import Corpus, CorpusSettings

ALL = CorpusSettings(min_count=1)
TEXT = "the cat sat\non the mat\n\nthe end\n"


def contents(corpus: Corpus) -> tuple[object, ...]:
    """Everything that does not depend on how the text was read."""
    return (
        corpus.words,
        corpus.counts.tolist(),
        corpus.tokens.tolist(),
        corpus.starts.tolist(),
        corpus.raw_words,
        corpus.raw_vocabulary,
        corpus.undecodable,
    )
