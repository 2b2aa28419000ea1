"""Recipe `radio/urban`: ray-traced path-gain maps of city windows, isotropic and directional."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from datasets.factory.recipe import Arrays, Recipe
from datasets.radio import variables
from datasets.radio.transmitters import Placing, in_scene, place_transmitters
from datasets.radio.windows import (
    TEST,
    TRAIN,
    VALIDATION,
    Placed,
    check_corners,
    group_overlapping,
    place_city,
)
from datasets.store.specs import Split, VariableSpec
from physics.raytracing.backend import describe, use_one_thread
from physics.raytracing.scenes import CITIES, load_city
from physics.raytracing.solver import Settings, trace_path_gain

GROUPS_PER_CITY = 100_000
CityName = Literal["munich", "etoile", "florence", "san_francisco"]


class Urban(Recipe):
    """Path gain in windows of real cities, traced with Sionna RT, one map per transmitter.

    A unit is one window: its transmitters, both antenna patterns included, are traced at once.
    """

    name: ClassVar[str] = "radio/urban"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Ray-traced path gain in city windows"
    license: ClassVar[str] = "ODbL-1.0 (building geometry (c) OpenStreetMap contributors)"

    cities: tuple[CityName, ...] = Field(
        ("munich", "florence", "san_francisco"), description="Cities of the training and validation windows."
    )
    test_cities: tuple[CityName, ...] = Field(("etoile",), description="Cities seen only in the test.")
    samples: int = Field(400, ge=0, description="Maps in `cities`, validation included.")
    test_samples: int = Field(48, ge=0, description="Maps in `test_cities`.")
    transmitters_per_window: int = Field(4, ge=1, description="Transmitters (maps) of one window.")
    validation_share: float = Field(
        0.1, ge=0, lt=1, description="Share of the windows in `cities` set apart in a corner of the largest."
    )
    window_size: float = Field(512.0, gt=0, description="Side of a window, m.")
    cell_size: float = Field(4.0, gt=0, description="Side of a cell, m.")
    built_share: float = Field(0.2, ge=0, lt=1, description="Least share of a window under buildings.")
    corners: dict[CityName, tuple[tuple[float, float], ...]] = Field(
        {}, description="South-west corners of the windows of a city, m; drawn at random where not given."
    )
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
    def _consistent(self) -> Self:
        count = self.transmitters_per_window
        for key, cities in (("samples", self.cities), ("test_samples", self.test_cities)):
            maps = getattr(self, key)
            if maps % count:
                raise ValueError(f"{key}={maps} is not a multiple of {count} transmitters a window")
            if maps and not cities:
                raise ValueError(f"{key}={maps}, but there is no city to take them from")
        if both := set(self.cities) & set(self.test_cities):
            raise ValueError(f"{sorted(both)} stand in `cities` and `test_cities`; a test city is never seen")
        if unused := set(self.corners) - {*self.cities, *self.test_cities}:
            raise ValueError(f"corners are given for {sorted(unused)}, which no part of the dataset uses")
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

    def prepare(self) -> None:
        for name in (*self.cities, *self.test_cities):
            check_corners(name, self.window_size, self.cell_size, self.corners.get(name, ()))
        describe()

    def records(self) -> int:
        return self.samples + self.test_samples

    def unit_records(self) -> int:
        return self.transmitters_per_window

    def specs(self) -> list[VariableSpec]:
        return variables.record_specs(round(self.window_size / self.cell_size), self.window_size)

    def shared(self) -> xr.Dataset:
        return variables.tables(self.windows(), self.window_size, self.cell_size)

    def splits(self) -> list[Split]:
        parts = np.repeat([placed.part for placed in self.windows()], self.transmitters_per_window)
        by_city = "cities of the test are never seen; validation windows do not touch training windows"
        found = [Split(labels=parts, keeps_whole="window_group", description=by_city)]
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

    def windows(self) -> list[Placed]:
        """Return all windows in the order of the units: city by city, the test cities last."""
        return [placed for name in self._counts() for placed in self._city(name)]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        use_one_thread()
        unit = int(indices[0]) // self.transmitters_per_window
        placed, group = self._window(unit)
        scene = load_city(placed.city)
        building, terrain = scene.heights(placed.window)
        placing = Placing(self.placing, self.roof_radius, self.clearance, self.spread, self.lowest)
        positions = place_transmitters(building, terrain, self.cell_size, placing, rngs)
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

        rays = self.rays if placed.part == TRAIN else self.rays_test
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
            "city": np.full(count, list(CITIES).index(placed.city), np.int8),
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

    def _counts(self) -> dict[str, tuple[int, int, int]]:
        """Number of training, validation and test windows of each city."""
        seen, unseen = (count // self.transmitters_per_window for count in (self.samples, self.test_samples))
        validation = round(seen * self.validation_share)
        counts: dict[str, tuple[int, int, int]] = {}
        for number, name in enumerate(self.cities):
            held_out = validation if name == largest(self.cities) else 0
            counts[name] = (_portion(seen - validation, number, len(self.cities)), held_out, 0)
        for number, name in enumerate(self.test_cities):
            counts[name] = (0, 0, _portion(unseen, number, len(self.test_cities)))
        return counts

    def _city(self, name: str) -> tuple[Placed, ...]:
        return place_city(
            name,
            self.seed,
            self.window_size,
            self.cell_size,
            self.built_share,
            self._counts()[name],
            self.corners.get(name, ()),  # type: ignore[call-overload]
        )

    def _window(self, unit: int) -> tuple[Placed, int]:
        """The window of a unit, and its group."""
        before = 0
        for name, counts in self._counts().items():
            if unit < before + sum(counts):
                windows = self._city(name)
                first = GROUPS_PER_CITY * list(CITIES).index(name)
                return windows[unit - before], first + int(group_overlapping(windows)[unit - before])
            before += sum(counts)
        raise IndexError(f"unit {unit} of {before}")

    def _is_repeated(self, unit: int) -> bool:
        """Whether a unit belongs to the evenly spread share that is traced twice."""
        return int((unit + 1) * self.repeat_share) > int(unit * self.repeat_share)


def largest(cities: tuple[str, ...]) -> str:
    """Return the city of the largest area."""
    return max(cities, key=lambda name: CITIES[name].area)


def other_lattice(rays: int) -> int:
    """Return a slightly larger number of rays, which go other ways.

    Sionna's solver launches its rays on a Fibonacci lattice that depends on their number alone: a second seed
    by itself would repeat every reflection and understate the error of the map.
    """
    return rays + rays // 997 + 1


def _portion(total: int, number: int, parts: int) -> int:
    """Size of one of `parts` nearly equal portions of a total."""
    return total // parts + (number < total % parts)
