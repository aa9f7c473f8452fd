"""CoNLL-2003 English names: BiLSTM-CRF with and without word vectors, beside published results.

Settings were chosen on eng.testa (the dev file) alone; eng.testb is scored once, at the end.
Vectors are lexon's own, skip-gram of 100 numbers trained on 24 million words of Wikipedia.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from lexon.tasks import SequenceTagger
from lexon.text import read_tagged
from lexon.vectors import KeyedVectors, Word2Vec

SEEDS = (1, 2, 3)
#: Where trained vectors are kept from one cell to the next.
VECTORS = Path(tempfile.gettempdir()) / "lexon-tagging-vectors.lexon"


def cells(vectors: bool) -> dict[str, Callable[[Path], dict[str, float]]]:
    """Seeds 1 to 3."""
    return {f"seed-{seed}": partial(_cell, seed, vectors) for seed in SEEDS}


def tagger(seed: int, vectors: KeyedVectors | None = None) -> SequenceTagger:
    """BiLSTM-CRF with filters over characters."""
    return SequenceTagger(
        model="bilstm-crf", dimension=100, hidden=200, characters="cnn", windows=(3,), filters=50,
        vectors=vectors, dropout=0.5, optimizer="adam", learning_rate=0.002, epochs=20,
        batch_size=10, patience=None, clip=5.0, seed=seed,
    )  # fmt: skip


def part(data: Path, name: str) -> tuple[list[Any], list[list[str]]]:
    """Sentences and their tags."""
    found = read_tagged(data / "conll2003" / name, label="4")
    return found.tokens, found.tags or []


def _cell(seed: int, vectors: bool, data: Path) -> dict[str, float]:
    given = wikipedia(data) if vectors else None
    model = tagger(seed, given).fit(*part(data, "eng.train"), valid=part(data, "eng.testa"))
    test = model.evaluate(*part(data, "eng.testb"))
    return {
        "test F1": test.score,
        "dev F1": model.history_.best_score or 0.0,
        "test accuracy of tokens": test.scores["accuracy"],
        "best epoch": model.history_.best,
    }


def wikipedia(data: Path) -> KeyedVectors:
    """Skip-gram vectors of 100 numbers, trained on the first use."""
    if not VECTORS.exists():
        learned = Word2Vec(
            corpus_file=data / "enwiki" / "enwiki-24m.txt.xz", vector_size=100, window=5, sg=1,
            min_count=5, negative=5, sample=1e-3, alpha=0.04, epochs=5, seed=1, deterministic=True,
            direction="centre-to-context",
        )  # fmt: skip
        learned.wv.save(VECTORS)
    return KeyedVectors.load(VECTORS)
