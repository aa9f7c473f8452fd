"""Recurrent layers: training steps and forward passes, equal lengths, sentences, one sentence."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import parts
from benchmarks.case import Case, Contender, Round, Settings, random_state
from benchmarks.textcnn import read

Array = npt.NDArray[Any]

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
#: Sequences, length, inputs, hidden units.
SHAPES = [(20, 35, 200, 200), (20, 35, 650, 650), (32, 50, 100, 128), (32, 50, 300, 256),
          (64, 30, 128, 64)]  # fmt: skip
#: Sentences: inputs, hidden units of each direction, sentences of a batch, batches.
INPUTS, HIDDEN, BATCH, BATCHES = 100, 128, 50, 20
TRAIN, FORWARD = "training step", "forward"
#: Seconds before a task is timed, and operations of it that are timed in a round.
WARMING, OPERATIONS = 0.05, 8e9
#: Of which training steps the page tells where their time goes.
OPENED = ("LSTM 20 x 35 x 200", "LSTM 32 x 50 x 300", "LSTM, ")

#: Makes the outputs of one batch; trains the layer on it where asked.
Work = Callable[[bool], Any]
#: Takes the kind, inputs, hidden units, directions and lengths of each batch; gives their works.
Make = Callable[[str, int, int, bool, list[Array]], list[Work]]


def weights(kind: str, inputs: int, hidden: int, both: bool) -> dict[str, Array]:
    """By PyTorch's names."""
    rng, wide = random_state(inputs + hidden), GATES[kind] * hidden

    def some(*shape: int) -> Array:
        return rng.uniform(-(hidden**-0.5), hidden**-0.5, shape).astype(np.float32)

    found = {}
    for layer in ["l0", "l0_reverse"][: 1 + both]:
        found[f"weight_ih_{layer}"] = some(wide, inputs)
        found[f"weight_hh_{layer}"] = some(wide, hidden)
        found[f"bias_ih_{layer}"] = some(wide)
        found[f"bias_hh_{layer}"] = np.zeros(wide, np.float32)
    return found


def rows(lengths: Array, width: int) -> Array:
    """Inputs, row by row."""
    return random_state(7).normal(size=(int(lengths.sum()), width)).astype(np.float32)


def lexon(kind: str, inputs: int, hidden: int, both: bool, batches: list[Array]) -> list[Work]:
    """Gradients of weights and inputs; all that is made of the weights is made anew each step."""
    from lexon import Tensor, nn, no_grad
    from lexon.interop import torch as interop

    layer = getattr(nn, kind)(inputs, hidden, bidirectional=both)
    interop.load(layer, weights(kind, inputs, hidden, both))
    parameters = list(layer.parameters())

    def work(x: Tensor, lengths: Array, train: bool) -> Array:
        if not train:
            with no_grad():
                return layer(x, lengths)[0].value
        for tensor in (x, *parameters):
            tensor.grad = None
        for parameter in parameters:
            with parameter.writing():  # as an optimiser would
                pass
        outputs, _ = layer(x, lengths)
        outputs.backward(np.ones_like(outputs.value))
        return outputs.value

    return [partial(work, Tensor(rows(n, inputs)), n) for n in batches]


def pytorch(
    kind: str, inputs: int, hidden: int, both: bool, batches: list[Array], padded: bool = True
) -> list[Work]:
    """On padded or on packed sequences; padded ones of equal lengths are plain tensors."""
    import torch
    from torch.nn.utils.rnn import pack_sequence, pad_sequence

    layer = getattr(torch.nn, kind)(inputs, hidden, bidirectional=both, batch_first=True)
    given = weights(kind, inputs, hidden, both)
    layer.load_state_dict({name: torch.from_numpy(weight) for name, weight in given.items()})

    def prepare(x: Any, lengths: Array) -> Any:
        parts = x.split(lengths.tolist())
        if padded:
            return pad_sequence(parts, batch_first=True)
        return pack_sequence(parts, enforce_sorted=False)

    def run(x: Any, lengths: Array) -> Any:
        outputs, _ = layer(prepare(x, lengths) if len(set(lengths.tolist())) > 1 else x)
        return outputs if isinstance(outputs, torch.Tensor) else outputs.data

    def work(x: Any, lengths: Array, train: bool) -> Array:
        if not train:
            with torch.inference_mode():
                return run(x, lengths).numpy()
        x.grad = None
        layer.zero_grad()
        outputs = run(x, lengths)
        outputs.backward(torch.ones_like(outputs))
        return outputs.detach().numpy()

    works = []
    for lengths in batches:
        x = torch.from_numpy(rows(lengths, inputs))
        if len(set(lengths.tolist())) == 1:
            x = x.reshape(len(lengths), -1, inputs)
        works.append(partial(work, x.requires_grad_(), lengths))
    return works


def contest(
    settings: Settings, tasks: dict[str, tuple[list[Work], int]], losses: bool, opened: list[str]
) -> Callable[[], Round]:
    """Rounds of all tasks, trained and forward, each so many times on its batches.

    Of the training steps ``opened`` it is told where their time goes.

    A first moment is not timed: by then what the other tasks left in the caches is gone, and
    threads that slept while another contender worked are awake.
    """

    def one_round() -> Round:
        seconds, found = {}, {}
        for name, (works, times) in tasks.items():
            for what in (TRAIN, FORWARD):
                awake = time.perf_counter() + (0 if settings.quick else WARMING)
                works[0](what == TRAIN)
                while time.perf_counter() < awake:
                    works[0](what == TRAIN)
                began = time.perf_counter()
                for _ in range(1 if settings.quick else times):
                    for work in works:
                        outputs = work(what == TRAIN)
                number = len(works) * (1 if settings.quick else times)
                seconds[f"{name}, {what}"] = (time.perf_counter() - began) / number
            if losses:
                found[f"mean of |outputs|, {name}"] = float(np.abs(outputs).mean())
        times = 1 if settings.quick else parts.TIMES
        notes = [
            parts.note(f"{name}, {TRAIN}", partial(tasks[name][0][0], True), times)
            for name in opened
        ]
        return Round(seconds, found, notes=notes)

    one_round()
    return one_round


def operations(kind: str, lengths: Array, inputs: int, hidden: int, both: bool) -> float:
    return 2.0 * lengths.sum() * GATES[kind] * hidden * (inputs + hidden) * (1 + both)


def equal_tasks(settings: Settings) -> dict[str, tuple[str, int, int, bool, list[Array]]]:
    shapes = SHAPES[-1:] if settings.quick else SHAPES
    return {
        f"{kind} {' x '.join(map(str, shape))}": (
            kind, *shape[2:], False, [np.full(shape[0], shape[1])]
        )
        for kind in GATES
        for shape in shapes
    }  # fmt: skip


def sentence_tasks(settings: Settings) -> dict[str, tuple[str, int, int, bool, list[Array]]]:
    """Sentences of MR in an order drawn once, and the first of them alone."""
    lengths = np.array([len(ids) for ids in read(Settings()).ids])
    lengths = lengths[random_state(3).permutation(len(lengths))]
    number = 2 if settings.quick else BATCHES
    batches = [lengths[i * BATCH : (i + 1) * BATCH] for i in range(number)]
    tasks = {f"{kind}, batches of {BATCH}": (kind, INPUTS, HIDDEN, True, batches) for kind in GATES}
    alone = {f"{kind}, one sentence": (kind, INPUTS, HIDDEN, True, [np.array([20])])
             for kind in GATES}  # fmt: skip
    return tasks | alone


#: One LSTM layer, one measure changed at a time: length, sequences, hidden units.
COST = [
    *((20, length, 128) for length in (10, 100, 1000)),
    *((batch, 35, 128) for batch in (1, 16, 256)),
    *((20, 35, hidden) for hidden in (32, 256, 1024)),
]


def cost_tasks(settings: Settings) -> dict[str, tuple[str, int, int, bool, list[Array]]]:
    shapes = COST[:1] if settings.quick else COST
    return {
        f"{batch} sequences of {length}, {hidden} units": (
            "LSTM", 128, hidden, False, [np.full(batch, length)]
        )
        for batch, length, hidden in shapes
    }  # fmt: skip


def kept_bytes(hidden: int = 128, rows: int = 2000) -> float:
    """Bytes of memory that a step keeps for the way back, for each row."""
    from lexon import Tensor, nn

    layer = nn.LSTM(128, hidden)
    x = Tensor(np.zeros((rows, 128), np.float32))
    layer(x, [rows // 20] * 20)
    tracemalloc.start()
    outputs, _ = layer(x, [rows // 20] * 20)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del outputs
    return kept / rows


def prepare_cost(settings: Settings) -> Callable[[], Round]:
    """As the other cases, with the memory of a row on the page."""
    one_round = prepare(cost_tasks, lexon, "lexon", True, settings)
    note = f"{kept_bytes():,.0f} bytes are kept for the way back of a row (128 inputs, 128 units)"

    def noted() -> Round:
        done = one_round()
        return replace(done, notes=[*done.notes, note])

    return noted


def prepare(tasks: Any, make: Any, library: str, losses: bool, settings: Settings) -> Any:
    """All works of a contender, on as many threads as told."""
    if library == "torch":
        import torch

        torch.set_num_threads(settings.threads)
    else:
        from lexon import parallel

        parallel.threads(settings.threads)
    works = {}
    for name, task in tasks(settings).items():
        cost = sum(operations(*task[:1], n, *task[1:4]) for n in task[4])
        works[name] = make(*task), max(1, int(OPERATIONS / cost))
    opened = [name for name in works if name.startswith(OPENED)] if library == "lexon" else []
    return contest(settings, works, losses, opened)


def flops(tasks: Any, settings: Settings) -> dict[str, float]:
    """Forward once; trained three times as much."""
    found = {}
    for name, (kind, inputs, hidden, both, batches) in tasks(settings).items():
        each = [operations(kind, lengths, inputs, hidden, both) for lengths in batches]
        found[f"{name}, {TRAIN}"] = 3 * sum(each) / len(each)
        found[f"{name}, {FORWARD}"] = sum(each) / len(each)
    return found


EQUAL = Case(
    title="Recurrent layers, sequences of equal lengths",
    explanation=(
        "Sequences x length x inputs x hidden units, one layer, one direction, float32. A training"
        " step is forward and backward to weights and inputs; all that lexon makes of the weights"
        " is made anew in each."
    ),
    contenders={
        "lexon": Contender(partial(prepare, equal_tasks, lexon, "lexon", True)),
        "PyTorch": Contender(partial(prepare, equal_tasks, pytorch, "torch", True), "torch"),
    },
    flops=partial(flops, equal_tasks),
    unit="ms",
    losses={f"mean of |outputs|, {name}": 1e-4 for name in equal_tasks(Settings())},
    repeats=7,
)

SENTENCES = Case(
    title="Recurrent layers, sentences of their own lengths",
    explanation=(
        f"Sentences of MR in a drawn order, {INPUTS} inputs, {HIDDEN} hidden units in each of two"
        f" directions; mean of {BATCHES} batches of {BATCH}, and one sentence of 20 words. Padding,"
        " packing and sorting are timed where they are needed. On padded sentences PyTorch's"
        " backward direction begins in the padding: its outputs are others."
    ),
    contenders={
        "lexon": Contender(partial(prepare, sentence_tasks, lexon, "lexon", False)),
        "PyTorch, packed": Contender(
            partial(prepare, sentence_tasks, partial(pytorch, padded=False), "torch", False),
            "torch",
        ),
        "PyTorch, padded": Contender(
            partial(prepare, sentence_tasks, pytorch, "torch", False), "torch"
        ),
    },
    flops=partial(flops, sentence_tasks),
    unit="ms",
    repeats=7,
)


def _cost(threads: int | None) -> Case:
    return Case(
        title="Recurrent layers, cost by length, batch and width"
        + (", one thread" if threads == 1 else ""),
        explanation=(
            "One LSTM layer of 128 inputs in one direction, float32: what a step costs as"
            " sequences grow longer, more, or wider."
        ),
        contenders={
            "lexon": Contender(prepare_cost),
            "PyTorch": Contender(partial(prepare, cost_tasks, pytorch, "torch", True), "torch"),
        },
        flops=partial(flops, cost_tasks),
        unit="ms",
        losses={f"mean of |outputs|, {name}": 1e-4 for name in cost_tasks(Settings())},
        repeats=5,
        threads=threads,
    )


COSTS = {"recurrent_cost": _cost(None), "recurrent_cost_one_thread": _cost(1)}
