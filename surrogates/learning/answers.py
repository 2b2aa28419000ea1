"""Answers of a pipeline in physical units; names of deviations, quantiles and members in a batch."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from surrogates.core.errors import ConfigError

MEMBER = "member"
"""The dimension along which the members of an answer lie."""
LEVELS = "quantile"
"""Levels of the quantiles in an answer, and the dimension along which these lie."""


def deviation_name(target: str) -> str:
    """Name of the standard deviation that a predictor or a baseline may return beside a target.

    It has the target's shape, in the units of a difference of the target's values.
    """
    return f"{target}_standard_deviation"


def quantile_name(target: str) -> str:
    """Name of the quantiles that a predictor may return beside a target.

    Shape (batch, level, ...); the answer then also holds the levels, by the name `LEVELS`.
    """
    return f"{target}_quantile"


def member_name(target: str) -> str:
    """Name of the members that a predictor may return beside a target, shape (batch, member, ...)."""
    return f"{target}_member"


def beside(target: str) -> tuple[str, str]:
    """Return the names that a prediction may hold beside a target: standard deviation, quantiles."""
    return deviation_name(target), quantile_name(target)


def reaches(answer: Mapping[str, Any], target: str) -> tuple[Any, Any] | None:
    """Return the expected size of errors below and above a target, or None if it is unknown.

    The standard deviation on either side, or how far the outermost quantiles lie from the target's value.

    Parameters
    ----------
    answer
        Tensors or arrays by name.
    target
        Name of the target.
    """
    deviation, quantiles = (answer.get(name) for name in beside(target))
    if quantiles is not None:
        # The mean of few members may lie beyond one of their quantiles.
        return (answer[target] - quantiles[:, 0]).clip(0), (quantiles[:, -1] - answer[target]).clip(0)
    return None if deviation is None else (deviation, deviation)


class Answer:
    """A value for each cell; subclasses add what is known of its error.

    Shapes are (batch, target channel, *grid), in the targets' units.

    Parameters
    ----------
    mean
        The value that is expected.
    """

    def __init__(self, mean: Tensor) -> None:
        self.mean = mean

    @property
    def value(self) -> Tensor:
        """Value of the target: the mean."""
        return self.mean

    @property
    def deviation(self) -> Tensor | None:
        """Standard deviation, None where nothing is known of it."""
        return None

    def quantiles(self, levels: Sequence[float]) -> Tensor:
        """Return the quantiles at some levels, (level, batch, target channel, *grid)."""
        raise ConfigError("a point answer has no quantiles; train with task.head=gaussian or quantiles")

    def draws(self, count: int, rng: torch.Generator) -> Tensor:
        """Return independent draws, (draw, batch, target channel, *grid)."""
        raise ConfigError("a point answer has no draws; train with task.head=gaussian or quantiles")


class GaussianAnswer(Answer):
    """A Gaussian in each cell.

    Parameters
    ----------
    mean, deviation
        Of each cell.
    """

    def __init__(self, mean: Tensor, deviation: Tensor) -> None:
        super().__init__(mean)
        self._deviation = deviation

    @property
    def deviation(self) -> Tensor:
        """Standard deviation."""
        return self._deviation

    def quantiles(self, levels: Sequence[float]) -> Tensor:
        """Return the quantiles at some levels."""
        scores = torch.special.ndtri(torch.as_tensor(levels, dtype=torch.float64)).to(self.mean)
        return self.mean + scores.view(-1, *(1,) * self.mean.ndim) * self._deviation

    def draws(self, count: int, rng: torch.Generator) -> Tensor:
        """Return independent draws."""
        noise = torch.randn((count, *self.mean.shape), generator=rng, device=self.mean.device)
        return self.mean + noise * self._deviation


class QuantileAnswer(Answer):
    """Quantiles in each cell; between their levels the quantile function is straight, beyond them level.

    Parameters
    ----------
    levels
        Ascending, with 0.5 among them.
    values
        Quantiles, ascending along the first axis: (level, batch, target channel, *grid).
    """

    def __init__(self, levels: Sequence[float], values: Tensor) -> None:
        self.levels, self.values = tuple(levels), values
        super().__init__(self._integral(lambda low, high: (low + high) / 2))

    @property
    def value(self) -> Tensor:
        """Value of the target: the median."""
        return self.values[self.levels.index(0.5)]

    @property
    def deviation(self) -> Tensor:
        """Standard deviation of the straight quantile function."""
        second = self._integral(lambda low, high: (low * low + low * high + high * high) / 3)
        return (second - self.mean.square()).clamp(min=0.0).sqrt()

    def quantiles(self, levels: Sequence[float]) -> Tensor:
        """Return the quantiles at some levels, straight between those that are known."""
        return self._at(torch.as_tensor(levels, dtype=self.values.dtype, device=self.values.device))

    def draws(self, count: int, rng: torch.Generator) -> Tensor:
        """Return independent draws, by the inverse of the distribution."""
        shape = (count, *self.values.shape[1:])
        uniform = torch.rand(shape, generator=rng, device=self.values.device, dtype=self.values.dtype)
        drawn = [self._at(each, alone=True) for each in uniform]
        return torch.stack(drawn)

    def _integral(self, piece: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Return the integral of a function of the quantile function over all levels."""
        first, last = self.levels[0], self.levels[-1]
        total = piece(self.values[0], self.values[0]) * first
        for number, (low, high) in enumerate(pairwise(self.levels)):
            total = total + piece(self.values[number], self.values[number + 1]) * (high - low)
        return total + piece(self.values[-1], self.values[-1]) * (1.0 - last)

    def _at(self, levels: Tensor, *, alone: bool = False) -> Tensor:
        """Return quantiles at levels: the same in all cells, or (`alone`) one for each cell."""
        known = torch.tensor(self.levels, dtype=self.values.dtype, device=self.values.device)
        index = torch.bucketize(levels.contiguous(), known).clamp(1, len(known) - 1)
        fraction = ((levels - known[index - 1]) / (known[index] - known[index - 1])).clamp(0.0, 1.0)
        if alone:
            low, high = (self.values.gather(0, each.unsqueeze(0))[0] for each in (index - 1, index))
            return low + fraction * (high - low)
        share = fraction.view(-1, *(1,) * (self.values.ndim - 1))
        return self.values[index - 1] + share * (self.values[index] - self.values[index - 1])
