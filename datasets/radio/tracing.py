"""What recipes of ray-traced radio maps share: parameters, and the records of one window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from datasets.factory.design import Designed
from datasets.factory.recipe import Arrays
from datasets.radio.transmitters import Placing, in_scene, place_transmitters, require_over_roofs
from datasets.radio.variables import record_specs
from datasets.radio.windows import Placed
from datasets.store.specs import TEST, TRAIN, VALIDATION, Split, VariableSpec
from physics.backend import describe, use_one_thread
from physics.raytracing.scenes import Scene
from physics.raytracing.solver import Settings, trace_path_gain

GROUPS_PER_CITY = 100_000
POSITION = ("transmitter_east", "transmitter_north", "transmitter_height")
"""What a table of design points gives: the components of `transmitter_position`."""
HIGHEST = 1000.0
"""Of a transmitter above the ground, m."""


class TracedMaps(Designed):
    """Path gain in windows of scenes, traced with Sionna RT, one map per transmitter.

    A unit is one window: its transmitters, both antenna patterns included, are traced at once. A recipe says
    where the windows lie (`windows`, `window_of`) and what stands there (`scene_of`, `rasters_of`).
    """

    division: ClassVar[str]
    """How the default split divides the windows."""
    designed: ClassVar[Mapping[str, str]] = dict.fromkeys(POSITION, "m")

    transmitters_per_window: int = Field(4, ge=1, description="Transmitters (maps) of one window.")
    window_size: float = Field(512.0, gt=0, description="Side of a window, m.")
    cell_size: float = Field(4.0, gt=0, description="Side of a cell, m.")
    frequency: float = Field(3.66e9, gt=0, description="Carrier frequency, Hz.")
    receiver_height: float = Field(2.0, gt=0, description="Height of the receivers above the ground, m.")
    placing: Literal["local_roof", "highest_roof"] = Field(
        "local_roof", description="Transmitters stand over the highest roof nearby or of the whole window."
    )
    roof_radius: float = Field(50.0, ge=0, description="What `local_roof` counts as nearby, m.")
    clearance: tuple[float, float] = Field((2.0, 8.0), description="Range of heights over that roof, m.")
    spread: float = Field(
        0.8, ge=0, le=1, description="Share of the window's side, about its middle, where transmitters stand."
    )
    lowest: float = Field(15.0, ge=0, description="Least height of a transmitter above the ground, m.")
    rays: int = Field(1_000_000, ge=1, description="Rays per transmitter in training windows.")
    rays_test: int = Field(7_000_000, ge=1, description="Rays in validation and test windows.")
    depth: int = Field(8, ge=0, description="Largest number of reflections of a path.")
    diffraction: bool = Field(True, description="Whether first-order diffraction is traced.")
    repeat_share: float = Field(
        0.05, ge=0, le=1, description="Share of the windows traced again with another seed (noise floor)."
    )
    repeat_rays: int | None = Field(
        None, ge=1, description="Rays of these repeats; by default about those of the map itself."
    )

    @model_validator(mode="after")
    def _grid_and_clearance_fit(self) -> Self:
        cells = self.window_size / self.cell_size
        if abs(cells - round(cells)) > 1e-9:
            raise ValueError(
                f"window_size={self.window_size:g} is no multiple of cell_size={self.cell_size:g}"
            )
        if not 0 < self.clearance[0] <= self.clearance[1]:
            raise ValueError(
                f"clearance={self.clearance} must be a range of positive heights, the lower first"
            )
        return self

    def design_ranges(self) -> dict[str, tuple[float, float]]:
        return dict(zip(POSITION, [(0.0, self.window_size)] * 2 + [(self.lowest, HIGHEST)], strict=True))

    def windows(self) -> list[Placed]:
        """Return all windows in the order of the units."""
        raise NotImplementedError(f"{type(self).__name__} does not define windows()")

    def window_of(self, unit: int) -> tuple[Placed, int]:
        """Return the window of a unit, and the number that it shares with those it overlaps."""
        raise NotImplementedError(f"{type(self).__name__} does not define window_of()")

    def city_codes(self) -> dict[str, int]:
        """Return the number that the variable `city` has for each name."""
        raise NotImplementedError(f"{type(self).__name__} does not define city_codes()")

    def scene_of(self, placed: Placed) -> Scene:
        """Return the scene of a window."""
        raise NotImplementedError(f"{type(self).__name__} does not define scene_of()")

    def rasters_of(self, placed: Placed) -> tuple[np.ndarray, np.ndarray]:
        """Return height of roofs above the ground and altitude of the ground (ny, nx) of a window, m."""
        return self.scene_of(placed).heights(placed.window)

    def unit_records(self) -> int:
        return self.transmitters_per_window

    @classmethod
    def card_specs(cls) -> list[VariableSpec]:
        return record_specs(1, 1.0)

    def specs(self) -> list[VariableSpec]:
        return record_specs(round(self.window_size / self.cell_size), self.window_size, self.city_codes())

    def splits(self) -> list[Split]:
        subsets = np.repeat([placed.subset for placed in self.windows()], self.transmitters_per_window)
        found = [Split(labels=subsets, keeps_whole="window_group", description=self.division)]
        if self.transmitters_per_window > 2:
            position = np.arange(self.records()) % self.transmitters_per_window
            last = self.transmitters_per_window - 1
            labels = np.where(position == last, TEST, np.where(position == last - 1, VALIDATION, TRAIN))
            described = "in every window the last transmitter tests and the last but one validates"
            found.append(
                Split(name="split_by_transmitter", labels=labels, keeps_whole="none", description=described)
            )
        return found

    def software(self) -> dict[str, str]:
        return {"numpy": np.__version__} | describe()

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        use_one_thread()
        unit = int(indices[0]) // self.transmitters_per_window
        placed, group = self.window_of(unit)
        scene = self.scene_of(placed)
        building, terrain = self.rasters_of(placed)
        placing = Placing(self.placing, self.roof_radius, self.clearance, self.spread, self.lowest)
        positions = place_transmitters(building, terrain, self.cell_size, placing, rngs)
        if self.design:
            for axis, name in enumerate(POSITION):
                positions[:, axis] = self.given(name, indices, positions[:, axis])
            require_over_roofs(positions, building, self.cell_size, int(indices[0]))
        azimuths = np.array([rng.uniform(0.0, 2.0 * np.pi) for rng in rngs]).astype(np.float32)
        seeds = rngs[0].integers(2**31, size=2)

        def trace(rays: int, seed: int) -> np.ndarray:
            return trace_path_gain(
                scene,
                placed.window,
                in_scene(positions, terrain, placed.window),
                self._settings(rays),
                seed=int(seed),
                patterns=("iso", "tr38901"),
                azimuths=azimuths,
            )

        rays = self.rays if placed.subset == TRAIN else self.rays_test
        gain, directional = trace(rays, seeds[0])
        repeated = self._is_repeated(unit)
        again = other_lattice(self.repeat_rays or rays)
        repeat = trace(again, seeds[1])[0] if repeated else np.full_like(gain, np.nan)
        count = len(indices)
        return {
            "building_height": np.repeat(building[None], count, axis=0),
            "terrain_height": np.repeat(terrain[None], count, axis=0),
            "transmitter_position": positions,
            "transmitter_azimuth": azimuths,
            "path_gain": gain,
            "path_gain_directional": directional,
            "path_gain_repeat": repeat,
            "hit": np.isfinite(gain),
            "repeated": np.full(count, repeated),
            "rays": np.full(count, rays, np.int32),
            "city": np.full(count, self.city_codes()[placed.city], np.int8),
            "window": np.full(count, unit, np.int32),
            "window_group": np.full(count, group, np.int32),
        }

    def _settings(self, rays: int) -> Settings:
        return Settings(
            frequency=self.frequency,
            rays=rays,
            depth=self.depth,
            diffraction=self.diffraction,
            receiver_height=self.receiver_height,
        )

    def _is_repeated(self, unit: int) -> bool:
        """Tell whether a unit belongs to the evenly spread share that is traced twice."""
        return int((unit + 1) * self.repeat_share) > int(unit * self.repeat_share)


def other_lattice(rays: int) -> int:
    """Return a slightly larger number of rays, which go other ways.

    Sionna's solver launches its rays on a Fibonacci lattice that depends only on their number: a second seed
    by itself would repeat every reflection and understate the error of the map.
    """
    return rays + rays // 997 + 1
