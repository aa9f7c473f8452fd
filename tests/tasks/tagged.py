"""Small tagged sentences for the tests: names of people and places, told by their neighbours."""

from __future__ import annotations

import random

FIRST, LAST = "Anna Bob Carla Dirk".split(), "Smith Jones Miller Stone".split()
PLACES, VERBS = "Rome Paris Lima Oslo".split(), "sees likes visits leaves".split()
#: Makes every network tiny.
TINY = {"dimension": 8, "hidden": 8, "filters": 4, "batch_size": 4, "epochs": 3, "dropout": 0.1,
        "learning_rate": 0.02}  # fmt: skip


def sentences(number: int = 60, seed: int = 1) -> tuple[list[list[str]], list[list[str]]]:
    """Sentences and their tags, IOB2; none is empty."""
    draw = random.Random(seed)
    tokens, tags = [], []
    for _ in range(number):
        own, marks = [draw.choice(FIRST)], ["B-PER"]
        for _ in range(draw.randint(0, 2)):
            own.append(draw.choice(LAST))
            marks.append("I-PER")
        rare = "".join(draw.choices("aeioukmnst", k=5))
        own += [draw.choice(VERBS), draw.choice(PLACES), draw.choice([rare, rare, "7", "19"])]
        marks += ["O", "B-LOC", "O"]
        tokens.append(own)
        tags.append(marks)
    return tokens, tags


def conll(tokens: list[list[str]], tags: list[list[str]]) -> str:
    """As columns."""
    blocks = ["".join(f"{word} X {tag}\n" for word, tag in zip(*pair, strict=True))
              for pair in zip(tokens, tags, strict=True)]  # fmt: skip
    return "\n".join(blocks)
