"""The second stage: a frozen first stage, the antenna, and what was measured."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from surrogates.domains.radio.interpolation import interpolate
from surrogates.domains.radio.site import AZIMUTH, GEOMETRY, HEIGHTS, LINK_FACTS, POSITION, Link
from surrogates.domains.radio.transforms import PhysicsChannels, require
from surrogates.learning.context import Context, Fact
from surrogates.learning.frozen import FrozenPipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.transform import Features, Transform

SAMPLES = "path_gain_samples"
UNKNOWN = -160.0  # dB; what the published network sees where nothing was measured


def first_stage(context: Context, link: Link, iso: Mapping[str, Any]) -> FrozenPipeline:
    """Build the pipeline of an isotropic stage, on the numbers of the second stage's link.

    Parameters
    ----------
    context
        Of the second stage.
    link
        Its link.
    iso
        Nodes ``transform`` and ``network``; with ``head: gaussian`` the stage also predicts its
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
    """Return the head of a first stage; ``distribution`` is the word of the release before."""
    found = iso.get("head", iso.get("distribution")) or "point"
    return {"name": found} if isinstance(found, str) else dict(found)


class Directional(Transform):
    """Channels of U-Net-Dir: the first stage's map, the antenna's gain, and the interpolated measurements.

    The measurements' differences from first stage plus antenna gain are interpolated by a Gaussian process;
    the sum of the three is what the network corrects.

    Parameters
    ----------
    context
        Of the data; the inputs hold ``path_gain_samples``, NaN where nothing was measured.
    frequency, cell, receiver_height, steps
        See `surrogates.domains.radio.site.Link`.
    iso
        Nodes ``transform`` and ``network`` of the first stage, whose weights come with ``parts.iso=RUN``.
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

    def __init__(
        self,
        context: Context,
        frequency: float,
        cell: float,
        receiver_height: float,
        iso: dict[str, Any] | None = None,
        steps: int = 64,
        length: float = 40.0,
        noise: float = 0.5,
    ) -> None:
        super().__init__()
        require(context.inputs, (*GEOMETRY, AZIMUTH, SAMPLES), "radio/directional")
        self.physics = PhysicsChannels(context, frequency, cell, receiver_height, steps)
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
        """The isotropic map, (batch, y, x); a first stage with the same channels takes ours."""
        mine, its = self.physics, self.iso.transform
        if isinstance(its, PhysicsChannels) and its.link == mine.link:
            return self.iso.answer(physics)["path_gain"]
        return self.iso(inputs)["path_gain"]


class PublishedDirectional(Transform):
    """Channels of the published U-Net-Dir: raw heights, sparse measurements, the first stage's map.

    -160 dB stands for "not measured", as published, and a fourth channel tells it from "no signal". Sparse
    map and first stage are put through the link budget of the batch where it has one
    (``link_slope``, ``link_offset``). Nothing is normalised, as published.

    Parameters
    ----------
    context
        Of the data.
    frequency, cell, receiver_height
        Those of the first stage, see `surrogates.domains.radio.site.Link`.
    iso
        Nodes ``transform`` and ``network`` of the first stage, whose weights come with ``parts.iso=RUN``.
    """

    facts: ClassVar[Mapping[str, Fact]] = LINK_FACTS
    channel_names: Sequence[str] = ["building_height", "sparse map", "first stage", "measured"]
    in_channels = 4
    grid = ("y", "x")
    normalise = False
    takes_tiles = True
    positions = (POSITION,)

    def __init__(
        self,
        context: Context,
        frequency: float,
        cell: float,
        receiver_height: float,
        iso: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        require(context.inputs, (*GEOMETRY, SAMPLES), "geo2sigmap_directional")
        link = Link(frequency, cell, receiver_height)
        self.iso = first_stage(context, link, {"transform": {"name": "radio/geo2sigmap_iso"}, **(iso or {})})

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the four channels; the answer is the map itself, not a correction."""
        with torch.no_grad():
            iso = self.iso(inputs)["path_gain"]
        if "link_slope" in inputs:
            iso = inputs["link_slope"][:, None, None] * iso + inputs["link_offset"][:, None, None]
        measured = inputs[SAMPLES].isfinite()
        sparse = torch.where(measured, inputs[SAMPLES], UNKNOWN)
        return Features(torch.stack([inputs[HEIGHTS], sparse, iso, measured.to(iso.dtype)], dim=1))
