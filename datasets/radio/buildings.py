"""Buildings of a map file, ready to be extruded: metres, valid footprints, heights and their sources."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from datasets.factory.formats import UNKNOWN, format_of, refusal
from datasets.radio import geojson, osm
from datasets.radio.heights import SOURCES, Height, height_of
from datasets.radio.mapped import MapError, Mapped

FORMATS = (*osm.FORMATS, "json")
Box = tuple[float, float, float, float]
SMALLEST = 0.1  # m2; what is left of a footprint below that is a slip of the mapper's hand
NARROWEST = 1.0  # m; what parts leave of an outline, if it is narrower than that
WIDEST = 6.0  # degrees
CLOSE = 0.01  # m; corners nearer than that are one: files round to a centimetre


@dataclass(frozen=True)
class Buildings:
    """Solids over flat ground in a plane of metres.

    Attributes
    ----------
    polygons : array (n,) of shapely.Polygon
        Valid footprints with courtyards, m east and north of `origin`.
    bottom, top : array (n,)
        Heights above the ground, m.
    owner : array (n,)
        Index of the mapped building in `keys`: a building may have several footprints.
    keys : array (m,) of str
        Such as ``way/123``.
    source : array (m,) of int8
        Index of the height's source in `datasets.radio.heights.SOURCES`.
    epsg : int
        The UTM zone.
    origin : tuple of float
        Easting and northing of the local origin, whole metres.
    extent : tuple of float
        West, south, east, north of what the map covers, m from the origin.
    incomplete : int
        Buildings that the edge of the extract cuts, which are left out.
    """

    polygons: NDArray[Any]
    bottom: NDArray[np.float64]
    top: NDArray[np.float64]
    owner: NDArray[np.int64]
    keys: NDArray[Any]
    source: NDArray[np.int8]
    epsg: int
    origin: tuple[float, float]
    extent: Box
    incomplete: int = 0

    def shares(self) -> dict[str, float]:
        """Return the share of the buildings whose height came from each source."""
        counts = np.bincount(self.source, minlength=len(SOURCES)) / len(self.source)
        return dict(zip(SOURCES, counts.tolist(), strict=True))


def read_buildings(path: str | Path, seed: int = 0) -> Buildings:
    """Read the buildings of an OpenStreetMap file or of a GeoJSON file of footprints.

    Parameters
    ----------
    path
        OpenStreetMap's XML (packed too) or PBF, or GeoJSON, whatever its suffix.
    seed
        Root of the heights that no tag tells.

    Raises
    ------
    MapError
        If the file is not there, of another kind, broken, or holds no building.
    """
    return assemble(read_map(Path(path)), str(path), seed)


def read_map(path: Path) -> Mapped:
    """Read a map as it was drawn, in degrees."""
    if not path.is_file():
        raise MapError(
            f"there is no file {path}; give an OpenStreetMap extract or a GeoJSON file of footprints"
        )
    found = format_of(path)
    expected = "an OpenStreetMap extract (XML or PBF) or a GeoJSON file of footprints"
    if refused := refusal(path, found, FORMATS, expected):
        raise MapError(refused)
    if found == UNKNOWN and not path.name.lower().endswith((*osm.SUFFIXES, *geojson.SUFFIXES)):
        raise MapError(f"{path} is empty or of an unknown format, expected {expected}")
    drawn = found == "json" or (found == UNKNOWN and path.name.lower().endswith(geojson.SUFFIXES))
    return geojson.read_geojson(path) if drawn else osm.read_osm(path)


def map_name(path: Path) -> str:
    """Return the name of a map file without its suffix."""
    lower = path.name.lower()
    ends = [len(suffix) for suffix in (*osm.SUFFIXES, *geojson.SUFFIXES) if lower.endswith(suffix)]
    return path.name[: -max(ends, default=0) or None]


def assemble(mapped: Mapped, name: str, seed: int = 0) -> Buildings:
    """Project, repair and raise the buildings of a map.

    Parameters
    ----------
    mapped
        What the map says.
    name
        Name of the map, for messages.
    seed
        Root of the heights that no tag tells.

    Raises
    ------
    MapError
        If no building is left.
    """
    if not len(mapped.shapes):
        cut = f", but {mapped.incomplete} that its edge cuts" if mapped.incomplete else ""
        raise MapError(f"{name} holds no building{cut}; take a larger extract, or one of a built-up area")
    epsg = utm_zone(mapped.bounds or shapely.total_bounds(mapped.shapes).tolist())
    polygons, owner = clean(project(mapped.shapes, epsg))
    if not len(polygons):
        raise MapError(f"{name} holds no building with an area; take another extract")
    extent = _covered(mapped.bounds, epsg) or tuple(shapely.total_bounds(polygons).tolist())
    origin = (float(np.floor(extent[0])), float(np.floor(extent[1])))
    polygons = shapely.transform(polygons, lambda points: points - origin)
    polygons, owner, heights = _raise(mapped, polygons, owner, seed)
    used, owner = np.unique(owner, return_inverse=True)
    return Buildings(
        polygons=polygons,
        bottom=np.array([heights[number].bottom for number in used.tolist()])[owner],
        top=np.array([heights[number].top for number in used.tolist()])[owner],
        owner=owner,
        keys=np.array([mapped.keys[number] for number in used.tolist()], object),
        source=np.array([heights[number].source for number in used.tolist()], np.int8),
        epsg=epsg,
        origin=origin,
        extent=(extent[0] - origin[0], extent[1] - origin[1], extent[2] - origin[0], extent[3] - origin[1]),
        incomplete=mapped.incomplete,
    )


def utm_zone(bounds: Any) -> int:
    """Return the EPSG code of the UTM zone (WGS84) in the middle of bounds in degrees.

    Raises
    ------
    MapError
        Beyond 84 degrees north and 80 degrees south, where UTM ends, and of more than one zone can hold.
    """
    west, south, east, north = bounds
    if max(east - west, north - south) > WIDEST:
        raise MapError(
            f"the map reaches over {east - west:.1f} x {north - south:.1f} degrees, more than a UTM zone of "
            f"{WIDEST:g} holds; give one town at a time"
        )
    longitude, latitude = (west + east) / 2.0, (south + north) / 2.0
    if not -80.0 <= latitude <= 84.0:
        raise MapError(f"latitude {latitude:g}: UTM reaches from 80 degrees south to 84 degrees north")
    zone = min(int((longitude + 180.0) // 6.0) + 1, 60)
    return (32600 if latitude >= 0 else 32700) + zone


def project(shapes: NDArray[Any], epsg: int) -> NDArray[Any]:
    """Project shapes in degrees (WGS84) to metres."""
    transformer = _transformer(epsg)

    def to_metres(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transformer.transform(points[:, 0], points[:, 1]))

    return np.asarray(shapely.transform(shapes, to_metres))


@functools.cache
def _transformer(epsg: int) -> Any:
    import pyproj

    return pyproj.Transformer.from_crs("EPSG:4326", f"EPSG:{epsg}", always_xy=True)


def clean(shapes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Make valid polygons of shapes: rings that cross themselves are repaired, what has no area goes.

    Parameters
    ----------
    shapes : array (n,)
        Polygons and multipolygons, m.

    Returns
    -------
    polygons : array (k,) of shapely.Polygon
        Valid, without repeated corners.
    owner : array (k,)
        Index of the shape of each.
    """
    shapes = shapely.remove_repeated_points(shapes, CLOSE)
    broken = ~shapely.is_valid(shapes)
    shapes[broken] = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
    polygons, owner = shapely.get_parts(shapes, return_index=True)
    kept = (shapely.get_type_id(polygons) == shapely.GeometryType.POLYGON) & (
        shapely.area(polygons) >= SMALLEST
    )
    return polygons[kept], owner[kept]


def _raise(
    mapped: Mapped, polygons: NDArray[Any], owner: NDArray[np.int64], seed: int
) -> tuple[NDArray[Any], NDArray[np.int64], dict[int, Height]]:
    """Give every footprint its height, and replace an outline by the parts of its building."""
    is_part = np.array(
        [tags.get("building", "no") == "no" and "building:part" in tags for tags in mapped.tags]
    )
    outline_of = _outlines(polygons, is_part[owner])
    heights: dict[int, Height] = {}
    for number in np.unique(owner[~is_part[owner]]).tolist():
        heights[number] = height_of(mapped.keys[number], mapped.tags[number], seed)
    for part, outline in outline_of.items():
        number = int(owner[part])
        whole = heights[int(owner[outline])] if outline is not None else None
        inherited = (whole.top, whole.source) if whole else None
        heights.setdefault(number, height_of(mapped.keys[number], mapped.tags[number], seed, inherited))
    rest, whose = _without_parts(polygons, outline_of)
    kept = np.ones(len(polygons), bool)
    kept[[outline for outline in outline_of.values() if outline is not None]] = False
    return np.concatenate([polygons[kept], rest]), np.concatenate([owner[kept], owner[whose]]), heights


def _outlines(polygons: NDArray[Any], is_part: NDArray[np.bool_]) -> dict[int, int | None]:
    """Find the outline around each part: the smallest that covers a point inside it; None without any."""
    parts, outlines = np.flatnonzero(is_part), np.flatnonzero(~is_part)
    found: dict[int, int | None] = dict.fromkeys(parts.tolist())
    if len(parts) and len(outlines):
        tree = shapely.STRtree(polygons[outlines])
        inner, outline = tree.query(shapely.point_on_surface(polygons[parts]), predicate="within")
        for number in np.argsort(-shapely.area(polygons[outlines[outline]]), kind="stable").tolist():
            found[int(parts[inner[number]])] = int(outlines[outline[number]])
    return found


def _without_parts(
    polygons: NDArray[Any], outline_of: dict[int, int | None]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return what parts leave of their outlines, and whose it is; slivers along the parts are dropped."""
    parts_of: dict[int, list[int]] = {}
    for part, outline in outline_of.items():
        if outline is not None:
            parts_of.setdefault(outline, []).append(part)
    outlines = np.array(list(parts_of), np.int64)
    unions = np.array([shapely.union_all(polygons[parts]) for parts in parts_of.values()], object)
    rest = shapely.difference(polygons[outlines], unions)
    pieces, number = clean(rest)
    wide = 2.0 * shapely.area(pieces) >= NARROWEST * shapely.length(pieces)
    return pieces[wide], outlines[number[wide]]


def _covered(bounds: Box | None, epsg: int) -> Box | None:
    """Return the largest rectangle along the axes of the plane in a rectangle of degrees."""
    if bounds is None:
        return None
    west, south, east, north = bounds
    corners = shapely.points([(west, south), (west, north), (east, south), (east, north)])
    x, y = shapely.get_coordinates(project(corners, epsg)).T
    box = (max(x[0], x[1]), max(y[0], y[2]), min(x[2], x[3]), min(y[1], y[3]))
    return tuple(map(float, box)) if box[0] < box[2] and box[1] < box[3] else None  # type: ignore[return-value]
