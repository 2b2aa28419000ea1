"""Metrics of what a method says about its own error: standard deviations and intervals.

They are functions of means of statistics like all metrics, and get one thing more: the `Spread` of the
prediction. A metric that lacks what it needs is NaN.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from datasets.store.units import difference
from surrogates.evaluation.metrics import Statistics, Totals, mean_of, total
from surrogates.inference.conformal import Calibration, require_level

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
    """

    deviation: Tensor | None = None
    calibration: Calibration | None = None

    def radius(self, level: float, like: Tensor) -> Tensor:
        """Half width of the calibrated interval, shape of `like`; NaN where there is none."""
        reach = self.calibration.radius(level) if self.calibration is not None else np.nan
        if self.calibration is None or not np.isfinite(reach):
            return torch.full_like(like, torch.nan, dtype=torch.float64)
        if not self.calibration.relative:
            return torch.full_like(like, reach, dtype=torch.float64)
        if self.deviation is None:
            raise ValueError(
                "The calibration is relative to a standard deviation, but the method returned none; "
                "calibrate it again with `surrogates evaluate RUN`."
            )
        return reach * self.deviation.double()

    def gaussian_radius(self, level: float, like: Tensor) -> Tensor:
        """Half width of the interval of a Gaussian with the predicted deviation; NaN without one."""
        if self.deviation is None:
            return torch.full_like(like, torch.nan, dtype=torch.float64)
        return float(ndtri((1 + level) / 2)) * self.deviation.double()


NOTHING = Spread()


@dataclass(frozen=True)
class CRPS:
    """Continuous ranked probability score of Gaussian predictions; the mean absolute error without deviation.

    References
    ----------
    T. Gneiting, A. E. Raftery, A. H. Westveld, T. Goldman, "Calibrated probabilistic forecasting using
    ensemble model output statistics and minimum CRPS estimation", Monthly Weather Review 133, 2005,
    equation (5).
    """

    of_spread: ClassVar[bool] = True

    def statistics(
        self, prediction: Tensor, target: Tensor, weight: Tensor, spread: Spread = NOTHING
    ) -> Statistics:
        error = (prediction.double() - target.double()).abs()
        if spread.deviation is not None:
            error = _gaussian_crps(error, spread.deviation.double())
        return {"weight": total(weight, weight.bool()), "crps": total(error, weight)}

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_of(totals, "crps")

    def units(self, units: str) -> str:
        return difference(units)


@dataclass(frozen=True)
class _Interval:
    """A metric of the intervals of one level."""

    level: float = 0.9

    of_spread: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_level(self.level)


@dataclass(frozen=True)
class Coverage(_Interval):
    """Share of the cells inside the intervals that the run's validation split calibrated.

    Parameters
    ----------
    level
        Wanted coverage.
    """

    def statistics(
        self, prediction: Tensor, target: Tensor, weight: Tensor, spread: Spread = NOTHING
    ) -> Statistics:
        error = (prediction.double() - target.double()).abs()
        return _covered(error, spread.radius(self.level, error), weight)

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_of(totals, "covered")

    def units(self, units: str) -> str:
        return "1"


@dataclass(frozen=True)
class GaussianCoverage(_Interval):
    """Share of the cells inside the intervals of Gaussians with the predicted standard deviations.

    Parameters
    ----------
    level
        Wanted coverage.
    """

    def statistics(
        self, prediction: Tensor, target: Tensor, weight: Tensor, spread: Spread = NOTHING
    ) -> Statistics:
        error = (prediction.double() - target.double()).abs()
        return _covered(error, spread.gaussian_radius(self.level, error), weight)

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_of(totals, "covered")

    def units(self, units: str) -> str:
        return "1"


@dataclass(frozen=True)
class IntervalWidth(_Interval):
    """Mean width of the calibrated intervals.

    Parameters
    ----------
    level
        Wanted coverage.
    """

    def statistics(
        self, prediction: Tensor, target: Tensor, weight: Tensor, spread: Spread = NOTHING
    ) -> Statistics:
        # A NaN of the prediction is in its interval too.
        width = 2 * spread.radius(self.level, prediction) + 0 * prediction.double()
        return {"weight": total(weight, weight.bool()), "width": total(width, weight)}

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_of(totals, "width")

    def units(self, units: str) -> str:
        return difference(units)


class CoverageCurve:
    """Coverage at many levels, of calibrated intervals and of Gaussians; `combine` gives one row for each."""

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor, spread: Spread) -> Statistics:
        error = (prediction.double() - target.double()).abs()
        radii = (spread.radius, spread.gaussian_radius)
        rows = [
            torch.stack(
                [_covered(error, radius(level, error), weight)["covered"] for level in CURVE_LEVELS], -1
            )
            for radius in radii
        ]
        return {"weight": total(weight, weight.bool())[:, None, None], "covered": torch.stack(rows, 1)}

    def combine(self, totals: Totals) -> np.ndarray:
        """Shape (2, levels): calibrated, Gaussian."""
        return mean_of(totals, "covered")


def _gaussian_crps(error: Tensor, deviation: Tensor) -> Tensor:
    z = error / deviation.where(deviation > 0, 1.0)
    density = torch.exp(-0.5 * z.square()) / np.sqrt(2 * np.pi)
    score = deviation * (z * (2 * torch.special.ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))
    # Where the deviation is zero the Gaussian is a point; NaN is neither.
    return torch.where(deviation == 0, error, score)


def _covered(error: Tensor, radius: Tensor, weight: Tensor) -> Statistics:
    # 0 * (error + radius) carries NaN on: an unknown is neither inside nor outside.
    inside = (error <= radius).double() + 0 * (error + radius)
    return {"weight": total(weight, weight.bool()), "covered": total(inside, weight)}
