"""Operations that move, repeat or choose elements and compute nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from lexon.errors import GraphError, ShapeError
from lexon.graph.declare import op
from lexon.graph.tensor import Array

Back = Callable[[Array], Array]
Axis = int | tuple[int, ...] | None


def axes_of(operation: str, axis: Axis, shape: tuple[int, ...]) -> tuple[int, ...]:
    """``axis`` as ascending numbers from 0; None means all axes.

    Raises: ShapeError: an axis does not exist, or is named twice.
    """
    if axis is None:
        return tuple(range(len(shape)))
    listed = axis if isinstance(axis, tuple) else (axis,)
    found = sorted({a % len(shape) for a in listed if -len(shape) <= a < len(shape)})
    if len(found) < len(listed):
        raise ShapeError(
            f"{operation}: axis {axis} of an array with {len(shape)} dimensions, {shape}\n"
            f"  name each axis once, from {-len(shape)} to {len(shape) - 1}"
        )
    return tuple(found)


def _one_axis(operation: str, axis: int, shape: tuple[int, ...]) -> int:
    return axes_of(operation, (axis,), shape)[0]


@op("x: * -> y: *")
def reshape(x: Array, *, shape: int | Sequence[int]) -> tuple[Array, Back]:
    """y = the elements of x, in row order, in another ``shape``; one size may be -1: what is left.

    Raises: ShapeError: the number of elements differs.

    >>> from lexon.graph import Tensor
    >>> reshape(Tensor([1.0, 2.0, 3.0, 4.0]), shape=(2, -1)).value.tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    before = x.shape
    try:
        y = x.reshape(shape)
    except ValueError:
        raise ShapeError(
            f"reshape: {x.size} elements do not fill {shape}\n  x (*) = {before}"
        ) from None
    return y, lambda dy: dy.reshape(before)


@op("x: * -> y: *")
def transpose(x: Array, *, axes: Sequence[int] | None = None) -> tuple[Array, Back]:
    """y = x with its axes in another order: reversed, or axis i of y is axis ``axes[i]`` of x.

    Raises: ShapeError: ``axes`` does not name every axis once.
    """
    order = tuple(reversed(range(x.ndim))) if axes is None else tuple(axes)
    if len(axes_of("transpose", order, x.shape)) != x.ndim:
        raise ShapeError(
            f"transpose: axes {order} do not name every axis of x once\n  x (*) = {x.shape}"
        )
    back = np.argsort([a % x.ndim for a in order])
    return x.transpose(order), lambda dy: dy.transpose(back)


@op("x: * -> y: *")
def broadcast_to(x: Array, *, shape: Sequence[int]) -> tuple[Array, Back]:
    """y = x repeated along new axes and axes of size 1; dx sums over the repetitions.

    Raises: ShapeError: x cannot be repeated to that shape.
    """
    try:
        y = np.broadcast_to(x, tuple(shape))
    except ValueError:
        raise ShapeError(
            f"broadcast_to: x cannot be repeated to {tuple(shape)}\n  x (*) = {x.shape}"
        ) from None
    return y, lambda dy: dy  # the walk back sums what was repeated


@op("x: * -> y: *")
def expand_dims(x: Array, *, axis: int | tuple[int, ...]) -> tuple[Array, Back]:
    """y = x with a new axis of size 1 at place ``axis`` of y."""
    before = x.shape
    listed = axis if isinstance(axis, tuple) else (axis,)
    places = axes_of("expand_dims", listed, (*before, *(1 for _ in listed)))
    return np.expand_dims(x, places), lambda dy: dy.reshape(before)


@op("x: * -> y: *")
def squeeze(x: Array, *, axis: Axis = None) -> tuple[Array, Back]:
    """y = x without its axes of size 1, or without ``axis``.

    Raises: ShapeError: ``axis`` is not of size 1.
    """
    before = x.shape
    places = axes_of("squeeze", axis, before)
    if axis is None:
        places = tuple(place for place in places if before[place] == 1)
    for place in places:
        if before[place] != 1:
            raise ShapeError(
                f"squeeze: axis {place} has size {before[place]}, not 1\n  x (*) = {before}"
            )
    return np.squeeze(x, places), lambda dy: dy.reshape(before)


@op("x: * -> y: *")
def flip(x: Array, *, axis: Axis = None) -> tuple[Array, Back]:
    """y = x in reverse order along ``axis``."""
    places = axes_of("flip", axis, x.shape)
    return np.flip(x, places), lambda dy: np.flip(dy, places)


@op("x: * -> y: *")
def index(x: Array, *, index: Any) -> tuple[Array, Back]:
    """y = x[index], with slices, integers, masks and integer arrays.

    Equations: dx[index] += dy; an element that was taken twice gets both gradients.
    Raises: IndexError: an index is out of range.

    >>> from lexon.graph import Tensor
    >>> x = Tensor([1.0, 2.0, 3.0])
    >>> x[[0, 2, 2]].sum().backward()
    >>> x.grad.tolist()
    [1.0, 0.0, 2.0]
    """
    before = x.shape

    def pull(dy: Array) -> Array:
        dx = np.zeros(before, dy.dtype)
        if _is_basic(index):
            dx[index] = dy
        else:
            np.add.at(dx, index, dy)
        return dx

    return x[index], pull


def _is_basic(index: Any) -> bool:
    """Whether ``index`` takes no element twice: only integers, slices, ``...`` and new axes."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None or part is Ellipsis or isinstance(part, (int, np.integer, slice))
        for part in parts
    )


@op("*xs: * -> y: *")
def concatenate(*xs: Array, axis: int = 0) -> tuple[Array, Callable[[Array], tuple[Array, ...]]]:
    """y = the arrays laid end to end along ``axis``; each gets back its own part of dy.

    Raises: ShapeError: the shapes differ on another axis.
    """
    _refuse_none("concatenate", xs)
    place = _one_axis("concatenate", axis, xs[0].shape)
    others = {x.shape[:place] + x.shape[place + 1 :] for x in xs}
    if len(others) > 1 or len({x.ndim for x in xs}) > 1:
        raise ShapeError(_differ("concatenate", xs, f"differ on another axis than {axis}"))
    edges = np.cumsum([0, *(x.shape[place] for x in xs)]).tolist()

    def pull(dy: Array) -> tuple[Array, ...]:
        return tuple(dy[_along(place, *edge)] for edge in pairwise(edges))

    return np.concatenate(xs, place), pull


@op("*xs: * -> y: *")
def stack(*xs: Array, axis: int = 0) -> tuple[Array, Callable[[Array], tuple[Array, ...]]]:
    """y = arrays of one shape side by side along a new ``axis`` of y.

    Raises: ShapeError: the shapes differ.
    """
    _refuse_none("stack", xs)
    if len({x.shape for x in xs}) > 1:
        raise ShapeError(_differ("stack", xs, "differ"))
    place = _one_axis("stack", axis, (len(xs), *xs[0].shape))
    return np.stack(xs, place), lambda dy: tuple(np.moveaxis(dy, place, 0))


@stack.composed
def _stack(*xs: Any, axis: int = 0) -> Any:
    return concatenate(*(expand_dims(x, axis=axis) for x in xs), axis=axis)


@op("x: * -> *ys: *")
def split(
    x: Array, *, sizes: Sequence[int], axis: int = 0
) -> tuple[tuple[Array, ...], Callable[..., Array]]:
    """ys = x cut along ``axis`` into parts of the given ``sizes``; the reverse of concatenate.

    Raises: ShapeError: the sizes do not add up to the size of the axis.

    >>> from lexon.graph import Tensor
    >>> first, rest = split(Tensor([1.0, 2.0, 3.0]), sizes=(1, 2))
    >>> rest.value.tolist()
    [2.0, 3.0]
    """
    place = _one_axis("split", axis, x.shape)
    if sum(sizes) != x.shape[place] or min(sizes, default=0) < 0:
        raise ShapeError(
            f"split: sizes {tuple(sizes)} do not add up to {x.shape[place]}, the size of axis"
            f" {axis}\n  x (*) = {x.shape}"
        )
    edges = np.cumsum([0, *sizes]).tolist()
    parts = tuple(x[_along(place, *edge)] for edge in pairwise(edges))
    return parts, lambda *dys: np.concatenate(dys, place)


@split.composed
def _split(x: Any, *, sizes: Sequence[int], axis: int = 0) -> Any:
    edges = np.cumsum([0, *sizes]).tolist()
    place = axis % len(x.shape)
    return tuple(index(x, index=_along(place, *edge)) for edge in pairwise(edges))


def _along(place: int, start: int, stop: int) -> tuple[slice, ...]:
    """The index of rows ``start`` to ``stop`` of axis ``place``."""
    return (*(slice(None) for _ in range(place)), slice(start, stop))


def _refuse_none(operation: str, xs: tuple[Array, ...]) -> None:
    if not xs:
        raise GraphError(f"{operation}: it was given no arrays\n  give at least one")


def _differ(operation: str, xs: tuple[Array, ...], how: str) -> str:
    shapes = "\n".join(f"  xs[{place}] (*) = {x.shape}" for place, x in enumerate(xs))
    return f"{operation}: the shapes {how}\n{shapes}"
