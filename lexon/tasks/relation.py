"""Relations between two marked spans of a text: one scikit-learn estimator."""

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
from lexon.tasks.common import (
    divided,
    fitting,
    make_optimizer,
    read_history,
    refuse_nonfinite,
    rows_digest,
    train,
)
from lexon.tasks.encode import TextEncoder
from lexon.tasks.evaluation import Evaluation, evaluate_classes
from lexon.tasks.given import as_given, check_choice, read_vectors
from lexon.tasks.networks import begin_with
from lexon.tasks.outcome import Explanation
from lexon.tasks.relation_encode import MarkedIds, affixes, cut
from lexon.tasks.relation_explain import token_weights
from lexon.tasks.relation_given import check_settings, checked_marked, checked_rows
from lexon.tasks.relation_networks import POOLS, UNUSED, build_network, weight_shapes
from lexon.tasks.relation_score import as_relations, macro_f1
from lexon.tasks.stored import StoredEstimator, check_vocabulary
from lexon.text import Labels, MarkedText, Tokenizer, Vocabulary, portions
from lexon.train.loop import Task, Training, Watcher
from lexon.vectors import KeyedVectors

Array = npt.NDArray[Any]
Marked = Sequence[str | MarkedText]

#: Adam's learning rate, where none is given and training begins with no word vectors, or with some.
USUAL, USUAL_WITH_VECTORS = {"cnn": 0.003, "bilstm": 0.002}, 0.001
#: Texts and tokens that go through the network at a time in prediction; changes no bit.
AT_ONCE, TOKENS_AT_ONCE = 256, 50_000


class RelationClassifier(ClassifierMixin, StoredEstimator):  # type: ignore[misc]
    """A network that tells which relation holds between two marked spans of a text.

    ``fit(texts, labels)`` takes :class:`lexon.text.MarkedText`, or strings with the marks
    ``<e1>..</e1>`` and ``<e2>..</e2>``, and one label each. A direction is a part of the label:
    ``Cause-Effect(e1,e2)``.

    Parameters:
        model: "cnn" (filters over n-grams) or "bilstm" (an LSTM in both directions).
        windows, filters: n-gram sizes (tokens) and filters of each; cnn.
        pool: cnn: "piecewise", the maximum of each of three pieces (before, between, behind the
            spans), or "max" over time; bilstm: "attention" or "max". None is the first named.
        hidden, layers: width for each direction, and layers on top of each other; bilstm.
        dimension: width of word vectors.
        vectors, static: word vectors to begin with (a ``KeyedVectors``, or the path of a file of
            them; ``dimension`` is then theirs), and whether they stay as they are.
        position_dimension, max_distance: width of the vector of a token's distance to each span
            (0: none), and the distance (tokens) from which on all are the same.
        affix_dimension: width of the vectors of a word's beginning (5 signs) and ending (3 signs),
            which tell of words that training did not meet; 0: none.
        context: tokens kept before the first span and behind the second; None keeps all.
        loss: "ranking" (dos Santos et al. 2015) or "cross-entropy"; None is the first for cnn, the
            other for bilstm.
        other: the label of rows without one of the relations. It is left out of the official
            score, and with the ranking loss it has no score of its own: it is predicted where no
            relation scores above 0.
        dropout: probability to drop a feature in training.
        optimizer, learning_rate: by name; None is adam at 0.003 (cnn), 0.002 (bilstm), or 0.001
            with given vectors; with another name, its usual rate.
        epochs, batch_size, patience: passes; texts a step; epochs without gain before it stops.
        clip: largest norm of the gradient, or None.
        tokens: "auto", "words", "spaces" or "characters"; ``lowercase``.
        min_count, max_vocabulary: rarer words are unknown; the most frequent words kept.
        validation_fraction: share of the rows held out (stratified) when ``fit`` gets no ``valid``;
            0 holds out nothing, nor does a share of fewer than ten rows that is none.
        seed: of the split, the first weights, the order, and dropout.

    Attributes after ``fit``: classes_, history_, network_, vocabulary_, labels_, held_out_ (the
    rows held out, None where ``valid`` was given), notes_.

    Raises:
        InputError: texts, labels or a parameter cannot be used.
        NonFiniteError: training diverged.

    >>> from lexon.tasks import RelationClassifier
    >>> texts = ["the <e1>cat</e1> ate the <e2>fish</e2>", "a <e1>fish</e1> in a <e2>bowl</e2>"] * 9
    >>> labels = ["Agent-Patient(e1,e2)", "Content-Container(e1,e2)"] * 9
    >>> model = RelationClassifier(dimension=8, filters=8, validation_fraction=0, seed=1)
    >>> model = model.fit(texts, labels)
    >>> model.predict(["the <e1>dog</e1> ate the <e2>bone</e2>"]).tolist()
    ['Agent-Patient(e1,e2)']
    """

    _task = "relation-classification"

    def __init__(
        self,
        model: str = "cnn",
        *,
        windows: Sequence[int] = (2, 3, 4),
        filters: int = 100,
        pool: str | None = None,
        hidden: int = 100,
        layers: int = 1,
        dimension: int = 200,
        vectors: KeyedVectors | str | PathLike[str] | None = None,
        static: bool = False,
        position_dimension: int = 20,
        max_distance: int = 20,
        affix_dimension: int = 50,
        context: int | None = None,
        loss: str | None = None,
        other: str = "Other",
        dropout: float = 0.5,
        optimizer: str = "adam",
        learning_rate: float | None = None,
        epochs: int = 20,
        batch_size: int = 50,
        patience: int | None = 5,
        clip: float | None = None,
        tokens: str = "auto",
        lowercase: bool = True,
        min_count: int = 1,
        max_vocabulary: int | None = None,
        validation_fraction: float = 0.1,
        seed: int = 1,
    ) -> None:
        self.model = model
        self.windows = windows
        self.filters = filters
        self.pool = pool
        self.hidden = hidden
        self.layers = layers
        self.dimension = dimension
        self.vectors = vectors
        self.static = static
        self.position_dimension = position_dimension
        self.max_distance = max_distance
        self.affix_dimension = affix_dimension
        self.context = context
        self.loss = loss
        self.other = other
        self.dropout = dropout
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
        self.validation_fraction = validation_fraction
        self.seed = seed

    # Training

    def fit(
        self,
        X: Marked,
        y: Sequence[Any],
        *,
        valid: tuple[Marked, Sequence[Any]] | None = None,
        watcher: Watcher | None = None,
        checkpoint: Callable[[Training], None] | None = None,
    ) -> RelationClassifier:
        """Train on marked texts and labels.

        ``valid`` is held out instead of a part of the rows; ``watcher`` is told of progress;
        ``checkpoint`` is given the training before it begins, to resume or to save it.
        """
        with fitting(self):
            check_settings(self)
            texts, names, self.label_kind_ = checked_rows(X, y)
            self.data_hash_ = rows_digest(zip(map(str, texts), names, strict=True))
            self.labels_ = Labels.fit(names)
            self.held_out_: Array | None = None
            self.notes_: tuple[str, ...] = ()
            rows = texts, names
            if valid is not None:
                held = checked_rows(*valid)[:2]
            else:
                rows, held, self.held_out_, self.notes_ = divided(
                    texts, names, self.validation_fraction, self.seed
                )
            self._fit(rows, held, watcher, checkpoint)
        return self

    def _fit(
        self,
        rows: tuple[list[MarkedText], list[str]],
        held_rows: tuple[list[MarkedText], list[str]],
        watcher: Watcher | None,
        checkpoint: Callable[[Training], None] | None,
    ) -> None:
        rng = np.random.default_rng(self.seed)
        texts = self._learn_words(rows[0], rng)
        targets = self._targets(self.labels_.encode(rows[1]))
        held, truth = self._ids(held_rows[0]), self.labels_.encode(held_rows[1])

        def loss(part: Array) -> Tensor:
            return self._loss(self.network_(texts.take(part)), targets[part])

        def validate() -> tuple[float, float]:
            logits = self._logits(held)
            refuse_nonfinite("the scores of held-out texts", logits)
            decided = self.labels_.decode(self._decide(self._probabilities(logits)))
            score = macro_f1(held_rows[1], decided, self.other)
            return score, self._loss(Tensor(logits), self._targets(truth)).item()

        usual = USUAL[self.model] if self.vectors is None else USUAL_WITH_VECTORS
        self.history_ = train(
            self,
            self.network_,
            make_optimizer(self.optimizer, self.learning_rate, self.network_, ("adam", usual)),
            Task(len(texts), loss, validate if held_rows[0] else None),
            self.batch_size,
            rng=rng,
            measure="macro-F1",
            watcher=watcher,
            checkpoint=checkpoint,
        )

    def _learn_words(self, texts: list[MarkedText], rng: np.random.Generator) -> MarkedIds:
        """Tokenizer, vocabulary and network of the training part; its word numbers."""
        given = read_vectors(self.vectors)
        if self.static and given is None:
            raise InputError("static word vectors must be given: vectors=... (--vectors FILE)")
        tokenizer = Tokenizer(self.tokens, self.lowercase).resolve([text.text for text in texts])
        cuts = cut(tokenizer, texts, self.context)
        vocabulary = Vocabulary.build(
            (tokens for tokens, _ in cuts), min_count=self.min_count, max_size=self.max_vocabulary
        )
        self.encoder_ = TextEncoder(tokenizer, vocabulary)
        self.affixes_: tuple[Vocabulary, ...] = ()
        if self.affix_dimension:
            found = zip(*(affixes(tokens) for tokens, _ in cuts), strict=True)
            self.affixes_ = tuple(Vocabulary.build(each, min_count=2) for each in found)
        words = check_vocabulary(vocabulary)
        self.width_ = self.dimension if given is None else given.vector_size
        self.network_ = self._build(rng)
        if given is not None:
            known = begin_with(self.network_.table, vocabulary.words, given)
            self.notes_ += (f"{known:,} of {words} have a vector to begin with",)
        return MarkedIds.of(self._vocabularies, cuts)

    def _build(self, rng: np.random.Generator) -> Any:
        return build_network(
            self.model, self._settings(), list(map(len, self._vocabularies)), self._outputs, rng
        )

    def _settings(self) -> dict[str, Any]:
        """What a model file says of them: vectors to begin with are in the weights by now."""
        pool = POOLS[self.model][0] if self.pool is None else self.pool
        found = {"vectors": None, "dimension": self.width_, "pool": pool}
        return super()._settings() | found | {"loss": "ranking" if self._ranks else "cross-entropy"}

    def unused(self) -> tuple[str, ...]:
        """The parameters that this network has no use for."""
        check_choice(self, "model", POOLS)
        return UNUSED.get(self.model, ())

    @property
    def tokenizer_(self) -> Tokenizer:
        return self.encoder_.tokenizer

    @property
    def vocabulary_(self) -> Vocabulary:
        return self.encoder_.vocabulary

    @property
    def _vocabularies(self) -> tuple[Vocabulary, ...]:
        """Of words, and of affixes, if any."""
        return self.vocabulary_, *self.affixes_

    @property
    def _ranks(self) -> bool:
        """Whether the loss is the ranking loss."""
        return self.model == "cnn" if self.loss is None else self.loss == "ranking"

    @property
    def _scoreless(self) -> int | None:
        """The number of the class that has no score of its own, if there is one."""
        if not self._ranks or self.other not in self.labels_.names:
            return None
        return self.labels_.names.index(self.other)

    @property
    def _outputs(self) -> int:
        """Numbers that the network gives for a text."""
        return len(self.labels_) - (self._scoreless is not None)

    def _targets(self, classes: Array) -> Array:
        """The outputs that belong to classes; -1 for the class that has none."""
        none = self._scoreless
        if none is None:
            return classes
        return np.where(classes == none, -1, classes - (classes > none))

    def _loss(self, logits: Tensor, targets: Array) -> Tensor:
        if self._ranks:
            return ops.ranking_loss(logits, targets=targets)
        return ops.cross_entropy(logits, targets=targets)

    # Prediction

    def _ids(self, texts: Sequence[MarkedText]) -> MarkedIds:
        return MarkedIds.of(self._vocabularies, cut(self.tokenizer_, texts, self.context))

    def _logits(self, texts: MarkedIds) -> Array:
        cuts = portions(texts.ids.lengths, AT_ONCE, TOKENS_AT_ONCE)
        with no_grad():
            parts = [self.network_(texts.take(np.arange(a, b))).value for a, b in cuts]
        return np.concatenate(parts)

    def _probabilities(self, logits: Array) -> Array:
        if self._scoreless is not None:
            logits = np.insert(logits, self._scoreless, 0, axis=1)
        return ops.softmax(logits).value

    def _decide(self, probabilities: Array) -> Array:
        """Class numbers (N)."""
        best = probabilities.argmax(axis=1)
        none = self._scoreless
        if none is not None:  # a relation must score above 0, the score that ``other`` is given
            best[probabilities.max(axis=1, initial=0) <= probabilities[:, none]] = none
        return best

    def predict_proba(self, X: Marked) -> Array:
        """Probabilities (N, C) in the order of ``classes_``; a text's do not depend on others.

        They are the softmax of the scores; with the ranking loss that of ``other`` is 0.
        """
        check_is_fitted(self, "network_")
        return self._probabilities(self._logits(self._ids(checked_marked(X))))

    def predict(self, X: Marked) -> Any:
        """The label of each text (N)."""
        return self.name(self._decide(self.predict_proba(X)))

    def name(self, decided: Array) -> Any:
        """Labels for class numbers."""
        return self.classes_[decided]

    @property
    def classes_(self) -> Array:
        """The labels, in the order of the columns of ``predict_proba``."""
        if not hasattr(self, "labels_"):
            raise AttributeError("classes_ is known after fit")
        return as_given(self.labels_, self.label_kind_)

    def score(self, X: Marked, y: Sequence[Any]) -> float:
        """The official score: macro-F1 of all relations but ``other``, directions counted."""
        return self.evaluate(X, y).score

    def evaluate(self, X: Marked, y: Sequence[Any], part: str = "test") -> Evaluation:
        """All scores on texts with known labels.

        Raises:
            InputError: a label was not among the training rows' labels.
        """
        check_is_fitted(self, "network_")
        texts, names, _ = checked_rows(X, y)
        try:
            truth = self.labels_.encode(names)
        except InputError as error:
            raise InputError(f"{part}: {error}") from None
        probabilities = self._probabilities(self._logits(self._ids(texts)))
        decided, shown = self._decide(probabilities), [str(text) for text in texts]
        known = evaluate_classes(part, shown, truth, probabilities, self.labels_.names, decided)
        return as_relations(known, self.other)

    def explain(self, X: Marked) -> list[Explanation]:
        """What each token of each text counted for the decision.

        The weights speak for the predicted label; where it is ``other`` and has no score of its
        own, for the relation that came closest. Units: see ``lexon.tasks.relation_explain``.
        """
        check_is_fitted(self, "network_")
        cuts = cut(self.tokenizer_, checked_marked(X), self.context)
        texts = MarkedIds.of(self._vocabularies, cuts)
        logits = self._logits(texts)
        decided = self._decide(self._probabilities(logits))
        outputs = self._targets(decided)
        outputs = np.where(outputs < 0, logits.argmax(axis=1), outputs)
        weights = token_weights(self.network_, texts, outputs)
        names = [name for c, name in enumerate(self.labels_.names) if c != self._scoreless]
        each = np.split(weights, texts.ids.starts[1:])
        return [
            Explanation(
                tuple(tokens),
                tuple(each[row].tolist()),
                (spans[:2], spans[2:]),
                names[outputs[row]],
                self.labels_.names[decided[row]],
            )
            for row, (tokens, spans) in enumerate(cuts)
        ]

    # Files

    def _content(self) -> dict[str, Any]:
        return self.encoder_.to_json() | {
            "affixes": [known.to_json() for known in self.affixes_],
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
        model.encoder_, model.width_ = TextEncoder.from_json(content), model.dimension
        model.affixes_ = tuple(Vocabulary.from_json(known) for known in content["affixes"])
        if len(model.affixes_) != 2 * bool(model.affix_dimension):
            raise ValueError(f"there are {len(model.affixes_)} vocabularies of affixes")
        model.labels_ = Labels.from_json(content["labels"])
        model.label_kind_ = content["label_kind"]
        if model.labels_.multi_label or len(set(model.classes_.tolist())) < len(model.labels_):
            raise ValueError("a relation has one label, and no two labels are the same")
        model.history_ = read_history(content["history"])
        model.data_hash_, model.held_out_, model.notes_ = str(content["data"]), None, ()
        model._restore_network(stored.arrays)
        return model

    def _check_arrays(self, arrays: dict[str, Array]) -> None:
        sizes = list(map(len, self._vocabularies))
        wanted = weight_shapes(self.model, self._settings(), sizes, self._outputs)
        stored = {name: array.shape for name, array in arrays.items()}
        if stored != wanted or any(array.dtype != np.float32 for array in arrays.values()):
            raise ValueError("the weights stored are not those of this network")
