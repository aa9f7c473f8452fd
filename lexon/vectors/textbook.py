"""CBOW and skip-gram as the networks they are in a textbook: the specification of the kernels.

    one-hot word(s) -> row(s) of the embedding matrix -> mean (CBOW) -> h -> output layer -> loss

Two architectures and three objectives make six networks. They are built of lexon's ordinary
operations, so ``lexon.graph.look`` draws them and ``backward`` gives their gradients; the kernels
of ``lexon.kernels.wordvectors`` do the same step many hundred times as fast (CBOW's input matrix
at a learning rate of its own).

>>> from lexon.vectors.textbook import WordNetwork, cbow, softmax
>>> network = WordNetwork(words=4, dimension=2)
>>> loss = cbow(network, centre=1, contexts=[0, 2], objective=softmax)
>>> round(loss.item(), 4)  # the output layer begins at 0: all four words are equally probable
1.3863
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from lexon import ops
from lexon.graph import Parameter, Tensor
from lexon.nn import init
from lexon.nn.module import Module
from lexon.vectors.huffman import Tree

#: The loss of predicting one word from h.
Objective = Callable[["WordNetwork", Tensor, int], Tensor]


class WordNetwork(Module):
    """The two matrices of word2vec.

    Shapes: inputs (V, D), the word vectors; outputs (V, D), or (V - 1, D) for the inner nodes of
    a tree. First values: inputs uniform in +-1 / (2 D), outputs 0.
    """

    def __init__(
        self, words: int, dimension: int, *, tree: bool = False, rng: init.Random | None = None
    ) -> None:
        self.inputs = Parameter(init.uniform((words, dimension), 0.5 / dimension, rng))
        self.outputs = Parameter(np.zeros((words - tree, dimension), np.float32))

    def forward(self, ids: npt.ArrayLike, mean: bool = True) -> Tensor:
        """h: the mean (or sum) of the rows of some words."""
        rows = ops.lookup(self.inputs, ids=np.asarray(ids))
        h: Tensor = ops.mean(rows, axis=0) if mean else ops.sum(rows, axis=0)
        return h


# Architectures


def skip_gram(
    network: WordNetwork, centre: int, contexts: Sequence[int], objective: Objective
) -> Tensor:
    """The centre word predicts each of its contexts: direction "centre-to-context".

    Equations: h = v_centre; loss = sum over contexts c of -log P(c | h)
    Source: Mikolov et al. 2013a, section 3.2
    """
    h = network([centre])
    return _total([objective(network, h, context) for context in contexts])


def reversed_skip_gram(
    network: WordNetwork, centre: int, contexts: Sequence[int], objective: Objective
) -> Tensor:
    """Each context predicts the centre, as word2vec.c trains: direction "context-to-centre".

    Equations: loss = sum over contexts c of -log P(centre | v_c)
    """
    return _total([objective(network, network([context]), centre) for context in contexts])


def cbow(
    network: WordNetwork,
    centre: int,
    contexts: Sequence[int],
    objective: Objective,
    mean: bool = True,
) -> Tensor:
    """All contexts together predict the centre.

    Equations: h = mean (or sum) of v_c over contexts c; loss = -log P(centre | h)
    Source: Mikolov et al. 2013a, section 3.1
    """
    return objective(network, network(contexts, mean), centre)


def _total(losses: list[Tensor]) -> Tensor:
    total: Tensor = ops.sum(ops.stack(*losses))
    return total


# Objectives


def softmax(network: WordNetwork, h: Tensor, answer: int) -> Tensor:
    """The full softmax: every word of the vocabulary is weighed.

    Equations: P(w | h) = e**(u_w . h) / sum over all words of e**(u . h); loss = -log P(answer | h)
    """
    scores = ops.matmul(network.outputs, h)
    loss: Tensor = ops.cross_entropy(ops.expand_dims(scores, axis=0), targets=np.array([answer]))
    return loss


def negative_sampling(negatives: Sequence[int], weight: float = 1.0) -> Objective:
    """The answer against these negatives; a negative that is the answer itself does not count.

    Equations: loss = -log sigmoid(u_answer . h) - weight * sum of log sigmoid(-u_n . h)
    Source: Mikolov et al. 2013b, equation 4
    """

    def loss(network: WordNetwork, h: Tensor, answer: int) -> Tensor:
        others = [negative for negative in negatives if negative != answer]
        scores = ops.matmul(ops.lookup(network.outputs, ids=np.array([answer, *others])), h)
        wanted, weights = np.zeros(1 + len(others)), np.full(1 + len(others), weight)
        wanted[0] = weights[0] = 1
        total: Tensor = ops.binary_cross_entropy(
            scores, targets=wanted, weights=weights, reduction="sum"
        )
        return total

    return loss


def hierarchical_softmax(tree: Tree) -> Objective:
    """The answer's way through a tree: at each node, left or right.

    Equations: P(w | h) = product over the nodes n on the way to w of sigmoid(u_n . h) where the
    way goes left (code 0), sigmoid(-u_n . h) where it goes right; loss = -log P(answer | h)
    Source: Morin and Bengio 2005; Mikolov et al. 2013b, equation 3
    """

    def loss(network: WordNetwork, h: Tensor, answer: int) -> Tensor:
        scores = ops.matmul(ops.lookup(network.outputs, ids=tree.nodes(answer)), h)
        total: Tensor = ops.binary_cross_entropy(
            scores, targets=1 - tree.codes(answer), reduction="sum"
        )
        return total

    return loss
