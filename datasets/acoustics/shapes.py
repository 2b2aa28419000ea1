"""Rooms of a few shapes: which cells are air, and where sources and receivers stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, pi
from typing import Literal

import numpy as np

from physics.waves.rooms.admittance import Admittance
from physics.waves.rooms.room import AXES, Room, require_cells

Shape = Literal["rectangle", "cube", "l_shape", "furnished", "dome"]
Box = tuple[float, ...]
"""Lower and upper corner, m."""


@dataclass(frozen=True)
class Preset:
    """What a shape has unless told otherwise; positions as shares of the lengths of the room.

    The positions are about those of the published data sets; the walls of their L-shape, furnished room and
    dome are not published, so these are our own.
    """

    size: tuple[float, ...]
    sources: tuple[tuple[float, ...], ...]
    receivers: tuple[tuple[float, ...], ...]
    furniture: tuple[Box, ...] = ()


_BOX_SOURCES = tuple((share,) * 3 for share in (0.35, 0.425, 0.51, 0.65, 0.575))
_BOX_RECEIVERS = (
    (0.83, 0.81, 0.82),
    (0.765, 0.785, 0.785),
    (0.77, 0.755, 0.745),
    (0.165, 0.168, 0.185),
    (0.215, 0.216, 0.22),
)
PRESETS = {
    "rectangle": Preset((2.0, 2.0), _BOX_SOURCES, _BOX_RECEIVERS),
    "cube": Preset((2.0, 2.0, 2.0), _BOX_SOURCES, _BOX_RECEIVERS),
    "l_shape": Preset(
        (3.0, 3.0, 2.0),
        tuple((x / 3, 0.25, 0.5) for x in (0.9, 1.2, 1.51, 1.8, 2.1)),
        tuple((1 / 3, y / 3, 0.5) for y in (2.0, 1.75, 1.6, 1.9, 2.2)),
    ),
    "furnished": Preset(
        (3.0, 3.0, 2.0),
        tuple((x / 3, y / 3, 0.6) for x, y in ((0.9, 1.9), (1.2, 1.9), (1.51, 0.9), (1.8, 1.9), (2.1, 1.9))),
        tuple((x / 3, y / 3, 0.6) for x, y in ((2.25, 0.8), (1.8, 0.8), (1.5, 2.4), (1.2, 0.8), (0.75, 0.8))),
        (
            (0.8, 0.7, 0.0, 1.0, 1.0, 0.9),  # wardrobe
            (0.0, 0.4, 0.0, 0.1, 0.8, 0.9),  # shelf
            (0.4, 0.4, 0.0, 0.6, 0.55, 0.4),  # table
        ),
    ),
    "dome": Preset(
        (6.0, 6.0, 3.0),
        (
            (0.217, 0.5, 0.25),
            (0.358, 0.5, 0.25),
            (0.51, 0.5, 0.25),
            (0.429, 0.623, 0.25),
            (0.358, 0.745, 0.25),
        ),
        (
            (0.633, 0.75, 0.25),
            (0.633, 0.6, 0.25),
            (0.9, 0.567, 0.25),
            (0.633, 0.833, 0.25),
            (0.867, 0.567, 0.25),
        ),
    ),
}


def groups(shape: str, axes: int) -> tuple[str, ...]:
    """Return the names of the walls of a shape, each of which may be of another material."""
    if shape == "dome":
        return ("floor", "shell")
    return (*(f"{axis}_{side}" for axis in AXES[:axes] for side in ("low", "high")), "inside")


def build_room(
    shape: str,
    size: Sequence[float],
    side: float,
    walls: Mapping[str, Admittance],
    furniture: Sequence[Box] = (),
) -> Room:
    """Return a room on cells of at most a side.

    Parameters
    ----------
    shape
        One of `Shape`.
    size
        Lengths of the box that bounds it, m. An L-shape lacks the quarter of higher x and y; a dome is half a
        ball (3-D) or half a disc (2-D) with its centre at the origin of x (and y), on a floor.
    side
        Largest side of a cell, m. Cells divide the lengths evenly, so that outer walls lie on their faces.
    walls
        Wall of each of the `groups`.
    furniture
        Solid boxes, m; rounded to whole cells.

    Raises
    ------
    ValueError
        If a dome is no half of a ball, furniture is no box or holds no cell, or cells are too many.
    """
    axes = len(size)
    counts = [max(2, ceil(length / side - 1e-9)) for length in size]
    require_cells(counts)
    if shape == "l_shape":
        counts = [count + count % 2 if axis < 2 else count for axis, count in enumerate(counts)]
    spacing = tuple(length / count for length, count in zip(size, counts, strict=True))
    around = tuple(-length / 2 for length in size[:-1]) if shape == "dome" else (0.0,) * (axes - 1)
    empty = Room(np.ones(counts, bool), spacing, origin=(*around, 0.0))
    centres = np.meshgrid(*(empty.centres(axis) for axis in range(axes)), indexing="ij")
    air = empty.air.copy()
    if shape == "l_shape":
        air &= ~((centres[0] > size[0] / 2) & (centres[1] > size[1] / 2))
    if shape == "dome":
        if any(abs(length - 2 * size[-1]) > 1e-6 * length for length in size[:-1]):
            raise ValueError(
                f"size={list(size)} m: a dome is half a ball, so all lengths but the last are twice the last"
            )
        air &= sum(each**2 for each in centres) <= size[-1] ** 2
    for number, box in enumerate(furniture):
        if len(box) != 2 * axes:
            raise ValueError(
                f"furniture {number}: {list(box)} found, {2 * axes} numbers expected: lower, upper corner, m"
            )
        inside = np.ones_like(air)
        for axis, centre in enumerate(centres):
            inside &= (centre > box[axis]) & (centre < box[axes + axis])
        if not inside.any():
            raise ValueError(
                f"furniture {number}: {list(box)} m holds no centre of a cell; corners low to high inside "
                "the room expected, larger than a cell"
            )
        air &= ~inside
    names = groups(shape, axes)
    given = tuple(walls[name] for name in names)
    if shape != "dome":
        return Room(air, spacing, given, _box_faces(air), (0.0,) * axes)
    room = Room(air, spacing, given, _dome_faces(air), empty.origin)
    shell = (2 * pi if axes == 3 else pi) * size[-1] ** (axes - 1)
    scaled = (given[0], given[1].scaled(shell / room.area(1)))
    return Room(air, spacing, scaled, room.faces, empty.origin)


def box_in(room: Room, counts: Sequence[int]) -> Room:
    """Return the box of so many cells along each axis at the lower corner of a larger one."""
    air = np.zeros_like(room.air)
    air[tuple(slice(0, count) for count in counts)] = True
    faces = np.empty((2 * air.ndim, *air.shape), np.int16)
    for number in range(2 * air.ndim):
        faces[number] = number
    return Room(air, room.spacing, room.walls, faces, room.origin)


def _box_faces(air: np.ndarray) -> np.ndarray:
    """Return outer faces by their direction, and all others as the group behind these."""
    faces = np.full((2 * air.ndim, *air.shape), 2 * air.ndim, np.int16)
    for axis, side in np.ndindex(air.ndim, 2):
        faces[2 * axis + side].swapaxes(0, axis)[-side] = 2 * axis + side
    return faces


def _dome_faces(air: np.ndarray) -> np.ndarray:
    faces = np.ones((2 * air.ndim, *air.shape), np.int16)
    faces[2 * (air.ndim - 1)][..., 0] = 0
    return faces
