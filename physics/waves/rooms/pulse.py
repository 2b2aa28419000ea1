"""The source: a Gaussian pulse as initial pressure."""

import math
from collections.abc import Sequence

import numpy as np

from physics.waves.rooms.air import AIR, Air
from physics.waves.rooms.room import Room


def pulse_width(highest_frequency: float, air: Air = AIR) -> float:
    """Return the width of the pulse whose spectrum reaches to a frequency (Hz), m.

    Its spectrum is ``exp(-4 (f / highest_frequency)^2)`` relative to the lowest frequencies.

    References
    ----------
    N. Borrel-Jensen et al., PNAS 121 (2024) e2312159120, and the simulation set-ups of its authors.
    """
    return 2.0 * air.speed / (math.pi * highest_frequency)


def pulses(room: Room, positions: Sequence[Sequence[float]] | np.ndarray, width: float) -> np.ndarray:
    """Return pulses of 1 Pa at the cells' centres, ``exp(-|x - x0|^2 / width^2)``, 0 in solid cells.

    Parameters
    ----------
    room
        Its cells.
    positions : (sources, axes)
        m.
    width
        m.

    Returns
    -------
    (sources, nx, ny[, nz]) float64 array
        Pa.

    Raises
    ------
    ValueError
        If a source lies outside the room or in a wall.
    """
    for position in positions:
        room.cell_of(position, "source")
    return room.air * gaussians([room.centres(axis) for axis in range(room.air.ndim)], positions, width)


def gaussians(
    grid: Sequence[np.ndarray], positions: Sequence[Sequence[float]] | np.ndarray, width: float
) -> np.ndarray:
    """Return pulses of 1 Pa on a grid given by its coordinates along each axis, (sources, nx, ny[, nz])."""
    centres = np.asarray(positions, float)
    total = np.ones((len(centres),) + (1,) * len(grid))
    for axis, along in enumerate(grid):
        factor = np.exp(-(((along[None, :] - centres[:, axis, None]) / width) ** 2))
        shape = [len(centres)] + [1] * len(grid)
        shape[1 + axis] = len(along)
        total = total * factor.reshape(shape)
    return total
