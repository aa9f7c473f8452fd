"""Tags on tokens: words, characters, network and tags as one estimator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from lexon import storage
from lexon.errors import InputError
from lexon.graph.node import no_grad
from lexon.graph.tensor import Tensor
from lexon.tasks.common import (
    fitting,
    make_optimizer,
    read_history,
    refuse_nonfinite,
    rows_digest,
    too_few,
    train_decaying,
)
from lexon.tasks.evaluation import Evaluation
from lexon.tasks.given import read_vectors
from lexon.tasks.networks import begin_with
from lexon.tasks.stored import StoredEstimator, check_storable
from lexon.tasks.tag_given import (
    LEARNED,
    PLAIN,
    check_agreement,
    check_settings,
    checked_sentences,
    kind_of_tokens,
    resolve_scheme,
)
from lexon.tasks.tag_network import TagNetwork, weight_count
from lexon.tasks.tag_scores import evaluate_tags, f1_of_chunks, remarks, token_accuracy
from lexon.tasks.tag_words import Encoded, TokenEncoder
from lexon.text import Labels, Ragged, Tokenizer, portions
from lexon.text.schemes import SCHEMES, convert, recognise_scheme
from lexon.train.loop import Task, Training, Watcher
from lexon.vectors import KeyedVectors

Array = npt.NDArray[Any]
Sentences = list[list[str]]

#: Sentences and tokens that go through the network at a time in prediction (one sentence at
#: least); changes no bit of the result.
AT_ONCE, TOKENS_AT_ONCE = 256, 10_000
#: The usual optimizer, and the learning rate that suits a tagger.
ADAM, ADAM_RATE = "adam", 0.002


class SequenceTagger(StoredEstimator):
    """A network that gives every token of a sentence a tag: names, chunks, parts of speech.

    ``fit(sentences, tags)`` takes a list of tokens and a list of as many tags for each sentence.
    Tags of a chunk scheme (IOB1, IOB2, BIOES, BILOU, BMES) are recognised, learned as BIOES and
    given in the scheme they came in. The epoch that is best on the held-out part is kept: by F1
    over chunks, or by accuracy where tags are no chunks.

    Parameters:
        model: "bilstm" or "bigru", each tag for itself; with "-crf" behind it sequences of tags
            are judged as a whole.
        dimension, hidden, layers: width of word vectors; units of each direction; layers on top
            of each other.
        characters: what reads the characters of a word: "cnn" (``windows`` in characters with
            ``filters`` each), "bilstm" (``filters`` wide), or "none".
        vectors, static: word vectors to begin with (a ``KeyedVectors``, or the path of a file of
            them; ``dimension`` is then theirs, and all their words are known), and whether they
            stay as they are.
        lowercase: look words up in lower case; characters and a feature keep the capitals.
        min_count, max_vocabulary: rarer words are unknown; the most frequent words kept.
        unknown_rate: probability in training that a word met once is taken for unknown.
        dropout: probability to drop a feature in training, before and behind the layers.
        scheme: of the tags: "auto", a name above, or "none" for tags that are no chunks.
        tokens: how texts given to ``predict`` are cut: "words", "spaces", "characters", or "auto",
            like the tokens of training.
        optimizer, learning_rate: by name; None is 0.002 for adam, else the optimiser's usual rate.
            The rate falls to 0 by a cosine over all ``epochs``.
        epochs, batch_size, patience: passes; sentences a step; epochs without gain before it stops.
        clip: largest norm of the gradient, or None.
        validation_fraction: share of the sentences held out when ``fit`` gets no ``valid``.
        seed: of the split, the first weights, the order, and what is dropped.

    Attributes after ``fit``: scheme_, classes_, history_, network_, tokenizer_, encoder_, labels_,
    held_out_ (the sentences held out, None where ``valid`` was given), notes_.

    Raises:
        InputError: sentences, tags or a parameter cannot be used.
        NonFiniteError: training diverged.

    >>> from lexon.tasks import SequenceTagger
    >>> sentences = [["Anna", "Bell", "lives", "in", "Rome"], ["Rome", "likes", "Anna"]] * 10
    >>> tags = [["B-PER", "I-PER", "O", "O", "B-LOC"], ["B-LOC", "O", "B-PER"]] * 10
    >>> model = SequenceTagger(learning_rate=0.02, batch_size=2, epochs=10, validation_fraction=0)
    >>> model.fit(sentences, tags).predict([["Anna", "Bell", "likes", "Rome"], "Rome"])
    [['B-PER', 'I-PER', 'O', 'B-LOC'], ['B-LOC']]
    """

    _task = "tagging"

    def __init__(
        self,
        model: str = "bilstm-crf",
        *,
        dimension: int = 100,
        hidden: int = 100,
        layers: int = 1,
        characters: str = "cnn",
        windows: Sequence[int] = (3,),
        filters: int = 30,
        vectors: KeyedVectors | str | PathLike[str] | None = None,
        static: bool = False,
        lowercase: bool = True,
        min_count: int = 1,
        max_vocabulary: int | None = None,
        unknown_rate: float = 0.5,
        dropout: float = 0.5,
        scheme: str = "auto",
        tokens: str = "auto",
        optimizer: str = "adam",
        learning_rate: float | None = None,
        epochs: int = 30,
        batch_size: int = 10,
        patience: int | None = 10,
        clip: float | None = 5.0,
        validation_fraction: float = 0.1,
        seed: int = 1,
    ) -> None:
        self.model = model
        self.dimension = dimension
        self.hidden = hidden
        self.layers = layers
        self.characters = characters
        self.windows = windows
        self.filters = filters
        self.vectors = vectors
        self.static = static
        self.lowercase = lowercase
        self.min_count = min_count
        self.max_vocabulary = max_vocabulary
        self.unknown_rate = unknown_rate
        self.dropout = dropout
        self.scheme = scheme
        self.tokens = tokens
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.clip = clip
        self.validation_fraction = validation_fraction
        self.seed = seed

    # Training

    def fit(
        self,
        X: Sequence[Sequence[str]],
        y: Sequence[Sequence[str]],
        *,
        valid: tuple[Sequence[Sequence[str]], Sequence[Sequence[str]]] | None = None,
        watcher: Watcher | None = None,
        checkpoint: Callable[[Training], None] | None = None,
    ) -> SequenceTagger:
        """Train on sentences and their tags.

        ``valid`` is held out instead of a part of the sentences; ``watcher`` is told of progress;
        ``checkpoint`` is given the training before it begins, to resume or to save it.
        """
        with fitting(self):
            self._fit_rows(X, y, valid, watcher, checkpoint)
        return self

    def _fit_rows(
        self,
        X: Any,
        y: Any,
        valid: tuple[Any, Any] | None,
        watcher: Watcher | None,
        checkpoint: Callable[[Training], None] | None,
    ) -> None:
        check_settings(self)
        tokens, tags = self._checked(X, y)
        self.data_hash_ = sentences_digest((tokens, tags))
        self.scheme_, notes = resolve_scheme(self.scheme, tags)
        self.notes_: tuple[str, ...] = tuple(notes)
        # Tags are those of all sentences, so that a rare one keeps its place without examples.
        self.labels_ = Labels.fit([tag for sentence in tags for tag in self._learned(sentence)])
        self.held_out_: Array | None = None
        held: tuple[Sentences, Sentences] = [], []
        if valid is not None:
            held = self._checked(*valid)
        else:
            kept, out = self._split(len(tokens))
            if len(out):
                self.held_out_ = out
                held = [tokens[i] for i in out], [tags[i] for i in out]
                tokens, tags = [tokens[i] for i in kept], [tags[i] for i in kept]
        self._fit(tokens, tags, *held, watcher, checkpoint)

    @staticmethod
    def _checked(X: Any, y: Any) -> tuple[Sentences, Sentences]:
        tokens, tags = checked_sentences(X), checked_sentences(y, "sentence of tags")
        check_agreement(tokens, tags)
        return tokens, tags

    def _split(self, sentences: int) -> tuple[Array, Array]:
        """Sentences that train, and those held out, drawn by the seed."""
        held = round(self.validation_fraction * sentences)
        if self.validation_fraction and not held:
            self.notes_ += (too_few(sentences),)
        order = np.random.default_rng(self.seed).permutation(sentences)
        return np.sort(order[held:]), np.sort(order[:held])

    def _fit(
        self,
        tokens: Sentences,
        tags: Sentences,
        held_tokens: Sentences,
        held_tags: Sentences,
        watcher: Watcher | None,
        checkpoint: Callable[[Training], None] | None,
    ) -> None:
        rng = np.random.default_rng(self.seed)
        given = read_vectors(self.vectors)
        self.tokenizer_ = Tokenizer(kind_of_tokens(self.tokens, tokens), lowercase=False)
        self.encoder_ = TokenEncoder.learn(
            tokens, self.lowercase, self.min_count, self.max_vocabulary, given
        )
        words = f"the {len(self.encoder_.words):,} words of the vocabulary"
        fewer = "give a max_vocabulary (--max-vocabulary), or min_count 2 (--min-count 2)"
        check_storable(words, self.encoder_.to_json(), fewer)
        self.width_ = self.dimension if given is None else given.vector_size
        self.network_ = network = self._build(rng)
        if given is not None:
            known = begin_with(network.table, self.encoder_.words.words, given)
            self.notes_ += (f"{known:,} of {words} have a vector to begin with",)
        encoded, targets = self.encoder_(tokens), self._targets(tags)
        held = self.encoder_(held_tokens)

        def loss(rows: Array) -> Tensor:
            part = encoded.take(rows)
            return network.loss(network(part), part.lengths, targets.take(rows).rows)

        validate = (lambda: self._validate(held, held_tags)) if held_tokens else None
        self.history_ = train_decaying(
            self,
            network,
            make_optimizer(self.optimizer, self.learning_rate, network, (ADAM, ADAM_RATE)),
            Task(len(tokens), loss, validate),
            self.batch_size,
            rng=rng,
            measure="F1" if self.chunked else "accuracy",
            watcher=watcher,
            checkpoint=checkpoint,
        )

    def _validate(self, held: Encoded, tags: Sentences) -> tuple[float, float]:
        """Score and loss; the loss is of the sentences all of whose tags are known."""
        scores = self._scores(held)
        refuse_nonfinite("the scores of held-out sentences", scores)
        best = self.network_.best(scores, held.lengths)
        predicted = self._in_scheme(self._named(best, held.lengths))
        names = set(self.labels_.names)
        known = np.array([set(self._learned(one)) <= names for one in tags])
        rows, lengths = scores[np.repeat(known, held.lengths)], held.lengths[known]
        targets = self._targets([one for one, good in zip(tags, known, strict=True) if good]).rows
        loss = self.network_.loss(Tensor(rows, requires_grad=False), lengths, targets).item()
        score = f1_of_chunks if self.chunked else token_accuracy
        return score(tags, predicted), loss

    def unused(self) -> tuple[str, ...]:
        """The parameters that this network has no use for."""
        return {"cnn": (), "bilstm": ("windows",), "none": ("windows", "filters")}[self.characters]

    @property
    def chunked(self) -> bool:
        """Whether tags are those of chunks."""
        return self.scheme_ != PLAIN

    def _learned(self, tags: Sequence[str]) -> list[str]:
        """The tags of a sentence as the network learns them."""
        return convert(tags, LEARNED) if self.chunked else list(tags)

    def _targets(self, tags: Sentences) -> Ragged:
        """Class numbers of tags that are all known."""
        flat = [name for sentence in tags for name in self._learned(sentence)]
        lengths = np.array([len(one) for one in tags], np.int64)
        return Ragged(self.labels_.encode(flat).astype(np.int32), lengths)

    def _build(self, rng: np.random.Generator) -> TagNetwork:
        settings = self._settings() | {"static": self.static}
        return TagNetwork(settings, self.encoder_, len(self.labels_), rng)

    def _settings(self) -> dict[str, Any]:
        """What a model file says of them: vectors to begin with are in the weights by now."""
        by_now = {"vectors": None, "static": False, "dimension": self.width_}
        return super()._settings() | by_now

    # Prediction

    def _scores(self, part: Encoded) -> Array:
        """Scores (S, C) of all tokens, a portion of sentences at a time."""
        with no_grad():
            parts = [
                self.network_(part.take(np.arange(first, last))).value
                for first, last in portions(part.lengths, AT_ONCE, TOKENS_AT_ONCE)
            ]
        return np.concatenate(parts)

    def _named(self, numbers: Array, lengths: Array) -> Sentences:
        """The tags of every sentence by their numbers, in the scheme that was learned."""
        names = self.labels_.decode(numbers)
        ends = np.cumsum(lengths)
        return [names[end - length : end] for end, length in zip(ends, lengths, strict=True)]

    def _in_scheme(self, learned: Sentences) -> Sentences:
        """Tags in the scheme of the training file."""
        return [convert(tags, self.scheme_) for tags in learned] if self.chunked else learned

    def tokenize(self, X: Sequence[str | Sequence[str]]) -> Sentences:
        """Sentences as tokens: texts cut like those of training, lists as they are.

        Raises:
            InputError: a sentence is neither a text nor a list of strings.
        """
        check_is_fitted(self, "network_")
        if isinstance(X, str):
            raise InputError("sentences are a list, this is one string\n  give [text]")
        return checked_sentences([self.tokenizer_(x) if isinstance(x, str) else x for x in X])

    def predict(self, X: Sequence[str | Sequence[str]]) -> Sentences:
        """The tags of each sentence, a list of tokens or a text; they do not depend on others."""
        encoded = self.encoder_(self.tokenize(X))
        best = self.network_.best(self._scores(encoded), encoded.lengths)
        return self._in_scheme(self._named(best, encoded.lengths))

    def predict_proba(self, X: Sequence[str | Sequence[str]]) -> list[Array]:
        """The probability of every tag (in the order of ``classes_``) for each token, (L, C) each.

        With a CRF these are marginals: summed over all sequences of tags.
        """
        encoded = self.encoder_(self.tokenize(X))
        p = self.network_.probabilities(self._scores(encoded), encoded.lengths)
        return np.split(p, np.cumsum(encoded.lengths)[:-1]) if len(encoded) else []

    def predict_sure(self, X: Sequence[str | Sequence[str]]) -> tuple[Sentences, list[list[float]]]:
        """The tags of each sentence, and how probable each is."""
        encoded = self.encoder_(self.tokenize(X))
        learned, sure = self._sure(encoded)
        return self._in_scheme(learned), sure

    def _sure(self, encoded: Encoded) -> tuple[Sentences, list[list[float]]]:
        scores, lengths = self._scores(encoded), encoded.lengths
        p, best = self.network_.probabilities(scores, lengths), self.network_.best(scores, lengths)
        learned, chosen = self._named(best, lengths), p[np.arange(len(p)), best].tolist()
        ends = np.cumsum(lengths).tolist()
        return learned, [chosen[e - len(t) : e] for e, t in zip(ends, learned, strict=True)]

    @property
    def classes_(self) -> Array:
        """The tags that were learned (chunks as BIOES), in the order of ``predict_proba``."""
        if not hasattr(self, "labels_"):
            raise AttributeError("classes_ is known after fit")
        return np.array(self.labels_.names)

    def score(self, X: Sequence[Sequence[str]], y: Sequence[Sequence[str]]) -> float:
        """F1 over chunks, or accuracy over tokens where tags are no chunks."""
        return self.evaluate(X, y).score

    def evaluate(
        self, X: Sequence[Sequence[str]], y: Sequence[Sequence[str]], part: str = "test"
    ) -> Evaluation:
        """All scores on sentences with known tags; a tag never seen in training counts as wrong.

        Raises:
            InputError: a sentence has more tokens than tags, or fewer.
        """
        check_is_fitted(self, "network_")
        tokens, truth = self._checked(X, y)
        learned, sure = self._sure(self.encoder_(tokens))
        notes = remarks(truth, learned, self.labels_.names, self.chunked)
        if self.chunked and recognise_scheme(truth) not in (self.scheme_, None):
            truth = self._in_scheme(truth)
        return evaluate_tags(
            part,
            tokens,
            truth,
            self._in_scheme(learned),
            [min(chances, default=1.0) for chances in sure],
            chunked=self.chunked,
            notes=notes,
        )

    # Files

    def _content(self) -> dict[str, Any]:
        return self.encoder_.to_json() | {
            "tokenizer": self.tokenizer_.to_json(),
            "labels": self.labels_.to_json(),
            "scheme": self.scheme_,
            "data": self.data_hash_,
        }

    @classmethod
    def _restored(cls, stored: storage.Stored) -> Self:
        content = stored.content
        model = cls(**content["settings"])
        check_settings(model)
        model.windows, model.width_ = tuple(model.windows), model.dimension
        model.tokenizer_ = Tokenizer.from_json(content["tokenizer"])
        if model.tokenizer_.kind == "auto":
            raise ValueError("the kind of tokens is not decided")
        model.encoder_ = TokenEncoder.from_json(content, bool(model.lowercase))
        model.labels_ = Labels.from_json(content["labels"])
        model.scheme_ = content["scheme"]
        if model.labels_.multi_label or model.scheme_ not in (*SCHEMES, PLAIN):
            raise ValueError("its tags are none")
        model.history_ = read_history(content["history"])
        model.data_hash_, model.held_out_, model.notes_ = str(content["data"]), None, ()
        model._restore_network(stored.arrays)
        return model

    def _check_arrays(self, arrays: dict[str, Array]) -> None:
        sizes = len(self.encoder_.words), len(self.encoder_.characters), len(self.labels_)
        wanted = weight_count(self._settings(), *sizes)
        stored = sum(array.size for array in arrays.values())
        if stored != wanted or any(array.dtype != np.float32 for array in arrays.values()):
            raise ValueError(f"the network has {wanted:,} weights, and not those are stored")


def sentences_digest(*parts: tuple[Sentences, Sentences] | None) -> str:
    """SHA-256 of the sentences and tags of some parts."""
    return rows_digest(
        *(None if p is None else zip(map(repr, p[0]), p[1], strict=True) for p in parts)
    )
