"""The second stage: a frozen first stage, the antenna, and the measurements."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from pydantic import PositiveFloat
from torch import Tensor

from surrogates.core.ranges import Count
from surrogates.domains.radio.channels.interpolation import interpolate
from surrogates.domains.radio.channels.physics import PhysicsChannels, require
from surrogates.domains.radio.link import AZIMUTH, GEOMETRY, HEIGHTS, LINK_FACTS, POSITION, Link
from surrogates.learning.context import Context, Fact
from surrogates.learning.frozen import FrozenPipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.transform import Features, Transform

SAMPLES = "path_gain_samples"


def first_stage(context: Context, link: Link, iso: Mapping[str, Any]) -> FrozenPipeline:
    """Build the pipeline of an isotropic stage, with the values of the second stage's link.

    Parameters
    ----------
    context
        Context of the second stage.
    link
        Link of the second stage.
    iso
        Sections ``transform`` and ``network``; with ``head: gaussian`` the stage also predicts its
        standard deviation.
    """
    geometry = [spec for spec in context.inputs if spec.name in GEOMETRY]
    target = context.targets[0].model_copy(update={"name": "path_gain"})
    return FrozenPipeline(
        PipelineConfig(
            inputs=geometry,
            targets=[target],
            transform=dict(iso.get("transform", {"name": "radio/physics"})),
            network=dict(iso.get("network", {"name": "geo_unet"})),
            head=_head(iso),
            record_dimension=context.record_dimension,
        ),
        link.told(context).between(geometry, [target]),
    )


def _head(iso: Mapping[str, Any]) -> dict[str, Any]:
    """Return the head of a first stage; ``distribution`` is the key of the release before."""
    found = iso.get("head", iso.get("distribution")) or "point"
    return {"name": found} if isinstance(found, str) else dict(found)


class Directional(Transform):
    """Make U-Net-Dir's channels: the first stage's map, the antenna's gain, and interpolated measurements.

    The measurements' differences from first stage plus antenna gain are interpolated by a Gaussian process;
    the sum of the three is what the network corrects.

    Parameters
    ----------
    context
        Context of the data; the inputs hold ``path_gain_samples``, NaN where nothing was measured.
    facts
        Values of `surrogates.domains.radio.link.LINK_FACTS`.
    iso
        Sections ``transform`` and ``network`` of the first stage, whose weights come with ``parts.iso=RUN``.
    steps
        See `surrogates.domains.radio.link.Link`.
    length
        Correlation length of the differences, m.
    noise
        Their variance within a cell, relative to that of the field.
    """

    facts: ClassVar[Mapping[str, Fact]] = LINK_FACTS
    channel_names: Sequence[str] = [
        *PhysicsChannels.channel_names,
        "first stage",
        "antenna gain",
        "interpolated difference",
        "its deviation",
        "difference",
        "measured",
    ]
    in_channels = len(channel_names)
    grid = ("y", "x")
    takes_tiles = True
    positions = (POSITION,)
    covered_by = (HEIGHTS,)
    detached = GEOMETRY

    def __init__(
        self,
        context: Context,
        facts: Mapping[str, float],
        iso: dict[str, Any] | None = None,
        steps: Count = 64,
        length: PositiveFloat = 40.0,
        noise: PositiveFloat = 0.5,
    ) -> None:
        super().__init__()
        require(context.inputs, (*GEOMETRY, AZIMUTH, SAMPLES), "radio/directional")
        self.physics = PhysicsChannels(context, facts, steps)
        self.iso = first_stage(context, self.physics.link, iso or {})
        self.length, self.noise = length, noise

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the channels and the sum that the network corrects."""
        link = self.physics.link
        path = link.path(inputs)
        physics = self.physics.of(path, inputs)
        with torch.no_grad():
            iso = self._first_stage(inputs, physics)
        gain = link.antenna_gain(path, inputs[AZIMUTH])
        samples = inputs[SAMPLES]
        measured = samples.isfinite()
        difference = samples - iso - gain
        mean, deviation = interpolate(difference, link.cell, self.length, self.noise)
        own = [
            iso / 20.0,
            gain / 20.0,
            mean / 10.0,
            deviation,
            torch.where(measured, difference, 0.0) / 10.0,
            measured.to(iso.dtype),
        ]
        channels = torch.cat([physics.tensor, torch.stack(own, dim=1)], dim=1)
        return Features(channels, (iso + gain + mean).unsqueeze(1))

    def _first_stage(self, inputs: Mapping[str, Tensor], physics: Features) -> Tensor:
        """Return the isotropic map, (batch, y, x); a first stage with the same channels takes ours."""
        mine, its = self.physics, self.iso.transform
        if isinstance(its, PhysicsChannels) and its.link == mine.link:
            return self.iso.answer(physics)["path_gain"]
        return self.iso(inputs)["path_gain"]
