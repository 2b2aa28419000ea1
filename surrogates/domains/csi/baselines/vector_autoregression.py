"""Vector autoregression across the antennas, for each sub-carrier, learned from the training examples."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor

from surrogates.data.batch import Batch
from surrogates.domains.csi.baselines.autoregression import ORDERS, RIDGE, Order, Ridge
from surrogates.domains.csi.baselines.choosing import HeldOut, with_least_error
from surrogates.domains.csi.baselines.moments import Moments
from surrogates.domains.csi.baselines.pasts import TIME, pasts_of, snapshots
from surrogates.evaluation.persistence import Past
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline


class Recursion(NamedTuple):
    """Map from the last snapshots to the next one.

    Attributes
    ----------
    maps
        Shape (sub-carrier, antenna, lag and antenna), the last snapshot first.
    offset
        Shape (sub-carrier, antenna).
    """

    maps: Tensor
    offset: Tensor


class VectorAR(Baseline):
    """Vector autoregression of all antennas of a sub-carrier, mean-centred, rolled out over the horizon.

    Parameters
    ----------
    context
        Of the data; only the band of the past can be predicted.
    order
        Number of snapshots that the next one follows from; None takes the one of 1 to 4 with the least NMSE
        on every tenth training example, which the maps are not fitted on.
    ridge
        Weight of the squared coefficients, in units of the mean variance.
    """

    takes_complex = True

    def __init__(self, context: Context, order: Order | None = None, ridge: Ridge = RIDGE) -> None:
        self.pasts = pasts_of(context, same_band=True)
        self.ridge = ridge
        self._orders = ORDERS if order is None else (order,)
        self.recursions: dict[str, Recursion] = {}

    def fit(self, batches: Iterable[Batch]) -> Self:
        """Add up the normal equations and choose the order."""
        moments = {past.target: Moments() for past in self.pasts}
        held_out = HeldOut(self.pasts)
        choosing = len(self._orders) > 1
        for batch in batches:
            fitted = held_out.rest(batch) if choosing else batch
            for past in self.pasts:
                whole = torch.cat([snapshots(fitted, name) for name in (past.name, past.target)], dim=TIME)
                if len(whole):
                    moments[past.target].add(_windows(whole, max(self._orders)))
        if choosing:
            held_out.require("csi/vector_ar", "order")
        elif not all(each.count for each in moments.values()):
            raise ValueError("csi/vector_ar got no training examples to fit; check split and window")
        self.recursions = {
            past.target: self._best(moments.pop(past.target), held_out.batches, past) for past in self.pasts
        }
        return self

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the snapshots ahead."""
        answers = {}
        for past in self.pasts:
            found = continued(snapshots(inputs, past.name), self.recursions[past.target], past.horizon)
            answers[past.target] = found.to(inputs[past.name])
        return answers

    def _best(self, moments: Moments, held_out: Sequence[Batch], past: Past) -> Recursion:
        """Return the recursion of the order with the least NMSE on examples that were held out."""
        recursions = []
        for order in self._orders:
            antennas = moments.components // (max(self._orders) + 1)
            known, next_one = slice(antennas, (order + 1) * antennas), slice(0, antennas)
            recursions.append(Recursion(*moments.regression(known, next_one, self.ridge)))
        return with_least_error([past], held_out, recursions, continued)[past.target]


def continued(past: Tensor, recursion: Recursion, horizon: int) -> Tensor:
    """Return the snapshots ahead, each from those before it.

    Parameters
    ----------
    past
        Shape (batch, antenna, time, sub-carrier), complex128.
    recursion
        Maps of each sub-carrier.
    horizon
        Snapshots ahead.
    """
    maps, offset = (each.to(past.device) for each in recursion)
    order = maps.shape[2] // maps.shape[1]
    steps = list(past.permute(2, 3, 0, 1).unbind(0))  # (sub-carrier, batch, antenna)
    for _ in range(horizon):
        recent = torch.cat(steps[: -order - 1 : -1], dim=2)
        steps.append(recent @ maps.mT + offset[:, None])
    return torch.stack(steps[-horizon:]).permute(2, 3, 0, 1)


def _windows(whole: Tensor, order: int) -> Tensor:
    """Return each snapshot with those before it, the last first: (sub-carrier, window, lag and antenna)."""
    steps = whole.shape[TIME]
    if steps <= order:
        raise ValueError(
            f"{steps} snapshots were found, more than {order} expected for an autoregression of order {order}"
        )
    lags = [whole[:, :, order - lag : steps - lag] for lag in range(order + 1)]
    return torch.stack(lags).permute(4, 1, 3, 0, 2).flatten(3).flatten(1, 2)
