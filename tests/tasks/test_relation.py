"""The relation classifier: spans, networks, losses, explanations, files, bits."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from lexon import parallel
from lexon.errors import InputError, ModelFileError
from lexon.graph.node import no_grad
from lexon.tasks import RelationClassifier, TextClassifier, load
from lexon.tasks.job import Part, Resumption
from lexon.tasks.relation_encode import MarkedIds, cut
from lexon.tasks.relation_job import RelationBaseline, part_of, train_relation
from lexon.tasks.relation_score import macro_f1
from lexon.text import MarkedText, Tokenizer, Vocabulary, read_relations
from lexon.train.loop import Silent, Training
from lexon.vectors import KeyedVectors
from tests.tasks.relations import sentences

SMALL: dict[str, Any] = {
    "dimension": 8, "filters": 10, "hidden": 8, "windows": (2, 3), "position_dimension": 3,
    "max_distance": 5, "affix_dimension": 4, "learning_rate": 0.002, "epochs": 3, "seed": 2,
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "cnn": {"model": "cnn", "pool": "max"},
    "piecewise": {"model": "cnn"},
    "bilstm": {"model": "bilstm", "loss": "ranking", "learning_rate": 0.01},
    "bilstm-max": {
        "model": "bilstm",
        "pool": "max",
        "loss": "cross-entropy",
        "learning_rate": 0.01,
    },
    "cross-entropy": {
        "model": "cnn",
        "loss": "cross-entropy",
        "position_dimension": 0,
        "affix_dimension": 0,
    },
}
TEXTS, LABELS = sentences(120, 1)
NEW, NEW_LABELS = sentences(80, 2)


@pytest.fixture(scope="module")
def models() -> dict[str, RelationClassifier]:
    return {
        kind: RelationClassifier(**SMALL | settings).fit(TEXTS, LABELS)
        for kind, settings in KINDS.items()
    }


def encoded(*texts: str) -> MarkedIds:
    cuts = cut(Tokenizer("words"), [MarkedText.parse(text) for text in texts])
    return MarkedIds.of([Vocabulary.build(tokens for tokens, _ in cuts)], cuts)


# Spans in tokens


def test_distances_to_the_spans() -> None:
    texts = encoded("a b <e1>c d</e1> e <e2>f</e2> g", "<e2>a</e2> <e1>b</e1>")
    assert texts.spans.tolist() == [[2, 4, 5, 6], [1, 2, 0, 1]]
    assert (texts.distances(0, 9) - 9).tolist() == [-2, -1, 0, 0, 1, 2, 3, -1, 0]
    assert (texts.distances(1, 9) - 9).tolist() == [-5, -4, -3, -2, -1, 0, 1, 0, 1]
    assert texts.distances(1, 2).tolist() == [0, 0, 0, 0, 1, 2, 3, 2, 3]


def test_a_span_ends_a_token() -> None:
    ((tokens, spans),) = cut(Tokenizer("words"), [MarkedText("catfish's", (3, 7), (0, 3))])
    assert tokens == ["cat", "fish", "'", "s"] and spans == (1, 2, 0, 1)
    with pytest.raises(InputError, match="text 0: a span has no token"):
        cut(Tokenizer("words"), [MarkedText("a \u200b", (0, 1), (2, 3))])


def test_only_the_context_of_the_spans_is_kept() -> None:
    text = MarkedText.parse("a b c <e1>d</e1> e <e2>f</e2> g h i")
    for context, expected in ((0, "d e f"), (2, "b c d e f g h"), (9, "a b c d e f g h i")):
        ((tokens, spans),) = cut(Tokenizer("words"), [text], context)
        assert " ".join(tokens) == expected
        assert [tokens[slice(*spans[n : n + 2])] for n in (0, 2)] == [["d"], ["f"]]
    model = RelationClassifier(**SMALL | {"context": 1, "epochs": 1}).fit(TEXTS, LABELS)
    (one, other) = model.explain(["x <e1>a</e1> b <e2>c</e2> d", "y x <e1>a</e1> b <e2>c</e2> d e"])
    assert one == other and one.tokens == ("x", "a", "b", "c", "d")


def test_affixes_tell_of_words_that_training_did_not_meet() -> None:
    def rows(first: int, last: int) -> tuple[list[str], list[str]]:
        ends = [("er", "X"), ("ing", "Y")] * (last - first)
        words = [
            f"w{n}{end}" for n, (end, _) in zip(np.arange(first, last).repeat(2), ends, strict=True)
        ]
        return [f"<e1>{word}</e1> <e2>x</e2>" for word in words], [label for _, label in ends]

    settings = SMALL | {"epochs": 20, "validation_fraction": 0, "learning_rate": 0.01}
    model = RelationClassifier(**settings).fit(*rows(0, 30))
    texts, labels = rows(90, 95)
    assert not model.vocabulary_.encode(["w90er", "w94ing"]).any()
    assert model.score(texts, labels) == 1.0
    blind = RelationClassifier(**settings | {"affix_dimension": 0}).fit(*rows(0, 30))
    assert blind.affixes_ == () and len(set(blind.predict(texts).tolist())) == 1


def test_ngrams_fall_into_the_piece_of_their_middle() -> None:
    """Seven tokens, pieces end behind tokens 3 and 5; in wide order n-gram t ends with token t."""
    texts = encoded("a b <e1>c d</e1> e <e2>f</e2> g", "<e2>a</e2> <e1>b</e1>")
    for window in (1, 2, 3, 4):
        middles = np.arange(7 + window - 1) - (window - 1) + window // 2
        pieces = np.searchsorted([4, 6, 7], np.clip(middles, 0, 6), side="right")
        found = texts.ngram_pieces(window)
        assert found[0].tolist() == np.bincount(pieces, minlength=3).tolist()
        assert found[1].sum() == 2 + window - 1 and found[1, 2] == 0


def test_the_pieces_are_maximised_one_by_one(models: dict[str, RelationClassifier]) -> None:
    model = models["piecewise"]
    network, texts = model.network_, model._ids([MarkedText.parse(text) for text in NEW[:9]])
    with no_grad():
        x = network.read(texts).value
        values = network._by_piece(network.read(texts), texts, 3).value
    weight, bias = network.conv.weight(3).value, network.conv.bias(3).value
    for row, (start, length) in enumerate(zip(texts.ids.starts, texts.ids.lengths, strict=True)):
        padded = np.pad(x[start : start + length], ((2, 2), (0, 0)))
        z = np.array([(weight * padded[t : t + 3]).sum((1, 2)) + bias for t in range(length + 2)])
        cuts = np.cumsum(texts.ngram_pieces(3)[row])[:2]
        expected = [np.tanh(p.max(0)) if len(p) else 0 * bias for p in np.split(z, cuts)]
        np.testing.assert_allclose(values[row], np.concatenate(expected), rtol=1e-4, atol=1e-6)


# Learning


@pytest.mark.parametrize("kind", KINDS)
def test_relations_and_their_directions_are_learned(kind: str) -> None:
    settings = SMALL | {"epochs": 25, "dropout": 0.2} | KINDS[kind]
    model = RelationClassifier(**settings).fit(*sentences(300, 3))
    assert model.score(NEW, NEW_LABELS) > 0.9
    assert model.history_.measure == "macro-F1"
    assert "Other" in model.predict(NEW)


def test_position_alone_tells_the_direction() -> None:
    """The same words in each sentence: only where the spans are differs."""
    texts = ["<e1>a</e1> b <e2>c</e2> d", "a <e1>b</e1> c <e2>d</e2>"] * 30
    labels = ["X", "Y"] * 30
    settings = SMALL | {"epochs": 20, "validation_fraction": 0, "dropout": 0.0}
    assert RelationClassifier(**settings).fit(texts, labels).score(texts, labels) == 1.0
    blind = settings | {"position_dimension": 0, "pool": "max"}
    assert RelationClassifier(**blind).fit(texts, labels).score(texts, labels) < 0.7


def test_other_has_no_score_of_its_own(models: dict[str, RelationClassifier]) -> None:
    model = models["cnn"]
    assert model.network_.out.weight.shape[0] == 4 == len(model.labels_) - 1
    texts = model._ids([MarkedText.parse(text) for text in NEW])
    scores = model._logits(texts)
    expected = np.where((scores > 0).any(1), scores.argmax(1), 4)  # Other is the last of the names
    assert model.labels_.names[4] == "Other"
    assert model.predict(NEW).tolist() == [model.labels_.names[c] for c in expected]
    chances = model.predict_proba(NEW)
    np.testing.assert_allclose(chances.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(
        np.log(chances[:, :4] / chances[:, 4:]), scores, rtol=1e-3, atol=1e-4
    )
    assert models["cross-entropy"].network_.out.weight.shape[0] == 5
    assert RelationClassifier("cnn")._ranks and not RelationClassifier("bilstm")._ranks


def test_no_relation_above_zero_is_other(models: dict[str, RelationClassifier]) -> None:
    model = models["cnn"]
    scores = np.array([[-1, -2, -1, -3], [0, 0, 0, 0], [-1, 0.1, -5, 0], [3, 4, -1, 2]], np.float32)
    decided = model._decide(model._probabilities(scores))
    assert decided.tolist() == [4, 4, 1, 1]
    renamed = RelationClassifier(**SMALL | {"other": "Cause-Effect(e1,e2)"}).fit(TEXTS, LABELS)
    assert renamed._decide(renamed._probabilities(scores)).tolist() == [0, 0, 2, 2]
    assert renamed._targets(np.arange(5)).tolist() == [-1, 0, 1, 2, 3]
    without = [(t, y) for t, y in zip(TEXTS, LABELS, strict=True) if y != "Other"]
    model = RelationClassifier(**SMALL).fit(*map(list, zip(*without, strict=True)))
    assert model.network_.out.weight.shape[0] == 4 == len(model.labels_)


def test_the_best_epoch_by_the_official_score_is_kept() -> None:
    model = RelationClassifier(**SMALL | {"epochs": 6}).fit(TEXTS, LABELS, valid=(NEW, NEW_LABELS))
    scores = [epoch.score for epoch in model.history_.epochs]
    assert model.history_.best_score == max(scores)
    assert macro_f1(NEW_LABELS, model.predict(NEW).tolist()) == max(scores)
    assert model.held_out_ is None
    assert model.score(NEW, NEW_LABELS) == max(scores)


def test_training_begins_with_given_vectors(tmp_path: Path) -> None:
    numbers = np.random.default_rng(3).normal(size=(3, 6)).astype(np.float32)
    given = KeyedVectors(["cat", "causes", "zebra"], numbers)
    settings = SMALL | {"vectors": given, "static": True}
    for kind in ("cnn", "bilstm"):
        model = RelationClassifier(kind, **settings).fit(TEXTS, LABELS)
        table, words = model.network_.table.weight.value, model.vocabulary_
        assert table.shape == (len(words), 6)
        np.testing.assert_array_equal(table[words.encode(["cat"])[0]], given["cat"])
        assert any("2 of the" in note for note in model.notes_)
        model.save(tmp_path / "m.lexon")
        again = load(tmp_path / "m.lexon")
        assert (again.predict_proba(NEW) == model.predict_proba(NEW)).all()
    with pytest.raises(InputError, match="static word vectors must be given"):
        RelationClassifier(**SMALL, static=True).fit(TEXTS, LABELS)


# Bits


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_alone_is_as_in_a_batch(kind: str, models: dict[str, RelationClassifier]) -> None:
    model = models[kind]
    together = model.predict_proba(NEW)
    for row in range(0, len(NEW), 7):
        assert (model.predict_proba([NEW[row]])[0] == together[row]).all()
    assert model.predict_proba([]).shape == (0, 5) and len(model.predict([])) == 0


@pytest.mark.parametrize("kind", ["piecewise", "bilstm"])
def test_the_same_bits_on_any_number_of_threads(
    kind: str, models: dict[str, RelationClassifier], tmp_path: Path
) -> None:
    before = parallel.threads()
    try:
        parallel.threads(3)
        other = RelationClassifier(**SMALL | KINDS[kind]).fit(TEXTS, LABELS)
    finally:
        parallel.threads(before)
    models[kind].save(tmp_path / "one")
    other.save(tmp_path / "three")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "three").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_files_and_copies(kind: str, models: dict[str, RelationClassifier], tmp_path: Path) -> None:
    model, path = models[kind], tmp_path / "m.lexon"
    model.save(path)
    expected = model.predict_proba(NEW).tobytes()
    for other in (load(path), RelationClassifier.load(path), pickle.loads(pickle.dumps(model))):
        assert other.predict_proba(NEW).tobytes() == expected
        other.save(tmp_path / "again")
        assert (tmp_path / "again").read_bytes() == path.read_bytes()
    assert clone(model).get_params()["windows"] == (2, 3)
    with pytest.raises(ModelFileError, match="holds a model for relation-classification"):
        TextClassifier.load(path)


class StopAt(Silent):
    """Ends training at a step, as when the power goes out."""

    def __init__(self, step: int) -> None:
        self.left = step

    def stepped(self, training: Training) -> None:
        self.left -= 1
        if not self.left:
            raise RuntimeError("the power went out")


@pytest.mark.parametrize("kind", ["cnn", "bilstm"])
def test_what_was_cut_short_ends_in_the_same_bytes(
    kind: str, models: dict[str, RelationClassifier], tmp_path: Path
) -> None:
    models[kind].save(tmp_path / "whole")
    train, path = Part("training", TEXTS, LABELS), tmp_path / "c"
    for step in (4, 1):
        with pytest.raises(RuntimeError):
            train_relation(
                RelationClassifier(**SMALL | KINDS[kind]), train, watcher=StopAt(step),
                resumption=Resumption(path, resume=True, every=0),
            )  # fmt: skip
    model, said = RelationClassifier(**SMALL | KINDS[kind]), []
    resumption = Resumption(path, resume=True)
    train_relation(model, train, resumption=resumption, say=said.append, baseline=False)
    assert said[0].startswith("resumed from")
    model.save(tmp_path / "resumed")
    assert (tmp_path / "resumed").read_bytes() == (tmp_path / "whole").read_bytes()


# Explanations


@pytest.mark.parametrize("kind", ["cnn", "piecewise", "bilstm-max"])
def test_the_weights_of_tokens_add_up_to_the_score(
    kind: str, models: dict[str, RelationClassifier]
) -> None:
    model = models[kind]
    scores = model._logits(model._ids([MarkedText.parse(text) for text in NEW]))
    outputs = [name for name in model.labels_.names if kind == "bilstm-max" or name != "Other"]
    for row, one in enumerate(model.explain(NEW)):
        place = outputs.index(one.label)
        own = scores[row, place] - model.network_.out.bias.value[place]
        assert sum(one.weights) == pytest.approx(own, abs=1e-4)
        assert len(one.weights) == len(one.tokens)
        assert one.predicted == one.label or (one.predicted == "Other" and (scores[row] <= 0).all())


def test_attention_adds_up_to_one(models: dict[str, RelationClassifier]) -> None:
    for one in models["bilstm"].explain(NEW):
        assert sum(one.weights) == pytest.approx(1, abs=1e-5) and min(one.weights) > 0
        assert len(set(one.weights)) > 1


def test_the_word_that_tells_the_relation_is_named() -> None:
    settings = SMALL | {
        "epochs": 30,
        "dropout": 0.2,
        "windows": (1,),
        "position_dimension": 0,
        "pool": "max",
    }
    model = RelationClassifier(**settings).fit(*sentences(300, 3))
    found = [one for one in model.explain(NEW) if one.predicted != "Other"]
    best = [one.tokens[int(np.argmax(one.weights))] for one in found]
    assert sum(word in ("causes", "contains", "what", "is") for word in best) > 0.9 * len(best)
    first = model.explain(["the <e1>big cat</e1> causes <e2>wine</e2>"])[0]
    assert [first.tokens[slice(*span)] for span in first.spans] == [("big", "cat"), ("wine",)]


# The job


def test_the_outcome_tells_scores_words_and_texts(tmp_path: Path) -> None:
    model = RelationClassifier(**SMALL | {"epochs": 20, "dropout": 0.2})
    test = Part("test", NEW, NEW_LABELS)
    outcome = train_relation(model, Part("training", *sentences(300, 3)), test=test)
    assert [e.part for e in outcome.evaluations] == ["held-out", "test"]
    assert outcome.evaluations[1].score == model.score(NEW, NEW_LABELS)
    assert outcome.verdict.startswith(
        f"cnn: macro-F1 {outcome.evaluations[1].score:.4f} on 80 test"
    )
    assert outcome.baseline[1].measure == "macro-F1" and outcome.baseline[1].score > 0.5
    assert "placed" in outcome.baseline_name
    words = dict(outcome.words)
    assert set(words) <= set(model.labels_.names) - {"Other"} and len(words) == 4
    assert "causes" in dict(words["Cause-Effect(e1,e2)"])
    for one in outcome.explained:
        assert (
            one.truth == NEW_LABELS[one.row] and one.predicted == model.predict([NEW[one.row]])[0]
        )
    assert len(outcome.explained) >= 5


def test_the_rival_knows_where_the_spans_are() -> None:
    texts = ["<e1>a</e1> b <e2>c</e2>", "a <e1>b</e1> <e2>c</e2>", "<e2>a</e2> b <e1>c</e1>"] * 5
    rival = RelationBaseline(Tokenizer("words"), "Other", 1)
    model = RelationClassifier(**SMALL, validation_fraction=0).fit(texts, ["X", "Y", "Z"] * 5)
    rival.fit(texts, model.labels_, ["X", "Y", "Z"] * 5)
    assert rival.evaluate(texts, ["X", "Y", "Z"] * 5, "test").score == 1.0


def test_a_part_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,relation\n<e1>a</e1> <e2>b</e2>,X\n<e2>c</e2> <e1>d</e1>,Y\n")
    part = part_of("test", read_relations(path))
    assert part == Part(
        "test", ["<e1>a</e1> <e2>b</e2>", "<e2>c</e2> <e1>d</e1>"], ["X", "Y"], "a.csv"
    )


# Bad input


@pytest.mark.parametrize(
    ("X", "y", "said"),
    [
        (TEXTS[0], ["x"], "this is one"),
        (None, LABELS, "texts are None"),
        ([*TEXTS[:-1], "no marks"], LABELS, "text 119: <e1> stands not at all"),
        ([*TEXTS[:-1], 5], LABELS, "text 119 is int"),
        ([*TEXTS[:-1], "<e1>a <e2>b</e1> c</e2>"], LABELS, "text 119: the spans cross each other"),
        ([*TEXTS[:-1], "<e1>\u200b</e1> <e2>b</e2>"], LABELS, "a span has no token"),
        (TEXTS, LABELS[:-1], "120 texts, but 119 labels"),
        (TEXTS, [[label] for label in LABELS], "one relation a text"),
        (TEXTS, ["X"] * 120, "only one label"),
        (TEXTS, [*LABELS[:-1], None], "label 119 is missing"),
        ([], [], "no label"),
    ],
)
def test_data_of_no_use_are_refused(X: Any, y: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        RelationClassifier(**SMALL).fit(X, y)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": "linear"}, "none of cnn, bilstm"),
        ({"pool": "attention"}, "pool is 'attention', none of piecewise, max"),
        ({"model": "bilstm", "pool": "piecewise"}, "none of attention, max"),
        ({"loss": "hinge"}, "none of ranking, cross-entropy"),
        ({"tokens": "word"}, "did you mean 'words'"),
        ({"optimizer": "adm"}, "did you mean 'adam'"),
        ({"position_dimension": -1}, "position_dimension is -1"),
        ({"max_distance": 0}, "max_distance is 0"),
        ({"affix_dimension": -1}, "affix_dimension is -1"),
        ({"context": -1}, "context is -1"),
        ({"layers": 1000}, "50 or fewer"),
        ({"hidden": 0}, "hidden is 0"),
        ({"windows": ()}, "each once"),
        ({"dropout": 1}, "dropout is 1"),
        ({"patience": 0}, "patience is 0"),
        ({"learning_rate": -1}, "learning_rate is -1"),
        ({"clip": 0}, "clip is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"other": None}, "other is None"),
    ],
)
def test_settings_of_no_use_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        RelationClassifier(**SMALL | settings).fit(TEXTS, LABELS)


def test_labels_seen_only_in_test_are_named(models: dict[str, RelationClassifier]) -> None:
    with pytest.raises(InputError, match=r"^june\.txt: 1 row with the unknown label 'New'"):
        models["cnn"].evaluate(NEW[:2], ["Other", "New"], "june.txt")
    with pytest.raises(InputError, match="2 texts, but 1 labels"):
        models["cnn"].evaluate(NEW[:2], ["Other"])
    with pytest.raises(NotFittedError):
        RelationClassifier().predict(NEW)
