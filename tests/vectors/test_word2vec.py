"""Word2Vec: what it learns, how it goes on, grows, is saved and interrupted."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lexon.errors import InputError, ModelFileError
from lexon.vectors import Callback, KeyedVectors, Word2Vec, open_vectors
from lexon.vectors import run as module

#: Two topics that never meet: words of one are alike.
TOPICS = [["red", "green", "blue", "paint"], ["one", "two", "three", "count"]]
SMALL = {"vector_size": 16, "min_count": 1, "workers": 1, "epochs": 2, "seed": 3, "sample": 0}


def corpus(number: int = 400, seed: int = 0) -> list[list[str]]:
    random = np.random.default_rng(seed)
    return [random.choice(TOPICS[k % 2], 6).tolist() for k in range(number)]


def same(a: Word2Vec, b: Word2Vec) -> bool:
    return a.wv.index_to_key == b.wv.index_to_key and np.array_equal(a.wv.vectors, b.wv.vectors)


@pytest.mark.parametrize("sg", [0, 1])
@pytest.mark.parametrize("objective", [{}, {"exact": True}, {"hs": 1}, {"negative": 0}])
def test_words_of_one_topic_become_alike(sg, objective):
    model = Word2Vec(corpus(), **SMALL | {"epochs": 60, "alpha": 0.1}, sg=sg, **objective)
    for topic, other in (TOPICS, TOPICS[::-1]):
        within = [model.wv.similarity(a, b) for a, b in itertools.combinations(topic, 2)]
        across = [model.wv.similarity(a, b) for a in topic for b in other]
        assert np.mean(within) > np.mean(across) + 0.3, objective


def test_a_file_and_lists_give_the_same_bits(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(map(" ".join, corpus())))
    assert same(Word2Vec(corpus(), **SMALL), Word2Vec(corpus_file=path, **SMALL))
    assert same(Word2Vec(iter(corpus()), **SMALL), Word2Vec(corpus_file=[path], **SMALL))


@pytest.mark.parametrize("sg", [0, 1])
def test_one_worker_repeats_and_so_do_several_where_asked(sg):
    first = Word2Vec(corpus(), **SMALL, sg=sg)
    assert same(first, Word2Vec(corpus(), **SMALL, sg=sg))
    assert not same(first, Word2Vec(corpus(), **SMALL | {"seed": 4}, sg=sg))
    settings = SMALL | {"deterministic": True, "sg": sg}
    one, two, five = (Word2Vec(corpus(), **settings | {"workers": n}) for n in (1, 2, 5))
    assert same(one, two) and same(one, five)


def test_losses_are_kept_and_fall():
    model = Word2Vec(**SMALL | {"epochs": 6, "alpha": 0.1}, sg=1, exact=True, compute_loss=True)
    model.build_vocab(corpus()).train(held_out=corpus(100, seed=9))
    assert len(model.losses) == len(model.held_out_losses) == 6
    assert model.losses[-1] < model.losses[0] - 0.1
    assert model.held_out_losses[-1] < model.held_out_losses[0] - 0.1
    assert model.get_latest_training_loss() == model.losses[-1]
    with pytest.raises(InputError, match="compute_loss"):
        Word2Vec(corpus(), **SMALL).get_latest_training_loss()


def test_training_goes_on_with_other_random_numbers():
    model = Word2Vec(corpus(), **SMALL)
    first = np.array(model.wv.vectors)
    model.train(corpus())
    second = np.array(model.wv.vectors)
    model.train(corpus(), epochs=0)
    assert np.array_equal(second, model.wv.vectors)
    assert not np.array_equal(first, second)
    again = Word2Vec(corpus(), **SMALL)
    again.train(corpus())
    assert np.array_equal(again.wv.vectors, second)


def test_a_vocabulary_grows():
    model = Word2Vec(corpus(), **SMALL)
    before = {word: np.array(model.wv[word]) for word in model.words}
    outputs = {word: np.array(model._trainer.outputs[i]) for i, word in enumerate(model.words)}
    new = [["blue", "violet", "red"]] * 900
    model.build_vocab(new, update=True)
    assert set(model.words) == {*before, "violet"}
    assert list(model.counts) == sorted(model.counts, reverse=True)
    seen = sum(sentence.count("blue") for sentence in corpus())
    assert dict(zip(model.words, model.counts, strict=True))["blue"] == seen + 900
    for place, word in enumerate(model.words):
        if word in before:
            assert np.array_equal(model.wv[word], before[word])
            assert np.array_equal(model._trainer.outputs[place], outputs[word])
    model.train(epochs=8, start_alpha=0.05)
    assert model.wv.similarity("violet", "red") > model.wv.similarity("violet", "two")
    with pytest.raises(InputError, match="no vocabulary to update"):
        Word2Vec(**SMALL).build_vocab(new, update=True)


def test_a_model_goes_on_from_its_file(tmp_path):
    path = tmp_path / "m.lexon"
    model = Word2Vec(corpus(), **SMALL, compute_loss=True)
    model.save(path)
    loaded = Word2Vec.load(path)
    assert same(model, loaded) and loaded.losses == model.losses
    assert np.array_equal(open_vectors(path).vectors, model.wv.vectors)
    loaded.workers = 1
    assert same(model.train(corpus()), loaded.train(corpus()))
    whole = path.read_bytes()
    for harmed in (whole[:-1], whole[:-5] + b"x" + whole[-4:], whole[:40] + b"x" + whole[41:]):
        path.write_bytes(harmed)
        with pytest.raises(ModelFileError):
            Word2Vec.load(path)
    model.wv.save(path)
    with pytest.raises(ModelFileError, match="vectors"):
        Word2Vec.load(path)


class Stop(Callback):
    """Presses Ctrl-C after so many stretches."""

    def __init__(self, after: int) -> None:
        self.after = after

    def on_progress(self, model: Word2Vec, progress: object) -> None:
        self.after -= 1
        if self.after == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("settings", [{"sg": 1}, {"deterministic": True, "workers": 2}])
@pytest.mark.parametrize("after", [1, 3, 4])
def test_an_interrupted_training_goes_on_to_the_same_bits(settings, after, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_FIRST_STRETCH", 1)  # one chunk at a time
    monkeypatch.setattr(module, "STRETCH", 1e-9)
    path, given = tmp_path / "c", SMALL | settings | {"compute_loss": True}
    sentences = corpus(7_000)  # 42,000 words, three chunks an epoch
    whole = Word2Vec(sentences, **given)
    model = Word2Vec(**given).build_vocab(sentences)
    model.train(checkpoint=path, every=0, callbacks=[Stop(after)])
    assert model.interrupted and path.exists() and isinstance(model.wv, KeyedVectors)
    assert not same(model, whole)
    resumed = Word2Vec(**given).build_vocab(sentences)
    resumed.train(checkpoint=path, resume=True, every=0)
    assert same(resumed, whole) and not resumed.interrupted and not path.exists()
    assert resumed.losses == pytest.approx(whole.losses, rel=1e-12)


def test_a_checkpoint_of_another_corpus_is_refused(tmp_path):
    path = tmp_path / "c"
    model = Word2Vec(**SMALL).build_vocab(corpus())
    model.train(checkpoint=path, every=0, callbacks=[Stop(1)])
    assert path.exists()
    for other in (
        Word2Vec(**SMALL).build_vocab(corpus(seed=5)),
        Word2Vec(**SMALL | {"window": 2}).build_vocab(corpus()),
    ):
        with pytest.raises(InputError, match="other data or other settings"):
            other.train(checkpoint=path, resume=True)


def test_callbacks_are_told_in_order():
    told = []

    class Listener:
        def on_train_begin(self, model):
            told.append("begin")

        def on_epoch_end(self, model):
            told.append(len(model.losses))

        def on_train_end(self, model):
            told.append("end")

    Word2Vec(corpus(), **SMALL, compute_loss=True, callbacks=[Listener()])
    assert told == ["begin", 1, 2, "end"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"vector_size": 0}, "vector_size"),
        ({"workers": 0}, "workers"),
        ({"window": 0}, "window"),
        ({"negative": -1}, "negative"),
        ({"direction": "sideways"}, "direction"),
        ({"min_count": 0}, "min_count"),
        ({"epochs": -1}, "epochs"),
    ],
)
def test_parameters_are_checked(wrong, message):
    with pytest.raises(InputError, match=message):
        Word2Vec(corpus(4), **SMALL | wrong)


def test_what_is_missing_is_said():
    with pytest.raises(InputError, match="call build_vocab first"):
        Word2Vec(**SMALL).train(corpus())
    with pytest.raises(InputError, match="one of them"):
        Word2Vec(**SMALL).build_vocab()
    with pytest.raises(InputError, match="no vectors yet"):
        Word2Vec(**SMALL).wv  # noqa: B018
    with pytest.raises(InputError, match="nothing to save"):
        Word2Vec(**SMALL).save("nowhere")
    with pytest.raises(InputError, match="min_count"):
        Word2Vec([["once", "each"]], **SMALL | {"min_count": 5})


def test_the_usual_direction_and_rate_are_those_of_the_objective():
    found = {}
    for name, given in {"": {}, "hs": {"hs": 1}, "softmax": {"negative": 0}}.items():
        settings = Word2Vec(sg=1, **given).settings
        found[name] = settings.direction, settings.alpha
    assert found[""] == found["hs"] == ("context-to-centre", 0.025)
    assert found["softmax"] == ("centre-to-context", 0.04)
