"""Columns of tables: kinds, blanks, indices, and the inputs they become, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lexon.errors import InputError
from lexon.tasks.columns import Columns, Kinds, Sheet, columns_of, is_table, read, recognise
from lexon.tasks.features import MOST_LEVELS, Encoder
from lexon.tasks.tabular import TabularRegressor


def sheet(numbers: Any, levels: Any = ()) -> Sheet:
    columns = np.array(numbers, float).T
    cells = np.array(levels, object).T if len(levels) else np.empty((len(columns), 0), object)
    return Sheet(columns, cells)


def levels_only(*levels: Any) -> Sheet:
    return Sheet(np.empty((len(levels[0]), 0)), np.array(levels, object).T)


def inputs(encoder: Encoder, rows: Sheet) -> list[list[float]]:
    return encoder.inputs(encoder.encode(rows)).tolist()


# Inputs


def test_pieces_are_those_of_the_equation() -> None:
    """Quantiles of 0 1 2 3 4 in two pieces are 0, 2, 4."""
    encoder = Encoder.fit(sheet([[0, 1, 2, 3, 4]]), Kinds(("x",)), bins=2)
    assert encoder.edges[0].tolist() == [0, 2, 4]
    rows = np.array(inputs(encoder, sheet([[1, 3, -2, 6]])))
    np.testing.assert_allclose(rows[:, 0], (np.array([1, 3, -2, 6]) - 2) / np.sqrt(2), rtol=1e-6)
    assert rows[:, 1:].tolist() == [[0.5, 0], [1, 0.5], [-1, 0], [1, 2]]


def test_equal_quantiles_make_one_piece_and_a_constant_none() -> None:
    encoder = Encoder.fit(sheet([[0, 0, 0, 0, 1], [7] * 5]), Kinds(("x", "c")), bins=4)
    assert [edges.tolist() for edges in encoder.edges] == [[0, 1], []]
    assert inputs(encoder, sheet([[1], [9]]))[0] == pytest.approx([2, 2, 1])
    assert encoder.width == 3


def test_a_blank_is_the_mean_and_says_so() -> None:
    nan = float("nan")
    encoder = Encoder.fit(sheet([[1, nan, 3], [5, 6, 7]]), Kinds(("x", "z")), bins=0)
    assert inputs(encoder, sheet([[nan, 3], [6, nan]])) == [
        [0, 0, 1],
        [1, 0, 0],  # z had no blanks in training: nothing to tell
    ]


def test_a_level_is_one_at_its_place_and_an_unseen_one_nowhere() -> None:
    encoder = Encoder.fit(levels_only(["b", "a"]), Kinds((), ("l",)), bins=4)
    assert inputs(encoder, levels_only(["a", "b", "c"])) == [[1, 0], [0, 1], [0, 0]]


def test_two_columns_of_levels_stand_side_by_side() -> None:
    rows = levels_only(["a", "b", "a"], ["x", "x", "y"])
    encoder = Encoder.fit(rows, Kinds((), ("l", "m")), bins=4)
    assert inputs(encoder, rows) == [[1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1]]


def test_of_very_many_levels_the_most_frequent_are_kept() -> None:
    cells = ["often"] * 3 + [f"{n:04}" for n in range(MOST_LEVELS + 50)]
    rows = levels_only(cells)
    encoder = Encoder.fit(rows, Kinds((), ("l",)), bins=4)
    assert encoder.width == MOST_LEVELS and "often" in encoder.levels[0]
    (note,) = encoder.cut(rows)
    assert "256 most frequent values of 307" in note


def test_an_encoder_comes_back_from_json() -> None:
    nan = float("nan")
    rows = sheet([[0.1, nan, 1e-30, 1 / 3]], [["a", "", "b", "a"]])
    encoder = Encoder.fit(rows, Kinds(("x",), ("l",)), bins=3)
    again = Encoder.from_json(encoder.to_json())
    assert inputs(again, rows) == inputs(encoder, rows) and again.width == encoder.width


def test_numbers_far_outside_stay_finite() -> None:
    encoder = Encoder.fit(sheet([[0, 1e-90, 2e-90]]), Kinds(("x",)), bins=2)
    assert np.isfinite(inputs(encoder, sheet([[1e99, -1e99]]))).all()


# Columns


def kinds_of(**cells: Any) -> Kinds:
    return recognise(columns_of(cells), drop_index=True)


def test_numbers_blanks_and_levels_are_told_apart() -> None:
    found = kinds_of(
        a=["1.5", " ", "NA", "-2e3"],
        b=["1", "2", "x", "x"],
        c=[1, None, 2.5, np.nan],
        d=[True, False, True, True],
        e=["1_0", "1_0", "2", "3"],
        f=np.array([3, 1, 2, 9]),
    )
    assert found == Kinds(("a", "c", "d", "f"), ("b", "e"))


def test_cells_are_read_as_their_kind_says() -> None:
    columns = columns_of({"a": ["1.5", " ", "NA", "-2e3"], "b": ["x ", None, "y", 3]})
    rows = read(columns, Kinds(("a",), ("b",)))
    np.testing.assert_array_equal(rows.numbers[:, 0], [1.5, np.nan, np.nan, -2000])
    assert rows.levels[:, 0].tolist() == ["x", "", "y", "3"]


def test_declared_levels_are_no_numbers() -> None:
    columns = Columns({"a": ["1", "2", "2"], "b": [4, 1, 1]}, frozenset({"a"}))
    assert recognise(columns, drop_index=True) == Kinds(("b",), ("a",))


@pytest.mark.parametrize(
    ("name", "cells", "why"),
    [
        ("rownames", ["7", "9", "9"], "name of an index"),
        ("ID", ["a", "b", "b"], "name of an index"),
        ("", [4, 4, 5], "a blank is the name"),
        ("n", ["1", "2", "3"], "only counts"),
        ("n", [0, 1, 2], "only counts"),
        ("n", ["ab", "cd", "ef"], "no two rows"),
    ],
)
def test_an_index_is_left_out_with_a_note(name: str, cells: list[Any], why: str) -> None:
    columns = columns_of({name: cells, "x": [3, 1, 2]})
    found = recognise(columns, drop_index=True)
    assert found.numbers == ("x",) and found.levels == ()
    assert why in found.notes[0]
    kept = recognise(columns, drop_index=False)
    assert name in kept.numbers + kept.levels and not kept.notes


def test_what_only_looks_like_an_index_is_kept() -> None:
    assert kinds_of(a=[2, 3, 4], b=[1, 2, 4], c=[3, 2, 1]).numbers == ("a", "b", "c")
    assert kinds_of(only=[1, 2, 3]) == Kinds(("only",))


def test_a_count_of_rows_alone_can_be_learned_from() -> None:
    table = {"x": list(range(100))}
    model = TabularRegressor(hidden=(32,)).fit(table, [3.0 * x for x in table["x"]])
    assert model.predict({"x": [50]})[0] == pytest.approx(150, abs=20)


def test_the_estimator_notes_what_it_left_out() -> None:
    table = {
        "id": list(range(600)),
        "x": [5, 7] * 300,
        "l": [str(n // 2) + "l" for n in range(600)],
    }
    model = TabularRegressor(hidden=(2,), epochs=1).fit(table, table["x"])
    assert [note.split(":")[0] for note in model.notes_] == ["column 'id' left out", "column 'l'"]


def test_tables_are_told_from_arrays() -> None:
    from scipy import sparse

    assert is_table({"a": [1]})
    assert not any(map(is_table, ([[1.0]], np.ones((2, 2)), sparse.dok_array((2, 2)))))


class Series(list[Any]):
    """A column as a data frame gives it."""

    def __init__(self, cells: list[Any], dtype: str) -> None:
        super().__init__(cells)
        self.dtype = dtype

    def to_numpy(self) -> Any:
        return np.array(self, object)


class Frame(dict[str, Series]):
    """As much of a data frame as is looked at."""

    @property
    def columns(self) -> list[str]:
        return list(self)

    dtypes: Any = None


def test_a_data_frame_gives_its_columns_and_its_categories() -> None:
    frame = Frame(a=Series([1, 2, None], "Int64"), b=Series([1, 2, 2], "category"))
    assert is_table(frame)
    columns = columns_of(frame)
    assert columns.levels == {"b"}
    rows = read(columns, recognise(columns, drop_index=True))
    np.testing.assert_array_equal(rows.numbers[:, 0], [1, 2, np.nan])
    assert rows.levels[:, 0].tolist() == ["1", "2", "2"]


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="column 'b' has 1 rows, 'a' has 2"):
        columns_of({"a": [1, 2], "b": [1]})
    with pytest.raises(InputError, match="no columns"):
        columns_of({})


def test_a_text_among_numbers_is_told() -> None:
    found = kinds_of(rain=["0.1", "T", " ", "0.1", "0.3"], sky=["fair", "3", "fog", "fog", ""])
    assert found.levels == ("rain", "sky")
    told = "column 'rain' is taken for categories: row 2 has 'T', which is no number"
    assert found.notes == (told,)
