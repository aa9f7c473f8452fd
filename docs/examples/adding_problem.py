"""How far back can a recurrent network learn? The adding problem, and the gradient that shows why.

    python docs/examples/adding_problem.py

Each sequence holds random numbers, two of them marked: the first somewhere in its first half, the
second in the other. The answer is their sum. Always answering 1 gives a mean squared error of 1/6.
What comes back from the answer to the first mark is the gradient's norm at that step: in the plain
network it falls by a factor at every step, in the gated ones there is a way that it survives.
Source: Hochreiter & Schmidhuber 1997, section 5.4, with real numbers from 0 to 1.
"""

from __future__ import annotations

import sys

import numpy as np

from lexon import nn, no_grad, ops, optim
from lexon.graph import Array, Tensor

HIDDEN, BATCH, RATE, CLIP = 64, 50, 2e-3, 1.0
KINDS = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}


def sequences(rng: np.random.Generator, number: int, length: int) -> tuple[Array, Array]:
    """Rows (B T, 2) of value and mark, and the sums (B, 1)."""
    values = rng.random((number, length), np.float32)
    marks = np.zeros((number, length), np.float32)
    half = length // 2
    first, second = rng.integers(0, half, number), rng.integers(half, length, number)
    every = np.arange(number)
    marks[every, first] = marks[every, second] = 1
    sums = (values * marks).sum(axis=1, keepdims=True)
    return np.stack([values, marks], axis=2).reshape(-1, 2), sums


class Adder(nn.Module):
    """The last state of one recurrent layer, and a neuron that reads it."""

    def __init__(self, kind: str, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.layer = KINDS[kind](2, HIDDEN, rng=rng)
        self.out = nn.Linear(HIDDEN, 1, rng=rng)

    def forward(self, x: Array, lengths: Array) -> Tensor:
        _, state = self.layer(x, lengths, detach=False)
        h = state[0] if isinstance(state, tuple) else state
        return self.out(ops.squeeze(h, axis=1))


def learn(
    kind: str, length: int, steps: int, seed: int, solved: float = 0.0
) -> tuple[float, int, Adder]:
    """Train on new sequences at every step; the error on others, the steps taken, the network.

    It ends where the mean error of a hundred steps is below ``solved``.
    """
    rng, network = np.random.default_rng(seed), Adder(kind, seed)
    optimizer = optim.Adam(network.parameters(), learning_rate=RATE)
    lengths, recent = np.full(BATCH, length), np.full(100, np.inf)
    for step in range(1, steps + 1):
        x, sums = sequences(rng, BATCH, length)
        loss = ops.squared_error(network(x, lengths), targets=sums)
        optimizer.zero_grad()
        loss.backward()
        optim.clip_norm(network.parameters(), CLIP)
        optimizer.step()
        recent[step % 100] = loss.item()
        if recent.mean() < solved:
            break
    x, sums = sequences(np.random.default_rng(10**6 + seed), 1000, length)
    with no_grad():
        error = ops.squared_error(network(x, np.full(1000, length)), targets=sums).item()
    return error, step, network


def reach(network: Adder, length: int) -> Array:
    """The norm of the gradient that reaches each time step from the answer (T)."""
    network.layer.record_gradients = True
    x, sums = sequences(np.random.default_rng(7), BATCH, length)
    ops.squared_error(network(x, np.full(BATCH, length)), targets=sums).backward()
    network.layer.record_gradients = False
    return network.layer.gradient_norms["0"]


def main(length: int = 50, steps: int = 1500) -> None:
    """Learn with each layer, and print how the gradient falls on its way back."""
    print(f"adding problem, length {length}, {steps} steps; always 1 gives an error of 0.167")
    back = [0, length // 4, length // 2, 3 * length // 4, length - 1]
    for kind in KINDS:
        before = reach(Adder(kind, 1), length)
        error, _, network = learn(kind, length, steps, 1)
        after = reach(network, length)
        print(f"{kind}: mean squared error {error:.4f}")
        print("  steps back           " + "".join(f"{step:>10}" for step in back))
        for when, norms in (("before learning", before), ("after learning", after)):
            shown = "".join(f"{norms[length - 1 - step]:10.1e}" for step in back)
            print(f"  gradient, {when:15s}{shown}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
