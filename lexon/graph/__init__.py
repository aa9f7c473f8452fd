"""The computational graph: tensors, operations, and the walk back."""

from lexon.graph.backward import (
    backward,
    first_nonfinite,
    gradcheck,
    gradient_error,
    jacobian,
    jvp,
    vjp,
)
from lexon.graph.declare import Operation, op
from lexon.graph.node import Local, Node, no_grad
from lexon.graph.parameter import Parameter
from lexon.graph.rows import RowGradient
from lexon.graph.tensor import OPERATIONS, Array, Gradient, Tensor, TensorLike

__all__ = [
    "OPERATIONS",
    "Array",
    "Gradient",
    "Local",
    "Node",
    "Operation",
    "Parameter",
    "RowGradient",
    "Tensor",
    "TensorLike",
    "backward",
    "first_nonfinite",
    "gradcheck",
    "gradient_error",
    "jacobian",
    "jvp",
    "no_grad",
    "op",
    "vjp",
]
