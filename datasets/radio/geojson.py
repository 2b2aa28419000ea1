"""Buildings of a GeoJSON file of footprints."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from datasets.factory.errors import BuildError
from datasets.factory.text import read_text
from datasets.radio.mapped import MapError, Mapped

SUFFIXES = (".geojson", ".json")
WGS84 = ("CRS84", "EPSG::4326", "EPSG:4326")
ID_PROPERTIES = ("@id", "osm_id", "id")


def read_geojson(path: Path) -> Mapped:
    """Read the polygons of a file; their properties are taken as OpenStreetMap's tags.

    Where some features have the property ``building`` or ``building:part``, the others are no buildings.

    Raises
    ------
    MapError
        If the file is no GeoJSON, has no polygon, or is not in longitude and latitude.
    """
    try:
        content = json.loads(read_text(path))
    except BuildError as error:
        raise MapError(str(error)) from None
    except json.JSONDecodeError as error:
        raise MapError(f"{path} is no JSON ({error}); export the footprints again as GeoJSON") from None
    features = [feature for feature in _features(content, path) if _is_polygon(feature)]
    if any(_tags(feature).keys() & {"building", "building:part"} for feature in features):
        features = [feature for feature in features if _is_building(_tags(feature))]
    if not features:
        raise MapError(
            f"{path} has no polygon of a building; expected features of type Polygon or MultiPolygon"
        )
    shapes = np.array([_shape(feature, number, path) for number, feature in enumerate(features)], object)
    _require_degrees(content, shapes, path)
    keys = [_key(feature, shape) for feature, shape in zip(features, shapes, strict=True)]
    return Mapped(keys=keys, tags=[_tags(feature) for feature in features], shapes=shapes)


def _features(content: Any, path: Path) -> list[dict[str, Any]]:
    kind = content.get("type") if isinstance(content, dict) else None
    if kind == "FeatureCollection" and isinstance(content.get("features"), list):
        return [feature for feature in content["features"] if isinstance(feature, dict)]
    if kind == "Feature":
        return [content]
    if kind in ("Polygon", "MultiPolygon"):
        return [{"type": "Feature", "geometry": content}]
    found = f"'{kind}'" if kind else type(content).__name__
    raise MapError(f"{path} is no GeoJSON of footprints: found {found}, expected a FeatureCollection")


def _is_polygon(feature: dict[str, Any]) -> bool:
    return (feature.get("geometry") or {}).get("type") in ("Polygon", "MultiPolygon")


def _tags(feature: dict[str, Any]) -> dict[str, str]:
    return {
        str(key): str(value) for key, value in (feature.get("properties") or {}).items() if value is not None
    }


def _is_building(tags: dict[str, str]) -> bool:
    return any(tags.get(key, "no") != "no" for key in ("building", "building:part"))


def _shape(feature: dict[str, Any], number: int, path: Path) -> Any:
    try:
        return shapely.from_geojson(json.dumps(feature["geometry"]))
    except (shapely.errors.ShapelyError, ValueError) as error:
        raise MapError(f"{path}: polygon {number} cannot be read ({error}); mend or remove it") from None


def _require_degrees(content: dict[str, Any], shapes: np.ndarray, path: Path) -> None:
    name = str(((content.get("crs") or {}).get("properties") or {}).get("name", "CRS84"))
    if not name.endswith(WGS84):
        raise MapError(f"{path} is in the coordinate system {name}; export it in WGS84 (EPSG:4326)")
    points = shapely.get_coordinates(shapes)
    outside = ~(np.abs(points) <= (180.0, 90.0)).all(axis=1)
    if outside.any():
        x, y = points[np.argmax(outside)]
        raise MapError(
            f"{path} has the coordinates ({x:g}, {y:g}); expected longitude within 180 and latitude within "
            "90 degrees: export it in WGS84 (EPSG:4326)"
        )


def _key(feature: dict[str, Any], shape: Any) -> str:
    """Return what names a footprint for good: its own name, else its shape."""
    properties = feature.get("properties") or {}
    given = [feature.get("id"), *(properties.get(name) for name in ID_PROPERTIES)]
    for name in given:
        if name not in (None, ""):
            return str(name)
    return "shape/" + hashlib.blake2b(shapely.to_wkb(shapely.normalize(shape)), digest_size=8).hexdigest()
