"""Language models: the probability of every next word, learned from running text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from lexon import storage
from lexon.errors import InputError
from lexon.graph.node import no_grad
from lexon.graph.tensor import Tensor
from lexon.optim.checks import fraction, not_negative, positive, whole
from lexon.tasks.common import (
    fitting,
    make_optimizer,
    read_history,
    refuse_nonfinite,
    rows_digest,
    run_training,
)
from lexon.tasks.evaluation import Evaluation
from lexon.tasks.given import choice
from lexon.tasks.language_network import MODELS, SOFTMAXES, LanguageNetwork, language_shapes
from lexon.tasks.stored import StoredEstimator, check_storable
from lexon.text.stream import END, LEVELS, Stream
from lexon.text.tokens import KINDS
from lexon.text.vocabulary import Vocabulary
from lexon.train.history import History
from lexon.train.loop import Plan, Task, Training, Watcher

Array = npt.NDArray[Any]

#: Tokens that go through the network at a time where no gradient is wanted; changes no bit.
AT_ONCE = 1024
#: The learning rate of Adam, where none is given.
ADAM_RATE = 0.002


class LanguageModel(StoredEstimator):
    """A recurrent network that tells how probable every next token of a text is.

    ``fit(text)`` takes running text: a string, or a list of strings that follow each other. Its
    tokens are laid in ``batch_size`` rows that are read side by side, ``steps`` tokens at a time;
    the state is carried on, the gradient goes back ``steps`` tokens (truncated back-propagation).

    Parameters:
        model: "rnn", "gru" or "lstm".
        level: tokens are words ("word", with a token for every line's end) or characters ("char").
        tokens, lowercase: how words are split: "spaces", "words", "characters"; "auto" is spaces.
        min_count, max_vocabulary: rarer tokens are unknown; the most frequent tokens kept.
        dimension, hidden, layers: width of word vectors (None: as hidden), of the layers, of
            which there are so many on top of each other.
        dropout: probability to drop a number of the word vectors, between layers, and of the top.
        tied: word vectors and softmax share their weights; dimension and hidden must be equal.
        softmax: "full"; "sampled", learned from ``samples`` drawn words; or "hierarchical", a
            Huffman tree of decisions. All three are exact in evaluation.
        limit: first weights are uniform in [-limit, limit]; None is 0.1 for word vectors and
            softmax, and orthogonal matrices between states.
        steps, batch_size: tokens a step of each row, and rows.
        optimizer, learning_rate: by name; None is the optimizer's usual rate (0.002 for Adam).
        decay, decay_after: the rate is multiplied by ``decay`` after every epoch from that one
            on; None: after every epoch that does not lower the held-out loss.
        clip: largest norm of the gradient (of the mean over tokens), or None.
        epochs, patience: passes; epochs without gain before training stops (None: never).
        validation_fraction: share of the text, its end, held out when ``fit`` gets no ``valid``.
        seed: of the first weights, dropout, and drawn samples.

    Attributes after ``fit``: history_, network_, stream_, vocabulary_, notes_.

    Raises:
        InputError: the text or a parameter cannot be used.
        NonFiniteError: training diverged.

    Source: Mikolov et al. 2010; Zaremba, Sutskever, Vinyals 2014.

    >>> from lexon.tasks import LanguageModel
    >>> model = LanguageModel(level="char", hidden=16, layers=1, epochs=30, dropout=0, seed=1)
    >>> model = model.fit("abcd" * 200)
    >>> model.generate("ab", length=6, temperature=0)
    'cdabcd'
    """

    _task = "language-model"

    def __init__(
        self,
        model: str = "lstm",
        *,
        level: str = "word",
        tokens: str = "auto",
        lowercase: bool = False,
        min_count: int = 1,
        max_vocabulary: int | None = None,
        dimension: int | None = None,
        hidden: int = 200,
        layers: int = 2,
        dropout: float = 0.2,
        tied: bool = False,
        softmax: str = "full",
        samples: int = 1024,
        limit: float | None = None,
        steps: int = 35,
        batch_size: int = 20,
        optimizer: str = "adam",
        learning_rate: float | None = None,
        decay: float = 0.5,
        decay_after: int | None = None,
        clip: float | None = 1.0,
        epochs: int = 10,
        patience: int | None = 3,
        validation_fraction: float = 0.05,
        seed: int = 1,
    ) -> None:
        self.model = model
        self.level = level
        self.tokens = tokens
        self.lowercase = lowercase
        self.min_count = min_count
        self.max_vocabulary = max_vocabulary
        self.dimension = dimension
        self.hidden = hidden
        self.layers = layers
        self.dropout = dropout
        self.tied = tied
        self.softmax = softmax
        self.samples = samples
        self.limit = limit
        self.steps = steps
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.decay = decay
        self.decay_after = decay_after
        self.clip = clip
        self.epochs = epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.seed = seed

    # Training

    def fit(
        self,
        X: str | Sequence[str],
        y: None = None,
        *,
        valid: str | Sequence[str] | None = None,
        watcher: Watcher | None = None,
        checkpoint: Callable[[Training], None] | None = None,
    ) -> LanguageModel:
        """Train on running text; ``valid`` is held out instead of its end."""
        with fitting(self):
            _check_settings(self)
            text, held = running(X), None if valid is None else running(valid)
            self.data_hash_ = rows_digest([(text, "")], None if held is None else [(held, "")])
            self.notes_: tuple[str, ...] = ()
            self.stream_ = Stream.of(self.level, self.tokens, self.lowercase, text)
            if held is None:
                text, held = self._split(text)
            self.vocabulary_ = self.stream_.vocabulary(text, self.min_count, self.max_vocabulary)
            words = f"the {len(self.vocabulary_):,} words of the vocabulary"
            fewer = "give min_count 2 (--min-count 2), or a max_vocabulary (--max-vocabulary)"
            check_storable(words, self.vocabulary_.to_json(), fewer)
            ids = self.stream_.encode(text, self.vocabulary_)
            if len(ids) < 2:
                raise InputError(f"the text has {len(ids)} tokens\n  give at least 2")
            self._fit(ids, self.stream_.encode(held, self.vocabulary_), watcher, checkpoint)
        return self

    def _split(self, text: str) -> tuple[str, str]:
        """What is learned from, and the end that is held out: whole lines, where there are any."""
        at = len(text) - round(self.validation_fraction * len(text))
        line = text.rfind(END, 0, at) + 1
        at = line if line > at // 2 or self.level == "word" else at
        return (text[:at], text[at:]) if at else (text, "")

    def _fit(
        self,
        ids: Array,
        held: Array,
        watcher: Watcher | None,
        checkpoint: Callable[[Training], None] | None,
    ) -> None:
        rng = np.random.default_rng(self.seed)
        network = self.network_ = self._build(rng)
        inputs, targets = in_rows(ids, self.batch_size, self.steps)
        lengths = np.empty(len(inputs), np.int64)
        carried: dict[str, Array] = {}

        def loss(columns: Array) -> Tensor:
            state = tuple(carried[name] for name in "hc" if name in carried)
            lengths[:] = len(columns)
            h, state = network(inputs[:, columns].reshape(-1), lengths, _given(state, columns))
            parts = state if isinstance(state, tuple) else (state,)
            carried.update({name: part.value for name, part in zip("hc", parts, strict=False)})
            return network.out.loss(h, targets[:, columns].reshape(-1))

        def validate() -> tuple[float, float]:
            nats = self._nats(held)
            refuse_nonfinite("the losses of the held-out text", nats)
            loss = float(nats.mean(dtype=np.float64))
            return perplexity(loss), loss

        optimizer = self._make_optimizer()

        def after_epoch(history: History) -> None:
            if self._decays(history):
                optimizer.learning_rate *= self.decay

        task = Task(
            inputs.shape[1],
            loss,
            validate if len(held) > 1 else None,
            after_epoch=after_epoch,
            shuffled=False,
            carried=carried,
            units=len(inputs),
        )
        patience = self.patience if len(held) > 1 else None
        training = Training(
            network,
            optimizer,
            task,
            Plan(self.epochs, self.steps, patience, self.clip),
            rng,
            measure="perplexity",
            watcher=watcher,
        )
        if checkpoint is not None:
            checkpoint(training)
        self.history_ = run_training(training)

    def _make_optimizer(self) -> Any:
        rate = self.learning_rate
        if rate is None and self.optimizer == "adam":
            rate = ADAM_RATE
        return make_optimizer(self.optimizer, rate, self.network_)

    def _decays(self, history: History) -> bool:
        """Whether the learning rate falls after the last epoch of ``history``."""
        if self.decay_after is not None:
            return len(history.epochs) >= self.decay_after
        losses = [epoch.valid_loss for epoch in history.epochs if epoch.valid_loss is not None]
        return len(losses) > 1 and losses[-1] >= min(losses[:-1])

    def _settings(self) -> dict[str, Any]:
        width = self.hidden if self.dimension is None else self.dimension
        return super()._settings() | {"dimension": width}

    def _build(self, rng: np.random.Generator) -> LanguageNetwork:
        return LanguageNetwork(self._settings(), self.vocabulary_.counts, rng)

    # Probabilities

    def _nats(self, ids: Array) -> Array:
        """-log P of each token but the first, given all before it."""
        state, parts = None, [np.empty(0, np.float32)]
        for at in range(0, len(ids) - 1, AT_ONCE):
            given, wanted = ids[at : at + AT_ONCE], ids[at + 1 : at + 1 + AT_ONCE]
            h, state = self._read(given[: len(wanted)], state)
            parts.append(self.network_.out.scores(h, wanted))
        return np.concatenate(parts)

    def _read(self, ids: Array, state: Any) -> tuple[Array, Any]:
        """h after each of the tokens, and the state after the last."""
        with no_grad():
            h, state = self.network_(ids, np.array([len(ids)]), state)
        return h.value, state

    def scores(self, X: str | Sequence[str]) -> list[tuple[str, float]]:
        """Each token of a text with -log P of it given all before, in nats.

        The first one comes after the end of a line. An unknown token is scored as unknown.

        Raises:
            InputError: the text has no tokens.
        """
        check_is_fitted(self, "network_")
        text = running(X)
        nats = self._nats(self._after_a_line(text))
        tokens = [token for portion in self.stream_.tokens(text) for token in portion]
        return list(zip(tokens, nats.tolist(), strict=True))

    def _after_a_line(self, text: str) -> Array:
        ids = self.stream_.encode(text, self.vocabulary_)
        if not len(ids):
            raise InputError("the text has no tokens\n  give some text")
        return np.concatenate([self.vocabulary_.encode([END]), ids])

    def score(self, X: str | Sequence[str], y: None = None) -> float:
        """The mean log probability of a text's tokens: more is better."""
        return -self.evaluate(X).scores["nats per token"]

    def evaluate(self, X: str | Sequence[str], part: str = "test") -> Evaluation:
        """Perplexity, nats per token, and bits per character of a text.

        Equations: perplexity = e**(nats per token). Where words are the tokens, a character's
        bits are those of its word and the space or line's end behind it.
        """
        check_is_fitted(self, "network_")
        text = running(X)
        ids = self._after_a_line(text)
        nats = self._nats(ids)
        mean, unknown = float(nats.mean(dtype=np.float64)), float(np.mean(ids[1:] == 0))
        bits = mean * len(nats) / math.log(2) / max(len(text), 1)
        scores = {"perplexity": perplexity(mean), "nats per token": mean}
        scores |= {"bits per character": bits, "unknown tokens": unknown}
        return Evaluation(part, len(nats), scores, unit="tokens")

    def gradient_norms(self, X: str | Sequence[str]) -> dict[str, Array]:
        """The norm of the loss's gradient that reaches each time step, layer by layer.

        The loss is that of the last token alone, so that what comes to earlier steps came
        through all between: it shows how far back the network can learn.
        """
        check_is_fitted(self, "network_")
        ids = self._after_a_line(running(X))
        layer = self.network_.layer
        layer.record_gradients = True
        try:
            h, _ = self.network_(ids[:-1], np.array([len(ids) - 1]))
            self.network_.out.loss(h[-1:], ids[-1:]).backward()
            return dict(layer.gradient_norms)
        finally:
            layer.record_gradients = False
            for parameter in self.network_.parameters():
                parameter.grad = None

    # Text

    def generate(
        self,
        prompt: str = "",
        length: int = 100,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int = 1,
    ) -> str:
        """So many tokens that may follow ``prompt``, drawn one after the other.

        Equations: P(word) in proportion to e**(log P / temperature), among the ``top_k`` most
        probable words; temperature 0 takes the most probable. An empty prompt is the beginning
        of a line. Unknown words are never drawn.

        Raises:
            InputError: a number is out of its range.
        """
        return "".join(self.tokens_after(prompt, length, temperature, top_k, seed))

    def tokens_after(
        self, prompt: str, length: int, temperature: float, top_k: int | None, seed: int
    ) -> Iterator[str]:
        """The text of :meth:`generate`, token by token."""
        check_is_fitted(self, "network_")
        _check_drawing(length, temperature, top_k, seed)
        given = self._after_a_line(prompt) if prompt else self.vocabulary_.encode([END])
        if self.stream_.level == "word" and prompt and not prompt.endswith(END):
            given = given[:-1]  # the line goes on
        rng, words = np.random.default_rng(seed), self.vocabulary_.words
        h, state = self._read(given, None)
        before = words[given[-1]]
        for _ in range(length):
            logarithms = self.network_.out.log_probabilities(h[-1:])[0].astype(np.float64)
            drawn = draw(logarithms, temperature, top_k, rng)
            yield self.stream_.text([words[drawn]], before)
            before = words[drawn]
            h, state = self._read(np.array([drawn]), state)

    # Files

    def _content(self) -> dict[str, Any]:
        return {
            "stream": self.stream_.to_json(),
            "vocabulary": self.vocabulary_.to_json(),
            "data": self.data_hash_,
        }

    @classmethod
    def _restored(cls, stored: storage.Stored) -> Self:
        content = stored.content
        model = cls(**content["settings"])
        _check_settings(model)
        model.stream_ = Stream.from_json(content["stream"])
        model.vocabulary_ = Vocabulary.from_json(content["vocabulary"])
        model.history_ = read_history(content["history"])
        model.data_hash_, model.notes_ = str(content["data"]), ()
        model._restore_network(stored.arrays)
        return model

    def _check_arrays(self, arrays: dict[str, Array]) -> None:
        wanted = language_shapes(self._settings(), len(self.vocabulary_))
        stored = {name: array.shape for name, array in arrays.items()}
        if stored != wanted or any(array.dtype != np.float32 for array in arrays.values()):
            raise ValueError("the weights stored are not those of this network")


def running(X: str | Sequence[str]) -> str:
    """One running text: a string as it is, or the texts of a list line after line.

    Raises:
        InputError: it is neither.
    """
    if isinstance(X, str):
        return X
    texts = list(X) if hasattr(X, "__iter__") else [X]
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"text {row} is {type(text).__name__}, not a string: {text!r:.60}")
    return END.join(map(str, texts))


def in_rows(ids: Array, rows: int, steps: int) -> tuple[Array, Array]:
    """Tokens laid in so many rows, and what follows each; fewer rows where they would be short.

    Shapes: (B, T) both. Up to B - 1 tokens at the end are left out.
    """
    rows = min(rows, max((len(ids) - 1) // steps, 1))
    columns = (len(ids) - 1) // rows
    return (
        ids[: rows * columns].reshape(rows, columns),
        ids[1 : rows * columns + 1].reshape(rows, columns),
    )


def _given(state: tuple[Array, ...], columns: Array) -> Any:
    """A state as the layers take it; none at the beginning of the text."""
    if not columns[0]:
        return None
    return state[0] if len(state) == 1 else state


def perplexity(nats: float) -> float:
    """e**nats: among how many equally probable tokens the model seems to choose."""
    return math.exp(min(nats, 700.0))


def draw(logarithms: Array, temperature: float, top_k: int | None, rng: np.random.Generator) -> int:
    """The number of a word drawn by its log P (V); never the unknown word, number 0."""
    logarithms[0] = -np.inf
    if temperature == 0:
        return int(logarithms.argmax())
    if top_k is not None and top_k < len(logarithms):
        least = np.partition(logarithms, -top_k)[-top_k]
        logarithms = np.where(logarithms >= least, logarithms, -np.inf)
    weights = np.exp((logarithms - logarithms.max()) / temperature)
    until = np.cumsum(weights)
    place = np.searchsorted(until, rng.random() * until[-1], side="right")
    return int(min(place, np.flatnonzero(weights)[-1]))


def _check_drawing(length: int, temperature: float, top_k: int | None, seed: int) -> None:
    whole("generate", "length", length, 0)
    not_negative("generate", "temperature", temperature)
    if top_k is not None:
        whole("generate", "top_k", top_k, 1)
    if whole("generate", "seed", seed, 0) >= 2**32:
        raise InputError(f"generate: seed is {seed}\n  give a whole number below 2**32")


def _check_settings(model: LanguageModel) -> None:
    """Raise InputError for a parameter that makes no sense."""
    choice(model, "model", MODELS)
    choice(model, "level", LEVELS)
    choice(model, "tokens", KINDS)
    choice(model, "softmax", SOFTMAXES)
    for name in ("hidden", "layers", "samples", "steps", "batch_size", "epochs", "min_count"):
        whole(model, name, getattr(model, name), 1)
    for name, least in {
        "dimension": 1,
        "max_vocabulary": 2,
        "patience": 1,
        "decay_after": 1,
    }.items():
        if getattr(model, name) is not None:
            whole(model, name, getattr(model, name), least)
    fraction(model, "dropout", model.dropout)
    fraction(model, "validation_fraction", model.validation_fraction)
    positive(model, "decay", model.decay)
    for name in ("clip", "limit", "learning_rate"):
        if getattr(model, name) is not None:
            positive(model, name, getattr(model, name))
    if whole(model, "seed", model.seed, 0) >= 2**32:
        raise InputError(f"seed is {model.seed}\n  give a whole number below 2**32")
    if model.tied and model.softmax == "hierarchical":
        raise InputError("a hierarchical softmax has no vectors of words to tie\n  leave out tied")
    if model.tied and model.dimension not in (None, model.hidden):
        raise InputError(
            f"tied weights: dimension is {model.dimension}, hidden is {model.hidden}\n"
            "  give both the same width"
        )
