"""Results of many trainings, kept as each is done, so that a run cut short can go on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from lexon.errors import InputError
from lexon.replacing import replacing


class Cells:
    """A file of results; ``identity`` tells data and settings apart: those of others are none."""

    def __init__(self, path: str | os.PathLike[str], identity: str) -> None:
        self.path, self.identity = Path(path), identity

    def write(self, cells: Any) -> None:
        """Put these in place of what was there."""
        with replacing(self.path) as temporary:
            temporary.write_text(json.dumps({"identity": self.identity, "cells": cells}), "utf-8")

    def read(self) -> Any:
        """What was written last; an empty object where nothing was.

        Raises:
            InputError: the file is of other data or settings, or damaged.
        """
        if not self.path.exists():
            return {}
        try:
            found = json.loads(self.path.read_text("utf-8"))
            own, cells = found["identity"], found["cells"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{self.path}: damaged ({error!s:.100})\n  remove it, and run without --resume"
            ) from None
        if own != self.identity:
            raise InputError(
                f"{self.path}: these results are of other data or other settings\n"
                "  resume with the same command, or remove it to begin anew"
            )
        return cells

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
