"""Baselines that extrapolate the last motion: closed formulas on the points of the past.

They take every forecast variable, not only positions: the target ``v_forecast`` from the input ``v``, whose
steps follow the batch dimension. Time is counted in steps, so that no rule needs the clock.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from surrogates.data.batch import Batch
from surrogates.data.window import known_name
from surrogates.evaluation.persistence import expanded, learned_deviations
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline

POINTS = 10
"""Points of the past through which `uav/quadratic_fit` draws its parabolas."""


@dataclass(frozen=True)
class Rule:
    """A rule that extrapolates the past.

    Attributes
    ----------
    name
        Its name in errors.
    points
        Number of points of the past that it needs.
    displacement
        Function of the past (batch, history, ...) and the steps ahead, (horizon,): how far the value moves
        from the last point, (batch, horizon, ...).
    """

    name: str
    points: int
    displacement: Callable[[Tensor, Tensor], Tensor]


class Extrapolation(Baseline):
    """Apply a rule to each target, with the spread of its errors on training windows.

    Parameters
    ----------
    context
        Context of the data; the first length of a target is its horizon.
    rule
        Rule that extrapolates the past.
    """

    def __init__(self, context: Context, rule: Rule) -> None:
        self.rule = rule
        self.horizons = {spec.name: spec.shape[0] for spec in context.targets}
        self._deviations: Batch = {}

    def fit(self, batches: Iterable[Batch]) -> Self:
        """Learn the standard deviation of the errors, one for each step ahead and component."""
        self._deviations = learned_deviations(batches, self._means)
        return self

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the forecasts, and their standard deviations once fitted."""
        means = self._means(inputs)
        return means | expanded(self._deviations, means)

    def _means(self, inputs: Batch) -> Batch:
        answers = {}
        for target, horizon in self.horizons.items():
            past = past_of(inputs, target)
            if past.shape[1] < self.rule.points:
                raise ValueError(
                    f"{self.rule.name} needs {self.rule.points} points of the past, found {past.shape[1]}; "
                    "make the window's history longer"
                )
            ahead = torch.arange(1, horizon + 1, device=past.device, dtype=past.dtype)
            answers[target] = past[:, -1:] + self.rule.displacement(past, ahead)
        return answers


def past_of(inputs: Batch, target: str) -> Tensor:
    """Return the past of a forecast variable, (batch, history, ...).

    Raises
    ------
    ValueError
        If the inputs lack it.
    """
    name = known_name(target)
    if name not in inputs:
        raise ValueError(
            f"the past of '{target}' is not in the batch, which has {sorted(inputs)}; "
            f"add '{name}' to the task's inputs"
        )
    return inputs[name]


def constant_velocity(context: Context) -> Extrapolation:
    """Repeat the difference of the last two points."""
    return Extrapolation(context, Rule("constant velocity", 2, _go_on))


def constant_acceleration(context: Context) -> Extrapolation:
    """Extrapolate the parabola through the last three points."""
    return Extrapolation(context, Rule("constant acceleration", 3, _turn_on))


def quadratic_fit(context: Context) -> Extrapolation:
    """Extrapolate the parabola of least squares through the last ten points."""
    return Extrapolation(context, Rule("quadratic fit", POINTS, _fitted_parabola))


def _go_on(past: Tensor, ahead: Tensor) -> Tensor:
    return _outer(ahead, past[:, -1] - past[:, -2])


def _turn_on(past: Tensor, ahead: Tensor) -> Tensor:
    last, before = past[:, -1] - past[:, -2], past[:, -2] - past[:, -3]
    # Newton's backward differences: f(k) = f(0) + k d1 + k (k + 1) / 2 d2.
    return _outer(ahead, last) + _outer(ahead * (ahead + 1) / 2, last - before)


def _fitted_parabola(past: Tensor, ahead: Tensor) -> Tensor:
    # Differences to the last point keep single precision far from the origin.
    moved = past[:, -POINTS:] - past[:, -1:]
    powers = torch.arange(3, device=past.device)
    behind = torch.arange(1 - POINTS, 1, device=past.device, dtype=torch.float64)
    weights = (ahead.double()[:, None] ** powers) @ torch.linalg.pinv(behind[:, None] ** powers)
    return torch.einsum("kp,bp...->bk...", weights.to(past), moved)


def _outer(ahead: Tensor, values: Tensor) -> Tensor:
    """Return (horizon,) times (batch, ...) as (batch, horizon, ...)."""
    return torch.einsum("k,b...->bk...", ahead, values)
