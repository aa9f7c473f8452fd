"""A value and where it came from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from lexon.errors import GraphError

if TYPE_CHECKING:
    from lexon.graph.node import Node
    from lexon.graph.rows import RowGradient

Array: TypeAlias = npt.NDArray[Any]
Gradient: TypeAlias = "Array | RowGradient"
TensorLike: TypeAlias = "Tensor | npt.ArrayLike"
Keep: TypeAlias = Literal["arrays", "norms"] | None

#: Every declared operation by name; :mod:`lexon.ops` fills it.
OPERATIONS: dict[str, Callable[..., Any]] = {}


def apply(name: str, *inputs: TensorLike, **options: Any) -> Tensor:
    """Apply the operation called ``name``."""
    try:
        operation = OPERATIONS[name]
    except KeyError:
        raise GraphError(
            f"no operation is called {name!r}\n  the operations are in lexon.ops: import lexon.ops"
        ) from None
    result: Tensor = operation(*inputs, **options)
    return result


def supported(value: Array) -> Array:
    """``value``, its floats brought to float32 if they are neither that nor float64."""
    if value.dtype.kind == "f" and value.dtype.char not in "fd":
        return value.astype(np.float32)
    return value


class Tensor:
    """An array in the computational graph.

    Source nodes of the graph are tensors without ``node``: inputs and parameters. All others
    were computed, and ``node`` tells by which operation, from what.

    A tensor that you make asks for its gradient; an array or number that you hand to an
    operation is data and does not. Numbers and lists become float32, float arrays keep their type.

    >>> import lexon
    >>> w = lexon.Tensor([1.0, 2.0], name="w")
    >>> (w * w).sum().backward()
    >>> w.grad.tolist()
    [2.0, 4.0]
    """

    __array_ufunc__ = None  # so that array * tensor is our operation, not NumPy's loop
    __slots__ = ("_value", "grad", "name", "node", "output", "requires_grad")

    def __init__(
        self,
        value: npt.ArrayLike,
        node: Node | None = None,
        *,
        name: str = "",
        requires_grad: bool = True,
        output: int = 0,
    ) -> None:
        self._value = supported(value if isinstance(value, np.ndarray) else np.asarray(value))
        if node is None and self._value.dtype.kind != "f":
            self._value = self._value.astype(np.float32)
        elif node is None and not isinstance(value, (np.ndarray, np.generic)):
            self._value = self._value.astype(np.float32)
        self.node = node
        self.name = name
        self.requires_grad = requires_grad
        self.output = output
        self.grad: Gradient | None = None

    @property
    def value(self) -> Array:
        """The array itself."""
        return self._value

    @property
    def shape(self) -> tuple[int, ...]:
        return self._value.shape

    @property
    def ndim(self) -> int:
        return self._value.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._value.dtype

    def __len__(self) -> int:
        return len(self._value)

    def __float__(self) -> float:
        return self.item()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self._value, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        origin = f" = {self.node.operation}(...)" if self.node else ""
        label = f"{self.name}: " if self.name else ""
        return f"Tensor({label}{np.array2string(self._value, threshold=20, precision=4)}{origin})"

    def item(self) -> float:
        """The only number of a tensor of size 1."""
        return float(self._value.item())

    def numpy(self) -> Array:
        """The array itself (the same as ``value``)."""
        return self._value

    def detach(self) -> Tensor:
        """The same value, cut off from the graph: no gradient passes."""
        return Tensor(self._value, name=self.name, requires_grad=False)

    def backward(
        self, upstream: npt.ArrayLike | None = None, *, keep: Keep = None, retain: bool = False
    ) -> None:
        """Send ``upstream`` (1 for a single number) back to every tensor that asks for it.

        Gradients add up in ``grad`` of the source tensors. The graph is freed afterwards unless
        ``retain`` or ``keep`` is given. ``keep="arrays"`` stores on every edge the upstream,
        local and downstream gradient, ``keep="norms"`` their norms, for :mod:`lexon.graph.look`.

        Raises:
            GraphError: the graph was freed, or the shape of ``upstream`` is not this one's.
            NonFiniteError: this value is NaN or infinite; names the node where that began.
        """
        from lexon.graph.backward import backward

        backward(self, upstream, keep=keep, retain=retain)

    # Operators and methods are names of declared operations: one page each, in lexon.ops.

    def __add__(self, other: TensorLike) -> Tensor:
        return apply("add", self, other)

    def __radd__(self, other: TensorLike) -> Tensor:
        return apply("add", other, self)

    def __sub__(self, other: TensorLike) -> Tensor:
        return apply("subtract", self, other)

    def __rsub__(self, other: TensorLike) -> Tensor:
        return apply("subtract", other, self)

    def __mul__(self, other: TensorLike) -> Tensor:
        return apply("multiply", self, other)

    def __rmul__(self, other: TensorLike) -> Tensor:
        return apply("multiply", other, self)

    def __truediv__(self, other: TensorLike) -> Tensor:
        return apply("divide", self, other)

    def __rtruediv__(self, other: TensorLike) -> Tensor:
        return apply("divide", other, self)

    def __pow__(self, exponent: float) -> Tensor:
        return apply("power", self, exponent=exponent)

    def __neg__(self) -> Tensor:
        return apply("negative", self)

    def __matmul__(self, other: TensorLike) -> Tensor:
        return apply("matmul", self, other)

    def __rmatmul__(self, other: TensorLike) -> Tensor:
        return apply("matmul", other, self)

    def __getitem__(self, index: Any) -> Tensor:
        return apply("index", self, index=index)

    @property
    def T(self) -> Tensor:
        return apply("transpose", self)

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
        return apply("sum", self, axis=axis, keepdims=keepdims)

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
        return apply("mean", self, axis=axis, keepdims=keepdims)

    def max(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        return apply("max", self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape: int) -> Tensor:
        return apply("reshape", self, shape=shape)

    def exp(self) -> Tensor:
        return apply("exp", self)

    def log(self) -> Tensor:
        return apply("log", self)

    def sqrt(self) -> Tensor:
        return apply("sqrt", self)

    def tanh(self) -> Tensor:
        return apply("tanh", self)

    def sigmoid(self) -> Tensor:
        return apply("sigmoid", self)

    def relu(self) -> Tensor:
        return apply("relu", self)
