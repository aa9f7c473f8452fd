"""One contender in a process of its own: prepares, then does one round for every line it reads.

``python -m benchmarks.worker CASE CONTENDER THREADS QUICK`` answers each line, and first of all
its own start, with one line of JSON.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from typing import Any

from benchmarks.case import Settings
from benchmarks.cases import CASES


def main() -> None:
    name, contender, threads, quick = sys.argv[1:]
    # What libraries print is no answer: it goes where errors go.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(content: dict[str, Any]) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    case = CASES[name]
    one_round = case.contenders[contender].prepare(Settings(int(threads), quick == "True"))
    answer({"ready": True})
    for _ in sys.stdin:
        answer(dataclasses.asdict(one_round()))


if __name__ == "__main__":
    main()
