"""Where the pressure is stored: random points in space and time, and the grid of the branch."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from physics.waves.rooms.air import AIR
from physics.waves.rooms.room import Room


@dataclass(frozen=True, eq=False)
class Points:
    """Points at centres of cells and instants of samples.

    Attributes
    ----------
    cells : (points, axes) int array
        Cell of each.
    samples : (points,) int array
        Sample of each.
    coordinates : (points, axes + 1) array
        Position, m, and time, s.
    """

    cells: np.ndarray
    samples: np.ndarray
    coordinates: np.ndarray

    def of(self, field: np.ndarray) -> np.ndarray:
        """Return a field (samples, nx, ny[, nz]) at the points, (points,)."""
        return field[(self.samples, *self.cells.T)]


def draw_points(room: Room, times: np.ndarray, count: int, rng: np.random.Generator) -> Points:
    """Draw different points of the air of a room, all alike likely.

    Parameters
    ----------
    room
        Its cells.
    times : (samples,)
        s.
    count
        Points.
    rng
        Source of randomness.

    Raises
    ------
    ValueError
        If there are fewer cells and samples than points.
    """
    air = np.argwhere(room.air)
    if count > len(air) * len(times):
        raise ValueError(
            f"points: {count} found, at most {len(air) * len(times)} expected: {len(air)} cells of air at "
            f"{len(times)} instants"
        )
    chosen = rng.choice(len(air) * len(times), count, replace=False)
    cells, samples = air[chosen // len(times)], chosen % len(times)
    positions = np.array(room.origin) + (cells + 0.5) * room.spacing
    return Points(cells, samples, np.concatenate([positions, times[samples, None]], axis=1))


def branch_grid(room: Room, highest_frequency: float, per_wavelength: float) -> list[np.ndarray]:
    """Return even coordinates along x, y and z, m, from wall to wall, at least so many in a wavelength."""
    step = AIR.speed / highest_frequency / per_wavelength
    return [
        np.linspace(low, low + length, ceil(length / step - 1e-9) + 1)
        for low, length in zip(room.origin, room.size, strict=True)
    ]
