"""Language models: Penn Treebank by published recipes, tinyshakespeare by characters.

tinyshakespeare: 5 % are held out in two ways. As in char-rnn, the text is cut into 50 stretches
and the end of each is held out, so that every play is known; or the end of the whole, a play of
which nothing is known.

PTB's parts are the published ones; the held-out part chooses the epoch, the test part is scored
once, as one text from its first token to its last, the end of every line included.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from lexon.tasks import LanguageModel
from lexon.tasks.job import Resumption
from lexon.tasks.language import perplexity
from lexon.tasks.ngrams import KneserNey
from lexon.text import Stream, Tokenizer

Cell = Callable[[Path], dict[str, float]]

#: Zaremba et al. 2014, small: the sum of losses over 20 steps, rate 1 and norm 5, is a mean with
#: rate 20 and norm 1/4.
SMALL: dict[str, Any] = {
    "hidden": 200, "layers": 2, "dropout": 0.0, "limit": 0.1, "steps": 20, "batch_size": 20,
    "optimizer": "sgd", "learning_rate": 20.0, "clip": 0.25, "decay": 0.5, "decay_after": 4,
    "epochs": 13, "patience": None,
}  # fmt: skip
#: PyTorch's example at 2 x 200, tied; its first weights are uniform, too.
TIED: dict[str, Any] = {
    "hidden": 200, "layers": 2, "dropout": 0.2, "tied": True, "limit": 0.1, "steps": 35,
    "batch_size": 20, "optimizer": "sgd", "learning_rate": 20.0, "clip": 0.25, "decay": 0.25,
    "patience": None,
}  # fmt: skip
SHAKESPEARE: dict[str, Any] = {
    "level": "char", "hidden": 128, "layers": 2, "dropout": 0.1, "steps": 50, "batch_size": 50,
    "optimizer": "adam", "learning_rate": 4e-3, "clip": 5.0, "decay": 0.93, "decay_after": 8,
    "epochs": 50, "patience": None,
}  # fmt: skip
#: What two hours give: twice the size, and about 80 minutes on one thread.
LARGER: dict[str, Any] = SHAKESPEARE | {"hidden": 256, "dropout": 0.3, "epochs": 60}
#: How many parts of the text lose their end.
STRETCHES = {"tinyshakespeare": 50, "tinyshakespeare-end": 1}


#: The other layers by the same recipe, with a rate they can bear.
SLOWER = SMALL | {"learning_rate": 5.0}


def small(kind: str = "lstm") -> dict[str, Cell]:
    """Seeds 1 to 3."""
    recipe = SMALL if kind == "lstm" else SLOWER
    return {f"seed-{seed}": partial(_ptb, recipe, kind, seed) for seed in (1, 2, 3)}


def tied() -> dict[str, Cell]:
    """Six epochs, seeds 1 to 3."""
    recipe = TIED | {"epochs": 6}
    return {f"seed-{seed}": partial(_ptb, recipe, "lstm", seed) for seed in (1, 2, 3)}


def tied_long() -> dict[str, Cell]:
    """Forty epochs."""
    return {"seed-1": partial(_ptb, TIED | {"epochs": 40}, "lstm", 1)}


def counted() -> dict[str, Cell]:
    """The simple rival, for whoever wants to compare."""
    return {"5-grams": _counted}


def characters(name: str) -> dict[str, Cell]:
    """tinyshakespeare, the last 5 % of each stretch held out."""
    return {
        f"seed-{seed}": partial(_shakespeare, SHAKESPEARE, STRETCHES[name], seed)
        for seed in (1, 2, 3)
    }


def larger() -> dict[str, Cell]:
    """One seed, on the split of tinyshakespeare."""
    return {"seed-1": partial(_shakespeare, LARGER, STRETCHES["tinyshakespeare"], 1)}


def _ptb(recipe: dict[str, Any], kind: str, seed: int, data: Path) -> dict[str, float]:
    parts = [(data / "ptb" / f"ptb.{name}.txt").read_text() for name in ("train", "valid", "test")]
    model = _resumed(LanguageModel(kind, seed=seed, **recipe), parts[0], parts[1])
    valid, test = (model.evaluate(part).scores["perplexity"] for part in parts[1:])
    return {"test perplexity": test, "valid perplexity": valid, "best epoch": model.history_.best}


def _shakespeare(recipe: dict[str, Any], stretches: int, seed: int, data: Path) -> dict[str, float]:
    text = (data / "tinyshakespeare" / "input.txt").read_text()
    length = -(-len(text) // stretches)
    parts = [text[start : start + length] for start in range(0, len(text), length)]
    train = "".join(part[: len(part) * 95 // 100] for part in parts)
    held_out = "".join(part[len(part) * 95 // 100 :] for part in parts)
    model = _resumed(LanguageModel(seed=seed, **recipe), train, held_out)
    nats = model.evaluate(held_out).scores["nats per token"]
    return {"held-out nats per character": nats, "best epoch": model.history_.best}


def _resumed(model: LanguageModel, train: str, valid: str) -> LanguageModel:
    """Train, from where an earlier run was stopped."""
    text = repr((sorted(model.get_params(deep=False).items()), train, valid))
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"lexon-{name}.checkpoint"
    resumption = Resumption(path, resume=True, every=60.0)
    model.fit(train, valid=valid, checkpoint=resumption.attach(name, print))
    resumption.finish()
    return model


def _counted(data: Path) -> dict[str, float]:
    parts = [(data / "ptb" / f"ptb.{name}.txt").read_text() for name in ("train", "valid", "test")]
    stream = Stream(Tokenizer("spaces", lowercase=False))
    words = stream.vocabulary(parts[0], 1, None)
    train, *others = [stream.encode("\n" + part, words).astype(int) for part in parts]
    rival = KneserNey(train[1:], len(words))
    valid, test = (perplexity(float(rival.scores(ids).mean())) for ids in others)
    return {"test perplexity": test, "valid perplexity": valid}
