"""Buildings of a map file, ready to be extruded: metres, valid footprints, heights and their sources."""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from datasets.factory.errors import BuildError
from datasets.factory.formats import UNKNOWN, format_of, refusal
from datasets.factory.limits import MOST_BYTES, unpacked
from datasets.factory.text import HEAD
from datasets.radio import geojson, osm, plane
from datasets.radio.foreign import EXPECTED, require_none
from datasets.radio.heights import SOURCES, tagged_height, unreadable
from datasets.radio.mapped import FLAT, REPEATED, MapError, Mapped
from datasets.radio.outlines import clean, once, raised
from datasets.radio.plane import utm_zone
from datasets.radio.properties import Columns, alike

__all__ = ["FORMATS", "Box", "Buildings", "assemble", "map_name", "read_buildings", "utm_zone"]

FORMATS = (*osm.FORMATS, "json")
Box = tuple[float, float, float, float]


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
    left_out : dict
        How many buildings of the map are not among these, by cause.
    unreadable : dict
        How often each text of a height or a number of storeys, as ``key=text``, could not be read.
    alike : dict
        How many buildings have a property that looks like a height but is not read.
    repaired : int
        Footprints whose rings crossed themselves or each other.
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
    left_out: Mapping[str, int] = field(default_factory=dict)
    unreadable: Mapping[str, int] = field(default_factory=dict)
    alike: Mapping[str, int] = field(default_factory=dict)
    repaired: int = 0

    def shares(self) -> dict[str, float]:
        """Return the share of the buildings whose height came from each source."""
        counts = np.bincount(self.source, minlength=len(SOURCES)) / len(self.source)
        return dict(zip(SOURCES, counts.tolist(), strict=True))


def read_buildings(
    path: str | Path, seed: int = 0, columns: Columns | None = None, most: int = MOST_BYTES
) -> Buildings:
    """Read the buildings of an OpenStreetMap file or of a GeoJSON file of footprints.

    Parameters
    ----------
    path
        OpenStreetMap's XML (packed too) or PBF, or GeoJSON (packed too), whatever its suffix.
    seed
        Root of the heights that no tag tells.
    columns
        Properties that hold the heights; by default those of OpenStreetMap and Overture Maps.
    most
        Most bytes, unpacked, of what is read as a whole.

    Raises
    ------
    MapError
        If the file is not there, of another kind, broken, or holds no building.
    """
    return assemble(read_map(Path(path), most), str(path), seed, columns or Columns())


def read_map(path: Path, most: int = MOST_BYTES) -> Mapped:
    """Read what a map says, in degrees."""
    if not path.exists() and not path.is_symlink():
        raise MapError(f"there is no file {path}; expected {EXPECTED}")
    found, head = format_of(path), _head(path)
    require_none(head, path)
    packed = {"gzip": gzip.open, "bzip2": bz2.open}.get(found)
    begins = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if packed and begins in (b"{", b"[", b"\x1e"):
        try:
            with packed(path) as file:  # type: ignore[operator]
                content = unpacked(file, path, most)
        except BuildError as error:
            raise MapError(str(error)) from None
        except (OSError, EOFError, zlib.error) as error:
            raise MapError(f"{path} cannot be unpacked ({error}); download it again") from None
        return geojson.read_geojson(path, content, most)
    if refused := refusal(path, found, FORMATS, EXPECTED) if begins != b"\x1e" else "":
        raise MapError(refused)
    lower = path.name.lower()
    if found == UNKNOWN and begins != b"\x1e" and not lower.endswith((*osm.SUFFIXES, *geojson.SUFFIXES)):
        raise MapError(f"{path} is empty or of an unknown format, expected {EXPECTED}")
    drawn = found == "json" or begins == b"\x1e" or (found == UNKNOWN and lower.endswith(geojson.SUFFIXES))
    return geojson.read_geojson(path, most=most) if drawn else osm.read_osm(path, most)


def _head(path: Path) -> bytes:
    """Return the first bytes of a file, unpacked; as they are where they cannot be."""
    with path.open("rb") as file:
        packed = file.read(HEAD)
    try:
        if packed.startswith(b"\x1f\x8b"):
            return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(packed, HEAD)
        if packed.startswith(b"BZh"):
            with bz2.open(path) as file:
                return file.read(HEAD)
    except (OSError, EOFError, zlib.error):
        pass
    return packed


def map_name(path: Path) -> str:
    """Return the name of a map file without its suffix."""
    lower = path.name.lower()
    ends = [len(suffix) for suffix in (*osm.SUFFIXES, *geojson.SUFFIXES) if lower.endswith(suffix)]
    return path.name[: -max(ends, default=0) or None]


def assemble(mapped: Mapped, name: str, seed: int = 0, columns: Columns | None = None) -> Buildings:
    """Project, repair and raise the buildings of a map.

    Parameters
    ----------
    mapped
        What the map says.
    name
        Name of the map, for messages.
    seed
        Root of the heights that no tag tells.
    columns
        Properties that hold the heights.

    Raises
    ------
    MapError
        If no building is left, or all heights stand under names that are not read.
    """
    columns = columns or Columns()
    if not len(mapped.shapes):
        causes = ", ".join(f"{count} {cause}" for cause, count in mapped.left_out.items() if count)
        but = f", but {causes}" if causes else ""
        raise MapError(f"{name} holds no building{but}; take a larger extract, or one of a built-up area")
    try:
        tags = columns.applied(mapped.tags)
        others = alike(tags, columns)
        _require_read(tags, others, columns)
        shapes = plane.joined(mapped.shapes)
        plane.require_together(shapes, mapped.keys)
        epsg = utm_zone(mapped.bounds or shapely.total_bounds(shapes).tolist())
    except MapError as error:
        raise MapError(f"{name}: {error}") from None
    shapes = plane.project(shapes, epsg)
    crossed = int((~shapely.is_valid(shapes)).sum())
    polygons, owner = clean(shapes)
    polygons, owner, repeated = once(polygons, owner, tags)
    if not len(polygons):
        raise MapError(f"{name} holds no building with an area; take another extract")
    left_out = Counter(mapped.left_out)
    left_out[REPEATED] += repeated
    left_out[FLAT] += len(shapes) - len(np.unique(owner)) - repeated
    extent = plane.covered(mapped.bounds, epsg) or tuple(shapely.total_bounds(polygons).tolist())
    origin = (float(np.floor(extent[0])), float(np.floor(extent[1])))
    polygons = shapely.transform(polygons, lambda points: points - origin)
    polygons, owner, heights = raised(mapped.keys, tags, polygons, owner, seed)
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
        left_out=+left_out,
        unreadable=unreadable(tags),
        alike=others,
        repaired=mapped.repaired + crossed,
    )


def _require_read(tags: list[dict[str, str]], others: Mapping[str, int], columns: Columns) -> None:
    """Refuse a map that holds heights under other names only, unless the user named a column."""
    most = max(others, key=others.__getitem__, default=None)
    if most is None or columns.height or columns.levels or 2 * others[most] < len(tags):
        return
    if any(tagged_height(each) for each in tags):
        return
    example = next(each[most] for each in tags if most in each)
    raise MapError(
        f"no height is read, but {others[most]} of {len(tags)} buildings have the property {most} (such as "
        f"'{example}'): rename it to height (m) or building:levels, or name it to radio/osm by "
        f"`height_property={most}` or `levels_property={most}`; `height_property=height` does without"
    )
