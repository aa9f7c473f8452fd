"""Words and their vectors: the table that everything else looks things up in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError, ShapeError
from lexon.vectors import similarity
from lexon.vectors.words import UnknownWordError

Array: TypeAlias = npt.NDArray[Any]
#: A word, or the number of its row.
Key: TypeAlias = str | int


class Lookup:
    """Words and their vectors.

    Rows are numbered from 0, by convention the most frequent word first. Attributes:
    ``index_to_key`` (the words), ``key_to_index``, ``vectors``, ``vector_size``, ``counts`` (how
    often each word was seen, or None). Lengths are computed once, when they are first needed:
    who changes ``vectors`` in place calls ``fill_norms(force=True)``.

    Shapes: vectors (V, D) float32 or float64; counts (V,) int64.
    """

    def __init__(self, words: Iterable[str], vectors: Any, counts: Any = None) -> None:
        """Take the words and their vectors; an array of floats is not copied.

        Raises:
            InputError: a word stands there twice, or is no text.
            ShapeError: there are not as many vectors, or counts, as words.
        """
        self.index_to_key = list(words)
        self.vectors: Array = np.asarray(vectors)
        if self.vectors.dtype not in (np.float32, np.float64):
            self.vectors = self.vectors.astype(np.float32)
        self.counts: Array | None = None if counts is None else np.asarray(counts, np.int64)
        self._norms: Array | None = None
        self._inverse: Array | None = None
        number = len(self.index_to_key)
        if self.vectors.ndim != 2 or len(self.vectors) != number:
            raise ShapeError(
                f"word vectors: {number} words, but vectors of shape {self.vectors.shape}\n"
                "  give one row of numbers for each word: (V, D)"
            )
        if self.counts is not None and self.counts.shape != (number,):
            raise ShapeError(f"word vectors: {number} words, but {self.counts.size} counts")
        self.key_to_index = dict(zip(self.index_to_key, range(number), strict=True))
        if len(self.key_to_index) != number:
            seen: set[str] = set()
            twice = next(w for w in self.index_to_key if w in seen or seen.add(w))  # type: ignore[func-returns-value]
            raise InputError(f"word vectors: the word {twice!r:.80} stands there twice")

    @property
    def vector_size(self) -> int:
        """D, the numbers of a vector."""
        return int(self.vectors.shape[1])

    @property
    def norms(self) -> Array:
        """The length of each vector, (V,)."""
        if self._norms is None:
            self._norms = similarity.norms(self.vectors)
        return self._norms

    @property
    def inverse_norms(self) -> Array:
        """1 / the length of each vector, (V,); 0 for a row of zeros, which is like nothing."""
        if self._inverse is None:
            self._inverse = similarity.inverse(self.norms)
        return self._inverse

    def fill_norms(self, force: bool = False) -> None:
        """Compute the lengths now; with ``force`` also where they are known, for new vectors."""
        if force:
            self._norms = self._inverse = None
        _ = self.norms

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __contains__(self, word: object) -> bool:
        return word in self.key_to_index

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self):,} words, {self.vector_size} numbers each)"

    def __getitem__(self, keys: Key | Iterable[Key]) -> Array:
        """The vector of a word (D,), or those of several, one a row."""
        if isinstance(keys, str | int | np.integer):
            return self.get_vector(keys)
        rows = [self.get_index(key) for key in keys]
        return self.vectors[np.array(rows, np.int64)]

    def get_index(self, key: Key, default: int | None = None) -> int:
        """The row of a word; the number of a row is its own.

        Raises:
            UnknownWordError: there is none, and no ``default``; it is a KeyError, too.
        """
        row = self.key_to_index.get(key, -1) if isinstance(key, str) else int(key)
        if 0 <= row < len(self):
            return row
        if default is not None:
            return default
        raise UnknownWordError(key, self.key_to_index)

    def get_vector(self, key: Key, norm: bool = False) -> Array:
        """The vector of a word, (D,); with ``norm`` scaled to length 1, else not to be written to.

        Raises:
            UnknownWordError: the word has none.
        """
        row = self.get_index(key)
        if norm:
            return cast(Array, self.vectors[row] * self.inverse_norms[row])
        vector: Array = self.vectors[row]
        vector.flags.writeable = False
        return vector

    def get_vecattr(self, key: Key, attribute: str) -> int:
        """The ``"count"`` of a word: how often it was seen.

        Raises:
            UnknownWordError: the word is not there.
            InputError: another attribute, or no counts are known.
        """
        if attribute != "count" or self.counts is None:
            raise InputError(f"{attribute!r} is not known of these words")
        return int(self.counts[self.get_index(key)])

    def get_mean_vector(
        self,
        keys: Sequence[Key | Array],
        weights: Sequence[float] | Array | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> Array:
        """The weighted mean of the vectors of words, or of vectors given.

        Equations: sum_i w_i x_i / sum_i |w_i|, where x_i of a word has length 1
        (``pre_normalize``); the mean has length 1 with ``post_normalize``.

        Raises:
            InputError: nothing to take the mean of, or another number of weights.
            UnknownWordError: a word has no vector, and is not to be ignored.
        """
        weighed = np.ones(len(keys)) if weights is None else np.asarray(weights, float)
        if len(keys) == 0 or weighed.shape != (len(keys),):
            raise InputError(f"the mean of {len(keys)} vectors with {weighed.size} weights")
        total, mean = 0.0, np.zeros(self.vector_size, self.vectors.dtype)
        for key, weight in zip(keys, weighed.tolist(), strict=True):
            if isinstance(key, np.ndarray):
                vector = self._fitting(key)
            elif ignore_missing and self.get_index(key, -1) < 0:
                continue
            else:
                vector = self.get_vector(key, norm=pre_normalize)
            mean += weight * vector
            total += abs(weight)
        mean = mean / self.vectors.dtype.type(total) if total else mean
        return unit(mean) if post_normalize else mean

    def _fitting(self, vector: Array) -> Array:
        if vector.shape != (self.vector_size,):
            raise ShapeError(
                f"a vector of shape {vector.shape}, where the words have ({self.vector_size},)"
            )
        return vector

    def add_vectors(
        self, keys: Sequence[str], weights: Any, counts: Any = None, replace: bool = False
    ) -> None:
        """Add words at the end; a word that is there keeps its vector, or with ``replace`` not.

        Raises:
            ShapeError: there are not as many vectors as words, or of another width.
        """
        rows = np.asarray(weights, self.vectors.dtype).reshape(len(keys), -1)
        if rows.shape != (len(keys), self.vector_size):
            raise ShapeError(f"{len(keys)} words of {self.vector_size} numbers, but {rows.shape}")
        given = np.zeros(len(keys), np.int64) if counts is None else np.asarray(counts, np.int64)
        last = {word: place for place, word in reversed(list(enumerate(keys)))}
        new = {word: place for word, place in last.items() if word not in self.key_to_index}
        places = sorted(new.values())
        more = Lookup(
            [*self.index_to_key, *(keys[place] for place in places)],
            np.concatenate([self.vectors, rows[places]]),
            None if self.counts is None else np.concatenate([self.counts, given[places]]),
        )
        if replace:
            for word, place in last.items():
                more.vectors[more.key_to_index[word]] = rows[place]
        self.__dict__.update(more.__dict__)


def unit(vector: Array) -> Array:
    """The vector scaled to length 1; zeros stay zeros."""
    length = np.sqrt(np.dot(vector, vector))
    return vector / length if length > 0 else vector
