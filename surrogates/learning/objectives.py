"""Losses: what training makes small."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, cast

import torch
from pydantic import PositiveInt
from torch import Tensor
from torch.nn import functional

from surrogates.core.build import build
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.data.window import HORIZON
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.predictors import ask, moved_on
from surrogates.learning.protocols import Batch, Objective
from surrogates.learning.ranks import mean_over_ranks

_LOSSES = {"mse": functional.mse_loss, "mae": functional.l1_loss, "huber": functional.smooth_l1_loss}


class Regression:
    """Distance between the network's answer and the targets, both normalised; NaN targets do not count.

    Parameters
    ----------
    loss
        Squared error, absolute error, or the Huber function (squared below one standard deviation).
    weights
        Weight of each target, 1 where not given.
    mask
        Variable of the cells that count, bool or weights, on the targets' grid.
    """

    def __init__(
        self,
        loss: Literal["mse", "mae", "huber"] = "mse",
        weights: dict[str, float] | None = None,
        mask: str | None = None,
    ) -> None:
        self._distance = _LOSSES[loss]
        self._weights = weights or {}
        self._mask = mask

    def __call__(
        self, pipeline: Pipeline, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted mean of the loss over all cells that count, and each target's part."""
        features = pipeline.features(batch)
        answer = pipeline.normalised(features)
        target = pipeline.normalised_targets(batch, features)
        require_shape(pipeline, answer, target)
        weight = cell_weights(pipeline, batch, target, self._mask)
        if weight is None and len(pipeline.target_names) == 1 and not self._weights:
            return self._distance(answer, target), {}
        answer, target = hide(weight, answer, target)
        return mean_by_target(
            pipeline, self._distance(answer, target, reduction="none"), weight, self._weights
        )


class GaussianNLL:
    """Negative log-likelihood of the targets under a Gaussian with the network's mean and variance.

    The network answers mean and log variance; the pipeline then also returns
    `<target>_standard_deviation`. Each cell's term is multiplied by variance ** beta, through which no
    gradient flows: with 0 it is the likelihood itself, in which cells that are fitted badly get a large
    variance and then hardly count; with 1 the mean is fitted as by the squared error.

    Parameters
    ----------
    beta
        Exponent of the weight, from 0 to 1.
    weights
        Weight of each target, 1 where not given.
    mask
        Variable of the cells that count, bool or weights, on the targets' grid.

    References
    ----------
    D. A. Nix, A. S. Weigend, "Estimating the mean and variance of the target probability distribution",
    ICNN 1994; M. Seitzer, A. Tavakoli, D. Antic, G. Martius, "On the pitfalls of heteroscedastic uncertainty
    estimation with probabilistic neural networks", ICLR 2022, arXiv:2203.09168, equation (5).
    """

    distribution: ClassVar[str] = "gaussian"

    def __init__(
        self, beta: float = 0.5, weights: dict[str, float] | None = None, mask: str | None = None
    ) -> None:
        if not 0 <= beta <= 1:
            raise ConfigError(f"objective 'gaussian_nll': beta is {beta}; expected a number from 0 to 1.")
        self._beta = beta
        self._weights = weights or {}
        self._mask = mask

    def __call__(
        self, pipeline: Pipeline, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted mean of the loss over all cells that count, and each target's part."""
        features = pipeline.features(batch)
        mean, log_variance = pipeline.gaussian(features)
        log_variance = pipeline.walked(batch, features, log_variance)
        target = pipeline.normalised_targets(batch, features)
        require_shape(pipeline, mean, target)
        weight = cell_weights(pipeline, batch, target, self._mask)
        mean, log_variance, target = hide(weight, mean, log_variance, target)
        loss = 0.5 * (log_variance + (target - mean).square() * torch.exp(-log_variance))
        if self._beta:
            # The likelihood's value with the weighted gradient: only the value compares checkpoints.
            weighted = loss * torch.exp(self._beta * log_variance).detach()
            loss = weighted + (loss - weighted).detach()
        return mean_by_target(pipeline, loss, weight, self._weights)


class Forecast:
    """A loss over several horizons, each forecast from the forecast before: what `rollout` will do.

    A Gaussian loss trains the variances that `rollout` answers: the network's own are those of one horizon,
    to which those of the past it starts from add.

    Parameters
    ----------
    steps
        Horizons, as many as those of the predictor.
    loss
        Objective of each horizon.
    mask
        Variable of the cells that count, bool or weights, on the targets' grid.
    """

    def __init__(
        self, steps: PositiveInt = 1, loss: dict[str, Any] | None = None, mask: str | None = None
    ) -> None:
        self.steps, self._mask = steps, mask
        self._loss = cast(Objective, build("objectives", loss or {"name": "regression"}, mask=mask))
        self.distribution: str | None = getattr(self._loss, "distribution", None)

    def __call__(
        self, pipeline: Pipeline, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean over the horizons of the loss and of its parts; gradients pass through all."""
        losses, parts, moved = [], [], Batch()
        for step in range(self.steps):
            state = pipeline.of_horizon(batch, step, self._mask) | moved
            loss, part = self._loss(pipeline, state, rng)
            losses.append(loss)
            parts.append(part)
            if step + 1 < self.steps:
                moved = moved_on(pipeline, state, ask(pipeline, state))
        means = {name: torch.stack([part[name] for part in parts]).mean() for name in parts[0]}
        return torch.stack(losses).mean(), means


def cell_weights(pipeline: Pipeline, batch: Batch, target: Tensor, mask: str | None) -> Tensor | None:
    """Return the weight of each cell of the stacked targets, None where all count alike."""
    if not mask and not any(spec.missing for spec in pipeline.config.targets):
        return None
    observed = target.isfinite().to(target.dtype)
    return observed * pipeline.weight(batch, mask) if mask else observed


def hide(weight: Tensor | None, *values: Tensor) -> tuple[Tensor, ...]:
    """Put values to zero where nothing counts: NaN times a weight of zero is NaN, in the gradient too."""
    return values if weight is None else tuple(value.where(weight > 0, 0.0) for value in values)


def mean_by_target(
    pipeline: Pipeline, loss: Tensor, weight: Tensor | None, factors: Mapping[str, float]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the mean over targets of each one's weighted mean loss, and these means where several.

    Parameters
    ----------
    pipeline
        Knows which channels are whose.
    loss
        Of each cell, shape (batch, target channel, *grid), finite.
    weight
        Of each cell; None counts all alike.
    factors
        Weight of each target, 1 where not given.
    """
    names = pipeline.target_names
    for name in factors:
        if name not in names:
            raise ConfigError(
                f"weights: '{name}' is not a target.{nearest(name, names)} Targets: {listing(names)}."
            )
    if weight is None:
        weight = torch.ones_like(loss)
    counts = pipeline.layout.counts
    shares = mean_over_ranks([share.sum() for share in weight.split(counts, 1)])
    parts = [
        part.sum() / share.clamp(min=torch.finfo(share.dtype).tiny)
        for part, share in zip((loss * weight).split(counts, 1), shares, strict=True)
    ]
    scales = [factors.get(name, 1.0) for name in names]
    total = torch.stack([part * scale for part, scale in zip(parts, scales, strict=True)]).sum()
    means = dict(zip(names, (part.detach() for part in parts), strict=True)) if len(names) > 1 else {}
    return total / sum(scales), means


def require_shape(pipeline: Pipeline, answer: Tensor, target: Tensor) -> None:
    """Refuse an answer that has not the targets' shape."""
    if answer.shape != target.shape:
        ahead = HORIZON in pipeline.layout.grid
        fitting = (
            f"takes '{HORIZON}', such as lstm, tcn, sequence_transformer or vector"
            if ahead
            else "keeps the grid"
        )
        raise ConfigError(
            f"the network answered {tuple(answer.shape)} for targets of shape {tuple(target.shape)} "
            f"(batch, channel, {', '.join(pipeline.layout.grid) or '*grid'}); choose a network that {fitting}"
        )
