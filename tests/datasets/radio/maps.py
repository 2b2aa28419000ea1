"""Small maps for the tests: buildings given in metres, written as OpenStreetMap XML or as GeoJSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as xml

import numpy as np
import pytest

EPSG, EAST, NORTH = 32635, 385_500.0, 6_672_000.0  # the middle of Helsinki
REAL = Path(__file__).parents[4] / "shared" / "data" / "radio"
EXTRACTS = {
    "Helsinki": "Helsinki.osm.pbf",
    "test": "test.osm.pbf",
    "planet_10_068_48_135_10_071_48_137": "planet_10.068_48.135_10.071_48.137.osm",
}

Ring = Sequence[tuple[float, float]]
Tags = Mapping[str, str]


def real(name: str) -> Path:
    """A real extract, or the reason why the test is skipped."""
    path = REAL / "osm" / EXTRACTS[name]
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


def square(west: float, south: float, side: float) -> Ring:
    """A counter-clockwise square, m."""
    return [(west, south), (west + side, south), (west + side, south + side), (west, south + side)]


def degrees(ring: Ring) -> list[tuple[float, float]]:
    """Longitude and latitude of points in metres east and north of (`EAST`, `NORTH`)."""
    import pyproj

    inverse = pyproj.Transformer.from_crs(f"EPSG:{EPSG}", "EPSG:4326", always_xy=True)
    return [inverse.transform(EAST + x, NORTH + y) for x, y in ring]


class OsmMap:
    """An OpenStreetMap file in the making."""

    def __init__(self, bounds: tuple[float, float, float, float] | None = None) -> None:
        self.root = xml.Element("osm", version="0.6")
        self.number = 0
        self.nodes: list[xml.Element] = []
        self.ways: list[xml.Element] = []
        self.relations: list[xml.Element] = []
        if bounds is not None:
            (west, south), (east, north) = degrees([bounds[:2], bounds[2:]])
            edges = {"minlon": west, "minlat": south, "maxlon": east, "maxlat": north}
            xml.SubElement(self.root, "bounds", {key: repr(value) for key, value in edges.items()})

    def way(self, ring: Ring, tags: Tags | None = None, number: int | None = None) -> int:
        """Add a closed way and return its number."""
        first = self.number
        for longitude, latitude in degrees(ring):
            self.number += 1
            place = {
                "id": str(self.number),
                "lon": f"{longitude:.7f}",
                "lat": f"{latitude:.7f}",
                "version": "1",
            }
            self.nodes.append(xml.Element("node", place))
        way = _element("way", number or self.number + 1000, tags)
        for node in [*range(first + 1, self.number + 1), first + 1]:
            xml.SubElement(way, "nd", ref=str(node))
        self.ways.append(way)
        return int(way.attrib["id"])

    def arcs(self, ring: Ring, tags: Tags | None = None) -> list[int]:
        """Add a ring as two open ways and return their numbers."""
        whole = self.way(ring, tags)
        corners = [corner.attrib["ref"] for corner in self.ways.pop().findall("nd")]
        for number, ends in ((whole, corners[:3]), (whole + 4000, corners[2:])):
            self.ways.append(_element("way", number, tags))
            for place, corner in enumerate(ends):
                self.ways[-1].insert(place, xml.Element("nd", ref=corner))
        return [whole, whole + 4000]

    def relation(self, outer: Sequence[int], inner: Sequence[int], tags: Tags) -> int:
        """Add a multipolygon of ways and return its number."""
        return self.gather({"outer": outer, "inner": inner}, {"type": "multipolygon", **tags})

    def gather(self, members: Mapping[str, Sequence[int]], tags: Tags) -> int:
        """Add a relation of ways by role and return its number."""
        relation = _element("relation", self.number + 5000, tags)
        for role, ways in members.items():
            for way in ways:
                xml.SubElement(relation, "member", type="way", ref=str(way), role=role)
        self.relations.append(relation)
        return int(relation.attrib["id"])

    def write(self, path: Path) -> Path:
        """Write the file, sorted by kind and number as osmium wants it."""
        for elements in (self.nodes, self.ways, self.relations):
            self.root.extend(sorted(elements, key=lambda element: int(element.attrib["id"])))
        xml.ElementTree(self.root).write(path, encoding="utf-8", xml_declaration=True)
        return path


def _element(kind: str, number: int, tags: Tags | None) -> xml.Element:
    element = xml.Element(kind, id=str(number), version="1")
    for key, value in (tags or {}).items():
        xml.SubElement(element, "tag", k=key, v=value)
    return element


def write_geojson(
    path: Path, footprints: Sequence[tuple[Ring, Mapping[str, object]]], **more: object
) -> Path:
    """Write polygons with properties."""
    features = [
        {
            "type": "Feature",
            "properties": dict(properties),
            "geometry": {"type": "Polygon", "coordinates": [[*degrees(ring), degrees(ring)[0]]]},
        }
        for ring, properties in footprints
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **more}))
    return path


def to_grey(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Turn values into the nearest grey level, as the publishers did."""
    return np.clip(np.rint((values - low) / (high - low) * 255), 0, 255).astype(np.uint8)
