"""The tagger: what it learns, its bits, its files, and what it says of strange data."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from lexon import parallel
from lexon.errors import InputError, ModelFileError, NonFiniteError
from lexon.tasks import SequenceTagger, TextClassifier, load
from lexon.tasks.job import Resumption
from lexon.tasks.tag_job import TaggedPart, train_tagger
from lexon.tasks.tag_network import CHARACTERS, NETWORKS, weight_count
from lexon.tasks.tag_words import CASES, TokenEncoder, case_of
from lexon.text.schemes import breaks, convert
from lexon.train.checkpoint import Checkpoint
from lexon.vectors import KeyedVectors
from tests.tasks.tagged import TINY, sentences

TOKENS, TAGS = sentences()
STRANGE = [[], ["Anna"], ["never", "seen", "Ünseen", "x" * 300, ""], *TOKENS[:5], ["Rome"] * 70]


def fitted(**settings: Any) -> SequenceTagger:
    return SequenceTagger(**TINY | settings).fit(TOKENS, TAGS)


@pytest.fixture(scope="module")
def model() -> SequenceTagger:
    return fitted(epochs=12)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("characters", CHARACTERS)
def test_every_network_learns_and_lasts(name: str, characters: str, tmp_path: Path) -> None:
    model = fitted(model=name, characters=characters, epochs=25, layers=1 + (name == "bigru"))
    assert model.score(*sentences(30, seed=2)) > 0.95
    model.save(tmp_path / "m.lexon")
    sizes = len(model.encoder_.words), len(model.encoder_.characters), len(model.labels_)
    stored = sum(p.value.size for p in model.network_.parameters())
    assert weight_count(model._settings(), *sizes) == stored
    for other in (load(tmp_path / "m.lexon"), pickle.loads(pickle.dumps(model))):
        assert isinstance(other, SequenceTagger)
        for ours, theirs in zip(
            model.predict_proba(STRANGE), other.predict_proba(STRANGE), strict=True
        ):
            assert ours.tobytes() == theirs.tobytes()
        assert other.predict(STRANGE) == model.predict(STRANGE)
        other.save(tmp_path / "again.lexon")
        assert (tmp_path / "again.lexon").read_bytes() == (tmp_path / "m.lexon").read_bytes()


def test_a_sentence_is_tagged_alike_alone_and_among_others(model: SequenceTagger) -> None:
    together, many = model.predict_proba(STRANGE), model.predict(STRANGE)
    for sentence, p, tags in zip(STRANGE, together, many, strict=True):
        assert model.predict_proba([sentence])[0].tobytes() == p.tobytes()
        assert model.predict([sentence]) == [tags] and len(tags) == len(sentence)
    assert many[0] == [] and model.predict([]) == [] and model.predict_proba([]) == []


def test_probabilities_are_such_and_fit_the_tags(model: SequenceTagger) -> None:
    for p in model.predict_proba(STRANGE):
        assert p.shape[1] == len(model.classes_)
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    tags, sure = model.predict_sure(STRANGE)
    assert tags == model.predict(STRANGE)
    p, learned = model.predict_proba(STRANGE)[-1], convert(tags[-1], "BIOES")
    wanted = p[range(70), [list(model.classes_).index(t) for t in learned]]
    assert (np.array(sure[-1])[:, None] == p).any(axis=1).all()
    assert (sure[-1] == wanted).mean() > 0.9  # but where the learned scheme is broken


def test_the_same_seed_gives_the_same_bits_on_any_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "WORTH_SHARING", 0)
    monkeypatch.setattr(parallel, "WORTH_WAKING", 0)
    before, found = parallel.threads(), []
    for number in (1, 3):
        parallel.threads(number)
        found.append(fitted(epochs=2).network_.state_dict())
    parallel.threads(before)
    for name, array in found[0].items():
        assert array.tobytes() == found[1][name].tobytes(), name
    other = fitted(epochs=2, seed=2).network_.state_dict()
    assert found[0]["out.weight"].tobytes() != other["out.weight"].tobytes()


@pytest.mark.parametrize("stop", [7, 20])
def test_training_resumes_to_the_same_bits(stop: int, tmp_path: Path) -> None:
    whole = fitted(epochs=3)
    rates = [epoch.learning_rate for epoch in whole.history_.epochs]
    assert 0.02 > rates[0] > rates[1] > 10 * rates[2]  # by a cosine, down to 0
    file = Checkpoint(tmp_path / "c", "same")

    class Stopped(Exception):
        pass

    def cut(training: Any) -> None:
        step, number = training._step, iter(range(stop))

        def one(indices: Any) -> None:
            if next(number, None) is None:
                file.save(training)
                raise Stopped
            step(indices)

        training._step = one

    with pytest.raises(Stopped):
        SequenceTagger(**TINY).fit(TOKENS, TAGS, checkpoint=cut)
    rest = SequenceTagger(**TINY).fit(TOKENS, TAGS, checkpoint=lambda t: file.resume(t) or None)
    for name, array in whole.network_.state_dict().items():
        assert array.tobytes() == rest.network_.state_dict()[name].tobytes(), name
    assert rest.history_ == whole.history_


@pytest.mark.parametrize("scheme", ["IOB1", "IOB2", "BIOES", "BILOU", "BMES"])
def test_tags_come_back_in_the_scheme_they_came_in(scheme: str) -> None:
    tags = [convert(one, scheme) for one in TAGS]
    model = SequenceTagger(**TINY | {"epochs": 20}).fit(TOKENS, tags)
    if scheme == "IOB1":  # no two names touch: as good as IO
        assert "B-PER" not in {tag for one in model.predict(TOKENS) for tag in one}
    assert model.scheme_ == scheme and f"tags are {scheme} (recognised)" in model.notes_[0]
    assert not any(breaks(one, scheme) for one in model.predict(STRANGE))
    test = sentences(20, seed=3)
    assert model.score(*test) > 0.9
    evaluation = model.evaluate(test[0], [convert(one, scheme) for one in test[1]])
    assert evaluation.scores == model.evaluate(*test).scores  # given in another scheme


@pytest.mark.parametrize("name", ["bilstm", "bilstm-crf"])
def test_chunks_of_lengths_that_training_never_had(name: str) -> None:
    """Tags may break the learned scheme: a chunk that begins and does not end."""
    tokens = [["Anna", "Smith", "sings"], ["John", "Miller", "runs"]] * 30
    tags = [["B-PER", "I-PER", "O"]] * 60
    model = SequenceTagger(**TINY | {"model": name, "epochs": 12}).fit(tokens, tags)
    assert "S-PER" not in model.classes_
    shorter = [["Anna"], ["Anna", "sings"], ["sings", "Smith"]]
    found, sure = model.predict_sure(shorter)
    assert found == model.predict(shorter) and [len(one) for one in sure] == [1, 2, 2]
    assert model.evaluate(shorter, [["B-PER"], ["B-PER", "O"], ["O", "B-PER"]]).score <= 1


def test_all_but_a_few_tags_of_chunks_are_told() -> None:
    tags = [["B-PER", "Z-PER"], *[["B-PER", "I-PER"]] * 20]
    model = SequenceTagger(**TINY | {"epochs": 1}).fit([["Anna", "Smith"]] * 21, tags)
    assert model.scheme_ == "none"
    assert any("tags of chunks: Z-PER (1)" in note for note in model.notes_)
    pos = SequenceTagger(**TINY | {"epochs": 1}).fit([["Anna", "Smith"]] * 21, [["N", "V"]] * 21)
    assert not any("chunks" in note for note in pos.notes_)


def test_tags_of_another_kind_are_never_seen(model: SequenceTagger) -> None:
    notes = model.evaluate([["Anna", "sings"]], [["NNP", "VBZ"]]).notes
    assert any("never seen in training, counted as wrong: NNP (1), VBZ (1)" in n for n in notes)


def test_tags_that_are_no_chunks() -> None:
    plain = [["NAME" if tag != "O" else "X" for tag in one] for one in TAGS]
    model = SequenceTagger(**TINY | {"epochs": 15}).fit(TOKENS, plain)
    assert model.scheme_ == "none" and model.history_.measure == "accuracy"
    evaluation = model.evaluate(TOKENS, plain)
    assert evaluation.measure == "accuracy" and evaluation.score > 0.95
    assert [score.name for score in evaluation.per_class] == ["NAME", "X"]
    as_plain = SequenceTagger(**TINY, scheme="none").fit(TOKENS, TAGS)
    assert list(as_plain.classes_) == ["B-LOC", "B-PER", "I-PER", "O"]


def test_scores_by_hand(model: SequenceTagger) -> None:
    from lexon.tasks.tag_scores import evaluate_tags

    truth = ["B-A I-A O B-B".split(), "B-A O".split(), "O I-B".split()]
    found = ["B-A I-A O B-A".split(), "O O".split(), "O B-B".split()]
    told = evaluate_tags("t", [list("wxyz"), list("pq"), list("rs")], truth, found, [0.9, 0.8, 1.0],
                         chunked=True)  # fmt: skip
    # 4 true chunks, 3 found, of which 2 right: A 1-2, and B in the last sentence
    assert told.scores == {
        "F1": pytest.approx(4 / 7), "precision": pytest.approx(2 / 3), "recall": 0.5,
        "accuracy": 5 / 8,
    }  # fmt: skip
    a, b = told.per_class
    assert (a.name, a.precision, a.recall, a.support) == ("A", 0.5, 0.5, 2)
    assert (b.name, b.precision, b.recall, b.support) == ("B", 1.0, 0.5, 2)
    assert told.examples[0].truth == "A 1-2 w x; B 4 z"
    assert told.examples[0].predicted == "A 1-2 w x; A 4 z" and told.examples[0].confidence == 0.9
    assert told.examples[2].truth == told.examples[2].predicted


def test_tags_seen_only_later_count_as_wrong_and_are_said(model: SequenceTagger) -> None:
    truth = [["B-PER", "O", "B-ORG"], ["I-LOC"]]
    told = model.evaluate([["Anna", "sees", "Rome"], ["Rome"]], truth)
    assert "tags never seen in training, counted as wrong: ORG (1)" in told.notes[-1]
    assert {score.name: score.support for score in told.per_class}["ORG"] == 1
    assert told.scores["recall"] < 1
    again = SequenceTagger(**TINY).fit(TOKENS, TAGS, valid=([["Anna", "x"]], [["B-PER", "B-ORG"]]))
    assert again.history_.epochs[-1].valid_loss == 0 and again.history_.best_score is not None


def test_invalid_tags_are_counted_and_named(model: SequenceTagger) -> None:
    tags = [list(one) for one in TAGS]
    tags[0][0] = "I-PER"
    strange = SequenceTagger(**TINY).fit(TOKENS, tags)
    assert any("1 tags break IOB2: I-PER behind the start (1)" in note for note in strange.notes_)
    told = model.evaluate(TOKENS, tags)
    assert any("1 true tags break IOB2" in note for note in told.notes)
    untrained = fitted(model="bilstm", epochs=1, learning_rate=0.0)
    told = untrained.evaluate(TOKENS, TAGS)
    assert any("predicted tags break BIOES" in note for note in told.notes)


def test_texts_are_cut_like_the_tokens_of_training(model: SequenceTagger) -> None:
    assert model.tokenize(["Anna sees Rome.", ["as is"]]) == [
        ["Anna", "sees", "Rome", "."],
        ["as is"],
    ]
    assert model.predict(["Anna sees Rome 3"]) == model.predict([["Anna", "sees", "Rome", "3"]])
    tokens = [list("王明在北京"), list("李红在南京")] * 10
    tags = [["B-PER", "I-PER", "O", "B-LOC", "I-LOC"]] * 20
    chinese = SequenceTagger(**TINY | {"epochs": 30}).fit(tokens, tags)
    assert chinese.tokenizer_.kind == "characters"
    assert chinese.predict(["王红在北京"]) == tags[:1]


def test_vectors_make_their_words_known() -> None:
    words = [*FIRST_WORDS, "zora", "quito"]
    numbers = np.random.default_rng(0).normal(size=(len(words), 5)).astype("f4")
    vectors = KeyedVectors(words, numbers)
    model = fitted(vectors=vectors, epochs=1)
    assert "zora" in model.encoder_.words and model.network_.table.weight.shape[1] == 5
    place = model.encoder_.words.words.index("quito")
    np.testing.assert_array_equal(model.network_.table.weight.value[place], vectors["quito"])
    assert any("have a vector to begin with" in note for note in model.notes_)
    still = fitted(vectors=vectors, static=True, epochs=2)
    place = still.encoder_.words.words.index("anna")
    np.testing.assert_array_equal(still.network_.table.weight.value[place], vectors["anna"])
    small = fitted(vectors=vectors, max_vocabulary=20, epochs=1)
    assert len(small.encoder_.words) == 20


FIRST_WORDS = ["anna", "bob", "rome"]


def test_a_static_model_can_be_loaded(tmp_path: Path) -> None:
    vectors = KeyedVectors(["anna"], np.ones((1, 4)))
    model = fitted(vectors=vectors, static=True, epochs=1)
    model.save(tmp_path / "m.lexon")
    assert load(tmp_path / "m.lexon").predict(STRANGE) == model.predict(STRANGE)


def test_capitals_and_digits() -> None:
    cases = [
        case_of(token) for token in ("...", "1990", "B2B", "house", "House", "USA", "iPhone", "I")
    ]
    assert cases == [0, 1, 2, 3, 4, 5, 6, 4] and max(cases) < CASES
    encoder = TokenEncoder.learn([["House", "1990", "é", "house"]], lowercase=True)
    part = encoder([["HOUSE", "1234", "e\u0301", "other"]])
    assert encoder.words.decode(part.words) == ["house", "0000", "é", "<unk>"]
    assert encoder.rare.tolist() == [False, *(word != "house" for word in encoder.words.words[1:])]
    assert "H" in encoder.characters and "9" in encoder.characters
    kept = TokenEncoder.learn([["House", "house"]], lowercase=False)
    assert {"House", "house"} <= set(kept.words.words)


def test_words_met_once_are_sometimes_unknown_in_training_only() -> None:
    network = fitted(epochs=1, unknown_rate=0.5).network_
    rare = network.rare_words
    assert np.array_equal(rare(np.arange(5)), np.arange(5))
    rare.rare, rare.training = np.array([False, True, False]), True
    seen = rare(np.repeat([0, 1, 2], 1000))
    assert np.array_equal(np.unique(seen[2000:]), [2]) and 400 < (seen[1000:2000] == 0).sum() < 600


def test_the_job_beside_its_rival(tmp_path: Path) -> None:
    said: list[str] = []
    test = TaggedPart("test", *sentences(30, seed=5))
    outcome = train_tagger(
        SequenceTagger(**TINY | {"epochs": 15}), TaggedPart("training", TOKENS, TAGS), test=test,
        resumption=Resumption(tmp_path / "c", every=0), say=said.append,
    )  # fmt: skip
    assert [own.part for own in outcome.evaluations] == ["held-out", "test"]
    assert outcome.evaluations[-1].score > 0.9 and outcome.baseline[-1].score > 0.9
    assert "F1" in outcome.verdict and outcome.facts["tag scheme"] == "IOB2"
    assert outcome.facts["training part"].startswith("54 sentences, ")
    assert (tmp_path / "c").exists() and "training the linear baseline" in said


BAD: list[tuple[Any, Any, dict[str, Any], str]] = [
    ("Anna", TAGS, {}, "list of lists of strings"),
    ([["a"], "b c"], [["O"], ["O", "O"]], {}, "sentence 1 is str, not a list: 'b c'"),
    ([["a", 3]], [["O", "O"]], {}, "sentence 0 holds 3, not a string"),
    ([["a"]], [["O"], ["O"]], {}, "1 sentences, but tags for 2"),
    ([["a"], ["b", "c"]], [["O"], ["O"]], {}, "sentence 1 has 2 tokens, but 1 tags"),
    ([["a"]], [["O"]], {}, "only one label, 'O'"),
    ([[], []], [[], []], {}, "no label"),
    ([], [], {}, "no label"),
    (TOKENS, TAGS, {"scheme": "IOBES"}, "scheme is 'IOBES', none of auto, IOB1"),
    (TOKENS, TAGS, {"scheme": "BMES"}, "scheme is BMES, but I-PER is no tag of BMES"),
    (TOKENS, TAGS, {"model": "cnn"}, "model is 'cnn', none of bilstm"),
    (TOKENS, TAGS, {"characters": "gru"}, "characters is 'gru'"),
    (TOKENS, TAGS, {"hidden": 0}, "hidden is 0"),
    (TOKENS, TAGS, {"windows": (0,)}, "an n-gram size is 0"),
    (TOKENS, TAGS, {"unknown_rate": 1.0}, "unknown_rate is 1.0"),
    (TOKENS, TAGS, {"static": True}, "static word vectors must be given"),
    (TOKENS, TAGS, {"optimizer": "adm"}, "did you mean 'adam'?"),
    (TOKENS, TAGS, {"lowercase": "no"}, "lowercase is 'no'"),
]


@pytest.mark.parametrize(("X", "y", "settings", "said"), BAD, ids=[bad[-1] for bad in BAD])
def test_bad_input_is_refused(X: Any, y: Any, settings: dict[str, Any], said: str) -> None:
    model = SequenceTagger(**TINY | settings)
    with pytest.raises(InputError) as caught:
        model.fit(X, y)
    assert said in str(caught.value) and not hasattr(model, "network_")


def test_what_diverges_says_so() -> None:
    with pytest.raises(NonFiniteError, match="learning rate"):
        SequenceTagger(**TINY | {"learning_rate": 1e30, "clip": None}).fit(TOKENS, TAGS)


def test_empty_sentences_are_legal() -> None:
    model = SequenceTagger(**TINY).fit([*TOKENS, [], []], [*TAGS, [], []])
    assert model.predict([[]]) == [[]] and model.evaluate([[]], [[]]).score == 0


def test_other_models_files_are_refused(model: SequenceTagger, tmp_path: Path) -> None:
    model.save(tmp_path / "m.lexon")
    with pytest.raises(ModelFileError, match="holds a model for tagging, not for text"):
        TextClassifier.load(tmp_path / "m.lexon")
    assert clone(model).get_params() == model.get_params()
