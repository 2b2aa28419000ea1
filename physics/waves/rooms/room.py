"""A room as cells: which are air, how large they are, and what wall each face has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from physics.waves.rooms.admittance import RIGID, Admittance

AXES = ("x", "y", "z")
MOST_CELLS = 1 << 30
"""Of a room; a simulation holds about ten numbers for each."""


def require_cells(counts: Sequence[int]) -> None:
    """Refuse a grid that no memory holds.

    Raises
    ------
    ValueError
        If the cells along the axes, multiplied, are more than `MOST_CELLS`.
    """
    if prod(counts) > MOST_CELLS:
        raise ValueError(
            f"a room of {' x '.join(map(str, counts))} cells found, {MOST_CELLS} at most expected; take a "
            "lower highest frequency, fewer cells per wavelength, or a smaller room, whose lengths are in m"
        )


@dataclass(frozen=True, eq=False)
class Room:
    """Cells of air in a grid that is closed all round; axes in the order x, y and, in 3-D, z.

    Attributes
    ----------
    air : (nx, ny[, nz]) bool array
        Which cells are air; all others are solid.
    spacing
        Side of a cell along each axis, m.
    walls
        The walls there are.
    faces : (2 * axes, nx, ny[, nz]) int array, optional
        Index in `walls` of each cell's faces: towards lower x, higher x, lower y, ...; it counts only where
        air ends. Without it all faces are those of the first wall.
    origin
        Lower corner of the grid, m; 0 by default.

    Raises
    ------
    ValueError
        If shapes do not fit, or there is no air.
    """

    air: np.ndarray
    spacing: tuple[float, ...]
    walls: tuple[Admittance, ...] = (RIGID,)
    faces: np.ndarray | None = None
    origin: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.air.ndim not in (2, 3) or self.air.dtype != bool:
            raise ValueError(
                f"air: {self.air.dtype} of {self.air.ndim} axes found, bool of 2 or 3 axes expected"
            )
        if not self.air.any():
            raise ValueError("air: no cell of air found; take smaller cells or a larger room")
        if len(self.spacing) != self.air.ndim or not all(0 < each < np.inf for each in self.spacing):
            raise ValueError(f"spacing: {self.spacing} found, {self.air.ndim} positive lengths in m expected")
        object.__setattr__(self, "origin", self.origin or (0.0,) * self.air.ndim)
        if len(self.origin) != self.air.ndim:
            raise ValueError(f"origin: {self.origin} found, {self.air.ndim} coordinates in m expected")
        if self.faces is not None and self.faces.shape != (2 * self.air.ndim, *self.air.shape):
            raise ValueError(
                f"faces: shape {self.faces.shape} found, {(2 * self.air.ndim, *self.air.shape)} expected: "
                "two faces of each cell along each axis"
            )
        for axis, side in np.ndindex(self.air.ndim, 2):
            found = self.walls_at(axis, side)[self.ends(axis, side)]
            if found.size and not 0 <= found.min() <= found.max() < len(self.walls):
                raise ValueError(
                    f"faces: walls {found.min()} to {found.max()} found, 0 to {len(self.walls) - 1} expected"
                )

    @property
    def size(self) -> tuple[float, ...]:
        """Lengths of the grid, m."""
        return tuple(count * side for count, side in zip(self.air.shape, self.spacing, strict=True))

    def ends(self, axis: int, side: int) -> np.ndarray:
        """Tell for each cell whether it is air and its neighbour (side 0: lower, 1: higher) is not."""
        padded = np.pad(self.air, [(1, 1) if each == axis else (0, 0) for each in range(self.air.ndim)])
        start = 2 * side
        neighbour = padded.take(range(start, start + self.air.shape[axis]), axis=axis)
        return self.air & ~neighbour

    def walls_at(self, axis: int, side: int) -> np.ndarray:
        """Return the index of the wall of each cell's face, which counts only where `ends` is true."""
        return np.zeros(self.air.shape, int) if self.faces is None else self.faces[2 * axis + side]

    def centres(self, axis: int) -> np.ndarray:
        """Return the centres of the cells along an axis, m."""
        return self.origin[axis] + self.spacing[axis] * (np.arange(self.air.shape[axis]) + 0.5)

    def area(self, wall: int) -> float:
        """Return the area of the faces that have a wall, m^2 (m in 2-D)."""
        total = 0.0
        for axis, side in np.ndindex(self.air.ndim, 2):
            faces = self.ends(axis, side) & (self.walls_at(axis, side) == wall)
            total += faces.sum() * prod(self.spacing) / self.spacing[axis]
        return float(total)

    def cell_of(self, position: Sequence[float], what: str = "position") -> tuple[int, ...]:
        """Return the cell of air that holds a position.

        Parameters
        ----------
        position
            m.
        what
            What stands there, for messages.

        Raises
        ------
        ValueError
            If it lies outside the grid or in a solid cell.
        """
        told = ", ".join(f"{each:g}" for each in position)
        if len(position) != self.air.ndim:
            raise ValueError(f"{what} ({told}) m: {self.air.ndim} coordinates expected")
        ratio = (np.asarray(position, float) - self.origin) / self.spacing
        shape = np.array(self.air.shape)
        if not ((ratio >= 0) & (ratio <= shape)).all():
            bounds = " x ".join(
                f"{low:g} to {low + length:g}" for low, length in zip(self.origin, self.size, strict=True)
            )
            raise ValueError(f"{what} ({told}) m lies outside the room, {bounds} m; move it inside")
        cell = tuple(np.minimum(ratio.astype(int), shape - 1).tolist())
        if not self.air[cell]:
            raise ValueError(
                f"{what} ({told}) m lies in a wall or in furniture; move it into the air of the room"
            )
        return cell
