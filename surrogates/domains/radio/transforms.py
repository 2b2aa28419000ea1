"""From heights and a transmitter to channels: what physics knows without tracing a ray."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from datasets.store.specs import VariableSpec
from physics.propagation import knife_edge_loss
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.domains.radio.site import GEOMETRY, HEIGHTS, LINK_FACTS, POSITION, Link, Path
from surrogates.learning.context import Context, Fact
from surrogates.learning.tile import Tile, inner
from surrogates.learning.transform import Features, Transform

DECADE, TALL, FAR = 20.0, 20.0, 50.0  # dB, m, m: channels of order one before they are normalised
NEIGHBOURHOOD = 9  # cells of the side of the square in which the share of buildings counts


def require(inputs: Sequence[VariableSpec], needed: Sequence[str], transform: str) -> None:
    """Refuse a task that lacks inputs of a transform."""
    missing = [name for name in needed if name not in {spec.name for spec in inputs}]
    if missing:
        raise ConfigError(
            f"transform '{transform}' needs the inputs {listing(needed)}; "
            f"task.inputs lacks {listing(missing)}"
        )


class PhysicsChannels(Transform):
    """Channels of the direct ray, and free space, which the network corrects.

    Parameters
    ----------
    context
        Of the data.
    frequency, cell, receiver_height, steps
        See `surrogates.domains.radio.site.Link`.
    """

    facts: ClassVar[Mapping[str, Fact]] = LINK_FACTS
    channel_names: Sequence[str] = [
        "height",
        "indoors",
        "share of buildings",
        "log distance",
        "drop",
        "free space",
        "UMa",
        "sight",
        "clearance",
        "blocked length",
        "knife-edge loss",
        "diffraction parameter",
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
        steps: int = 64,
    ) -> None:
        super().__init__()
        require(context.inputs, GEOMETRY, "radio/physics")
        self.link = Link(frequency, cell, receiver_height, steps)

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the channels and the map of free space."""
        return self.of(self.link.path(inputs), inputs)

    def of(self, path: Path, inputs: Mapping[str, Tensor]) -> Features:
        """Return channels and free space for rays that are known already."""
        free, uma = self.link.free_space(path), self.link.uma(path)
        sight = path.sight.to(free.dtype)
        channels = torch.stack(
            [
                path.building / TALL,
                (path.building > 0).to(free.dtype),
                built_share(inputs),
                torch.log10(path.link.distance.clamp(min=1.0)),
                (path.height - self.link.receiver_height).expand_as(free) / TALL,
                free / DECADE,
                uma / DECADE,
                sight,
                path.ray.clearance.clamp(-30.0, 30.0) / TALL,
                path.ray.blocked_length.clamp(max=4 * FAR) / FAR,
                torch.as_tensor(knife_edge_loss(path.ray.diffraction_parameter)) / DECADE,
                path.ray.diffraction_parameter.clamp(-10.0, 30.0) / DECADE,
            ],
            dim=1,
        )
        return Features(channels, free.unsqueeze(1))


class PublishedIso(Transform):
    """Channels of the published U-Net-Iso: raw heights, and a map with the transmitter's height in its cell.

    The network's answer is added to 3GPP UMa without line of sight (h_E = 0, as in the released code).
    Nothing is normalised, as published: metres in, decibels out.

    Parameters
    ----------
    context
        Of the data.
    frequency, cell, receiver_height
        See `surrogates.domains.radio.site.Link`.
    """

    facts: ClassVar[Mapping[str, Fact]] = LINK_FACTS
    channel_names: Sequence[str] = ["building_height", "transmitter"]
    in_channels = 2
    grid = ("y", "x")
    normalise = False
    takes_tiles = True
    positions = (POSITION,)

    def __init__(self, context: Context, frequency: float, cell: float, receiver_height: float) -> None:
        super().__init__()
        require(context.inputs, GEOMETRY, "radio/geo2sigmap_iso")
        self.link = Link(frequency, cell, receiver_height)

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the two channels and the formula's map."""
        channels = torch.stack([inputs[HEIGHTS], transmitter_map(inputs, self.link.cell)], dim=1)
        return Features(channels, self.link.nlos_map(inputs).unsqueeze(1))


def transmitter_map(inputs: Mapping[str, Tensor], cell: float) -> Tensor:
    """Zeros, but the transmitter's height (m) in the cell it stands in, if it is here; (batch, y, x)."""
    heights, position = inputs[HEIGHTS], inputs["transmitter_position"]
    (ny, nx), (south, west) = heights.shape[-2:], (0, 0)
    if isinstance(inputs, Tile):
        (ny, nx), (south, west) = inputs.field, (place.start for place in inputs.window)
    column = (position[:, 0] / cell).long().clamp(0, nx - 1) - west
    row = (position[:, 1] / cell).long().clamp(0, ny - 1) - south
    rows, columns = (torch.arange(side, device=heights.device) for side in heights.shape[-2:])
    here = (rows[:, None] == row[:, None, None]) & (columns == column[:, None, None])
    return torch.where(here, position[:, 2, None, None], 0.0)


def built_share(inputs: Mapping[str, Tensor]) -> Tensor:
    """Share of the neighbourhood that is built up, (batch, y, x)."""
    half = NEIGHBOURHOOD // 2
    if isinstance(inputs, Tile):
        building, window = inputs.around(HEIGHTS, half)
    else:
        building, window = inputs[HEIGHTS], ()
    built = (building > 0).to(building.dtype).unsqueeze(1)
    share = functional.avg_pool2d(built, NEIGHBOURHOOD, 1, half, count_include_pad=False).squeeze(1)
    return inner(share, window)
