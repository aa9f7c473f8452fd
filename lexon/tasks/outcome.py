"""What one run of the main job found, ready to be printed or drawn."""

from __future__ import annotations

from dataclasses import dataclass, field

from lexon.tasks.evaluation import Evaluation
from lexon.train.history import History, shown


@dataclass(frozen=True)
class Fired:
    """One filter of an n-gram network: the n-grams that excite it most, and whom it speaks for."""

    window: int  # rows of the n-gram, in tokens
    number: int  # which filter of that window
    ngrams: tuple[tuple[str, float], ...]  # the n-gram's tokens, and the filter's value on it
    label: str  # the class whose score it raises most


@dataclass(frozen=True)
class Explanation:
    """One text as a network read it: what each token counted for the decision.

    ``weights`` speak for the class ``label``; ``spans`` are the first token and the one behind the
    last of each marked span. ``row`` and ``truth`` are those of an example, where there is one.
    """

    tokens: tuple[str, ...]
    weights: tuple[float, ...]
    spans: tuple[tuple[int, ...], ...]
    label: str
    predicted: str
    truth: str = ""
    row: int = 0


@dataclass(frozen=True)
class Outcome:
    """One trained network beside its baseline.

    ``evaluations`` and ``baseline`` hold one entry per part, in the same order: the held-out part
    first, then the test file if there was one. The last part decides the verdict. Without a
    baseline or an evaluated part the lists are empty.
    """

    network: str  # such as "cnn"
    target: str  # the column that is predicted
    evaluations: tuple[Evaluation, ...]
    baseline: tuple[Evaluation, ...] = ()
    baseline_name: str = ""
    #: Further simple rivals by name, each with what ``baseline`` holds.
    rivals: tuple[tuple[str, tuple[Evaluation, ...]], ...] = ()
    history: History = field(default_factory=History)
    facts: dict[str, str] = field(default_factory=dict)  # data, settings, versions: name to text
    notes: tuple[str, ...] = ()  # what the reader should know: dropped rows, guessed columns
    fired: tuple[Fired, ...] = ()
    explained: tuple[Explanation, ...] = ()
    words: tuple[tuple[str, tuple[tuple[str, float], ...]], ...] = ()  # class, words and weights
    duplicates: tuple[tuple[str, str, str], ...] = ()  # text, part it is in, label there
    seconds: float = 0.0  # of training, wall clock
    memory: float = 0.0  # peak of the process, in bytes
    command: str = ""  # that runs it again

    @property
    def verdict(self) -> str:
        """One sentence: how good the network is, and whether the baseline is better."""
        if not self.evaluations:
            return f"{self.network}: trained, and evaluated on nothing."
        own = self.evaluations[-1]
        where = f"{own.rows:,} {own.part} {own.unit}"
        said = f"{self.network}: {own.measure} {shown(own.score)} on {where}"
        beside = self.beside
        if not beside:
            return said + "."
        rivals = "; ".join(f"{name}: {shown(rival.score)}" for name, rival in beside)
        if self.lead < 0:
            return f"{said}, but the simple baseline wins ({rivals}): prefer it, or tune."
        return f"{said}, {'ahead of' if self.lead > 0 else 'level with'} {rivals}."

    @property
    def beside(self) -> list[tuple[str, Evaluation]]:
        """The simple rivals' scores on the part that decides, the best first."""
        found = [(self.baseline_name, self.baseline), *self.rivals]
        last = [(name, rival[-1]) for name, rival in found if rival]
        return sorted(last, key=lambda pair: -pair[1].merit)

    @property
    def lead(self) -> float:
        """How far the network is ahead of its best rival; 0 if it is level or there is none."""
        if not self.evaluations or not self.beside:
            return 0.0
        return self.evaluations[-1].merit - self.beside[0][1].merit
