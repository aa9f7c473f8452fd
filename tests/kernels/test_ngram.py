"""Convolution over n-grams: equal to the reference, and blind to the neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexon.kernels import ngram, reference, responses

DTYPES = [np.float32, np.float64]
FILTERS = [0, 1, 3, 16, 50, 100]


@st.composite
def texts(draw):
    """lengths, window, depth, filters, wide."""
    return (
        np.array(draw(st.lists(st.integers(0, 7), max_size=20)), np.int64),
        draw(st.integers(1, 6)),
        draw(st.integers(1, 5)),
        draw(st.sampled_from(FILTERS)),
        draw(st.booleans()),
    )


def arrays(case, dtype, draw):
    """x, w, bias of a case; ``draw(shape)`` gives numbers."""
    lengths, window, depth, filters, _ = case
    shapes = (lengths.sum(), depth), (filters, window, depth), (filters,)
    return tuple(draw(shape).astype(dtype) for shape in shapes)


def whole(shape):
    """Small whole numbers: sums and products are exact in any order, and many values tie."""
    return np.random.default_rng(sum(shape)).integers(-3, 4, shape)


def real(shape):
    return np.random.default_rng(sum(shape)).normal(size=shape)


def maxima(x, w, bias, lengths, wide):
    panels = ngram.pack_filters(w)
    return ngram.max_over_time(x, panels, bias, lengths, w.shape[1], wide)


def feature_map(x, w, bias, lengths, wide):
    panels = ngram.pack_filters(w)
    return ngram.feature_map(x, panels, bias, lengths, w.shape[1], wide)


@pytest.mark.parametrize("dtype", DTYPES)
@given(case=texts())
@settings(max_examples=80, deadline=None)
def test_forward_equals_the_reference(dtype, case):
    lengths, window, _, _, wide = case
    x, w, bias = arrays(case, dtype, whole)
    np.testing.assert_array_equal(
        ngram.counts(lengths, window, wide), reference.counts(lengths, window, wide)
    )
    z = feature_map(x, w, bias, lengths, wide)
    np.testing.assert_array_equal(z, reference.feature_map(x, w, bias, lengths, wide))
    assert z.dtype == dtype
    y, where = maxima(x, w, bias, lengths, wide)
    best, place = reference.max_over_time(x, w, bias, lengths, wide)
    np.testing.assert_array_equal(y, best)
    np.testing.assert_array_equal(where, place)
    assert y.dtype == dtype


@pytest.mark.parametrize("dtype", DTYPES)
@given(case=texts())
@settings(max_examples=80, deadline=None)
def test_responses_of_words_give_the_maxima(dtype, case):
    lengths, window, depth, filters, wide = case
    x, w, bias = arrays(case, dtype, whole)
    windows = np.array([window, 2])
    both = [w, whole((filters, 2, depth)).astype(dtype)]
    slices = [f.transpose(1, 0, 2).reshape(-1, depth) for f in both]
    heard, rows = x @ np.concatenate(slices).T, np.arange(len(x))
    got, wanted = (np.full((len(lengths), 2 * filters), np.nan, dtype) for _ in range(2))
    for module, y in ((responses, got), (reference, wanted)):
        module.max_of_responses(heard, rows, lengths, windows, wide, np.tile(bias, 2), y)
    np.testing.assert_array_equal(got, wanted)
    direct = [reference.max_over_time(x, f, bias, lengths, wide) for f in both]
    best = np.concatenate([np.where(place >= 0, y, 0) for y, place in direct], axis=1)
    np.testing.assert_array_equal(got, best)


@pytest.mark.parametrize("dtype", DTYPES)
@given(case=texts())
@settings(max_examples=80, deadline=None)
def test_way_back_equals_the_reference(dtype, case):
    lengths, window, _, filters, wide = case
    x, w, bias = arrays(case, dtype, whole)
    dy = whole((len(lengths), filters)).astype(dtype)
    dz = whole((int(ngram.counts(lengths, window, wide).sum()), filters)).astype(dtype)
    _, where = maxima(x, w, bias, lengths, wide)
    for name, arguments in {
        "max_filters_gradient": (x, dy, where, lengths, window, wide),
        "max_rows_gradient": (w, dy, where, lengths, len(x), wide),
        "map_rows_gradient": (w, dz, lengths, len(x), wide),
        "map_filters_gradient": (x, dz, lengths, window, wide),
    }.items():
        got, wanted = (getattr(m, name)(*arguments) for m in (ngram, reference))
        np.testing.assert_array_equal(got, wanted, err_msg=name)
        assert got.dtype == dtype


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("wide", [True, False])
def test_real_numbers_are_accurate(wide, dtype):
    lengths = np.array([9, 1, 0, 30, 2, 5, 5, 0, 41, 3])
    case = (lengths, 4, 37, 53, wide)
    x, w, bias = arrays(case, dtype, real)
    exact = reference.feature_map(*(a.astype(np.float64) for a in (x, w, bias)), lengths, wide)
    room = 4 * 37 * 30 * np.finfo(dtype).eps
    np.testing.assert_allclose(feature_map(x, w, bias, lengths, wide), exact, rtol=0, atol=room)


@pytest.mark.parametrize("dtype", DTYPES)
@given(case=texts())
@settings(max_examples=40, deadline=None)
def test_a_batch_is_each_text_alone_to_the_bit(dtype, case):
    lengths, *_, wide = case
    x, w, bias = arrays(case, dtype, real)
    y, where = maxima(x, w, bias, lengths, wide)
    z = feature_map(x, w, bias, lengths, wide)
    borders = np.concatenate([[0], lengths.cumsum()])
    outs = np.concatenate([[0], ngram.counts(lengths, w.shape[1], wide).cumsum()])
    for b, length in enumerate(lengths):
        text, alone = x[borders[b] : borders[b + 1]], np.array([length])
        own, place = maxima(text, w, bias, alone, wide)
        assert own.tobytes() == y[b].tobytes()
        np.testing.assert_array_equal(place[0], where[b])
        own = feature_map(text, w, bias, alone, wide)
        assert own.tobytes() == z[outs[b] : outs[b + 1]].tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@given(case=texts(), seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_permuting_the_texts_permutes_the_results(dtype, case, seed):
    lengths, *_, wide = case
    x, w, bias = arrays(case, dtype, real)
    order = np.random.default_rng(seed).permutation(len(lengths))
    parts = np.split(x, lengths.cumsum()[:-1]) if len(lengths) else []
    shuffled = np.concatenate([x[:0], *(parts[b] for b in order)])
    y, where = maxima(x, w, bias, lengths, wide)
    permuted, place = maxima(shuffled, w, bias, lengths[order], wide)
    assert permuted.tobytes() == y[order].tobytes()
    np.testing.assert_array_equal(place, where[order])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("wide", [True, False])
def test_threads_change_no_bit(wide, dtype, on_threads):
    lengths = np.random.default_rng(1).integers(0, 12, 40)
    x, w, bias = arrays((lengths, 3, 10, 50, wide), dtype, real)
    dy = real((40, 50)).astype(dtype)
    dz = real((int(ngram.counts(lengths, 3, wide).sum()), 50)).astype(dtype)

    def gradients(module, where):
        return [
            module.max_filters_gradient(x, dy, where, lengths, 3, wide),
            module.max_rows_gradient(w, dy, where, lengths, len(x), wide),
            module.map_rows_gradient(w, dz, lengths, len(x), wide),
            module.map_filters_gradient(x, dz, lengths, 3, wide),
        ]

    def everything():
        y, where = maxima(x, w, bias, lengths, wide)
        z = feature_map(x, w, bias, lengths, wide)
        return [y, where, z, *gradients(ngram, where)]

    one, two, five = (on_threads(n, everything) for n in (1, 2, 5))
    assert [a.tobytes() for a in one] == [a.tobytes() for a in two]
    assert [a.tobytes() for a in one] == [a.tobytes() for a in five]
    room = 1e-12 if dtype is np.float64 else 1e-4
    y, _ = reference.max_over_time(x, w, bias, lengths, wide)
    wanted = [y, one[1], reference.feature_map(x, w, bias, lengths, wide)]
    for got, right in zip(one, [*wanted, *gradients(reference, one[1])], strict=True):
        np.testing.assert_allclose(got, right, rtol=room, atol=room)


@pytest.mark.parametrize("place", [0, 3, 6])
def test_nan_is_the_maximum_of_its_text_and_of_no_other(place):
    lengths = np.array([4, 7, 2])
    x, w, bias = arrays((lengths, 2, 3, 20, True), np.float32, real)
    y, _ = maxima(x, w, bias, lengths, True)
    x[4 + place, 1] = np.nan
    harmed, _ = maxima(x, w, bias, lengths, True)
    assert np.isnan(harmed[1]).all()
    np.testing.assert_array_equal(harmed[[0, 2]], y[[0, 2]])


def test_inputs_stay_as_they_were():
    lengths = np.array([4, 0, 7])
    given_ = (*arrays((lengths, 3, 2, 5, True), np.float64, real), lengths)
    before = [a.copy() for a in given_]
    x, w, bias, _ = given_
    _, where = maxima(x, w, bias, lengths, True)
    dy = real((3, 5))
    dy_before, where_before = dy.copy(), where.copy()
    ngram.max_filters_gradient(x, dy, where, lengths, 3, True)
    ngram.max_rows_gradient(w, dy, where, lengths, 11, True)
    for array, old in zip((*given_, dy, where), (*before, dy_before, where_before), strict=True):
        np.testing.assert_array_equal(array, old)
