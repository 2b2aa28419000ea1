"""Buildings of an OpenStreetMap file, as they were mapped."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path
from typing import Any

from datasets.factory.formats import format_of
from datasets.factory.limits import MOST_BYTES
from datasets.radio import osm_xml, plane
from datasets.radio.mapped import CORNERLESS, DELETED, DRAWN, FLAT, GONE, Bounds, MapError, Mapped
from datasets.radio.osm_relations import META, TYPES, Found, Relation, buildings_of
from datasets.radio.standing import ENTRANCE, KEYS, ONCE, is_building, was_building

SUFFIXES = (".osm", ".osm.pbf", ".pbf", ".osm.gz", ".osm.bz2")
FORMATS = {"osm": "osm", "pbf": "pbf", "gzip": "osm.gz", "bzip2": "osm.bz2"}
"""What osmium calls the formats that it reads; it takes the suffix of a file of none of them."""


def read_osm(path: Path, most: int = MOST_BYTES) -> Mapped:
    """Read buildings and building parts.

    Closed ways become polygons here and not in osmium, which drops every ring that crosses itself; the rings
    of multipolygon relations are osmium's work, and are repaired here where it gives them up.

    Raises
    ------
    MapError
        If the file cannot be read, is no map, or is too large for a plane.
    """
    import osmium

    found = format_of(path)
    ordered = osm_xml.in_order(path, found, most)

    def source() -> Any:
        if ordered.content is not None:
            return osmium.io.FileBuffer(ordered.content, "osm")
        return osmium.io.File(str(path), FORMATS.get(found, ""))

    try:
        with osmium.io.Reader(source(), osmium.osm.osm_entity_bits.NOTHING) as reader:
            header = reader.header()
            bounds = _bounds(header.box())
            if header.has_multiple_object_versions:
                raise MapError(
                    f"{path} holds the history of its objects; take a moment of it by "
                    "`osmium time-filter map.osh.pbf 2026-01-01T00:00:00Z -o map.osm.pbf`"
                )
        if bounds:
            _require_plane(bounds, path)
        collector = _collector()
        collector.apply_file(
            source(), locations=True, filters=[osmium.filter.KeyFilter(*KEYS, *ONCE, "type")]
        )
        standing = buildings_of(collector.found, lambda ways: _lines(source(), ways))
    except MapError:
        raise
    except (RuntimeError, ValueError, osmium.InvalidLocationError) as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        advice = "sort it by `osmium sort`" if "out of order" in reason else "download the extract again"
        raise MapError(f"{path} is no whole OSM file ({reason}); {advice}") from None
    _require_corners(collector.found, len(standing.keys), path)
    return Mapped(
        keys=[ordered.key(kind, number) for kind, number in standing.keys],
        tags=standing.tags,
        shapes=standing.shapes,
        bounds=bounds,
        left_out=standing.left_out + Counter({DELETED: ordered.deleted}),
        repaired=standing.repaired,
    )


def _bounds(box: Any) -> Bounds | None:
    """Return what the file says it covers; None where it says nothing, or the whole way around the Earth.

    Of a box across the antimeridian osmium has the edges the other way round.
    """
    if not box.valid():
        return None
    west, south, east, north = box.bottom_left.lon, box.bottom_left.lat, box.top_right.lon, box.top_right.lat
    if east - west <= 180.0 or north - south > plane.WIDEST:
        return west, south, east, north
    return (east, south, west + 360.0, north) if west + 360.0 - east < plane.WIDEST else None


def _require_plane(bounds: Bounds, path: Path) -> None:
    """Refuse a whole country before it is read."""
    try:
        plane.utm_zone(bounds)
    except MapError as error:
        raise MapError(f"{path}: {error}") from None


def _require_corners(found: Found, standing: int, path: Path) -> None:
    """Refuse a file of which most ways cannot be placed, and say what it lacks."""
    lost = found.left_out[CORNERLESS]
    if lost <= standing:
        return
    if found.negative:
        raise MapError(
            f"{path}: {lost} buildings have corners with negative numbers, as before an upload, which can be "
            "placed in XML only; save it as .osm, or number it anew by `osmium renumber`"
        )
    raise MapError(
        f"{path}: {lost} buildings have no corner in the file, or have it behind them; sort it by `osmium "
        "sort`, or ask Overpass for the corners too: `(._;>;); out;`"
    )


def _lines(source: Any, ways: set[int]) -> dict[int, tuple[dict[str, str], str | None]]:
    """Return tags and lines (WKB) of ways; None for the line where a corner is missing."""
    import osmium

    found: dict[int, tuple[dict[str, str], str | None]] = {}
    factory = osmium.geom.WKBFactory()
    filters = osmium.filter.EntityFilter(osmium.osm.WAY), osmium.filter.IdFilter(ways)
    processor = osmium.FileProcessor(source).with_locations()
    for each in filters:
        processor = processor.with_filter(each)
    way: Any
    for way in processor:
        try:
            found[way.id] = (dict(way.tags), factory.create_linestring(way))
        except (osmium.InvalidLocationError, RuntimeError):
            found[way.id] = (dict(way.tags), None)
    return found


def _may_be_building(tags: dict[str, str]) -> bool:
    """Tell whether a multipolygon is a building by its own tags, or may be by those of its outer ways."""
    return is_building(tags) or tags.keys() <= META


def _collector() -> Any:
    """Make what osmium hands the file to."""
    import osmium

    class Collector(osmium.SimpleHandler):
        def __init__(self) -> None:
            super().__init__()
            self.geometry = osmium.geom.WKBFactory()
            self.found = Found()

        def node(self, node: Any) -> None:
            self.found.left_out[DRAWN] += is_building(node.tags) and node.tags.get("building") != ENTRANCE

        def way(self, way: Any) -> None:
            tags = dict(way.tags)
            if not is_building(tags):
                self.found.left_out[GONE] += was_building(tags)
                return
            if way.is_closed() and len(way.nodes) < 4:
                self.found.left_out[FLAT] += 1
                return
            line = None
            try:
                line = self.geometry.create_linestring(way)
            except (osmium.InvalidLocationError, RuntimeError) as error:
                if not any(node.location.valid() for node in way.nodes):
                    self.found.left_out[CORNERLESS] += 1
                    self.found.negative |= any(node.ref < 0 for node in way.nodes)
                    return
                if isinstance(error, RuntimeError):  # all its points are one
                    self.found.left_out[FLAT] += 1
                    return
            ways = self.found.rings if way.is_closed() else self.found.open_ways
            ways[way.id] = (tags, line)

        def relation(self, relation: Any) -> None:
            kind, tags = relation.tags.get("type"), dict(relation.tags)
            gathers = kind == "building"
            if kind not in TYPES or not (gathers or _may_be_building(tags)):
                return
            members = [(member.ref, member.role) for member in relation.members if member.type == "w"]
            self.found.relations[relation.id] = Relation(
                tags=tags,
                outer=[
                    way for way, role in members if role == "outline" or (role != "inner" and not gathers)
                ],
                inner=[way for way, role in members if role == "inner"],
                parts=[way for way, role in members if role == "part"],
            )

        def area(self, area: Any) -> None:
            if not area.from_way() and _may_be_building(dict(area.tags)):
                with contextlib.suppress(RuntimeError):  # its rings cross: they are joined later
                    self.found.areas[area.orig_id()] = self.geometry.create_multipolygon(area)

    return Collector()
