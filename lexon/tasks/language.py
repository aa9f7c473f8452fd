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
from lexon.tasks.common import (
    fitting,
    make_optimizer,
    read_history,
    refuse_nonfinite,
    rows_digest,
    train,
)
from lexon.tasks.drawing import check_drawing, draw
from lexon.tasks.evaluation import Evaluation
from lexon.tasks.language_network import LanguageNetwork, check_settings, language_shapes
from lexon.tasks.stored import StoredEstimator, check_vocabulary
from lexon.text.stream import END, Stream, in_rows, running
from lexon.text.vocabulary import UNKNOWN, Vocabulary
from lexon.train.history import History
from lexon.train.loop import Task, Training, Watcher

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
            check_settings(self)
            text, held = running(X), None if valid is None else running(valid)
            self.data_hash_ = rows_digest([(text, "")], None if held is None else [(held, "")])
            self.notes_: tuple[str, ...] = ()
            self.stream_ = Stream.of(self.level, self.tokens, self.lowercase, text)
            if held is None:
                text, held = self.parts(text)
                if self.validation_fraction and not held:
                    self.notes_ += ("the text is too short to hold out a part: all of it trains",)
            words = self.vocabulary_ = self._learned_vocabulary(text)
            ids = self.stream_.encode(text, words)
            held_ids = self.stream_.after_line(held, words) if held else np.empty(0, np.int32)
            self._fit(ids, held_ids, watcher, checkpoint)
        return self

    def _learned_vocabulary(self, text: str) -> Vocabulary:
        words = self.stream_.vocabulary(text, self.min_count, self.max_vocabulary)
        if len(words) < 2 or words.counts.sum() < 2:
            raise InputError(
                f"the text has {words.counts.sum():,} tokens, none of them frequent enough\n"
                "  give more text, or a smaller min_count (--min-count)"
                if words.counts.sum() > 1
                else f"the text has {words.counts.sum()} tokens\n  give at least 2"
            )
        check_vocabulary(words)
        if words.counts[0]:
            share = words.counts[0] / words.counts.sum()
            self.notes_ += (f"{share:.1%} of the tokens are unknown: too rare, or {UNKNOWN}",)
        return words

    def parts(self, text: str) -> tuple[str, str]:
        """What ``fit`` learns from, and the end that it holds out where it gets no ``valid``.

        It is cut behind the end of a line near the place, or else behind a word.
        """
        text = running(text)
        at = len(text) - round(self.validation_fraction * len(text))
        if not self.validation_fraction or at == len(text):
            return text, ""
        near = (len(text) - at) // 2
        for end in (END, " "):
            found = text.find(end, at) + 1
            before = text.rfind(end, 0, at) + 1
            for cut in (before, found):
                if 0 < cut < len(text) and abs(cut - at) <= near:
                    return text[:cut], text[cut:]
            if self.level == "char":
                return text[:at], text[at:]
        return text, ""

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

        optimizer = make_optimizer(self.optimizer, self.learning_rate, network, ("adam", ADAM_RATE))

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
        self.history_ = train(
            self,
            network,
            optimizer,
            task,
            self.steps,
            rng=rng,
            measure="perplexity",
            watcher=watcher,
            checkpoint=checkpoint,
        )

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
        nats = self._nats(self.stream_.after_line(text, self.vocabulary_))
        tokens = [token for portion in self.stream_.tokens(text) for token in portion]
        return list(zip(tokens, nats.tolist(), strict=True))

    def score(self, X: str | Sequence[str], y: None = None) -> float:
        """The mean log probability of a text's tokens: more is better."""
        return -self.evaluate(X).scores["nats per token"]

    def evaluate(self, X: str | Sequence[str], part: str = "test") -> Evaluation:
        """Perplexity, nats per token, and bits per character of a text.

        Equations: perplexity = e**(nats per token). Where words are the tokens, a character's
        bits are those of its word and the space or line's end behind it.

        Raises:
            InputError: the text has no tokens.
        """
        check_is_fitted(self, "network_")
        text = running(X)
        ids = self.stream_.after_line(text, self.vocabulary_)
        scores = token_scores(self._nats(ids), text)
        scores["unknown tokens"] = float(np.mean(ids[1:] == 0))
        return Evaluation(part, len(ids) - 1, scores, unit="tokens")

    def gradient_norms(self, X: str | Sequence[str]) -> dict[str, Array]:
        """The norm of the loss's gradient that reaches each time step, layer by layer.

        The loss is that of the last token alone, so that what comes to earlier steps came
        through all between: it shows how far back the network can learn.
        """
        check_is_fitted(self, "network_")
        ids = self.stream_.after_line(running(X), self.vocabulary_)
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
        """The text of :meth:`generate`, token by token; the same arguments and errors."""
        check_is_fitted(self, "network_")
        check_drawing(length, temperature, top_k, seed)
        return self._drawn(prompt, length, temperature, top_k, np.random.default_rng(seed))

    def _drawn(
        self,
        prompt: str,
        length: int,
        temperature: float,
        top_k: int | None,
        rng: np.random.Generator,
    ) -> Iterator[str]:
        known, words = self.vocabulary_, self.vocabulary_.words
        given = self.stream_.after_line(prompt, known) if prompt else known.encode([END])
        if self.stream_.level == "word" and prompt and not prompt.endswith(END):
            given = given[:-1]  # the line goes on
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
        check_settings(model)
        model.stream_ = Stream.from_json(content["stream"])
        model.vocabulary_ = Vocabulary.from_json(content["vocabulary"])
        if sum(model.vocabulary_.counts.tolist()) >= 2**53:  # of a tree, as deep as it may be
            raise ValueError("the words are more than a text can hold")
        model.history_ = read_history(content["history"])
        model.data_hash_, model.notes_ = str(content["data"]), ()
        model._restore_network(stored.arrays)
        return model

    def _check_arrays(self, arrays: dict[str, Array]) -> None:
        if self.layers > len(arrays):
            raise ValueError(f"{self.layers} layers, but {len(arrays)} arrays")
        wanted = language_shapes(self._settings(), len(self.vocabulary_))
        stored = {name: array.shape for name, array in arrays.items()}
        if stored != wanted or any(array.dtype != np.float32 for array in arrays.values()):
            raise ValueError("the weights stored are not those of this network")


def _given(state: tuple[Array, ...], columns: Array) -> Any:
    """A state as the layers take it; none at the beginning of the text."""
    if not columns[0]:
        return None
    return state[0] if len(state) == 1 else state


def token_scores(nats: Array, text: str) -> dict[str, float]:
    """Perplexity, nats per token and bits per character from -log P of the tokens of a text."""
    mean = float(nats.mean(dtype=np.float64))
    bits = mean * len(nats) / math.log(2) / max(len(text), 1)
    return {"perplexity": perplexity(mean), "nats per token": mean, "bits per character": bits}


def perplexity(nats: float) -> float:
    """e**nats: among how many equally probable tokens the model seems to choose."""
    return math.exp(min(nats, 700.0))
