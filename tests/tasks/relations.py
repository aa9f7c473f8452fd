"""Small data on relations: a word between the spans tells the relation, its order the direction."""

from __future__ import annotations

import random

NOUNS = "cat dog man wine house wheel book letter".split()
VERBS = {"Cause-Effect": "causes", "Component-Whole": "contains"}
ORDERS = ("(e1,e2)", "(e2,e1)")


def sentences(rows: int, seed: int) -> tuple[list[str], list[str]]:
    """Marked sentences and their labels; every fifth has none of the relations."""
    draw = random.Random(seed)
    texts, labels = [], []
    for row in range(rows):
        one, two = draw.sample(NOUNS, 2)
        lead = " ".join(draw.choice(["the", "a", "some", "big"]) for _ in range(draw.randint(0, 4)))
        relation = list(VERBS)[row % 2]
        verb, order = VERBS[relation], ORDERS[row // 2 % 2]
        label = relation + order
        if row % 5 == 4:
            verb, label = draw.choice(["sees", "and", "likes"]), "Other"
        how = verb if order == ORDERS[0] or label == "Other" else f"is what {verb}"
        texts.append(f"{lead} <e1>{one}</e1> {how} the <e2>{two}</e2> {lead}".strip())
        labels.append(label)
    return texts, labels
