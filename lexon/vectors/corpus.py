"""A corpus for word vectors: one reading of a text gives its vocabulary and its words as ids."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon import parallel
from lexon.errors import InputError
from lexon.kernels.characters import split_characters
from lexon.kernels.tokens import WordTable, renumber, split_words
from lexon.text.tokens import Tokenizer
from lexon.vectors.blocks import BLOCK, Block, Blocks, Paths, files_of
from lexon.vectors.characters import decoded, kinds_of_characters, normalised
from lexon.vectors.spool import Spool
from lexon.vectors.vocabulary import Rule, choose, laid_out

Array = npt.NDArray[Any]
Progress = Callable[[int, int | None], object]
Segment = Callable[[str], Iterable[str]]

_BATCH = 2**16  # tokens of Python sentences that are numbered together
_MOST_TABLES = 8  # more threads would wait for the disk, and each takes memory for its words


@dataclass(frozen=True)
class CorpusSettings:
    """What counts as a word, which words are kept, and where their ids are.

    `lower` takes Good for good. `characters` takes every Chinese character as a word, and runs
    of Latin letters and digits; `segment` is a function from a line to its words; otherwise
    words stand between white space of ASCII. `known` words keep their ids 0, 1, ... whatever
    their counts; beside them new words are taken where `grow` is true.

    Units: `min_count` tokens; `max_final_vocab` words: with more, `min_count` rises until no
    more are left (words of equal count stay or go together). `memory` bytes hold the ids of
    words and the borders of sentences; more than that go to a temporary file in `folder`.

    Raises:
        InputError: a number is below 1, options exclude each other, or a known word repeats.
    """

    min_count: int = 5
    max_final_vocab: int | None = None
    lower: bool = False
    characters: bool = False
    segment: Segment | None = None
    known: Sequence[str] | None = None
    grow: bool = True
    memory: int = 2**31
    folder: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        for name in "min_count", "max_final_vocab", "memory":
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} is {value}; it must be at least 1")
        if self.characters and self.segment is not None:
            raise InputError("characters and segment do not go together\n  give one of them")
        if self.known is not None and len(set(self.known)) != len(self.known):
            raise InputError("known words repeat\n  give each once")

    @property
    def split(self) -> Segment | None:
        """The function from a line to its words, if white space is not what separates them."""
        return Tokenizer("characters", lowercase=False) if self.characters else self.segment


@dataclass(eq=False)
class Corpus:
    """The kept words of a text as ids, sentence after sentence.

    Sentence i is tokens[starts[i] : starts[i + 1]]; of a file, line i. It is empty if none of
    its words is kept. Bytes that are no UTF-8 are kept in words as lone surrogates (Python's
    "surrogateescape"), by ``characters`` and ``segment`` as U+FFFD; `undecodable` counts such
    tokens. Words of equal count stand in the order in which they came first.

    Shapes: words and counts (V,) int64, by falling count (new words behind known ones, and
    counts are those of this corpus); tokens (T,) int32; starts (sentences + 1,) int64.
    Units: 4 bytes a kept word of the text and 8 a sentence, in memory or in a temporary file
    that is deleted with the arrays; while reading, in memory, about 70 bytes a distinct word and
    thread (of eight at most) and the word itself.
    """

    words: list[str]
    counts: Array
    tokens: Array
    starts: Array
    raw_words: int
    raw_vocabulary: int
    undecodable: int
    min_count: int
    settings: CorpusSettings

    @classmethod
    def from_files(
        cls,
        paths: Paths,
        settings: CorpusSettings | None = None,
        progress: Progress | None = None,
        *,
        block: int = BLOCK,
    ) -> Corpus:
        """Read files of one sentence a line: a path or several, a folder, ``-`` for standard input.

        Files may be packed (.gz, .xz, .bz2, .zst), which is seen by their content. ``progress``
        is called with the bytes of the stored files that were read, and with all if known.

        Raises:
            DataFileError: a file is missing, unreadable, damaged or no text.
            InputError: there is no word, or none is left.
        """
        settings = settings or CorpusSettings()
        within = "words" if settings.segment is None else "lines"
        blocks = Blocks(files_of(paths), block, "characters" if settings.characters else within)

        def report() -> None:
            if progress is not None:
                progress(blocks.done, blocks.total)

        with closing(_Numbers(settings)) as numbers:
            if settings.segment is None:
                numbers.take_blocks(blocks, report)
            else:
                numbers.take_sentences(_split_lines(blocks, settings.segment, report))
            report()
            return numbers.corpus()

    @classmethod
    def from_sentences(
        cls,
        sentences: Iterable[Iterable[str]],
        settings: CorpusSettings | None = None,
        progress: Progress | None = None,
    ) -> Corpus:
        """Take sentences, each a list of words; they are read once, so a generator will do.

        With ``characters`` or ``segment`` a sentence is a str. ``progress`` is called with the
        number of sentences taken, and with that of all if it is known.

        Raises:
            InputError: a sentence is a str where words are wanted, or words are no str; there is
                no word, or none is left.
        """
        settings = settings or CorpusSettings()
        given = _checked(sentences, settings.split, progress)
        with closing(_Numbers(settings)) as numbers:
            numbers.take_sentences(given)
            return numbers.corpus()

    @property
    def sentences(self) -> int:
        return len(self.starts) - 1

    @property
    def dropped_words(self) -> int:
        """How many words of the text are not kept."""
        return self.raw_words - len(self.tokens)

    def __len__(self) -> int:
        return self.sentences

    def __iter__(self) -> Iterator[list[str]]:
        """The kept words of each sentence."""
        for i in range(self.sentences):
            yield [self.words[token] for token in self.tokens[self.starts[i] : self.starts[i + 1]]]


class _Numbers:
    """The words of a text as numbers by first appearance; final ids when all are counted."""

    def __init__(self, settings: CorpusSettings) -> None:
        self.settings = settings
        self.tables: list[WordTable] = [WordTable()]
        self.tokens = Spool(np.int32, settings.memory // 2, settings.folder)
        self.borders = Spool(np.int64, settings.memory // 2, settings.folder)
        self.of_table: list[int] = []
        self._keep(0, np.empty(0, np.int32), np.zeros(1, np.int64))  # the first sentence's start

    def _keep(self, table: int, tokens: Array, borders: Array) -> None:
        self.of_table.append(table)
        self.tokens.append(tokens)
        self.borders.append(borders)

    def take_blocks(self, blocks: Blocks, report: Callable[[], None]) -> None:
        """Number the words of blocks, each thread by a table of its own."""
        self.tables = [WordTable() for _ in range(min(parallel.threads(), _MOST_TABLES))]
        present = self._some(blocks)
        while present:
            present = self._round(present, blocks)
            report()

    def _round(self, present: list[Block], blocks: Blocks) -> list[Block]:
        """Number the words of some blocks, and read the next ones meanwhile."""
        following: list[Block] = []
        numbered: dict[int, tuple[Array, Array]] = {}

        def task(start: int, stop: int) -> None:
            if start == 0:
                following.extend(self._some(blocks))
            else:
                numbered[start - 1] = self._number(start - 1, present[start - 1])

        work = 30.0 * sum(each.size for each in present)
        parallel.share(task, parallel.blocks(len(present) + 1, 1), work)
        for table in range(len(present)):
            self._keep(table, *numbered[table])
        return following

    def _number(self, table: int, block: Block) -> tuple[Array, Array]:
        text, size = block.text, block.size
        if self.settings.characters:
            text, size = normalised(text, size)
            starts, stops, borders = split_characters(text, size, kinds_of_characters())
        else:
            starts, stops, borders = split_words(text, size)
        # A normalised text may be longer than the given one, but not four times as long.
        return self.tables[table].number(text, starts, stops, 4 * block.offset), borders

    def _some(self, blocks: Blocks) -> list[Block]:
        return [each for _, each in zip(self.tables, blocks, strict=False)]

    def take_sentences(self, sentences: Iterable[Iterable[str]]) -> None:
        """Number the words of sentences."""
        words: list[str] = []
        borders: list[int] = []
        offset = done = 0
        for sentence in sentences:
            if isinstance(sentence, str) or not hasattr(sentence, "__iter__"):
                raise InputError(_no_sentence(done + len(borders), sentence))
            words.extend(sentence)
            borders.append(len(words))
            if len(words) >= _BATCH or len(borders) >= _BATCH:
                offset += self._batch(words, borders, offset, done)
                done += len(borders)
                words, borders = [], []
        self._batch(words, borders, offset, done)

    def _batch(self, words: list[str], borders: list[int], offset: int, done: int) -> int:
        try:
            text, starts, stops = laid_out(words)
        except TypeError:
            raise InputError(_no_word(words, borders, done)) from None
        ids = self.tables[0].number(text, starts, stops, offset)
        self._keep(0, ids, np.asarray(borders, np.int64))
        return len(text)

    def corpus(self) -> Corpus:
        """Choose the vocabulary, and give the numbers their final ids."""
        settings = self.settings
        rule = Rule(
            settings.min_count,
            settings.max_final_vocab,
            settings.lower,
            settings.known,
            settings.grow,
        )
        chosen = choose(self.tables, rule)
        self.tables = []
        before = 0
        for i, table in enumerate(self.of_table):
            tokens, borders = self.tokens[i], self.borders[i]
            names = chosen.ids[table]
            count = renumber(tokens, borders, names, tokens, borders, before)
            before += count
            self.tokens.put_back(i, tokens[:count])
            self.borders.put_back(i, borders)
        about = chosen._asdict()
        del about["ids"]
        tokens, starts = self.tokens.array(), self.borders.array()
        return Corpus(**about, tokens=tokens, starts=starts, settings=settings)

    def close(self) -> None:
        self.tokens.close()
        self.borders.close()


def _split_lines(
    blocks: Blocks, segment: Segment, report: Callable[[], None]
) -> Iterator[Iterable[str]]:
    for block in blocks:  # it ends with a line
        for line in decoded(block.text, block.size).split("\n")[:-1]:
            yield segment(line.removesuffix("\r"))
        report()


def _checked(
    sentences: Iterable[Iterable[str]], split: Segment | None, progress: Progress | None
) -> Iterator[Iterable[str]]:
    if isinstance(sentences, str | bytes | os.PathLike) or not hasattr(sentences, "__iter__"):
        raise InputError(
            f"sentences are {sentences!r:.80}, not an iterable of lists of words"
            "\n  a file's path is given as a file: corpus_file=, or Corpus.from_files"
        )
    total = len(sentences) if isinstance(sentences, Sized) else None
    number = 0
    for sentence in sentences:
        if split is None:
            yield sentence
        elif isinstance(sentence, str):
            yield split(sentence)
        else:
            raise InputError(_no_sentence(number, sentence, "a str, to be split into words"))
        number += 1
        if progress is not None and number % 10_000 == 0:
            progress(number, total)
    if progress is not None:
        progress(number, total)


def _no_sentence(number: int, sentence: object, wanted: str = "a list of words") -> str:
    remedy = "\n  split it first: sentence.split()" if isinstance(sentence, str) else ""
    kind = type(sentence).__name__
    return f"sentence {number} is {sentence!r:.80}, a {kind}, not {wanted}{remedy}"


def _no_word(words: list[str], borders: list[int], done: int) -> str:
    at = next(i for i, word in enumerate(words) if not isinstance(word, str))
    sentence = int(np.searchsorted(borders, at, side="right"))
    first = borders[sentence - 1] if sentence else 0
    word: object = words[at]
    return (
        f"sentence {done + sentence}, word {at - first} is {word!r:.80}, a {type(word).__name__},"
        " not a str\n  give lists of str"
    )
