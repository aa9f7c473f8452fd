"""Declare an operation once: its signature is checked, recorded, drawn and quoted in errors.

A signature names the dimensions of every array::

    "x: N D, w: H D, b: H -> y: N H"          three inputs, one output
    "x: S D, w: F K D | lengths: B -> y: B F"  behind the bar: data given by keyword
    "*xs: * -> y: *"                          any number of inputs, of any shape
    "x: S D, [w: H D, b: H]+ -> h: S nH"      after x, w and b n times, once or more

A dimension is a letter (the same letter is the same size everywhere), a multiple such as ``4H`` or
``nH``, a number, or ``...`` for any dimensions in front; ``*`` alone is any shape. Letters: N rows,
B sequences, S rows of all sequences, L length, D input width, H hidden width, V vocabulary,
C classes, F filters, K n-gram size, n how often the group in brackets is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

import numpy as np

from lexon.errors import GraphError, ShapeError
from lexon.graph.node import Node, Pull, module_path, recording, scope
from lexon.graph.tensor import OPERATIONS, Array, Tensor, TensorLike, supported

Forward = Callable[..., tuple[Any, Pull]]


#: Combinations of shapes that an operation remembers as checked.
MOST_AGREED = 10_000


class Argument:
    """One array of a signature: its name and the names of its dimensions."""

    __slots__ = ("any_shape", "dimensions", "leading", "name", "sizes")

    def __init__(self, text: str) -> None:
        name, _, dimensions = text.partition(":")
        self.name = name.strip()
        letters = dimensions.split()
        self.any_shape = letters == ["*"]
        self.leading = letters[:1] == ["..."]
        self.dimensions = ", ".join(letters)
        self.sizes = [_factor(letter) for letter in letters if letter not in ("...", "*")]

    def show(self, shape: tuple[int, ...]) -> str:
        return f"{self.name} ({self.dimensions}) = {shape}"


#: The size of each letter met so far, and the argument and shape that set it.
Seen = dict[str, tuple[int, Argument, tuple[int, ...]]]


def _factor(letter: str) -> tuple[int, str]:
    """How often, and what: 0 times stands for n times, as often as the repeated group is given."""
    match = re.fullmatch(r"(n(?=\w)|\d*)(\w*)", letter)
    if match is None:
        raise GraphError(f"{letter!r} is not a dimension")
    return 0 if match[1] == "n" else int(match[1] or 1), match[2]


class Signature:
    """The parsed text of a signature."""

    def __init__(self, text: str) -> None:
        self.text = text
        left, _, right = text.partition("->")
        given, _, data = left.partition("|")
        self.variadic = given.strip().startswith("*")
        once, _, again = given.partition("[")
        self.inputs, self.repeated = _arguments(once.lstrip(" *")), _arguments(again.rstrip(" ]+"))
        self.data = {argument.name: argument for argument in _arguments(data)}
        self.outputs = _arguments(right)

    def times(self, number: int) -> int:
        """How often the repeated group is given with so many inputs."""
        return max((number - len(self.inputs)) // max(len(self.repeated), 1), 1)

    def named(self, number: int) -> list[Argument]:
        """The arguments of so many inputs."""
        if self.variadic:
            return self.inputs * number
        return self.inputs + self.repeated * self.times(number)

    def names(self, number: int) -> list[str]:
        """A name of its own for each of so many inputs."""
        names = [argument.name for argument in self.named(number)]
        return [
            f"{name}[{names[:place].count(name)}]" if names.count(name) > 1 else name
            for place, name in enumerate(names)
        ]

    def check(self, operation: str, inputs: Sequence[Array], options: dict[str, Any]) -> None:
        """Raise ShapeError unless all named dimensions agree."""
        if self.variadic:
            return
        named, times = self.named(len(inputs)), self.times(len(inputs))
        if len(inputs) != len(named):
            names = ", ".join(argument.name for argument in self.inputs)
            again = ", ".join(argument.name for argument in self.repeated)
            again = f", and {again} for each direction or part" if again else ""
            raise GraphError(f"{operation} takes {names}{again}: it was given {len(inputs)} arrays")
        seen: Seen = {}
        if self.repeated:
            group = self.repeated[0]
            seen["n"] = (times, group, inputs[len(self.inputs)].shape)
        for argument, array in zip(named, inputs, strict=True):
            if not argument.any_shape:
                _match(operation, argument, array.shape, seen, times)
        for name, argument in self.data.items():
            if options.get(name) is not None and not argument.any_shape:
                _match(operation, argument, np.shape(options[name]), seen, times)


def _arguments(text: str) -> list[Argument]:
    return [Argument(part) for part in text.split(",") if part.strip()]


def _match(
    operation: str, argument: Argument, shape: tuple[int, ...], seen: Seen, times: int
) -> None:
    sizes = [(factor or times, letter) for factor, letter in argument.sizes]
    tail = shape[len(shape) - len(sizes) :] if argument.leading else shape
    if len(tail) != len(sizes):
        least = "at least " if argument.leading else ""
        raise _error(
            f"{operation}: {argument.name} has {len(shape)} dimensions, not {least}{len(sizes)}",
            [argument.show(shape)],
        )
    for (factor, letter), size in zip(sizes, tail, strict=True):
        if (letter == "" and size != factor) or size % factor:
            wanted = f"{factor} x {letter}" if letter else str(factor)
            raise _error(f"{operation}: {size} is not {wanted}", [argument.show(shape)])
        if letter == "":
            continue
        known = seen.get(letter)
        if known is None:
            seen[letter] = (size // factor, argument, shape)
        elif known[0] != size // factor:
            raise _error(
                f"{operation}: {letter} is {known[0]} in one argument and {size // factor}"
                " in another",
                [known[1].show(known[2]), argument.show(shape)],
            )


def _error(rule: str, arguments: list[str]) -> ShapeError:
    """The rule and the values, argument by argument."""
    return ShapeError("\n".join([rule, *(f"  {argument}" for argument in arguments)]))


def _placed(error: ShapeError) -> ShapeError:
    """The same error, with the module where it happened."""
    modules = scope()
    if not modules:
        return error
    module, given = modules[-1]
    path = module_path([m for m, _ in modules]) or "the network"
    was_given = getattr(module, "was_given", lambda *inputs: "")(*given)
    return ShapeError(f"{error}\nin {path}: {module!r} {was_given}".rstrip())


class Operation:
    """A declared operation: call it on tensors or arrays.

    ``forward`` takes arrays and returns ``(y, pull)``, or ``((y1, y2), pull)``; ``pull`` takes the
    upstream gradients, one per output, and returns the downstream ones, one per input. An
    expensive downstream is returned as a function without arguments: it is called only when
    somebody waits for that gradient. Several that share their work may be made by the first call.
    """

    def __init__(self, signature: str, forward: Forward) -> None:
        self.name = forward.__name__.strip("_")
        self.signature = Signature(signature)
        self.forward = forward
        self.twin: Callable[..., Any] | None = None
        self._agreed: set[tuple[Any, ...]] = set()  # shapes that were checked before
        update_wrapper(self, forward)

    def composed(self, twin: Callable[..., Any]) -> Callable[..., Any]:
        """Register the same operation made of elementary ones; tests compare the two."""
        self.twin = twin
        return twin

    def __repr__(self) -> str:
        return f"{self.name}({self.signature.text})"

    def __call__(self, *inputs: TensorLike, **options: Any) -> Any:
        tensors = as_tensors(self.name, inputs)
        arrays = [tensor.value for tensor in tensors]
        try:
            self._check(arrays, options)
            values, pull = self.forward(*arrays, **options)
        except ShapeError as error:
            raise _placed(error) from None
        except ValueError as error:
            if "broadcast" not in str(error):
                raise
            raise _placed(self._do_not_fit(arrays)) from None
        several = isinstance(values, tuple)
        outputs = tuple(map(np.asarray, values)) if several else (np.asarray(values),)
        node = None
        if recording() and any([tensor.requires_grad for tensor in tensors]):
            node = Node(self.name, self.signature.text, tensors, outputs, pull, options)
        if not several:
            return Tensor(outputs[0], node, requires_grad=node is not None)
        return tuple(
            Tensor(value, node, requires_grad=node is not None, output=place)
            for place, value in enumerate(outputs)
        )

    def _check(self, arrays: Sequence[Array], options: dict[str, Any]) -> None:
        """As ``signature.check``, once for the same shapes."""
        data = [options.get(name) for name in self.signature.data]
        shapes = *[a.shape for a in arrays], *[None if d is None else np.shape(d) for d in data]
        if shapes not in self._agreed:
            self.signature.check(self.name, arrays, options)
            if len(self._agreed) >= MOST_AGREED:
                self._agreed.clear()
            self._agreed.add(shapes)

    def _do_not_fit(self, arrays: Sequence[Array]) -> ShapeError:
        named = zip(self.signature.names(len(arrays)), arrays, strict=False)
        rule = f"{self.name}: the shapes do not fit together: no size is 1 where they differ"
        return _error(rule, [f"{name} = {array.shape}" for name, array in named])


def as_tensors(operation: str, inputs: Sequence[TensorLike]) -> tuple[Tensor, ...]:
    """Tensors as they are; arrays and numbers as data of the tensors' float type."""
    dtype: np.dtype[Any] | None = None
    for x in inputs:
        if isinstance(x, Tensor):
            if dtype is not None and x.dtype != dtype:
                names = " and ".join(sorted({str(dtype), str(x.dtype)}))
                raise GraphError(
                    f"{operation}: its inputs are {names}\n  bring them to one type:"
                    " Tensor(x.value.astype(...)), or module.astype(...)"
                )
            dtype = x.dtype
    if dtype is None:
        floats = [supported(np.asarray(x)).dtype for x in inputs if _is_float(x)]
        dtype = np.result_type(*floats) if floats else np.dtype(np.float32)
    return tuple(x if isinstance(x, Tensor) else _data(x, dtype) for x in inputs)


def _is_float(x: Any) -> bool:
    return isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind == "f"


def _data(x: Any, dtype: np.dtype[Any]) -> Tensor:
    return Tensor(np.asarray(x, dtype), requires_grad=False)


def op(signature: str) -> Callable[[Forward], Operation]:
    """Declare the operation ``forward`` under its own name."""

    def declare(forward: Forward) -> Operation:
        operation = Operation(signature, forward)
        OPERATIONS[operation.name] = operation
        return operation

    return declare
