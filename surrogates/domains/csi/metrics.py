"""Metrics of predicted channels: error against energy, and what a beam made from the prediction carries.

A target has the shape (batch, antenna, horizon, sub-carrier), real or complex. Definitions are those of
CSI-4CAST, arXiv:2510.12996.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from surrogates.core.ranges import Level
from surrogates.domains.csi.errors import snapshot_nmse
from surrogates.evaluation.metrics import (
    Step,
    at_step,
    exact,
    histogram,
    histogram_quantile,
    mean_of,
    total,
)
from surrogates.learning.contract import Best, Metric, Statistics, Totals

HORIZON = 2
"""Axis of the steps ahead."""
ANTENNA = 1

Decibels = Annotated[float, Field(ge=-100, le=100)]


@dataclass(frozen=True)
class NMSE(Metric):
    """Energy of the error over that of the channel, the mean over examples, antennas and snapshots.

    Each ratio sums over the sub-carriers. A deep fade of one antenna makes its ratio explode, so that the
    mean has a heavy tail: read it beside `NMSEQuantile` and the spine's `nmse`, the ratio of the sums. A
    snapshot without energy does not count.

    Parameters
    ----------
    step
        Step ahead, from 1, or -1 for the last one; None is all of them.
    """

    takes_complex = True

    step: Step | None = None

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        ratio, counts = _ratios(prediction, target, weight, self.step)
        return {"weight": total(counts, counts), "nmse": total(ratio, counts)}

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_of(totals, "nmse")

    def units(self, units: str) -> str:
        return "1"


@dataclass(frozen=True)
class NMSEQuantile(Metric):
    """Quantile of the NMSE over examples, antennas and snapshots: by default the median, within 1 %.

    Parameters
    ----------
    quantile
        Between 0 and 1.
    step
        As of `NMSE`.
    """

    takes_complex = True

    quantile: Level = 0.5
    step: Step | None = None

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        ratio, counts = _ratios(prediction, target, weight, self.step)
        return {"nmse_histogram": histogram(ratio, counts)}

    def combine(self, totals: Totals) -> np.ndarray:
        return histogram_quantile(totals["nmse_histogram"], self.quantile)

    def units(self, units: str) -> str:
        return "1"


@dataclass(frozen=True)
class SpectralEfficiency(Metric):
    """Spectral efficiency of the beam that matches the predicted channel, bit/s/Hz.

    It is the mean of ``log2(1 + SNR |p^H h|^2 / |p|^2)`` over examples, snapshots and sub-carriers, with
    inner products over the antennas of channels whose mean power is 1. A prediction of zero makes no beam and
    carries nothing.

    Parameters
    ----------
    snr
        Signal-to-noise ratio of one antenna, dB.
    step
        As of `NMSE`.
    """

    best: ClassVar[Best] = "largest"
    takes_complex = True

    snr: Decibels = 10.0
    step: Step | None = None

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        prediction, target, weight = (_at(each, self.step) for each in (prediction, target, weight))
        prediction, target = exact(prediction), exact(target)
        known = weight > 0
        power = self._power(torch.where(known, prediction, 0.0), torch.where(known, target, 0.0))
        # 0 * prediction keeps NaN: an unknown prediction has no known efficiency.
        rate = torch.log2(1 + power * 10 ** (self.snr / 10)) + 0 * prediction.abs().sum(ANTENNA)
        counts = weight.amin(ANTENNA)
        return {"weight": total(counts, counts.bool()), "rate": total(rate, counts)}

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_of(totals, "rate")

    def units(self, units: str) -> str:
        return "1"

    def _power(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the received power, (batch, horizon, sub-carrier) or without a horizon."""
        product = (prediction.conj() * target).sum(ANTENNA).abs().square()
        energy = prediction.abs().square().sum(ANTENNA)
        return torch.where(energy > 0, product / energy.where(energy > 0, math.inf), 0 * energy)


@dataclass(frozen=True)
class SpectralEfficiencyBound(SpectralEfficiency):
    """Spectral efficiency of the beam that matches the true channel, the bound of all others, bit/s/Hz."""

    best: ClassVar[Best] = "none"

    def _power(self, prediction: Tensor, target: Tensor) -> Tensor:
        return target.abs().square().sum(ANTENNA)


def _ratios(prediction: Tensor, target: Tensor, weight: Tensor, step: int | None) -> tuple[Tensor, Tensor]:
    """Return the NMSE of each antenna and snapshot, and 1 where it counts."""
    prediction, target, weight = (_at(each, step) for each in (prediction, target, weight))
    ratio = snapshot_nmse(prediction, target, weight)
    energy = (exact(target).abs().square() * weight).sum(-1)
    counts = (energy > 0).double()
    return torch.where(energy > 0, ratio, 0.0), counts


def _at(values: Tensor, step: int | None) -> Tensor:
    if values.ndim != 4:
        raise ValueError(
            f"the target has the shape {tuple(values.shape)}, expected (batch, antenna, horizon, "
            "subcarrier), as csi/rrg makes it"
        )
    return values if step is None else at_step(values, step, HORIZON)
