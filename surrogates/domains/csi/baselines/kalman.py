"""Kalman filter of each antenna and sub-carrier, whose state are the last snapshots."""

from collections.abc import Iterable
from itertools import product
from typing import Annotated, NamedTuple, Self

import torch
from pydantic import Field
from torch import Tensor

from surrogates.data.batch import Batch
from surrogates.domains.csi.baselines.autoregression import ORDERS, RIDGE, Order, Ridge
from surrogates.domains.csi.baselines.choosing import with_least_error
from surrogates.domains.csi.baselines.linear_prediction import coefficients, residual_variance
from surrogates.domains.csi.baselines.pasts import pasts_of, snapshots
from surrogates.evaluation.filters import Beliefs, Motion, forecast, track
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline

NOISES = (1e-3, 1e-2, 0.1, 0.3)
"""Measurement noise that is tried where none is given, as a share of the mean power."""
EXAMPLES = 16
"""Largest number of training examples on which order and noise are chosen."""
LEAST_PROCESS = 1e-3
"""Least share of the residual variance that is left to the process."""

NoiseShare = Annotated[float, Field(gt=0, lt=1)]


class Model(NamedTuple):
    """Order of the autoregression, and variance of the measurement as a share of the mean power."""

    order: int
    noise: float


class Kalman(Baseline):
    """Kalman filter of an autoregression, fitted to the past of each antenna, and its forecast.

    Coefficients come from least squares over the sub-carriers of the antenna. Their residuals hold the noise
    of ``order + 1`` measurements beside that of the process, which is what is left of them.

    Parameters
    ----------
    context
        Of the data; only the band of the past can be predicted.
    order
        Number of snapshots in the state; None is chosen of 1 to 4 by `fit`.
    noise
        Variance of the noise in the past, as a share of the antenna's mean power; None is chosen by `fit`, as
        what gives the least NMSE on training examples.
    ridge
        Weight of the squared coefficients, in units of the mean diagonal of the normal equations.
    """

    takes_complex = True

    def __init__(
        self,
        context: Context,
        order: Order | None = None,
        noise: NoiseShare | None = None,
        ridge: Ridge = RIDGE,
    ) -> None:
        self.pasts = pasts_of(context, same_band=True)
        self.ridge = ridge
        orders, noises = ORDERS if order is None else (order,), NOISES if noise is None else (noise,)
        self._grid = [Model(*pair) for pair in product(orders, noises)]
        self.models = {past.target: self._grid[0] for past in self.pasts}

    def fit(self, batches: Iterable[Batch]) -> Self:
        """Choose the order and the noise that were not given."""
        if len(self._grid) > 1:
            self.models = with_least_error(self.pasts, batches, self._grid, self._forecast, EXAMPLES)
        return self

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the snapshots ahead."""
        answers = {}
        for past in self.pasts:
            known = snapshots(inputs, past.name)
            found = self._forecast(known, self.models[past.target], past.horizon)
            answers[past.target] = found.to(inputs[past.name])
        return answers

    def _forecast(self, past: Tensor, model: Model, horizon: int) -> Tensor:
        return filtered(past, model, self.ridge, horizon)


def filtered(past: Tensor, model: Model, ridge: float, horizon: int) -> Tensor:
    """Return the forecasts of the filters.

    Parameters
    ----------
    past
        Shape (batch, antenna, time, sub-carrier), complex128.
    model
        Order and noise.
    ridge
        As of `linear_prediction.coefficients`.
    horizon
        Snapshots ahead.
    """
    series = past.flatten(0, 1)
    subcarriers = series.shape[2]
    weights = coefficients(series, model.order, ridge)
    noise = model.noise * series.abs().square().mean((1, 2))
    residual = residual_variance(series, weights)
    process = (residual - noise * (1 + weights.abs().square().sum(1))).maximum(LEAST_PROCESS * residual)
    # A past of zeros has no noise; its filter needs some variance to divide by.
    noise = noise.clamp(min=torch.finfo(torch.float64).tiny ** 0.5)
    weights, noise, process = (each.repeat_interleave(subcarriers, 0) for each in (weights, noise, process))
    points = series.transpose(1, 2).flatten(0, 1)  # (series, time)
    first = points[:, : model.order].flip(1)
    start = Beliefs(
        first[None],
        noise[None, :, None, None] * torch.eye(model.order, dtype=points.dtype, device=points.device),
        torch.ones(1, len(points), dtype=torch.float64, device=points.device),
    )
    motion = autoregression(weights, process)
    beliefs = track(points[:, model.order :, None], start, [motion], noise.sqrt())
    mean, _ = forecast(beliefs, [motion], horizon, measured=1)
    return mean[..., 0].unflatten(0, (len(series), subcarriers)).transpose(1, 2).unflatten(0, past.shape[:2])


def autoregression(weights: Tensor, variance: Tensor) -> Motion:
    """Return the motion of states that hold the last steps, the newest first.

    Parameters
    ----------
    weights
        Coefficients, (batch, order).
    variance
        Of the innovation, (batch,).
    """
    order = weights.shape[1]
    transition = torch.eye(order, dtype=weights.dtype, device=weights.device).roll(1, 0)
    transition = transition.repeat(len(weights), 1, 1)
    transition[:, 0] = weights
    noise = torch.zeros_like(transition)
    noise[:, 0, 0] = variance.to(noise)
    return Motion(lambda states: ((transition @ states[:, :, None])[:, :, 0], transition), noise)
