"""Where transmitters stand in a window: over the roofs around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from physics.raytracing.scenes import Window


@dataclass(frozen=True)
class Placing:
    """How transmitters are placed.

    Attributes
    ----------
    rule : {"local_roof", "highest_roof"}
        Whether their height counts from the highest roof within `radius` or in the whole window.
    radius : float
        What is nearby, m.
    clearance : tuple of float
        Range of the height over that roof, m.
    spread : float
        Share of the window's side, about its middle, where they stand.
    lowest : float
        Least height above the ground, m.
    """

    rule: Literal["local_roof", "highest_roof"]
    radius: float
    clearance: tuple[float, float]
    spread: float
    lowest: float


def place_transmitters(
    building: np.ndarray,
    terrain: np.ndarray,
    cell: float,
    placing: Placing,
    rngs: Sequence[np.random.Generator],
) -> np.ndarray:
    """Place one transmitter per generator.

    Parameters
    ----------
    building, terrain : array (ny, nx)
        Height of roofs above the ground and altitude of the ground, m.
    cell : float
        Side of a cell, m.
    placing : Placing
        The rule.
    rngs : sequence of Generator
        One per transmitter; three numbers are drawn from each.

    Returns
    -------
    array (n, 3) of float32
        East and north of the window's south-west corner and height above the ground of the cell below, m.
    """
    size = building.shape[0] * cell
    centres = (np.arange(building.shape[0]) + 0.5) * cell
    positions = np.empty((len(rngs), 3), np.float32)
    for position, rng in zip(positions, rngs, strict=True):
        position[:2] = size * (0.5 + placing.spread * (rng.random(2) - 0.5))
        near = (centres[None, :] - position[0]) ** 2 + (centres[:, None] - position[1]) ** 2
        counted = near <= max(placing.radius, cell) ** 2
        if placing.rule == "highest_roof":
            counted = np.ones_like(counted)
        roof = (building + terrain)[counted].max()
        altitude = roof + rng.uniform(*placing.clearance)
        position[2] = max(altitude - ground_below(position[None], terrain, cell)[0], placing.lowest)
    return positions


def require_over_roofs(positions: np.ndarray, building: np.ndarray, cell: float, first: int) -> None:
    """Refuse transmitters that stand inside buildings.

    Parameters
    ----------
    positions : array (n, 3)
        East and north of the window's south-west corner and height above the ground, m.
    building : array (ny, nx)
        Height of roofs above the ground, m.
    cell : float
        Side of a cell, m.
    first : int
        Record of the first transmitter.

    Raises
    ------
    ValueError
        Names the record, its height and that of the roof.
    """
    roofs = ground_below(positions, building, cell)
    for number in np.flatnonzero(positions[:, 2] <= roofs)[:1]:
        raise ValueError(
            f"the transmitter of record {first + number} stands {positions[number, 2]:g} m above the ground, "
            f"in a building of {roofs[number]:g} m; place it over the roof"
        )


def ground_below(positions: np.ndarray, terrain: np.ndarray, cell: float) -> np.ndarray:
    """Return the altitude of the ground in the cells below positions (n, 3), m."""
    last = np.array(terrain.shape) - 1
    column, row = np.minimum((positions[:, :2] // cell).astype(int), last[::-1]).T
    return terrain[row, column]


def in_scene(positions: np.ndarray, terrain: np.ndarray, window: Window) -> np.ndarray:
    """Return positions of a window (n, 3) in the coordinates of its scene: east, north and altitude, m."""
    altitude = positions[:, 2] + ground_below(positions, terrain, window.cell)
    return np.stack([positions[:, 0] + window.west, positions[:, 1] + window.south, altitude], axis=1)
