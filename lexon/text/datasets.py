"""A data set that every Python brings along, splits, and duplicates between parts."""

from __future__ import annotations

import ast
import os
import re
import sysconfig
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lexon.errors import InputError
from lexon.text.batches import Indices
from lexon.text.examples import Examples
from lexon.text.labels import LabelList

SKIPPED = {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"}
CLASSES = 12
SHORTEST, LONGEST = 5, 80
LETTERS = re.compile(r"[A-Za-z]+")
UNDERLINE = re.compile(r"^\s*[-=~*^+#.]{3,}\s*$", re.MULTILINE)
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def standard_library_docs() -> Examples:
    """Return the documentation strings of the running Python's standard library, as texts.

    A text is a paragraph of 5 to 80 words, its label the module or package it comes from; the
    twelve with the most texts are kept, about 5,000 texts of which no two are the same. The files
    are parsed, never imported. Texts and order depend on the version of Python only.

    Raises: InputError where the library's sources are not installed.
    """
    root = sysconfig.get_path("stdlib")
    texts: dict[str, list[str]] = defaultdict(list)
    seen: set[str] = set()
    for label, path in _sources(root):
        for paragraph in _paragraphs(path):
            if (key := _normal(paragraph)) not in seen:
                seen.add(key)
                texts[label].append(paragraph)
    if len(texts) < CLASSES:
        raise InputError(
            f"{root}: the sources of Python's standard library are not there; "
            "install them, or use texts of your own"
        )
    labels = sorted(sorted(texts), key=lambda label: -len(texts[label]))[:CLASSES]
    pairs = [(text, label) for label in sorted(labels) for text in texts[label]]
    return Examples(
        [text for text, _ in pairs], [label for _, label in pairs], False, range(1, len(pairs) + 1)
    )


def _sources(root: str) -> Iterator[tuple[str, str]]:
    """Yield the top-level module or package and the path of each source file, in fixed order."""
    for folder, inner, files in os.walk(root):
        inner[:] = sorted(
            name
            for name in inner
            if name not in SKIPPED and os.path.isfile(os.path.join(folder, name, "__init__.py"))
        )
        for file in sorted(files):
            if file.endswith(".py"):
                path = os.path.join(folder, file)
                yield os.path.relpath(path, root).split(os.sep)[0].removesuffix(".py"), path


def _paragraphs(path: str) -> Iterator[str]:
    """Yield the paragraphs of prose in the documentation strings of a source file."""
    try:
        with open(path, "rb") as file:
            source = file.read()
        if b'"""' not in source and b"'''" not in source:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # doubtful escapes in old sources
            tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    for node in _documented(tree):
        for paragraph in re.split(r"\n\s*\n", UNDERLINE.sub("", ast.get_docstring(node) or "")):
            words = paragraph.split()
            if SHORTEST <= len(words) <= LONGEST and _is_prose(paragraph, words):
                yield " ".join(words)


def _documented(tree: ast.Module) -> Iterator[Documented]:
    """Yield the module and its classes and functions, those inside others too."""
    waiting: list[Documented] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [
            inner
            for inner in reversed(node.body)
            if isinstance(inner, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        ]


def _is_prose(paragraph: str, words: Sequence[str]) -> bool:
    """Whether a paragraph is no session of the interpreter, and made of words for the most part."""
    if ">>>" in paragraph:
        return False
    return 2 * sum(
        LETTERS.fullmatch(word.strip(".,:;()'\"`")) is not None for word in words
    ) >= len(words)


def stratified_holdout(labels: LabelList, fraction: float, seed: int) -> tuple[Indices, Indices]:
    """Return the sorted indices for training and for validation, `fraction` (rows) of all.

    Every class keeps its share, where there are as many held-out rows as classes; every class
    keeps a row in training, for which fewer than `fraction` may be held out. Texts with tuples of
    labels are split without regard to these.

    Raises: InputError if `fraction` is not between 0 and 1, or leaves a part without rows.
    """
    n = len(labels)
    held = round(fraction * n) if 0 < fraction < 1 else 0
    if not 0 < held < n:
        raise InputError(
            f"a fraction of {fraction} of {n:,} rows leaves nothing to train or to validate on; "
            "give a fraction between 0 and 1 and enough rows"
        )
    counts = Counter(labels)
    single = isinstance(labels[0], str)
    shared = [row for row, label in enumerate(labels) if not single or counts[label] > 1]
    held = min(held, len(shared) - 1)
    chosen = _stratified(shared, [labels[row] for row in shared] if single else None, held, seed)
    valid = np.sort(_leaving_one(chosen, labels, counts) if single else chosen)
    return np.setdiff1d(np.arange(n, dtype=np.int64), valid, assume_unique=True), valid


def _stratified(
    rows: list[int], labels: list[str | tuple[str, ...]] | None, held: int, seed: int
) -> Indices:
    """Return `held` of the rows, drawn by class if `labels` are given and there are enough."""
    from sklearn.model_selection import train_test_split  # here, because it is slow to import

    if held < 1:  # no class has two rows
        raise InputError("every label occurs once only; give more rows of each label")
    classes = len(set(labels)) if labels is not None else 0
    if classes > min(held, len(rows) - held):
        labels = None
    _, chosen = train_test_split(rows, test_size=held, random_state=seed, stratify=labels)
    return np.array(chosen, dtype=np.int64)


def _leaving_one(chosen: Indices, labels: LabelList, counts: Counter[Any]) -> Indices:
    """Return the chosen rows without the first one of each class that has no other row left."""
    taken = Counter(labels[row] for row in chosen)
    kept = []
    for row in chosen:
        if taken[label := labels[row]] == counts[label]:
            taken[label] -= 1
        else:
            kept.append(row)
    return np.array(kept, dtype=np.int64)


def duplicates(train_texts: Sequence[str], test_texts: Sequence[str]) -> list[tuple[int, int]]:
    """Return (test index, index of the first equal training text), regardless of case and blanks.

    Texts of blanks only are not counted.
    """
    first: dict[str, int] = {}
    for index, text in enumerate(train_texts):
        first.setdefault(_normal(text), index)
    first.pop("", None)
    found = ((index, first.get(_normal(text))) for index, text in enumerate(test_texts))
    return [(index, match) for index, match in found if match is not None]


def _normal(text: str) -> str:
    """Return `text` in one case with single spaces."""
    return " ".join(text.split()).casefold()
