"""Phrases: words that stand together more often than chance would have it, taken as one word."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from lexon import parallel, storage
from lexon.errors import InputError, ModelFileError
from lexon.kernels.pairs import PairTable, count_pairs, join_pairs, spell
from lexon.vectors.corpus import Corpus, CorpusSettings
from lexon.vectors.spool import Spool
from lexon.vectors.vocabulary import ERRORS, laid_out

Array = npt.NDArray[Any]
Progress = Callable[[int, int | None], object]

#: English words that may stand inside a phrase, but neither begin nor end one.
ENGLISH_CONNECTORS = frozenset("a an and at by for from in of on or the to with without".split())

_STRETCH = 2**20  # words that are rewritten at once


class Counts(NamedTuple):
    """What a score is made of.

    Shapes: first, second, both (N,) float64: how often either word occurs, and both together.
    """

    first: Array
    second: Array
    both: Array
    min_count: int
    words: int  # of the text
    kinds: int  # different words and different pairs


def _default(n: Counts) -> Any:
    return (n.both - n.min_count) / (n.first * n.second) * n.kinds


def _word2phrase(n: Counts) -> Any:
    return (n.both - n.min_count) / (n.first * n.second) * n.words


def _npmi(n: Counts) -> Any:
    together = n.both / n.words
    return np.log(together / (n.first / n.words * (n.second / n.words))) / -np.log(together)


#: Each score: its formula, and the least and greatest threshold that makes sense.
SCORINGS: dict[str, tuple[Callable[[Counts], Any], float, float]] = {
    "default": (_default, 0.0, np.inf),
    "word2phrase": (_word2phrase, 0.0, np.inf),
    "npmi": (_npmi, -1.0, 1.0),
}


@dataclass(frozen=True)
class Phrase:
    """Words that are taken as one: their score and how often they stood together."""

    words: tuple[str, ...]
    score: float
    count: int


class _Stream(NamedTuple):
    """Sentences as ids of words that are all different.

    Shapes: as of a `Corpus`; counts (V,) may hold zeros.
    """

    words: list[str]
    counts: Array
    tokens: Array
    starts: Array


@dataclass
class Phrases:
    """Finds pairs of words that occur together more often than chance, and joins them.

    Pairs of a text are scored, and those above `threshold` joined from left to right, greedily.
    `connector_words` may stand between the two words of a phrase (bank of america). With several
    `passes` the text with its phrases is gone over again, so that longer phrases are found.

    Equations, with n(a), n(b) and n(ab) the counts of two words and of both together:
        default      (n(ab) - min_count) / (n(a) n(b)) * different words and pairs
        word2phrase  (n(ab) - min_count) / (n(a) n(b)) * words of the text
        npmi         ln(p(ab) / (p(a) p(b))) / -ln p(ab),  p = n / words of the text; -1 to 1
    Source: Mikolov, Sutskever, Chen, Corrado, Dean (2013), Distributed Representations of Words
    and Phrases, equation 6; scaled as gensim does, or as word2phrase.c. Bouma (2009), Normalized
    (Pointwise) Mutual Information in Collocation Extraction.
    Units: learning takes 32 to 64 bytes for every different pair of neighbours in the text (half
    as much again while the table grows), beside what a `Corpus` takes.

    Raises:
        InputError: an option is out of its bounds.
    """

    min_count: int = 5
    threshold: float = 10.0
    scoring: str = "default"
    delimiter: str = "_"
    connector_words: Iterable[str] = ()
    passes: int = 1

    def __post_init__(self) -> None:
        if self.scoring not in SCORINGS:
            raise InputError(
                f"there is no scoring {self.scoring!r}; use one of {', '.join(SCORINGS)}"
            )
        _, least, most = SCORINGS[self.scoring]
        if not least <= self.threshold <= most or (most > 1 and self.threshold == 0):
            bounds = "above 0" if most > 1 else "from -1 to 1"
            raise InputError(f"threshold is {self.threshold}; with {self.scoring} it is {bounds}")
        for name in "min_count", "passes":
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if isinstance(self.connector_words, str):
            raise InputError("connector_words is a str\n  give a list of words")
        self.connector_words = frozenset(self.connector_words)
        self.levels: list[list[Phrase]] = []

    @property
    def found(self) -> list[Phrase]:
        """All phrases, the best first."""
        return sorted((p for level in self.levels for p in level), key=lambda p: -p.score)

    def learn(
        self, source: Corpus | Iterable[Iterable[str]], progress: Progress | None = None
    ) -> Self:
        """Find the phrases of a corpus (of which no word was dropped) or of sentences.

        ``progress`` is called with the number of passes done, and of all.

        Raises:
            InputError: the corpus is without its rare words, which part what stands around them.
        """
        if not isinstance(source, Corpus):
            source = Corpus.from_sentences(source, CorpusSettings(min_count=1))
        stream, self.levels = _whole(source), []
        for done in range(self.passes):
            if done:
                stream = self._rewritten(stream, self.levels[-1], source.settings)
            self.levels.append(self._level(stream))
            if progress is not None:
                progress(done + 1, self.passes)
            if not self.levels[-1]:
                break
        return self

    def __getitem__(self, sentence: Sequence[str]) -> list[str]:
        """A sentence, a list of words, with its phrases joined.

        Raises:
            InputError: it is a str.
        """
        if isinstance(sentence, str):
            raise InputError(f"{sentence!r:.80} is a str, not a list of words\n  split it first")
        words = list(sentence)
        for level in self._joined:
            words = self._join(words, level)
        return words

    def apply(self, sentences: Iterable[Sequence[str]]) -> Applied:
        """Sentences with their phrases joined, as often as the given ones can be gone over."""
        return Applied(self, sentences)

    def write(self, corpus: Corpus, path: str | os.PathLike[str]) -> int:
        """Write the text of a corpus with its phrases joined, one sentence a line.

        The file is written beside and renamed. Returns how many words the text has then.

        Raises:
            InputError: the file cannot be written, or the corpus is without its rare words.
        """
        stream = _whole(corpus)
        for level in self.levels:
            stream = self._rewritten(stream, level, corpus.settings)
        words = laid_out(stream.words)
        with storage.replacing(path) as temporary, open(temporary, "wb") as file:
            for ids, starts in _stretches(stream):
                file.write(spell(ids, starts, *words).data)
        return len(stream.tokens)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the phrases and the options to a file.

        Raises:
            InputError: the file cannot be written.
        """
        phrases = [phrase for level in self.levels for phrase in level]
        text, starts, stops = laid_out([word for phrase in phrases for word in phrase.words])
        content = {name: getattr(self, name) for name in _OPTIONS}
        content["connector_words"] = sorted(self.connector_words)
        arrays = {
            "text": text,
            "starts": starts,
            "stops": stops,
            "lengths": np.array([len(phrase.words) for phrase in phrases], np.int64),
            "levels": np.array([len(level) for level in self.levels], np.int64),
            "scores": np.array([phrase.score for phrase in phrases], np.float64),
            "counts": np.array([phrase.count for phrase in phrases], np.int64),
        }
        storage.write(path, "phrases", content, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read the file that `save` wrote.

        Raises:
            ModelFileError: it is not such a file, or damaged.
        """
        _, content, arrays = storage.read(path, "phrases")
        try:
            phrases = cls(**{name: content[name] for name in _OPTIONS})
            text = bytes(arrays["text"].data)
            places = zip(arrays["starts"].tolist(), arrays["stops"].tolist(), strict=True)
            words = iter([text[start:stop].decode("utf-8", ERRORS) for start, stop in places])
            found = iter(
                [
                    Phrase(tuple(next(words) for _ in range(length)), score, count)
                    for length, score, count in zip(
                        *(arrays[name].tolist() for name in ("lengths", "scores", "counts")),
                        strict=True,
                    )
                ]
            )
            phrases.levels = [[next(found) for _ in range(n)] for n in arrays["levels"].tolist()]
        except (KeyError, TypeError, ValueError, StopIteration, RuntimeError) as error:
            raise ModelFileError(f"{path}: these are no phrases of this version: {error}") from None
        return phrases

    def _level(self, stream: _Stream) -> list[Phrase]:
        """The phrases of one pass, the best first."""
        connects = self._connects(stream.words)
        parts = parallel.threads()
        tables: dict[int, PairTable] = {}

        def count(start: int, stop: int) -> None:
            tables[start] = count_pairs(stream.tokens, stream.starts, connects, start, parts)

        parallel.share(count, parallel.blocks(parts, 1), 100.0 * len(stream.tokens))
        pairs = [table.frequent(connects, self.min_count) for table in tables.values()]
        kinds = sum(n for n, _, _ in pairs) + int(np.count_nonzero(stream.counts[~connects]))
        level: list[Phrase] = []
        for table, (_, keys, counts) in zip(tables.values(), pairs, strict=True):
            level += self._scored(stream, table.sequences(keys, connects), counts, kinds)
        return sorted(level, key=lambda phrase: (-phrase.score, phrase.words))

    def _scored(
        self, stream: _Stream, sequences: list[tuple[int, ...]], counts: Array, kinds: int
    ) -> list[Phrase]:
        ends = np.array([(ids[0], ids[-1]) for ids in sequences], np.int64).reshape(-1, 2)
        first, second = stream.counts[ends].T.astype(np.float64)
        about = Counts(first, second, counts, self.min_count, len(stream.tokens), kinds)
        with np.errstate(invalid="ignore", divide="ignore"):
            scores = SCORINGS[self.scoring][0](about)
        return [
            Phrase(tuple(stream.words[i] for i in sequences[n]), float(scores[n]), int(counts[n]))
            for n in np.flatnonzero(scores > self.threshold)
        ]

    def _connects(self, words: Sequence[str]) -> Array:
        return np.fromiter((word in self.connector_words for word in words), np.bool_, len(words))

    def _rewritten(self, stream: _Stream, level: list[Phrase], settings: CorpusSettings) -> _Stream:
        """The stream with the phrases of a level joined."""
        words = list(stream.words)
        ids = {word: i for i, word in enumerate(words)}
        phrases: dict[tuple[int, ...], int] = {}
        for phrase in level:
            if all(word in ids for word in phrase.words):
                joined = self.delimiter.join(phrase.words)
                known = ids.setdefault(joined, len(words))
                words += [joined] * (known == len(words))
                phrases[tuple(ids[word] for word in phrase.words)] = known
        connects = self._connects(stream.words)
        table = PairTable.of(phrases, connects)
        limit = settings.memory // 2
        with (
            closing(Spool(np.int32, limit, settings.folder)) as tokens,
            closing(Spool(np.int64, limit, settings.folder)) as borders,
        ):
            borders.append(np.zeros(1, np.int64))
            counts = np.zeros(len(words), np.int64)
            for kept, starts in _stretches(stream):
                moved = np.empty_like(starts)
                size = join_pairs(kept, starts, connects, table.slots, kept, moved, tokens.size)
                counts += np.bincount(kept[:size], minlength=len(words))
                tokens.append(kept[:size])
                borders.append(moved[1:])
            return _Stream(words, counts, tokens.array(), borders.array())

    @property
    def _joined(self) -> list[dict[tuple[str, ...], str]]:
        return [{p.words: self.delimiter.join(p.words) for p in level} for level in self.levels]

    def _join(self, words: list[str], level: dict[tuple[str, ...], str]) -> list[str]:
        out: list[str] = []
        begin = -1  # where a phrase may have begun
        for i, word in enumerate(words):
            if word in self.connector_words:
                if begin < 0:
                    out.append(word)
                continue
            phrase = level.get(tuple(words[begin : i + 1])) if begin >= 0 else None
            if phrase is not None:
                out.append(phrase)
                begin = -1
                continue
            if begin >= 0:
                out += words[begin:i]
            begin = i
        return out + words[begin:] if begin >= 0 else out


_OPTIONS = ("min_count", "threshold", "scoring", "delimiter", "connector_words", "passes")


class Applied:
    """Sentences with their phrases joined: an iterable as often as that of the sentences."""

    def __init__(self, phrases: Phrases, sentences: Iterable[Sequence[str]]) -> None:
        self.phrases, self.sentences = phrases, sentences

    def __iter__(self) -> Iterator[list[str]]:
        return (self.phrases[sentence] for sentence in self.sentences)


def _whole(corpus: Corpus) -> _Stream:
    """The stream of a corpus.

    Raises:
        InputError: some of its words were dropped.
    """
    if corpus.dropped_words:
        raise InputError(
            f"{corpus.dropped_words:,} rare words of this corpus were dropped, and words that they"
            " parted would look like neighbours\n  read it with CorpusSettings(min_count=1)"
        )
    return _Stream(corpus.words, corpus.counts, corpus.tokens, corpus.starts)


def _stretches(stream: _Stream) -> Iterator[tuple[Array, Array]]:
    """Copies of the ids of some sentences after others, and where these start."""
    start, sentences = 0, len(stream.starts) - 1
    while start < sentences:
        limit = stream.starts[start] + _STRETCH
        stop = max(start + 1, int(np.searchsorted(stream.starts, limit, "right")) - 1)
        stop = min(stop, sentences, start + _STRETCH)
        starts = stream.starts[start : stop + 1] - stream.starts[start]
        yield stream.tokens[stream.starts[start] : stream.starts[stop]].copy(), starts
        start = stop
