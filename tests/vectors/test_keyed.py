"""What can be asked of word vectors: equal to gensim's answers, and to plain NumPy's."""

from __future__ import annotations

import pickle
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexon.errors import InputError, ShapeError
from lexon.vectors import KeyedVectors, UnknownWordError, similarity

WORDS = [f"word{n}" for n in range(300)]


def some(words: int = 300, width: int = 12, seed: int = 0) -> KeyedVectors:
    """Vectors of many lengths, not around zero."""
    draw = np.random.default_rng(seed)
    vectors = draw.normal(0.2, 1, (words, width)) * draw.uniform(0.1, 5, (words, 1))
    counts = np.arange(words, 0, -1)
    return KeyedVectors([f"word{n}" for n in range(words)], vectors.astype(np.float32), counts)


def gensim_of(vectors: KeyedVectors) -> Any:
    models = pytest.importorskip("gensim.models")
    other = models.KeyedVectors(vectors.vector_size)
    other.add_vectors(vectors.index_to_key, vectors.vectors)
    return other


def same(found: Any, wanted: Any, tolerance: float = 2e-6) -> None:
    """The same words with the same values, in their order but for near ties."""
    assert dict(found).keys() == dict(wanted).keys() and len(found) == len(wanted)
    for pairs in ([dict(found)[word] for word, _ in wanted], [value for _, value in found]):
        np.testing.assert_allclose(pairs, [value for _, value in wanted], atol=tolerance)


VECTOR = np.linspace(-1, 2, 12, dtype=np.float32)
QUERIES: list[tuple[Any, Any]] = [
    ("word3", None),
    (["word3", "word7"], None),
    (["word3", "word7"], ["word9"]),
    (None, ["word9"]),
    ([("word3", 0.5), "word7"], [("word9", -2.5)]),
    (["word3", VECTOR], None),
    (VECTOR, "word4"),
    (np.stack([VECTOR, VECTOR[::-1]]), None),
    (["word3", ("word4", 0.1), (VECTOR, 2.0)], ["word3"]),
    ([5, "word7"], [9]),
]


@pytest.mark.parametrize(("positive", "negative"), QUERIES, ids=str)
@pytest.mark.parametrize("options", [{}, {"topn": 3}, {"topn": 298}, {"restrict_vocab": 40}])
def test_most_similar_is_gensims(positive: Any, negative: Any, options: Any) -> None:
    vectors = some()
    found = vectors.most_similar(positive, negative, **options)
    same(found, gensim_of(vectors).most_similar(positive, negative, **options))


@pytest.mark.parametrize(
    ("positive", "negative"),
    [("word3", None), (["word3", "word7"], ["word9"]), (["word3"], ["word1", "word2"])],
)
@pytest.mark.filterwarnings("ignore:Call to deprecated")
def test_cosmul_is_gensims(positive: Any, negative: Any) -> None:
    vectors = some()
    other = gensim_of(vectors)
    found = vectors.most_similar_cosmul(positive, negative, topn=20)
    same(found, other.most_similar_cosmul(positive, negative, topn=20), 1e-5)
    every = vectors.most_similar_cosmul(positive, negative, topn=None)
    assert len(every) == 300 and found[0][1] in every.tolist()
    assert all(
        int(word.removeprefix("word")) < 50
        for word, _ in vectors.most_similar_cosmul(positive, negative, restrict_vocab=50)
    )


def test_comparisons_are_gensims() -> None:
    vectors = some()
    other = gensim_of(vectors)
    pair, sets = ("word3", "word9"), (["word1", "word2"], ["word3"])
    close = {"rel": 1e-4, "abs": 1e-6}
    assert vectors.similarity(*pair) == pytest.approx(float(other.similarity(*pair)), **close)
    assert vectors.distance(*pair) == pytest.approx(float(other.distance(*pair)), **close)
    assert vectors.n_similarity(*sets) == pytest.approx(float(other.n_similarity(*sets)), **close)
    assert vectors.closer_than(*pair) == other.closer_than(*pair)
    assert vectors.rank(*pair) == other.rank(*pair) > 1
    for word in ("word5", VECTOR):
        np.testing.assert_allclose(vectors.distances(word), other.distances(word), atol=1e-6)
        np.testing.assert_allclose(
            vectors.distances(word, ["word1", "word8"]),
            other.distances(word, ["word1", "word8"]),
            atol=1e-6,
        )
    for words in (WORDS[:3], WORDS[10:17], WORDS[200:290]):
        assert vectors.doesnt_match(words) == other.doesnt_match(words)
    for options in (
        {},
        {"weights": [0.5, -2, 1]},
        {"pre_normalize": False},
        {"post_normalize": True},
    ):
        keys = ["word1", VECTOR, "word2"]
        np.testing.assert_allclose(
            vectors.get_mean_vector(keys, **options),
            other.get_mean_vector(keys, **options),
            rtol=1e-5,
            atol=1e-6,
        )
    for word in ("word1", 7):
        np.testing.assert_array_equal(vectors.get_vector(word), other.get_vector(word))
        np.testing.assert_allclose(
            vectors.get_vector(word, norm=True), other.get_vector(word, norm=True), rtol=1e-6
        )


@pytest.mark.parametrize("topn", [1, 7, 400])
@pytest.mark.parametrize("batch", [1, 3, 4, 700])
def test_a_batch_is_its_queries_alone(batch: int, topn: int) -> None:
    vectors = some()
    positive = [[WORDS[n % 300], WORDS[7 * n % 300]] for n in range(batch)]
    negative = [None if n % 2 else WORDS[3 * n % 300] for n in range(batch)]
    found = vectors.most_similar_batch(positive, negative, topn)
    for n in range(0, batch, 50):
        alone = vectors.most_similar(positive[n], negative[n], topn)
        assert len(alone) == min(topn, 300 - len({*positive[n], negative[n]} - {None}))
        same(found[n], alone)


def test_an_array_is_a_batch_of_vectors() -> None:
    vectors = some()
    found = vectors.most_similar_batch(vectors.vectors[:5], topn=2)
    assert [pairs[0][0] for pairs in found] == WORDS[:5]
    assert vectors.similar_by_vector(vectors.vectors[8], topn=1) == [(WORDS[8], pytest.approx(1))]
    assert vectors.similar_by_word("word8", topn=4) == vectors.most_similar("word8", topn=4)
    assert vectors.most_similar_batch([]) == []
    assert vectors.most_similar("word1", topn=0) == []


@given(
    rows=st.integers(1, 400),
    batch=st.integers(1, 9),
    number=st.integers(1, 40),
    levels=st.integers(1, 9),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=60)
def test_the_best_are_the_best_and_of_equals_the_first(
    rows: int, batch: int, number: int, levels: int, seed: int
) -> None:
    scores = np.random.default_rng(seed).integers(-levels, levels, (rows, batch)).astype(float)
    number = min(number, rows)
    found, values = similarity.best(lambda start, stop: scores[start:stop], batch, rows, number)
    for query in range(batch):
        wanted = np.lexsort((np.arange(rows), -scores[:, query]))[:number]
        np.testing.assert_array_equal(found[query], wanted)
        np.testing.assert_array_equal(values[query], scores[wanted, query])


def test_memory_does_not_grow_with_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "_HELD", 1 << 12)
    seen: list[int] = []

    def score(start: int, stop: int) -> Any:
        seen.append(stop - start)
        return np.zeros((stop - start, 16))

    similarity.best(score, 16, 50_000, 5)
    assert sum(seen) == 50_000 and max(seen) == (1 << 12) // 16


def test_a_row_of_zeros_is_like_nothing() -> None:
    vectors = some()
    table = np.array(vectors.vectors)
    table[4] = 0
    vectors = KeyedVectors(WORDS, table)
    every = vectors.most_similar("word1", topn=None)
    assert every[4] == 0 and np.isfinite(every).all()
    assert vectors.similarity("word4", "word1") == 0
    assert {value for _, value in vectors.most_similar("word4", topn=5)} == {0.0}


def test_double_precision_stays() -> None:
    vectors = KeyedVectors(WORDS[:9], np.random.default_rng(0).normal(size=(9, 4)))
    assert vectors.vectors.dtype == vectors.norms.dtype == np.float64
    exact = vectors.vectors / np.linalg.norm(vectors.vectors, axis=1, keepdims=True)
    every = vectors.most_similar_batch(WORDS[:3], topn=8)
    for row, found in enumerate(every):
        wanted = sorted(((exact @ exact[row])[n], WORDS[n]) for n in range(9) if n != row)[::-1]
        same(found, [(word, value) for value, word in wanted], 1e-14)


def test_looking_up() -> None:
    vectors = some()
    assert "word3" in vectors and "Word3" not in vectors and 3 not in vectors
    assert len(vectors) == 300 and vectors.vector_size == 12
    assert vectors.key_to_index["word7"] == 7 and vectors.index_to_key[7] == "word7"
    np.testing.assert_array_equal(vectors["word7"], vectors.vectors[7])
    np.testing.assert_array_equal(vectors[["word7", "word1"]], vectors.vectors[[7, 1]])
    assert vectors[[]].shape == (0, 12)
    assert vectors.get_index("nothing", -1) == -1
    assert vectors.get_vecattr("word7", "count") == 293
    with pytest.raises(InputError, match="'size' is not known"):
        vectors.get_vecattr("word7", "size")
    with pytest.raises(ValueError, match="read-only"):
        vectors["word7"][0] = 1
    assert repr(vectors) == "KeyedVectors(300 words, 12 numbers each)"


def test_norms_follow_when_told() -> None:
    vectors = some()
    before = vectors.norms[3]
    vectors.vectors[3] *= 2
    assert vectors.norms[3] == before
    vectors.fill_norms(force=True)
    assert vectors.norms[3] == 2 * before
    assert vectors.similarity(vectors.index_to_key[3], vectors.index_to_key[3]) == pytest.approx(1)
    assert vectors.inverse_norms[3] == pytest.approx(0.5 / before)


def test_words_are_added() -> None:
    vectors = some(3, 2)
    before = vectors.vectors.copy()
    vectors.add_vectors(["new", "word1", "new"], [[1, 2], [3, 4], [5, 6]], [7, 8, 9])
    assert vectors.index_to_key == ["word0", "word1", "word2", "new"]
    np.testing.assert_array_equal(vectors.vectors, [*before, [1, 2]])
    assert vectors.counts is not None and vectors.counts.tolist() == [3, 2, 1, 7]
    assert vectors.norms.shape == (4,)
    vectors.add_vectors(["word1", "more"], [[3, 4], [0, 1]], replace=True)
    np.testing.assert_array_equal(vectors["word1"], [3, 4])
    assert vectors.most_similar([np.array([0.0, 1.0])], topn=1)[0][0] == "more"
    with pytest.raises(ShapeError, match="1 words of 2 numbers"):
        vectors.add_vectors(["odd"], [[1, 2, 3]])


def test_an_unknown_word_names_near_spellings() -> None:
    words = ["the", "Paris", "colour", "bank", "北京", "上海", "new_york"]
    vectors = KeyedVectors(words, np.eye(7))
    for asked, near in [
        ("paris", "'Paris'"),
        ("color", "'colour'"),
        ("bnak", "'bank'"),
        ("BANK", "'bank'"),
        ("new york", "'new_york'"),
        ("北平", "'北京'"),
    ]:
        with pytest.raises(UnknownWordError, match=f"{asked}' is not among the 7 .*{near}"):
            vectors.most_similar(asked)
    with pytest.raises(KeyError, match=r"is not among the 7 words$"):
        _ = vectors["zzzzzzzz"]
    with pytest.raises(InputError, match="9: the rows are 0 to 6"):
        vectors.get_vector(9)
    error = pickle.loads(pickle.dumps(UnknownWordError("bnak", vectors.key_to_index)))
    assert isinstance(error, InputError) and "'bank'" in str(error)


def test_near_spellings_are_quick_among_many_words() -> None:
    draw = np.random.default_rng(0)
    letters = draw.integers(97, 123, (300_000, 8)).astype(np.uint8).tobytes().decode()
    index = {letters[n : n + 8]: n // 8 for n in range(0, len(letters), 8)}
    index["colour"] = len(index)  # far behind those that are compared letter by letter
    for asked in ("color", "Color", "coluor", "colourr", "colpur"):
        assert "did you mean 'colour'?" in str(UnknownWordError(asked, index))
    started = time.perf_counter()
    for n in range(200):
        UnknownWordError(f"{n}qqqqq", index)
    raised = time.perf_counter() - started
    str(UnknownWordError("qqqqxqqqq", index))
    assert raised < 0.2 and time.perf_counter() - started < 3


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (lambda v: v.most_similar(), "nothing is asked"),
        (lambda v: v.most_similar_cosmul(None, "word1"), "nothing is asked"),
        (lambda v: v.most_similar_cosmul([("word1", 2.0)]), "no weights"),
        (lambda v: v.most_similar("word1", restrict_vocab=0), "restrict_vocab is 0"),
        (lambda v: v.most_similar_batch(["word1"], []), "1 positive queries, but 0"),
        (lambda v: v.doesnt_match([]), "the mean of 0 vectors"),
        (lambda v: v.n_similarity(["word1"], []), "the mean of 0 vectors"),
        (lambda v: v.doesnt_match(["word1", "odd"]), "'odd' is not among"),
        (lambda v: v.get_mean_vector(["word1"], [1, 2]), "1 vectors with 2 weights"),
    ],
)
def test_mistakes_are_named(question: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        question(some())


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"2 words, but vectors of shape \(3, 4\)"):
        KeyedVectors(["a", "b"], np.ones((3, 4)))
    with pytest.raises(ShapeError, match="1 counts"):
        KeyedVectors(["a", "b"], np.ones((2, 4)), [1])
    with pytest.raises(InputError, match="'b' stands there twice"):
        KeyedVectors(["a", "b", "c", "b", "a"], np.ones((5, 2)))
    with pytest.raises(ShapeError, match=r"of shape \(3,\), where the words have \(12,\)"):
        some().similar_by_vector([1, 2, 3])


def test_an_array_of_floats_is_shared() -> None:
    table = np.ones((2, 3), np.float32)
    assert np.shares_memory(KeyedVectors(["a", "b"], table).vectors, table)
    assert KeyedVectors(["a"], [[1, 2]]).vectors.dtype == np.float32
