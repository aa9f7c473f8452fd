"""Word2Vec: from a corpus to word vectors, with gensim's names where they are good."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from lexon import storage
from lexon.errors import InputError, ModelFileError
from lexon.optim.checks import whole
from lexon.train.checkpoint import Checkpoint
from lexon.vectors import words as spelling
from lexon.vectors.blocks import Paths
from lexon.vectors.callback import Callback
from lexon.vectors.corpus import Corpus, CorpusSettings, Segment
from lexon.vectors.keyed import KeyedVectors
from lexon.vectors.run import Run
from lexon.vectors.training import Direction, Settings, Trainer

Array = npt.NDArray[Any]

#: Where a learning rate is not given: chosen by analogies and word pairs after five epochs of 24 M
#: words of Wikipedia.
ALPHA = {"context-to-centre": 0.025, "centre-to-context": 0.04, "cbow": 0.05}


class Word2Vec:
    """Word vectors that predict the words around them (skip-gram), or are predicted by them (CBOW).

    Equations: for a word t and the words c of its window,
        skip-gram     the mean over c of -log P(t | the row of c); from the centre to its
                      contexts the mean over c of -log P(c | the row of t)
        CBOW          -log P(t | mean of the rows of c)
    where P is by negative sampling (``negative`` > 0), by hierarchical softmax (``hs``), or the
    full softmax over the vocabulary (``negative=0, hs=0``). :mod:`lexon.vectors.textbook` has each
    of the six as a small network.

    Sentences are any iterable of token lists (read once), or files of one sentence a line
    (``corpus_file``: a path or several, .gz, .xz, .bz2, .zst, "-" for standard input). No sentence
    is cut.

    Parameters:
        vector_size, window: numbers of a vector; words to each side (from 1 to so many, drawn,
            unless ``shrink_windows=False``).
        min_count, max_final_vocab: rarer words are left out; so many words at most.
        sg, hs, negative, ns_exponent: skip-gram or CBOW; hierarchical softmax (before negative
            sampling, where both are given); negatives of a pair, drawn by count ** ns_exponent.
        sample: frequent words are kept with probability sqrt(sample / f) + sample / f;
            ``paper_discard`` takes the paper's sqrt(sample / f).
        alpha, min_alpha: learning rate, falling linearly with the words read; None is 0.025 for
            skip-gram (0.04 from centre to context) and 0.05 for CBOW.
        cbow_mean: mean of the context's vectors, or (0) their sum. The gradient of a mean of n
            words is 1 / n for each, so that the more words, the shorter their step: with the mean,
            word vectors learn at sqrt(n M) alpha, M being the words of a usual window (window + 1
            where windows shrink). ``compat`` gives every word the undivided gradient at alpha,
            as word2vec.c and gensim do.
        exact: fresh negatives for every pair; otherwise skip-gram shares those of a window.
        direction: skip-gram's: "context-to-centre", as word2vec.c and gensim train it (the same
            pairs, each context's row going in: it finds better vectors), or "centre-to-context",
            where a window has one prediction; None is the first, and for the full softmax, which
            takes time and room for all words in every prediction, the second.
        outside: negatives are none of the window's own words (fresh ones: where eight draws find
            another). In a text of few words little can be learned so.
        epochs, workers, seed: passes; threads (those of :func:`lexon.parallel.threads`); one
            worker repeats to the bit, several do with ``deterministic=True``, at any number.
        compute_loss: keep the mean loss of every epoch in ``losses``; a share, such as 0.1, takes
            it on that share of the text, which costs less (skip-gram: twice the time). The loss is
            taken while vectors change, just after they met the words around: it may rise where the
            rate falls though vectors get better. The held-out loss of :meth:`train` tells.
        lower, characters, segment: take Good for good; every Chinese character as a word; a
            function from a line to its words.
        callbacks: :class:`Callback` objects.

    Attributes: wv (:class:`KeyedVectors`), losses and held_out_losses (nats a prediction, one per
    epoch), interrupted (whether Ctrl-C ended training early).

    Raises:
        InputError: a parameter cannot be used, the corpus is empty, or no word is frequent enough.

    Source: Mikolov et al. 2013a, 2013b.

    >>> from lexon.vectors import Word2Vec
    >>> sentences = [["the", "cat", "sat"], ["the", "dog", "sat"]] * 50
    >>> model = Word2Vec(sentences, vector_size=8, min_count=1, workers=1, seed=1)
    >>> sorted(model.wv.index_to_key)
    ['cat', 'dog', 'sat', 'the']
    """

    def __init__(
        self,
        sentences: Iterable[Any] | None = None,
        corpus_file: Paths | None = None,
        vector_size: int = 100,
        window: int = 5,
        min_count: int = 5,
        sg: int = 0,
        hs: int = 0,
        negative: int = 5,
        ns_exponent: float = 0.75,
        sample: float = 1e-3,
        alpha: float | None = None,
        min_alpha: float = 1e-4,
        cbow_mean: int = 1,
        shrink_windows: bool = True,
        epochs: int = 5,
        workers: int | None = None,
        seed: int = 1,
        max_final_vocab: int | None = None,
        compute_loss: bool | float = False,
        callbacks: Iterable[Callback] = (),
        *,
        exact: bool = False,
        direction: Direction | None = None,
        outside: bool = False,
        paper_discard: bool = False,
        compat: bool = False,
        deterministic: bool = False,
        lower: bool = False,
        characters: bool = False,
        segment: Segment | None = None,
    ) -> None:
        self.vector_size = whole("Word2Vec", "vector_size", vector_size, 1)
        self.workers = None if workers is None else whole("Word2Vec", "workers", workers, 1)
        if direction is None:
            direction = "context-to-centre" if hs or negative else "centre-to-context"
        usual = ALPHA.get(direction, 0.025) if sg else ALPHA["cbow"]
        self.settings = Settings(
            sg=bool(sg), hs=bool(hs), negative=negative, window=window,
            shrink_windows=bool(shrink_windows), sample=sample, paper_discard=paper_discard,
            ns_exponent=ns_exponent, cbow_mean=bool(cbow_mean), compat=compat,
            alpha=usual if alpha is None else alpha, min_alpha=min_alpha, epochs=epochs,
            exact=exact, direction=direction, outside=outside, deterministic=deterministic,
            compute_loss=bool(compute_loss), seed=seed,
        )  # fmt: skip
        self.reading = CorpusSettings(
            min_count=min_count, max_final_vocab=max_final_vocab, lower=lower,
            characters=characters, segment=segment,
        )  # fmt: skip
        self.loss_share = float(compute_loss)
        self.callbacks = list(callbacks)
        self.words: list[str] = []
        self.counts: Array = np.empty(0, np.int64)
        self.losses: list[float] = []
        self.held_out_losses: list[float] = []
        self.interrupted = False
        self.corpus: Corpus | None = None
        self._trainer: Trainer | None = None
        self._trained = 0  # how often training was begun: each has random numbers of its own
        self._wv: KeyedVectors | None = None
        if sentences is not None or corpus_file is not None:
            self.build_vocab(sentences, corpus_file)
            self.train()

    # Vocabulary

    def build_vocab(
        self,
        sentences: Iterable[Any] | None = None,
        corpus_file: Paths | None = None,
        update: bool = False,
        progress: Any = None,
    ) -> Self:
        """Count the words of a corpus, and keep it (as numbers) for :meth:`train`.

        With ``update`` the words known stay, with their vectors, and new ones are added: those of
        at least ``min_count`` in this corpus. Words are ordered by their counts in all corpora;
        under hierarchical softmax the tree is a new one, and its nodes begin at 0.
        """
        if update and not self.words:
            raise InputError("build_vocab: there is no vocabulary to update\n  leave update out")
        known = self.words if update else None
        corpus = self._read(sentences, corpus_file, replace(self.reading, known=known), progress)
        if update:
            self._grow(corpus)
        else:
            self.words, self.counts, self._trainer = corpus.words, corpus.counts, None
        self.corpus = corpus
        return self

    def _read(
        self, sentences: Any, file: Paths | None, settings: CorpusSettings, progress: Any = None
    ) -> Corpus:
        if (sentences is None) == (file is None):
            raise InputError("give sentences or corpus_file, one of them")
        if file is not None:
            return Corpus.from_files(file, settings, progress)
        return Corpus.from_sentences(sentences, settings, progress)

    def _grow(self, corpus: Corpus) -> None:
        """Take over the words of ``corpus``, which begin with those known."""
        counts = corpus.counts.copy()
        counts[: len(self.counts)] += self.counts
        order = np.argsort(-counts, kind="stable")
        places = np.empty(len(order), np.int32)
        places[order] = np.arange(len(order))
        before, old = self._trainer, len(self.words)
        self.words, self.counts = [corpus.words[row] for row in order], counts[order]
        corpus.words, corpus.counts = self.words, corpus.counts[order]
        corpus.tokens[...] = places[corpus.tokens]
        if before is None:
            return
        self._trainer = self._new_trainer()
        self._trainer.inputs[places[:old]] = before.inputs
        if not self.settings.hs:
            self._trainer.outputs[places[:old]] = before.outputs
        self._wv = None

    def _new_trainer(self) -> Trainer:
        return Trainer(self.counts, self.vector_size, self.settings, workers=self.workers)

    # Training

    def train(
        self,
        sentences: Iterable[Any] | None = None,
        corpus_file: Paths | None = None,
        total_examples: int | None = None,
        total_words: int | None = None,
        epochs: int | None = None,
        start_alpha: float | None = None,
        end_alpha: float | None = None,
        callbacks: Iterable[Callback] = (),
        *,
        held_out: Iterable[Any] | None = None,
        held_out_file: Paths | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
        every: float = 30.0,
    ) -> Self:
        """Train on a corpus: the one of :meth:`build_vocab`, where none is given.

        Words that are not in the vocabulary are left out. ``total_examples`` and ``total_words``
        are accepted for programs written for gensim; the corpus is counted anyhow. Of sentences
        held out the loss after every epoch is kept in ``held_out_losses``.

        Ctrl-C ends training within a second and keeps what is learned so far. With ``checkpoint`` a
        file is written then and ``every`` so many seconds, from which ``resume`` goes on (with one
        worker, or in deterministic mode, to the same bits); it is removed at the end.

        Raises:
            InputError: there is no vocabulary, no corpus, or the checkpoint is of another training.
        """
        if not self.words:
            raise InputError("train: there is no vocabulary\n  call build_vocab first")
        known = replace(self.reading, known=self.words, grow=False)
        if sentences is not None or corpus_file is not None:
            self.corpus = self._read(sentences, corpus_file, known)
        if self.corpus is None:
            raise InputError("train: there is no corpus\n  give sentences or corpus_file")
        held: Corpus | None = None
        if held_out is not None or held_out_file is not None:
            held = self._read(held_out, held_out_file, known)
        trainer = self._prepared(epochs, start_alpha, end_alpha)
        told = [*self.callbacks, *callbacks]
        run = Run(self, trainer, self.corpus, held, told)
        saved = None
        if checkpoint is not None:
            saved = Checkpoint(checkpoint, run.identity())
            if resume:
                saved.resume(run)
        self.interrupted = False
        run.run(saved, every)
        self._trained += 1
        self._wv = None
        return self

    def _prepared(
        self, epochs: int | None, start_alpha: float | None, end_alpha: float | None
    ) -> Trainer:
        """The trainer, at the beginning of its first epoch."""
        given: dict[str, Any] = {"epochs": epochs, "alpha": start_alpha, "min_alpha": end_alpha}
        now = replace(self.settings, **{k: v for k, v in given.items() if v is not None})
        if self._trained:
            drawn = np.random.SeedSequence([now.seed, self._trained]).generate_state(1)
            now = replace(now, seed=int(drawn[0]))
        trainer = self._trainer or self._new_trainer()
        trainer.settings, trainer.epoch, trainer.position = now, 0, 0
        self._trainer = trainer
        return trainer

    @property
    def corpus_count(self) -> int:
        """Sentences of the corpus read last."""
        return 0 if self.corpus is None else self.corpus.sentences

    @property
    def corpus_total_words(self) -> int:
        """Words of the corpus read last, those left out included."""
        return 0 if self.corpus is None else self.corpus.raw_words

    @property
    def epochs(self) -> int:
        return self.settings.epochs

    @property
    def window(self) -> int:
        return self.settings.window

    def __repr__(self) -> str:
        kind = "skip-gram" if self.settings.sg else "CBOW"
        return f"Word2Vec({kind}, {len(self.words):,} words, vector_size={self.vector_size})"

    def get_latest_training_loss(self) -> float:
        """The mean loss of the last epoch, in nats a prediction.

        Raises:
            InputError: training did not keep it.
        """
        if not self.losses:
            raise InputError("no loss was kept\n  train with compute_loss=True")
        return self.losses[-1]

    @property
    def wv(self) -> KeyedVectors:
        """The word vectors as they are now.

        Raises:
            InputError: there are none yet.
        """
        if self._trainer is None:
            raise InputError("there are no vectors yet\n  call build_vocab and train first")
        if self._wv is None:
            self._wv = KeyedVectors(self.words, self._trainer.inputs.copy(), self.counts)
        return self._wv

    # Files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all that training needs to go on; ``lexon.vectors.open_vectors`` reads it, too.

        Raises:
            InputError: there is nothing to write, or the file cannot be written.
        """
        if self._trainer is None:
            raise InputError("there is nothing to save yet\n  call build_vocab and train first")
        settings = {name: getattr(self.settings, name) for name in Settings.__dataclass_fields__}
        reading = {
            name: getattr(self.reading, name)
            for name in ("min_count", "max_final_vocab", "lower", "characters")
        }
        content = {
            "settings": settings,
            "reading": reading,
            "trained": self._trained,
            "losses": self.losses,
            "held_out_losses": self.held_out_losses,
        }
        arrays = spelling.pack(self.words) | {
            "counts": self.counts,
            "vectors": self._trainer.inputs,
            "outputs": self._trainer.outputs,
        }
        storage.write_mapped(path, "word2vec", content, arrays, ("vectors", "outputs"))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The model of a file, ready to train on; a ``segment`` function must be given anew.

        Raises:
            ModelFileError: the file is missing, damaged, newer, or of another kind.
        """
        stored = storage.open_mapped(path, "word2vec", verify=True)
        try:
            return cls._restored(stored)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError(
                f"{path}: a part of the model is not as it should be: {error}"
            ) from None

    @classmethod
    def _restored(cls, stored: storage.Stored) -> Self:
        content, arrays = stored.content, stored.arrays
        model = cls(vector_size=arrays["vectors"].shape[1])
        model.settings = Settings(**content["settings"])
        model.reading = CorpusSettings(**content["reading"])
        model.words, model.counts = spelling.unpack(arrays), np.array(arrays["counts"])
        if arrays["counts"].shape != (len(model.words),) or arrays["counts"].dtype != np.int64:
            raise ValueError("the counts are not one for each word")
        model.loss_share = float(model.settings.compute_loss)
        model._trained = int(content["trained"])
        model.losses, model.held_out_losses = content["losses"], content["held_out_losses"]
        model._trainer = model._new_trainer()
        state = {"inputs": arrays["vectors"], "outputs": arrays["outputs"]}
        model._trainer.load_state({"epoch": 0, "position": 0}, state)
        return model
