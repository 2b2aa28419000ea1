"""Channels from heights and a transmitter: physics without ray tracing."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from datasets.store.specs import VariableSpec
from physics.propagation import knife_edge_loss
from surrogates.core.errors import ConfigError
from surrogates.core.ranges import Count
from surrogates.core.text import listing
from surrogates.domains.radio.link import GEOMETRY, HEIGHTS, LINK_FACTS, POSITION, Link, Path
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
    """Make channels of the direct ray, and free space, which the network corrects.

    Parameters
    ----------
    context
        Context of the data.
    facts
        Values of `surrogates.domains.radio.link.LINK_FACTS`.
    steps
        See `surrogates.domains.radio.link.Link`.
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
    covered_by = (HEIGHTS,)

    def __init__(self, context: Context, facts: Mapping[str, float], steps: Count = 64) -> None:
        super().__init__()
        require(context.inputs, GEOMETRY, "radio/physics")
        self.link = Link.of(facts, steps)

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the channels and the map of free space."""
        return self.of(self.link.path(inputs), inputs)

    def of(self, path: Path, inputs: Mapping[str, Tensor]) -> Features:
        """Return channels and free space for given rays."""
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


def built_share(inputs: Mapping[str, Tensor]) -> Tensor:
    """Return the share of the neighbourhood that is built up, (batch, y, x)."""
    half = NEIGHBOURHOOD // 2
    if isinstance(inputs, Tile):
        building, window = inputs.around(HEIGHTS, half)
    else:
        building, window = inputs[HEIGHTS], ()
    built = (building > 0).to(building.dtype).unsqueeze(1)
    share = functional.avg_pool2d(built, NEIGHBOURHOOD, 1, half, count_include_pad=False).squeeze(1)
    return inner(share, window)
