"""Words and their ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError, ModelFileError
from lexon.text.batches import Ragged

UNKNOWN = "<unk>"
VERSION = 1


class _Ids(dict[str, int]):
    """Ids by word; a word that is not there has id 0."""

    def __missing__(self, word: str) -> int:
        return 0


class Vocabulary:
    """The known words; id 0 is ``<unk>`` and stands for all others.

    Shapes: `counts` (V,) int64, how often each word was seen when the vocabulary was built.
    """

    def __init__(self, words: Sequence[str], counts: Sequence[int] | None = None) -> None:
        """Take the words in the order of their ids, ``<unk>`` first, each once.

        Raises: InputError for other words, or as many counts as there are not words.
        """
        self.words: tuple[str, ...] = tuple(words)
        self.counts: npt.NDArray[np.int64] = np.asarray(
            [0] * len(self.words) if counts is None else counts, dtype=np.int64
        )
        self._ids = _Ids(zip(self.words, range(len(self.words)), strict=True))
        if not self.words or self.words[0] != UNKNOWN or len(self._ids) != len(self.words):
            raise InputError(f"a vocabulary's words are {UNKNOWN} and then others, each once")
        if self.counts.shape != (len(self.words),):
            raise InputError(f"there are {len(self.words)} words but {self.counts.size} counts")

    @classmethod
    def build(
        cls,
        texts: Iterable[Iterable[str]],
        *,
        min_count: int = 1,
        max_size: int | None = None,
    ) -> Vocabulary:
        """Return the vocabulary of tokenised texts, the most frequent word first.

        Words of equal count stand in the order of their code points, so that the order of the
        texts changes nothing. `min_count` (tokens) leaves out rarer words, `max_size` (words,
        ``<unk>`` included) leaves out the rarest. The count of ``<unk>`` is that of all words left
        out, and of ``<unk>`` itself where the texts hold it.

        Raises: InputError if `min_count` or `max_size` is below 1.
        """
        for option, value in (("min_count", min_count), ("max_size", max_size)):
            if value is not None and value < 1:
                raise InputError(f"{option} is {value}; it must be at least 1")
        counter = Counter(chain.from_iterable(texts))
        total = counter.total()
        del counter[UNKNOWN]
        kept = [pair for pair in counter.items() if pair[1] >= min_count]
        kept.sort(key=lambda pair: (-pair[1], pair[0]))
        if max_size is not None:
            del kept[max_size - 1 :]
        unknown = total - sum(count for _, count in kept)
        return cls([UNKNOWN, *(word for word, _ in kept)], [unknown, *(n for _, n in kept)])

    def encode(self, tokens: Sequence[str]) -> npt.NDArray[np.int32]:
        """Return the ids of tokens, shape (L,); unknown ones have id 0."""
        return np.fromiter(map(self._ids.__getitem__, tokens), np.int32, count=len(tokens))

    def encode_batch(self, texts: Sequence[Sequence[str]]) -> Ragged:
        """Return the ids of tokenised texts laid end to end, with their lengths."""
        lengths = np.fromiter(map(len, texts), np.int64, count=len(texts))
        ids = map(self._ids.__getitem__, chain.from_iterable(texts))
        return Ragged(np.fromiter(ids, np.int32, count=int(lengths.sum())), lengths)

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Return the words with the given ids."""
        return [self.words[index] for index in ids]

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._ids

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return self.words == other.words and np.array_equal(self.counts, other.counts)

    __hash__ = None  # type: ignore[assignment]  # equal by value, so no hash by identity

    def __repr__(self) -> str:
        return f"Vocabulary({len(self):,} words)"

    def to_json(self) -> dict[str, object]:
        """Return what `from_json` restores, made of plain values."""
        return {"version": VERSION, "words": list(self.words), "counts": self.counts.tolist()}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Vocabulary:
        """Return the vocabulary that `to_json` described.

        Raises: ModelFileError for anything else.
        """
        words, counts = data.get("words"), data.get("counts")
        if (
            data.get("version") == VERSION
            and isinstance(words, list)
            and isinstance(counts, list)
            and all(isinstance(word, str) for word in words)
            and all(type(count) is int and 0 <= count < 2**63 for count in counts)
        ):
            try:
                return cls(words, counts)
            except InputError:
                pass
        raise ModelFileError(
            f"no vocabulary of version {VERSION}; save the model again with this version of lexon"
        )
