"""Measured sectors whose buildings nobody knows: the trained process beside universal kriging."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from surrogates.data.batch import Batch
from surrogates.domains.radio.baselines.interpolators import UniversalKriging
from surrogates.domains.radio.channels.sector import RSRP_SAMPLES
from surrogates.domains.radio.link import AZIMUTH, CELL, HEIGHTS, POSITION
from surrogates.learning.answers import deviation_name
from surrogates.learning.context import Context, Fact
from surrogates.learning.contract import Predictor
from surrogates.learning.pipeline import Pipeline


class WithoutBuildings(Predictor):
    """Ask the pipeline; on maps without any building average its answer with universal kriging.

    A process that learned with buildings takes an empty map for open ground. Where the buildings are only not
    known, universal kriging of the sector (`UniversalKriging`), which uses none, is as good near the
    measurements and worse far from them. Both answers are averaged, each cell by the inverse of its two
    variances, and the deviation is that of the mixture. Maps with a building, and those without a
    measurement, get the pipeline's answer as it is.

    Parameters
    ----------
    context
        Context of the data; the target has a standard deviation.
    cell
        Side of a cell, m.
    """

    facts: ClassVar[Mapping[str, Fact]] = {"cell": CELL}

    def __init__(self, context: Context, cell: float) -> None:
        self._kriging = UniversalKriging(context, cell, RSRP_SAMPLES)

    def __call__(
        self, pipeline: Pipeline, inputs: Mapping[str, Tensor], rng: torch.Generator | None = None
    ) -> Batch:
        """Return the targets in physical units."""
        answer = pipeline(inputs)
        measured = inputs[RSRP_SAMPLES].isfinite().flatten(1).any(1)
        unknown = ~(inputs[HEIGHTS] > 0).flatten(1).any(1) & measured
        if not unknown.any():
            return answer
        without = {name: inputs[name][unknown] for name in (RSRP_SAMPLES, POSITION, AZIMUTH)}
        other = self._kriging(without)
        found = dict(answer)
        for name in pipeline.target_names:
            pair = (name, deviation_name(name))
            both = pooled(*(answer[key][unknown] for key in pair), *(other[key] for key in pair))
            for key, value in zip(pair, both, strict=True):
                found[key] = answer[key].masked_scatter(unknown[:, None, None], value)
        return found


def pooled(one: Tensor, its: Tensor, two: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and deviation of a mixture of two Gaussians, weighted by their precisions.

    Parameters
    ----------
    one, its
        Mean and deviation of the first.
    two, other
        Those of the second, of the same shape.
    """
    weight = other.square() / (its.square() + other.square())
    mean = weight * one + (1 - weight) * two
    variance = weight * (its.square() + (one - mean).square())
    variance += (1 - weight) * (other.square() + (two - mean).square())
    return mean, variance.sqrt()
