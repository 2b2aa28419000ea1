"""What a store of sound in rooms holds."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from datasets.store.specs import VariableSpec
from physics.waves.rooms.air import AIR
from physics.waves.rooms.room import AXES, Room

PRESSURE, INITIAL = "sound_pressure", "initial_pressure"
FIELD, RECEIVED = "sound_pressure_field", "receiver_pressure"
LOUDEST = 10.0
"""Pa; what a pulse of 1 Pa stays far below, even in a corner."""
REPEATABILITY = 1e-5
"""Pa; processors may round an exponential differently."""


def pressure(name: str, dims: tuple[str, ...], shape: tuple[int, ...], long_name: str) -> VariableSpec:
    """Return the spec of a pressure of each record."""
    return VariableSpec(
        name=name,
        dims=("sample", *dims),
        shape=shape,
        units="Pa",
        long_name=long_name,
        minimum=-LOUDEST,
        maximum=LOUDEST,
        repeatability=REPEATABILITY,
    )


def source_position(axes: int) -> VariableSpec:
    """Return the spec of where the source of a record is."""
    return VariableSpec(
        name="source_position",
        dims=("sample", "axis"),
        shape=(axes,),
        units="m",
        long_name="centre of the initial pressure",
    )


def point_specs(axes: int, points: int) -> list[VariableSpec]:
    """Return the specs of points of each record."""
    return [
        VariableSpec(name=name, dims=("sample", "point"), shape=(points,), units=units, long_name=long_name)
        for name, units, long_name in _point_names(axes)
    ]


def shared_points(axes: int, points: np.ndarray) -> dict[str, xr.Variable]:
    """Return points (points, axes + 1) that all records share: position, m, and time, s."""
    return {
        name: xr.Variable("point", points[:, number].astype(np.float32), {"units": units, "long_name": long})
        for number, (name, units, long) in enumerate(_point_names(axes))
    }


def room_size_spec(axes: int) -> VariableSpec:
    """Return the spec of lengths that differ from record to record."""
    return VariableSpec(
        name="room_size", dims=("sample", "axis"), shape=(axes,), units="m", long_name="lengths of the room"
    )


def air_spec(shape: tuple[int, ...]) -> VariableSpec:
    """Return the spec of cells of air that differ from record to record."""
    return VariableSpec(
        name="air",
        dims=("sample", *grid_dims(len(shape))),
        shape=shape,
        dtype="bool",
        long_name="whether the cell is air",
    )


IMPEDANCE = VariableSpec(
    name="wall_impedance",
    dims=("sample",),
    shape=(),
    units="Pa s m-1",
    long_name="impedance of the walls",
    minimum=0.0,
)


def grid_dims(axes: int, prefix: str = "") -> tuple[str, ...]:
    """Return the dimensions of a grid as stores order them: z, y, x."""
    return tuple(f"{prefix}{axis}" for axis in reversed(AXES[:axes]))


def coordinates(
    room: Room, branch: Sequence[np.ndarray], times: np.ndarray, receivers: np.ndarray, names: Sequence[str]
) -> xr.Dataset:
    """Return coordinates of cells, of the branch's grid, of time and of receivers.

    Parameters
    ----------
    room
        Its cells.
    branch
        Coordinates along x, y and z of where the initial pressure is stored, m.
    times
        s.
    receivers : (receivers, axes)
        m.
    names
        Of the groups of walls.
    """
    axes = AXES[: room.air.ndim]
    coords = {
        "time": _along("time", times, "s", "time since the pulse"),
        "axis": xr.Variable("axis", np.array(axes, dtype=object), {"long_name": "axis of a position"}),
    }
    for number, axis in enumerate(axes):
        coords[axis] = _along(axis, room.centres(number), "m", f"{axis} of the cell's centre")
        name = f"branch_{axis}"
        coords[name] = _along(name, branch[number], "m", f"{axis} where the initial pressure is given")
    return xr.Dataset(
        {
            "receiver_position": xr.Variable(
                ("receiver", "axis"), receivers, {"units": "m", "long_name": "position of the receiver"}
            ),
            "wall_group": xr.Variable(
                "group", np.array(names, dtype=object), {"long_name": "walls of one material"}
            ),
        },
        coords=coords,
    )


def room_tables(room: Room) -> dict[str, xr.Variable]:
    """Return lengths and cells of a room that all records share."""
    return {
        "room_size": xr.Variable(
            "axis", np.array(room.size), {"units": "m", "long_name": "lengths of the room"}
        ),
        "air": xr.Variable(
            grid_dims(room.air.ndim),
            stored(room.air, room.air.ndim),
            {"units": "1", "long_name": "whether the cell is air"},
        ),
    }


def scalars(values: Mapping[str, tuple[float, str, str]]) -> dict[str, xr.Variable]:
    """Return numbers that all records share, from value, units and long name of each."""
    return {
        name: xr.Variable((), value, {"units": units, "long_name": long_name})
        for name, (value, units, long_name) in values.items()
    }


def air_scalars() -> dict[str, tuple[float, str, str]]:
    """Return what the medium is."""
    return {
        "speed_of_sound": (AIR.speed, "m s-1", "speed of sound"),
        "air_density": (AIR.density, "kg m-3", "density of the air"),
    }


def stored(values: np.ndarray, axes: int) -> np.ndarray:
    """Return an array whose last axes are x, y and z with these as stores order them."""
    leading = values.ndim - axes
    return values.transpose(*range(leading), *reversed(range(leading, values.ndim)))


def _point_names(axes: int) -> list[tuple[str, str, str]]:
    positions = [(f"point_{axis}", "m", f"{axis} of the point") for axis in AXES[:axes]]
    return [*positions, ("point_time", "s", "time of the point, since the pulse")]


def _along(dim: str, values: np.ndarray, units: str, long_name: str) -> xr.Variable:
    return xr.Variable(dim, values, {"units": units, "long_name": long_name})
