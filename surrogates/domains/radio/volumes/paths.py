"""Baselines that know the transmitter: the direct path, and dominant paths through the height raster."""

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from physics import propagation
from physics.geometry import SPEED_OF_LIGHT
from physics.raytracing.dominant import dominant_paths
from surrogates.data.batch import Batch
from surrogates.domains.radio.link import GEOMETRY, GROUND, POSITION
from surrogates.domains.radio.volumes import quantities
from surrogates.domains.radio.volumes.quantities import VOLUME_FACTS, planes_of, require_known
from surrogates.learning.context import Context, Fact
from surrogates.learning.contract import Baseline


class DirectPath(Baseline):
    """Predict free space: gain by Friis, delay and direction of the straight line, and no spread.

    Parameters
    ----------
    context
        Context of the data, with the planes of height as coordinate ``z``.
    facts
        Values of `surrogates.domains.radio.volumes.quantities.VOLUME_FACTS`.
    """

    takes_directions = True
    facts: ClassVar[Mapping[str, Fact]] = VOLUME_FACTS
    takes_directions = True
    variables: Sequence[str] = (GROUND, POSITION)

    def __init__(self, context: Context, facts: Mapping[str, float]) -> None:
        self.targets = require_known(context.target_names, "radio/direct_path")
        self.heights, self.cell, self.frequency = planes_of(context), facts["cell"], facts["frequency"]

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the volume of each target, (batch, z, y, x)."""
        found = self.straight(inputs)
        return {name: found[name] for name in self.targets}

    def straight(self, inputs: Batch) -> dict[str, Tensor]:
        """Return all quantities of the straight line to every receiver."""
        planes = [
            propagation.link_geometry(inputs[GROUND], inputs[POSITION], self.cell, height)
            for height in self.heights.tolist()
        ]
        distance, outwards, zenith = (
            torch.stack([torch.as_tensor(getattr(plane, name)) for plane in planes], dim=1)
            for name in ("distance", "azimuth", "zenith")
        )
        delay, nothing = distance / SPEED_OF_LIGHT, torch.zeros_like(distance)
        return {
            quantities.GAIN: torch.as_tensor(propagation.friis_path_gain(distance, self.frequency)),
            quantities.FIRST_DELAY: delay,
            quantities.DELAY: delay,
            quantities.AZIMUTH: torch.remainder(outwards + math.pi, 2.0 * math.pi),
            quantities.ZENITH: math.pi - zenith,
            quantities.DELAY_SPREAD: nothing,
            quantities.AZIMUTH_SPREAD: nothing,
        }


class DominantPath(DirectPath):
    """Predict the dominant path, as `physics.raytracing.dominant` finds it; in buildings the direct one."""

    variables = GEOMETRY

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the volume of each target, (batch, z, y, x)."""
        straight = self.straight(inputs)
        given = zip(*(inputs[name].detach().cpu().double().numpy() for name in GEOMETRY), strict=True)
        found = [self._record(*each) for each in given]
        answer = {}
        for name in self.targets:
            volume = torch.from_numpy(np.stack([each[name] for each in found])).to(straight[name])
            answer[name] = torch.where(volume.isnan(), straight[name], volume)
        return answer

    def _record(
        self, building: np.ndarray, terrain: np.ndarray, position: np.ndarray
    ) -> dict[str, np.ndarray]:
        found, _ = dominant_paths(building, terrain, position, self.heights, self.cell, self.frequency)
        return {
            quantities.GAIN: found.path_gain,
            quantities.FIRST_DELAY: found.first_delay,
            quantities.DELAY: found.delay,
            quantities.AZIMUTH: found.azimuth,
            quantities.ZENITH: found.zenith,
            quantities.DELAY_SPREAD: found.delay_spread,
            quantities.AZIMUTH_SPREAD: found.azimuth_spread,
        }
