"""Metrics of forecast tracks: how far off, in metres, and when.

The last axis of a target holds the components of a position, the one after the batch the steps ahead. A step
counts if all of its components do.
"""

from dataclasses import dataclass

import numpy as np
import torch
from pydantic import PositiveFloat
from torch import Tensor

from datasets.store.units import difference
from surrogates.core.ranges import Level
from surrogates.evaluation.metrics import Step, at_step, mean_of, total
from surrogates.evaluation.probabilistic import Coverage, Intervals
from surrogates.learning.contract import Metric, Statistics, Totals

LAST = -1


@dataclass(frozen=True)
class Displacement(Metric):
    """Mean Euclidean distance between forecast and truth, at one step ahead or over all steps.

    Parameters
    ----------
    step
        Step ahead, from 1, or -1 for the last one; None is all of them.
    """

    step: Step | None = None

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        distance, counts = distances(prediction, target, weight)
        if self.step is not None:
            distance, counts = at_step(distance, self.step), at_step(counts, self.step)
        return {"weight": total(counts, counts.bool()), "distance": total(distance, counts)}

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_of(totals, "distance")

    def units(self, units: str) -> str:
        return difference(units)


def ade() -> Displacement:
    """Return the average displacement error: over all steps of the horizon."""
    return Displacement()


def fde() -> Displacement:
    """Return the final displacement error: at the end of the horizon."""
    return Displacement(LAST)


@dataclass(frozen=True)
class MissRate(Metric):
    """Share of the forecasts that end further than a threshold from the truth.

    Parameters
    ----------
    threshold
        Distance, in the target's units.
    """

    threshold: PositiveFloat = 1.0

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        distance, counts = (at_step(values, LAST) for values in distances(prediction, target, weight))
        # 0 * distance keeps NaN: an unknown forecast neither hits nor misses.
        missed = (distance > self.threshold).double() + 0 * distance
        return {"weight": total(counts, counts.bool()), "missed": total(missed, counts)}

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_of(totals, "missed")

    def units(self, units: str) -> str:
        return "1"


def horizon_coverage(level: Level = 0.9, intervals: Intervals = "gaussian") -> Coverage:
    """Return the share of the truth inside the intervals at the end of the horizon, its components pooled.

    Parameters
    ----------
    level
        Nominal coverage.
    intervals
        As of `surrogates.evaluation.probabilistic.Coverage`, but for the default.
    """
    return Coverage(level, intervals, LAST)


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
