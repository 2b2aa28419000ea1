"""How a trained pipeline is asked."""

from collections.abc import Mapping

import torch
from torch import Tensor

from surrogates.learning.pipeline import Pipeline
from surrogates.learning.protocols import Batch


class Direct:
    """One forward pass."""

    def __call__(
        self, pipeline: Pipeline, inputs: Mapping[str, Tensor], rng: torch.Generator | None = None
    ) -> Batch:
        """Return the targets in physical units."""
        return pipeline(inputs)
