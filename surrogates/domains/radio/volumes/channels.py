"""Channels of a volume: buildings at each height, the direct ray of a known transmitter, sparse samples."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from physics.propagation import knife_edge_loss
from surrogates.core.errors import ConfigError
from surrogates.core.ranges import Count
from surrogates.core.text import listing
from surrogates.domains.radio.channels.physics import DECADE, FAR, TALL, built_share, require
from surrogates.domains.radio.channels.published import transmitter_map
from surrogates.domains.radio.link import CELL, GEOMETRY, GROUND, HEIGHTS, POSITION, Link
from surrogates.domains.radio.volumes.paths import DirectPath
from surrogates.domains.radio.volumes.quantities import AZIMUTH, QUANTITIES, VOLUME_FACTS, planes_of
from surrogates.domains.radio.volumes.samples import check_azimuths, check_samples, check_transmitter
from surrogates.learning.context import Context, Fact
from surrogates.learning.directions import unit_vector
from surrogates.learning.hold_out import samples_of
from surrogates.learning.layout import Layout
from surrogates.learning.transform import Features, Transform

GRID = ("z", "y", "x")
PLACE = ("roof", "plane", "indoors", "height above the roof", "share of buildings")
RAY = (
    "log distance",
    "zenith of the ray",
    "sight",
    "clearance",
    "blocked length",
    "knife-edge loss",
    "cosine of the direct azimuth",
    "sine of the direct azimuth",
)


@dataclass(frozen=True)
class Given:
    """What is known of volumes beside their buildings.

    Attributes
    ----------
    heights
        Of the planes above the ground, m.
    transmitter
        Whether the inputs tell where it is.
    sampled
        Quantities of which the inputs hold samples.
    """

    heights: np.ndarray
    transmitter: bool
    sampled: tuple[str, ...]

    @classmethod
    def of(cls, context: Context, transform: str, geometry: Sequence[str] = GEOMETRY) -> Self:
        """Return what the inputs of a task tell; inputs that no volume has are refused.

        Parameters
        ----------
        context
            Of the data.
        transform
            Name, for messages.
        geometry
            Inputs that are needed if the transmitter is known.
        """
        require(context.inputs, [HEIGHTS], transform)
        names = context.input_names
        known = [*GEOMETRY, *map(samples_of, QUANTITIES)]
        if foreign := [name for name in names if name not in known]:
            raise ConfigError(
                f"transform '{transform}' knows no input {listing(foreign)}; it takes {listing(known)}"
            )
        if POSITION in names:
            require(context.inputs, geometry, transform)
        sampled = tuple(name for name in QUANTITIES if samples_of(name) in names)
        return cls(planes_of(context), POSITION in names, sampled)

    @property
    def sample_names(self) -> list[str]:
        """Names of the channels of `sample_channels`."""
        values = {name: [samples_of(name)] for name in self.sampled}
        if AZIMUTH in values:
            values[AZIMUTH] = [f"{part} of {samples_of(AZIMUTH)}" for part in ("cosine", "sine")]
        return [each for name in self.sampled for each in (*values[name], f"{name} measured")]

    def check(self, inputs: Mapping[str, Tensor], cell: float) -> None:
        """Refuse samples or a transmitter inside buildings, and directions that count in another way.

        Parameters
        ----------
        inputs
            Of a batch.
        cell
            Side of a cell, m.
        """
        if torch.compiler.is_exporting():  # a network for ONNX cannot look at values
            return
        check_samples(dict(inputs), self.sampled, self.heights)
        if self.transmitter:
            check_transmitter(inputs[HEIGHTS], inputs[POSITION], cell)
            if AZIMUTH in self.sampled:
                check_azimuths(inputs[samples_of(AZIMUTH)], inputs[POSITION], cell)

    def sample_channels(self, inputs: Mapping[str, Tensor], straight: Mapping[str, Tensor]) -> list[Tensor]:
        """Return samples less what the direct path has there, NaN where none is, and where they are.

        Parameters
        ----------
        inputs
            Of a batch.
        straight
            Quantities of the direct path, if the transmitter is known.
        """
        channels = []
        for name in self.sampled:
            values = _components(name, inputs[samples_of(name)])
            if name in straight:
                values = values - _components(name, straight[name])
            measured = inputs[samples_of(name)].isfinite().to(values.dtype)
            channels += [*values.unbind(-1), measured]
        return channels


class VolumeChannels(Transform):
    """Make channels of buildings at each height, and of what else is known of a volume.

    With ``transmitter_position`` (and ``terrain_height``) among the inputs there are channels of the direct
    ray, and the network learns what differs from the direct path in free space; without, nothing but samples
    tells where the transmitter is. Each input ``<quantity>_samples``, NaN where nothing was measured, has
    channels of its values, less the direct path if that is known, and one that tells where they are.

    Parameters
    ----------
    context
        Context of the data, with the planes of height as coordinate ``z``.
    facts
        Values of `surrogates.domains.radio.volumes.quantities.VOLUME_FACTS`.
    steps
        See `surrogates.domains.radio.link.Link`.
    planes
        Whether the network sees all planes of height together, as a volume, or each one apart, as a map: then
        it is a network of two dimensions, to which the heights are told by channels.
    """

    facts: ClassVar[Mapping[str, Fact]] = VOLUME_FACTS
    grid: tuple[str, ...] = GRID
    takes_directions = True
    positions = (POSITION,)
    needs_whole_field = True
    reaches_up: Mapping[str, str] = MappingProxyType({HEIGHTS: "z"})
    fixed = ("z",)

    def __init__(
        self,
        context: Context,
        facts: Mapping[str, float],
        steps: Count = 64,
        planes: Literal["together", "apart"] = "together",
    ) -> None:
        super().__init__()
        self.given, self.cell = Given.of(context, "radio/volume"), facts["cell"]
        if planes == "apart":
            self.grid, self.fold = GRID[1:], {GRID[0]: len(self.given.heights)}
        self.direct = DirectPath(context, facts) if self.given.transmitter else None
        heights = self.given.heights.tolist()
        self.links = [Link(facts["frequency"], facts["cell"], height, steps) for height in heights]
        rays = () if self.direct is None else RAY
        self.channel_names: Sequence[str] = [*PLACE, *rays, *self.given.sample_names]
        self.in_channels = len(self.channel_names)
        self.layout = Layout(context.targets, self.grid, context.record_dimension, self.fold)

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the channels and, of a known transmitter, the direct path."""
        self.given.check(inputs, self.cell)
        channels = place_channels(inputs, self.given.heights)
        if self.direct is None:
            channels += self.given.sample_channels(inputs, {})
            return Features(self._stacked(channels))
        straight = self.direct.straight(dict(inputs))
        channels += [*self._rays(inputs), *_components(AZIMUTH, straight[AZIMUTH]).unbind(-1)]
        channels += self.given.sample_channels(inputs, straight)
        return Features(self._stacked(channels), self.layout.pack(straight))

    def _stacked(self, channels: Sequence[Tensor]) -> Tensor:
        """Return channels, each (batch, z, y, x), as one tensor; with its planes in the batch, if apart."""
        if self.fold:
            return torch.stack([*channels], dim=2).flatten(0, 1)
        return torch.stack([*channels], dim=1)

    def _rays(self, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        """Return what the direct rays to all receivers meet, each (batch, z, y, x)."""
        planes = [torch.stack(_ray(link, inputs), dim=1) for link in self.links]
        return list(torch.stack(planes, dim=2).unbind(1))


class PublishedVolume(Transform):
    """Make the channels of RadioDiff-3D: buildings at each height, their height, transmitter, samples.

    The map of the transmitter holds its height in its cell; without ``transmitter_position`` among the inputs
    it is left out, not only zero. The ground is taken as flat. Samples are as of `VolumeChannels`. The
    network learns the quantities themselves.

    Parameters
    ----------
    context
        Context of the data, with the planes of height as coordinate ``z``.
    cell
        Side of a cell, m.

    References
    ----------
    X. Wang et al., "RadioDiff-3D: a 3D x 3D radio map dataset and generative diffusion based benchmark for
    6G environment-aware communication", IEEE TNSE 2025, arXiv:2507.12166.
    """

    facts: ClassVar[Mapping[str, Fact]] = {"cell": CELL}
    grid = GRID
    takes_directions = True
    positions = (POSITION,)
    needs_whole_field = True
    reaches_up: Mapping[str, str] = MappingProxyType({HEIGHTS: "z"})
    fixed = ("z",)

    def __init__(self, context: Context, cell: float) -> None:
        super().__init__()
        self.given, self.cell = Given.of(context, "radio/radiodiff_3d", (HEIGHTS, POSITION)), cell
        transmitter = ["transmitter"] if self.given.transmitter else []
        self.channel_names: Sequence[str] = ["indoors", "roof", *transmitter, *self.given.sample_names]
        self.in_channels = len(self.channel_names)

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the channels."""
        self.given.check(inputs, self.cell)
        roof, _, indoors, *_ = place_channels(inputs, self.given.heights)
        channels = [indoors, roof]
        if self.given.transmitter:
            channels.append(transmitter_map(inputs, self.cell).unsqueeze(1).expand_as(roof))
        channels += self.given.sample_channels(inputs, {})
        return Features(torch.stack(channels, dim=1))


def place_channels(inputs: Mapping[str, Tensor], heights: np.ndarray) -> list[Tensor]:
    """Return the channels of `PLACE`, each (batch, z, y, x), for planes of some heights, m."""
    building = inputs[HEIGHTS].unsqueeze(1)
    plane = (
        torch.as_tensor(heights).to(building)[:, None, None].expand(len(building), -1, *building.shape[2:])
    )
    above, share = plane - building, built_share(inputs).unsqueeze(1)
    indoors = (above <= 0).to(building.dtype)
    return [(building / TALL).expand_as(plane), plane / TALL, indoors, above / TALL, share.expand_as(plane)]


def _ray(link: Link, inputs: Mapping[str, Tensor]) -> list[Tensor]:
    """Return what the direct rays to the receivers of one plane meet, each (batch, y, x)."""
    path = link.path(inputs)
    return [
        torch.log10(torch.as_tensor(path.link.distance).clamp(min=1.0)),
        torch.as_tensor(path.link.zenith),
        path.sight.to(inputs[GROUND].dtype),
        path.ray.clearance.clamp(-30.0, 30.0) / TALL,
        path.ray.blocked_length.clamp(max=4 * FAR) / FAR,
        torch.as_tensor(knife_edge_loss(path.ray.diffraction_parameter)) / DECADE,
    ]


def _components(quantity: str, values: Tensor) -> Tensor:
    """Return the channels of a quantity along a new last axis: of an azimuth cosine and sine."""
    return unit_vector(values, 2.0 * math.pi) if quantity == AZIMUTH else values.unsqueeze(-1)
