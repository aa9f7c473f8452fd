"""All that training needs to go on to the same bits: written whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

from lexon import storage
from lexon.errors import InputError, ModelFileError


class Resumable(Protocol):
    """What can be saved on the way: all that decides how it goes on, as JSON and arrays."""

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]: ...
    def load_state(self, content: dict[str, Any], arrays: dict[str, Any]) -> None: ...


class Checkpoint:
    """A file from which training resumes.

    ``identity`` tells data and settings apart: a checkpoint of other ones is refused.
    """

    def __init__(self, path: str | os.PathLike[str], identity: str) -> None:
        self.path, self.identity = Path(path), identity

    def save(self, training: Resumable) -> None:
        content, arrays = training.state()
        storage.write(
            self.path, "checkpoint", {"identity": self.identity, "training": content}, arrays
        )

    def resume(self, training: Resumable) -> bool:
        """Load the state, if there is a file; tell whether there was one.

        Raises:
            InputError: the checkpoint is of other data or settings, or damaged.
        """
        if not self.path.exists():
            return False
        try:
            stored = storage.read(self.path, "checkpoint")
        except ModelFileError as error:
            raise InputError(f"{error}\n  remove it and train without --resume") from None
        content: dict[str, Any] = stored.content
        if content["identity"] != self.identity:
            raise InputError(
                f"{self.path}: the checkpoint is of other data or other settings\n"
                "  resume with the same command, or remove it to begin anew"
            )
        training.load_state(content["training"], stored.arrays)
        return True

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
