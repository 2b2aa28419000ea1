"""Channels of a measured sector: the direct ray, a trained first stage, and the measurements."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from physics.propagation import knife_edge_loss
from surrogates.core.ranges import Count
from surrogates.domains.radio.channels.cascade import first_stage
from surrogates.domains.radio.channels.physics import built_share, require
from surrogates.domains.radio.link import AZIMUTH, GEOMETRY, HEIGHTS, LINK_FACTS, POSITION, Link
from surrogates.learning.context import Context, Fact
from surrogates.learning.transform import Features, Transform

RSRP_SAMPLES = "rsrp_samples"
TEN_DECIBELS, HUNDRED_METRES, LEVEL = 10.0, 100.0, -100.0  # units of the channels; LEVEL in dBm


class SectorChannels(Transform):
    """Make the channels of a sector antenna's measured map, for `SectorProcess`; nothing is normalised.

    Parameters
    ----------
    context
        Context of the data; the inputs hold ``rsrp_samples`` in dBm, NaN where nothing was measured.
    facts
        Values of `surrogates.domains.radio.link.LINK_FACTS`.
    iso
        Sections ``transform`` and ``network`` of the isotropic first stage, whose weights come with
        ``parts.iso=RUN``.
    steps
        See `surrogates.domains.radio.link.Link`.
    """

    facts: ClassVar[Mapping[str, Fact]] = LINK_FACTS
    channel_names: Sequence[str] = [
        "free space",  # 10 dB
        "excess",  # of the first stage over free space, 10 dB
        "log distance",  # decades from 100 m
        "cosine off boresight",
        "sine off boresight",
        "depression",  # rad
        "knife-edge loss",  # 10 dB
        "sight",
        "clearance",  # 10 m
        "blocked length",  # 40 m
        "share of buildings",
        "east",  # 100 m
        "north",  # 100 m
        "measurement",  # 10 dB over -100 dBm, 0 if there is none
        "measured",
    ]
    in_channels = len(channel_names)
    grid = ("y", "x")
    normalise = False
    positions = (POSITION,)
    covered_by = (HEIGHTS,)
    detached = GEOMETRY
    needs_whole_field = True  # every measurement, however far, tells of the antenna

    def __init__(
        self,
        context: Context,
        facts: Mapping[str, float],
        iso: dict[str, Any] | None = None,
        steps: Count = 128,
    ) -> None:
        super().__init__()
        require(context.inputs, (*GEOMETRY, AZIMUTH, RSRP_SAMPLES), "radio/sector")
        self.link = Link.of(facts, steps)
        self.iso = first_stage(context, self.link, iso or {})

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the channels; the answer is the map itself."""
        path = self.link.path(inputs)
        free = self.link.free_space(path)
        with torch.no_grad():
            excess = self.iso(inputs)["path_gain"] - free
        offset = torch.as_tensor(path.link.azimuth) - inputs[AZIMUTH][:, None, None]
        samples = inputs[RSRP_SAMPLES]
        measured = samples.isfinite()
        north, east = (
            (torch.arange(n, device=free.device, dtype=free.dtype) + 0.5) * (self.link.cell / HUNDRED_METRES)
            for n in free.shape[-2:]
        )
        channels = [
            free / TEN_DECIBELS,
            excess / TEN_DECIBELS,
            torch.log10(path.link.distance.clamp(min=1.0) / HUNDRED_METRES),
            offset.cos(),
            offset.sin(),
            path.link.zenith - math.pi / 2.0,
            torch.as_tensor(knife_edge_loss(path.ray.diffraction_parameter.clamp(-1.0, 30.0))) / TEN_DECIBELS,
            path.sight.to(free.dtype),
            path.ray.clearance.clamp(-20.0, 20.0) / 10.0,
            path.ray.blocked_length.clamp(max=100.0) / 40.0,
            built_share(inputs),
            east[None, None, :].expand_as(free),
            north[None, :, None].expand_as(free),
            torch.where(measured, (samples - LEVEL) / TEN_DECIBELS, 0.0),
            measured.to(free.dtype),
        ]
        return Features(torch.stack(channels, dim=1))
