"""Kim 2014, table 2, CNN-rand: MR by 10-fold cross-validation, SST-2 on its own split.

Settings (section 3 of the paper, and its published code): word vectors of 300 numbers learned from
random ones, windows 3, 4, 5 with 100 filters each, ReLU, maximum over time, dropout 0.5, rows of
the last layer no longer than 3, batches of 50, Adadelta (rho 0.95), 25 epochs, best dev epoch kept.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from sklearn.model_selection import StratifiedKFold

from lexon.tasks import TextClassifier
from lexon.text import read_examples

FOLDS, SEEDS = 10, (1, 2, 3)

#: Texts and their labels.
Part = tuple[list[str], list[str]]
#: Gives the untrained network of a seed.
Make = Callable[[int], TextClassifier]


def network(seed: int) -> TextClassifier:
    """CNN-rand."""
    return TextClassifier(
        model="cnn", windows=(3, 4, 5), filters=100, dimension=300, dropout=0.5, max_norm=3.0,
        optimizer="adadelta", epochs=25, batch_size=50, patience=None, tokens="spaces", seed=seed,
    )  # fmt: skip


def movie_reviews(make: Make = network) -> dict[str, Callable[[Path], dict[str, float]]]:
    """MR: ten folds fixed by seed 1; a tenth of each training fold is the dev part."""
    return {f"fold-{fold}": partial(_fold, make, fold) for fold in range(1, FOLDS + 1)}


def _fold(make: Make, fold: int, data: Path) -> dict[str, float]:
    train, test = movie_parts(fold, data)
    model = make(1)
    model.fit(*train)
    return _scores(model, *test)


def movie_parts(fold: int, data: Path) -> tuple[Part, Part]:
    """MR without a fold, and the fold."""
    examples = read_examples(data / "kim2014" / "rt-polarity.all", format="labelled")
    texts, labels = examples.texts, [str(label) for label in examples.labels or ()]
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=1).split(texts, labels)
    train, test = (
        ([texts[i] for i in chosen], [labels[i] for i in chosen])
        for chosen in list(folds)[fold - 1]
    )
    return train, test


def sentiment_treebank(make: Make = network) -> dict[str, Callable[[Path], dict[str, float]]]:
    """SST-2: trained on all labelled phrases, scored on sentences."""
    return {f"seed-{seed}": partial(_treebank, make, seed) for seed in SEEDS}


def _treebank(make: Make, seed: int, data: Path) -> dict[str, float]:
    model = make(seed)
    model.fit(*treebank_part("phrases.train.derived", data), valid=treebank_part("dev", data))
    return _scores(model, *treebank_part("test", data))


def treebank_part(name: str, data: Path) -> Part:
    """SST-2: "phrases.train.derived", "train", "dev" or "test"."""
    examples = read_examples(data / "kim2014" / f"stsa.binary.{name}", format="labelled")
    return examples.texts, [str(label) for label in examples.labels or ()]


def _scores(model: TextClassifier, texts: list[str], labels: list[str]) -> dict[str, float]:
    return {
        "accuracy": model.score(texts, labels),
        "dev accuracy": model.history_.best_score or 0.0,
        "best epoch": model.history_.best,
    }
