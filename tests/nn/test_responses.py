"""Reading by responses of words: the convolution's values, whatever is kept or forgotten."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest

from lexon import nn, no_grad
from lexon.errors import InputError
from lexon.nn import responses

LENGTHS = np.array([4, 0, 1, 7, 2])
WORDS = 9


def network(seed=0, activation="relu", edges="wide"):
    table = nn.Embedding(WORDS, 5, rng=seed)
    conv = nn.NgramConv(5, 6, (1, 3, 4), activation=activation, edges=edges, limit=None, rng=seed)
    for window in conv.windows:
        conv.bias(window).assign(np.random.default_rng(window).normal(size=6))
    return table, conv


def ids(seed=0):
    return np.random.default_rng(seed).integers(0, WORDS, LENGTHS.sum()).astype(np.int32)


def convolved(table, conv, words, lengths=LENGTHS):
    with no_grad():
        return conv(table(words), lengths).value


@pytest.mark.parametrize("edges", ["wide", "valid"])
@pytest.mark.parametrize("activation", ["relu", "identity", "tanh"])
def test_equals_the_convolution(activation, edges):
    table, conv = network(activation=activation, edges=edges)
    read = responses.WordResponses(table, conv)
    for seed in range(3):
        y = read(ids(seed), LENGTHS)
        assert y.dtype == np.float32
        np.testing.assert_allclose(y, convolved(table, conv, ids(seed)), rtol=1e-5, atol=1e-6)


def test_a_text_does_not_depend_on_others_nor_on_what_was_read_before():
    table, conv = network()
    read = responses.WordResponses(table, conv)
    together, start = read(ids(), LENGTHS), 0
    for place, length in enumerate(LENGTHS):
        alone = responses.WordResponses(table, conv)(ids()[start : start + length], [length])
        np.testing.assert_array_equal(alone[0], together[place])
        start += length


def test_nothing_stale_is_read():
    table, conv = network()
    read = responses.WordResponses(table, conv)
    read(ids(), LENGTHS)
    for parameter in (table.weight, conv.weight(3), conv.bias(4)):
        parameter.assign(parameter.value * 2 + 1)
        wanted = convolved(table, conv, ids())
        np.testing.assert_allclose(read(ids(), LENGTHS), wanted, rtol=1e-5, atol=1e-5)
    for module in (table, conv):
        module.astype(np.float64)
    assert read(ids(), LENGTHS).dtype == np.float64


def test_what_is_kept_is_bounded(monkeypatch):
    table, conv = network()
    rows = 4
    monkeypatch.setattr(responses, "KEPT", rows * 4 * 6 * (1 + 3 + 4))
    read = responses.WordResponses(table, conv)
    whole = responses.WordResponses(table, conv)
    for first in range(0, WORDS - 3):
        words = np.array([first, first + 1, first + 3, first], np.int32)
        np.testing.assert_array_equal(read(words, [4]), convolved_alone(table, conv, words))
        assert len(read._kept) <= rows
    np.testing.assert_array_equal(read(ids(), LENGTHS), whole(ids(), LENGTHS))  # more than is kept
    assert len(read._kept) <= WORDS


def convolved_alone(table, conv, words):
    return responses.WordResponses(table, conv)(words, np.array([len(words)]))


def test_copies_read_with_their_own_weights():
    pair = network()
    read = responses.WordResponses(*pair)
    read(ids(), LENGTHS)
    for twin in (copy.deepcopy(read), pickle.loads(pickle.dumps(read))):
        twin.table.weight.assign(twin.table.weight.value + 1)
        wanted = convolved(twin.table, twin.conv, ids())
        np.testing.assert_allclose(twin(ids(), LENGTHS), wanted, rtol=1e-5, atol=1e-5)
        assert not np.allclose(wanted, read(ids(), LENGTHS))


def test_threads_read_at_once(monkeypatch):
    table, conv = network()
    monkeypatch.setattr(responses, "KEPT", 4 * 4 * 6 * 8)
    read, wrong = responses.WordResponses(table, conv), []
    wanted = [responses.WordResponses(table, conv)(ids(seed), LENGTHS) for seed in range(8)]

    def reader(seed):
        for _ in range(50):
            if not np.array_equal(read(ids(seed), LENGTHS), wanted[seed]):
                wrong.append(seed)

    readers = [threading.Thread(target=reader, args=(seed,)) for seed in range(8)]
    for thread in readers:
        thread.start()
    for thread in readers:
        thread.join()
    assert not wrong


def test_a_word_outside_the_table_is_an_error():
    table, conv = network()
    read = responses.WordResponses(table, conv)
    for outside in (-1, WORDS):
        with pytest.raises(InputError, match="outside a table"):
            read(np.array([0, outside], np.int32), np.array([2]))


def test_a_nan_shows_in_its_text_alone():
    table, conv = network()
    harmed = np.array(table.weight.value)
    harmed[3] = np.nan
    table.weight.assign(harmed)
    words = np.where(ids() == 3, 0, ids())
    words[8] = 3  # amid the text of seven
    y = responses.WordResponses(table, conv)(words, LENGTHS)
    np.testing.assert_array_equal(np.isnan(y).any(axis=1), [False, False, False, True, False])
