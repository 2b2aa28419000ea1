"""Channels of the published networks of Geo2SigMap (arXiv:2312.14303), as in their released code."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from surrogates.domains.radio.channels.cascade import SAMPLES, first_stage
from surrogates.domains.radio.channels.physics import require
from surrogates.domains.radio.link import GEOMETRY, HEIGHTS, LINK_FACTS, POSITION, Link
from surrogates.learning.context import Context, Fact
from surrogates.learning.tile import Tile
from surrogates.learning.transform import Features, Transform

UNKNOWN = -160.0  # dB; input of the second network where nothing was measured


class PublishedIso(Transform):
    """Make the published U-Net-Iso's channels: raw heights, and the transmitter's height in its cell.

    The network's answer is added to 3GPP UMa without line of sight (h_E = 0, as in the released code).
    Nothing is normalised, as published: metres in, decibels out.

    Parameters
    ----------
    context
        Context of the data.
    facts
        Values of `surrogates.domains.radio.link.LINK_FACTS`.
    """

    facts: ClassVar[Mapping[str, Fact]] = LINK_FACTS
    channel_names: Sequence[str] = ["building_height", "transmitter"]
    in_channels = 2
    grid = ("y", "x")
    normalise = False
    takes_tiles = True
    positions = (POSITION,)
    covered_by = (HEIGHTS,)

    def __init__(self, context: Context, facts: Mapping[str, float]) -> None:
        super().__init__()
        require(context.inputs, GEOMETRY, "radio/geo2sigmap_iso")
        self.link = Link.of(facts)

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the two channels and the formula's map."""
        channels = torch.stack([inputs[HEIGHTS], transmitter_map(inputs, self.link.cell)], dim=1)
        return Features(channels, self.link.nlos_map(inputs).unsqueeze(1))


class PublishedDirectional(Transform):
    """Make the published U-Net-Dir's channels: raw heights, sparse measurements, the first stage's map.

    -160 dB stands for "not measured", as published, and a fourth channel tells it from "no signal". Sparse
    map and first stage are put through the link budget of the batch if it has one
    (``link_slope``, ``link_offset``). Nothing is normalised, as published.

    Parameters
    ----------
    context
        Context of the data.
    facts
        Values of `surrogates.domains.radio.link.LINK_FACTS`.
    iso
        Sections ``transform`` and ``network`` of the first stage, whose weights come with ``parts.iso=RUN``.
    """

    facts: ClassVar[Mapping[str, Fact]] = LINK_FACTS
    channel_names: Sequence[str] = ["building_height", "sparse map", "first stage", "measured"]
    in_channels = 4
    grid = ("y", "x")
    normalise = False
    takes_tiles = True
    positions = (POSITION,)
    covered_by = (HEIGHTS,)
    detached = GEOMETRY

    def __init__(
        self, context: Context, facts: Mapping[str, float], iso: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        require(context.inputs, (*GEOMETRY, SAMPLES), "geo2sigmap_directional")
        link = Link.of(facts)
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


def transmitter_map(inputs: Mapping[str, Tensor], cell: float) -> Tensor:
    """Return the transmitter's height (m) in its cell, if it is here, zeros elsewhere; (batch, y, x)."""
    heights, position = inputs[HEIGHTS], inputs["transmitter_position"]
    (ny, nx), (south, west) = heights.shape[-2:], (0, 0)
    if isinstance(inputs, Tile):
        (ny, nx), (south, west) = inputs.field, (extent.start for extent in inputs.window)
    column = (position[:, 0] / cell).long().clamp(0, nx - 1) - west
    row = (position[:, 1] / cell).long().clamp(0, ny - 1) - south
    rows, columns = (torch.arange(side, device=heights.device) for side in heights.shape[-2:])
    here = (rows[:, None] == row[:, None, None]) & (columns == column[:, None, None])
    return torch.where(here, position[:, 2, None, None], 0.0)
