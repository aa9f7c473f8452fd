"""Words and their vectors: compared, searched, scored, stored."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Self, TypeAlias, cast

import numpy as np

from lexon.errors import InputError
from lexon.vectors import evaluate, formats, similarity
from lexon.vectors.lookup import Array, Key, Lookup, unit
from lexon.vectors.records import Asked
from lexon.vectors.words import ERRORS

#: What takes part in a query: a word, the number of a row, a vector, or one of them with a weight.
Part: TypeAlias = Key | Array | tuple[Key | Array, float]
#: One of them without a weight, or several; an array (N, D) is N vectors.
Parts: TypeAlias = Key | Array | Sequence[Part] | None
Found: TypeAlias = list[tuple[str, float]]
Path: TypeAlias = str | os.PathLike[str]


class KeyedVectors(Lookup):
    """Words, each with a vector, and what can be asked of them.

    Rows are numbered from 0, by convention the most frequent word first. Attributes:
    ``index_to_key`` (the words), ``key_to_index``, ``vectors``, ``vector_size``, ``counts`` (how
    often each word was seen, or None). Lengths are computed once, when they are first needed:
    who changes ``vectors`` in place calls ``fill_norms(force=True)``.

    Shapes: vectors (V, D) float32 or float64; counts (V,) int64.
    """

    # How like two words are

    def similarity(self, first: Key, second: Key) -> float:
        """The cosine of two words."""
        return float(self.get_vector(first, norm=True) @ self.get_vector(second, norm=True))

    def distance(self, first: Key, second: Key) -> float:
        """1 - `similarity`."""
        return 1 - self.similarity(first, second)

    def n_similarity(self, first: Sequence[Key], second: Sequence[Key]) -> float:
        """The cosine of the means of two sets of words.

        Raises:
            InputError: a set is empty.
        """
        means = (
            self.get_mean_vector(keys, pre_normalize=False, ignore_missing=False)
            for keys in (first, second)
        )
        return float(np.dot(*map(unit, means)))

    def distances(self, word: Key | Array, others: Sequence[Key] = ()) -> Array:
        """1 - cosine of a word, or a vector, to others; to all words where none are named.

        Shapes: (len(others),) or (V,)
        """
        query = unit(self._vector(word))
        if not len(others):
            return 1 - similarity.cosines(self.vectors, self.inverse_norms, query)
        rows = [self.get_index(key) for key in others]
        return 1 - similarity.cosines(self.vectors[rows], self.inverse_norms[rows], query)

    def _vector(self, key: Key | Array) -> Array:
        return self._fitting(key) if isinstance(key, np.ndarray) else self.get_vector(key)

    def doesnt_match(self, words: Sequence[Key]) -> Key:
        """The word farthest from the mean of all given.

        Raises:
            InputError: no words are given.
        """
        mean = self.get_mean_vector(words, post_normalize=True, ignore_missing=False)
        rows = [self.get_index(word) for word in words]
        near = similarity.cosines(self.vectors[rows], self.inverse_norms[rows], mean)
        return words[int(near.argmin())]

    def closer_than(self, first: Key, second: Key) -> list[str]:
        """All words that are closer to the first word than the second is."""
        distances = self.distances(first)
        closer = np.flatnonzero(distances < distances[self.get_index(second)])
        return [self.index_to_key[row] for row in closer if row != self.get_index(first)]

    def rank(self, first: Key, second: Key) -> int:
        """The place of the second word among the neighbours of the first, from 1 on."""
        return len(self.closer_than(first, second)) + 1

    # Which words are alike

    def most_similar(
        self,
        positive: Parts = None,
        negative: Parts = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> Found | Array:
        """The words nearest to the sum of some vectors less others; words asked about left out.

        Equations: cos(v, sum_i w_i x_i), x_i of length 1 (a vector given: as it is), w_i = 1 for
        ``positive`` and -1 for ``negative``; a pair ``(word, w)`` gives the weight itself.

        ``restrict_vocab`` searches the first rows only. With ``topn=None`` all cosines come back,
        in the order of the rows.

        Raises:
            UnknownWordError: a word has no vector; the message names near spellings.
            InputError: nothing is asked.
        """
        query, asked = self._query(positive, negative)
        if topn is None:
            vectors, scale = self._searched(restrict_vocab)
            return similarity.cosines(vectors, scale, query)
        return self._nearest(query[None], [asked], topn, restrict_vocab)[0]

    def most_similar_batch(
        self,
        positive: Sequence[Parts] | Array,
        negative: Sequence[Parts] | None = None,
        topn: int = 10,
        restrict_vocab: int | None = None,
    ) -> list[Found]:
        """As `most_similar` for many queries at once, many times faster than one by one.

        Query i asks for ``positive[i]`` less ``negative[i]``; each of them is whatever
        `most_similar` takes: ``most_similar_batch(["king", ["woman", "king"]], [None, "man"])``.
        An array (B, D) is B queries.

        Raises:
            InputError: as `most_similar`, or there are not as many negative ones.
        """
        against = [None] * len(positive) if negative is None else negative
        if len(against) != len(positive):
            raise InputError(f"{len(positive)} positive queries, but {len(against)} negative ones")
        if not len(positive):
            return []
        pairs = [self._query(p, n) for p, n in zip(positive, against, strict=True)]
        queries = np.stack([query for query, _ in pairs])
        return self._nearest(queries, [asked for _, asked in pairs], topn, restrict_vocab)

    def similar_by_word(
        self, word: Key, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Found | Array:
        """The words nearest to a word."""
        return self.most_similar([word], None, topn, restrict_vocab)

    def similar_by_vector(
        self, vector: Any, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Found | Array:
        """The words nearest to a vector (D,)."""
        return self.most_similar([np.asarray(vector)], None, topn, restrict_vocab)

    def most_similar_cosmul(
        self,
        positive: Parts = None,
        negative: Parts = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> Found | Array:
        """As `most_similar`, by products of cosines: no single one decides.

        Equations: prod_i s(v, p_i) / (prod_j s(v, n_j) + 0.000001), s = (1 + cos) / 2
        Source: Levy and Goldberg (2014), equation 4 (3CosMul) and footnote 7.
        """
        sides = [_listed(positive), _listed(negative)]
        asked, factors = set(), []
        vectors, scale = self._searched(restrict_vocab)
        if not sides[0]:
            raise InputError("nothing is asked\n  give at least one positive word")
        for parts in sides:
            product = np.ones(len(vectors), self.vectors.dtype)
            for part in parts:
                if isinstance(part, tuple):
                    raise InputError("most_similar_cosmul: products have no weights")
                if not isinstance(part, np.ndarray):
                    asked.add(self.get_index(part))
                query = unit(self._vector(part))
                product *= (1 + similarity.cosines(vectors, scale, query)) / 2
            factors.append(product)
        scores = factors[0] / (factors[1] + self.vectors.dtype.type(1e-6))
        if topn is None:
            return cast(Array, scores)
        column = scores[:, None]
        rows, values = similarity.best(
            lambda start, stop: column[start:stop],
            1,
            len(scores),
            min(len(scores), topn + len(asked)),
        )
        return self._named(rows[0], values[0], asked, topn)

    def _searched(self, restrict_vocab: int | None) -> tuple[Array, Array]:
        """The rows to search, and 1 / their lengths."""
        if restrict_vocab is not None and restrict_vocab < 1:
            raise InputError(f"restrict_vocab is {restrict_vocab}; it must be at least 1 word")
        return self.vectors[:restrict_vocab], self.inverse_norms[:restrict_vocab]

    def _query(self, positive: Parts, negative: Parts) -> tuple[Array, set[int]]:
        """A query of length 1, and the rows that it asks about."""
        keys, weights, asked = [], [], set()
        for parts, sign in ((_listed(positive), 1.0), (_listed(negative), -1.0)):
            for part in parts:
                key, weight = part if isinstance(part, tuple) else (part, sign)
                keys.append(key)
                weights.append(weight)
                if not isinstance(key, np.ndarray):
                    asked.add(self.get_index(key))
        if not keys:
            raise InputError("nothing is asked\n  give at least one word or vector")
        mean = self.get_mean_vector(keys, weights, post_normalize=True, ignore_missing=False)
        return mean, asked

    def _nearest(
        self, queries: Array, asked: list[set[int]], topn: int, restrict_vocab: int | None
    ) -> list[Found]:
        if topn < 1:
            return [[] for _ in asked]
        number = topn + max(map(len, asked))
        rows, values = similarity.nearest(*self._searched(restrict_vocab), queries, number)
        return [self._named(*found, topn=topn) for found in zip(rows, values, asked, strict=True)]

    def _named(self, rows: Array, values: Array, asked: set[int], topn: int) -> Found:
        pairs = zip(rows.tolist(), values.tolist(), strict=True)
        return [(self.index_to_key[row], value) for row, value in pairs if row not in asked][:topn]

    # How good they are

    def evaluate_word_analogies(
        self, path: Path, restrict_vocab: int | None = 300_000, case_insensitive: bool = True
    ) -> tuple[float, list[evaluate.Section]]:
        """Score questions "a is to b as c is to ?" of a file; `lexon.vectors.evaluate.analogies`.

        Returns the share answered right, and the sections of the file with their questions, the
        last of them all together.
        """
        return evaluate.analogies(self, path, restrict_vocab, case_insensitive)

    def evaluate_word_pairs(
        self,
        path: Path,
        delimiter: str | None = None,
        encoding: str = "utf-8",
        restrict_vocab: int | None = 300_000,
        case_insensitive: bool = True,
    ) -> tuple[tuple[float, float], tuple[float, float], float]:
        """Score pairs of words that people judged; `lexon.vectors.evaluate.pairs`.

        Returns Pearson's correlation and its p-value, Spearman's and its, and the share of pairs
        with an unknown word in percent.
        """
        found = evaluate.pairs(self, path, delimiter, encoding, restrict_vocab, case_insensitive)
        return found.pearson, found.spearman, found.unknown_percent

    # Files

    def save(self, path: Path) -> None:
        """Write words, vectors and counts to a file that `load` opens by memory map.

        Raises:
            InputError: the file cannot be written; what stood there before is unchanged.
        """
        formats.save(self, path)

    @classmethod
    def load(cls, path: Path, mmap: bool = True, verify: bool = False) -> Self:
        """Open a file of `save`.

        With ``mmap`` the vectors are mapped, read-only: they are read from the disk when they are
        needed, and processes that open one file share one copy of them. Checked are the size of
        the file and the digest of its header, words and counts; the bytes of the vectors only with
        ``verify``, which reads them all, as does ``mmap=False`` (vectors in memory, writable).

        Raises:
            ModelFileError: the file is missing, cut short, altered, newer, or something else.
        """
        return cls._of(formats.load(path, mmap, verify))

    @classmethod
    def load_word2vec_format(
        cls,
        path: Path,
        binary: bool | None = None,
        limit: int | None = None,
        encoding: str = "utf-8",
        unicode_errors: str = ERRORS,
    ) -> Self:
        """Read word2vec's text or binary format, recognised by content where ``binary`` is None.

        ``limit`` reads the first words only. Numbers are float32(float(text)). The last D fields
        of a line are the numbers: blanks before them belong to the word. A word that stands there
        again is left out, with a warning. Words that are not in the ``encoding`` keep their bytes
        (as lone surrogates, and are written as they were), with a warning;
        ``unicode_errors="strict"`` refuses them.

        Raises:
            DataFileError: the file is missing, empty, cut short, or not what its first line says;
                it holds NaN or infinite numbers, or lines of another length.
        """
        format = None if binary is None else "binary" if binary else "word2vec"
        return cls._of(formats.read(path, format, Asked(limit, encoding, unicode_errors)))

    def save_word2vec_format(self, path: Path, binary: bool = False) -> None:
        """Write word2vec's text or binary format, packed where the name ends so (.gz, .xz, ...).

        Nine digits are written, which give the same float32 when they are read.

        Raises:
            InputError: a word is empty or has blanks in it, or the file cannot be written.
        """
        formats.write(self, path, "binary" if binary else "word2vec")

    @classmethod
    def load_glove_format(
        cls,
        path: Path,
        limit: int | None = None,
        encoding: str = "utf-8",
        unicode_errors: str = ERRORS,
    ) -> Self:
        """Read GloVe's text format: as word2vec's, without the first line."""
        return cls._of(formats.read(path, "glove", Asked(limit, encoding, unicode_errors)))

    def save_glove_format(self, path: Path) -> None:
        """Write GloVe's text format."""
        formats.write(self, path, "glove")

    @classmethod
    def _of(cls, table: KeyedVectors) -> Self:
        if type(table) is cls:
            return table
        return cls(table.index_to_key, table.vectors, table.counts)


def _listed(parts: Parts) -> list[Part]:
    """What takes part, one by one."""
    if parts is None:
        return []
    if isinstance(parts, str | int | np.integer):
        return [parts]
    if isinstance(parts, np.ndarray):
        return [parts] if parts.ndim == 1 else list(parts)
    return list(parts)
