"""The direct ray between a transmitter and the cells of a height raster, whole or in windows.

Written against the array API like `physics.propagation`, in any batch shape. Distances and heights are in m,
angles in rad; azimuth is clockwise from north.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from array_api_compat import array_namespace
from array_api_compat import device as _device

Array = Any  # an array of any library that array_api_compat knows

SPEED_OF_LIGHT = 299_792_458.0  # m/s
Ends = list[tuple[float, float]]  # smallest and largest, of the starts and of the goals
SHORTEST = 1.0  # m; distances below it count as this, so that logarithms stay finite


class Link(NamedTuple):
    """Geometry between a transmitter and every cell of a raster; each (..., ny, nx).

    Attributes
    ----------
    ground_distance, distance : array
        Horizontal and slant distance, m.
    azimuth : array
        Direction from the transmitter to the cell, clockwise from north, rad.
    zenith : array
        Angle of that direction from straight up, rad.
    """

    ground_distance: Array
    distance: Array
    azimuth: Array
    zenith: Array


class Window(NamedTuple):
    """A rectangle of cells of a raster: its first row and column, and how many."""

    row: int
    column: int
    rows: int
    columns: int


class View(NamedTuple):
    """How the cells of a window see a raster that is too large to be held.

    Attributes
    ----------
    window : Window
        The cells that are asked for.
    rows, columns : int
        Size of the raster, to whose south-west corner transmitters refer.
    ground : array (...)
        Altitude of the ground below each transmitter, which may stand outside the window, m.
    surface : callable
        `surface(window)` gives the altitude of ground and roofs there, (..., rows, columns), m.
    """

    window: Window
    rows: int
    columns: int
    ground: Array
    surface: Callable[[Window], Array]


def link_geometry(
    terrain_height: Array,
    transmitter: Array,
    cell: float,
    receiver_height: float,
    view: View | None = None,
) -> Link:
    """Return distances and directions from transmitters to receivers above the cells of a raster.

    Parameters
    ----------
    terrain_height : array (..., ny, nx)
        Altitude of the ground at the cell centres, m; rows ascend northwards.
    transmitter : array (..., 3)
        East and north of the raster's south-west corner, and height above the ground of its cell, m.
    cell : float
        Side of a cell, m.
    receiver_height : float
        Height of the receivers above the ground, m.
    view : View, optional
        Where `terrain_height` is a window of a larger raster.
    """
    xp = array_namespace(terrain_height, transmitter)
    east, north, altitude = _transmitter(xp, terrain_height, transmitter, cell, view)
    rows, columns = _centres(xp, terrain_height, cell, view)
    x, y = xp.broadcast_arrays(columns[None, :] - east, rows[:, None] - north)
    ground = xp.sqrt(x**2 + y**2)
    rise = terrain_height + receiver_height - altitude
    return Link(ground, xp.sqrt(ground**2 + rise**2), xp.atan2(x, y), xp.atan2(ground, rise))


class DirectRay(NamedTuple):
    """What lies between a transmitter and every cell of a raster; each (..., ny, nx).

    Attributes
    ----------
    clearance : array
        Smallest height of the direct ray above ground and roofs, m; negative without line of sight.
    blocked_length : array
        Length of the ray on the ground that runs below ground or roofs, m.
    diffraction_parameter : array
        Largest Fresnel-Kirchhoff parameter of the profile, 1: the knife edge that shadows most.
    """

    clearance: Array
    blocked_length: Array
    diffraction_parameter: Array


def direct_ray(
    building_height: Array,
    terrain_height: Array,
    transmitter: Array,
    cell: float,
    receiver_height: float,
    frequency: float,
    steps: int = 64,
    longest: float = math.inf,
    view: View | None = None,
) -> DirectRay:
    """March along the direct ray from each transmitter to every cell of a raster.

    The ray is sampled in the middle of equal segments; the surface is that of the cell below. A ray has
    `steps` segments, or 2, 4, 8, ... times as many until none is longer than `longest`: a function of only
    the ray, so that a cell has the same values in a window as in the whole raster.

    Parameters
    ----------
    building_height : array (..., ny, nx)
        Height of roofs above the ground, m, 0 between buildings.
    terrain_height, transmitter, cell, receiver_height
        As in `link_geometry`.
    frequency : float
        Carrier frequency, Hz.
    steps : int
        Segments of a short ray.
    longest : float
        Length on the ground of the longest segment, m.
    view : View, optional
        Where both rasters are a window of a larger one; the surface between is then read piece by piece, a
        few times the window at once.

    Notes
    -----
    With 64 steps the segments are at most 11.3 m long in a 512 m window; finer details may be missed.
    """
    xp = array_namespace(building_height, terrain_height, transmitter)
    east, north, altitude = _transmitter(xp, terrain_height, transmitter, cell, view)
    rows, columns = _centres(xp, terrain_height, cell, view)
    if view is None:
        ny, nx = terrain_height.shape[-2:]
        whole = Window(0, 0, ny, nx)
        surface = building_height + terrain_height
        view = View(whole, ny, nx, None, lambda window: surface)
        most = None
    else:
        most = 4 * view.window.rows * view.window.columns
    column_start, row_start = east / cell, north / cell
    column_run, row_run = columns[None, :] / cell - column_start, rows[:, None] / cell - row_start
    rise = terrain_height + receiver_height - altitude
    ground = xp.sqrt((column_run * cell) ** 2 + (row_run * cell) ** 2)
    clearance = xp.full_like(rise, math.inf)
    weighted = xp.full_like(rise, math.inf)
    blocked = xp.zeros_like(rise)
    ends = (row_start, row_run, column_start, column_run)
    for count, chosen in _segments(xp, ground, steps, longest):
        for piece, these in _pieces(xp, view, ends, count, most):
            below = _Surface(xp, view.surface(piece), piece, rise.shape)
            for step in these:
                fraction = (step + 0.5) / count
                row = _index(xp, row_start + fraction * row_run, view.rows)
                column = _index(xp, column_start + fraction * column_run, view.columns)
                gap = (altitude + fraction * rise) - below.at(row, column)
                if chosen is not None:
                    gap = xp.where(chosen, gap, xp.full_like(gap, math.inf))
                clearance = xp.minimum(clearance, gap)
                weighted = xp.minimum(weighted, gap * (fraction * (1.0 - fraction)) ** -0.5)
                blocked = blocked + xp.astype(gap < 0.0, rise.dtype) * (1.0 / count)
    distance = xp.clip(xp.sqrt(ground**2 + rise**2), min=SHORTEST)
    parameter = -weighted * xp.sqrt(2.0 * frequency / SPEED_OF_LIGHT / distance)
    return DirectRay(clearance, blocked * ground, parameter)


class _Surface:
    """Altitudes of a piece of a raster, looked up by the rows and columns of the raster."""

    def __init__(self, xp: Any, altitudes: Array, piece: Window, shape: tuple[int, ...]) -> None:
        self._xp, self._piece, self._shape = xp, piece, shape
        self._flat = xp.reshape(altitudes, (-1,))
        size = piece.rows * piece.columns
        count = self._flat.shape[0] // size
        self._first = xp.reshape(
            xp.arange(count, dtype=xp.int64, device=_device(altitudes)) * size - self._corner(),
            (*shape[:-2], 1, 1),
        )

    def _corner(self) -> int:
        return self._piece.row * self._piece.columns + self._piece.column

    def at(self, row: Array, column: Array) -> Array:
        values = (row * self._piece.columns + self._first) + column
        return self._xp.reshape(
            self._xp.take(self._flat, self._xp.reshape(values, (-1,)), axis=0), self._shape
        )


def _segments(xp: Any, ground: Array, steps: int, longest: float) -> Iterator[tuple[int, Array | None]]:
    """Yield numbers of segments, each with the rays that have as many; None stands for all."""
    limit = steps * longest
    if math.isinf(limit):
        yield steps, None
        return
    farthest, nearest = float(xp.max(ground)), float(xp.min(ground))
    reach, count, below = limit, steps, -1.0
    while below < farthest:
        if nearest <= reach:
            all_of_them = below < nearest and farthest <= reach
            yield count, None if all_of_them else (ground > below) & (ground <= reach)
        below, reach, count = reach, 2 * reach, 2 * count


def _pieces(
    xp: Any, view: View, ends: tuple[Array, Array, Array, Array], count: int, most: int | None
) -> Iterator[tuple[Window, list[int]]]:
    """Yield windows of at most `most` cells below consecutive segments of all rays, and these segments.

    At one fraction of their length the rays to a window span a copy of it, scaled towards the transmitter.
    """
    if most is None:
        yield view.window, list(range(count))
        return
    row_start, row_run, column_start, column_run = ends
    rows = [(float(xp.min(a)), float(xp.max(a))) for a in (row_start, row_start + row_run)]
    columns = [(float(xp.min(a)), float(xp.max(a))) for a in (column_start, column_start + column_run)]
    these: list[int] = []
    piece = Window(0, 0, 0, 0)
    for step in range(count):
        fraction = (step + 0.5) / count
        span = _span(rows, columns, fraction, view)
        wider = _hull(piece, span) if these else span
        if these and wider.rows * wider.columns > most:
            yield piece, these
            these, wider = [], span
        piece = wider
        these.append(step)
    yield piece, these


def _hull(first: Window, second: Window) -> Window:
    """Return the smallest window around two."""
    row, column = min(first.row, second.row), min(first.column, second.column)
    top = max(first.row + first.rows, second.row + second.rows)
    right = max(first.column + first.columns, second.column + second.columns)
    return Window(row, column, top - row, right - column)


def _span(rows: Ends, columns: Ends, fraction: float, view: View) -> Window:
    """Return the cells below all rays at a fraction of their length, and one more at each side."""
    found = []
    for ends, size in ((rows, view.rows), (columns, view.columns)):
        low, high = ((1 - fraction) * start + fraction * goal for start, goal in zip(*ends, strict=True))
        first, last = (min(max(math.floor(end), 0), size - 1) for end in (low - 1, high + 1))
        found.append((first, last + 1 - first))
    (row, height), (column, width) = found
    return Window(row, column, height, width)


def _index(xp: Any, values: Array, size: int) -> Array:
    return xp.clip(xp.astype(values, xp.int64), min=0, max=size - 1)


def _transmitter(
    xp: Any, terrain: Array, transmitter: Array, cell: float, view: View | None
) -> tuple[Array, Array, Array]:
    """East, north (m from the corner) and altitude of transmitters, each (..., 1, 1)."""
    east, north, height = (transmitter[..., axis, None, None] for axis in range(3))
    if view is not None:
        return east, north, height + xp.reshape(view.ground, height.shape)
    ny, nx = terrain.shape[-2:]
    row, column = _index(xp, north / cell, ny), _index(xp, east / cell, nx)
    below = _Surface(xp, terrain, Window(0, 0, ny, nx), height.shape)
    return east, north, height + below.at(row, column)


def _centres(xp: Any, raster: Array, cell: float, view: View | None) -> tuple[Array, Array]:
    """Distances of the cell centres from the south and the west edge, m."""
    ny, nx = raster.shape[-2:]
    first = (0, 0) if view is None else view.window[:2]
    device = _device(raster)
    rows, columns = (
        (xp.arange(start, start + n, dtype=raster.dtype, device=device) + 0.5) * cell
        for start, n in zip(first, (ny, nx), strict=True)
    )
    return rows, columns
