"""Recipe `csi/raytraced`: channels along flights through a city, from ray-traced paths."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import numpy as np
import xarray as xr
from pydantic import Field, model_validator
from threadpoolctl import threadpool_limits

from datasets.csi.bands import Bands
from datasets.csi.flight_variables import AXES, FLIGHT
from datasets.csi.routes import (
    CLEARANCE,
    Airspace,
    Flight,
    Point,
    check_route,
    draw_mast,
    draw_route,
    fly_route,
    is_clear,
)
from datasets.csi.variables import DOWNLINK, HISTORY, UPLINK, channel_specs, coordinates
from datasets.factory.errors import BuildError
from datasets.factory.recipe import Arrays, Recipe
from datasets.store.specs import TEST, TRAIN, VALIDATION, Split, VariableSpec
from datasets.store.streams import GROUP, stream
from physics.backend import describe, use_one_thread
from physics.channels.panel import Panel as Ports
from physics.channels.paths import KeyPoints, delay_spread, frequency_response
from physics.channels.sounding import Sounding
from physics.geometry import SPEED_OF_LIGHT
from physics.raytracing.paths import Panel, PathSettings, TracedPaths, trace_paths
from physics.raytracing.scenes import Scene, city, load_city

CityName = Literal["munich", "etoile", "florence", "san_francisco"]
SPARE = 2
"""Stretches of a flight that are traced for each that is kept."""
ATTEMPTS = 30
"""Flights that are drawn until enough stretches of one are reached by paths."""
FAR = 5.0
"""Wavelengths between key points beyond which the error between them is not measured."""


@dataclass(frozen=True)
class Stretch:
    """One record before its channel: when it is, and its paths at the key points.

    Attributes
    ----------
    middle
        Time of the last past snapshot in the flight, s.
    keys
        Paths at the key points; time is that of the record.
    direct
        Which paths meet nothing on their way, shape (k, p).
    """

    middle: float
    keys: KeyPoints
    direct: np.ndarray


@dataclass(frozen=True)
class Traced:
    """A flight with the stretches that are kept, its base station, and the share that was reached."""

    flight: Flight
    panel: Panel
    stretches: list[Stretch]
    reached: float


class Raytraced(Recipe):
    """Channels of a quadrotor in flight, traced with Sionna RT at key points and advanced between them."""

    name: ClassVar[str] = "csi/raytraced"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Ray-traced channels along flights through a city"
    license: ClassVar[str] = "ODbL-1.0 (building geometry (c) OpenStreetMap contributors)"

    city: CityName = Field("munich", description="City scene.")
    flights: int = Field(100, ge=1, le=1 << 20, description="Number of flights, each with a base station.")
    samples_per_flight: int = Field(32, ge=1, le=4096, description="Records of a flight.")
    duration: float = Field(20.0, gt=0, le=600, description="Duration of a flight, s.")
    speeds: tuple[float, float] = Field((2.0, 12.0), description="Range of the speed of flights, m/s.")
    heights: tuple[float, float] = Field(
        (5.0, 25.0), description="Range of the heights of drawn waypoints above the ground, m."
    )
    reach: tuple[float, float] = Field(
        (20.0, 200.0), description="Range of the horizontal distance from the base station, m."
    )
    routes: tuple[tuple[tuple[float, float, float], ...], ...] = Field(
        (), description="Waypoints (east, north, altitude) of each flight, m; drawn where not given."
    )
    base_station: tuple[float, float, float] | None = Field(
        None, description="Position (east, north, altitude) of all base stations, m; drawn where not given."
    )
    downtilt: float = Field(0.1, ge=-1.6, le=1.6, description="How far a base station looks down, rad.")
    antenna_rows: int = Field(4, ge=1, le=64, description="Rows of the base station's panel.")
    antenna_columns: int = Field(
        4, ge=1, le=64, description="Columns of the panel; each element has two ports."
    )
    history: int = Field(16, ge=1, le=4096, description="Past snapshots.")
    horizon: int = Field(4, ge=1, le=4096, description="Next snapshots.")
    snapshot_interval: float = Field(
        Sounding().interval, gt=0, le=1, description="Time between snapshots, s."
    )
    key_spacing: int = Field(
        5, ge=1, le=4096, description="Most snapshots from one traced key point to the next."
    )
    carrier_frequency: float = Field(2.4e9, gt=1e8, le=1e11, description="Carrier frequency, Hz.")
    subcarrier_spacing: float = Field(30e3, gt=0, le=1e7, description="Between two sub-carriers, Hz.")
    uplink_subcarriers: int = Field(300, ge=1, le=1 << 14, description="Sub-carriers of the uplink.")
    gap_subcarriers: int = Field(150, ge=0, le=1 << 14, description="Sub-carriers between both bands.")
    downlink_subcarriers: int = Field(300, ge=1, le=1 << 14, description="Sub-carriers of the downlink.")
    rays: int = Field(10_000, ge=1, le=10**8, description="Rays that look for paths.")
    depth: int = Field(3, ge=0, le=16, description="Largest number of reflections of a path.")
    diffraction: bool = Field(False, description="Whether first-order diffraction is traced.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for key, unit in (("speeds", "m/s"), ("heights", "m"), ("reach", "m")):
            low, high = getattr(self, key)
            if not 0 < low <= high:
                raise ValueError(f"{key}=({low:g}, {high:g}) {unit} must be a range above 0, the lower first")
        if self.routes and len(self.routes) != self.flights:
            raise ValueError(f"{len(self.routes)} routes are given for flights={self.flights}; give one each")
        if any(len(route) < 2 for route in self.routes):
            raise ValueError("a route has fewer than two waypoints; give where it starts and where it ends")
        needed = SPARE * self.samples_per_flight * self._span
        if needed > self.duration:
            raise ValueError(
                f"{SPARE} x {self.samples_per_flight} stretches of {self._span:.3g} s take {needed:.3g} s, "
                f"but duration={self.duration:g} s; ask for longer flights or a smaller samples_per_flight"
            )
        return self

    @property
    def sounding(self) -> Sounding:
        """Carrier, panel and instants of a record."""
        return Sounding(
            Ports(self.antenna_rows, self.antenna_columns),
            self.carrier_frequency,
            self.snapshot_interval,
            self.history + self.horizon,
        )

    @property
    def bands(self) -> Bands:
        """Sub-carriers of uplink, gap and downlink."""
        return Bands(
            self.uplink_subcarriers, self.gap_subcarriers, self.downlink_subcarriers, self.subcarrier_spacing
        )

    @property
    def times(self) -> np.ndarray:
        """Times of all snapshots of a record, s; the last of the past is at 0."""
        return np.arange(1 - self.history, self.horizon + 1) * self.snapshot_interval

    @property
    def settings(self) -> PathSettings:
        """How paths are traced."""
        return PathSettings(self.carrier_frequency, self.rays, self.depth, self.diffraction)

    @property
    def key_times(self) -> np.ndarray:
        """Times of the key points of a record, evenly from its first to its last snapshot, s."""
        times = self.times
        return np.linspace(times[0], times[-1], math.ceil((len(times) - 1) / self.key_spacing) + 1)

    @property
    def _span(self) -> float:
        return (self.history + self.horizon - 1) * self.snapshot_interval

    def records(self) -> int:
        return self.flights * self.samples_per_flight

    def unit_records(self) -> int:
        return self.samples_per_flight

    def specs(self) -> list[VariableSpec]:
        return [*channel_specs(self.sounding, self.history, self.horizon, self.bands), *FLIGHT]

    def shared(self) -> xr.Dataset:
        return coordinates(self.sounding, self.history, self.horizon, self.bands).assign_coords(enu=AXES)

    def attributes(self) -> dict[str, str]:
        return super().attributes() | {
            "power_normalisation": f"mean power 1 over antennas, the {self.history} past snapshots and the "
            "uplink of each sample; path_gain keeps the power before"
        }

    def splits(self) -> list[Split]:
        quantile = stream(self.seed, GROUP, 0).permutation(self.flights) / self.flights
        labels = np.select([quantile < 0.1, quantile < 0.2], [TEST, VALIDATION], TRAIN)
        return [
            Split(
                labels=np.repeat(labels, self.samples_per_flight),
                keeps_whole="flight",
                description="80 %, 10 %, 10 % of the flights",
            )
        ]

    def software(self) -> dict[str, str]:
        return {"numpy": np.__version__} | describe()

    def prepare(self) -> None:
        describe()
        if not self.routes and self.base_station is None:
            return
        use_one_thread()
        scene = load_city(self.city)
        for number, route in enumerate(self.routes):
            check_route(scene, f"flight {number}", route)
        if self.base_station is not None:
            check_route(scene, "base_station", [self.base_station])

    def remarks(self) -> list[str]:
        keys = self.key_times
        apart = float(keys[1] - keys[0]) * self.speeds[1]
        wavelengths = apart * self.carrier_frequency / SPEED_OF_LIGHT
        if wavelengths <= FAR:
            return []
        return [
            f"key points lie up to {apart:.2f} m apart, {wavelengths:.1f} wavelengths; paths that begin or "
            f"end in between are blurred: lower key_spacing={self.key_spacing} or the speeds"
        ]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        use_one_thread()
        number = int(indices[0]) // self.samples_per_flight
        with threadpool_limits(1):  # more threads divide the sums of linear algebra differently
            traced = self.trace(number, load_city(self.city), rngs[0])
            records = [self._record(traced, stretch) for stretch in traced.stretches]
        columns = {name: np.stack([record[name] for record in records]) for name in records[0]}
        count = len(indices)
        return columns | {
            "flight": np.full(count, number, np.int32),
            "base_station": np.tile(np.array(traced.panel.position, np.float32), (count, 1)),
            "base_station_azimuth": np.full(count, traced.panel.azimuth, np.float32),
            "reached_share": np.full(count, traced.reached, np.float32),
        }

    def trace(self, number: int, scene: Scene, rng: np.random.Generator) -> Traced:
        """Return a flight of which enough stretches are reached: the first of those drawn, or the given one.

        Raises
        ------
        BuildError
            If none is, or the given one meets something.
        """
        most, attempts = 0.0, 1 if self.routes else ATTEMPTS
        for _ in range(attempts):
            panel, flight = self._draw(number, scene, rng)
            if flight is None:
                continue
            stretches = self._stretches(scene, panel, flight, rng)
            share = len(stretches) / (SPARE * self.samples_per_flight)
            most = max(most, share)
            if len(stretches) >= self.samples_per_flight:
                evenly = np.linspace(0, len(stretches) - 1, self.samples_per_flight).round().astype(int)
                return Traced(flight, panel, [stretches[each] for each in evenly], share)
        raise BuildError(
            f"flight {number}: in {attempts} tries at most {most:.0%} of a flight has a path to its base "
            f"station, expected {1 / SPARE:.0%}; allow greater `heights`, diffraction, or another route or "
            "`base_station`"
        )

    def _draw(self, number: int, scene: Scene, rng: np.random.Generator) -> tuple[Panel, Flight | None]:
        """Return a base station and a flight, or None instead of one that would meet something."""
        space = Airspace(scene, city(self.city), self.reach, self.heights)
        mast: Point = self.base_station or draw_mast(space, rng)
        panel = Panel(mast, 0.0, self.downtilt, self.antenna_rows, self.antenna_columns)
        speed = rng.uniform(*self.speeds)
        if self.routes:
            points: np.ndarray | None = np.array(self.routes[number])
        else:
            points = draw_route(space, mast, speed * self.duration, rng)
        if points is None:
            return panel, None
        flight = fly_route(points, speed, self.duration)
        clear = is_clear(scene, flight.position)
        if not clear.all():
            if not self.routes:
                return panel, None
            x, y, z = flight.position[np.argmin(clear)]
            raise BuildError(
                f"flight {number}: its route comes within {CLEARANCE:g} m of ground or roof at "
                f"({x:.1f}, {y:.1f}, {z:.1f}) m; move its waypoints"
            )
        east, north = flight.position[:, :2].mean(axis=0) - mast[:2]
        return replace(panel, azimuth=math.atan2(east, north) % math.tau), flight

    def _stretches(
        self, scene: Scene, panel: Panel, flight: Flight, rng: np.random.Generator
    ) -> list[Stretch]:
        """Return the stretches, one in each of equal slots of the flight, that paths reach throughout."""
        count, keys = SPARE * self.samples_per_flight, self.key_times
        slot = self.duration / count
        middles = (np.arange(count) + rng.random(count) * (1.0 - self._span / slot)) * slot - keys[0]
        exact, _ = flight.at(middles[:, None] + keys)
        position = exact.astype(np.float32).astype(np.float64)  # where the solver puts the receiver
        seed = int(rng.integers(2**31))
        paths = trace_paths(scene, panel, position.reshape(-1, 3), self.settings, seed=seed)
        reached = np.any(paths.delay > 0, axis=1).reshape(position.shape[:2])
        return [
            stretch_of(paths, index, keys, position[index], float(middles[index]))
            for index in np.flatnonzero(np.all(reached, axis=1)).tolist()
        ]

    def _record(self, traced: Traced, stretch: Stretch) -> Arrays:
        keys, bands, times = stretch.keys, self.bands, self.times
        frequency = self.carrier_frequency + bands.frequencies
        position, velocity = traced.flight.at(stretch.middle + times)
        now, ahead = self.history - 1, slice(self.history, None)
        uplink = frequency_response(keys, times, position, frequency[bands.uplink_slice])
        downlink = frequency_response(keys, times[ahead], position[ahead], frequency[bands.downlink_slice])
        power = float((np.abs(uplink[:, : self.history]) ** 2).mean())
        return {
            HISTORY: (uplink[:, : self.history] / power**0.5).astype(np.complex64),
            UPLINK: (uplink[:, ahead] / power**0.5).astype(np.complex64),
            DOWNLINK: (downlink / power**0.5).astype(np.complex64),
            "position": position[now].astype(np.float32),
            "velocity": velocity[now].astype(np.float32),
            "speed": np.float32(np.linalg.norm(velocity[now])),
            "delay_spread": np.float32(delay_spread(keys).mean()),
            "line_of_sight": np.bool_(np.all(np.any(stretch.direct, axis=1))),
            "path_gain": np.float32(10.0 * np.log10(power)),
        }


def stretch_of(
    paths: TracedPaths, index: int, keys: np.ndarray, position: np.ndarray, middle: float
) -> Stretch:
    """Return the stretch of a number, of paths to the key points of several stretches."""
    rows = slice(index * len(keys), (index + 1) * len(keys))
    points = KeyPoints(keys, position, paths.coefficient[rows], paths.delay[rows], paths.arrival[rows])
    return Stretch(middle, points, paths.direct[rows])
