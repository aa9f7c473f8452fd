"""Running text as one sequence of tokens, and back: what a language model reads and writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lexon.errors import InputError, ModelFileError
from lexon.text.tokens import Tokenizer
from lexon.text.vocabulary import Vocabulary

#: The token that stands for the end of a line.
END = "\n"
LEVELS = ("word", "char")
#: Lines that tell which kind of text it is.
_SAMPLE = 1000


@dataclass(frozen=True)
class Stream:
    """How text becomes tokens: its characters, or its words with a token for every line's end.

    ``tokenizer`` splits a line into words; None where the characters are the tokens.
    """

    tokenizer: Tokenizer | None

    @classmethod
    def of(cls, level: str, tokens: str, lowercase: bool, text: str) -> Stream:
        """The stream for ``text``, whose words stand between spaces unless ``tokens`` says else.

        Raises:
            InputError: words are asked for, and this is Chinese without spaces between them.
        """
        if level == "char":
            return cls(None)
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
        text = text.replace("\r\n", "\n")
        if self.tokenizer is None:
            yield text
            return
        lines = text.split("\n")
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
        return {"level": self.level, "tokenizer": words}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Stream:
        """The stream that :meth:`to_json` described.

        Raises:
            ModelFileError: for anything else.
        """
        words = data.get("tokenizer")
        if data.get("level") == "char" and words is None:
            return cls(None)
        if data.get("level") != "word" or not isinstance(words, Mapping):
            raise ModelFileError(f"this is no stream of tokens: {dict(data)!r:.100}")
        return cls(Tokenizer.from_json(words))
