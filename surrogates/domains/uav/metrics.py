"""Metrics of forecast tracks: how far off, in metres, and when.

The last axis of a target holds the components of a position, the one behind the batch the steps ahead. A step
counts where all of its components do.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import PositiveInt
from torch import Tensor

from datasets.store.units import difference
from surrogates.evaluation.metrics import mean_of, total
from surrogates.evaluation.probabilistic import NOTHING, Coverage, GaussianCoverage, Spread
from surrogates.learning.contract import Metric, Statistics, Totals

LAST = -1


@dataclass(frozen=True)
class Displacement(Metric):
    """Mean Euclidean distance between forecast and truth, at one step ahead or over all of them.

    Parameters
    ----------
    step
        Steps ahead, from 1; None is all of them.
    """

    step: PositiveInt | None = None

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        distance, counts = distances(prediction, target, weight)
        if self.step is not None:
            if self.step > distance.shape[1]:
                raise ValueError(
                    f"displacement at step {self.step} was asked for, but the horizon has "
                    f"{distance.shape[1]}; name a step from 1 to {distance.shape[1]}"
                )
            distance, counts = distance[:, self.step - 1], counts[:, self.step - 1]
        return {"weight": total(counts, counts.bool()), "distance": total(distance, counts)}

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_of(totals, "distance")

    def units(self, units: str) -> str:
        return difference(units)


def ade() -> Displacement:
    """Return the average displacement error: over all steps of the horizon."""
    return Displacement()


@dataclass(frozen=True)
class FDE(Metric):
    """Final displacement error: mean Euclidean distance at the end of the horizon."""

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        distance, counts = (values[:, LAST] for values in distances(prediction, target, weight))
        return {"weight": total(counts, counts.bool()), "distance": total(distance, counts)}

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_of(totals, "distance")

    def units(self, units: str) -> str:
        return difference(units)


@dataclass(frozen=True)
class MissRate(Metric):
    """Share of the forecasts that end further than a threshold from the truth.

    Parameters
    ----------
    threshold
        Distance, in the target's units.
    """

    threshold: float = 1.0

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        distance, counts = (values[:, LAST] for values in distances(prediction, target, weight))
        # 0 * distance carries NaN on: a forecast that is unknown neither hits nor misses.
        missed = (distance > self.threshold).double() + 0 * distance
        return {"weight": total(counts, counts.bool()), "missed": total(missed, counts)}

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_of(totals, "missed")

    def units(self, units: str) -> str:
        return "1"


@dataclass(frozen=True)
class HorizonCoverage(Metric):
    """Share of the truth inside the intervals at the end of the horizon, its components pooled.

    Parameters
    ----------
    level
        Wanted coverage.
    intervals
        Those of Gaussians with the predicted standard deviations, or those that the run's validation split
        calibrated.
    """

    level: float = 0.9
    intervals: Literal["gaussian", "calibrated"] = "gaussian"

    of_spread: ClassVar[bool] = True

    def statistics(
        self, prediction: Tensor, target: Tensor, weight: Tensor, spread: Spread = NOTHING
    ) -> Statistics:
        deviation = None if spread.deviation is None else spread.deviation[:, LAST]
        end = Spread(deviation, spread.calibration)
        return self._coverage.statistics(prediction[:, LAST], target[:, LAST], weight[:, LAST], end)

    def combine(self, totals: Totals) -> np.ndarray:
        return self._coverage.combine(totals)

    def units(self, units: str) -> str:
        return self._coverage.units(units)

    @property
    def _coverage(self) -> Coverage | GaussianCoverage:
        return (GaussianCoverage if self.intervals == "gaussian" else Coverage)(self.level)


def distances(prediction: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return Euclidean distances and their weights, both (batch, horizon), float64.

    Parameters
    ----------
    prediction, target, weight
        Shape (batch, horizon, component).

    Raises
    ------
    ValueError
        If the target has other dimensions.
    """
    if target.ndim != 3:
        raise ValueError(
            f"the target has shape {tuple(target.shape)}; distances need (batch, horizon, component), "
            "as position_forecast has"
        )
    return torch.linalg.vector_norm(prediction.double() - target.double(), dim=-1), weight.amin(dim=-1)
