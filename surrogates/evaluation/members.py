"""Scores of members: how far they are from the target, and how far from each other."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from datasets.store.units import difference
from surrogates.evaluation.metrics import exact, mean_over_examples, total
from surrogates.evaluation.probabilistic import NOTHING, Spread
from surrogates.learning.contract import Metric, Statistics, Totals
from surrogates.learning.directions import unit_vector


@dataclass(frozen=True)
class EnergyScore(Metric):
    """Mean distance of the members from the target, less half of that from each other, of whole examples.

    The distance is the root mean square over the cells of an example that count, so that it sees whether
    cells vary together, which `CRPS` does not; that of directions is the chord. It is fair: its mean does not
    depend on how many members there are. Of a method without members it is the root mean square error of each
    example. Each example counts alike.

    References
    ----------
    T. Gneiting, A. E. Raftery, "Strictly proper scoring rules, prediction, and estimation", JASA 102, 2007,
    equation (22); C. Ferro, "Fair scores for ensemble forecasts", QJRMS 140, 2014.
    """

    of_spread: ClassVar[bool] = True
    takes_complex = True
    takes_directions = True

    def statistics(
        self, prediction: Tensor, target: Tensor, weight: Tensor, spread: Spread = NOTHING
    ) -> Statistics:
        members = prediction.unsqueeze(1) if spread.members is None else spread.members
        share = weight.double() / total(weight, weight.bool()).clamp(min=1e-300).view(-1, *_ones(weight))
        rows = [_scaled(exact(each), share, spread.turn) for each in (members, target.unsqueeze(1))]
        count = members.shape[1]
        to_target, apart = (torch.cdist(rows[0], each, compute_mode=_EXACT) for each in reversed(rows))
        score = to_target.mean((1, 2)) - apart.sum((1, 2)) / (2 * count * max(count - 1, 1))
        counts = total(weight, weight.bool()) > 0
        return {"examples": counts.double(), "energy_score": score.where(counts, 0.0)}

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_over_examples(totals, "energy_score")

    def units(self, units: str) -> str:
        return difference(units)


@dataclass(frozen=True)
class RankHistogram(Metric):
    """How uneven the ranks of the target among the members are: 0 of an even histogram, at most 2.

    It is the sum over the ranks of |share - 1 / ranks|, with n members n + 1 ranks; a cell that equals some
    members has all ranks between these alike. A histogram like a U is that of members that lie too close
    together, like a hill of such that lie too far apart. NaN of a method without members.

    References
    ----------
    T. M. Hamill, "Interpretation of rank histograms for verifying ensemble forecasts", Monthly Weather Review
    129, 2001; L. Delle Monache et al., "Probabilistic aspects of meteorological and ozone regional ensemble
    forecasts", JGR 111, 2006 (the index).
    """

    of_spread: ClassVar[bool] = True

    def statistics(
        self, prediction: Tensor, target: Tensor, weight: Tensor, spread: Spread = NOTHING
    ) -> Statistics:
        if spread.members is None:
            return {"ranks": torch.full((len(target), 2), torch.nan, dtype=torch.float64)}
        return {"ranks": ranks(spread.members, target, weight)}

    def combine(self, totals: Totals) -> np.ndarray:
        counts = totals["ranks"]
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = counts / counts.sum(-1, keepdims=True)
        return np.asarray(np.abs(shares - 1 / counts.shape[-1]).sum(-1))

    def units(self, units: str) -> str:
        return "1"


def ranks(members: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return the histogram of the target's rank in each example, (batch, member + 1), float64.

    Parameters
    ----------
    members
        Real, (batch, member, ...); a NaN that counts makes its example's histogram NaN.
    target, weight
        Of each cell, (batch, ...).
    """
    own = target.unsqueeze(1)
    below = (members < own).sum(1)
    ties = (members == own).sum(1)
    known = weight.double() + 0 * (members.sum(1) + target).double()
    share = torch.where(weight > 0, known, 0.0) / (ties + 1)
    rows = [
        share.where((below <= rank) & (rank <= below + ties) | share.isnan(), 0.0)
        .reshape(len(target), -1)
        .sum(1)
        for rank in range(members.shape[1] + 1)
    ]
    return torch.stack(rows, dim=1)


_EXACT = "donot_use_mm_for_euclid_dist"


def _ones(values: Tensor) -> tuple[int, ...]:
    return (1,) * (values.ndim - 1)


def _scaled(values: Tensor, share: Tensor, turn: float | None) -> Tensor:
    """Return (batch, member, number), whose Euclidean distances are root mean squares over the cells."""
    if turn is not None:
        values = unit_vector(values, turn) * (turn / math.tau)
    elif values.is_complex():
        values = torch.view_as_real(values)
    else:
        values = values.unsqueeze(-1)
    return (values * share.sqrt().unsqueeze(1).unsqueeze(-1)).flatten(2)
