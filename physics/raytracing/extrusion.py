"""Solids from footprints: triangle meshes and height rasters, without a ray tracer.

A solid is a polygon, courtyards included, between two heights above the ground.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray


def extrude(
    polygons: NDArray[Any], top: NDArray[Any], bottom: NDArray[Any] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.uint32]]:
    """Extrude polygons to one triangle mesh, with outward normals.

    Walls and roof of a solid share their corners, so that a solver finds the edges that diffract. A solid on
    the ground has no floor: its edges, in the ground, would take a share of the diffracted rays for nothing.

    Parameters
    ----------
    polygons : array (n,) of shapely.Polygon
        Valid footprints, m.
    top, bottom : array (n,)
        Height of roofs and floors above the ground, m; floors at 0 by default.

    Returns
    -------
    vertices : array (v, 3)
        East, north, up, m: every ring at the bottom, then every ring at the top.
    faces : array (f, 3) of uint32
        Corners of the triangles: walls, roofs, floors.

    Raises
    ------
    ValueError
        If a roof does not lie above its floor.
    """
    count = len(polygons)
    top = np.broadcast_to(np.asarray(top, np.float64), count)
    bottom = np.broadcast_to(np.asarray(0.0 if bottom is None else bottom, np.float64), count)
    if not (low := bottom < top).all():
        first = int(np.argmin(low))
        raise ValueError(
            f"solid {first} reaches from {bottom[first]:g} m to {top[first]:g} m; "
            "a roof must lie above its floor"
        )
    corners, starts, first_ring = open_rings(polygons)
    of_polygon = np.repeat(np.arange(count), np.diff(starts[first_ring]))
    roofs = triangulate(corners, starts, first_ring)
    floors = roofs[bottom[of_polygon[roofs[:, 0]]] > 0.0][:, ::-1]
    following = np.arange(1, len(corners) + 1)
    following[starts[1:] - 1] = starts[:-1]
    here, up = np.arange(len(corners)), len(corners)
    walls = np.concatenate(
        [
            np.stack([here, following, following + up], axis=1),
            np.stack([here, following + up, here + up], axis=1),
        ]
    )
    heights = np.concatenate([bottom[of_polygon], top[of_polygon]])
    vertices = np.column_stack([np.tile(corners, (2, 1)), heights])
    return vertices, np.concatenate([walls, roofs + up, floors]).astype(np.uint32)


def open_rings(
    polygons: NDArray[Any],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Take polygons apart into rings without their repeated last corner.

    Parameters
    ----------
    polygons : array (n,) of shapely.Polygon
        Valid polygons.

    Returns
    -------
    corners : array (c, 2)
        Corners of all rings; those of a shell counter-clockwise, of a hole clockwise.
    starts : array (rings + 1,)
        First corner of each ring, and the number of corners.
    first_ring : array (n + 1,)
        First ring (the shell) of each polygon, and the number of rings.
    """
    if not len(polygons):
        return np.empty((0, 2)), np.zeros(1, np.int64), np.zeros(1, np.int64)
    _, closed, offsets = shapely.to_ragged_array(shapely.orient_polygons(polygons))
    ends, first_ring = (np.asarray(each, np.int64) for each in offsets)
    corners = np.delete(closed, ends[1:] - 1, axis=0)
    return corners, ends - np.arange(len(ends)), first_ring


def triangulate(
    corners: NDArray[np.float64], starts: NDArray[np.int64], first_ring: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Triangulate polygons with holes, counter-clockwise.

    Parameters
    ----------
    corners, starts, first_ring
        As `open_rings` returns them.

    Returns
    -------
    array (t, 3)
        Numbers of the corners of each triangle.
    """
    import mapbox_earcut

    ends = starts[1:]
    pieces = [np.empty(0, np.int64)]
    for shell, stop in zip(first_ring[:-1].tolist(), first_ring[1:].tolist(), strict=True):
        begin = starts[shell]
        flat = mapbox_earcut.triangulate_float64(
            corners[begin : ends[stop - 1]], (ends[shell:stop] - begin).astype(np.uint32)
        )
        pieces.append(flat.astype(np.int64) + begin)
    triangles = np.concatenate(pieces).reshape(-1, 3)
    (ax, ay), (bx, by), (cx, cy) = np.moveaxis(corners[triangles], (1, 2), (0, 1))
    clockwise = (bx - ax) * (cy - ay) < (by - ay) * (cx - ax)
    triangles[clockwise] = triangles[clockwise][:, ::-1]
    return triangles


def height_raster(
    polygons: NDArray[Any], top: NDArray[Any], x: NDArray[Any], y: NDArray[Any]
) -> NDArray[np.float32]:
    """Height of the highest footprint over the centre of each cell.

    Parameters
    ----------
    polygons : array (n,) of shapely.Polygon
        Footprints, m; a courtyard is open ground.
    top : array (n,)
        Height of their roofs above the ground, m.
    x, y : array (nx,), (ny,)
        Ascending coordinates of the cell centres, m.

    Returns
    -------
    array (ny, nx) of float32
        Heights, m; rows ascend northwards. 0 where no footprint covers the centre.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    heights = np.zeros((len(y), len(x)), np.float32)
    if not len(polygons):
        return heights
    west, south, east, north = shapely.bounds(polygons).T
    columns = np.stack([np.searchsorted(x, west), np.searchsorted(x, east, "right")], axis=1)
    rows = np.stack([np.searchsorted(y, south), np.searchsorted(y, north, "right")], axis=1)
    over_cells = np.flatnonzero((columns[:, 0] < columns[:, 1]) & (rows[:, 0] < rows[:, 1]))
    shapely.prepare(polygons[over_cells])
    for number in over_cells.tolist():
        box = (slice(*rows[number]), slice(*columns[number]))
        covered = shapely.intersects_xy(polygons[number], x[None, box[1]], y[box[0], None])
        heights[box] = np.where(covered, np.maximum(heights[box], top[number]), heights[box])
    return heights
