"""Footprints in formats that are not read: what a file is, and the line that makes GeoJSON of it."""

from __future__ import annotations

from typing import Any

from datasets.radio.mapped import MapError

EXPECTED = "an OpenStreetMap extract (.osm, .osm.pbf) or a GeoJSON file of footprints"
OGR = "`ogr2ogr -t_srs EPSG:4326 map.geojson {}`"

BINARY = {
    b"\x00\x00\x27\x0a": ("a shapefile", OGR.format("map.shp")),
    b"SQLite format 3\x00": ("an SQLite database, such as a GeoPackage", OGR.format("map.gpkg")),
    b"PAR1": ("a Parquet file, such as GeoParquet", OGR.format("map.parquet")),
    b"fgb\x03": ("a FlatGeobuf file", OGR.format("map.fgb")),
    b"PK\x03\x04": ("a ZIP archive", f"unpack it; of a shapefile in it, {OGR.format('map.shp')}"),
    b"\xfd7zXZ\x00": ("packed by xz", "unpack it by `unxz`"),
    b"\x28\xb5\x2f\xfd": ("packed by Zstandard", "unpack it by `unzstd`"),
}
"""First bytes of files of footprints."""
OBJECTS = {
    "Topology": ("TopoJSON", OGR.format("map.topojson")),
    "CityJSON": ("CityJSON", "export its footprints as GeoJSON, for example from QGIS"),
    "CityJSONFeature": ("CityJSON", "export its footprints as GeoJSON, for example from QGIS"),
}
"""Values of `type` in JSON that is no GeoJSON."""
TABLE = (
    "`ogr2ogr -a_srs EPSG:4326 -oo GEOM_POSSIBLE_NAMES=geometry -oo KEEP_GEOM_COLUMNS=NO map.geojson map.csv`"
)


def require_none(head: bytes, path: object) -> None:
    """Refuse files of footprints in other formats by what they are.

    Raises
    ------
    MapError
        Names the format and what to do.
    """
    for magic, (what, command) in BINARY.items():
        if head.startswith(magic):
            raise MapError(f"{path} is {what}, expected {EXPECTED}; {command}")
    for mark, name in ((b"<kml", "KML"), (b"opengis.net/gml", "GML")):
        if mark in head:
            command = OGR.format(f"map.{name.lower()}")
            raise MapError(f"{path} is {name}, expected {EXPECTED}; {command}")
    first = head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].lower()
    if b"geometry" in first and b"," in first and not first.lstrip().startswith((b"{", b"[", b"<")):
        raise MapError(f"{path} is a table of footprints (CSV), expected {EXPECTED}; {TABLE}")


def require_geojson(content: Any, path: object) -> None:
    """Refuse JSON that is something else than GeoJSON by what it is.

    Raises
    ------
    MapError
        Names the format and what to do.
    """
    if not isinstance(content, dict):
        return
    if "elements" in content:
        remark = f" ({str(content['remark'])[:200]})" if "remark" in content else ""
        raise MapError(
            f"{path} is JSON of Overpass{remark}, expected {EXPECTED}; ask for "
            "`[out:xml]` and save it as .osm"
        )
    if "geometryType" in content and "features" in content:
        raise MapError(f"{path} is JSON of ArcGIS, expected {EXPECTED}; ask its service for `f=geojson`")
    if (kind := str(content.get("type"))) in OBJECTS:
        what, command = OBJECTS[kind]
        raise MapError(f"{path} is {what}, expected {EXPECTED}; {command}")
