"""Outcomes to draw: each holds what one kind of task leaves behind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lexon.tasks.evaluation import Array, Evaluation, evaluate_classes, evaluate_numbers
from lexon.tasks.outcome import Explanation, Fired, Outcome
from lexon.train.history import Epoch, History

ENGLISH = (
    "a gorgeous, witty, seductive movie",
    "the plot drags and the jokes fall flat",
    "not bad at all, and better than its trailer",
    "an utterly charming film that never once insults its audience",
    "too long, too loud, and far too pleased with itself",
    "i laughed twice, once at the wrong moment",
)
CHINESE = (
    "房间很干净,服务员态度也好,下次还会来住",
    "早餐太差了,排队半个小时只剩馒头",
    "位置方便,离地铁站五分钟",
    "隔音效果不好,晚上根本睡不着",
)


def history(epochs: int = 9, best: int = 5, clipped: float = 0.12) -> History:
    """Losses that fall, a validation loss that turns, a score that has its best epoch."""
    return History(
        measure="accuracy",
        epochs=[
            Epoch(
                epoch=n,
                loss=0.69 * 0.75**n,
                score=0.79 - 0.003 * (n - best) ** 2,
                valid_loss=0.45 + 0.006 * (n - best) ** 2,
                learning_rate=0.001,
                gradient_norm=1.4 / n + 0.6,
                clipped=clipped / n,
            )
            for n in range(1, epochs + 1)
        ],
        best=best,
        stopped="no better for 4 epochs",
    )


def texts(count: int, source: tuple[str, ...] = ENGLISH) -> list[str]:
    """Sentences, no two alike, some of them long."""
    chosen = [f"{source[row % len(source)]} ({row})" for row in range(count)]
    return [text * 12 if row % 17 == 3 else text for row, text in enumerate(chosen)]


def classified(
    labels: tuple[str, ...],
    rows: int,
    part: str = "test",
    skill: float = 2.0,
    source: tuple[str, ...] = ENGLISH,
) -> Evaluation:
    """A classifier that is right the oftener the larger ``skill``."""
    generator = np.random.default_rng(3)
    truth = generator.integers(len(labels), size=rows)
    logits = generator.normal(size=(rows, len(labels)))
    logits[np.arange(rows), truth] += skill
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return evaluate_classes(part, texts(rows, source), truth, shares, labels, shares.argmax(axis=1))


def several_labels(labels: tuple[str, ...], rows: int) -> Evaluation:
    """Any number of labels a row."""
    generator = np.random.default_rng(4)
    truth: Array = (generator.random((rows, len(labels))) < 0.3).astype(np.int64)
    shares = np.clip(truth * 0.4 + generator.random((rows, len(labels))) * 0.5, 0, 1)
    predicted = (shares > 0.5).astype(np.int64)
    return evaluate_classes("held-out", texts(rows), truth, shares, labels, predicted)


def numbers(rows: int) -> Evaluation:
    """Predicted prices."""
    generator = np.random.default_rng(5)
    truth = generator.normal(200, 60, size=rows)
    return evaluate_numbers("test", texts(rows), truth, truth + generator.normal(0, 15, size=rows))


def binary() -> Outcome:
    """A network for two classes that is ahead of its baseline, with every section filled."""
    labels = ("negative", "positive")
    return Outcome(
        network="cnn",
        target="sentiment",
        evaluations=(classified(labels, 300, "held-out"), classified(labels, 300)),
        baseline=(classified(labels, 300, "held-out", 1.0), classified(labels, 300, "test", 1.0)),
        baseline_name="TF-IDF + logistic regression",
        history=history(),
        facts={
            "data": "reviews.csv, 10,662 rows",
            "network": "cnn, windows 3, 4, 5 with 100 filters each, dropout 0.5",
            "seed": "1",
            "versions": "lexon 0.1.0, numpy 2.3.1",
        },
        notes=("12 rows without a text were dropped.", "The text column was guessed: review."),
        fired=tuple(
            Fired(
                window=3 + number % 3,
                number=number,
                ngrams=(
                    ("a gorgeous film", 4.31),
                    ("utterly charming ,", 3.9),
                    ("never once", 3.2),
                ),
                label=labels[number % 2],
            )
            for number in range(9)
        ),
        duplicates=(("a gorgeous, witty, seductive movie", "test", "positive"),),
        seconds=83.4,
        memory=412 * 2**20,
        command="lexon train reviews.csv --text review --target sentiment --network cnn --seed 1",
    )


def many(classes: int, rows: int = 600) -> Outcome:
    """A network for many classes that loses against its baseline."""
    names = ("earn", "acq", "money-fx", "grain", "crude", "trade", "interest", "ship", "wheat")
    labels = (*names, *(f"topic {n}" for n in range(9, classes)))[:classes]
    return replace(
        binary(),
        target="topic",
        evaluations=(classified(labels, rows, skill=1.5),),
        baseline=(classified(labels, rows, skill=3.5),),
        fired=(),
        duplicates=(),
    )


def chinese() -> Outcome:
    """Hotel reviews."""
    labels = ("好评", "差评")
    return replace(
        binary(),
        target="评价",
        evaluations=(classified(labels, 200, "测试集", source=CHINESE),),
        baseline=(classified(labels, 200, "测试集", 3.0, CHINESE),),
        notes=("丢弃了 3 行空文本。",),
        fired=(Fired(2, 7, (("态度 也 好", 3.3), ("很 干净", 2.9)), "好评"),),
        duplicates=((CHINESE[0], "测试集", "好评"),),
    )


def relations() -> Outcome:
    """Relations between two spans, and the words that decided."""
    cause = "Cause(e2,e1)"
    return replace(
        binary(),
        fired=(),
        words=((cause, (("from", 5.25), ("by", 1.5))),),
        explained=(
            Explanation(
                ("the", "smoke", "from", "fires"),
                (0.0, 1.0, 2.0, -0.5),
                ((1, 2), (3, 4)),
                cause,
                cause,
                "Other",
                7,
            ),
        ),
    )


def regression() -> Outcome:
    """Prices from descriptions."""
    return replace(
        binary(),
        target="price in $",
        evaluations=(numbers(250),),
        baseline=(numbers(250),),
        fired=(),
        duplicates=(),
    )


def multi_label() -> Outcome:
    """Several labels a row."""
    return replace(
        binary(),
        target="genres",
        evaluations=(several_labels(("drama", "comedy", "war", "family"), 120),),
        baseline=(),
        baseline_name="",
        fired=(),
    )
