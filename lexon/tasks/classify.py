"""Texts into classes: tokenizer, vocabulary, labels and network as one scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from lexon import ops, storage
from lexon.errors import InputError
from lexon.graph.node import no_grad
from lexon.graph.tensor import Tensor
from lexon.optim.checks import whole
from lexon.tasks.common import (
    SCHEDULES,
    divided,
    fitting,
    make_optimizer,
    read_history,
    refuse_nonfinite,
    rows_digest,
)
from lexon.tasks.encode import TextEncoder, forget_words
from lexon.tasks.evaluation import Evaluation, evaluate_classes, micro_f1
from lexon.tasks.given import (
    LONGEST_RUN,
    as_given,
    check_choice,
    check_lengths,
    check_settings,
    checked_texts,
    class_weights,
    read_labels,
    read_vectors,
)
from lexon.tasks.networks import (
    RECURRENT,
    UNUSED,
    begin_with,
    build_network,
    one_sigmoid,
    weight_shapes,
)
from lexon.tasks.stored import StoredEstimator, check_vocabulary
from lexon.text import Labels, Ragged, Tokenizer, Vocabulary, portions
from lexon.train.loop import Task, Training, Watcher
from lexon.vectors import KeyedVectors

Array = npt.NDArray[Any]

#: The optimizer and learning rate that suit a network, where none is named.
USUAL = {
    "linear": ("adagrad", 0.3),
    "mlp": ("adam", 0.003),
    "cnn": ("adadelta", 1.0),
    **dict.fromkeys(RECURRENT, ("adam", 0.001)),
}
#: Width of the hidden layer, where none is given.
HIDDEN = {"mlp": 256, **dict.fromkeys(RECURRENT, 128)}

#: Texts and tokens that go through the network at a time in prediction (one text at least);
#: changes no bit of the result.
AT_ONCE, TOKENS_AT_ONCE = 256, 50_000
#: Recurrent networks read a text up to so many tokens, and learn from so many at a step: what they
#: remember on the way back is about 4 (D + 8 H) bytes a token, for each layer and direction.
LONGEST_READ = 50_000


class TextClassifier(ClassifierMixin, StoredEstimator):  # type: ignore[misc]
    """A network that tells which class (or classes) a text belongs to.

    ``fit(texts, labels)`` takes strings and one label each, or for several labels a text a list of
    labels each. Tokenizer and vocabulary come from the training part alone, the best epoch on the
    held-out part is kept.

    Parameters:
        model: "linear" (one layer), "mlp" (mean of word vectors, one hidden layer), "cnn" (Kim
            2014); recurrent: "rnn", "gru", "lstm", and "birnn", "bigru", "bilstm" in both
            directions, which read a text up to 50,000 tokens.
        windows, filters: n-gram sizes (tokens) and filters of each; cnn.
        dimension, hidden: width of word vectors and of the hidden layer (None is 256 for mlp, 128
            for each direction of a recurrent layer).
        layers, pool: recurrent layers on top of each other; what becomes of their outputs: "max"
            or "mean" over time, "last" state, or "attention".
        vectors, static: word vectors to begin with (a ``KeyedVectors``, or the path of a file of
            them; ``dimension`` is then theirs), and whether they stay as they are; mlp and cnn.
        dropout, word_dropout: probabilities to drop a feature, and to take a word (or a run of
            words that is one) for unknown, in training.
        max_norm: longest row of the last layer, counted as Kim counts (where dropout lets features
            as they are in training), or None.
        output: "softmax", or for two classes "sigmoid": one score, (1 - y, y).
        optimizer, learning_rate: by name; None is what suits the model: adagrad at 0.3 (linear),
            adam at 0.003 (mlp) or 0.001 (recurrent), adadelta at 1 (cnn); with another name, its
            usual rate.
        schedule: "constant", or "cosine": the rate falls to 0 along half a cosine.
        epochs, batch_size, patience: passes; texts a step; epochs without gain before it stops.
        clip: largest norm of the gradient, or None.
        tokens: "auto", "words", "spaces" or "characters"; ``lowercase``.
        min_count, max_vocabulary: rarer words are unknown; the most frequent words kept.
        word_ngrams: also count runs of up to so many tokens as words; None is 2 for linear and
            for mlp without given vectors, else 1.
        class_weight: None, "balanced", or a mapping from label to weight.
        validation_fraction: share of the rows held out (stratified) when ``fit`` gets no ``valid``;
            0 holds out nothing, nor does a share of fewer than ten rows that is none.
        threshold: probability from which one of several labels is given.
        seed: of the split, the first weights, the order, and dropout.

    Attributes after ``fit``: classes_, history_, network_, tokenizer_, vocabulary_, labels_,
    held_out_ (the rows held out, None where ``valid`` was given), notes_.

    Raises:
        InputError: texts, labels or a parameter cannot be used.
        NonFiniteError: training diverged.

    >>> from lexon.tasks import TextClassifier
    >>> texts = ["good film", "fine good play", "bad film", "awful bad play"] * 5
    >>> labels = ["pos", "pos", "neg", "neg"] * 5
    >>> model = TextClassifier(model="linear", epochs=30, validation_fraction=0, seed=1)
    >>> model = model.fit(texts, labels)
    >>> model.predict(["a good one", "a bad one"]).tolist()
    ['pos', 'neg']
    """

    _task = "text-classification"

    def __init__(
        self,
        model: str = "cnn",
        *,
        windows: Sequence[int] = (3, 4, 5),
        filters: int = 100,
        dimension: int = 300,
        hidden: int | None = None,
        layers: int = 1,
        pool: str = "max",
        vectors: KeyedVectors | str | PathLike[str] | None = None,
        static: bool = False,
        dropout: float = 0.5,
        word_dropout: float = 0.0,
        max_norm: float | None = 3.0,
        output: str = "softmax",
        optimizer: str | None = None,
        learning_rate: float | None = None,
        schedule: str = "constant",
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
        self.layers = layers
        self.pool = pool
        self.vectors = vectors
        self.static = static
        self.dropout = dropout
        self.word_dropout = word_dropout
        self.max_norm = max_norm
        self.output = output
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
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
        with fitting(self):
            self._fit_rows(X, y, valid, watcher, checkpoint)
        return self

    def _fit_rows(
        self,
        X: Sequence[str],
        y: Sequence[Any],
        valid: tuple[Sequence[str], Sequence[Any]] | None,
        watcher: Watcher | None,
        checkpoint: Callable[[Training], None] | None,
    ) -> None:
        check_settings(self)
        texts, (names, self.label_kind_) = checked_texts(X), read_labels(y)
        check_lengths(texts, names)
        self.data_hash_ = rows_digest(zip(texts, names, strict=True))
        # Labels are those of all rows, so that a rare class keeps its place without examples.
        self.labels_ = Labels.fit(names)
        self.held_out_: Array | None = None
        self.notes_: tuple[str, ...] = ()
        if valid is not None:
            held = checked_texts(valid[0]), read_labels(valid[1])[0]
            check_lengths(*held)
        else:
            (texts, names), held, self.held_out_, self.notes_ = divided(
                texts, names, self.validation_fraction, self.seed
            )
        self._fit(texts, names, *held, watcher, checkpoint)

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
        given = read_vectors(self.vectors)
        self.encoder_, ids = TextEncoder.learn(
            texts,
            Tokenizer(self.tokens, self.lowercase),
            self._longest,
            self.min_count,
            self.max_vocabulary,
        )
        words = check_vocabulary(self.vocabulary_)
        self.width_ = self.dimension if given is None else given.vector_size
        self.network_ = self._build(rng)
        if given is not None:
            known = begin_with(self.network_.table, self.vocabulary_.words, given)
            self.notes_ += (f"{known:,} of {words} have a vector to begin with",)
        targets = self.labels_.encode(names)
        weights = class_weights(self.class_weight, self.labels_, targets)
        held, truth = self._encoded(held_texts), self.labels_.encode(held_names)
        ids = self._readable(ids)
        if cut := int((ids.lengths == LONGEST_READ).sum()):
            self.notes_ += (f"{cut:,} texts are read up to their first {LONGEST_READ:,} tokens",)

        def loss(rows: Array) -> Tensor:
            part = ids.take(rows)
            read = forget_words(part.rows, self.word_dropout, rng)
            return self._loss(self.network_(read, part.lengths), targets[rows], weights)

        def validate() -> tuple[float, float]:
            logits = self._logits(held)
            refuse_nonfinite("the scores of held-out texts", logits)
            decided = self._decide(self._probabilities(logits))
            multi_label = self.labels_.multi_label
            score = micro_f1(truth, decided) if multi_label else float(np.mean(decided == truth))
            return score, self._loss(Tensor(logits), truth, weights).item()

        task = Task(
            len(texts),
            loss,
            validate if held_texts else None,
            lambda seen: self.network_.hold_norm(self.max_norm),
            sizes=ids.lengths if self.model in RECURRENT else None,
            largest=LONGEST_READ,
        )
        suits = USUAL[self.model]
        name = suits[0] if self.optimizer is None else self.optimizer
        learn = SCHEDULES[self.schedule]
        self.history_ = learn(
            self,
            self.network_,
            make_optimizer(name, self.learning_rate, self.network_, suits),
            task,
            self.batch_size,
            rng=rng,
            measure="micro-F1" if self.labels_.multi_label else "accuracy",
            watcher=watcher,
            checkpoint=checkpoint,
        )

    def _encoded(self, texts: list[str]) -> Ragged:
        """The word numbers of texts, as far as the network reads them."""
        return self._readable(self.encoder_(texts))

    def _readable(self, ids: Ragged) -> Ragged:
        return ids.cut(LONGEST_READ) if self.model in RECURRENT else ids

    def unused(self) -> tuple[str, ...]:
        """The parameters that this network has no use for."""
        check_choice(self, "model", UNUSED)
        given = ("dimension",) if self.vectors is not None else ()
        return (*UNUSED[self.model], *given)

    def _build(self, rng: np.random.Generator) -> Any:
        if self._single and len(self.labels_) != 2:
            raise InputError(
                f'output is "sigmoid", one score for two classes; there are {len(self.labels_)}'
                '\n  give output "softmax"'
            )
        settings = self._settings() | {"static": self.static}
        return build_network(self.model, settings, len(self.vocabulary_), self._outputs, rng)

    def _settings(self) -> dict[str, Any]:
        """What a model file says of them: vectors to begin with are in the weights by now."""
        hidden = HIDDEN.get(self.model) if self.hidden is None else self.hidden
        by_now = {"vectors": None, "static": False, "dimension": self.width_, "hidden": hidden}
        return super()._settings() | by_now

    @property
    def _longest(self) -> int:
        """Tokens of the longest run that is taken as a word."""
        if self.word_ngrams is not None:
            return self.word_ngrams
        return 2 if self.model in ("linear", "mlp") and self.vectors is None else 1

    @property
    def tokenizer_(self) -> Tokenizer:
        return self.encoder_.tokenizer

    @property
    def vocabulary_(self) -> Vocabulary:
        return self.encoder_.vocabulary

    @property
    def _outputs(self) -> int:
        """Numbers that the network gives for a text."""
        return 1 if self._single else len(self.labels_)

    @property
    def _single(self) -> bool:
        """Whether two classes share one sigmoid."""
        return self.output == "sigmoid" and not self.labels_.multi_label

    def _loss(self, logits: Tensor, targets: Array, weights: Array | None) -> Tensor:
        if self.labels_.multi_label:
            return ops.binary_cross_entropy(logits, targets=targets, weights=weights)
        if self._single:
            each = None if weights is None else weights[targets]
            return one_sigmoid(logits, targets, each)
        return ops.cross_entropy(logits, targets=targets, weights=weights)

    # Prediction

    def _logits(self, ids: Ragged) -> Array:
        cuts = list(portions(ids.lengths, AT_ONCE, TOKENS_AT_ONCE))
        parts = [ids] if len(cuts) == 1 else [ids.take(np.arange(a, b)) for a, b in cuts]
        with no_grad():
            logits = [self.network_(p.rows, p.lengths).value for p in parts]
        return logits[0] if len(parts) == 1 else np.concatenate(logits)

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
        return self._probabilities(self._logits(self._encoded(checked_texts(X))))

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
        return as_given(self.labels_, self.label_kind_)

    def score(self, X: Sequence[str], y: Sequence[Any], sample_weight: Any = None) -> float:
        """Accuracy, or micro-averaged F1 for several labels a text."""
        check_is_fitted(self, "network_")
        if self.labels_.multi_label:
            truth = self.labels_.encode(read_labels(y)[0])
            return micro_f1(truth, self._decide(self.predict_proba(X)))
        return float(super().score(X, y, sample_weight))

    def evaluate(self, X: Sequence[str], y: Sequence[Any], part: str = "test") -> Evaluation:
        """All scores on texts with known labels.

        Raises:
            InputError: a label was not among the training rows' labels.
        """
        check_is_fitted(self, "network_")
        texts, names = checked_texts(X), read_labels(y)[0]
        check_lengths(texts, names)
        try:
            truth = self.labels_.encode(names)
        except InputError as error:
            raise InputError(f"{part}: {error}") from None
        probabilities = self.predict_proba(texts)
        decided = self._decide(probabilities)
        return evaluate_classes(part, texts, truth, probabilities, self.labels_.names, decided)

    # Files

    def _content(self) -> dict[str, Any]:
        return self.encoder_.to_json() | {
            "longest_run": self.encoder_.longest,
            "labels": self.labels_.to_json(),
            "label_kind": self.label_kind_,
            "data": self.data_hash_,
        }

    @classmethod
    def _restored(cls, stored: storage.Stored) -> Self:
        content = stored.content
        model = cls(**content["settings"])
        check_settings(model)
        model.windows = tuple(model.windows)
        longest = whole("longest_run", "a number of tokens", content["longest_run"], 1)
        if longest > LONGEST_RUN:
            raise ValueError(f"longest_run is {longest}")
        model.encoder_, model.width_ = TextEncoder.from_json(content, longest), model.dimension
        model.labels_ = Labels.from_json(content["labels"])
        model.label_kind_ = content["label_kind"]
        if len(set(model.classes_.tolist())) < len(model.labels_):
            raise ValueError("two labels are the same")
        model.history_ = read_history(content["history"])
        model.data_hash_, model.held_out_, model.notes_ = str(content["data"]), None, ()
        model._restore_network(stored.arrays)
        return model

    def _check_arrays(self, arrays: dict[str, Array]) -> None:
        words = len(self.vocabulary_)
        if self.layers > len(arrays) and self.model in RECURRENT:
            raise ValueError(f"{self.layers} layers, but {len(arrays)} arrays")
        wanted = weight_shapes(self.model, self._settings(), words, self._outputs)
        stored = {name: array.shape for name, array in arrays.items()}
        if stored != wanted or any(array.dtype != np.float32 for array in arrays.values()):
            raise ValueError("the weights stored are not those of this network")
