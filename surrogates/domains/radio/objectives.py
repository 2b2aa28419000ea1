"""The loss of Geo2SigMap."""

import torch
from torch import Tensor

from surrogates.domains.radio.site import HEIGHTS
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.protocols import Batch
from surrogates.learning.ranks import mean_over_ranks


class Geo2SigMapLoss:
    """Squared error in dB^2 over all cells and over outdoor cells, 0.7 to 0.3 as published.

    What no ray reached counts as the floor, as published; targets stay real numbers, and "outdoor" means
    cells without a building (the released code took those with one).

    Parameters
    ----------
    outdoor
        Weight of the outdoor cells; the rest is that of all cells.
    floor
        Smallest gain, dB.
    mask
        Ignored: the published loss counts every cell.
    """

    variables = (HEIGHTS,)

    def __init__(self, outdoor: float = 0.3, floor: float = -160.0, mask: str | None = None) -> None:
        self.outdoor, self.floor = outdoor, floor

    def __call__(
        self, pipeline: Pipeline, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss, and its two parts."""
        (name,) = pipeline.target_names
        target = torch.nan_to_num(batch[name], nan=self.floor).clamp(self.floor, 0.0)
        squared = (pipeline(batch)[name] - target).square()
        outside = (batch[HEIGHTS] <= 0).to(squared.dtype)
        everywhere = squared.mean()
        (count,) = mean_over_ranks([outside.sum()])
        outdoors = (squared * outside).sum() / count.clamp(min=torch.finfo(count.dtype).tiny)
        loss = (1 - self.outdoor) * everywhere + self.outdoor * outdoors
        return loss, {"all": everywhere.detach(), "outdoor": outdoors.detach()}
