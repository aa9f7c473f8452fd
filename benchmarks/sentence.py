"""Prediction of one sentence: how long does a reader wait?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.case import Case, Contender, Round, Settings, random_state
from benchmarks.textcnn import (
    CLASSES,
    DIMENSION,
    FILTERS,
    WINDOWS,
    first_weights,
    pytorch_network,
)

Array = npt.NDArray[Any]

#: Words that are known, about as many as MR has, and words of a sentence.
WORDS, LENGTH, SENTENCES = 18_000, 20, 200
WHOLE, NETWORK = "from the text", "the network alone, from word numbers"
CHECK = "probability of the first class, mean over sentences"


def flops(settings: Settings) -> dict[str, float]:
    grams = sum((LENGTH + window - 1) * window for window in WINDOWS)
    operations = 2.0 * FILTERS * (grams * DIMENSION + len(WINDOWS) * CLASSES)
    return {WHOLE: operations, NETWORK: operations}


def vocabulary() -> list[str]:
    """Made-up words, by their numbers from 1."""
    return [f"w{number:05}" for number in range(1, WORDS + 1)]


def sentences() -> list[str]:
    words = vocabulary()
    chosen = random_state(5).integers(WORDS, size=(SENTENCES, LENGTH))
    return [" ".join(words[number] for number in row) for row in chosen]


def weights() -> dict[str, Array]:
    """As large as after training, so that the probabilities differ."""
    first = first_weights(WORDS + 1)
    return {name: weight * 5 if "conv" in name else weight for name, weight in first.items()}


def contest(
    settings: Settings,
    whole: Callable[[str], float],
    network: Callable[[Any], object],
    inputs: Sequence[Any],
) -> Callable[[], Round]:
    """Rounds of one prediction after the other; ``whole`` gives a probability."""
    times, texts = 1 if settings.quick else 10, sentences()

    def one_round() -> Round:
        began = time.perf_counter()
        for _ in range(times):
            probabilities = [whole(text) for text in texts]
        between = time.perf_counter()
        for _ in range(times):
            for ids in inputs:
                network(ids)
        ended = time.perf_counter()
        number = times * SENTENCES
        return Round(
            {WHOLE: (between - began) / number, NETWORK: (ended - between) / number},
            {CHECK: float(np.mean(probabilities))},
        )

    one_round()
    return one_round


def lexon(settings: Settings) -> Callable[[], Round]:
    """A :class:`TextClassifier` that has seen every word once, then given the weights."""
    from lexon import no_grad, parallel
    from lexon.tasks import TextClassifier

    parallel.threads(settings.threads)
    words = vocabulary()
    texts = [" ".join(words[start : start + 1000]) for start in range(0, WORDS, 1000)]
    labels = [str(number % CLASSES) for number in range(len(texts))]
    model = TextClassifier(
        model="cnn", windows=WINDOWS, filters=FILTERS, dimension=DIMENSION,
        epochs=1, validation_fraction=0, tokens="words",
    )  # fmt: skip
    model.fit(texts, labels)
    model.network_.load_state_dict(weights())
    lengths = np.array([LENGTH])

    def network(ids: Array) -> object:
        with no_grad():
            return model.network_(ids, lengths)

    def whole(text: str) -> float:
        return float(model.predict_proba([text])[0, 0])

    inputs = [model.vocabulary_.encode(text.split()) for text in sentences()]
    return contest(settings, whole, network, inputs)


def pytorch(settings: Settings) -> Callable[[], Round]:
    """In inference mode; words are split at spaces and looked up in a dictionary."""
    import torch

    torch.set_num_threads(settings.threads)
    trained = pytorch_network(weights(), dropout=0.5).eval()
    numbers = {word: number for number, word in enumerate(vocabulary(), start=1)}

    @torch.inference_mode()
    def network(ids: Any) -> Any:
        return trained(ids)

    def whole(text: str) -> float:
        ids = torch.tensor([[numbers.get(word, 0) for word in text.lower().split()]])
        return float(network(ids).softmax(dim=1)[0, 0])

    inputs = [torch.tensor([[numbers[w] for w in text.split()]]) for text in sentences()]
    return contest(settings, whole, network, inputs)


CASE = Case(
    title="TextCNN: prediction of one sentence",
    explanation=(
        f"A network of the shape above, {WORDS:,} words, and one sentence of {LENGTH} words at a"
        " time, in process. From the text: `predict_proba([text])` of lexon's `TextClassifier`;"
        " in PyTorch split at spaces, a dictionary, the network, softmax, in inference mode."
    ),
    contenders={"lexon": Contender(lexon), "PyTorch": Contender(pytorch, "torch")},
    flops=flops,
    unit="µs",
    losses={CHECK: 1e-3},
    repeats=7,
)
