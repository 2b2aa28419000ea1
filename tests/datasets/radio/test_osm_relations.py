"""Multipolygons of every age and state, and relations of outline and parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import shapely

from datasets.radio.buildings import Buildings, read_buildings
from datasets.radio.mapped import CUT, OPEN
from tests.datasets.radio.maps import OsmMap, square

YES = {"building": "yes", "height": "20"}


def read(path: Path, drawn: OsmMap) -> Buildings:
    drawn.way(square(200, 200, 10), {"building": "yes", "height": "3"})  # so that a building is there
    return read_buildings(drawn.write(path / "a.osm"))


def areas(buildings: Buildings) -> dict[str, float]:
    """Ground of the buildings that are 20 m high, m2."""
    found = shapely.area(buildings.polygons)
    return {
        key: round(found[(buildings.owner == number) & (buildings.top == 20.0)].sum(), -1)
        for number, key in enumerate(buildings.keys)
        if (buildings.top[buildings.owner == number] == 20.0).any()
    }


def test_tags_on_the_outer_way_alone_leave_the_courtyard_open(tmp_path: Path) -> None:
    drawn = OsmMap()
    ring = drawn.way(square(0, 0, 40), YES)
    drawn.relation([ring], [drawn.way(square(10, 10, 20))], {"source": "cadastre"})
    assert areas(read(tmp_path, drawn)) == {f"way/{ring}": 1200.0}


def test_two_outer_ways_keep_their_own_tags(tmp_path: Path) -> None:
    drawn = OsmMap()
    rings = [drawn.way(square(60 * number, 0, 40), YES | {"name": str(number)}) for number in range(2)]
    drawn.relation(rings, [drawn.way(square(10, 10, 20))], {})
    assert areas(read(tmp_path, drawn)) == {f"way/{rings[0]}": 1200.0, f"way/{rings[1]}": 1600.0}


def test_other_multipolygon_around_a_building_does_not_open_it(tmp_path: Path) -> None:
    drawn = OsmMap()
    ring = drawn.way(square(0, 0, 40), YES)
    drawn.relation([ring], [drawn.way(square(10, 10, 20))], {"landuse": "retail"})
    assert areas(read(tmp_path, drawn)) == {f"way/{ring}": 1600.0}


@pytest.mark.parametrize("tagged", ["way", "relation", "both"])
def test_ring_of_several_ways_is_one_building(tagged: str, tmp_path: Path) -> None:
    drawn = OsmMap()
    arcs = drawn.arcs(square(0, 0, 40), YES if tagged != "relation" else None)
    drawn.relation(arcs, [drawn.way(square(10, 10, 20))], YES if tagged != "way" else {})
    buildings = read(tmp_path, drawn)
    assert list(areas(buildings).values()) == [1200.0]
    assert buildings.left_out == {}


def test_height_on_the_outer_way_counts_where_the_relation_has_none(tmp_path: Path) -> None:
    drawn = OsmMap()
    ring = drawn.way(square(0, 0, 40), YES)
    number = drawn.relation([ring], [drawn.way(square(10, 10, 20))], {"building": "yes"})
    assert areas(read(tmp_path, drawn)) == {f"relation/{number}": 1200.0}


@pytest.mark.parametrize(
    ("outer", "inner", "area"),
    [
        ([square(0, 0, 40)], [[(0, 10), (0, 30), (20, 30), (20, 10)]], 1200),
        ([square(0, 0, 40)], [square(30, 10, 20)], 1400),
        ([[(0, 0), (20, 20), (20, 0), (0, 20)]], [], 200),
        ([square(0, 0, 20), square(20, 20, 20)], [], 800),
        ([square(0, 0, 20), square(20, 0, 20)], [], 800),
    ],
    ids=["inner along outer", "inner across outer", "bow tie", "touch in a point", "touch along a side"],
)
def test_rings_that_touch_or_cross_are_repaired(
    outer: list, inner: list, area: float, tmp_path: Path
) -> None:
    drawn = OsmMap()
    rings = [[drawn.way(ring) for ring in each] for each in (outer, inner)]
    number = drawn.relation(rings[0], rings[1], YES)
    assert areas(read(tmp_path, drawn)) == {f"relation/{number}": area}


def test_repairs_are_counted(tmp_path: Path) -> None:
    drawn = OsmMap()
    drawn.relation([drawn.way(square(0, 0, 40))], [drawn.way(square(30, 10, 20))], YES)
    drawn.way([(100, 0), (120, 20), (120, 0), (100, 20)], YES)
    assert read(tmp_path, drawn).repaired == 2


def lose_an_arc(drawn: OsmMap) -> None:
    drawn.ways.pop(1)


def open_an_arc(drawn: OsmMap) -> None:
    drawn.relations[0].remove(drawn.relations[0].findall("member")[1])


@pytest.mark.parametrize(
    ("spoil", "cause", "old"),
    [(lose_an_arc, CUT, False), (lose_an_arc, CUT, True), (open_an_arc, OPEN, False)],
)
def test_ring_that_the_edge_cuts_is_told_from_one_that_nobody_closed(
    spoil: Callable[[OsmMap], None], cause: str, old: bool, tmp_path: Path
) -> None:
    drawn = OsmMap()
    drawn.relation(drawn.arcs(square(0, 0, 40), YES if old else None), [], {} if old else YES)
    spoil(drawn)
    assert read(tmp_path, drawn).left_out == {cause: 1}


@pytest.mark.parametrize("tagged", [True, False])
def test_relation_of_outline_and_parts_gives_its_height_to_the_outline(tagged: bool, tmp_path: Path) -> None:
    drawn = OsmMap()
    outline = drawn.way(square(0, 0, 40), {"building": "yes"} if tagged else None)
    part = drawn.way(square(0, 0, 10), {"building:part": "yes", "height": "60"} if tagged else None)
    ridge = drawn.way(square(10, 10, 20), {"roof:ridge": "yes"})
    members = {"outline": [outline], "part": [part], "ridge": [ridge]}
    drawn.gather(members, {"type": "building", "height": "20"})
    buildings = read(tmp_path, drawn)
    assert areas(buildings) == {f"way/{outline}": 1500.0} | ({} if tagged else {f"way/{part}": 100.0})
    assert buildings.top.max() == (60.0 if tagged else 20.0)


def test_same_footprint_twice_is_built_once_with_the_height_that_is_told(tmp_path: Path) -> None:
    drawn = OsmMap()
    drawn.way(square(0, 0, 40), {"building": "yes"})
    told = drawn.way(square(0, 0, 40), YES)
    buildings = read(tmp_path, drawn)
    assert areas(buildings) == {f"way/{told}": 1600.0}
    assert buildings.left_out == {"with the footprint of another": 1}
