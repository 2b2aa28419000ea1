"""Recipe `radio/urban`: ray-traced path-gain maps of city windows, isotropic and directional."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import xarray as xr
from pydantic import Field, model_validator

from datasets.radio import variables
from datasets.radio.tracing import GROUPS_PER_CITY, TracedMaps
from datasets.radio.windows import Placed, check_corners, group_overlapping, place_city, share_of
from physics.backend import describe
from physics.raytracing.scenes import CITIES, Scene, load_city

CityName = Literal["munich", "etoile", "florence", "san_francisco"]


class Urban(TracedMaps):
    """Path gain in windows of real cities, traced with Sionna RT, one map per transmitter."""

    name: ClassVar[str] = "radio/urban"
    version: ClassVar[int] = 2
    title: ClassVar[str] = "Ray-traced path gain in city windows"
    license: ClassVar[str] = "ODbL-1.0 (building geometry (c) OpenStreetMap contributors)"
    division: ClassVar[str] = (
        "cities of the test are never seen; validation windows do not touch training windows"
    )

    cities: tuple[CityName, ...] = Field(
        ("munich", "florence", "san_francisco"), description="Cities of the training and validation windows."
    )
    test_cities: tuple[CityName, ...] = Field(("etoile",), description="Cities seen only in the test.")
    samples: int = Field(400, ge=0, description="Maps in `cities`, validation included.")
    test_samples: int = Field(48, ge=0, description="Maps in `test_cities`.")
    validation_share: float = Field(
        0.1, ge=0, lt=1, description="Share of the windows in `cities` set apart in a corner of the largest."
    )
    built_share: float = Field(0.2, ge=0, lt=1, description="Least share of a window under buildings.")
    corners: dict[CityName, tuple[tuple[float, float], ...]] = Field(
        {}, description="South-west corners of the windows of a city, m; drawn at random where not given."
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
            raise ValueError(
                f"corners are given for {sorted(unused)}, which are in neither `cities` nor `test_cities`"
            )
        return self

    def prepare(self) -> None:
        for name in (*self.cities, *self.test_cities):
            check_corners(name, self.window_size, self.cell_size, self.corners.get(name, ()))
        describe()

    def records(self) -> int:
        return self.samples + self.test_samples

    def shared(self) -> xr.Dataset:
        tables = variables.tables(self.windows(), self.window_size, self.cell_size)
        return tables.assign(variables.link_scalars(self.frequency, self.receiver_height))

    def city_codes(self) -> dict[str, int]:
        return variables.SCENES

    def windows(self) -> list[Placed]:
        """Return all windows in the order of the units: city by city, the test cities last."""
        return [placed for name in self._counts() for placed in self._city(name)]

    def scene_of(self, placed: Placed) -> Scene:
        return load_city(placed.city)

    def window_of(self, unit: int) -> tuple[Placed, int]:
        before = 0
        for name, counts in self._counts().items():
            if unit < before + sum(counts):
                windows = self._city(name)
                first = GROUPS_PER_CITY * list(CITIES).index(name)
                return windows[unit - before], first + int(group_overlapping(windows)[unit - before])
            before += sum(counts)
        raise IndexError(f"unit {unit} of {before}")

    def _counts(self) -> dict[str, tuple[int, int, int]]:
        """Number of training, validation and test windows of each city."""
        seen, unseen = (count // self.transmitters_per_window for count in (self.samples, self.test_samples))
        validation = round(seen * self.validation_share)
        counts: dict[str, tuple[int, int, int]] = {}
        for number, name in enumerate(self.cities):
            held_out = validation if name == largest(self.cities) else 0
            counts[name] = (share_of(seen - validation, number, len(self.cities)), held_out, 0)
        for number, name in enumerate(self.test_cities):
            counts[name] = (0, 0, share_of(unseen, number, len(self.test_cities)))
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


def largest(cities: tuple[str, ...]) -> str:
    """Return the city of the largest area."""
    return max(cities, key=lambda name: CITIES[name].area)
