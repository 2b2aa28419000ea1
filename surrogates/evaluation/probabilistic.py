"""Metrics of predicted standard deviations, quantiles and intervals.

They are functions of means of statistics like all metrics, and get one thing more: the `Spread` of the
prediction. A metric that lacks what it needs is NaN. The interval of a complex target is a disc about the
prediction, and its Gaussian is circular: both parts have the same variance, half the predicted one.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from datasets.store.units import difference
from surrogates.core.ranges import Level
from surrogates.evaluation.metrics import Step, at_step, exact, mean_of, total
from surrogates.learning.conformal import Calibration, require_level
from surrogates.learning.contract import Best, Metric, Statistics, Totals
from surrogates.learning.directions import wrapped
from surrogates.learning.distance import stretch
from surrogates.learning.members import member_levels, member_quantiles

Intervals = Literal["calibrated", "gaussian", "members"]
CURVE_LEVELS = (*np.round(np.arange(0.05, 0.96, 0.05), 2).tolist(), 0.99)


@dataclass(frozen=True)
class Spread:
    """What is known about the errors of a prediction.

    Attributes
    ----------
    deviation
        Predicted standard deviation, shape of the target, or None.
    calibration
        Scores on the run's validation split, or None.
    quantiles, levels
        Predicted quantiles, (batch, level, ...), and their levels; or None.
    distance
        Of each record to the training data, (batch,), or None.
    members
        Predicted members, (batch, member, ...), or None.
    turn
        A full turn of a direction, in its units; None of any other target. Prediction and quantiles are then
        within half a turn of the target.
    """

    deviation: Tensor | None = None
    calibration: Calibration | None = None
    quantiles: Tensor | None = None
    levels: Tensor | None = None
    distance: Tensor | None = None
    members: Tensor | None = None
    turn: float | None = None

    def radius(self, level: float, prediction: Tensor, target: Tensor | None = None) -> Tensor:
        """Half width of the calibrated interval on the target's side, NaN where there is none.

        Parameters
        ----------
        level
            Of the interval.
        prediction, target
            Of each cell; without a target the mean of both sides is returned.
        """
        radius = self.calibration.radius(level) if self.calibration is not None else np.nan
        if self.calibration is None or not np.isfinite(radius):
            return torch.full_like(prediction, torch.nan, dtype=torch.float64)
        reach = torch.full_like(prediction, radius, dtype=torch.float64)
        if self.calibration.distant:
            reach = reach * self._stretch(prediction)
        if not self.calibration.relative:
            return reach
        if self.quantiles is not None:
            below = (prediction - self.quantiles[:, 0]).clip(0)  # the mean of members may lie beyond
            above = (self.quantiles[:, -1] - prediction).clip(0)
            width = (below + above) / 2 if target is None else torch.where(target < prediction, below, above)
            return reach * width.double()
        if self.deviation is None:
            raise ValueError(
                "The calibration is relative to a standard deviation or to quantiles, but the method "
                "returned none; calibrate it again with `surrogates evaluate RUN`."
            )
        return reach * self.deviation.double()

    def _stretch(self, prediction: Tensor) -> Tensor:
        if self.distance is None:
            raise ValueError(
                "The calibration is relative to the distance to the training data, but the method told none; "
                "calibrate it again with `surrogates calibrate RUN STORE`."
            )
        return stretch(self.distance.double()).view(-1, *(1,) * (prediction.ndim - 1))

    def gaussian_radius(self, level: float, prediction: Tensor) -> Tensor:
        """Half width of the interval of a Gaussian with the predicted deviation; NaN without one.

        Around a complex prediction it is the radius of the disc with this share of the Gaussian.
        """
        if self.deviation is None:
            return torch.full_like(prediction, torch.nan, dtype=torch.float64)
        if prediction.is_complex():
            return float(np.sqrt(-np.log1p(-level))) * self.deviation.double()
        return float(ndtri((1 + level) / 2)) * self.deviation.double()

    def at_step(self, step: int) -> "Spread":
        """Return what is known at one step ahead, from 1, or -1 for the last one."""
        deviation = None if self.deviation is None else at_step(self.deviation, step)
        quantiles = None if self.quantiles is None else at_step(self.quantiles, step, dim=2)
        members = None if self.members is None else at_step(self.members, step, dim=2)
        return replace(self, deviation=deviation, quantiles=quantiles, members=members)

    def member_ends(self, level: float, prediction: Tensor) -> tuple[Tensor, Tensor]:
        """Return the ends of the central interval of the members, less the prediction; NaN without members.

        Of complex ones it is a disc about the prediction with this share of the members, by its radius.
        """
        if self.members is None:
            unknown = torch.full_like(prediction, torch.nan, dtype=torch.float64)
            return unknown, unknown
        apart = exact(self.members) - exact(prediction).unsqueeze(1)
        if self.turn is not None:
            apart = wrapped(apart, self.turn)
        if apart.is_complex():
            radius = member_quantiles(apart.abs(), [level])[:, 0]
            return -radius, radius
        low, high = member_quantiles(apart, [(1 - level) / 2, (1 + level) / 2]).unbind(1)
        return low, high

    def member_level(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the least level whose interval of the members holds the target; NaN without members.

        The intervals are those of `member_ends`. Where the target lies beyond all members it is 1.
        """
        if self.members is None:
            return torch.full_like(prediction.real, torch.nan, dtype=torch.float64)
        apart = exact(self.members) - exact(prediction).unsqueeze(1)
        if self.turn is not None:
            apart = wrapped(apart, self.turn)
        error = exact(target) - exact(prediction)
        if error.is_complex():
            least, _ = member_levels(apart.abs(), error.abs())
        else:
            low, high = member_levels(apart, error)
            least = torch.maximum(2 * low - 1, 1 - 2 * high).clamp(min=0.0)
        return least + 0 * (error.abs() + apart.abs().sum(1))  # an unknown is neither inside nor outside


NOTHING = Spread()


@dataclass(frozen=True)
class CRPS(Metric):
    """Continuous ranked probability score of members, Gaussians or quantiles; else the mean absolute error.

    Of complex targets it is the energy score, E|Z - z| - E|Z - Z'| / 2, of which it is a special case, and of
    members of directions the same with angles. That of members is fair: its mean does not depend on how many
    there are.

    References
    ----------
    T. Gneiting, A. E. Raftery, A. H. Westveld, T. Goldman, "Calibrated probabilistic forecasting using
    ensemble model output statistics and minimum CRPS estimation", Monthly Weather Review 133, 2005,
    equation (5); T. Gneiting, A. E. Raftery, "Strictly proper scoring rules, prediction, and estimation",
    JASA 102, 2007, equation (22); C. Ferro, "Fair scores for ensemble forecasts", QJRMS 140, 2014;
    E. P. Grimit, T. Gneiting, V. J. Berrocal, N. A. Johnson, "The continuous ranked probability score for
    circular variables and its application to mesoscale forecast ensemble verification", QJRMS 132, 2006.
    """

    of_spread: ClassVar[bool] = True
    takes_complex = True
    takes_directions = True

    def statistics(
        self, prediction: Tensor, target: Tensor, weight: Tensor, spread: Spread = NOTHING
    ) -> Statistics:
        error = (exact(prediction) - exact(target)).abs()
        if spread.members is not None:
            error = _member_crps(exact(spread.members), exact(target), spread.turn)
        elif spread.quantiles is not None and spread.levels is not None:
            error = _quantile_crps(target.double(), spread.quantiles.double(), spread.levels.double())
        elif spread.deviation is not None and target.is_complex():
            error = _circular_energy_score(error, spread.deviation.double())
        elif spread.deviation is not None:
            error = _gaussian_crps(error, spread.deviation.double())
        return {"weight": total(weight, weight.bool()), "crps": total(error, weight)}

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_of(totals, "crps")

    def units(self, units: str) -> str:
        return difference(units)


@dataclass(frozen=True)
class Interval(Metric):
    """A metric of the intervals of one level, over all cells or at one step ahead.

    Parameters
    ----------
    level
        Wanted coverage.
    intervals
        Those that the run's validation split calibrated, those of Gaussians with the predicted standard
        deviations, or those between quantiles of the predicted members.
    step
        Steps ahead, from 1, or -1 for the last one, along the dimension behind the records; None takes
        all cells together.
    """

    best: ClassVar[Best] = "none"
    level: Level = 0.9
    intervals: Intervals = "calibrated"
    step: Step | None = None

    of_spread: ClassVar[bool] = True
    takes_complex = True
    takes_directions = True

    def __post_init__(self) -> None:
        require_level(self.level)

    def statistics(
        self, prediction: Tensor, target: Tensor, weight: Tensor, spread: Spread = NOTHING
    ) -> Statistics:
        if self.step is not None:
            spread = spread.at_step(self.step)
            prediction, target, weight = (at_step(each, self.step) for each in (prediction, target, weight))
        return self._of_cells(prediction, target, weight, spread)

    def _of_cells(self, prediction: Tensor, target: Tensor, weight: Tensor, spread: Spread) -> Statistics:
        raise NotImplementedError

    def _radius(self, spread: Spread, prediction: Tensor, target: Tensor | None = None) -> Tensor:
        if self.intervals == "gaussian":
            return spread.gaussian_radius(self.level, prediction)
        return spread.radius(self.level, prediction, target)


@dataclass(frozen=True)
class Coverage(Interval):
    """Share of the cells inside their intervals; parameters as of `Interval`."""

    def _of_cells(self, prediction: Tensor, target: Tensor, weight: Tensor, spread: Spread) -> Statistics:
        if self.intervals == "members":
            return _covered(spread.member_level(prediction, target), _just_above(self.level), weight)
        error = (exact(target) - exact(prediction)).abs()
        return _covered(error, self._radius(spread, prediction, target), weight)

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_of(totals, "covered")

    def units(self, units: str) -> str:
        return "1"


def gaussian_coverage(level: Level = 0.9, step: Step | None = None) -> Coverage:
    """Return the coverage of the intervals of Gaussians with the predicted standard deviations.

    Parameters
    ----------
    level
        Share that the intervals should hold.
    step
        Step ahead that is scored; all by default.
    """
    return Coverage(level, "gaussian", step)


def member_coverage(level: Level = 0.9, step: Step | None = None) -> Coverage:
    """Return the coverage of the central intervals of the members; of n members they are at most all of them.

    Parameters
    ----------
    level
        Share that the intervals should hold.
    step
        Step ahead that is scored; all by default.
    """
    return Coverage(level, "members", step)


@dataclass(frozen=True)
class IntervalWidth(Interval):
    """Mean width of the intervals, of complex targets the diameter; parameters as of `Interval`."""

    def _of_cells(self, prediction: Tensor, target: Tensor, weight: Tensor, spread: Spread) -> Statistics:
        if self.intervals == "members":
            low, high = spread.member_ends(self.level, prediction)
            width = high - low
        else:
            width = 2 * self._radius(spread, prediction)
            width = width if spread.turn is None else width.clamp(max=spread.turn)
        width = width + 0 * exact(prediction).abs()  # a NaN of the prediction is in its interval too
        return {"weight": total(weight, weight.bool()), "width": total(width, weight)}

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_of(totals, "width")

    def units(self, units: str) -> str:
        return difference(units)


class CoverageCurve:
    """Coverage at many levels, of calibrated intervals, Gaussians and members: a row for each kind."""

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor, spread: Spread) -> Statistics:
        error = (exact(prediction) - exact(target)).abs()
        kinds: list[tuple[Tensor, Callable[[float], Tensor | float]]] = [
            (error, lambda level: spread.radius(level, prediction, target)),
            (error, lambda level: spread.gaussian_radius(level, prediction)),
            (spread.member_level(prediction, target), _just_above),
        ]
        rows = [
            torch.stack([_covered(size, limit(level), weight)["covered"] for level in CURVE_LEVELS], -1)
            for size, limit in kinds
        ]
        return {"weight": total(weight, weight.bool())[:, None, None], "covered": torch.stack(rows, 1)}

    def combine(self, totals: Totals) -> np.ndarray:
        """Shape (3, levels): calibrated, Gaussian, members."""
        return mean_of(totals, "covered")


def _member_crps(members: Tensor, target: Tensor, turn: float | None) -> Tensor:
    """Mean distance of members from the target, less half of the mean distance of two different ones."""
    count = members.shape[1]
    to_target = _distance(members, target.unsqueeze(1), turn).mean(1)
    if count == 1:
        return to_target
    if turn is None and not members.is_complex():
        ranks = torch.arange(count, dtype=members.dtype, device=members.device)
        factors = (2 * ranks - (count - 1)).view(-1, *(1,) * (members.ndim - 2))
        apart = (members.sort(dim=1).values * factors).sum(1)  # of all pairs
    else:
        apart = torch.zeros_like(to_target)
        for by in range(1, count):  # each pair comes twice
            apart = apart + _distance(members, members.roll(by, 1), turn).sum(1) / 2
    return to_target - apart / (count * (count - 1))


def _distance(one: Tensor, other: Tensor, turn: float | None) -> Tensor:
    return (one - other).abs() if turn is None else wrapped(one - other, turn).abs()


def _gaussian_crps(error: Tensor, deviation: Tensor) -> Tensor:
    z = error / deviation.where(deviation > 0, 1.0)
    density = torch.exp(-0.5 * z.square()) / np.sqrt(2 * np.pi)
    score = deviation * (z * (2 * torch.special.ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))
    # Where the deviation is zero the Gaussian is a point; NaN is neither.
    return torch.where(deviation == 0, error, score)


def _circular_energy_score(error: Tensor, deviation: Tensor) -> Tensor:
    """Energy score of circular Gaussians, from the mean of a Rice and of a Rayleigh distribution."""
    part = deviation / np.sqrt(2.0)
    y = (error / part.where(part > 0, 1.0)).square() / 4
    rice = (1 + 2 * y) * torch.special.i0e(y) + 2 * y * torch.special.i1e(y)
    score = part * (np.sqrt(np.pi / 2) * rice - np.sqrt(np.pi) / 2)
    return torch.where(deviation == 0, error, score)


def _quantile_crps(target: Tensor, quantiles: Tensor, levels: Tensor) -> Tensor:
    """Twice the mean pinball loss over all levels; each quantile stands for the levels that are nearest."""
    edges = torch.cat([levels.new_zeros(1), (levels[1:] + levels[:-1]) / 2, levels.new_ones(1)])
    shape = (1, -1, *(1,) * (target.ndim - 1))
    error, level = target.unsqueeze(1) - quantiles, levels.view(shape)
    pinball = torch.maximum(level * error, (level - 1) * error)
    return (2 * pinball * edges.diff().view(shape)).sum(1)


def _covered(size: Tensor, limit: Tensor | float, weight: Tensor) -> Statistics:
    """Sum up cells whose error, or whose level, is within a limit."""
    # 0 * (size + limit) carries NaN on: an unknown is neither inside nor outside.
    inside = (size <= limit).double() + 0 * (size + limit)
    return {"weight": total(weight, weight.bool()), "covered": total(inside, weight)}


def _just_above(level: float) -> float:
    """Return a level with room for rounding: a target that equals a member lies on the end of an interval."""
    return level + 1e-9
