"""Recurrent networks over sequences laid end to end: one layer, one direction.

The step functions (``rnn_step``, ``gru_step``, ``lstm_step``) are the equations in elementary
operations; the operations do the same for whole batches at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from lexon.errors import InputError
from lexon.graph.declare import op
from lexon.graph.node import Pull
from lexon.graph.tensor import Array, Tensor, TensorLike
from lexon.kernels.product import Panels, pack, product
from lexon.kernels.recurrent import Walk, walk
from lexon.kernels.recurrent_gru import gru_backward, gru_forward
from lexon.kernels.recurrent_lstm import lstm_backward, lstm_forward
from lexon.kernels.recurrent_rnn import rnn_backward, rnn_forward
from lexon.kernels.strip import gate_sums, pack_gates, pack_strips
from lexon.ops.elementwise import add, multiply, relu, sigmoid, subtract, tanh
from lexon.ops.product import matmul
from lexon.ops.sequences import checked_lengths
from lexon.ops.shape import concatenate, index, split, transpose

Nonlinearity = Literal["tanh", "relu"]


class Packed(NamedTuple):
    """Weights as the kernels read them; good until the weights change."""

    inputs: Panels  # of Wᵀ
    gates: Array  # strips of Uᵀ, gate by gate: the way forward
    states: Callable[[], Array]  # strips of U: the way back, made when that is gone


class Reached(NamedTuple):
    """A place to note the whole gradient that reached each row's h, on the way back."""

    note: Callable[[Array, Walk], None]


def packed(w: Array, u: Array) -> Packed:
    """Weights w (G H, D) and u (G H, H), packed."""
    return Packed(pack(w.T), pack_gates(u, len(u) // max(u.shape[1], 1)), lambda: pack_strips(u))
