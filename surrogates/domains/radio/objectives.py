"""Losses of radio maps: that of Geo2SigMap, and the likelihood of a measured sector."""

from typing import cast

import torch
from pydantic import NegativeFloat, PositiveInt
from torch import Tensor

from surrogates.core.ranges import Share
from surrogates.data.batch import Batch
from surrogates.domains.radio.link import HEIGHTS
from surrogates.domains.radio.measured.process import SectorProcess
from surrogates.learning.context import Context
from surrogates.learning.contract import Objective
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.ranks import mean_over_ranks


class Geo2SigMapLoss(Objective):
    """Squared error in dB^2 over all cells and over outdoor cells, 0.7 to 0.3 as published.

    Cells that no ray reached count as the floor, as published; targets stay real numbers, and "outdoor" means
    cells without a building (the released code took those with one). The task's mask is ignored: the
    published loss counts every cell.

    Parameters
    ----------
    outdoor
        Weight of the outdoor cells; the rest is that of all cells.
    floor
        Smallest gain, dB.
    """

    variables = (HEIGHTS,)

    def __init__(self, outdoor: Share = 0.3, floor: NegativeFloat = -160.0) -> None:
        self.outdoor, self.floor = outdoor, floor

    def __call__(
        self, pipeline: Pipeline, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss, and its two terms."""
        (name,) = pipeline.target_names
        target = torch.nan_to_num(batch[name], nan=self.floor).clamp(self.floor, 0.0)
        squared = (pipeline(batch)[name] - target).square()
        outside = (batch[HEIGHTS] <= 0).to(squared.dtype)
        everywhere = squared.mean()
        (count,) = mean_over_ranks([outside.sum()])
        outdoors = (squared * outside).sum() / count.clamp(min=torch.finfo(count.dtype).tiny)
        loss = (1 - self.outdoor) * everywhere + self.outdoor * outdoors
        return loss, {"all": everywhere.detach(), "outdoor": outdoors.detach()}


class ProcessLikelihood(Objective):
    """Negative log-likelihood of held-out cells under a `SectorProcess` given the others, per cell.

    Parameters
    ----------
    context
        Context of the data.
    cells
        Cells drawn from those that count, of each map; the process predicts only these.
    """

    def __init__(self, context: Context, cells: PositiveInt = 256) -> None:
        self.cells, self.mask = cells, context.mask_name

    def __call__(
        self, pipeline: Pipeline, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss, and the squared error of the means, dB^2."""
        (name,) = pipeline.target_names
        target = batch[name]
        counts = target.isfinite()
        if self.mask is not None:
            counts &= batch[self.mask] > 0
        # Random keys, larger where a cell counts: the largest ones are a draw without replacement.
        keys = torch.rand(counts.flatten(1).shape, generator=rng, device=target.device) + counts.flatten(1)
        indices = keys.topk(min(self.cells, keys.shape[1]), dim=1).indices
        weight = counts.flatten(1).gather(1, indices).double()
        value = target.flatten(1).gather(1, indices).nan_to_num(0.0)
        posterior = cast(SectorProcess, pipeline.network).at(pipeline.features(batch).tensor, indices)
        squared = (value - posterior.mean).square()
        loss = 0.5 * (posterior.variance.log() + squared / posterior.variance)
        (total,) = mean_over_ranks([weight.sum()])
        total = total.clamp(min=1.0)
        return ((loss * weight).sum() / total).float(), {
            "squared": ((squared * weight).sum() / total).detach().float()
        }
