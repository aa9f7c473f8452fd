"""Texts into classes: tokenizer, vocabulary, labels and network as one scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from lexon import __version__, ops, storage
from lexon.errors import InputError, ModelFileError
from lexon.graph.node import no_grad
from lexon.graph.tensor import Tensor
from lexon.optim import Optimizer
from lexon.tasks.common import make_optimizer, rows_digest
from lexon.tasks.evaluation import Evaluation, evaluate_classes
from lexon.tasks.networks import build_network
from lexon.text import Labels, Ragged, Tokenizer, Vocabulary, stratified_holdout
from lexon.train.history import History
from lexon.train.loop import Plan, Task, Training, Watcher

Array = npt.NDArray[Any]

#: The optimizer and learning rate that suit a network, where none is named.
USUAL = {"linear": ("adagrad", 0.3), "mlp": ("adam", 0.003), "cnn": ("adadelta", 1.0)}

#: Texts that go through the network at a time in prediction; changes no bit of the result.
AT_ONCE = 256


class TextClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A network that tells which class (or classes) a text belongs to.

    ``fit(texts, labels)`` takes strings and one label each, or for several labels a text a list of
    labels each. Tokenizer and vocabulary come from the training part alone, the best epoch on the
    held-out part is kept.

    Parameters:
        model: "linear" (one layer), "mlp" (mean of word vectors, one hidden layer), "cnn" (Kim
            2014).
        windows, filters: n-gram sizes (tokens) and filters of each; cnn.
        dimension, hidden: width of word vectors and of the hidden layer.
        dropout: probability to drop a feature in training.
        max_norm: longest row of the last layer, or None.
        output: "softmax", or for two classes "sigmoid": one score, (1 - y, y).
        optimizer, learning_rate: by name; None is what suits the model: adagrad at 0.3 (linear),
            adam at 0.003 (mlp), adadelta at 1 (cnn); with a name, that optimizer's usual rate.
        epochs, batch_size, patience: passes; texts a step; epochs without gain before it stops.
        clip: largest norm of the gradient, or None.
        tokens: "auto", "words", "spaces" or "characters"; ``lowercase``.
        min_count, max_vocabulary: rarer words are unknown; the most frequent words kept.
        word_ngrams: also count runs of up to so many tokens as words; None is 1 for cnn, else 2.
        class_weight: None, "balanced", or a mapping from label to weight.
        validation_fraction: share of the rows held out (stratified) when ``fit`` gets no ``valid``;
            0 holds out nothing.
        threshold: probability from which one of several labels is given.
        seed: of the split, the first weights, the order, and dropout.

    Attributes after ``fit``: classes_, history_, network_, tokenizer_, vocabulary_, labels_,
    held_out_ (the rows held out, None where ``valid`` was given).

    Raises:
        InputError: texts, labels or a parameter cannot be used.
        NonFiniteError: training diverged.

    >>> from lexon.tasks import TextClassifier
    >>> texts = ["good film", "fine good play", "bad film", "awful bad play"] * 5
    >>> labels = ["pos", "pos", "neg", "neg"] * 5
    >>> model = TextClassifier(model="linear", epochs=30, seed=1).fit(texts, labels)
    >>> model.predict(["a good one", "a bad one"]).tolist()
    ['pos', 'neg']
    """

    def __init__(
        self,
        model: str = "cnn",
        *,
        windows: Sequence[int] = (3, 4, 5),
        filters: int = 100,
        dimension: int = 300,
        hidden: int = 256,
        dropout: float = 0.5,
        max_norm: float | None = 3.0,
        output: str = "softmax",
        optimizer: str | None = None,
        learning_rate: float | None = None,
        epochs: int = 25,
        batch_size: int = 50,
        patience: int | None = 5,
        clip: float | None = None,
        tokens: str = "auto",
        lowercase: bool = True,
        min_count: int = 1,
        max_vocabulary: int | None = None,
        word_ngrams: int | None = None,
        class_weight: str | dict[Any, float] | None = None,
        validation_fraction: float = 0.1,
        threshold: float = 0.5,
        seed: int = 1,
    ) -> None:
        self.model = model
        self.windows = windows
        self.filters = filters
        self.dimension = dimension
        self.hidden = hidden
        self.dropout = dropout
        self.max_norm = max_norm
        self.output = output
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.clip = clip
        self.tokens = tokens
        self.lowercase = lowercase
        self.min_count = min_count
        self.max_vocabulary = max_vocabulary
        self.word_ngrams = word_ngrams
        self.class_weight = class_weight
        self.validation_fraction = validation_fraction
        self.threshold = threshold
        self.seed = seed

    # Training

    def fit(
        self,
        X: Sequence[str],
        y: Sequence[Any],
        *,
        valid: tuple[Sequence[str], Sequence[Any]] | None = None,
        watcher: Watcher | None = None,
        checkpoint: Callable[[Training], None] | None = None,
    ) -> TextClassifier:
        """Train on texts and labels.

        ``valid`` is held out instead of a part of the rows; ``watcher`` is told of progress;
        ``checkpoint`` is given the training before it begins, to resume or to save it.
        """
        check_settings(self)
        texts, names = checked_texts(X), self._read_labels(y)
        if len(texts) != len(names):
            raise InputError(f"there are {len(texts):,} texts, but {len(names):,} labels")
        self.data_hash_ = rows_digest(zip(texts, names, strict=True))
        # Labels are those of all rows, so that a rare class keeps its place without examples.
        self.labels_ = Labels.fit(names)
        held_texts, held_names = [], []
        self.held_out_: Array | None = None
        if valid is not None:
            held_texts, held_names = checked_texts(valid[0]), self._read_labels(valid[1])
        elif self.validation_fraction:
            kept, held = stratified_holdout(names, self.validation_fraction, self.seed)
            self.held_out_ = held
            held_texts, held_names = [texts[i] for i in held], [names[i] for i in held]
            texts, names = [texts[i] for i in kept], [names[i] for i in kept]
        self._fit(texts, names, held_texts, held_names, watcher, checkpoint)
        return self

    def _fit(
        self,
        texts: list[str],
        names: list[Any],
        held_texts: list[str],
        held_names: list[Any],
        watcher: Watcher | None,
        checkpoint: Callable[[Training], None] | None,
    ) -> None:
        rng = np.random.default_rng(self.seed)
        self.tokenizer_ = Tokenizer(self.tokens, self.lowercase).resolve(texts)
        tokens = [self._tokens(text) for text in texts]
        self.vocabulary_ = Vocabulary.build(
            tokens, min_count=self.min_count, max_size=self.max_vocabulary
        )
        self.network_ = self._build(rng)
        ids, targets = self.vocabulary_.encode_batch(tokens), self.labels_.encode(names)
        weights = self._class_weights(targets)
        held, truth = self._encode(held_texts), self.labels_.encode(held_names)

        def loss(rows: Array) -> Tensor:
            part = ids.take(rows)
            return self._loss(self.network_(part.rows, part.lengths), targets[rows], weights)

        def validate() -> tuple[float, float]:
            logits = self._logits(held)
            score = float(np.mean(self._decide(self._probabilities(logits)) == truth))
            if self.labels_.multi_label:
                score = _micro_f1(truth, self._decide(self._probabilities(logits)))
            return score, self._loss(Tensor(logits), truth, weights).item()

        training = Training(
            self.network_,
            self._make_optimizer(),
            Task(
                len(texts),
                loss,
                validate if held_texts else None,
                lambda: self.network_.hold_norm(self.max_norm),
            ),
            Plan(self.epochs, self.batch_size, self.patience if held_texts else None, self.clip),
            rng,
            measure="micro-F1" if self.labels_.multi_label else "accuracy",
            watcher=watcher,
        )
        if checkpoint is not None:
            checkpoint(training)
        self.history_ = training.run()

    def _make_optimizer(self) -> Optimizer:
        name, usual = USUAL[self.model] if self.optimizer is None else (self.optimizer, None)
        rate = usual if self.learning_rate is None else self.learning_rate
        return make_optimizer(name, rate, self.network_)

    def _build(self, rng: np.random.Generator) -> Any:
        outputs = 1 if self._single else len(self.labels_)
        return build_network(
            self.model, self.get_params(deep=False), len(self.vocabulary_), outputs, rng
        )

    @property
    def _single(self) -> bool:
        """Whether two classes share one sigmoid."""
        return self.output == "sigmoid" and not self.labels_.multi_label

    def _read_labels(self, y: Sequence[Any]) -> list[Any]:
        """Labels as strings, or as tuples of strings; remembers whether they were whole numbers."""
        listed = list(y.tolist() if isinstance(y, np.ndarray) else y)
        if listed and all(isinstance(labels, (list, tuple, set, frozenset)) for labels in listed):
            return [tuple(sorted(map(str, labels))) for labels in listed]
        missing = [row for row, label in enumerate(listed) if label is None or label != label]
        if missing:
            raise InputError(
                f"row {missing[0]} has no label ({len(missing):,} rows in all)\n"
                "  leave these rows out"
            )
        self.integer_labels_ = all(type(label) is int for label in listed)
        return [str(label) for label in listed]

    def _class_weights(self, targets: Array) -> Array | None:
        if self.class_weight is None:
            return None
        if self.class_weight == "balanced":
            positive = (
                targets.sum(0)
                if targets.ndim == 2
                else np.bincount(targets, minlength=len(self.labels_))
            )
            return (len(targets) / (len(self.labels_) * np.maximum(positive, 1))).astype(np.float32)
        if not isinstance(self.class_weight, dict):
            raise InputError(
                f"class_weight is {self.class_weight!r}\n"
                '  give None, "balanced", or a mapping from label to weight'
            )
        given = {str(label): weight for label, weight in self.class_weight.items()}
        unknown = sorted(given.keys() - set(self.labels_.names))
        if unknown:
            raise InputError(
                f"class_weight names {', '.join(unknown)}, which no row has\n"
                f"  the labels are {', '.join(self.labels_.names)}"
            )
        return np.array([given.get(name, 1.0) for name in self.labels_.names], np.float32)

    def _loss(self, logits: Tensor, targets: Array, weights: Array | None) -> Tensor:
        if self.labels_.multi_label:
            return ops.binary_cross_entropy(logits, targets=targets, weights=weights)
        if self._single:
            each = None if weights is None else weights[targets]
            return _one_sigmoid(logits, targets, each)
        return ops.cross_entropy(logits, targets=targets, weights=weights)

    # Prediction

    def _tokens(self, text: str) -> list[str]:
        tokens = self.tokenizer_(text)
        longest = self.word_ngrams or (1 if self.model == "cnn" else 2)
        runs = tokens
        for n in range(2, longest + 1):
            runs = runs + [" ".join(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
        return runs

    def _encode(self, texts: Sequence[str]) -> Ragged:
        return self.vocabulary_.encode_batch([self._tokens(text) for text in texts])

    def _logits(self, ids: Ragged) -> Array:
        with no_grad():
            if len(ids) <= AT_ONCE:
                return self.network_(ids.rows, ids.lengths).value
            parts = [ids.take(np.arange(a, b)) for a, b in _portions(len(ids))]
            return np.concatenate([self.network_(p.rows, p.lengths).value for p in parts])

    def _probabilities(self, logits: Array) -> Array:
        if self.labels_.multi_label:
            return ops.sigmoid(logits).value
        if self._single:
            positive = ops.sigmoid(logits).value
            return np.concatenate([1 - positive, positive], axis=1)
        return ops.softmax(logits).value

    def _decide(self, probabilities: Array) -> Array:
        """Class numbers (N), or zeros and ones (N, C)."""
        if self.labels_.multi_label:
            return (probabilities >= self.threshold).astype(np.float32)
        return probabilities.argmax(axis=1)

    def predict_proba(self, X: Sequence[str]) -> Array:
        """Probabilities (N, C) in the order of ``classes_``; a text's do not depend on others."""
        check_is_fitted(self, "network_")
        return self._probabilities(self._logits(self._encode(checked_texts(X))))

    def predict(self, X: Sequence[str]) -> Any:
        """The most probable label of each text (N), or a list of tuples of labels."""
        return self.name(self._decide(self.predict_proba(X)))

    def name(self, decided: Array) -> Any:
        """Labels for class numbers, or for rows of zeros and ones."""
        if self.labels_.multi_label:
            return [tuple(self.classes_[np.flatnonzero(row)].tolist()) for row in decided]
        return self.classes_[decided]

    @property
    def classes_(self) -> Array:
        """The labels, in the order of the columns of ``predict_proba``."""
        if not hasattr(self, "labels_"):
            raise AttributeError("classes_ is known after fit")
        names = self.labels_.names
        return np.array([int(n) for n in names] if self.integer_labels_ else names)

    def score(self, X: Sequence[str], y: Sequence[Any], sample_weight: Any = None) -> float:
        """Accuracy, or micro-averaged F1 for several labels a text."""
        if self.labels_.multi_label:
            truth = self.labels_.encode(self._read_labels(y))
            return _micro_f1(truth, self._decide(self.predict_proba(X)))
        return float(super().score(X, y, sample_weight))

    def evaluate(self, X: Sequence[str], y: Sequence[Any], part: str = "test") -> Evaluation:
        """All scores on texts with known labels.

        Raises:
            InputError: a label was not among the training rows' labels.
        """
        texts, probabilities = checked_texts(X), self.predict_proba(X)
        names: list[Any] = [_as_names(label) for label in y]
        truth = self.labels_.encode(names)
        decided = self._decide(probabilities)
        return evaluate_classes(part, texts, truth, probabilities, self.labels_.names, decided)

    # Files

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model to one file; equal models give equal bytes."""
        check_is_fitted(self, "network_")
        settings = self.get_params(deep=False)
        settings["windows"] = list(self.windows)
        content = {
            "task": "text-classification",
            "lexon": __version__,
            "settings": settings,
            "tokenizer": self.tokenizer_.to_json(),
            "vocabulary": self.vocabulary_.to_json(),
            "labels": self.labels_.to_json(),
            "integer_labels": self.integer_labels_,
            "history": self.history_.to_json(),
            "data": self.data_hash_,
        }
        storage.write(path, "model", content, self.network_.state_dict())

    @classmethod
    def load(cls, path: str | PathLike[str]) -> TextClassifier:
        """The model of a file, which predicts to the bit as the one that was saved.

        Raises:
            ModelFileError: the file is damaged, or holds another kind of model.
        """
        return cls.from_stored(storage.read(path, "model"), path)

    @classmethod
    def from_stored(cls, stored: storage.Stored, path: object = "model") -> TextClassifier:
        """The model of what :func:`lexon.storage.read` gave."""
        content = stored.content
        if content.get("task") != "text-classification":
            raise ModelFileError(f"{path}: holds a model for {content.get('task')}, not texts")
        try:
            model = cls(**content["settings"])
            model.tokenizer_ = Tokenizer.from_json(content["tokenizer"])
            model.vocabulary_ = Vocabulary.from_json(content["vocabulary"])
            model.labels_ = Labels.from_json(content["labels"])
            model.integer_labels_ = content["integer_labels"]
            model.history_ = History.from_json(content["history"])
            model.data_hash_ = content["data"]
            model.network_ = model._build(np.random.default_rng(0))
            model.network_.load_state_dict(stored.arrays)
        except (KeyError, TypeError, InputError) as error:
            raise ModelFileError(
                f"{path}: a part of the model is not as it should be: {error}"
            ) from None
        model.network_.eval()
        return model

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")


def checked_texts(X: Any) -> list[str]:
    """The texts as a list of strings.

    Raises:
        InputError: it is one string, or an item is not a string; tells which.
    """
    if isinstance(X, str):
        raise InputError("texts are a list of strings, this is one string\n  give [text]")
    texts = list(X)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"text {row} is {type(text).__name__}, not a string: {text!r:.60}")
    return texts


def check_settings(model: TextClassifier) -> None:
    """Raise InputError for a parameter that makes no sense."""
    whole = ("filters", "dimension", "hidden", "min_count")
    for name in whole:
        if getattr(model, name) < 1:
            raise InputError(f"{name} is {getattr(model, name)}\n  give 1 or more")
    if model.model == "cnn" and (not model.windows or min(model.windows) < 1):
        raise InputError(f"windows is {model.windows}\n  give n-gram sizes such as (3, 4, 5)")
    if len(set(model.windows)) < len(model.windows):
        raise InputError(f"windows names a size twice: {model.windows}")
    if not 0 <= model.validation_fraction < 1:
        raise InputError(f"validation_fraction is {model.validation_fraction}, not within [0, 1)")
    if model.output not in ("softmax", "sigmoid"):
        raise InputError(f'output {model.output!r} is neither "softmax" nor "sigmoid"')


def _one_sigmoid(logits: Tensor, targets: Array, weights: Array | None) -> Tensor:
    """Binary cross-entropy of one logit a row, weighted by row."""
    column = targets[:, None]
    if weights is None:
        return ops.binary_cross_entropy(logits, targets=column)
    total = ops.softplus(logits) - logits * column
    return (total * (weights / weights.sum())[:, None]).sum()


def _as_names(label: Any) -> str | tuple[str, ...]:
    many = isinstance(label, (list, tuple, set, frozenset))
    return tuple(sorted(map(str, label))) if many else str(label)


def _micro_f1(truth: Array, decided: Array) -> float:
    hits = float((truth * decided).sum())
    return 2 * hits / max(float(truth.sum() + decided.sum()), 1.0)


def _portions(size: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + AT_ONCE, size)) for start in range(0, size, AT_ONCE))
