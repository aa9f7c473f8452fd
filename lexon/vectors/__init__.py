"""Word vectors: searched, compared, scored and stored.

The names below are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lexon.vectors.callback import Callback
    from lexon.vectors.corpus import Corpus
    from lexon.vectors.formats import open_vectors
    from lexon.vectors.keyed import KeyedVectors
    from lexon.vectors.phrases import Phrases
    from lexon.vectors.word2vec import Word2Vec
    from lexon.vectors.words import UnknownWordError

#: Where each public name lives.
_HOMES = {
    "Callback": "lexon.vectors.callback",
    "Corpus": "lexon.vectors.corpus",
    "KeyedVectors": "lexon.vectors.keyed",
    "Phrases": "lexon.vectors.phrases",
    "UnknownWordError": "lexon.vectors.words",
    "Word2Vec": "lexon.vectors.word2vec",
    "open_vectors": "lexon.vectors.formats",
}

__all__ = [
    "Callback",
    "Corpus",
    "KeyedVectors",
    "Phrases",
    "UnknownWordError",
    "Word2Vec",
    "open_vectors",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lexon.vectors' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
