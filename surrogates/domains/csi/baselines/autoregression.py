"""Autoregression on an example's own past: one model per antenna, or one for the whole array (PAD)."""

from collections.abc import Iterable
from typing import Annotated, Self

import torch
from pydantic import Field
from torch import Tensor

from surrogates.data.batch import Batch
from surrogates.domains.csi.baselines.choosing import with_least_error
from surrogates.domains.csi.baselines.linear_prediction import coefficients, roll_out
from surrogates.domains.csi.baselines.pasts import pasts_of, snapshots
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline

Order = Annotated[int, Field(ge=1, le=64)]
Ridge = Annotated[float, Field(gt=0, le=10)]
RIDGE = 1e-4
ORDERS = (1, 2, 3, 4)
"""Orders that are tried where none is given."""
EXAMPLES = 128
"""Largest number of training examples on which an order is chosen."""
GROWTH = 5.0
"""How many times the largest coefficient of the past, or 1, an extrapolation by Prony may reach."""


class AR(Baseline):
    """Autoregression of each antenna of each example, its coefficients shared by the sub-carriers.

    Parameters
    ----------
    context
        Of the data; only the band of the past can be predicted.
    order
        Number of snapshots that the next one follows from; None takes the one of 1 to 4 with the least NMSE
        on the futures of training examples.
    ridge
        Weight of the squared coefficients, in units of the mean diagonal of the normal equations.
    """

    takes_complex = True

    def __init__(self, context: Context, order: Order | None = None, ridge: Ridge = RIDGE) -> None:
        self.pasts = pasts_of(context, same_band=True)
        self.ridge = ridge
        self._orders = ORDERS if order is None else (order,)
        self.orders = {past.target: self._orders[0] for past in self.pasts}

    def fit(self, batches: Iterable[Batch]) -> Self:
        """Choose the order that was not given."""
        if len(self._orders) > 1:
            self.orders = with_least_error(self.pasts, batches, self._orders, self._continued, EXAMPLES)
        return self

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the snapshots ahead."""
        answers = {}
        for past in self.pasts:
            known = snapshots(inputs, past.name)
            found = self._continued(known, self.orders[past.target], past.horizon)
            answers[past.target] = found.to(inputs[past.name])
        return answers

    def _continued(self, past: Tensor, order: int, horizon: int) -> Tensor:
        return extrapolated(past, order, self.ridge, horizon)


class PAD(Baseline):
    """Prony's method in the angle-delay domain, with one set of coefficients for each example.

    The published baseline transforms each snapshot by unitary Fourier transforms over antennas and
    sub-carriers, fits the coefficients on all angle-delay bins, and transforms back. A unitary transform
    changes neither the normal equations nor the extrapolation, which is linear, so it is left out here; the
    tests compare both. An example whose extrapolation is not finite, or exceeds five times the larger of 1
    and the largest coefficient of its past, gets its last snapshot.

    Parameters
    ----------
    context
        Of the data, whose channels have a mean power near 1; only the band of the past can be predicted.
    order
        Number of exponentials.
    ridge
        Weight of the squared coefficients, in units of the mean diagonal of the normal equations.

    References
    ----------
    H. Yin et al., "Addressing the curse of mobility in massive MIMO with Prony-based angular-delay domain
    channel predictions", IEEE JSAC 38(12), 2020, arXiv:1912.11330; as simplified for CSI-RRG by
    arXiv:2510.12996.
    """

    takes_complex = True

    def __init__(self, context: Context, order: Order = 8, ridge: Ridge = RIDGE) -> None:
        self.pasts = pasts_of(context, same_band=True)
        self.order, self.ridge = order, ridge

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the snapshots ahead."""
        answers = {}
        for past in self.pasts:
            found = prony(snapshots(inputs, past.name), self.order, self.ridge, past.horizon)
            answers[past.target] = found.to(inputs[past.name])
        return answers


def extrapolated(past: Tensor, order: int, ridge: float, horizon: int) -> Tensor:
    """Return the continuation of each antenna's past by its own autoregression.

    Parameters
    ----------
    past
        Shape (batch, antenna, time, sub-carrier), complex128.
    order, ridge
        As of `linear_prediction.coefficients`.
    horizon
        Snapshots ahead.
    """
    series = past.flatten(0, 1)
    found = roll_out(series, coefficients(series, order, ridge), horizon)
    return found.unflatten(0, past.shape[:2])


def prony(past: Tensor, order: int, ridge: float, horizon: int) -> Tensor:
    """Return the continuation of each example by one set of coefficients, or its last snapshot.

    Parameters
    ----------
    past, order, ridge, horizon
        As of `extrapolated`.
    """
    count, antennas, steps, subcarriers = past.shape
    series = past.transpose(1, 2).reshape(count, steps, antennas * subcarriers)
    found = roll_out(series, coefficients(series, order, ridge), horizon)
    found = found.reshape(count, horizon, antennas, subcarriers).transpose(1, 2)
    largest = past.abs().amax((1, 2, 3)).clamp(min=1.0)
    sound = found.abs().amax((1, 2, 3)) <= GROWTH * largest  # NaN compares as false
    return found.where(sound[:, None, None, None], past[:, :, -1:])
