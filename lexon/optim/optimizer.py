"""What all optimisers share: parameters, their moments, and which rows a step touches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from lexon.errors import InputError, ShapeError
from lexon.graph import Array, Gradient, Parameter, RowGradient, Tensor
from lexon.optim.checks import not_negative


@runtime_checkable
class HasParameters(Protocol):
    """A module, as far as an optimiser knows it."""

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]: ...


Parameters: TypeAlias = Parameter | Iterable[Parameter] | Mapping[str, Parameter] | HasParameters

#: Numbers of a parameter that one thread updates at a time.
BLOCK = 65_536
#: How many floating-point operations a number counts for: most of its cost is its way from memory.
WORK = 8.0

_ONE_ROW = np.zeros(1, np.int64)


class Slot:
    """One parameter and what its optimiser remembers of it.

    ``touched`` is where moments fade the last step of every row. As long as all gradients are
    dense the whole parameter is one long row; its first :class:`RowGradient` gives each of the
    V rows of the table a step of its own.
    """

    __slots__ = ("moments", "name", "parameter", "steps", "touched")

    def __init__(self, name: str, parameter: Parameter) -> None:
        self.name = name
        self.parameter = parameter
        self.steps = 0
        self.moments: tuple[Array, ...] = ()
        self.touched = np.zeros(1, np.int64)


class Optimizer(ABC):
    """Changes parameters along their gradients, one step at a time.

    A parameter without gradient is skipped, as if the step had not been. A row-sparse gradient
    changes the rows it holds and no others. One parameter given twice (tied weights) counts once.

    ``parameters``: one, several, or a mapping from name to parameter. The names appear in errors
    and in :meth:`state_arrays`; without a mapping they are the parameters' own, or their number.

    Units: ``steps`` counts calls of :meth:`step`.

    Raises:
        InputError: there is no parameter, something else than a parameter, or a number outside
            what the rule allows.
    """

    #: The kernel: called with theta, gradient, rows, the moments, and :meth:`numbers`.
    rule: Callable[..., None]
    #: What is remembered of every number of a parameter.
    moments: tuple[str, ...] = ()
    #: Whether moments fade from step to step, so that a row must know when it was touched.
    fades: bool = False

    def __init__(self, parameters: Parameters, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.steps = 0
        self._slots = [
            Slot(name, parameter) for name, parameter in named(type(self).__name__, parameters)
        ]

    @property
    def learning_rate(self) -> float:
        """How far a step goes; a schedule, or you, may change it at any time."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate = not_negative(self, "learning_rate", value)

    @abstractmethod
    def numbers(self) -> tuple[Any, ...]:
        """The hyper-parameters in the order of the kernel's last arguments."""

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for slot in self._slots:
            slot.parameter.grad = None

    def step(self) -> None:
        """Update every parameter that has a gradient.

        Raises:
            ShapeError: a gradient's shape or rows are not its parameter's.
            InputError: a gradient's type is not its parameter's, or that changed on the way.
        """
        self.steps += 1
        for slot in self._slots:
            gradient = slot.parameter.grad
            if gradient is not None:
                self._update(slot, gradient)

    def _update(self, slot: Slot, gradient: Gradient) -> None:
        parameter, count, rows = slot.parameter, 1, _ONE_ROW
        values = gradient.values if isinstance(gradient, RowGradient) else gradient
        _check(slot, gradient, values)
        if slot.steps == 0:
            slot.moments = tuple(np.zeros(parameter.shape, parameter.dtype) for _ in self.moments)
        if isinstance(gradient, RowGradient):
            count, rows = len(parameter), plain(gradient.rows.astype(np.int64, copy=False))
        elif self.fades and len(slot.touched) > 1:
            count, rows = len(parameter), np.arange(len(parameter))
        if self.fades and len(slot.touched) != count:
            slot.touched = np.full(count, slot.steps, np.int64)
        slot.steps += 1
        width = parameter.value.size // max(count, 1)
        with parameter.writing() as array:
            theta, lines = array.reshape(count, width), plain(values).reshape(len(rows), width)
            self._sweep(slot, theta, lines, rows)
        if self.fades:
            slot.touched[rows] = slot.steps

    def _sweep(self, slot: Slot, theta: Array, gradient: Array, rows: Array) -> None:
        """Apply the rule to blocks of the gradient: whole rows, or pieces of the single one."""
        rule, numbers = self.rule, self.numbers()
        moments = [moment.reshape(theta.shape) for moment in slot.moments]
        if self.fades:
            numbers = (slot.touched, slot.steps, *numbers)
        width = max(gradient.shape[1], 1)
        length = BLOCK if len(theta) == 1 else max(1, BLOCK // width) * width
        work = WORK * gradient.size
        rule(gradient.size, length, work, theta, gradient, rows, *moments, *numbers)

    def state_arrays(self) -> dict[str, Array]:
        """Copies of everything that continuing to the bit needs, by name.

        ``steps`` and ``learning_rate`` of the whole; ``<parameter>.steps`` and each of its
        moments, and where these fade ``<parameter>.touched``: the step at which each row was
        last updated (one number while all gradients were dense). Parameters that never had a
        gradient do not appear.
        """
        state = {
            "steps": np.array([self.steps], np.int64),
            "learning_rate": np.array([self.learning_rate], np.float64),
        }
        for slot in self._slots:
            if slot.steps == 0:
                continue
            state[f"{slot.name}.steps"] = np.array([slot.steps], np.int64)
            if self.fades:
                state[f"{slot.name}.touched"] = slot.touched.copy()
            for name, moment in zip(self.moments, slot.moments, strict=True):
                state[f"{slot.name}.{name}"] = moment.copy()
        return state

    def load_state_arrays(self, state: Mapping[str, Array]) -> None:
        """Continue where the optimiser stood that gave ``state``; all of it is taken or nothing.

        Raises:
            InputError: the names, shapes or types are not those of this optimiser's parameters.
        """
        left = dict(state)
        steps = int(_take(self, left, "steps", (1,), np.int64)[0])
        learning_rate = float(_take(self, left, "learning_rate", (1,), np.float64)[0])
        loaded = [self._loaded(slot, left) for slot in self._slots]
        if left:
            raise InputError(
                f"{type(self).__name__}: the state also holds {', '.join(sorted(left)[:4])}\n"
                "  load it into an optimiser of the same kind, for parameters of the same names"
            )
        self.learning_rate, self.steps, self._slots = learning_rate, steps, loaded

    def _loaded(self, old: Slot, state: dict[str, Array]) -> Slot:
        """A slot as ``state`` tells, which loses what belongs to it."""
        slot, shape = Slot(old.name, old.parameter), old.parameter.shape
        if f"{slot.name}.steps" not in state:
            return slot
        slot.steps = int(_take(self, state, f"{slot.name}.steps", (1,), np.int64)[0])
        if self.fades:
            given = state.get(f"{slot.name}.touched", slot.touched)
            allowed = shape[:1] if given.shape == shape[:1] else (1,)
            slot.touched = _take(self, state, f"{slot.name}.touched", allowed, np.int64)
        slot.moments = tuple(
            _take(self, state, f"{slot.name}.{name}", shape, old.parameter.dtype)
            for name in self.moments
        )
        return slot


def named(owner: str, parameters: Parameters) -> list[tuple[str, Parameter]]:
    """Each parameter once, with a name that no other has.

    Raises:
        InputError: there is none, or something else than a parameter; names ``owner``.
    """
    if isinstance(parameters, Tensor):
        parameters = [parameters]
    if isinstance(parameters, HasParameters):
        given = list(parameters.named_parameters())
    elif isinstance(parameters, Mapping):
        given = list(parameters.items())
    else:
        given = [(getattr(parameter, "name", ""), parameter) for parameter in parameters]
    first: dict[int, tuple[str, Parameter]] = {}
    for name, parameter in given:
        if not isinstance(parameter, Parameter):
            raise InputError(
                f"{owner}: {name or 'one of the parameters'} is a {type(parameter).__name__}\n"
                "  give parameters, such as those of a module"
            )
        first.setdefault(id(parameter), (name, parameter))
    if not first:
        raise InputError(f"{owner}: there is no parameter\n  give one at least")
    pairs = [(name or str(number), p) for number, (name, p) in enumerate(first.values())]
    if len({name for name, _ in pairs}) < len(pairs):
        pairs = [(f"{number}.{name}", p) for number, (name, p) in enumerate(pairs)]
    return pairs


def _check(slot: Slot, gradient: Gradient, values: Array) -> None:
    """The gradient fits its parameter, and the parameter what is remembered of it."""
    parameter = slot.parameter
    if gradient.shape != parameter.shape:
        raise ShapeError(
            f"{slot.name}: its gradient is {gradient.shape}, the parameter {parameter.shape}"
        )
    if values.dtype != parameter.dtype:
        raise InputError(
            f"{slot.name}: its gradient is {values.dtype}, the parameter {parameter.dtype}\n"
            "  give both the same type"
        )
    if slot.moments and slot.moments[0].dtype != parameter.dtype:
        raise InputError(
            f"{slot.name}: became {parameter.dtype} after steps in {slot.moments[0].dtype}\n"
            "  make a new optimiser after changing the type"
        )
    if isinstance(gradient, RowGradient):
        rows, lines = gradient.rows, (len(gradient.rows), *parameter.shape[1:])
        if values.shape != lines or (len(rows) and (rows[0] < 0 or rows[-1] >= parameter.shape[0])):
            raise ShapeError(
                f"{slot.name}: values {values.shape} for {len(rows)} rows"
                f"{f' from {rows[0]} to {rows[-1]}' if len(rows) else ''}"
                f" of a parameter {parameter.shape}"
            )


def plain(array: Array) -> Array:
    """The array as kernels take it: contiguous and writable (though it is only read)."""
    return array if array.flags.carray else array.copy()


def _take(
    owner: Optimizer, state: dict[str, Array], name: str, shape: tuple[int, ...], dtype: object
) -> Array:
    """A copy of an array of the state, which loses it."""
    if name not in state:
        raise InputError(
            f"{type(owner).__name__}: the state lacks {name}\n"
            "  load the state of an optimiser of the same kind"
        )
    array = np.array(state.pop(name), order="C", copy=True)
    if array.shape != shape or array.dtype != dtype:
        raise InputError(
            f"{type(owner).__name__}: {name} is {array.dtype} {array.shape} in the state, "
            f"here {np.dtype(dtype)} {shape}\n"  # type: ignore[call-overload]
            "  load the state of an optimiser for the same parameters"
        )
    return array
