"""Optimisers and learning-rate schedules, as registered pieces.

The program supplies ``parameters`` and ``fused`` (one kernel for all parameters, where the precision allows).
"""

from collections.abc import Sequence
from math import cos, pi
from typing import Any

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch.optim import SGD, Adam, Adamax, AdamW, Optimizer

from surrogates.core.ranges import Share

Parameters = Sequence[Any]
"""Parameters of a network, or groups of them as torch takes them."""


def adam(
    parameters: Parameters,
    lr: PositiveFloat = 1e-3,
    weight_decay: NonNegativeFloat = 0.0,
    fused: bool | None = None,
) -> Optimizer:
    """Return Adam (Kingma & Ba 2015).

    Parameters
    ----------
    lr
        Learning rate at its largest; the schedule scales it.
    weight_decay
        Weight of the squared parameters in the loss.
    """
    return Adam(parameters, lr=lr, weight_decay=weight_decay, fused=_fusible(parameters, fused))


def adamax(
    parameters: Parameters, lr: PositiveFloat = 2e-3, weight_decay: NonNegativeFloat = 0.0
) -> Optimizer:
    """Return Adamax: Adam with a decaying maximum for the mean square (Kingma & Ba 2015, section 7).

    Parameters
    ----------
    lr
        Learning rate at its largest; the schedule scales it.
    weight_decay
        Weight of the squared parameters in the loss.
    """
    return Adamax(parameters, lr=lr, weight_decay=weight_decay)


def adamw(
    parameters: Parameters,
    lr: PositiveFloat = 1e-3,
    weight_decay: NonNegativeFloat = 1e-2,
    fused: bool | None = None,
) -> Optimizer:
    """Return Adam with decoupled weight decay (Loshchilov & Hutter 2019).

    Parameters
    ----------
    lr
        Learning rate at its largest; the schedule scales it.
    weight_decay
        Share of each parameter that a step takes off, times the learning rate.
    """
    return AdamW(parameters, lr=lr, weight_decay=weight_decay, fused=_fusible(parameters, fused))


def sgd(
    parameters: Parameters,
    lr: PositiveFloat = 1e-2,
    momentum: Share = 0.9,
    weight_decay: NonNegativeFloat = 0.0,
) -> Optimizer:
    """Return stochastic gradient descent with Nesterov momentum.

    Parameters
    ----------
    lr
        Learning rate at its largest; the schedule scales it.
    momentum
        Share of the step before that a step keeps; 0 is plain descent.
    weight_decay
        Weight of the squared parameters in the loss.
    """
    return SGD(parameters, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=momentum > 0)


def _fusible(parameters: Parameters, fused: bool | None) -> bool | None:
    """Return whether to ask for one kernel, which torch has for real numbers only."""
    single = [
        each for group in parameters for each in (group["params"] if isinstance(group, dict) else [group])
    ]
    return None if any(each.is_complex() for each in single) else fused


class Constant:
    """Constant learning rate after a linear warm-up.

    Parameters
    ----------
    warmup
        Steps until the full rate.
    steps
        Steps of the whole run.
    """

    def __init__(self, steps: int, warmup: NonNegativeInt = 0) -> None:
        self.warmup = warmup

    def __call__(self, step: int) -> float:
        """Return the factor on the learning rate at a step."""
        return min(1.0, (step + 1) / (self.warmup + 1))


class Cosine:
    """Half a cosine from the full rate to a fraction of it, after a warm-up (Loshchilov & Hutter 2017).

    Parameters
    ----------
    steps
        Steps of the whole run.
    warmup
        Steps until the full rate.
    final
        Fraction of the rate at the end.
    """

    def __init__(self, steps: int, warmup: NonNegativeInt = 0, final: NonNegativeFloat = 0.01) -> None:
        self.steps, self.warmup, self.final = steps, warmup, final

    def __call__(self, step: int) -> float:
        """Return the factor on the learning rate at a step."""
        if step < self.warmup:
            return (step + 1) / (self.warmup + 1)
        done = min(1.0, (step - self.warmup) / max(1, self.steps - self.warmup))
        return self.final + (1 - self.final) * (1 + cos(pi * done)) / 2


class Stepwise:
    """A rate that falls by a factor after each of several equal stretches of the run.

    Parameters
    ----------
    steps
        Steps of the whole run.
    parts
        Number of stretches.
    factor
        On the rate from one stretch to the next.
    """

    def __init__(self, steps: int, parts: PositiveInt = 3, factor: PositiveFloat = 0.1) -> None:
        self.steps, self.parts, self.factor = steps, parts, factor

    def __call__(self, step: int) -> float:
        """Return the factor on the learning rate at a step."""
        return self.factor ** min(self.parts - 1, step * self.parts // max(1, self.steps))
