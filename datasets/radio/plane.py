"""The plane of a map: the UTM zone of its middle, also where it crosses the antimeridian."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from datasets.radio.mapped import Bounds, MapError

WIDEST = 6.0  # degrees
FEW = 0.01
"""Share of footprints that may lie far from all others before they are the map and no mistake."""
CUT_OUT = (
    "cut out a town: `osmium extract -b WEST,SOUTH,EAST,NORTH map.osm.pbf -o town.osm.pbf`, or of GeoJSON "
    "`ogr2ogr -spat WEST SOUTH EAST NORTH town.geojson map.geojson`"
)


def utm_zone(bounds: Sequence[float]) -> int:
    """Return the EPSG code of the UTM zone (WGS84) in the middle of bounds in degrees.

    Raises
    ------
    MapError
        Beyond 84 degrees north and 80 degrees south, where UTM ends, and of more than one zone can hold.
    """
    west, south, east, north = bounds
    if max(east - west, north - south) > WIDEST:
        raise MapError(
            f"the map reaches over {east - west:.1f} x {north - south:.1f} degrees, and a plane of at most "
            f"{WIDEST:g} x {WIDEST:g} degrees can be built; {CUT_OUT}"
        )
    longitude, latitude = (west + east) / 2.0, (south + north) / 2.0
    if not -80.0 <= latitude <= 84.0:
        raise MapError(f"latitude {latitude:g}: UTM reaches from 80 degrees south to 84 degrees north")
    zone = min(int(((longitude + 180.0) % 360.0) // 6.0) + 1, 60) if longitude != 180.0 else 60
    return (32600 if latitude >= 0 else 32700) + zone


def joined(shapes: NDArray[Any]) -> NDArray[Any]:
    """Join what the antimeridian divides: longitudes of its far side become those above 180 degrees.

    Shapes that do not lie on both sides of it are returned as they are.
    """
    west, _, east, _ = shapely.total_bounds(shapes)
    if not east - west > 180.0:
        return shapes

    def beyond(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([points[:, 0] % 360.0, points[:, 1]])

    moved = shapely.transform(shapes, beyond)
    left, _, right, _ = shapely.total_bounds(moved)
    return np.asarray(moved) if right - left < 180.0 else shapes


def require_together(shapes: NDArray[Any], keys: Sequence[str]) -> None:
    """Name the few footprints that lie so far from the others that no plane holds them all."""
    west, south, east, north = shapely.bounds(shapes).T
    middles = np.column_stack([west + east, south + north]) / 2.0
    middle = np.nanmedian(middles, axis=0)
    far = np.flatnonzero((np.abs(middles - middle) > WIDEST).any(axis=1))
    if 0 < len(far) <= max(FEW * len(shapes), 1) and len(shapes) > 2:
        longitude, latitude = middles[far[0]]
        raise MapError(
            f"{len(far)} of {len(shapes)} footprints lie far from all others, such as {keys[far[0]]} at "
            f"longitude {longitude:.4g}, latitude {latitude:.4g}; remove or mend them"
        )


def project(shapes: NDArray[Any], epsg: int) -> NDArray[Any]:
    """Project shapes in degrees (WGS84) to metres."""
    return transformed(shapes, "EPSG:4326", f"EPSG:{epsg}")


def transformed(shapes: NDArray[Any], source: str, target: str) -> NDArray[Any]:
    """Transform shapes between reference systems, east (longitude) before north (latitude)."""
    transformer = _transformer(source, target)

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transformer.transform(points[:, 0], points[:, 1]))

    return np.asarray(shapely.transform(shapes, move))


def covered(bounds: Bounds | None, epsg: int) -> Bounds | None:
    """Return the largest rectangle along the axes of the plane in a rectangle of degrees."""
    if bounds is None:
        return None
    west, south, east, north = bounds
    corners = shapely.points([(west, south), (west, north), (east, south), (east, north)])
    x, y = shapely.get_coordinates(project(corners, epsg)).T
    box = (max(x[0], x[1]), max(y[0], y[2]), min(x[2], x[3]), min(y[1], y[3]))
    return tuple(map(float, box)) if box[0] < box[2] and box[1] < box[3] else None  # type: ignore[return-value]


@functools.cache
def _transformer(source: str, target: str) -> Any:
    import pyproj

    return pyproj.Transformer.from_crs(source, target, always_xy=True)
