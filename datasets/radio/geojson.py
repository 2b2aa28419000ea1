"""Buildings of a GeoJSON file of footprints (RFC 7946, the draft of 2008, and one feature a line)."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from datasets.factory.errors import BuildError
from datasets.factory.limits import MOST_BYTES, read_bytes, read_json
from datasets.factory.text import opened
from datasets.radio import plane
from datasets.radio.foreign import require_geojson
from datasets.radio.mapped import DRAWN, GONE, INVALID, MapError, Mapped
from datasets.radio.properties import to_tags, with_part
from datasets.radio.standing import ENTRANCE, absence, is_building, was_building

SUFFIXES = (".geojson", ".json", ".geojsonl", ".geojsons", ".geojsonseq", ".ndjson", ".jsonl")
WGS84 = ("CRS84", "EPSG::4326", "EPSG:4326")
ID_PROPERTIES = ("@id", "osm_id", "osm_way_id", "id")
RECORD = "\x1e"
"""Separator of GeoJSON text sequences (RFC 8142)."""
EXPORT = "export it in WGS84: `ogr2ogr -s_srs EPSG:CODE -t_srs EPSG:4326 new.geojson map.geojson`"
CORNERS = 50
"""Right angles at least that tell whether latitude and longitude are swapped."""


def read_geojson(path: Path, content: bytes | None = None, most: int = MOST_BYTES) -> Mapped:
    """Read the polygons of a file; their properties become OpenStreetMap's tags (`to_tags`).

    Where some features have the property ``building`` or ``building:part``, the others are no buildings.

    Parameters
    ----------
    path
        The file.
    content
        What it holds, if that is unpacked already.
    most
        Most bytes.

    Raises
    ------
    MapError
        If the file is no GeoJSON, has no polygon, or its coordinates cannot be placed on Earth.
    """
    try:
        text = opened(read_bytes(path, most) if content is None else content, str(path))
    except BuildError as error:
        raise MapError(str(error)) from None
    if text.remark:
        warnings.warn(text.remark, EncodingWarning, stacklevel=2)
    parsed = _parsed(text.content, path)
    features = [(feature, to_tags(_properties(feature))) for feature in _features(parsed, path)]
    left_out: Counter[str] = Counter()
    if any(tags.keys() & {"building", "building:part"} for _, tags in features):
        left_out[GONE] += sum(was_building(tags) for _, tags in features)
        features = [(feature, tags) for feature, tags in features if is_building(tags)]
    keys, kept, shapes = [], [], []
    for feature, tags in features:
        shape = _shape(feature.get("geometry"))
        if isinstance(shape, str):
            left_out[shape] += tags.get("building") != ENTRANCE
        elif cause := absence(tags):
            left_out[cause] += 1
        else:
            keys.append(_key(feature, shape))
            kept.append(with_part(tags))
            shapes.append(shape)
    if not shapes:
        causes = ", ".join(f"{n} {cause}" for cause, n in left_out.items() if n)
        raise MapError(
            f"{path} has no polygon of a building{causes and f' ({causes})'}; expected features of type "
            "Polygon or MultiPolygon"
        )
    placed = _in_degrees(parsed, shapely.force_2d(np.array(shapes, object)), path)
    return Mapped(keys=keys, tags=kept, shapes=placed, left_out=left_out)


def _parsed(text: str, path: Path) -> Any:
    """Return the content of JSON, or of one JSON text a line, as a collection."""
    try:
        return _json(text, path)
    except json.JSONDecodeError as error:
        whole = error
    texts = text.split(RECORD) if RECORD in text else text.splitlines()
    lines = [(number, line) for number, line in enumerate(texts, 1) if line.strip()]
    if len(lines) < 2 or not _is_object(lines[0][1]):
        raise MapError(f"{path} is no whole JSON ({whole}); export the footprints again as GeoJSON")
    features: list[Any] = []
    for number, line in lines:
        try:
            one = _json(line, path)
        except json.JSONDecodeError as error:
            raise MapError(
                f"{path}, line {number} is no whole JSON ({error.msg}); export the footprints again"
            ) from None
        features += (
            one["features"] if isinstance(one, dict) and isinstance(one.get("features"), list) else [one]
        )
    return {"type": "FeatureCollection", "features": features}


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _json(text: str, path: Path) -> Any:
    try:
        return read_json(text, path)
    except BuildError as error:
        raise MapError(str(error)) from None


def _properties(feature: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of a feature; none where something else stands there."""
    found = feature.get("properties")
    return found if isinstance(found, dict) else {}


def _features(content: Any, path: Path) -> list[dict[str, Any]]:
    require_geojson(content, path)
    kind = content.get("type") if isinstance(content, dict) else None
    if kind == "FeatureCollection" and isinstance(content.get("features"), list):
        return [
            feature for each in content["features"] if isinstance(each, dict) for feature in _feature(each)
        ]
    if found := list(_feature(content)) if kind else []:
        return found
    found_kind = f"'{kind}'" if kind else type(content).__name__
    raise MapError(f"{path} is no GeoJSON of footprints: found {found_kind}, expected a FeatureCollection")


def _feature(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a feature as it is, and a bare geometry as a feature without properties."""
    if content.get("type") == "Feature":
        yield content
    elif "coordinates" in content or "geometries" in content:
        yield {"type": "Feature", "geometry": content}


def _shape(geometry: Any) -> Any:
    """Return the polygons of a geometry, rings closed; or the cause why there are none."""
    if not isinstance(geometry, dict):
        return DRAWN
    try:
        polygons = list(_polygons(geometry))
    except (shapely.errors.ShapelyError, ValueError, TypeError, LookupError, OverflowError, RecursionError):
        return INVALID
    if not polygons:
        return DRAWN
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def _polygons(geometry: Mapping[str, Any]) -> Iterator[shapely.Polygon]:
    if geometry["type"] == "GeometryCollection":
        for each in geometry["geometries"]:
            yield from _polygons(each)
    elif geometry["type"] in ("Polygon", "MultiPolygon"):
        rings = geometry["coordinates"]
        for polygon in [rings] if geometry["type"] == "Polygon" else rings:
            yield shapely.Polygon(polygon[0], polygon[1:])


def _in_degrees(content: Any, shapes: np.ndarray, path: Path) -> np.ndarray:
    """Return shapes in longitude and latitude (WGS84)."""
    name = _system(content, path)
    points = shapely.get_coordinates(shapes)
    degrees = bool((np.abs(points) <= (180.0, 90.0)).all())
    if name is not None and not name.endswith(WGS84):
        return _converted(shapes, name, degrees, path)
    if not degrees:
        x, y = points[np.argmax(~(np.abs(points) <= (180.0, 90.0)).all(axis=1))]
        if (np.abs(points) <= (90.0, 180.0)).all():
            raise MapError(_swapped(path, f"the coordinates ({x:g}, {y:g})"))
        raise MapError(
            f"{path} has the coordinates ({x:g}, {y:g}); expected longitude within 180 and latitude within "
            f"90 degrees: {EXPORT}"
        )
    if _is_swapped(shapes):
        raise MapError(
            _swapped(path, "buildings whose corners are right only if their coordinates are swapped")
        )
    return shapes


def _system(content: Any, path: Path) -> str | None:
    """Return the name of the reference system that the draft of 2008 lets a file state."""
    crs = content.get("crs")
    if crs is None:
        return None
    properties = crs.get("properties") if isinstance(crs, dict) else None
    stated = properties if isinstance(properties, dict) else {}
    name = stated.get("name", stated.get("code"))
    if not isinstance(name, str | int):
        raise MapError(f"{path} states a coordinate system without a name ({json.dumps(crs)[:80]}); {EXPORT}")
    return f"EPSG:{name}" if str(name).isdigit() else str(name)


def _converted(shapes: np.ndarray, name: str, degrees: bool, path: Path) -> np.ndarray:
    import pyproj

    try:
        system = pyproj.CRS.from_user_input(name)
    except pyproj.exceptions.CRSError:
        raise MapError(f"{path} is in the coordinate system {name}, which is unknown; {EXPORT}") from None
    if system.is_projected and degrees:
        raise MapError(
            f"{path} says that it is in the coordinate system {name} ({system.name}), but has "
            "coordinates like longitude and latitude; remove its member `crs` if they are"
        )
    placed = plane.transformed(shapes, name, "EPSG:4326")
    if not np.isfinite(shapely.get_coordinates(placed)).all():
        raise MapError(
            f"{path} has coordinates outside of its coordinate system {name} ({system.name}); {EXPORT}"
        )
    return placed


def _swapped(path: Path, found: str) -> str:
    return f"{path} has {found}; GeoJSON has longitude before latitude, so swap them when you export it"


def _is_swapped(shapes: np.ndarray) -> bool:
    """Tell whether corners of buildings are right angles only with latitude before longitude.

    A degree of longitude is shorter than one of latitude, so buildings that do not lie along the meridians
    are sheared where both are swapped. Without enough such corners nothing is told.
    """
    sizes, swapped_sizes = (_right_angles(shapes, swap) for swap in (False, True))
    if sizes.size < CORNERS:
        return False
    return bool(np.median(sizes) > 0.1 and np.median(swapped_sizes) < 0.02)


def _right_angles(shapes: np.ndarray, swap: bool) -> np.ndarray:
    """Return how far the corners of quadrilaterals, askew to the meridians, are from right: |cosine|."""
    rings = shapely.get_exterior_ring(shapely.get_parts(shapes))
    points = shapely.get_coordinates(rings[shapely.get_num_coordinates(rings) == 5]).reshape(-1, 5, 2)
    latitude = points[..., 0 if swap else 1].mean() if points.size else 0.0
    scale = (
        np.array([1.0, np.cos(np.radians(latitude))])
        if swap
        else np.array([np.cos(np.radians(latitude)), 1.0])
    )
    sides = np.diff(points, axis=1) * scale
    one, two = sides, np.roll(sides, -1, axis=1)
    lengths = np.linalg.norm(one, axis=2) * np.linalg.norm(two, axis=2)
    askew = (np.abs(one) > 0.2 * np.linalg.norm(one, axis=2, keepdims=True)).all(axis=2) & (lengths > 0)
    return np.asarray(np.abs((one * two).sum(axis=2))[askew] / lengths[askew])


def _key(feature: dict[str, Any], shape: Any) -> str:
    """Return what names a footprint for good: its own name, else its shape."""
    properties = _properties(feature)
    given = [feature.get("id"), *(properties.get(name) for name in ID_PROPERTIES)]
    for name in given:
        if isinstance(name, str | int | float) and name != "":
            return str(name)
    with suppress(
        shapely.errors.GEOSException
    ):  # corners without end, which are refused when they are placed
        shape = shapely.normalize(shape)
    return "shape/" + hashlib.blake2b(shapely.to_wkb(shape), digest_size=8).hexdigest()
