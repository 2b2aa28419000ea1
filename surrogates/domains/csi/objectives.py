"""The loss of CSI-RRG."""

import torch
from torch import Tensor

from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.data.batch import Batch
from surrogates.learning.context import Context
from surrogates.learning.contract import Objective
from surrogates.learning.heads import Point
from surrogates.learning.layout import is_complex
from surrogates.learning.objectives import require_shape
from surrogates.learning.pipeline import Pipeline


class NMSE(Objective):
    """Energy of the error over that of the channel, the mean over examples, antennas and snapshots.

    Energies are summed over the subcarriers, as published. A deep fade weighs as much as a strong channel.

    Parameters
    ----------
    context
        Of the data; targets are complex.

    References
    ----------
    S. Cheng et al., "CSI-4CAST: A hybrid deep learning model for CSI prediction with comprehensive robustness
    and generalization testing", 2025, arXiv:2510.12996, and its repository.
    """

    takes_complex = True

    def __init__(self, context: Context) -> None:
        found = [spec.name for spec in context.targets if not is_complex(spec) or spec.missing]
        if found:
            raise ConfigError(
                f"objective 'csi/nmse': {listing(found)} found among the targets, complex ones without "
                "missing values expected; for others take task.objective.name=regression"
            )

    def __call__(
        self, pipeline: Pipeline, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss."""
        if not isinstance(pipeline.head, Point):
            raise ConfigError("objective 'csi/nmse' is for task.head.name=point; others have their own loss")
        features = pipeline.features(batch)
        outputs = pipeline.normalised(features)
        target = pipeline.normalised_targets(batch, features)
        require_shape(pipeline, outputs, target)
        # Both parts of a snapshot share one scale, so that the ratio is that of physical units.
        energy = _energy(target)
        loss = _energy(outputs - target) / energy.clamp(min=torch.finfo(energy.dtype).tiny)
        return loss.mean(), {}


def _energy(channels: Tensor) -> Tensor:
    """Return the energy of each snapshot of (batch, 2 * snapshots, *grid), shape (batch, snapshots)."""
    return channels.square().unflatten(1, (-1, 2)).flatten(2).sum(2)
