"""Wiener's filter: the linear map from the past to the future, for each sub-carrier."""

from collections.abc import Iterable
from typing import Self

import torch
from torch import Tensor

from surrogates.data.batch import Batch
from surrogates.domains.csi.baselines.autoregression import RIDGE, Ridge
from surrogates.domains.csi.baselines.moments import Moments
from surrogates.domains.csi.baselines.pasts import pasts_of, snapshots
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline


class Wiener(Baseline):
    """Centred linear least squares from all antennas and snapshots of a sub-carrier to those ahead.

    The k-th sub-carrier of the target follows from the k-th of the past, in the same band or another. The
    normal equations are added up batch by batch: with 32 antennas, 16 + 4 snapshots and 300 sub-carriers they
    take 2 GB, the maps 160 MB.

    Parameters
    ----------
    context
        Of the data.
    ridge
        Weight of the squared coefficients, in units of the mean diagonal of the normal equations.
    """

    takes_complex = True

    def __init__(self, context: Context, ridge: Ridge = RIDGE) -> None:
        self.pasts = pasts_of(context, same_band=False)
        self.ridge = ridge
        self._maps: dict[str, tuple[Tensor, Tensor]] = {}

    def fit(self, batches: Iterable[Batch]) -> Self:
        """Add up the normal equations and solve them."""
        moments = {past.target: Moments() for past in self.pasts}
        known = {past.target: 0 for past in self.pasts}
        for batch in batches:
            for past in self.pasts:
                vectors = by_subcarrier(snapshots(batch, past.name))
                ahead = by_subcarrier(snapshots(batch, past.target))
                moments[past.target].add(torch.cat([vectors, ahead], dim=2))
                known[past.target] = vectors.shape[2]
        if not all(known.values()):
            raise ValueError("csi/wiener got no training examples to fit; check split and window")
        self._maps = {}
        for name, found in moments.items():
            inputs, outputs = slice(0, known[name]), slice(known[name], None)
            maps, offset = found.regression(inputs, outputs, self.ridge)
            self._maps[name] = maps.to(torch.complex64), offset.to(torch.complex64)
        return self

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the snapshots ahead."""
        answers = {}
        for past in self.pasts:
            given = snapshots(inputs, past.name).to(torch.complex64)
            maps, offset = (each.to(given.device) for each in self._maps[past.target])
            found = by_subcarrier(given) @ maps.mT + offset[:, None]
            shape = (len(maps), len(given), given.shape[1], past.horizon)
            answers[past.target] = found.reshape(shape).permute(1, 2, 3, 0).to(inputs[past.name])
        return answers


def by_subcarrier(channels: Tensor) -> Tensor:
    """Return (batch, antenna, time, sub-carrier) as (sub-carrier, batch, antenna and time)."""
    return channels.permute(3, 0, 1, 2).flatten(2)
