"""Buildings of an OpenStreetMap file, as they were mapped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from datasets.factory.formats import format_of
from datasets.radio.mapped import MapError, Mapped

SUFFIXES = (".osm", ".osm.pbf", ".pbf", ".osm.gz", ".osm.bz2")
FORMATS = {"osm": "osm", "pbf": "pbf", "gzip": "osm.gz", "bzip2": "osm.bz2"}
"""What osmium calls the formats that it reads; it takes the suffix of a file of none of them."""
KEYS = ("building", "building:part")


def read_osm(path: Path) -> Mapped:
    """Read buildings and building parts.

    Closed ways become polygons here and not in osmium, which drops every ring that crosses itself; the rings
    of multipolygon relations are osmium's work.

    Raises
    ------
    MapError
        If the file cannot be read.
    """
    import osmium

    collector = _collector()
    try:
        source = osmium.io.File(str(path), FORMATS.get(format_of(path), ""))
        with osmium.io.Reader(source, osmium.osm.osm_entity_bits.NOTHING) as reader:
            box = reader.header().box()
        collector.apply_file(source, locations=True, filters=[osmium.filter.KeyFilter(*KEYS)])
    except (RuntimeError, UnicodeDecodeError) as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        raise MapError(f"{path} is no whole OSM file ({reason}); download the extract again") from None
    found = {key: ring for key, ring in collector.rings.items() if key not in collector.covered()}
    tags = [*(tags for tags, _ in found.values()), *(tags for tags, _ in collector.areas.values())]
    shapes = [
        _closed([wkb for _, wkb in found.values()]),
        shapely.from_wkb([w for _, w in collector.areas.values()]),
    ]
    bounds = (
        (box.bottom_left.lon, box.bottom_left.lat, box.top_right.lon, box.top_right.lat)
        if box.valid()
        else None
    )
    return Mapped(
        keys=[*(f"way/{key}" for key in found), *(f"relation/{key}" for key in collector.areas)],
        tags=tags,
        shapes=np.concatenate(shapes),
        bounds=bounds,
        incomplete=collector.incomplete + len(collector.outer_ways.keys() - collector.areas.keys()),
    )


def is_standing(tags: Mapping[str, str]) -> bool:
    """Tell whether tags are those of a building, or a part of one, that stands above the ground."""
    built = any(tags.get(key, "no") != "no" for key in KEYS)
    return built and tags.get("location") != "underground"


def _closed(lines: list[str]) -> np.ndarray:
    """Return polygons of closed lines; those of too few points are empty."""
    shapes = np.full(len(lines), shapely.Polygon(), object)
    coordinates, line = shapely.get_coordinates(shapely.from_wkb(lines), return_index=True)
    enough = np.bincount(line, minlength=len(lines)) >= 4
    kept = enough[line]
    numbers = np.cumsum(enough) - 1
    shapes[enough] = shapely.polygons(shapely.linearrings(coordinates[kept], indices=numbers[line[kept]]))
    return shapes


def _collector() -> Any:
    """Make what osmium hands the file to."""
    import osmium

    class Collector(osmium.SimpleHandler):
        def __init__(self) -> None:
            super().__init__()
            self.geometry = osmium.geom.WKBFactory()
            self.rings: dict[int, tuple[dict[str, str], str]] = {}
            self.areas: dict[int, tuple[dict[str, str], str]] = {}
            self.outer_ways: dict[int, list[int]] = {}
            self.incomplete = 0

        def way(self, way: Any) -> None:
            tags = dict(way.tags)
            if is_standing(tags) and len(way.nodes) > 3 and way.is_closed():
                try:
                    self.rings[way.id] = (tags, self.geometry.create_linestring(way))
                except osmium.InvalidLocationError:
                    self.incomplete += 1
                except RuntimeError:  # all its points are one
                    return

        def relation(self, relation: Any) -> None:
            if relation.tags.get("type") == "multipolygon" and is_standing(relation.tags):
                self.outer_ways[relation.id] = [
                    member.ref for member in relation.members if member.type == "w" and member.role != "inner"
                ]

        def area(self, area: Any) -> None:
            if not area.from_way() and is_standing(area.tags):
                self.areas[area.orig_id()] = (dict(area.tags), self.geometry.create_multipolygon(area))

        def covered(self) -> set[int]:
            """Return ways that repeat the outer ring of a building with courtyards, which they would fill."""
            whole = (key for key, (tags, _) in self.areas.items() if "building" in tags)
            ways = {way for key in whole for way in self.outer_ways.get(key, ())}
            return {way for way in ways if way in self.rings and "building" in self.rings[way][0]}

    return Collector()
