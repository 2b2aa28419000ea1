"""How a trained pipeline is asked."""

import torch

from surrogates.learning.pipeline import Pipeline
from surrogates.learning.protocols import Batch


class Direct:
    """One forward pass."""

    def __call__(self, pipeline: Pipeline, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the targets in physical units."""
        return pipeline(inputs)
