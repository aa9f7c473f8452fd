"""Convolution over n-grams of sequences laid end to end."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from lexon.errors import InputError
from lexon.graph.declare import op
from lexon.graph.node import Downstream, Pull
from lexon.graph.tensor import Array, Tensor
from lexon.kernels import ngram as kernels
from lexon.kernels.product import Panels
from lexon.ops.elementwise import relu as relu_op
from lexon.ops.elementwise import tanh as tanh_op
from lexon.ops.lookup import lookup
from lexon.ops.product import linear
from lexon.ops.sequences import checked_lengths, mean_over_time
from lexon.ops.sequences import max_over_time as pool_max
from lexon.ops.shape import concatenate, reshape

Edges = Literal["wide", "valid"]
Activation = Literal["identity", "relu", "tanh"]

#: Each with its derivative, written in terms of its value.
_ACTIVATIONS: dict[str, tuple[Any, Any]] = {
    "identity": (lambda z: z, lambda y: np.ones_like(y)),
    "relu": (lambda z: np.maximum(z, 0), lambda y: (y > 0).astype(y.dtype)),
    "tanh": (np.tanh, lambda y: 1 - y * y),
}


def ngram_counts(lengths: Array, window: int, edges: Edges) -> Array:
    """How many n-grams each sequence has, for a window of ``window`` rows.

    Equations: "wide" L + K - 1, "valid" max(L - K + 1, 1); 0 for an empty sequence.
    """
    return kernels.counts(np.asarray(lengths, np.int64), window, _wide(edges))


@op("x: S D, w: F K D, b: F | lengths: B -> z: T F")
def ngram(
    x: Array,
    w: Array,
    b: Array,
    *,
    lengths: Array,
    edges: Edges = "wide",
    panels: Panels | None = None,
) -> tuple[Array, Pull]:
    """z[t, f] = sum_k w[f, k] . x[t + k] + b[f]: every filter on every n-gram, a map to look at.

    Shapes: x (S, D), w (F, K, D), b (F), lengths (B) -> z (T, F), T = sum of ``ngram_counts``.
    With edges "wide" a window may reach over the ends of a sequence as if zeros stood there; with
    "valid" it may not, and a sequence shorter than K is one window filled up with zeros.
    """
    lengths = checked_lengths("ngram", lengths, len(x))
    x, wide, window = np.ascontiguousarray(x), _wide(edges), w.shape[1]
    z = kernels.feature_map(
        x, panels or kernels.pack_filters(w), np.ascontiguousarray(b), lengths, window, wide
    )

    def pull(dz: Array) -> tuple[Downstream, ...]:
        dz = np.ascontiguousarray(dz)
        return (
            lambda: kernels.map_rows_gradient(np.ascontiguousarray(w), dz, lengths, len(x), wide),
            lambda: kernels.map_filters_gradient(x, dz, lengths, window, wide),
            lambda: dz.sum(axis=0),
        )

    return z, pull


@ngram.composed
def _ngram(x: Tensor, w: Tensor, b: Tensor, *, lengths: Array, edges: Edges = "wide") -> Tensor:
    """Each n-gram looked up row by row and laid side by side, then one linear layer."""
    filters, window, depth = w.shape
    ids = _window_rows(np.asarray(lengths, np.int64), window, _wide(edges))
    zeros = np.zeros((1, depth), x.dtype)
    table = concatenate(x, zeros, axis=0)
    grams = reshape(lookup(table, ids=ids.ravel()), shape=(len(ids), window * depth))
    return linear(grams, reshape(w, shape=(filters, window * depth)), b)


def _window_rows(lengths: Array, window: int, wide: bool) -> Array:
    """Row numbers (T, K) of every n-gram; the number of rows itself where it leaves the text."""
    number = kernels.counts(lengths, window, wide)
    text = np.repeat(np.arange(len(lengths)), number)
    first = np.arange(number.sum()) - np.repeat(kernels.starts_of(number), number)
    inside = first[:, None] - (window - 1 if wide else 0) + np.arange(window)
    rows = kernels.starts_of(lengths)[text][:, None] + inside
    return np.where((inside >= 0) & (inside < lengths[text][:, None]), rows, lengths.sum())


@op("x: S D, w: F K D, b: F | lengths: B -> y: B F")
def ngram_max(
    x: Array,
    w: Array,
    b: Array,
    *,
    lengths: Array,
    edges: Edges = "wide",
    activation: Activation = "identity",
    panels: Panels | None = None,
) -> tuple[Array, Pull]:
    """y[b, f] = max over the n-grams t of sequence b of activation(z[t, f]), z as in ``ngram``.

    An activation that never falls may follow the maximum: max f(z) = f(max z). Only the n-gram
    that won is met on the way back. The maximum over no n-grams is 0.

    Shapes: x (S, D), w (F, K, D), b (F), lengths (B) -> y (B, F).
    Source: Kim 2014, equations 2-4.
    """
    lengths = checked_lengths("ngram_max", lengths, len(x))
    x, wide, window = np.ascontiguousarray(x), _wide(edges), w.shape[1]
    act, slope = _activation(activation)
    top, where = kernels.max_over_time(
        x, panels or kernels.pack_filters(w), np.ascontiguousarray(b), lengths, window, wide
    )
    y = np.where(where >= 0, act(top), 0).astype(x.dtype, copy=False)

    def pull(dy: Array) -> tuple[Downstream, ...]:
        dz = np.where(where >= 0, dy * slope(y), 0).astype(x.dtype, copy=False)
        return (
            lambda: kernels.max_rows_gradient(
                np.ascontiguousarray(w), dz, where, lengths, len(x), wide
            ),
            lambda: kernels.max_filters_gradient(x, dz, where, lengths, window, wide),
            lambda: dz.sum(axis=0),
        )

    return y, pull


@ngram_max.composed
def _ngram_max(
    x: Tensor,
    w: Tensor,
    b: Tensor,
    *,
    lengths: Array,
    edges: Edges = "wide",
    activation: Activation = "identity",
) -> Tensor:
    z = _apply(_ngram(x, w, b, lengths=lengths, edges=edges), activation)
    return pool_max(z, lengths=ngram_counts(lengths, w.shape[1], edges))


@op("x: S D, w: F K D, b: F | lengths: B -> y: B F")
def ngram_mean(
    x: Array,
    w: Array,
    b: Array,
    *,
    lengths: Array,
    edges: Edges = "wide",
    activation: Activation = "identity",
    panels: Panels | None = None,
) -> tuple[Array, Pull]:
    """y[b, f] = mean over the n-grams t of sequence b of activation(z[t, f]), z as in ``ngram``.

    Shapes: x (S, D), w (F, K, D), b (F), lengths (B) -> y (B, F). The mean over none is 0.
    """
    lengths = checked_lengths("ngram_mean", lengths, len(x))
    act, slope = _activation(activation)
    z, back = ngram.forward(x, w, b, lengths=lengths, edges=edges, panels=panels)
    a = act(z)
    y, spread = mean_over_time.forward(a, lengths=ngram_counts(lengths, w.shape[1], edges))

    def pull(dy: Array) -> object:
        return back(spread(dy) * slope(a))

    return y, pull


@ngram_mean.composed
def _ngram_mean(
    x: Tensor,
    w: Tensor,
    b: Tensor,
    *,
    lengths: Array,
    edges: Edges = "wide",
    activation: Activation = "identity",
) -> Tensor:
    z = _apply(_ngram(x, w, b, lengths=lengths, edges=edges), activation)
    return mean_over_time(z, lengths=ngram_counts(lengths, w.shape[1], edges))


def activate(z: Array, name: Activation) -> Array:
    """The activation called ``name`` of an array."""
    y: Array = _activation(name)[0](z)
    return y


def _apply(z: Tensor, activation: Activation) -> Tensor:
    functions: dict[str, Any] = {"identity": lambda z: z, "relu": relu_op, "tanh": tanh_op}
    return functions[activation](z)


def _activation(name: Activation) -> tuple[Any, Any]:
    if name not in _ACTIVATIONS:
        raise InputError(f"activation {name!r} is none of {', '.join(_ACTIVATIONS)}")
    return _ACTIVATIONS[name]


def _wide(edges: Edges) -> bool:
    if edges not in ("wide", "valid"):
        raise InputError(f'edges {edges!r} is neither "wide" nor "valid"')
    return edges == "wide"
