"""How an estimator lasts: one model file, copies and pickles, all of arrays and JSON."""

from __future__ import annotations

from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from lexon import __version__, storage
from lexon.errors import InputError, ModelFileError
from lexon.nn.module import Module
from lexon.tasks.common import plain
from lexon.text import Vocabulary
from lexon.train.history import History

Array = npt.NDArray[Any]


class StoredEstimator(BaseEstimator):  # type: ignore[misc]
    """What estimators share that are written to model files and read from them."""

    #: What the model file says that it is for.
    _task: ClassVar[str]
    network_: Any
    history_: History

    @property
    def task(self) -> str:
        """What its model files say that they are for."""
        return self._task

    def _settings(self) -> dict[str, Any]:
        """The parameters as a model file has them."""
        return dict(self.get_params(deep=False))

    def _content(self) -> dict[str, Any]:
        """What belongs into the file besides settings, history and weights."""
        raise NotImplementedError

    @classmethod
    def _restored(cls, stored: storage.Stored) -> Self:
        """The estimator of a file; an error of any of Python's kinds where the file is altered."""
        raise NotImplementedError

    def _check_arrays(self, arrays: dict[str, Array]) -> None:
        """Raise ValueError for arrays that would not fill the network; it is not built yet."""
        raise NotImplementedError

    def _build(self, rng: np.random.Generator) -> Module:
        """The network, with first values drawn from ``rng``."""
        raise NotImplementedError

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model to one file; equal models give equal bytes.

        Raises:
            InputError: the file cannot be written.
        """
        check_is_fitted(self, "network_")
        content = {
            "task": self._task,
            "lexon": __version__,
            "settings": plain(self._settings()),
            "history": self.history_.to_json(),
        }
        storage.write(path, "model", content | self._content(), self.network_.state_dict())

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """The model of a file, which predicts to the bit as the one that was saved.

        Raises:
            ModelFileError: the file is damaged, or holds another kind of model.
        """
        return cls.from_stored(storage.read(path, "model"), path)

    @classmethod
    def from_stored(cls, stored: storage.Stored, path: object = "model") -> Self:
        """The model of what :func:`lexon.storage.read` gave."""
        task = str(stored.content.get("task"))
        if task != cls._task:
            raise ModelFileError(f"{path}: holds a model for {task:.60}, not for {cls._task}")
        try:
            return cls._restored(stored)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ModelFileError(
                f"{path}: a part of the model is not as it should be: {error!s:.300}"
            ) from None

    def _restore_network(self, arrays: dict[str, Array]) -> None:
        """Build the network and fill it; nothing is built that the arrays would not fill."""
        self._check_arrays(arrays)
        self.network_ = self._build(np.random.default_rng(0))
        self.network_.load_state_dict(arrays)
        self.network_.eval()

    def __getstate__(self) -> dict[str, Any]:
        """Arrays instead of the network, whose packed weights do not outlive the process."""
        state = dict(super().__getstate__())
        if "network_" in state:
            state["network_"] = self.network_.state_dict()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({name: state[name] for name in state if name != "network_"})
        if "network_" in state:
            self._restore_network(state["network_"])

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")


def check_storable(what: str, content: Any, remedy: str) -> None:
    """Check, before training, that a model file has room for a part of its content.

    Raises:
        InputError: it has not; gives the remedy.
    """
    size = storage.header_bytes(content)
    if not storage.fits(size):
        raise InputError(f"{what} take {size:,} bytes, more than a model file holds\n  {remedy}")


def check_vocabulary(vocabulary: Vocabulary) -> str:
    """Check, before training, that a model file has room for the words; what to call them.

    Raises:
        InputError: it has not; gives the remedy.
    """
    words = f"the {len(vocabulary):,} words of the vocabulary"
    fewer = "give min_count 2 (--min-count 2), or a max_vocabulary (--max-vocabulary)"
    check_storable(words, vocabulary.to_json(), fewer)
    return words
