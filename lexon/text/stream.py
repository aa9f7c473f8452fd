"""Running text as one sequence of tokens, and back: what a language model reads and writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError, ModelFileError
from lexon.text.tokens import Tokenizer
from lexon.text.vocabulary import Vocabulary

Array = npt.NDArray[Any]

#: The token that stands for the end of a line.
END = "\n"
LEVELS = ("word", "char")
#: Lines that tell which kind of text it is.
_SAMPLE = 1000


def running(texts: str | Sequence[str]) -> str:
    """One running text: a string as it is, or the texts of a list, each on lines of its own.

    Line ends are LF.

    Raises:
        InputError: it is neither.
    """
    if not isinstance(texts, str):
        listed: list[Any] = list(texts) if hasattr(texts, "__iter__") else [texts]
        for row, text in enumerate(listed):
            if not isinstance(text, str):
                raise InputError(f"text {row} is {type(text).__name__}, not a string: {text!r:.60}")
        texts = "".join(text if text.endswith(END) else text + END for text in listed)
    return texts.replace("\r\n", END)


def in_rows(ids: Array, rows: int, steps: int) -> tuple[Array, Array]:
    """Tokens laid in so many rows, and what follows each; fewer rows where they would be short.

    Shapes: (B, T) both. Up to B - 1 tokens at the end are left out. Units: ``steps`` in tokens,
    the least that a row has if there are enough.
    """
    rows = min(rows, max((len(ids) - 1) // steps, 1))
    columns = (len(ids) - 1) // rows
    return (
        ids[: rows * columns].reshape(rows, columns),
        ids[1 : rows * columns + 1].reshape(rows, columns),
    )


@dataclass(frozen=True)
class Stream:
    """How text becomes tokens: its characters, or its words with a token for every line's end.

    ``tokenizer`` splits a line into words; None where the characters are the tokens, which
    ``lowercase`` makes small.
    """

    tokenizer: Tokenizer | None
    lowercase: bool = False

    @classmethod
    def of(cls, level: str, tokens: str, lowercase: bool, text: str) -> Stream:
        """The stream for ``text``, whose words stand between spaces unless ``tokens`` says else.

        Raises:
            InputError: words are asked for, and this is Chinese without spaces between them; or
                a way to split words, where characters are the tokens.
        """
        if level == "char":
            if tokens != "auto":
                raise InputError(
                    f"tokens is {tokens!r}, and the level char\n  leave one of them out"
                )
            return cls(None, lowercase)
        if tokens == "auto":
            sample = text.split("\n", _SAMPLE)[:_SAMPLE]
            if Tokenizer("auto").resolve(sample).kind == "characters":
                raise InputError(
                    "this text is Chinese without spaces between its words\n"
                    "  learn its characters (--level char), or segment it first"
                )
            tokens = "spaces"
        return cls(Tokenizer(tokens, lowercase))

    @property
    def level(self) -> str:
        return "char" if self.tokenizer is None else "word"

    def tokens(self, text: str) -> Iterator[Sequence[str]]:
        """The tokens of a text, portion by portion; every line ends with :data:`END`."""
        text = text.replace("\r\n", END)
        if self.tokenizer is None:
            yield text.lower() if self.lowercase else text
            return
        lines = text.split(END)
        if not lines[-1]:
            lines.pop()
        for line in lines:
            yield [*self.tokenizer(line), END]

    def vocabulary(self, text: str, min_count: int, largest: int | None) -> Vocabulary:
        """The tokens of a text that are frequent enough, and how often each came."""
        return Vocabulary.build(self.tokens(text), min_count=min_count, max_size=largest)

    def encode(self, text: str, vocabulary: Vocabulary) -> npt.NDArray[np.int32]:
        """The numbers of a text's tokens (S); 0 for those that are unknown."""
        parts = [vocabulary.encode(tokens) for tokens in self.tokens(text)]
        return np.concatenate(parts) if parts else np.empty(0, np.int32)

    def after_line(self, text: str, vocabulary: Vocabulary) -> npt.NDArray[np.int32]:
        """The numbers of a text's tokens behind that of the end of a line (1 + S).

        Raises:
            InputError: the text has no tokens.
        """
        ids = self.encode(text, vocabulary)
        if not len(ids):
            raise InputError("the text has no tokens\n  give some text")
        return np.concatenate([vocabulary.encode([END]), ids])

    def text(self, tokens: Iterable[str], after: str = END) -> str:
        """Tokens as text again: words between spaces, where ``after`` came before the first."""
        if self.tokenizer is None:
            return "".join(tokens)
        pieces = []
        for token in tokens:
            pieces.append(token if END in (token, after) else f" {token}")
            after = token
        return "".join(pieces)

    def to_json(self) -> dict[str, object]:
        """What :meth:`from_json` restores, made of plain values."""
        words = None if self.tokenizer is None else self.tokenizer.to_json()
        return {"level": self.level, "tokenizer": words, "lowercase": self.lowercase}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Stream:
        """The stream that :meth:`to_json` described.

        Raises:
            ModelFileError: for anything else.
        """
        words, lowercase = data.get("tokenizer"), data.get("lowercase")
        if data.get("level") == "char" and words is None and isinstance(lowercase, bool):
            return cls(None, lowercase)
        if data.get("level") != "word" or not isinstance(words, Mapping):
            raise ModelFileError(f"this is no stream of tokens: {dict(data)!r:.100}")
        return cls(Tokenizer.from_json(words))
