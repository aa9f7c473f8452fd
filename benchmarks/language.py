"""Language models: a training step from the words to changed weights, softmax over all words."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import parts
from benchmarks.case import Case, Contender, Round, Settings, random_state
from benchmarks.recurrent import weights

Array = npt.NDArray[Any]

#: Hidden units of each of two layers, and steps; sequences, words, and the recipe of the step.
SIZES = [("LSTM", 200, 20), ("GRU", 200, 20), ("LSTM", 650, 35)]
BATCH, WORDS, RATE, CLIP, LAYERS = 20, 10_000, 1.0, 0.25, 2
#: Steps of a round.
STEPS = 10

#: Takes a step on the words (B, T + 1) and gives its loss.
Step = Callable[[Array], float]


def words(steps: int, number: int) -> list[Array]:
    """Batches of word numbers, few of which are frequent (B, T + 1)."""
    chance = 1 / np.arange(1, WORDS + 1)
    drawn = random_state(5).choice(WORDS, (number, BATCH, steps + 1), p=chance / chance.sum())
    return list(drawn)


def tables(hidden: int) -> tuple[Array, Array]:
    """Word vectors and the softmax's weights (V, H)."""
    rng = random_state(hidden)
    drawn = rng.uniform(-0.1, 0.1, (2, WORDS, hidden)).astype(np.float32)
    return drawn[0], drawn[1]


def lexon(settings: Settings, kind: str, hidden: int) -> Step:
    from lexon import nn, optim, parallel
    from lexon.interop import torch as interop

    parallel.threads(settings.threads)
    table, last = tables(hidden)
    embedding = nn.Embedding(WORDS, hidden, vectors=table)
    layer = getattr(nn, kind)(hidden, hidden, LAYERS)
    interop.load(layer, layers(kind, hidden))
    out = nn.FullSoftmax(hidden, WORDS)
    out.weight.assign(last)
    network = nn.Sequential(embedding, layer, out)
    optimizer = optim.SGD(network.parameters(), learning_rate=RATE)
    carried: list[Any] = [None]

    def step(batch: Array) -> float:
        lengths = np.full(BATCH, batch.shape[1] - 1)
        h, carried[0] = layer(embedding(batch[:, :-1].reshape(-1)), lengths, carried[0])
        loss = out.loss(h, batch[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optim.clip_norm(network.parameters(), CLIP)
        update(optimizer)
        return float(loss.item())

    return step


def update(optimizer: Any) -> None:
    """A step of lexon's optimiser."""
    optimizer.step()


def layers(kind: str, hidden: int) -> dict[str, Array]:
    """The weights of both layers, by PyTorch's names."""
    one = weights(kind, hidden, hidden, False)
    return one | {name.replace("l0", "l1"): array[::-1].copy() for name, array in one.items()}


def pytorch(settings: Settings, kind: str, hidden: int) -> Step:
    import torch

    torch.set_num_threads(settings.threads)
    table, last = tables(hidden)
    embedding = torch.nn.Embedding.from_pretrained(torch.from_numpy(table.copy()), freeze=False)
    layer = getattr(torch.nn, kind)(hidden, hidden, LAYERS, batch_first=True)
    given = {name: torch.from_numpy(array) for name, array in layers(kind, hidden).items()}
    layer.load_state_dict(given)
    if kind == "LSTM":  # its second bias would only double the first one's steps
        for name, parameter in layer.named_parameters():
            parameter.requires_grad_(not name.startswith("bias_hh"))
    out = torch.nn.Linear(hidden, WORDS)
    with torch.no_grad():
        out.weight.copy_(torch.from_numpy(last))
        out.bias.zero_()
    parameters = [*embedding.parameters(), *layer.parameters(), *out.parameters()]
    parameters = [parameter for parameter in parameters if parameter.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=RATE)
    carried: list[Any] = [None]

    def detached(state: Any) -> Any:
        return tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()

    def step(batch: Array) -> float:
        ids = torch.from_numpy(batch)
        h, state = layer(embedding(ids[:, :-1]), carried[0])
        carried[0] = detached(state)
        logits = out(h).reshape(-1, WORDS)
        loss = torch.nn.functional.cross_entropy(logits, ids[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()
        return float(loss.item())

    return step


def prepare(make: Callable[[Settings, str, int], Step], settings: Settings) -> Callable[[], Round]:
    """Rounds of steps of every size, each going on from where the last one ended.

    A round's first step is not timed: threads that slept while another worked wake up.
    """
    sizes = SIZES[:1] if settings.quick else SIZES
    number = 2 if settings.quick else STEPS
    work = [(name, make(settings, *name[:2]), words(name[2], number)) for name in sizes]
    opened = make(settings, *sizes[0][:2])  # of which it is told where its time goes

    def one_round() -> Round:
        seconds, losses = {}, {}
        for (kind, hidden, steps), step, batches in work:
            step(batches[0])
            began = time.perf_counter()
            for batch in batches:
                loss = step(batch)
            name = row(kind, hidden, steps)
            seconds[name] = (time.perf_counter() - began) / len(batches)
            losses[f"loss, {name}"] = loss
        notes = []
        if make is lexon:
            notes = [parts.note(row(*sizes[0]), partial(opened, work[0][2][0]), number)]
        return Round(seconds, losses, notes=notes)

    one_round()
    return one_round


def row(kind: str, hidden: int, steps: int) -> str:
    return f"{kind} 2 x {hidden}, {BATCH} x {steps} words"


def flops(settings: Settings) -> dict[str, float]:
    """Forward and twice as much backward: both layers, and the softmax's product."""
    gates = {"LSTM": 4, "GRU": 3}
    return {
        row(kind, hidden, steps): 3.0
        * (2 * BATCH * steps * hidden * (LAYERS * 2 * gates[kind] * hidden + WORDS))
        for kind, hidden, steps in (SIZES[:1] if settings.quick else SIZES)
    }


CASE = Case(
    title="Language models, a training step",
    explanation=(
        f"Two layers of so many units over {WORDS:,} words, full softmax, {BATCH} sequences of so"
        f" many words; the state is carried on. Forward, backward, clipping to {CLIP} and SGD, all"
        " timed; the mean of a round's steps. PyTorch's table has dense gradients, as in its"
        " example."
    ),
    contenders={
        "lexon": Contender(lambda settings: prepare(lexon, settings)),
        "PyTorch": Contender(lambda settings: prepare(pytorch, settings), "torch"),
    },
    flops=flops,
    unit="ms",
    losses={f"loss, {row(*size)}": 2e-3 for size in SIZES},
    repeats=7,
)
