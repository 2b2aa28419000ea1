"""The second stage: a frozen first stage, the antenna, and what was measured."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from datasets.store.specs import VariableSpec
from surrogates.domains.radio.interpolation import interpolate
from surrogates.domains.radio.site import AZIMUTH, GEOMETRY, HEIGHTS, POSITION
from surrogates.domains.radio.transforms import PhysicsChannels, require
from surrogates.learning.pipeline import Features, Pipeline
from surrogates.learning.pipeline_config import PipelineConfig

SAMPLES = "path_gain_samples"
UNKNOWN = -160.0  # dB; what the published network sees where nothing was measured


class FrozenPipeline(Pipeline):
    """A trained pipeline inside another one: it is asked, never trained."""

    def __init__(self, config: PipelineConfig) -> None:
        super().__init__(config)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation: batch statistics of the second stage's training must not move it."""
        return super().train(False)


def first_stage(
    inputs: Sequence[VariableSpec], target: VariableSpec, iso: Mapping[str, Any], record_dimension: str
) -> FrozenPipeline:
    """Build the pipeline of an isotropic stage from its nodes ``transform`` and ``network``.

    With ``distribution: gaussian`` it is one that also predicts its standard deviation.
    """
    geometry = [spec for spec in inputs if spec.name in GEOMETRY]
    return FrozenPipeline(
        PipelineConfig(
            inputs=geometry,
            targets=[target.model_copy(update={"name": "path_gain"})],
            transform=dict(iso.get("transform", {"name": "radio_physics"})),
            network=dict(iso.get("network", {"name": "geo_unet"})),
            distribution=iso.get("distribution"),
            record_dimension=record_dimension,
        )
    )


class Directional(nn.Module):
    """Channels of U-Net-Dir: the first stage's map, the antenna's gain, and the interpolated measurements.

    The measurements' differences from first stage plus antenna gain are interpolated by a Gaussian process;
    the sum of the three is what the network corrects.

    Parameters
    ----------
    inputs, targets, record_dimension
        Of the task; the inputs hold ``path_gain_samples``, NaN where nothing was measured.
    iso
        Nodes ``transform`` and ``network`` of the first stage, whose weights come with ``parts.iso=RUN``.
    frequency, cell, receiver_height, steps
        See `surrogates.domains.radio.site.Link`.
    length
        Correlation length of the differences, m.
    noise
        Their variance within a cell, relative to that of the field.
    """

    channel_names: ClassVar[list[str]] = [
        *PhysicsChannels.channel_names,
        "first stage",
        "antenna gain",
        "interpolated difference",
        "its deviation",
        "difference",
        "measured",
    ]
    in_channels = len(channel_names)
    takes_tiles = True
    positions = (POSITION,)

    def __init__(
        self,
        inputs: Sequence[VariableSpec],
        targets: Sequence[VariableSpec],
        record_dimension: str = "sample",
        iso: dict[str, Any] | None = None,
        frequency: float = 3.66e9,
        cell: float = 4.0,
        receiver_height: float = 2.0,
        steps: int = 64,
        length: float = 40.0,
        noise: float = 0.5,
    ) -> None:
        super().__init__()
        require(inputs, (*GEOMETRY, AZIMUTH, SAMPLES), "radio_directional")
        self.grid = ("y", "x")
        self.physics = PhysicsChannels(inputs, targets, frequency, cell, receiver_height, steps)
        self.iso = first_stage(inputs, targets[0], iso or {}, record_dimension)
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
        channels = torch.cat([physics.channels, torch.stack(own, dim=1)], dim=1)
        return Features(channels, (iso + gain + mean).unsqueeze(1))

    def _first_stage(self, inputs: Mapping[str, Tensor], physics: Features) -> Tensor:
        """The isotropic map, (batch, y, x); a first stage with the same channels takes ours."""
        mine, its = self.physics, self.iso.transform
        if isinstance(its, PhysicsChannels) and its.link == mine.link:
            return self.iso.answer(physics)["path_gain"]
        return self.iso(inputs)["path_gain"]


class PublishedDirectional(nn.Module):
    """Channels of the published U-Net-Dir: raw heights, sparse measurements, the first stage's map.

    -160 dB stands for "not measured", as published, and a fourth channel tells it from "no signal". Sparse
    map and first stage are put through the link budget of the batch where it has one
    (``link_slope``, ``link_offset``). Nothing is normalised, as published.

    Parameters
    ----------
    inputs, targets, record_dimension
        Of the task.
    iso
        Nodes ``transform`` and ``network`` of the first stage, whose weights come with ``parts.iso=RUN``.
    """

    channel_names: ClassVar[list[str]] = ["building_height", "sparse map", "first stage", "measured"]
    in_channels = 4
    normalise = False
    takes_tiles = True
    positions = (POSITION,)

    def __init__(
        self,
        inputs: Sequence[VariableSpec],
        targets: Sequence[VariableSpec],
        record_dimension: str = "sample",
        iso: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        require(inputs, (*GEOMETRY, SAMPLES), "geo2sigmap_directional")
        self.grid = ("y", "x")
        self.iso = first_stage(
            inputs, targets[0], {"transform": {"name": "geo2sigmap_iso"}, **(iso or {})}, record_dimension
        )

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the four channels; the answer is the map itself, not a correction."""
        with torch.no_grad():
            iso = self.iso(inputs)["path_gain"]
        if "link_slope" in inputs:
            iso = inputs["link_slope"][:, None, None] * iso + inputs["link_offset"][:, None, None]
        measured = inputs[SAMPLES].isfinite()
        sparse = torch.where(measured, inputs[SAMPLES], UNKNOWN)
        return Features(torch.stack([inputs[HEIGHTS], sparse, iso, measured.to(iso.dtype)], dim=1))
