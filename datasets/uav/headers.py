"""What the header of a table states of the axes of its positions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from datasets.factory.errors import BuildError
from datasets.factory.tables import Table, places
from datasets.uav.axes import SAYING, Frame
from datasets.uav.frames import CHOICES, axes_of
from surrogates.core.text import listing

NORTH_EAST_DOWN = {
    "AirSim's recordings": ("TimeStamp", "POS_X", "POS_Y", "POS_Z", "Q_W"),
    "PX4's vehicle_local_position, which uav/ulog reads from the log itself": (
        "xy_valid",
        "z_valid",
        "ref_lat",
    ),
}
"""Headers of programs whose axes are known."""
_DIRECTIONS = {
    "enu": ("east", "north", "up"),
    "ned": ("north", "east", "down"),
}
_HEIGHTS = {"altitude": "up", "height": "up", "depth": "down"}
_SHORT = {"n": "north", "e": "east", "d": "down", "u": "up"}
"""Directions behind p or v, as in the logs of ArduPilot: PN, PE, PD."""
_FRAME_ID = re.compile(r"(.*[./_])?frame_?id", re.IGNORECASE)
"""Columns that hold the frame of a message of ROS, as `rostopic echo -p` and other tools write them."""
_DEGREES = frozenset(("lat", "latitude", "lon", "long", "lng", "longitude"))


def refuse_degrees(table: Table, titles: Sequence[str]) -> None:
    """Refuse columns of longitude and latitude for positions.

    Raises
    ------
    BuildError
        Names the columns.
    """
    if found := [title for title in titles if _tokens(title) & _DEGREES]:
        raise BuildError(
            f"{table.name}: positions in degrees found ({', '.join(found)}), expected metres east, north and "
            "up of one origin; project them first, such as to UTM"
        )


def frame_of(table: Table, used: Mapping[str, str], frame: Frame | None) -> Frame:
    """Return the frame of positions, velocities and attitudes in a table; that of a store by default.

    Parameters
    ----------
    table
        The table.
    used
        Its columns by what they hold: tx, ty, tz, vx, vy, vz.
    frame
        What a user says of them.

    Raises
    ------
    BuildError
        When the table says other axes, or holds several vehicles.
    """
    for program, names in NORTH_EAST_DOWN.items():
        if frame is None and all(places(name, table.header) for name in names):
            raise BuildError(
                f"{table.name} has the header of {program}; its axes are north, east, down: say `frame=ned` "
                "(or `frame=enu` if they were turned)"
            )
    if places("VehicleName", table.header) and len(flown := set(table.cells("VehicleName"))) > 1:
        raise BuildError(
            f"{table.name} holds {len(flown)} vehicles ({listing(flown)}), expected one flight a file; write "
            "a file for each"
        )
    if frame is None:
        _require_standard_frames(table)
    chosen: Frame = frame or "enu"
    world = CHOICES[chosen].world
    for kind in "tv":
        for axis, direction in zip("xyz", _DIRECTIONS[world], strict=True):
            key = kind + axis
            stated = _stated_directions(used.get(key, ""))
            if stated - {direction, world}:
                raise BuildError(
                    f"{table.name}: column '{used[key]}' is taken for {direction} (`{key}`), which its name "
                    "contradicts; name east, north, up by tx, ty, tz, or north, east, down with `frame=ned`"
                )
    return chosen


def _require_standard_frames(table: Table) -> None:
    """Refuse frames of ROS, named in columns of the table, whose axes are not those of a store."""
    columns = [title for title in table.header if _FRAME_ID.fullmatch(title)]
    children = [title for title in columns if "child" in title.lower()]
    worlds = [title for title in columns if title not in children]
    for world in worlds[:1]:
        frames = sorted(set(table.cells(world)))
        body = table.cells(children[0])[0] if children else ""
        if len(frames) > 1:
            raise BuildError(
                f"{table.name}: column '{world}' names {len(frames)} frames ({listing(frames)}), expected "
                "the same throughout; write a file for each"
            )
        try:
            axes = axes_of(frames[0].removeprefix("/"), body.removeprefix("/"))
        except ValueError as error:
            raise BuildError(
                f"{table.name}: the positions are in {error}, expected a fixed frame over a level ground; "
                f"take them from another topic, or say what they are by {SAYING}"
            ) from None
        if not axes.standard:
            found = f"'{frames[0]}' ({axes.world})" + (f" and '{body}' ({axes.body})" if body else "")
            raise BuildError(
                f"{table.name}: the frames are {found} by their columns, expected enu and flu; say what they "
                f"are by {SAYING}"
            )


def _stated_directions(title: str) -> set[str]:
    tokens = _tokens(title)
    if tokens & {"p", "v", "pos", "vel", "position", "velocity"}:
        tokens |= {f"p{token}" for token in tokens if len(token) == 1}
    found = {direction for token in tokens if (direction := _SHORT.get(token[1:])) and token[0] in "pv"}
    found |= {_HEIGHTS[token] for token in tokens & _HEIGHTS.keys()}
    return found | tokens & {"east", "north", "up", "down", "ned", "enu"}


def _tokens(title: str) -> set[str]:
    return {each.lower() for each in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", title)}
