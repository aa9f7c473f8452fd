"""Layers without activations collapse into one linear layer; activations undo that.

    python docs/examples/why_activations.py

Two linear layers after each other are one: W2 (W1 x + b1) + b2 = (W2 W1) x + (W2 b1 + b2). So a
deep network without activations cannot learn what one layer cannot, such as exclusive or. One tanh
between the same layers, and it can.
"""

from __future__ import annotations

import numpy as np

from lexon import nn, ops, optim
from lexon.graph import Array

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
XOR = np.array([0, 1, 1, 0])


def network(*between: nn.Module) -> nn.Sequential:
    """Linear(2, 8), then ``between``, then Linear(8, 2)."""
    return nn.Sequential(nn.Linear(2, 8, rng=1), *between, nn.Linear(8, 2, rng=2))


def collapsed(first: nn.Linear, second: nn.Linear) -> tuple[Array, Array]:
    """Weight and bias of the one layer that does what the two do."""
    assert first.bias is not None and second.bias is not None
    weight = np.einsum("hd,dk->hk", second.weight.value, first.weight.value)
    bias = np.einsum("hd,d->h", second.weight.value, first.bias.value) + second.bias.value
    return weight, bias


def learn_xor(model: nn.Sequential, steps: int = 500) -> float:
    """Train on exclusive or; return the share of the four rows that are right."""
    optimizer = optim.Adam(model.parameters(), learning_rate=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        ops.cross_entropy(model(X), targets=XOR).backward()
        optimizer.step()
    return float(np.mean(model(X).value.argmax(axis=1) == XOR))


def main() -> None:
    deep = network()
    linear_score = learn_xor(deep)
    first, second = deep[0], deep[1]
    assert isinstance(first, nn.Linear) and isinstance(second, nn.Linear)
    weight, bias = collapsed(first, second)
    gap = np.abs(deep(X).value - (np.einsum("nd,hd->nh", X, weight) + bias)).max()
    print(f"two linear layers and the one they collapse into differ by {gap:.1e}")
    print(f"exclusive or, two layers without activation: {linear_score:.2f} right")
    print(f"exclusive or, with tanh between them:        {learn_xor(network(nn.Tanh())):.2f} right")


if __name__ == "__main__":
    main()
