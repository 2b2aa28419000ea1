"""The link between a transmitter and the cells of a map, from the inputs of a batch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import torch
from torch import Tensor

from physics import propagation
from surrogates.learning.context import Context, Fact, Scalar, Spacing
from surrogates.learning.tile import Tile

HEIGHTS, GROUND, POSITION, AZIMUTH = (
    "building_height",
    "terrain_height",
    "transmitter_position",
    "transmitter_azimuth",
)
GEOMETRY = (HEIGHTS, GROUND, POSITION)

FREQUENCY = Scalar("Hz", slack=0.03)
"""Carrier frequency: 3 % of it is 0.26 dB of free space."""
CELL = Spacing("m", ("y", "x"))
"""Side of a cell, which is square."""
RECEIVER_HEIGHT = Scalar("m", slack=0.5)
"""Height of the receivers above the ground: 1 to 3 m are those of a phone for a network that knows 2 m."""
LINK_FACTS: Mapping[str, Fact] = {"frequency": FREQUENCY, "cell": CELL, "receiver_height": RECEIVER_HEIGHT}
"""Facts that a `Link` is made of."""


@dataclass(frozen=True)
class Link:
    """Frequency, cells and receivers that all maps of a data set share.

    Parameters
    ----------
    frequency
        Carrier frequency, Hz.
    cell
        Side of a cell, m.
    receiver_height
        Height of the receivers above the ground, m.
    steps
        Segments of the direct ray.
    longest
        Length of the longest segment, m: rays longer than those of a 512 m window get more segments.
    """

    frequency: float
    cell: float
    receiver_height: float
    steps: int = 64
    longest: float = 11.4

    @classmethod
    def of(cls, facts: Mapping[str, float], steps: int = 64) -> Self:
        """Return the link of data with these `LINK_FACTS`."""
        return cls(**{name: facts[name] for name in LINK_FACTS}, steps=steps)

    def told(self, context: Context) -> Context:
        """Return a context that states the link's values, for pieces inside the one that has the link."""
        stated = {name: getattr(self, name) for name in LINK_FACTS}
        return replace(context, stated={**context.stated, **stated})

    def directions(self, inputs: Mapping[str, Tensor]) -> propagation.Link:
        """Return distance and direction of every cell, each (batch, y, x), without a march along the ray."""
        return propagation.link_geometry(
            inputs[GROUND], inputs[POSITION], self.cell, self.receiver_height, self.view(inputs)
        )

    def path(self, inputs: Mapping[str, Tensor]) -> "Path":
        """Return the geometry of every cell's direct ray, each (batch, y, x).

        For a `Tile` only the window's cells are returned; their rays run over the whole map.
        """
        building, ground, position = (inputs[name] for name in GEOMETRY)
        view = self.view(inputs)
        link = propagation.link_geometry(ground, position, self.cell, self.receiver_height, view)
        ray = propagation.direct_ray(
            building,
            ground,
            position,
            self.cell,
            self.receiver_height,
            self.frequency,
            self.steps,
            self._longest(ground, view),
            view,
        )
        return Path(building, position[:, 2, None, None], link, ray)

    def _longest(self, ground: Tensor, view: propagation.View | None) -> float:
        """Return the length of the longest segment of a ray, infinite if no ray of a whole map exceeds it.

        The size of the map tells: a network for ONNX cannot look at every ray.
        """
        diagonal = self.cell * math.hypot(*ground.shape[-2:])
        return math.inf if view is None and diagonal <= self.steps * self.longest else self.longest

    def view(self, inputs: Mapping[str, Tensor]) -> propagation.View | None:
        """Return how a tile sees its map, or None if the inputs are the whole map."""
        if not isinstance(inputs, Tile):
            return None
        (rows, columns), (height, width) = inputs.window, inputs.field
        window = propagation.Window(
            rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start
        )
        east, north, _ = (inputs[POSITION] / self.cell).long()[0].tolist()
        row, column = min(max(north, 0), height - 1), min(max(east, 0), width - 1)
        below = inputs.read(GROUND, (slice(row, row + 1), slice(column, column + 1)))

        def surface(piece: propagation.Window) -> Tensor:
            extent = (
                slice(piece.row, piece.row + piece.rows),
                slice(piece.column, piece.column + piece.columns),
            )
            return inputs.read(HEIGHTS, extent) + inputs.read(GROUND, extent)

        return propagation.View(window, height, width, below[:, 0, 0], surface)

    def free_space(self, path: "Path") -> Tensor:
        """Return the path gain of free space, dB."""
        return torch.as_tensor(propagation.friis_path_gain(path.link.distance, self.frequency))

    def uma(self, path: "Path", *, by_sight: bool = True) -> Tensor:
        """Return the path gain of 3GPP's urban macro cell, dB: by line of sight, or blocked everywhere."""
        height = path.height.clamp(min=self.receiver_height)
        blocked, clear = (
            propagation.uma_path_gain(
                path.link.ground_distance, height, self.receiver_height, self.frequency, sight
            )
            for sight in ("nlos", "los")
        )
        return torch.where(path.sight, clear, blocked) if by_sight else torch.as_tensor(blocked)

    def nlos_map(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Return UMa without line of sight as in Geo2SigMap (h_E = 0), dB, without a march along the ray."""
        height = inputs[POSITION][:, 2, None, None].clamp(min=self.receiver_height)
        return torch.as_tensor(
            propagation.uma_path_gain(
                self.directions(inputs).ground_distance,
                height,
                self.receiver_height,
                self.frequency,
                "nlos",
                0.0,
            )
        )

    def antenna_gain(self, path: "Path", azimuth: Tensor) -> Tensor:
        """Return the gain of the antenna towards each cell, dBi."""
        offset = path.link.azimuth - azimuth[:, None, None]
        return torch.as_tensor(propagation.tr38901_antenna_gain(offset, path.link.zenith))


class Path(NamedTuple):
    """Direct rays from transmitters to all cells.

    Attributes
    ----------
    building
        Height of roofs, m, (batch, y, x).
    height
        Height of the transmitter above its ground, m, (batch, 1, 1).
    link, ray
        As in `physics.propagation`.
    """

    building: Tensor
    height: Tensor
    link: propagation.Link
    ray: propagation.DirectRay

    @property
    def sight(self) -> Tensor:
        """Return the cells that see the transmitter."""
        return torch.as_tensor(self.ray.clearance) > 0
