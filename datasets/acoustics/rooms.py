"""Recipe `acoustics/rooms`: pulses in a room, by finite differences in time."""

from __future__ import annotations

from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import scipy
import xarray as xr
from pydantic import Field, model_validator

from datasets.acoustics import variables
from datasets.acoustics.checks import check_keys, check_ranges, clock_of
from datasets.acoustics.files import gather
from datasets.acoustics.materials import EVERYWHERE, RIGID_WORD
from datasets.acoustics.placing import EXTRAPOLATION, Placed, place
from datasets.acoustics.points import Points, branch_grid, draw_points
from datasets.acoustics.scene import Scene
from datasets.acoustics.shapes import Shape
from datasets.factory.recipe import Arrays, Recipe
from datasets.factory.sources import Source
from datasets.store.specs import TEST, TRAIN, Split, VariableSpec
from datasets.store.streams import GROUP, stream
from physics.waves.rooms.fdtd import Clock, largest_step, simulate
from physics.waves.rooms.pulse import gaussians, pulse_width, pulses
from physics.waves.rooms.room import Room

Position = tuple[float, ...]
Range = tuple[float, float]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

UNIT_BYTES = 1 << 27
"""Of the fields that a unit of records holds at once."""
UNIT = 32
POINTS = 2
"""Stream of the points that all records share; sources have 0 and 1."""


class Rooms(Recipe):
    """Sound pressure in a room after a pulse; a square room of 2 m up to 400 Hz unless told otherwise."""

    name: ClassVar[str] = "acoustics/rooms"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Simulated sound in rooms after a pulse"
    license: ClassVar[str] = "CC0-1.0"

    shape: Shape = Field("rectangle", description="Shape of the room; a rectangle is 2-D, a cube 3-D.")
    mesh: str = Field("", description="File of a room (.msh, .json), which is taken instead of a shape.")
    size: tuple[Positive | Range, ...] = Field(
        (),
        description="Lengths, m, two in 2-D and three in 3-D, by default those of the shape; or ranges to "
        "draw each record's from, in a rectangle or cube.",
    )
    furniture: tuple[tuple[float, ...], ...] | None = Field(
        None, description="Solid boxes, lower and upper corner, m; by default those of the shape."
    )
    wall_impedance: Positive | Range = Field(
        7400.0, description="Impedance of the walls, Pa s/m; or a range to draw each record's from."
    )
    walls: dict[str, Positive | str] = Field(
        {},
        description=f"By group of walls, or {EVERYWHERE}: an impedance, Pa s/m; {RIGID_WORD}; a file (.dat, "
        ".h5); or table.json:material. Groups that it lacks have `wall_impedance`.",
    )
    highest_frequency: Positive = Field(400.0, description="Up to which the pulse has energy, Hz.")
    cells_per_wavelength: float = Field(
        12.0, ge=4, le=100, description="Cells of the solver in a wavelength of the highest frequency."
    )
    time_step: Positive | None = Field(
        None, description="Of the solver, s; by default the largest stable one that fits the samples."
    )
    duration: Positive = Field(0.012, description="Time that is simulated after the pulse, s.")
    time_samples: int | None = Field(
        28,
        ge=2,
        description="Instants from 0 to the duration; null: two in a period of the highest frequency, of "
        "which fewer alias.",
    )
    source_region: tuple[Range, ...] = Field(
        (),
        description="Bounds along each axis of where training sources stand, m; by default the middle half.",
    )
    source_grid: int | tuple[int, ...] | None = Field(
        None, description="Training sources along each axis; by default 9 in 2-D and 5 in 3-D."
    )
    validation_sources: int = Field(10, ge=0, description="Random sources in the region, off the grid.")
    test_sources: tuple[Position, ...] = Field(
        (), description="Positions of test sources, m; by default five of the shape."
    )
    extrapolation_sources: int = Field(5, ge=0, description="Random sources outside the region.")
    rooms_per_source: int = Field(
        1,
        ge=1,
        description="Records of each source, each with its own size and impedance if these are drawn.",
    )
    receivers: tuple[Position, ...] = Field(
        (), description="Positions of receivers, m; by default five of the shape."
    )
    branch_per_wavelength: float = Field(
        2.0,
        gt=0,
        le=100,
        description="Points of `initial_pressure` in a wavelength of the highest frequency.",
    )
    points: int = Field(10_000, ge=1, description="Random points in space and time of a record.")
    own_points: bool = Field(False, description="Whether each record has points of its own.")
    fields: Literal["held_out", "all", "none"] = Field(
        "held_out",
        description="Which records have the whole field: those outside the training subset (the others have "
        "NaN there), all, or none.",
    )
    files: tuple[Source, ...] = Field((), description="Files with the SHA-256 of each; found by itself.")
    folder: str = Field(".", description="Folder of the files; found by itself.")

    @model_validator(mode="before")
    @classmethod
    def _find_files(cls, given: Any) -> Any:
        return gather(given) if isinstance(given, dict) and not given.get("files") else given

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_ranges(self.model_dump())
        for source in self.files:
            source.require_unchanged(Path(self.folder))
        scene = self.scene
        check_keys(self.model_dump(), scene.axes, self._grid)
        _ = self.clock, self.placed
        _ = self._receiver_cells
        if not self.own_points:
            _ = self._points
        return self

    @cached_property
    def scene(self) -> Scene:
        """The room, and what of it is drawn for each record."""
        keys = {
            *("shape", "mesh", "size", "furniture", "wall_impedance", "walls"),
            *("highest_frequency", "cells_per_wavelength"),
        }
        return Scene(folder=Path(self.folder), **{key: getattr(self, key) for key in sorted(keys)})

    @cached_property
    def clock(self) -> Clock:
        """Step of the solver, and samples."""
        return clock_of(
            self.scene.room.spacing, self.highest_frequency, self.duration, self.time_samples, self.time_step
        )

    @cached_property
    def placed(self) -> Placed:
        """Positions and subsets of the sources."""
        low, high = self.scene.bounds
        middle = tuple(
            zip((0.75 * low + 0.25 * high).tolist(), (0.25 * low + 0.75 * high).tolist(), strict=True)
        )
        return place(
            self.scene.smallest,
            self.source_region or middle,
            self._grid,
            self.test_sources or self.scene.preset("sources").tolist(),
            self.validation_sources,
            self.extrapolation_sources,
            self.seed,
        )

    @property
    def receiver_positions(self) -> np.ndarray:
        """Where receivers were asked for, (receivers, axes), m."""
        return np.array(self.receivers, float) if self.receivers else self.scene.preset("receivers")

    def records(self) -> int:
        return len(self.placed.positions) * self.rooms_per_source

    def unit_records(self) -> int:
        field = 4 * self.clock.samples * self.scene.room.air.size
        return max(1, min(UNIT, UNIT_BYTES // field, self.records()))

    @classmethod
    def card_specs(cls) -> list[VariableSpec]:
        given = {"size": ((1.5, 2.0), (1.5, 2.0)), "wall_impedance": (4e3, 2e4), "own_points": True}
        return cls.make(given).specs()

    def specs(self) -> list[VariableSpec]:
        room, samples = self.scene.room, self.clock.samples
        axes, grid = room.air.ndim, room.air.shape[::-1]
        branch = tuple(len(along) for along in reversed(self._branch))
        receivers = len(self.receiver_positions)
        told = [
            variables.pressure(
                variables.PRESSURE, ("point",), (self.points,), "sound pressure at points in space and time"
            ),
            variables.pressure(
                variables.INITIAL,
                variables.grid_dims(axes, "branch_"),
                branch,
                "pressure of the pulse at 0 s",
            ),
            variables.pressure(
                variables.RECEIVED, ("receiver", "time"), (receivers, samples), "sound pressure at receivers"
            ),
            variables.source_position(axes),
        ]
        if self.fields != "none":
            dims, shape = ("time", *variables.grid_dims(axes)), (samples, *grid)
            field = variables.pressure(variables.FIELD, dims, shape, "sound pressure in all cells of air")
            told.append(field.model_copy(update={"missing": True}))
        if self.own_points:
            told += variables.point_specs(axes, self.points)
        if self.scene.impedance_varies:
            told.append(variables.IMPEDANCE)
        if self.scene.size_varies:
            told += [variables.room_size_spec(axes), variables.air_spec(grid)]
        return told

    def shared(self) -> xr.Dataset:
        scene, clock = self.scene, self.clock
        room, axes = scene.room, scene.axes
        receivers = np.array(room.origin) + (self._receiver_cells + 0.5) * room.spacing
        found = variables.coordinates(room, self._branch, clock.times, receivers, scene.groups)
        numbers = variables.air_scalars() | {
            "highest_frequency": (self.highest_frequency, "Hz", "frequency up to which the pulse has energy"),
            "pulse_width": (self._width, "m", "distance at which the pulse is 1/e of its peak"),
            "solver_time_step": (clock.time_step, "s", "time step of the solver"),
        }
        if not isinstance(self.wall_impedance, tuple) and not self.walls:
            numbers["wall_impedance"] = (self.wall_impedance, "Pa s m-1", "impedance of the walls")
        found = found.assign(variables.scalars(numbers))
        if not scene.size_varies:
            found = found.assign(variables.room_tables(room))
        return (
            found
            if self.own_points
            else found.assign(variables.shared_points(axes, self._points.coordinates))
        )

    def splits(self) -> list[Split]:
        subsets = np.repeat(self.placed.subsets, self.rooms_per_source)
        beyond = subsets == EXTRAPOLATION
        found = [
            Split(
                labels=np.where(beyond, -1, subsets),
                keeps_whole="source_position",
                description="sources on the grid train, random ones between them validate, given ones test",
            )
        ]
        if beyond.any():
            found.append(
                Split(
                    name="split_extrapolation",
                    labels=np.where(beyond, TEST, np.where(subsets == TEST, -1, subsets)),
                    keeps_whole="source_position",
                    description="sources outside the region of training test; the others as in `split`",
                )
            )
        return found

    def remarks(self) -> list[str]:
        """Say how large the simulation is, and what was left out."""
        room, clock = self.scene.room, self.clock
        sides = " x ".join(f"{each:.4g}" for each in room.spacing)
        counts = np.bincount(self.placed.subsets, minlength=4).tolist()
        lines = [
            f"{' x '.join(map(str, room.air.shape))} cells of {sides} m, "
            f"{(clock.samples - 1) * clock.stride} steps of {clock.time_step:.4g} s, Courant number "
            f"{clock.time_step / largest_step(room.spacing):.3f} of the limit",
            f"sources: {counts[0]} training, {counts[1]} validation, {counts[2]} test, {counts[3]} "
            "extrapolation",
        ]
        interval, half = clock.time_step * clock.stride, 0.5 / self.highest_frequency
        if interval > half * (1 + 1e-6):
            enough = ceil(self.duration / half - 1e-9) + 1
            lines.append(
                f"one sample in {interval:.4g} s is less than two in a period of {self.highest_frequency:g} "
                f"Hz: responses at receivers alias; time_samples=null, or {enough} and more, keeps them"
            )
        if self.placed.left_out:
            lines.append(f"left out of the grid, in a wall or at a test source: {self.placed.left_out}")
        return lines

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        sources = self.placed.positions[indices // self.rooms_per_source]
        subsets = self.placed.subsets[indices // self.rooms_per_source]
        drawn = [self.scene.draw(rng) for rng in rngs]
        rooms = [room for room, _, _ in drawn]
        points = [
            self._draw(room, rng) if self.own_points else self._points
            for room, rng in zip(rooms, rngs, strict=True)
        ]
        fields = self._fields(rooms, sources)
        axes, air = self.scene.axes, np.stack([room.air for room in rooms])
        shown = (self.fields == "all") | (subsets != TRAIN)
        known = air[:, None] & shown.reshape(-1, *[1] * (axes + 1))
        receivers = (slice(None), slice(None), *self._receiver_cells.T)
        found = {
            variables.PRESSURE: [each.of(field) for each, field in zip(points, fields, strict=True)],
            variables.INITIAL: variables.stored(gaussians(self._branch, sources, self._width), axes),
            variables.RECEIVED: fields[receivers].swapaxes(1, 2),
            variables.FIELD: variables.stored(np.where(known, fields, np.nan), axes),
            "source_position": sources,
            "wall_impedance": [impedance for _, _, impedance in drawn],
            "room_size": [size for _, size, _ in drawn],
            "air": variables.stored(air, axes),
        }
        if self.own_points:
            names = [spec.name for spec in variables.point_specs(axes, self.points)]
            found |= {name: [each.coordinates[:, k] for each in points] for k, name in enumerate(names)}
        return {spec.name: np.asarray(found[spec.name], spec.dtype) for spec in self.specs()}

    def software(self) -> dict[str, str]:
        return {"numpy": np.__version__, "scipy": scipy.__version__}

    def config(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"folder"})

    @property
    def _grid(self) -> tuple[int, ...]:
        axes = self.scene.axes
        given = (9 if axes == 2 else 5) if self.source_grid is None else self.source_grid
        return given if isinstance(given, tuple) else (given,) * axes

    @property
    def _width(self) -> float:
        return pulse_width(self.highest_frequency)

    @property
    def _branch(self) -> list[np.ndarray]:
        return branch_grid(self.scene.room, self.highest_frequency, self.branch_per_wavelength)

    @cached_property
    def _points(self) -> Points:
        return self._draw(self.scene.smallest, stream(self.seed, GROUP, POINTS))

    def _draw(self, room: Room, rng: np.random.Generator) -> Points:
        return draw_points(room, self.clock.times, self.points, rng)

    @property
    def _receiver_cells(self) -> np.ndarray:
        """Cells of the receivers, (receivers, axes)."""
        smallest = self.scene.smallest
        return np.array([smallest.cell_of(each, "receiver") for each in self.receiver_positions])

    def _fields(self, rooms: list[Room], sources: np.ndarray) -> np.ndarray:
        """Return the pressure in all cells of each source's room, (sources, samples, nx, ny[, nz])."""
        together = [(rooms[0], sources)]  # one call, unless rooms differ
        if self.scene.varies:
            together = [(room, source[None]) for room, source in zip(rooms, sources, strict=True)]
        return np.concatenate(
            [
                simulate(room, pulses(room, some, self._width).astype(np.float32), self.clock)
                for room, some in together
            ]
        )
