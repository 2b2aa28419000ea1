"""Losses: what training makes small."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.protocols import Batch
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
        if answer.shape != target.shape:
            raise ConfigError(
                f"the network answered {tuple(answer.shape)} for targets of shape {tuple(target.shape)} "
                "(batch, channel, *grid); choose a network that keeps the grid"
            )
        weight = self._cell_weights(pipeline, batch, target)
        if weight is None and len(pipeline.target_names) == 1 and not self._weights:
            return self._distance(answer, target), {}
        return self._by_target(pipeline, answer, target, weight)

    def _cell_weights(self, pipeline: Pipeline, batch: Batch, target: Tensor) -> Tensor | None:
        if not self._mask and not any(spec.missing for spec in pipeline.config.targets):
            return None
        observed = target.isfinite().to(target.dtype)
        return observed * pipeline.weight(batch, self._mask) if self._mask else observed

    def _by_target(
        self, pipeline: Pipeline, answer: Tensor, target: Tensor, weight: Tensor | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        if weight is None:
            weight = torch.ones_like(target)
        counted = weight > 0
        # NaN times a weight of zero is NaN, in the gradient too: put both sides to zero where nothing counts.
        error = (
            self._distance(answer.where(counted, 0.0), target.where(counted, 0.0), reduction="none") * weight
        )
        counts = pipeline.layout.counts
        shares = mean_over_ranks([share.sum() for share in weight.split(counts, dim=1)])
        parts = [
            part.sum() / share.clamp(min=torch.finfo(share.dtype).tiny)
            for part, share in zip(error.split(counts, dim=1), shares, strict=True)
        ]
        factors = self._factors(pipeline.target_names)
        loss = torch.stack([part * f for part, f in zip(parts, factors.values(), strict=True)]).sum()
        names = pipeline.target_names
        statistics = (
            dict(zip(names, (part.detach() for part in parts), strict=True)) if len(names) > 1 else {}
        )
        return loss / sum(factors.values()), statistics

    def _factors(self, targets: list[str]) -> Mapping[str, float]:
        for name in self._weights:
            if name not in targets:
                raise ConfigError(
                    f"weights: '{name}' is not a target.{nearest(name, targets)} Targets: {listing(targets)}."
                )
        return {name: self._weights.get(name, 1.0) for name in targets}
