"""The official score of relations, beside cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexon.errors import InputError
from lexon.tasks.evaluation import evaluate_classes
from lexon.tasks.relation_score import as_relations, macro_f1, relation_of, relation_scores

CE12, CE21, CW12, CW21 = "Cause(e1,e2)", "Cause(e2,e1)", "Whole(e1,e2)", "Whole(e2,e1)"
LABELS = [CE12, CE21, CW12, CW21, "Other"]


def scores(truth: list[str], predicted: list[str]) -> dict[str, tuple[float, float, float, int]]:
    found = relation_scores(truth, predicted)
    return {one.name: (one.precision, one.recall, one.f1, one.support) for one in found}


def test_a_wrong_direction_is_an_error_of_both_kinds() -> None:
    """Cause: 3 true, 3 predicted, 2 right. Whole: 2 true, 1 predicted, 1 right. F1 2/3 and 2/3."""
    truth = [CE12, CE12, CE21, CW12, CW21, "Other"]
    said = [CE12, CE21, CE21, CW12, "Other", "Other"]
    assert scores(truth, said) == {
        "Cause": (2 / 3, 2 / 3, 2 / 3, 3),
        "Other": (1 / 2, 1.0, 2 / 3, 1),
        "Whole": (1.0, 1 / 2, 2 / 3, 2),
    }
    assert macro_f1(truth, said) == pytest.approx(2 / 3)


def test_other_is_left_out_of_the_mean_but_costs_precision_and_recall() -> None:
    """Cause: 2 true, 3 predicted, 1 right: P 1/3, R 1/2, F1 2/5. Whole: all right, F1 1."""
    truth = [CE12, CE12, "Other", "Other", CW12]
    said = [CE12, "Other", CE12, CE21, CW12]
    assert scores(truth, said)["Cause"] == (1 / 3, 1 / 2, 2 / 5, 2)
    assert scores(truth, said)["Other"] == (0, 0, 0, 2)
    assert macro_f1(truth, said) == pytest.approx((2 / 5 + 1) / 2)
    assert macro_f1(truth, said, other="none") == pytest.approx((2 / 5 + 1 + 0) / 3)


def test_the_mean_is_over_relations_not_over_directions() -> None:
    """Directions apart: F1 1, 0 and 1, mean 2/3. Cause taken together: 3 of 4, with Whole 7/8."""
    truth, said = [CE12, CE12, CE12, CE21, CW12], [CE12, CE12, CE12, CE12, CW12]
    assert macro_f1(truth, said) == pytest.approx((3 / 4 + 1) / 2)


def test_nothing_right_nothing_said_nothing_there() -> None:
    assert macro_f1([CE12], [CE21]) == 0.0
    assert macro_f1([CE12], [CW12]) == 0.0  # two relations, both without a right row
    assert macro_f1(["Other", "Other"], ["Other", "Other"]) == 0.0
    assert macro_f1([], []) == 0.0
    assert macro_f1([CE12, "Other"], ["Other", "Other"]) == 0.0
    assert macro_f1([CE12, CW21], [CE12, CW21]) == 1.0
    with pytest.raises(InputError, match="2 labels, but 1 predictions"):
        macro_f1([CE12, CE12], [CE12])


def test_labels_without_direction_are_relations() -> None:
    from sklearn.metrics import f1_score

    truth, said = list("abbcca"), list("abccab")
    assert macro_f1(truth, said) == pytest.approx(f1_score(truth, said, average="macro"))
    assert relation_of("f(e1,e2)x") == "f(e1,e2)x" and relation_of("(e1,e2)") == ""


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), max_size=12))
def test_the_score_is_that_of_the_official_scorer(pairs: list[tuple[str, str]]) -> None:
    """By the scorer's confusion matrix of relations, in which wrong directions stand apart."""
    relations = sorted({relation_of(name) for pair in pairs for name in pair} - {"Other"})
    all_f1 = []
    for relation in relations:
        mine = [(t, p) for t, p in pairs if relation_of(t) == relation]
        right = sum(t == p for t, p in mine)
        turned = sum(t != p and relation_of(p) == relation for t, p in mine)
        others = sum(relation_of(p) == relation and relation_of(t) != relation for t, p in pairs)
        precision = right / max(right + turned + others, 1)
        recall = right / max(len(mine), 1)
        all_f1.append(2 * precision * recall / max(precision + recall, 1e-30))
    expected = sum(all_f1) / max(len(all_f1), 1)
    assert macro_f1([t for t, _ in pairs], [p for _, p in pairs]) == pytest.approx(expected)


def test_an_evaluation_of_relations() -> None:
    truth, said = np.array([0, 0, 1, 4]), np.array([0, 1, 1, 2])
    known = evaluate_classes("test", list("abcd"), truth, np.eye(5)[said], LABELS, said)
    found = as_relations(known, "Other")
    assert found.measure == "macro-F1" and found.score == pytest.approx((2 / 3 + 0) / 2)
    assert found.scores["accuracy"] == 0.5
    assert [one.name for one in found.per_class] == ["Cause", "Other", "Whole"]
    assert found.confusion is not None and found.confusion.shape == (5, 5)
