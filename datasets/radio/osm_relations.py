"""Buildings of ways and relations: courtyards, old-style multipolygons, outlines and parts of one building.

A multipolygon says once what it is: on the relation, or in the old style on its outer ways. A relation of
type ``building`` gathers an outline and parts, whose ways may lack tags of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from datasets.radio.heights import LENGTHS, LEVELS, tagged_height
from datasets.radio.mapped import CUT, OPEN
from datasets.radio.standing import absence, is_building, is_part

Tags = dict[str, str]
Lines = Mapping[int, tuple[Tags, Any]]
META = {"type", "source", "created_by", "note", "fixme", "name", "ref"}
"""Keys that do not say what a multipolygon is: with these alone it has the tags of its outer ways."""
TYPES = ("multipolygon", "building")


class Relation(NamedTuple):
    """A relation: its tags, and its ways by role."""

    tags: Tags
    outer: list[int]
    inner: list[int]
    parts: list[int]

    @property
    def gathers(self) -> bool:
        """Whether it gathers outline and parts, and is no multipolygon."""
        return self.tags.get("type") == "building"

    @property
    def is_old(self) -> bool:
        """Whether it has the tags of its outer ways."""
        return not self.gathers and self.tags.keys() <= META


@dataclass
class Found:
    """What a file holds of buildings.

    Attributes
    ----------
    rings, open_ways
        Tags and line (WKB) of closed and other ways; None where a corner is missing.
    relations
        Relations that may be buildings.
    areas
        Shapes (WKB) that osmium made of multipolygons.
    left_out
        Causes that were seen on the way.
    negative
        Whether corners with negative numbers were missing.
    """

    rings: dict[int, tuple[Tags, Any]] = field(default_factory=dict)
    open_ways: dict[int, tuple[Tags, Any]] = field(default_factory=dict)
    relations: dict[int, Relation] = field(default_factory=dict)
    areas: dict[int, Any] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    negative: bool = False


class Multipolygons(NamedTuple):
    """Buildings of multipolygons by kind and number; ways that they cover, and all that belong to them."""

    shapes: dict[tuple[str, int], tuple[Tags, Any]]
    covered: set[int]
    members: set[int]
    left_out: Counter[str]
    repaired: int


class Standing(NamedTuple):
    """Buildings that stand, and how many do not or had to be repaired."""

    keys: list[tuple[str, int]]
    tags: list[Tags]
    shapes: NDArray[Any]
    left_out: Counter[str]
    repaired: int


def buildings_of(found: Found, lines: Callable[[set[int]], Lines]) -> Standing:
    """Return each building once.

    Parameters
    ----------
    found
        What the file holds; ways of relations of type ``building`` are added.
    lines
        Returns tags and lines (WKB) of ways by number, None for the line where a corner is missing, nothing
        of ways that are not in the file.
    """
    wanted = _wanted(found)
    fetched = lines(wanted) if wanted else {}
    left_out = Counter(found.left_out)
    for relation in found.relations.values():
        if relation.gathers:
            left_out += _gather(found, relation, fetched)
    made = _multipolygons(found, fetched)
    left_out += made.left_out
    left_out[OPEN] += len(found.open_ways.keys() - made.members)
    rings = {way: ring for way, ring in found.rings.items() if way not in made.covered}
    left_out[CUT] += sum(line is None for _, line in rings.values())
    closed = {way: ring for way, ring in rings.items() if ring[1] is not None}
    entries = [
        *zip(
            (("way", way) for way in closed),
            (tags for tags, _ in closed.values()),
            _closed([w for _, w in closed.values()]),
            strict=True,
        ),
        *((key, tags, shape) for key, (tags, shape) in made.shapes.items()),
    ]
    absent = [absence(tags) for _, tags, _ in entries]
    left_out += Counter(cause for cause in absent if cause)
    standing = [entry for entry, cause in zip(entries, absent, strict=True) if not cause]
    return Standing(
        keys=[key for key, _, _ in standing],
        tags=[tags for _, tags, _ in standing],
        shapes=np.array([shape for _, _, shape in standing], object),
        left_out=+left_out,
        repaired=made.repaired,
    )


def _multipolygons(found: Found, fetched: Lines) -> Multipolygons:
    """Make buildings of multipolygons, whose own tags or those of their outer ways say that they are."""
    shapes: dict[tuple[str, int], tuple[Tags, Any]] = {}
    covered: set[int] = set()
    members: set[int] = set()
    repaired = 0
    left_out: Counter[str] = Counter()
    for number, relation in found.relations.items():
        tagged = [way for way in relation.outer if way in found.rings or way in found.open_ways]
        if relation.gathers or not (is_building(relation.tags) or (relation.is_old and tagged)):
            continue
        members |= {*relation.outer, *relation.inner}
        if not is_building(relation.tags):
            of_ways = _old_style(tagged, relation.inner, found, fetched)
            shapes |= {("way", way): one for way, one in of_ways.items()}
            covered |= of_ways.keys()
            if not of_ways and not found.rings.keys() & {*tagged}:
                whole = len(tagged) == len(relation.outer) and all(_line(found, way) for way in tagged)
                left_out[OPEN if whole else CUT] += 1
            continue
        shape, cause = _shape(number, relation, found, fetched)
        if shape is None:
            left_out[cause] += 1
            covered |= {way for way in tagged if _line(found, way) is None}
        else:
            repaired += number not in found.areas
            same = [way for way in tagged if is_part(_tags(found, way)) == is_part(relation.tags)]
            tags = _with_height(relation.tags, [_tags(found, way) for way in same])
            shapes["relation", number] = (tags, shape)
            covered |= set(same)
    return Multipolygons(shapes, covered, members, left_out, repaired)


def _wanted(found: Found) -> set[int]:
    """Return ways whose lines are needed: of relations that osmium gave up, and of outlines and parts."""
    wanted: set[int] = set()
    for number, relation in found.relations.items():
        if relation.gathers:
            wanted |= {*relation.outer, *relation.parts} - found.rings.keys()
        elif is_building(relation.tags) and number not in found.areas:
            wanted |= {*relation.outer, *relation.inner}
        elif relation.is_old and any(way in found.rings or way in found.open_ways for way in relation.outer):
            wanted |= set(relation.inner)
    return wanted


def _gather(found: Found, relation: Relation, fetched: Lines) -> Counter[str]:
    """Add the ways of outline and parts that lack tags, and give an outline the height of its relation."""
    causes: Counter[str] = Counter()
    shared = {key: text for key, text in relation.tags.items() if key != "type"}
    for way in relation.outer:
        if way in found.rings:
            tags, line = found.rings[way]
            found.rings[way] = (_with_height(tags, [shared]), line)
        elif cause := _add(found, way, {"building": "yes"} | shared, fetched):
            causes[cause] += 1
    for way in relation.parts:
        if way not in found.rings and (cause := _add(found, way, {"building:part": "yes"}, fetched)):
            causes[cause] += 1
    return causes


def _add(found: Found, way: int, tags: Tags, fetched: Lines) -> str:
    """Add a way as a ring; or return the cause why not."""
    if way in found.open_ways:
        return ""  # counted there
    own, line = fetched.get(way, ({}, None))
    if line is None:
        return CUT
    if not shapely.is_closed(shapely.from_wkb(line)):
        return OPEN
    found.rings[way] = (tags | own, line)
    return ""


def _shape(number: int, relation: Relation, found: Found, fetched: Lines) -> tuple[Any, str]:
    """Return the shape of a multipolygon, or None and the cause."""
    if number in found.areas:
        return shapely.from_wkb(found.areas[number]), ""
    outer_lines, inner_lines = (
        [fetched.get(way, ({}, None))[1] for way in ways] for ways in (relation.outer, relation.inner)
    )
    if any(line is None for line in (*outer_lines, *inner_lines)) or not outer_lines:
        return None, CUT
    outer, inner = _filled(outer_lines), _filled(inner_lines)
    if outer is None or inner is None:
        return None, OPEN
    return shapely.difference(outer, inner), ""


def _filled(lines: list[Any]) -> Any:
    """Return the ground inside of lines that form rings; None if they do not."""
    if not lines:
        return shapely.Polygon()
    noded = shapely.get_parts(shapely.union_all(shapely.from_wkb(lines)))
    polygons, cuts, dangles, _ = shapely.polygonize_full(noded)
    if polygons.is_empty or not (cuts.is_empty and dangles.is_empty):
        return None
    return shapely.union_all(shapely.get_parts(polygons))


def _old_style(
    tagged: list[int], inner: list[int], found: Found, fetched: Lines
) -> dict[int, tuple[Tags, Any]]:
    """Return the tagged outer ways of a multipolygon with the ground that they bound, courtyards open.

    Of ways that bound a ring together, the first stands for the building.
    """
    courtyards = [line for way in inner if (line := fetched.get(way, ({}, None))[1]) is not None]
    holes = _filled(courtyards) or shapely.Polygon()
    shapes: dict[int, tuple[Tags, Any]] = {}
    for way in tagged:
        tags, line = found.rings.get(way, ({}, None))
        if line is not None:
            shapes[way] = (tags, shapely.difference(shapely.make_valid(_closed([line])[0]), holes))
    arcs = {way: line for way in tagged if (line := found.open_ways.get(way, ({}, None))[1]) is not None}
    filled = _filled(list(arcs.values())) if arcs else None
    for ring in shapely.get_parts(filled).tolist() if filled is not None else ():
        first = next(way for way, line in arcs.items() if shapely.intersects(ring, shapely.from_wkb(line)))
        shapes[first] = (found.open_ways[first][0], shapely.difference(ring, holes))
    return shapes


def _tags(found: Found, way: int) -> Tags:
    return (found.rings.get(way) or found.open_ways[way])[0]


def _line(found: Found, way: int) -> Any:
    return (found.rings.get(way) or found.open_ways[way])[1]


def _with_height(tags: Tags, others: list[Tags]) -> Tags:
    """Return tags with the height that the only other object tells, if they tell none."""
    if len(others) != 1 or tagged_height(tags):
        return tags
    return {key: text for key, text in others[0].items() if key in (*LENGTHS, *LEVELS)} | tags


def _closed(lines: list[Any]) -> list[Any]:
    """Return polygons of closed lines; those of too few points are empty."""
    shapes = np.full(len(lines), shapely.Polygon(), object)
    coordinates, line = shapely.get_coordinates(shapely.from_wkb(lines), return_index=True)
    enough = np.bincount(line, minlength=len(lines)) >= 4
    kept = enough[line]
    numbers = np.cumsum(enough) - 1
    shapes[enough] = shapely.polygons(shapely.linearrings(coordinates[kept], indices=numbers[line[kept]]))
    return list(shapes)
