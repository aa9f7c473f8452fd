"""Gradient descent as the textbook tells it: weight = slope * height + intercept.

    python docs/examples/gradient_descent.py [weight-height.csv] [--picture path.svg]

Three descents on the mean squared error: on the intercept alone (the slope held at its best), on
both, and a stochastic one that sees a few people a step. Heights and weights are centred and
scaled first, so that the loss is a round bowl and one learning rate suits both directions.
Without a file, 10,000 people are drawn at random with the means and spreads of the well-known
weight-height data (inches and pounds).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from lexon import ops, optim
from lexon.graph import Array, Parameter
from lexon.text import read_table

Step = tuple[float, float, float]  # slope, intercept, loss


def people(file: str | None) -> tuple[Array, Array]:
    """Heights and weights, centred and scaled to spread 1."""
    if file is not None:
        table = read_table(file)
        height, weight = (np.array(table.column(c), np.float64) for c in ("Height", "Weight"))
    else:
        random = np.random.default_rng(1)
        height = random.normal(66.4, 3.85, 10_000)
        weight = 7.72 * height - 350.7 + random.normal(0, 12.2, 10_000)
    return tuple((x - x.mean()) / x.std() for x in (height, weight))  # type: ignore[return-value]


def least_squares(x: Array, y: Array) -> tuple[float, float]:
    """The slope and intercept that no descent can beat."""
    slope = np.cov(x, y, bias=True)[0, 1] / x.var()
    return float(slope), float(y.mean() - slope * x.mean())


def descend(
    x: Array,
    y: Array,
    start: tuple[float, float],
    *,
    steps: int,
    rate: float,
    slope_too: bool = True,
    batch: int | None = None,
) -> Iterator[Step]:
    """Yield where each step of gradient descent stands.

    With ``batch`` each step sees so many people only, drawn anew, and the rate falls as 1 / step.
    """
    slope, intercept = (Parameter(np.array(value)) for value in start)
    optimizer = optim.GradientDescent(
        [slope, intercept] if slope_too else [intercept], learning_rate=rate
    )
    random = np.random.default_rng(1)
    for step in range(steps):
        seen = slice(None) if batch is None else random.integers(0, len(x), batch)
        loss = ops.squared_error(x[seen] * slope + intercept, targets=y[seen])
        yield slope.item(), intercept.item(), loss.item()
        optimizer.zero_grad()
        loss.backward()
        if batch is not None:
            optimizer.learning_rate = rate / (1 + rate * step)
        optimizer.step()
    yield (
        slope.item(),
        intercept.item(),
        float(np.mean((x * slope.item() + intercept.item() - y) ** 2)),
    )


def draw(x: Array, y: Array, paths: dict[str, list[Step]], file: str) -> None:
    """The paths on the loss surface, as contours."""
    slopes, intercepts = np.linspace(-1.2, 2.2, 80), np.linspace(-1.7, 1.7, 80)
    loss = [[np.mean((a * x + b - y) ** 2) for a in slopes] for b in intercepts]
    figure = Figure(figsize=(7, 6))
    axes = figure.subplots()
    axes.contour(slopes, intercepts, loss, levels=20, alpha=0.6)
    for name, path in paths.items():
        axes.plot([p[0] for p in path], [p[1] for p in path], marker=".", label=name)
    axes.set(xlabel="slope", ylabel="intercept", title="Gradient descent on the squared error")
    axes.legend()
    figure.savefig(file)


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit weight on height by gradient descent.")
    parser.add_argument("file", nargs="?", help="weight-height.csv")
    parser.add_argument("--picture", help="draw the paths to this .svg or .png")
    options = parser.parse_args()
    x, y = people(options.file)
    best = least_squares(x, y)
    print(f"least squares: slope {best[0]:.8f}, intercept {best[1]:+.1e}")
    start = (-1.0, 1.5)
    paths = {
        "intercept alone": list(descend(x, y, (best[0], 1.5), steps=40, rate=0.2, slope_too=False)),
        "both": list(descend(x, y, start, steps=60, rate=0.2)),
        "stochastic, 20 a step": list(descend(x, y, start, steps=2000, rate=0.3, batch=20)),
    }
    for name, path in paths.items():
        print(f"\n{name}\n  step      slope   intercept       loss")
        shown = [i for i in range(len(path)) if i < 10 or i % max(len(path) // 10, 1) == 0]
        for i in sorted({*shown, len(path) - 1}):
            slope, intercept, loss = path[i]
            print(f"  {i:4d} {slope:10.6f}  {intercept:10.6f} {loss:10.6f}")
        distance = np.hypot(path[-1][0] - best[0], path[-1][1] - best[1]) / np.hypot(*best)
        print(f"  from the least-squares solution: {distance:.1e} (relative)")
    if options.picture:
        draw(x, y, paths, options.picture)


if __name__ == "__main__":
    main()
