"""Baselines that know samples of a volume: each quantity from its own, azimuths as directions."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import torch
from pydantic import PositiveInt

from datasets.store.specs import VariableSpec
from surrogates.core.ranges import Count
from surrogates.data.batch import Batch
from surrogates.domains.radio.link import CELL, HEIGHTS, POSITION
from surrogates.domains.radio.volumes.quantities import AZIMUTH, DELAYS, planes_of, require_known
from surrogates.domains.radio.volumes.samples import check_azimuths, check_samples
from surrogates.evaluation.kriging import OrdinaryKriging
from surrogates.evaluation.scattered import InverseDistance, NearestSamples, OnGrid
from surrogates.learning.context import Context, Fact
from surrogates.learning.contract import Baseline
from surrogates.learning.directions import as_directions
from surrogates.learning.hold_out import samples_of

NANOSECOND = 1e-9
"""Unit in which delays are interpolated: kriging divides by no spread below a thousandth."""


class VolumeInterpolator(Baseline):
    """Predict each quantity of a volume from its samples ``<quantity>_samples``, NaN elsewhere.

    Parameters
    ----------
    context
        Context of the data, with coordinates ``z``, ``y`` and ``x`` in m.
    cell
        Side of a cell, m.
    **arguments
        Of what interpolates one field.
    """

    facts: ClassVar[Mapping[str, Fact]] = {"cell": CELL}
    takes_directions = True
    _method: ClassVar[type[OnGrid]]

    def __init__(self, context: Context, cell: float, **arguments: Any) -> None:
        targets = require_known(context.target_names, "an interpolator of volumes")
        self.cell, self.heights = cell, planes_of(context)
        self.methods = {
            spec.name: self._method(
                replace(context, targets=(_as_known(spec),)), samples=samples_of(spec.name), **arguments
            )
            for spec in context.targets
        }
        self.variables = (HEIGHTS, *map(samples_of, targets))

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the volume of each target, (batch, z, y, x), and its deviation."""
        check_samples(inputs, list(self.methods), self.heights)
        if AZIMUTH in self.methods and POSITION in inputs:
            check_azimuths(inputs[samples_of(AZIMUTH)], inputs[POSITION], self.cell)
        answer: Batch = {}
        for name, method in self.methods.items():
            scale = NANOSECOND if name in DELAYS else 1.0
            found = method({samples_of(name): inputs[samples_of(name)] / scale}, rng)
            answer |= {key: value * scale for key, value in found.items()}
        return answer


def _as_known(spec: VariableSpec) -> VariableSpec:
    """Return the spec of a quantity; an azimuth is a direction, also where the task does not say so."""
    names = [AZIMUTH] if spec.name == AZIMUTH else []
    return as_directions({spec.name: spec}, names)[spec.name]


class NearestVolumeSamples(VolumeInterpolator):
    """Predict the mean of the nearest samples.

    Parameters
    ----------
    context, cell
        As for every interpolator.
    k
        Number of samples.
    """

    _method = NearestSamples

    def __init__(self, context: Context, cell: float, k: PositiveInt = 3) -> None:
        super().__init__(context, cell, k=k)


class InverseVolumeDistance(VolumeInterpolator):
    """Predict the mean of all samples, weighted with the inverse square of their distance."""

    _method = InverseDistance

    def __init__(self, context: Context, cell: float) -> None:
        super().__init__(context, cell)


class VolumeKriging(VolumeInterpolator):
    """Krige the samples about their unknown mean, with one correlation length for all directions.

    Parameters
    ----------
    context, cell
        As for every interpolator.
    max_samples
        Of more samples, so many are used, spread evenly; time grows with the third power.
    """

    _method = OrdinaryKriging

    def __init__(self, context: Context, cell: float, max_samples: Count = 400) -> None:
        super().__init__(context, cell, max_samples=max_samples)
