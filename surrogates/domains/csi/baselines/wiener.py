"""Wiener's filter: the linear map from the past to the future, for each sub-carrier."""

from collections.abc import Iterable
from typing import Self

import torch
from torch import Tensor

from surrogates.data.batch import Batch
from surrogates.domains.csi.baselines.autoregression import RIDGE, Ridge
from surrogates.domains.csi.baselines.choosing import HeldOut, with_least_error
from surrogates.domains.csi.baselines.moments import Moments
from surrogates.domains.csi.baselines.pasts import pasts_of, snapshots
from surrogates.evaluation.persistence import Past
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline

RIDGES = (RIDGE, 1e-3, 1e-2, 0.1, 1.0, 10.0)
"""Weights that are tried where none is given."""
Maps = tuple[Tensor, Tensor]
"""Maps (sub-carrier, output, input) and what to add (sub-carrier, output)."""


class Wiener(Baseline):
    """Centred linear least squares from all antennas and snapshots of a sub-carrier to those ahead.

    The k-th sub-carrier of the target follows from the k-th of the past, in the same band or another. The
    normal equations are added up batch by batch: with 32 antennas, 16 + 4 snapshots and 300 sub-carriers they
    take 2 GB, the maps 160 MB, for each of the weights that are compared.

    Parameters
    ----------
    context
        Of the data.
    ridge
        Weight of the squared coefficients, in units of the mean diagonal of the normal equations. None takes
        the one of 1e-4 to 10 with the least NMSE on every tenth training example, which the maps that are
        compared are not fitted on: of few examples the published 1e-4 learns the noise.
    """

    takes_complex = True

    def __init__(self, context: Context, ridge: Ridge | None = None) -> None:
        self.pasts = pasts_of(context, same_band=False)
        self._ridges = RIDGES if ridge is None else (ridge,)
        self.ridges = {past.target: self._ridges[0] for past in self.pasts}
        self._known: dict[str, int] = {}
        self._maps: dict[str, Maps] = {}

    def fit(self, batches: Iterable[Batch]) -> Self:
        """Add up the normal equations, choose the weight, and solve them."""
        moments = {past.target: Moments() for past in self.pasts}
        held_out = HeldOut(self.pasts)
        choosing = len(self._ridges) > 1
        for batch in batches:
            self._add(moments, held_out.rest(batch) if choosing else batch)
        if choosing:
            held_out.require("csi/wiener", "ridge")
            for past in self.pasts:
                found = {each: self._solved(moments, past, each) for each in self._ridges}
                best = with_least_error([past], held_out.batches, list(found.values()), mapped)[past.target]
                self.ridges[past.target] = next(each for each, maps in found.items() if maps is best)
            for batch in held_out.batches:
                self._add(moments, batch)
        if not all(each.count for each in moments.values()):
            raise ValueError("csi/wiener got no training examples to fit; check split and window")
        self._maps = {
            past.target: self._solved(moments, past, self.ridges[past.target]) for past in self.pasts
        }
        return self

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the snapshots ahead."""
        answers = {}
        for past in self.pasts:
            found = mapped(snapshots(inputs, past.name), self._maps[past.target], past.horizon)
            answers[past.target] = found.to(inputs[past.name])
        return answers

    def _add(self, moments: dict[str, Moments], batch: Batch) -> None:
        for past in self.pasts:
            known, ahead = (by_subcarrier(snapshots(batch, name)) for name in (past.name, past.target))
            self._known[past.target] = known.shape[2]
            if known.shape[1]:
                moments[past.target].add(torch.cat([known, ahead], dim=2))

    def _solved(self, moments: dict[str, Moments], past: Past, ridge: float) -> Maps:
        known, found = self._known[past.target], moments[past.target]
        weights, offset = found.regression(slice(0, known), slice(known, None), ridge)
        return weights.to(torch.complex64), offset.to(torch.complex64)


def mapped(past: Tensor, maps: Maps, horizon: int) -> Tensor:
    """Return the snapshots ahead.

    Parameters
    ----------
    past
        Shape (batch, antenna, time, sub-carrier).
    maps
        Of each sub-carrier.
    horizon
        Snapshots ahead.
    """
    given = past.to(torch.complex64)
    weights, offset = (each.to(given.device) for each in maps)
    found = by_subcarrier(given) @ weights.mT + offset[:, None]
    return found.reshape(len(weights), len(given), given.shape[1], horizon).permute(1, 2, 3, 0)


def by_subcarrier(channels: Tensor) -> Tensor:
    """Return (batch, antenna, time, sub-carrier) as (sub-carrier, batch, antenna and time)."""
    return channels.permute(3, 0, 1, 2).flatten(2)
