"""The simple rival of a tagger: a linear classifier on the words around each token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lexon.tasks.evaluation import Evaluation
from lexon.tasks.tag_scores import evaluate_tags
from lexon.tasks.tag_words import case_of

Sentences = Sequence[Sequence[str]]
#: Columns that features are hashed to.
COLUMNS = 2**18


class LinearTagger:
    """scikit-learn's linear support vector machine (by stochastic descent), each token for itself.

    Features, hashed: the token, its ends, its capitals, and the two tokens on either side.
    """

    name = "linear baseline (words, word ends and capitals in a window of 5, linear SVM)"

    def __init__(self, seed: int) -> None:
        from sklearn.feature_extraction import FeatureHasher
        from sklearn.linear_model import SGDClassifier

        self.hasher = FeatureHasher(COLUMNS, input_type="string")
        self.machine = SGDClassifier(random_state=seed, alpha=1e-5, max_iter=10, tol=None)

    def fit(self, tokens: Sentences, tags: Sentences) -> LinearTagger:
        """Train on sentences and their tags.

        Raises:
            ValueError: there is no token, or one tag only.
        """
        flat = [tag for sentence in tags for tag in sentence]
        self.machine.fit(self.hasher.transform(_features(tokens)), flat)
        return self

    def predict(self, tokens: Sentences) -> list[list[str]]:
        """The tags of every sentence."""
        if not any(tokens):
            return [[] for _ in tokens]
        flat: Any = self.machine.predict(self.hasher.transform(_features(tokens))).tolist()
        rest = iter(flat)
        return [[next(rest) for _ in sentence] for sentence in tokens]

    def evaluate(self, tokens: Sentences, truth: Sentences, part: str, chunked: bool) -> Evaluation:
        """All scores on sentences with known tags."""
        sure = [1.0] * len(tokens)
        return evaluate_tags(part, tokens, truth, self.predict(tokens), sure, chunked=chunked)


def _features(tokens: Sentences) -> Iterator[list[str]]:
    for sentence in tokens:
        around = ["<s>", "<s>", *(token.lower() for token in sentence), "</s>", "</s>"]
        for place, token in enumerate(sentence):
            found = [f"{offset}:{around[place + offset]}" for offset in range(5)]
            found += [f"end{n}:{token[-n:]}" for n in (1, 2, 3)]
            found += [f"start{n}:{token[:n]}" for n in (1, 2, 3)]
            found += [f"case:{case_of(token)}", f"first:{place == 0}:{case_of(token)}"]
            found += [f"pair:{around[place + 1]} {around[place + 2]}"]
            yield [*found, f"pair:{around[place + 2]} {around[place + 3]}"]
