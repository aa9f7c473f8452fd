"""Walks over vector files: each kernel does what its twin in plain Python does."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lexon.kernels import records, reference_records


def bytes_of(text: bytes) -> np.ndarray:
    return np.frombuffer(text, np.uint8)


@given(
    st.lists(
        st.sampled_from([b"a", b"word", b" ", b"\n", b"\xff1234567", b"abcdefgh"]), max_size=30
    ),
    st.integers(0, 3),
    st.integers(0, 9),
)
@settings(deadline=None)
def test_records_are_found_where_the_twin_finds_them(
    parts: list[bytes], numbers: int, room: int
) -> None:
    found = []
    for module in (records, reference_records):
        places = np.full((2, room), -1, np.int64)
        starts, ends = places
        found.append(module.find_records(bytes_of(b"".join(parts)), 4 * numbers, starts, ends))
        found[-1] = (*map(int, found[-1]), places.tolist())
    assert found[0] == found[1]


@pytest.mark.parametrize("width", [1, 3, 40])
def test_copied_numbers_keep_their_bits_and_strange_ones_are_told(width: int) -> None:
    draw = np.random.default_rng(width)
    bits = draw.integers(0, 2**32, (40, width), np.uint32)
    bits[::3] &= 0x3FFFFFFF
    bits[6, -1], bits[9, 0], bits[12, -1] = 0x7F800000, 0xFF800000, 0x7FC00001
    lines = [b"w" * (row % 5 + 1) + b" " + bits[row].tobytes() for row in range(40)]
    ends = np.cumsum([0, *map(len, lines[:-1])]) + np.arange(40) % 5 + 1
    for module in (records, reference_records):
        numbers, finite = np.zeros((40, 4 * width), np.uint8), np.zeros(40, bool)
        own = numbers[2:37]
        given = ends[2:37], own, own.view(np.uint32), finite[2:37]
        module.copy_records(*items(module, 35), bytes_of(b"".join(lines)), *given)
        np.testing.assert_array_equal(numbers[2:37].view(np.uint32), bits[2:37])
        with np.errstate(invalid="ignore"):
            right = np.isfinite(bits.view(np.float32)).all(1)
        np.testing.assert_array_equal(finite[2:37], right[2:37])
        assert not numbers[:2].any() and not numbers[37:].any()


def items(module: object, size: int) -> tuple[float, ...]:
    """The first arguments: blocks of so many items, and their work, or all items at once."""
    return (size, 8, 0.0) if module is records else (0, size)


def parse(module: object, lines: list[bytes], width: int) -> tuple[list, np.ndarray, list]:
    stops = np.cumsum([len(line) + 1 for line in lines]) - 1
    starts = np.concatenate([[0], stops[:-1] + 1])
    word_ends, known = np.zeros(len(lines), np.int64), np.zeros(len(lines), bool)
    numbers = np.zeros((len(lines), width), np.float32)
    data = bytes_of(b"\n".join(lines) + b"\n")
    given = data, starts, stops, word_ends, numbers, known
    module.parse_lines(*items(module, len(lines)), *given)  # type: ignore[attr-defined]
    return (word_ends - starts).tolist(), numbers, known.tolist()


def float32(text: bytes) -> float:
    with np.errstate(over="ignore"):
        return np.array([float(text)]).astype(np.float32)[0]


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-2, 2).map(lambda x: f"{x:.6f}"),
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(lambda x: f"{x:.9g}"),
    st.from_regex(r"[+-]?[0-9]{0,25}\.?[0-9]{1,25}([eE][+-]?[0-9]{1,3})?", fullmatch=True),
).map(str.encode)


@given(st.lists(NUMBERS, min_size=1, max_size=20))
@example([b"0.1", b".5", b"5.", b"-0", b"+7", b"1e-7", b"1E5", b"123456789012345678901234567890"])
@example([b"1.0000000596046449", b"0.50000002980232242", b"16777217.00000001"])
@example([b"16777217", b"16777217.000000000000000001", b"1.00000005960464477539062500001"])
@example([b"0.00000000000000000000000000000000000001", b"9007199254740993", b"8388608.5000000001"])
@settings(deadline=None, max_examples=300)
def test_numbers_are_rounded_as_python_rounds_them(numbers: list[bytes]) -> None:
    lines = [b"w " + number for number in numbers]
    _, values, known = parse(records, lines, 1)
    for number, value, sure in zip(numbers, values[:, 0], known, strict=True):
        if sure:
            assert value.tobytes() == np.float32(float32(number)).tobytes(), number


@pytest.mark.parametrize(
    "number",
    ["0.123456", "-1.5e-05", "3", "0.12345678901234567", "1e22", "100000000000000000000.0", "-0.0"],
)
def test_usual_numbers_are_not_left_to_the_caller(number: str) -> None:
    _, values, known = parse(records, [f"w {number}".encode()], 1)
    assert known == [True] and values[0, 0] == float32(number.encode())


@given(
    st.lists(
        st.lists(
            st.sampled_from([b"w", b"1", b" ", b"\t", b"\r", b".", b"-", b"+", b"e", b"2.5", b"x"]),
            max_size=9,
        ).map(b"".join),
        min_size=1,
        max_size=6,
    )
)
@example([b"w 1 2", b"w 1 2 ", b"w\t1\t2\r", b"w  1 2", b" w 1 2", b"w 1", b"w 1 2 3", b"w", b""])
@example([b"w 1 .", b"w 1 -", b"w 1 1e", b"w 1 1e+", b"w 1 1.2.3", b"w 1 --1", b"w 1 0x1"])
@settings(deadline=None, max_examples=300)
def test_lines_that_a_kernel_reads_are_read_as_its_twin_reads_them(lines: list[bytes]) -> None:
    ends, values, known = parse(records, lines, 2)
    wanted_ends, wanted, right = parse(reference_records, lines, 2)
    for row in range(len(lines)):
        assert right[row] or not known[row]
        if known[row]:
            assert ends[row] == wanted_ends[row]
            np.testing.assert_array_equal(values[row], wanted[row])


def test_good_lines_are_read() -> None:
    lines = [b"w 1 2", b"word 1 2 ", b"w\t1\t-2\r", b"\xe5\x8c\x97 1e3 .5"]
    ends, values, known = parse(records, lines, 2)
    assert known == [True] * 4 and ends == [1, 4, 1, 3]
    assert values.tolist() == [[1, 2], [1, 2], [1, -2], [1000, 0.5]]


def test_every_kernel_has_a_twin() -> None:
    def own(module: object) -> set[str]:
        return {
            name
            for name, value in vars(module).items()
            if inspect.isfunction(inspect.unwrap(getattr(value, "py_func", value)))
            and getattr(value, "__module__", "") == module.__name__  # type: ignore[attr-defined]
            and not name.startswith("_")
        }

    assert own(records) == own(reference_records) != set()
