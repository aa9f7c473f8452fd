"""Results of many trainings, kept as each is done, so that a run cut short can go on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from lexon.errors import InputError
from lexon.replacing import replacing

T = TypeVar("T")


class Cells:
    """A file of results, and of which data and settings they are: ``identity``.

    Results of others are refused, so that none are taken over by mistake.
    """

    def __init__(self, path: str | os.PathLike[str], identity: str) -> None:
        self.path, self.identity = Path(path), identity

    def write(self, cells: Any) -> None:
        """Put these in place of what was there."""
        with replacing(self.path) as temporary:
            temporary.write_text(json.dumps({"identity": self.identity, "cells": cells}), "utf-8")

    def read(self, restore: Callable[[Any], T]) -> T | None:
        """What ``restore`` makes of what was written last; None where nothing was.

        Raises:
            InputError: the file is of other data or settings, or damaged.
        """
        if not self.path.exists():
            return None
        try:
            found = json.loads(self.path.read_text("utf-8"))
            own, cells = found["identity"], found["cells"]
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise self._damaged(error) from None
        if own != self.identity:
            raise InputError(
                f"{self.path}: these results are of other data or other settings\n"
                "  resume with the same command, or remove it to begin anew"
            )
        try:
            return restore(cells)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> InputError:
        return InputError(
            f"{self.path}: damaged ({error!s:.100})\n  remove it, and run without --resume"
        )

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
