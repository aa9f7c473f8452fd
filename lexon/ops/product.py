"""Matrix products."""

from __future__ import annotations

import numpy as np

from lexon.errors import ShapeError
from lexon.graph.declare import op
from lexon.graph.node import Pull
from lexon.graph.tensor import Array, Tensor
from lexon.kernels.product import Panels, product
from lexon.ops.elementwise import add
from lexon.ops.shape import transpose


@op("x: N D, w: H D, b: H -> y: N H")
def linear(x: Array, w: Array, b: Array, *, panels: Panels | None = None) -> tuple[Array, Pull]:
    """y = x wᵀ + b: one neuron per row of w, applied to every row of x.

    Equations: y[n, h] = sum_d x[n, d] w[h, d] + b[h].
    Shapes: x (N, D), w (H, D), b (H) -> y (N, H).
    ``panels`` is w packed for the kernel, where it is at hand (it must be of the same w).
    """
    y = product(x, panels or w.T, b)

    def pull(dy: Array) -> tuple[object, ...]:
        return (
            lambda: product(dy, w),
            lambda: product(dy.T, x),
            lambda: dy.sum(axis=0),
        )

    return y, pull


@linear.composed
def _linear(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return add(matmul(x, transpose(w)), b)


@op("a: *, b: * -> y: *")
def matmul(a: Array, b: Array) -> tuple[Array, Pull]:
    """y = a b: matrix by matrix, matrix by vector, vector by vector, or stacks of matrices.

    Equations: y[n, h] = sum_d a[n, d] b[d, h].
    Shapes: a (..., N, D), b (..., D, H) -> y (..., N, H); a vector is a row on the left and a
    column on the right, and that dimension is dropped from the result, as in NumPy.

    Raises:
        ShapeError: the inner dimensions differ, or an argument is a single number.
    """
    _check_inner(a, b)
    rows = a if a.ndim > 1 else a[None, :]
    columns = b if b.ndim > 1 else b[:, None]
    y = _multiply(rows, columns)
    squeezed = tuple(axis for axis, x in ((-2, a), (-1, b)) if x.ndim == 1)

    def pull(dy: Array) -> tuple[object, ...]:
        for axis in sorted(squeezed, reverse=True):
            dy = np.expand_dims(dy, axis if len(squeezed) == 1 else -1)
        swap = np.swapaxes
        return (
            lambda: _like(_multiply(dy, swap(columns, -1, -2)), a, row=True),
            lambda: _like(_multiply(swap(rows, -1, -2), dy), b, row=False),
        )

    return y.squeeze(squeezed), pull


def _like(dx: Array, x: Array, row: bool) -> Array:
    """Drop the dimension that a vector was given, once stacks are summed."""
    if x.ndim > 1:
        return dx
    return dx.sum(axis=tuple(range(dx.ndim - 2)))[0 if row else slice(None), ...].reshape(x.shape)


def _multiply(a: Array, b: Array) -> Array:
    if a.ndim == 2 and b.ndim == 2:
        return product(a, b)
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    left = np.broadcast_to(a, stack + a.shape[-2:]).reshape(-1, *a.shape[-2:])
    right = np.broadcast_to(b, stack + b.shape[-2:]).reshape(-1, *b.shape[-2:])
    y = np.empty((len(left), a.shape[-2], b.shape[-1]), a.dtype)
    for place, (one, other) in enumerate(zip(left, right, strict=True)):
        y[place] = product(one, other)
    return y.reshape(*stack, *y.shape[1:])


def _check_inner(a: Array, b: Array) -> None:
    if a.ndim == 0 or b.ndim == 0:
        raise ShapeError("matmul: a single number is no matrix\n  multiply by it with *")
    inner = b.shape[0] if b.ndim == 1 else b.shape[-2]
    if a.shape[-1] != inner:
        raise ShapeError(
            f"matmul: D is {a.shape[-1]} in one argument and {inner} in another\n"
            f"  a (..., N, D) = {a.shape}\n  b (..., D, H) = {b.shape}"
        )
