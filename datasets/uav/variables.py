"""What a store of flights holds: padded tracks on a common clock, and where each came from."""

from collections.abc import Iterable, Sequence

import numpy as np
import xarray as xr

from datasets.store.specs import VariableSpec

STEP = 0.1
"""Seconds between two samples (VECTOR, arXiv:2410.23305)."""
RECORD = "trajectory"
AXES = ("x", "y", "z")
FIRST_FAMILIES = (
    "unknown", "circle", "lemniscate", "line", "minimum_snap", "lissajous", "go_to", "goal_switching",
)  # fmt: skip
FAMILIES = (*FIRST_FAMILIES, "waypoints", "hover", "racing", "sticks")
"""Shapes of the paths that were flown; the variable `family` holds their indices."""
RECORDERS = ("direct", "slow", "filtered", "smoothed", "noisy")
"""What stands between a flight and its record; the variable `recorder` holds their indices."""
VEHICLES = ("x500", "sih", "racer")
"""Vehicles that are simulated; the variable `vehicle` holds their indices."""


def track_specs(samples: int, names: Sequence[str]) -> list[VariableSpec]:
    """Return the specs of variables along a track.

    Parameters
    ----------
    samples
        Length of the longest track.
    names
        Some of `TRACKS`.
    """
    return [TRACKS[name].model_copy(update={"shape": (samples, *TRACKS[name].shape[1:])}) for name in names]


def _track(name: str, units: str, long_name: str, limit: float, dim: str = "axis") -> VariableSpec:
    return VariableSpec(
        name=name,
        dims=(RECORD, "time", dim),
        shape=(0, 4 if dim == "quaternion" else 3),
        units=units,
        long_name=f"{long_name}; NaN behind the end of the track",
        missing=True,
        minimum=-limit,
        maximum=limit,
    )


TRACKS = {
    spec.name: spec
    for spec in (
        _track("position", "m", "position east, north and up of the origin", 1e7),
        _track("velocity", "m s-1", "velocity east, north and up", 1e4),
        _track("attitude", "1", "unit quaternion (w, x, y, z) that turns body axes to east, north, up", 1.001,
               "quaternion"),
        _track("angular_velocity", "rad s-1", "angular velocity in body axes", 1e3),
        _track("position_setpoint", "m", "position that the controller was told to hold", 1e7),
        _track("wind_velocity", "m s-1", "velocity of the air east, north and up", 200.0),
    )
}  # fmt: skip
"""Variables along a track, with a length of 0; take them through `track_specs`."""

LENGTH = VariableSpec(
    name="length", dims=(RECORD,), shape=(), dtype="int32", minimum=1, long_name="samples of the track"
)


def _flag(name: str, long_name: str, meanings: Sequence[str]) -> VariableSpec:
    return VariableSpec(
        name=name,
        dims=(RECORD,),
        shape=(),
        dtype="int8",
        long_name=long_name,
        attributes={"flag_values": list(range(len(meanings))), "flag_meanings": " ".join(meanings)},
    )


def family_spec(flown: Iterable[str]) -> VariableSpec:
    """Return the spec of `family`; it names the later families only if one of them was flown.

    Parameters
    ----------
    flown
        Some of `FAMILIES`.
    """
    known = FIRST_FAMILIES if set(flown) <= set(FIRST_FAMILIES) else FAMILIES
    return _flag("family", "shape of the path that was flown", known)


RECORDER = _flag("recorder", "what stands between the flight and its record", RECORDERS)
VEHICLE = _flag("vehicle", "vehicle that was flown", VEHICLES)
WIND = tuple(
    VariableSpec(
        name=f"wind_{way}",
        dims=(RECORD,),
        shape=(),
        units="m s-1",
        long_name=f"steady wind towards the {way}",
    )
    for way in ("east", "north")
)
"""Velocity of the air without turbulence."""
FLIGHT = VariableSpec(
    name="flight",
    dims=(RECORD,),
    shape=(),
    dtype="int32",
    minimum=0,
    long_name="number of the flight; tracks between the gaps of one recording share it",
)
START = VariableSpec(
    name="start_time",
    dims=(RECORD,),
    shape=(),
    units="s",
    dtype="float64",
    long_name="time of the first sample on the clock of the recording",
)


def coordinates(samples: int, *, quaternion: bool) -> xr.Dataset:
    """Return the coordinates that all tracks share.

    Parameters
    ----------
    samples
        Length of the longest track.
    quaternion
        Whether some variable is a quaternion.
    """
    clock = np.round(np.arange(samples) * STEP, 9)
    attributes = {"units": "s", "long_name": "time since the first sample of the track"}
    coords = {
        "time": ("time", clock, attributes),
        "axis": ("axis", np.array(AXES, dtype=object), {"long_name": "east, north, up"}),
    }
    if quaternion:
        names = np.array(list("wxyz"), dtype=object)
        coords["quaternion"] = ("quaternion", names, {"long_name": "component of a quaternion"})
    return xr.Dataset(coords=coords)


def padded(track: np.ndarray, samples: int) -> np.ndarray:
    """Return a track of shape (n, components) as (samples, components) float32, NaN behind its end."""
    whole = np.full((samples, *track.shape[1:]), np.nan, np.float32)
    whole[: len(track)] = track
    return whole
