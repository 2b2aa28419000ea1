"""Optimisers and learning-rate schedules, as registered pieces.

The program supplies ``parameters`` and ``fused`` (one kernel for all parameters, where the precision allows).
"""

from collections.abc import Mapping, Sequence
from math import cos, inf, pi
from typing import Annotated, Any

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
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


class Plateau:
    """A rate that falls by a factor when the validation loss has not fallen for some validations.

    It is `torch.optim.lr_scheduler.ReduceLROnPlateau` with a relative threshold.

    Parameters
    ----------
    steps
        Steps of the whole run.
    factor
        On the rate at each fall.
    patience
        Validations without progress that do not count yet.
    threshold
        Share of the smallest loss by which a loss has to be smaller to be progress.
    cooldown
        Validations after a fall that do not count.
    smallest
        Fraction of the rate that it never falls below.
    """

    def __init__(
        self,
        steps: int,
        factor: Annotated[float, Field(gt=0, lt=1)] = 0.1,
        patience: NonNegativeInt = 10,
        threshold: Annotated[float, Field(ge=0, lt=1)] = 1e-4,
        cooldown: NonNegativeInt = 0,
        smallest: Share = 0.0,
    ) -> None:
        self.factor, self.patience, self.threshold = factor, patience, threshold
        self.cooldown, self.smallest = cooldown, smallest
        self._rate, self._least, self._without, self._resting = 1.0, inf, 0, 0

    def __call__(self, step: int) -> float:
        """Return the factor on the learning rate."""
        return self._rate

    def observe(self, loss: float) -> None:
        """Take note of the loss of a validation."""
        if loss < self._least * (1 - self.threshold):
            self._least, self._without = loss, 0
        else:
            self._without += 1
        if self._resting:
            self._resting, self._without = self._resting - 1, 0
        if self._without > self.patience:
            self._rate = max(self._rate * self.factor, self.smallest)
            self._resting, self._without = self.cooldown, 0

    def state_dict(self) -> dict[str, float]:
        """Return the rate and what has led to it."""
        return {
            "rate": self._rate,
            "least": self._least,
            "without": self._without,
            "resting": self._resting,
        }

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Restore a state."""
        self._rate, self._least = state["rate"], state["least"]
        self._without, self._resting = int(state["without"]), int(state["resting"])
