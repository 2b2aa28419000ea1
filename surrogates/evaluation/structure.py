"""Scores of the shapes in an image, which a mean over cells says little about."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates.evaluation.metrics import mean_over_examples
from surrogates.learning.contract import Best, Metric, Statistics, Totals
from surrogates.nn.similarity import structural_similarity


@dataclass(frozen=True)
class SSIM(Metric):
    """Structural similarity of the images in the last two dimensions, the mean over cells, then examples.

    With `dimensions` 3 it is that of volumes in the last three; otherwise each layer of a volume is an image.

    Images are scaled so that `minimum` becomes 0 and `maximum` 1; without them the target's valid range is
    taken, and a target that has none, or is no image, has no score. OpenFWI scales velocities from 1500 to
    4500 m/s, their valid range; its waveforms, z / 2 + 0.5 of normalised ones, are scaled from one standard
    deviation below their mean to one above, which depends on the data and compares with no other paper.

    A cell that does not count is taken as lying outside the image: zero in both after scaling.

    Parameters
    ----------
    minimum, maximum
        Values that become 0 and 1, in the target's units.
    dimensions
        2 for images, 3 for volumes.

    References
    ----------
    C. Deng et al., "OpenFWI: large-scale multi-structural benchmark datasets for full waveform inversion",
    NeurIPS 2022; `surrogates.nn.similarity.structural_similarity`.
    """

    best: ClassVar[Best] = "largest"
    minimum: float | None = None
    maximum: float | None = None
    dimensions: Literal[2, 3] = 2
    of_spec: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if (self.minimum is None) != (self.maximum is None):
            raise ValueError(
                f"ssim: minimum is {self.minimum} and maximum {self.maximum}; give both, or neither for the "
                "target's valid range"
            )
        if self.minimum is not None and self.maximum is not None and self.minimum >= self.maximum:
            raise ValueError(
                f"ssim: minimum is {self.minimum:g}, not below maximum {self.maximum:g}; give the value that "
                "becomes 0 first"
            )

    def statistics(
        self, prediction: Tensor, target: Tensor, weight: Tensor, spec: VariableSpec
    ) -> Statistics:
        low, high = self._range(spec)
        if low is None or high is None or target.ndim <= self.dimensions:
            nothing = torch.zeros(len(target), dtype=torch.float64, device=target.device)
            return {"examples": nothing, "similarity": nothing}
        counts = weight.double()
        one, other = (
            torch.where(counts > 0, (values.double() - low) / (high - low), 0.0)
            for values in (prediction, target)
        )
        similarity = structural_similarity(one, other, self.dimensions) * counts
        cells = counts.flatten(1).sum(1)
        known = cells > 0
        mean = similarity.flatten(1).sum(1) / cells.where(known, math.inf)
        return {"examples": known.double(), "similarity": mean}

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_over_examples(totals, "similarity")

    def units(self, units: str) -> str:
        return "1"

    def _range(self, spec: VariableSpec) -> tuple[float | None, float | None]:
        return (self.minimum, self.maximum) if self.minimum is not None else (spec.minimum, spec.maximum)
