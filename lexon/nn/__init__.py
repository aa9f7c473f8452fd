"""Layers: modules with named parameters."""

from lexon.graph.parameter import Parameter
from lexon.nn import init
from lexon.nn.cells import GRUCell, LSTMCell, RNNCell
from lexon.nn.crf import CRF
from lexon.nn.dense import (
    ELU,
    GELU,
    Linear,
    LogSoftmax,
    Neuron,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
    activation,
)
from lexon.nn.dropout import Dropout
from lexon.nn.embedding import Embedding
from lexon.nn.module import Module, Sequential
from lexon.nn.ngram import NgramConv
from lexon.nn.recurrent import GRU, LSTM, RNN
from lexon.nn.responses import WordResponses
from lexon.nn.softmax import FullSoftmax, HierarchicalSoftmax, SampledSoftmax

__all__ = [
    "CRF",
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "Dropout",
    "Embedding",
    "FullSoftmax",
    "GRUCell",
    "HierarchicalSoftmax",
    "LSTMCell",
    "Linear",
    "LogSoftmax",
    "Module",
    "Neuron",
    "NgramConv",
    "Parameter",
    "RNNCell",
    "ReLU",
    "SampledSoftmax",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "WordResponses",
    "activation",
    "init",
]
