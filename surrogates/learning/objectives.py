"""Objectives: losses that training minimises."""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import PositiveInt
from torch import Tensor

from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.data.batch import Batch
from surrogates.data.window import HORIZON
from surrogates.learning.context import Context, MaskNames
from surrogates.learning.contract import Objective
from surrogates.learning.heads import Point
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.predictors import advanced, ask
from surrogates.learning.ranks import mean_over_ranks


class Regression(Objective):
    """The head's loss, over all cells that count; NaN targets do not.

    Parameters
    ----------
    context
        Of the data.
    weights
        Weight of each target, 1 where not given.
    """

    takes_complex = True
    takes_directions = True

    def __init__(self, context: Context, weights: dict[str, float] | None = None) -> None:
        self._weights = weights or {}
        self._mask = context.mask_names

    def __call__(
        self, pipeline: Pipeline, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted mean of the loss over all cells that count, and each target's term."""
        features, head = pipeline.features(batch), pipeline.head
        outputs = pipeline.normalised(features)
        target = pipeline.normalised_targets(batch, features)
        require_shape(pipeline, outputs, target)
        weight = cell_weights(pipeline, batch, target, self._mask)
        plain = weight is None and len(pipeline.target_names) == 1 and not self._weights
        if plain and type(head) is Point:
            return head.mean_loss(outputs, target), {}
        past = pipeline.past_ratio(batch, features, outputs)
        if weight is not None:
            (target,) = hide(weight, target)
            past = None if past is None else hide(weight, past)[0]
            (outputs,) = hide(weight.repeat(1, head.outputs, *(1,) * (weight.ndim - 2)), outputs)
        return mean_by_target(pipeline, head.loss(outputs, target, past), weight, self._weights)


class Forecast(Objective):
    """A loss over several horizons, each forecast from the forecast before: what `rollout` will do.

    A Gaussian loss trains the variances that `rollout` answers: the network's own are those of one horizon,
    to which those of the past it starts from add.

    Parameters
    ----------
    steps
        Horizons, as many as those of the predictor.
    loss
        Objective of each horizon.
    context
        Of the data.
    """

    takes_complex = True

    def __init__(self, context: Context, steps: PositiveInt = 1, loss: dict[str, Any] | None = None) -> None:
        self.steps, self._horizons, self._mask = steps, steps, context.mask_names
        self._loss = Objective.build(loss or {"name": "regression"}, context)
        self.needs_gradients = self._loss.needs_gradients

    def __call__(
        self, pipeline: Pipeline, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean over the horizons of the loss and of its terms; gradients pass through all."""
        losses, terms, moved = [], [], Batch()
        for step in range(self._horizons):
            state = pipeline.masks.of_horizon(batch, step, self._mask) | moved
            loss, term = self._loss(pipeline, state, rng)
            losses.append(loss)
            terms.append(term)
            if step + 1 < self._horizons:
                moved = advanced(pipeline, state, ask(pipeline, state))
        means = {name: torch.stack([term[name] for term in terms]).mean() for name in terms[0]}
        return torch.stack(losses).mean(), means


def cell_weights(pipeline: Pipeline, batch: Batch, target: Tensor, mask: MaskNames | None) -> Tensor | None:
    """Return the weight of each cell of the stacked targets, or None if all count alike."""
    if not mask and not any(spec.missing for spec in pipeline.config.targets):
        return None
    observed = target.isfinite().to(target.dtype)
    return observed * pipeline.masks.weight(batch, mask) if mask else observed


def hide(weight: Tensor | None, *values: Tensor) -> tuple[Tensor, ...]:
    """Set values to zero where nothing counts: NaN times a weight of zero is NaN, in the gradient too."""
    return values if weight is None else tuple(value.where(weight > 0, 0.0) for value in values)


def mean_by_target(
    pipeline: Pipeline, loss: Tensor, weight: Tensor | None, factors: Mapping[str, float]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the mean over targets of each one's weighted mean loss, and these means if several.

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
    terms = [
        term.sum() / share.clamp(min=torch.finfo(share.dtype).tiny)
        for term, share in zip((loss * weight).split(counts, 1), shares, strict=True)
    ]
    scales = [factors.get(name, 1.0) for name in names]
    total = torch.stack([term * scale for term, scale in zip(terms, scales, strict=True)]).sum()
    means = dict(zip(names, (term.detach() for term in terms), strict=True)) if len(names) > 1 else {}
    return total / sum(scales), means


def require_shape(pipeline: Pipeline, answer: Tensor, target: Tensor) -> None:
    """Refuse an answer that has not the targets' shape."""
    expected = (target.shape[0], target.shape[1] * pipeline.head.outputs, *target.shape[2:])
    if answer.shape != expected:
        ahead = HORIZON in pipeline.layout.grid
        fitting = (
            f"takes '{HORIZON}', such as lstm, tcn, sequence_transformer or vector"
            if ahead
            else "keeps the grid"
        )
        raise ConfigError(
            f"the network answered {tuple(answer.shape)} for targets of shape {expected} "
            f"(batch, channel, {', '.join(pipeline.layout.grid) or '*grid'}); choose a network that {fitting}"
        )
