"""Vector code over listed rows: right on every processor, and its bits know no neighbours."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from lexon.kernels.compile import OPTIONS
from lexon.kernels.product import aligned
from lexon.kernels.simd import registers
from lexon.kernels.simd_rows import (
    MOST_EXCHANGED,
    PAD,
    STEP,
    TOGETHER,
    combine,
    dots,
    exchange,
    gather,
    prefetch,
    pulls,
    scatter,
    spread,
)

ROOT = Path(__file__).parents[2]
ROWS = 30


@numba.njit(**OPTIONS)
def _use(h, table, ids, first, last, factors, out, total):
    dots(h, 0, table, ids, first, last, out, 2, 0, 1)
    combine(table, table.shape[1], ids, first, last, factors, 1, 0, total, 0, 1, False)
    for i in range(first, last):
        prefetch(table, table.shape[1], ids[i])
    spread(table, table.shape[1], ids, first, last, factors, 1, 0, h, 0, 1)


@numba.njit(**OPTIONS)
def _pull(numbers, at, wanted, weight, first, rate):
    pulls(numbers, at, wanted, weight, first, rate)


def check_pulls(dtype):
    """Over all of what a sigmoid can be given, also where e**x is no longer a number."""
    random = np.random.default_rng(1)
    for s in (np.linspace(-9, 9, STEP), np.linspace(-120, 120, STEP), np.full(STEP, np.nan)):
        numbers = np.zeros(STEP + 5, dtype)
        numbers[3:-2] = s
        wanted, weight = random.random((2, STEP + 1)).astype(np.float32)
        _pull(numbers, 3, wanted, weight, 1, dtype(0.5))
        with np.errstate(over="ignore"):
            g = 0.5 * (wanted[1:] - weight[1:] / (1 + np.exp(-s.astype(dtype).astype(float))))
        np.testing.assert_allclose(numbers[3:-2], g, atol=1e-7 if dtype is np.float32 else 1e-15)
        assert not numbers[:3].any()
        assert not numbers[-2:].any()


def case(dtype, width, size, seed=0):
    random = np.random.default_rng(seed)
    table = aligned(ROWS * width, dtype).reshape(ROWS, width)
    table[...] = random.normal(size=table.shape)
    h = random.normal(size=width).astype(dtype)
    ids = random.integers(0, ROWS, size + PAD).astype(np.int32)
    ids[size // 2] = ids[0]
    return h, table, ids, random.normal(size=size + PAD).astype(dtype)


def used(h, table, ids, first, last, factors):
    table, out, total = table.copy(), np.zeros(len(ids) + 2, h.dtype), np.ones_like(h)
    _use(h, table, ids, first, last, factors, out, total)
    return out[2:], total, table


def check(dtype, width, size):
    h, table, ids, factors = case(dtype, width, size)
    first = min(1, size)
    out, total, after = used(h, table, ids, first, size, factors)
    rows, g = ids[first:size], factors[first + 1 : size + 1].astype(float)
    exact = table.astype(float)
    tolerance = {"rtol": 1e-5, "atol": 3e-5} if dtype is np.float32 else {"atol": 1e-12}
    np.testing.assert_allclose(out[first:size], exact[rows] @ h, **tolerance)
    np.testing.assert_allclose(total, g @ exact[rows], **tolerance)
    np.add.at(exact, rows, np.outer(g, h))
    np.testing.assert_allclose(after, exact, **tolerance)


@pytest.mark.parametrize("size", [1, 2, 5, 8, 9, 13, 20])
@pytest.mark.parametrize("width", [16, 32, 112, 128, 144, 304, 400])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_are_multiplied_combined_and_changed(dtype, width, size):
    check(dtype, width, size)


@numba.njit(**OPTIONS)
def _gather_and_scatter(table, ids, first, last, y, y_at):
    gather(table, table.shape[1], ids, first, last, y, y_at)
    scatter(table, table.shape[1], ids, first, last, y, y_at)


@pytest.mark.parametrize("size", [1, 2, 9])
@pytest.mark.parametrize("width", [16, 32, 112, 128, 144, 304, 400])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_are_gathered_and_scattered(dtype, width, size):
    _, table, ids, _ = case(dtype, width, size)
    ids[size] = ids[1]  # the same row twice
    rows, y, after = ids[1 : size + 1], np.zeros((size + 2, width), dtype), table.copy()
    _gather_and_scatter(after, ids, 1, size + 1, y.reshape(-1), width)
    np.testing.assert_array_equal(y[1:-1], table[rows])
    assert not y[0].any() and not y[-1].any()
    wanted = table.copy()
    np.add.at(wanted, rows, table[rows])
    np.testing.assert_allclose(after, wanted, rtol=1e-6, atol=1e-6)


@numba.njit(**OPTIONS)
def _use_together(h, table, ids, last, factors, stride, out, total, count):
    width = table.shape[1]
    dots(h, 0, table, ids, 0, last, out, 1, stride, count)
    combine(table, width, ids, 0, last, factors, 2, stride, total, 0, count, True)
    spread(table, width, ids, 0, last, factors, 2, stride, h, 0, count)


@pytest.mark.parametrize("count", [1, 2, 3, TOGETHER])
@pytest.mark.parametrize(("width", "size"), [(16, 1), (112, 13), (304, 24), (400, 5)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_vectors_that_go_together_do_as_one_after_the_other(dtype, width, size, count):
    _, table, ids, _ = case(dtype, width, size)
    random, stride = np.random.default_rng(5), 32
    h, total = random.normal(size=(2, count, width)).astype(dtype)
    factors = random.normal(size=2 + count * stride).astype(dtype)
    out, after, sums = np.zeros(1 + count * stride, dtype), table.copy(), total.copy()
    _use_together(h.reshape(-1), after, ids, size, factors, stride, out, sums.reshape(-1), count)
    exact, wanted = table.astype(float), total.astype(float)
    tolerance = {"rtol": 1e-5, "atol": 5e-5} if dtype is np.float32 else {"atol": 1e-12}
    for j in range(count):
        g = factors[2 + j * stride : 2 + j * stride + size].astype(float)
        own = out[1 + j * stride : 1 + j * stride + size]
        np.testing.assert_allclose(own, table[ids[:size]].astype(float) @ h[j], **tolerance)
        wanted[j] += g @ table[ids[:size]].astype(float)
        np.add.at(exact, ids[:size], np.outer(g, h[j]))
    np.testing.assert_allclose(sums, wanted, **tolerance)
    np.testing.assert_allclose(after, exact, **tolerance)


@numba.njit(**OPTIONS)
def _exchange(table, ids, first, last, factors, stride, x, y, at, count):
    width = table.shape[1]
    exchange(table, width, ids, first, last, factors, 2, stride, x, y, at, count)


def check_exchange(dtype, width, size, count):
    _, table, _, _ = case(dtype, width, size)
    random, stride, at = np.random.default_rng(5), 32, 3 * width
    ids = random.permutation(ROWS)[: size + 1].astype(np.int32)
    x = random.normal(size=(3 + count, width)).astype(dtype)
    factors = random.normal(size=2 + count * stride).astype(dtype)
    after, y = table.copy(), np.ones((4 + count, width), dtype)
    _exchange(after, ids, 1, size + 1, factors, stride, x.reshape(-1), y.reshape(-1), at, count)
    exact, rows = table.astype(float), ids[1:]
    g = np.stack([factors[3 + j * stride :][:size] for j in range(count)]).astype(float)
    tolerance = {"rtol": 1e-5, "atol": 5e-5} if dtype is np.float32 else {"atol": 1e-12}
    np.testing.assert_allclose(y[3:-1], g @ exact[rows], **tolerance)
    exact[rows] += g.T @ x[3:]
    np.testing.assert_allclose(after, exact, **tolerance)
    assert (y[:3] == 1).all() and (y[-1] == 1).all()


@pytest.mark.parametrize("count", range(1, MOST_EXCHANGED + 1))
@pytest.mark.parametrize(("width", "size"), [(16, 1), (112, 13), (304, 24), (400, 5)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_give_what_they_were_before_they_take(dtype, width, size, count):
    check_exchange(dtype, width, size, count)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pulls_are_those_of_the_formula(dtype):
    check_pulls(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bits_do_not_depend_on_the_place_in_a_list(dtype):
    h, table, ids, factors = case(dtype, 112, 20)
    out, _, _ = used(h, table, ids, 0, 20, factors)
    for first in range(20):
        alone, _, after = used(h, table, ids, first, first + 1, factors)
        assert alone[first] == out[first]
        row = table[ids[first]] + factors[first + 1] * h
        np.testing.assert_allclose(after[ids[first]], row, rtol=1e-4, atol=1e-5)
        others = np.arange(ROWS) != ids[first]
        np.testing.assert_array_equal(after[others], table[others])


def test_an_empty_list_changes_nothing():
    h, table, ids, factors = case(np.float32, 48, 3)
    _, total, after = used(h, table, ids, 2, 2, factors)
    np.testing.assert_array_equal(after, table)
    assert not total.any()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="x86 only")
@pytest.mark.parametrize(("processor", "width"), [("haswell", 32), ("x86-64-v2", 16)])
def test_narrower_registers_give_right_results(processor, width, tmp_path):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")}
    narrow = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": "", "LEXON_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.kernels.test_wordvectors_rows"],
        cwd=ROOT, env=inherited | narrow, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(width)]


if __name__ == "__main__":
    for number in (np.float32, np.float64):
        for numbers in (16, 112, 304):
            check(number, numbers, 13)
            check_exchange(number, numbers, 13, MOST_EXCHANGED)
        check_pulls(number)
    print(registers().bytes)
