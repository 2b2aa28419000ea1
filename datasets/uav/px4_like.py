"""Recipe `uav/px4_like`: simulated flights of an x500 quadrotor under PX4-like control."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

import numpy as np
import xarray as xr
from pydantic import Field, model_validator
from threadpoolctl import threadpool_limits

from datasets.factory.design import Designed
from datasets.factory.recipe import Arrays
from datasets.store.specs import TEST, TRAIN, VALIDATION, Split, VariableSpec
from datasets.store.streams import GROUP, stream
from datasets.uav.paths import ALWAYS_FED_FORWARD, draw_path
from datasets.uav.paths import LIMITS as LIMITS_OF
from datasets.uav.recording import draw_clock, draw_drift, logged, recorded
from datasets.uav.variables import (
    FAMILIES,
    LENGTH,
    RECORD,
    RECORDER,
    RECORDERS,
    STEP,
    TRACKS,
    VEHICLE,
    VEHICLES,
    WIND,
    coordinates,
    family_spec,
    padded,
    track_specs,
)
from physics.flight.control import Gains
from physics.flight.flight import GUIDANCE, Setpoints, Track, fly, start
from physics.flight.references import Reference, heading
from physics.flight.vehicles import RACER, SIH, X500, Vehicle
from physics.flight.wind import Wind

Family = Literal[
    "circle", "lemniscate", "line", "minimum_snap", "lissajous", "go_to", "goal_switching",
    "waypoints", "hover", "racing", "sticks",
]  # fmt: skip
Recorder = Literal["direct", "slow", "filtered", "smoothed", "noisy"]
Airframe = Literal["x500", "sih", "racer"]
TEST_FAMILIES: tuple[Family, ...] = ("lissajous", "goal_switching")
VALIDATION_FAMILIES: tuple[Family, ...] = ("go_to",)
UNSEEN: dict[str, tuple[str, ...]] = {
    "family": ("waypoints", "racing", "goal_switching"),
    "recorder": ("noisy",),
    "vehicle": ("racer",),
}
"""Test kinds of `split_by_kind`: those on which a constant velocity errs most."""
UNIT = 500
"""Flights that are simulated together."""
SHARES: dict[Family, float] = {
    "circle": 0.32,
    "lemniscate": 0.32,
    "line": 0.08,
    "minimum_snap": 0.10,
    "lissajous": 0.06,
    "go_to": 0.06,
    "goal_switching": 0.06,
}
FLOWN: dict[str, Vehicle] = {"x500": X500, "sih": SIH, "racer": RACER}
"""Vehicles whose least thrust lets them descend; that of RotorPy's Hummingbird carries it."""
GAINS = ("position", "velocity", "integral", "derivative", "attitude", "rate")
LIMITS = {"speed": (0.4, 1.2), "climb": (0.4, 1.4), "descent": (0.5, 1.5)}
"""Factors on PX4's limits of velocity: users set them to their vehicle and its task."""
OTHER_LIMITS = ("tilt", "rates")
"""Limits that only some families change."""
STRONGEST = 8.0
"""Steady wind, m/s, at most: of one that is drawn the speed, of one that a table gives each component."""


class Px4Like(Designed):
    """Flights of a quadrotor that follows setpoints sent at 10 Hz, with PX4's cascade, limits and lag."""

    name: ClassVar[str] = "uav/px4_like"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Simulated quadrotor flights under PX4-like control"
    license: ClassVar[str] = "CC0-1.0"
    record_dimension: ClassVar[str] = RECORD
    designed: ClassVar[Mapping[str, str]] = {spec.name: spec.units for spec in WIND}

    trajectories: int = Field(5000, ge=1, description="Number of flights.")
    shortest: float = Field(10.0, ge=1, description="Shortest flight, s.")
    longest: float = Field(60.0, ge=1, description="Longest flight, s.")
    families: dict[Family, float] = Field(
        SHARES, description="Share of each family of paths; they need not sum to 1."
    )
    recorders: dict[Recorder, float] = Field(
        {},
        description="Share of each kind of recorder, which the variable `recorder` then names; none: all are "
        "direct, and there is no such variable.",
    )
    vehicles: dict[Airframe, float] = Field(
        {},
        description="Share of each vehicle, which the variable `vehicle` then names; none: all are the x500, "
        "and there is no such variable.",
    )
    feedforward: float = Field(
        0.15, ge=0, le=1, description="Share of flights that are sent velocity and acceleration too."
    )
    windy: float = Field(0.5, ge=0, le=1, description="Share of flights in wind (0-8 m/s and turbulence).")
    moving: float = Field(0.3, ge=0, le=1, description="Share of flights that begin in motion.")
    hesitant: float = Field(
        0.5, ge=0, le=1, description="Share of flights whose recorder hesitates; see datasets.uav.recording."
    )
    drifting: float = Field(
        0.5, ge=0, le=1, description="Share of flights whose recorded `position` is an estimate that drifts."
    )
    position_noise: float = Field(
        0.0, ge=0, description="Standard deviation of white noise on `position`, m; `velocity` stays true."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.longest < self.shortest:
            raise ValueError(f"longest={self.longest:g} s is less than shortest={self.shortest:g} s")
        shares: dict[str, Mapping[Any, float]] = {"families": self.families}
        shares |= {"recorders": self.recorders} if self.recorders else {}
        shares |= {"vehicles": self.vehicles} if self.vehicles else {}
        for key, given in shares.items():
            if not given or min(given.values()) < 0 or sum(given.values()) <= 0:
                raise ValueError(f"{key}={given}: shares must be 0 or more, and one above 0")
        return self

    def config(self) -> dict[str, Any]:
        """Return every parameter; what is left out as before it was a parameter is not named."""
        return {key: value for key, value in super().config().items() if value != {}}

    def records(self) -> int:
        return self.trajectories

    def depends_on_number(self) -> str:
        shares: dict[str, Mapping[Any, float]] = {
            "families": self.families,
            "recorders": self.recorders,
            "vehicles": self.vehicles,
        }
        several = [key for key, given in shares.items() if sum(share > 0 for share in given.values()) > 1]
        return f"{several[0]} of flights follow from exact shares of all flights" if several else ""

    def design_ranges(self) -> dict[str, tuple[float, float]]:
        # Only what changes no other draw: a longer flight draws more of its path, its gusts and its recorder.
        return dict.fromkeys(self.designed, (-STRONGEST, STRONGEST))

    def unit_records(self) -> int:
        return min(UNIT, self.trajectories)

    @property
    def samples(self) -> int:
        """Samples of the longest track."""
        return _samples(self.longest)

    def specs(self) -> list[VariableSpec]:
        # One machine repeats bit for bit; other vector instructions round the last digit otherwise.
        tracks = track_specs(self.samples, list(TRACKS))
        flags = [family_spec(self.families)]
        flags += [RECORDER] * bool(self.recorders) + [VEHICLE] * bool(self.vehicles)
        winds = WIND if self.design else ()
        return [*(spec.model_copy(update={"repeatability": 1e-4}) for spec in tracks), LENGTH, *flags, *winds]

    def shared(self) -> xr.Dataset:
        return coordinates(self.samples, quaternion=True)

    @cached_property
    def family_codes(self) -> np.ndarray:
        """Index in `FAMILIES` of each record's family, in a random order with exact shares."""
        return self._codes(self.families, FAMILIES, 0)

    @cached_property
    def recorder_codes(self) -> np.ndarray:
        """Index in `RECORDERS` of each record's recorder, alike."""
        return self._codes(self.recorders or {"direct": 1.0}, RECORDERS, 2)

    @cached_property
    def vehicle_codes(self) -> np.ndarray:
        """Index in `VEHICLES` of each record's vehicle, alike."""
        return self._codes(self.vehicles or {"x500": 1.0}, VEHICLES, 3)

    def _codes(self, given: Mapping[Any, float], names: Sequence[str], number: int) -> np.ndarray:
        # In the order of the names: a store keeps the configuration with its keys sorted.
        shares = {names.index(name): share for name, share in given.items() if share > 0}
        codes = sorted(shares)
        edges = np.cumsum([shares[code] for code in codes]) / sum(shares.values())
        quantile = (np.arange(self.trajectories) + 0.5) / self.trajectories
        chosen = np.minimum(np.searchsorted(edges, quantile), len(codes) - 1)
        return stream(self.seed, GROUP, number).permutation(np.array(codes)[chosen]).astype(np.int8)

    def splits(self) -> list[Split]:
        quantile = stream(self.seed, GROUP, 1).permutation(self.trajectories) / self.trajectories
        by_flight = np.select([quantile < 0.1, quantile < 0.2], [TEST, VALIDATION], TRAIN)
        tests, validations = (
            [FAMILIES.index(family) for family in chosen] for chosen in (TEST_FAMILIES, VALIDATION_FAMILIES)
        )
        code = self.family_codes
        by_family = np.select([np.isin(code, tests), np.isin(code, validations)], [TEST, VALIDATION], TRAIN)
        splits = [
            Split(labels=by_flight, keeps_whole=RECORD, description="80 %, 10 %, 10 % of the flights"),
            Split(
                name="split_by_family",
                labels=by_family,
                keeps_whole="family",
                description=f"test: {', '.join(TEST_FAMILIES)}; validation: {', '.join(VALIDATION_FAMILIES)}",
            ),
        ]
        return [*splits, self._by_kind(by_flight)] if self.recorders or self.vehicles else splits

    def _by_kind(self, by_flight: np.ndarray) -> Split:
        kinds = {
            "family": (FAMILIES, self.family_codes),
            "recorder": (RECORDERS, self.recorder_codes),
            "vehicle": (VEHICLES, self.vehicle_codes),
        }
        unseen = [np.isin(np.array(names)[codes], UNSEEN[kind]) for kind, (names, codes) in kinds.items()]
        named = ", ".join(name for names in UNSEEN.values() for name in names)
        return Split(
            name="split_by_kind",
            labels=np.select([np.any(unseen, axis=0), by_flight == VALIDATION], [TEST, VALIDATION], TRAIN),
            keeps_whole=RECORD,
            description=f"test: all of the kinds {named}; validation: 10 % of the others",
        )

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        codes, vehicles, recorders = (
            each[indices] for each in (self.family_codes, self.vehicle_codes, self.recorder_codes)
        )
        with threadpool_limits(1):  # more threads divide the sums of linear algebra differently
            flights = [
                self._draw(FAMILIES[code], VEHICLES[vehicle], rng)
                for code, vehicle, rng in zip(codes, vehicles, rngs, strict=True)
            ]
        winds = {
            name: self.given(name, indices, [flight.wind[axis] for flight in flights])
            for axis, name in enumerate(self.designed)
        }
        flights = [
            replace(flight, wind=np.array([*wind, 0.0]))
            for flight, *wind in zip(flights, *winds.values(), strict=True)
        ]
        track = _fly(flights)
        noise = [rng.standard_normal((flight.length, 3)) for flight, rng in zip(flights, rngs, strict=True)]
        columns = {
            "position": track.position,
            "velocity": track.velocity,
            "attitude": track.attitude,
            "angular_velocity": track.angular_velocity,
            "wind_velocity": track.wind,
        }
        tracks = []
        of_each = zip(flights, rngs, noise, recorders, strict=True)
        for index, (flight, rng, error, recorder) in enumerate(of_each):
            flown = {name: values[: flight.length, :, index] for name, values in columns.items()}
            flown["position_setpoint"] = flight.path.position
            if rng.random() < self.hesitant:
                flown = recorded(flown, draw_clock(flight.length, rng))
            drift = draw_drift(flight.length, rng) if rng.random() < self.drifting else 0.0
            position = logged(flown["position"] + drift, RECORDERS[recorder], rng)
            tracks.append({**flown, "position": position + self.position_noise * error})
        made = {"family": codes, "recorder": recorders, "vehicle": vehicles, **winds}
        named = {spec.name for spec in self.specs()}
        return {
            **{name: np.stack([padded(each[name], self.samples) for each in tracks]) for name in TRACKS},
            "length": np.array([flight.length for flight in flights], np.int32),
            **{name: values for name, values in made.items() if name in named},
        }

    def software(self) -> dict[str, str]:
        return {"numpy": f"{np.__version__} ({platform.machine()})"}

    def _draw(self, family: str, vehicle: str, rng: np.random.Generator) -> Drawn:
        """Draw one flight from its record's generator."""
        length = _samples(rng.uniform(self.shortest, self.longest))
        factors = {"mass": rng.uniform(0.9, 1.1), "drag": 2.0 ** rng.uniform(-1.0, 1.0)}
        factors |= {gain: rng.uniform(0.8, 1.2) for gain in GAINS}
        factors |= {limit: rng.uniform(*ends) for limit, ends in LIMITS.items()}
        blowing, speed, bearing = (
            rng.random() < self.windy,
            rng.uniform(0.0, STRONGEST),
            rng.uniform(0.0, math.tau),
        )
        feedforward, moving = rng.random() < self.feedforward, rng.random() < self.moving
        feedforward = feedforward or family in ALWAYS_FED_FORWARD
        factors |= {limit: rng.uniform(*ends) for limit, ends in LIMITS_OF.get(family, {}).items()}
        path = draw_path(family, np.arange(length) * STEP, feedforward, rng)
        first = rng.uniform(-math.pi, math.pi)
        sent = np.diff(path.position, axis=0)
        look = heading(np.concatenate([sent[:1], sent]) / STEP, first)
        position = path.position[0] + 0.5 * rng.standard_normal(3)
        velocity = path.velocity[0] + rng.standard_normal(3) if moving else np.zeros(3)
        velocity *= min(1.0, 8.0 / max(float(np.linalg.norm(velocity)), 1e-9))
        if not feedforward:
            path = Reference(path.position, np.zeros((length, 3)), np.zeros((length, 3)))
        wind = speed * np.array([math.cos(bearing), math.sin(bearing), 0.0]) if blowing else np.zeros(3)
        gusts = rng.standard_normal((GUIDANCE * (length - 1), 3))
        return Drawn(length, path, look, position, velocity, wind, gusts, factors, FLOWN[vehicle])


@dataclass(frozen=True)
class Drawn:
    """What one flight starts from: samples, setpoints, start, wind, vehicle and factors on its parameters."""

    length: int
    path: Reference
    heading: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    wind: np.ndarray
    gusts: np.ndarray
    factors: Mapping[str, float]
    vehicle: Vehicle = X500


def _fly(flights: list[Drawn]) -> Track:
    """Fly all at once; after its end a flight holds its last setpoint."""
    samples = max(flight.length for flight in flights)
    setpoints = Setpoints(
        position=_together([flight.path.position for flight in flights], samples),
        velocity=_together([flight.path.velocity for flight in flights], samples),
        acceleration=_together([flight.path.acceleration for flight in flights], samples),
        heading=_together([flight.heading for flight in flights], samples),
    )
    vehicle, gains = varied(flights)
    wind = Wind(
        mean=np.stack([flight.wind for flight in flights], axis=-1),
        draws=_together([flight.gusts for flight in flights], GUIDANCE * (samples - 1)),
    )
    position, velocity = (
        np.stack([getattr(flight, name) for flight in flights], axis=-1) for name in ("position", "velocity")
    )
    return fly(vehicle, gains, setpoints, start(position, velocity, setpoints.heading[0]), wind)


def varied(flights: list[Drawn]) -> tuple[Vehicle, Gains]:
    """Return vehicle and gains of each flight."""

    def factor(name: str) -> np.ndarray:
        return np.array([flight.factors.get(name, 1.0) for flight in flights])

    plain = {
        field.name: np.array([getattr(flight.vehicle, field.name) for flight in flights]).T
        for field in fields(Vehicle)
    }
    scaled = {"mass": factor("mass"), "rotor_drag": factor("drag"), "frame_drag": factor("drag")}
    vehicle = Vehicle(**{name: values * scaled.get(name, 1.0) for name, values in plain.items()})
    gains = Gains()
    changed = {
        name: np.multiply.outer(np.array(getattr(gains, name)), factor(name))
        for name in (*GAINS, *LIMITS, *OTHER_LIMITS)
    }
    return vehicle, replace(gains, **changed)


def _together(arrays: list[np.ndarray], samples: int) -> np.ndarray:
    """Stack arrays (k, ...) of several lengths as (samples, ..., n), each padded with its last row."""
    whole = np.empty((samples, *arrays[0].shape[1:], len(arrays)))
    for index, array in enumerate(arrays):
        whole[: len(array), ..., index] = array
        whole[len(array) :, ..., index] = array[-1]
    return whole


def _samples(seconds: float) -> int:
    return math.floor(seconds / STEP + 1e-9) + 1
