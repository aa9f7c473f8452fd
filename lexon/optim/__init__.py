"""Optimisers, learning-rate schedules, and limits on gradients and weights."""

from lexon.optim.adaptive import Adadelta, Adagrad, Adam, AdamW, RMSprop
from lexon.optim.clip import clip_norm, clip_value, max_norm_rows
from lexon.optim.optimizer import Optimizer
from lexon.optim.schedule import (
    Constant,
    Cosine,
    Exponential,
    LinearDecay,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
)
from lexon.optim.sgd import SGD, GradientDescent

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "Exponential",
    "GradientDescent",
    "LinearDecay",
    "Optimizer",
    "RMSprop",
    "ReduceOnPlateau",
    "Schedule",
    "StepDecay",
    "clip_norm",
    "clip_value",
    "max_norm_rows",
]
