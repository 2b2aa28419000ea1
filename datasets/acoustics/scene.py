"""The room of a data set, and what of it differs from record to record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from datasets.acoustics.materials import walls_of
from datasets.acoustics.shapes import PRESETS, box_in, build_room, groups
from physics.waves.rooms.admittance import Admittance
from physics.waves.rooms.air import AIR
from physics.waves.rooms.meshes import Mesh, read_mesh, voxelise
from physics.waves.rooms.room import Room

Length = float | tuple[float, float]


@dataclass(frozen=True, eq=False)
class Scene:
    """A room as a configuration describes it; see the recipe's fields.

    Attributes
    ----------
    folder
        What `mesh` and files of walls are relative to.
    """

    shape: str
    mesh: str
    size: tuple[Length, ...]
    furniture: tuple[tuple[float, ...], ...] | None
    wall_impedance: Length
    walls: Mapping[str, float | str] = field(default_factory=dict)
    highest_frequency: float = 400.0
    cells_per_wavelength: float = 12.0
    folder: Path = Path()

    @property
    def varies(self) -> bool:
        """Whether anything differs from record to record."""
        return self.size_varies or self.impedance_varies

    @property
    def size_varies(self) -> bool:
        """Whether the lengths differ from record to record."""
        return any(isinstance(each, tuple) for each in self.lengths)

    @property
    def impedance_varies(self) -> bool:
        """Whether the impedance of the walls differs from record to record."""
        return isinstance(self.wall_impedance, tuple)

    @property
    def lengths(self) -> tuple[Length, ...]:
        """Lengths of a shape, m, or ranges."""
        return self.size or PRESETS[self.shape].size

    @property
    def axes(self) -> int:
        """Dimensions of the room."""
        return 3 if self.mesh else len(self.lengths)

    @cached_property
    def room(self) -> Room:
        """The room, or the largest one."""
        side = AIR.speed / self.highest_frequency / self.cells_per_wavelength
        if self._mesh is not None:
            return voxelise(self._mesh, side, self._walls)
        largest = [each[1] if isinstance(each, tuple) else each for each in self.lengths]
        return build_room(self.shape, largest, side, self._walls, self.boxes)

    @cached_property
    def smallest(self) -> Room:
        """The room, or the one that all others hold."""
        return box_in(self.room, [low for low, _ in self._counts]) if self.size_varies else self.room

    @property
    def boxes(self) -> tuple[tuple[float, ...], ...]:
        """Furniture, m."""
        if self.furniture is not None or self.mesh:
            return self.furniture or ()
        largest = np.array([each[1] if isinstance(each, tuple) else each for each in self.lengths])
        corners = [(self._shares(box[:3]), self._shares(box[3:])) for box in PRESETS[self.shape].furniture]
        return tuple((*(low * largest).tolist(), *(high * largest).tolist()) for low, high in corners)

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of walls that may be of different materials."""
        return self._mesh.names if self._mesh is not None else groups(self.shape, self.axes)

    def preset(self, what: Literal["sources", "receivers"]) -> np.ndarray:
        """Return the shape's positions of test sources or receivers in the smallest room, (n, axes), m."""
        shares = getattr(PRESETS["cube" if self.mesh else self.shape], what)
        low, high = self.bounds
        return low + np.array([self._shares(each) for each in shares]) * (high - low)

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper corner of the smallest room, m."""
        counts = np.array([low for low, _ in self._counts])
        low = np.array(self.room.origin)
        return low, low + counts * self.room.spacing

    def draw(self, rng: np.random.Generator) -> tuple[Room, np.ndarray, float]:
        """Draw a record's room, its lengths (m) and the impedance of its walls (Pa s/m).

        Impedances are drawn evenly in their logarithm, lengths evenly in whole cells.
        """
        room, impedance = self.room, np.nan
        if isinstance(self.wall_impedance, tuple):
            low, high = np.log(self.wall_impedance)
            impedance = float(np.float32(np.exp(rng.uniform(low, high))))  # as it will be stored
            ratio = self.wall_impedance[0] / impedance  # the room was made with the lowest impedance
            room = replace(room, walls=tuple(wall.scaled(ratio) for wall in room.walls))
        counts = np.array(room.air.shape)
        if self.size_varies:
            counts = np.array([rng.integers(low, high + 1) for low, high in self._counts])
            room = box_in(room, counts.tolist())
        return room, counts * room.spacing, impedance

    @cached_property
    def _mesh(self) -> Mesh | None:
        return read_mesh(self.folder / self.mesh) if self.mesh else None

    @property
    def _walls(self) -> dict[str, Admittance]:
        low = self.wall_impedance[0] if isinstance(self.wall_impedance, tuple) else self.wall_impedance
        return walls_of(self.groups, low, self.walls, self.folder, self.highest_frequency)

    @property
    def _counts(self) -> list[tuple[int, int]]:
        """Least and largest number of cells along each axis."""
        most = self.room.air.shape
        if not self.size_varies:
            return [(count, count) for count in most]
        lowest = [each[0] if isinstance(each, tuple) else each for each in self.lengths]
        return [
            (min(count, max(2, round(length / side))), count)
            for length, side, count in zip(lowest, self.room.spacing, most, strict=True)
        ]

    def _shares(self, corner: tuple[float, ...]) -> np.ndarray:
        """Return what of three coordinates a room has: the height of a dome in 2-D is its last one."""
        if self.axes == 3:
            return np.array(corner)
        return np.array([corner[0], corner[2 if self.shape == "dome" else 1]])
