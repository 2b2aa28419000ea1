"""Each line of the card of `radio/osm` about its files has an example here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shapely

from datasets.radio.buildings import Buildings, read_buildings
from datasets.radio.heights import SOURCES, random_height
from datasets.radio.mapped import CUT, DELETED, DRAWN, GONE, INVALID, OPEN, REPEATED, UNDERGROUND, MapError
from datasets.radio.properties import Columns
from tests.datasets.cards import fields
from tests.datasets.radio.maps import OsmMap, degrees, square, write_geojson

YES = {"building": "yes", "height": "20"}
Change = Callable[[str], str]


def mapped(
    path: Path, *tags: dict[str, str], draw: Callable[[OsmMap], Any] = id, change: Change = str
) -> Buildings:
    """Buildings of a map with a house in the first place, and squares with tags beside it."""
    drawn = OsmMap()
    for number, each in enumerate(({"building": "house", "height": "3"}, *tags)):
        drawn.way(square(100.0 * number, 300, 40), each, number=70 + number)
    draw(drawn)
    file = drawn.write(path / "a.osm")
    file.write_text(change(file.read_text()))
    return read_buildings(file)


def footprints(
    path: Path, *properties: dict[str, Any], columns: Columns | None = None, **more: Any
) -> Buildings:
    squares = [(square(100.0 * number, 0, 40), each) for number, each in enumerate(properties)]
    return read_buildings(write_geojson(path / "a.geojson", squares, **more), columns=columns)


def solids(buildings: Buildings) -> list[tuple[float, float]]:
    """Bottom and top of all but the house, m."""
    both = zip(buildings.bottom.tolist(), buildings.top.tolist(), strict=True)
    return [each for each in both if each != (0.0, 3.0)]


def sources(buildings: Buildings) -> list[str]:
    return [SOURCES[source] for source in buildings.source]


def ground(buildings: Buildings) -> float:
    """Ground under buildings of 20 m, m2."""
    return round(float(shapely.area(buildings.polygons[buildings.top == 20.0]).sum()), -1)


def refused(read: Callable[[], object], said: str) -> None:
    with pytest.raises(MapError, match=said):
        read()


def courtyard(tags: dict[str, str], on_ring: dict[str, str]) -> Callable[[OsmMap], Any]:
    return lambda drawn: drawn.relation(
        [drawn.way(square(0, 0, 40), on_ring)], [drawn.way(square(10, 10, 20))], tags
    )


def building(path: Path) -> None:
    def point(text: str) -> str:
        node = '<node id="900" version="1" lat="60.17" lon="24.94"><tag k="building" v="{}"/></node>'
        return text.replace(
            "<way", node.format("yes") + node.format("entrance").replace("900", "901") + "<way", 1
        )

    found = mapped(path, {"building": "no"}, {"building": "entrance", "height": "5"}, change=point)
    assert solids(found) == [(0.0, 5.0)]
    assert found.left_out == {DRAWN: 1}


def gone(path: Path) -> None:
    tags = [{"building": "construction"}, {"building": "yes", "razed": "yes"}, {"abandoned:building": "yes"}]
    assert mapped(path, *tags).left_out == {GONE: 3}


def part(path: Path) -> None:
    found = mapped(
        path, draw=lambda drawn: [drawn.way(square(0, 0, 40), YES), drawn.way(square(0, 0, 10), tower)]
    )
    tower_top = found.top.max()
    assert (tower_top, ground(found)) == (60.0, 1500.0)


tower = {"building:part": "yes", "height": "60"}


def multipolygon(path: Path) -> None:
    for tags, on_ring in ((YES, {}), ({}, YES), (YES, YES)):
        assert ground(mapped(path, draw=courtyard(tags, on_ring))) == 1200.0


def gathered(path: Path) -> None:
    def draw(drawn: OsmMap) -> None:
        ways = {
            "outline": [drawn.way(square(0, 0, 40))],
            "part": [drawn.way(square(0, 0, 10), {"height": "9"})],
        }
        drawn.gather(ways, {"type": "building", "height": "20"})

    found = mapped(path, draw=draw)
    assert ground(found) == 1500.0
    assert 9.0 in found.top


def lengths(path: Path) -> None:
    texts = ["12 ft", "6'6\"", "12,5 m", "~12", "10-12", "12 storeys"]
    found = footprints(path, *({"height": each} for each in texts), {"building:height": "7"})
    assert found.top.tolist() == pytest.approx([3.6576, 1.9812, 12.5, 12, 12, 42, 7])


def storeys(path: Path) -> None:
    roofs = [{"roof:levels": "1"}, {"roof:height": "4 m"}, {"roof:levels": "1", "roof:height": "4"}]
    found = footprints(path, {"building:levels": "G+4"}, *({"building:levels": "2"} | roof for roof in roofs))
    assert found.top.tolist() == [17.5, 10.5, 11.0, 10.5]


def texts(path: Path) -> None:
    found = footprints(path, {"height": "tall", "building:levels": "2"})
    assert (found.top.tolist(), found.unreadable) == ([7.0], {"height=tall": 1})


def none(path: Path) -> None:
    found = footprints(path, {"height": 0}, {"height": -1.0})
    assert (sources(found), found.unreadable) == (["random"] * 2, {})


def underground(path: Path) -> None:
    tags = [
        {"location": "underground"},
        {"layer": "-1"},
        {"level": "-1"},
        {"building:max_level": "-1"},
        {"building:levels": "0", "building:levels:underground": "1"},
        {"underground": "yes"},
        {"location": "surface", "layer": "-1"},
    ]
    assert mapped(path, *({"building": "yes"} | each for each in tags)).left_out == {UNDERGROUND: 6}


def roofs(path: Path) -> None:
    assert solids(mapped(path, YES | {"roof:height": "5", "roof:shape": "gabled"})) == [(0.0, 20.0)]


def elevation(path: Path) -> None:
    assert solids(mapped(path, YES | {"ele": "500"})) == [(0.0, 20.0)]


def deleted(path: Path) -> None:
    found = mapped(
        path, YES, change=lambda text: text.replace('<way id="71"', '<way id="71" action="delete"')
    )
    assert (solids(found), found.left_out) == ([], {DELETED: 1})


def negative(path: Path) -> None:
    import osmium

    found = mapped(path, YES, change=lambda text: text.replace('id="', 'id="-').replace('ref="', 'ref="-'))
    assert "way/-71" in found.keys
    with osmium.SimpleWriter(str(path / "a.osm.pbf")) as writer:
        for number, corner in enumerate(degrees(square(0, 0, 40)), 1):
            writer.add_node(osmium.osm.mutable.Node(id=-number, location=corner))
        writer.add_way(osmium.osm.mutable.Way(id=-9, nodes=[-1, -2, -3, -4, -1], tags=YES))
    refused(lambda: read_buildings(path / "a.osm.pbf"), "save it as .osm")


def order(path: Path) -> None:
    def last(text: str) -> str:
        first, rest = text.index("<node"), text.index("<way")
        return text[:first] + text[rest:].replace("</osm>", text[first:rest] + "</osm>")

    assert solids(mapped(path, YES, change=last)) == [(0.0, 20.0)]


def version(path: Path) -> None:
    def twice(text: str) -> str:
        way = text[text.index('<way id="71"') : text.index("</osm>")]
        newer = way.replace('version="1"', 'version="2"').replace('v="20"', 'v="30"')
        return (
            text.replace(way, newer + way.replace("<way ", "<way visible='true' "))
            .replace('id="8"', 'id="-8"')
            .replace('ref="8"', 'ref="-8"')
        )

    assert solids(mapped(path, YES, change=twice)) == [(0.0, 30.0)]


def bounds(path: Path) -> None:
    drawn = OsmMap(bounds=(0, 0, 500, 500))
    drawn.way(square(0, 0, 40), YES)
    west, _, east, _ = read_buildings(drawn.write(path / "a.osm")).extent
    assert east - west > 450


def remark(path: Path) -> None:
    end = "<remark>timed out</remark></osm>"
    refused(lambda: mapped(path, YES, change=lambda text: text.replace("</osm>", end)), r"\('timed out'\)")


def changes(path: Path) -> None:
    (path / "a.osc").write_text('<osmChange version="0.6"></osmChange>')
    refused(lambda: read_buildings(path / "a.osc"), "lists changes")


def edge(path: Path) -> None:
    found = mapped(path, draw=lambda drawn: [drawn.way(square(0, 0, 40), YES), drawn.nodes.pop()])
    assert found.left_out == {CUT: 1}


def rings(path: Path) -> None:
    def draw(drawn: OsmMap) -> None:
        drawn.way(square(0, 0, 40), YES)
        drawn.ways[-1].remove(drawn.ways[-1].findall("nd")[-1])
        drawn.way([(100, 0), (120, 20), (120, 0), (100, 20)], YES)

    found = mapped(path, draw=draw)
    assert (found.left_out, found.repaired, ground(found)) == ({OPEN: 1}, 1, 200.0)


def twice(path: Path) -> None:
    squares = [(square(0, 0, 40), {}), (square(0, 0, 40), {"height": 20})]
    found = read_buildings(write_geojson(path / "a.geojson", squares))
    assert (found.top.tolist(), found.left_out) == ([20.0], {REPEATED: 1})


def geometry(path: Path) -> None:
    ring = [[*corner, 9.0] for corner in degrees(square(0, 0, 40))]  # neither closed nor flat
    polygon = {"type": "Polygon", "coordinates": [ring]}
    shapes = [
        {"type": "GeometryCollection", "geometries": [polygon]},
        {"type": "Point", "coordinates": ring[0]},
        {"type": "Polygon", "coordinates": [ring[:2]]},
    ]
    features = [{"type": "Feature", "properties": {"height": 20}, "geometry": shape} for shape in shapes]
    (path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    found = read_buildings(path / "a.geojson")
    assert (ground(found), found.left_out) == (1600.0, {DRAWN: 1, INVALID: 1})


def system(path: Path) -> None:
    name = {"type": "name", "properties": {"name": "EPSG:4258"}}
    assert ground(footprints(path, {"height": 20}, crs=name)) == 1600.0
    name["properties"] = {"name": "EPSG:3857"}  # type: ignore[assignment]
    refused(lambda: footprints(path, {"height": 20}, crs=name), "EPSG:3857")


def swapped(path: Path) -> None:
    (path / "a.geojson").write_text(
        json.dumps({"type": "Polygon", "coordinates": [[[40, -105], [40, -105.1], [40.1, -105]]]})
    )
    refused(lambda: read_buildings(path / "a.geojson"), "longitude before latitude")


def names(path: Path) -> None:
    given = [{"id": "a"}, {"@id": "way/1"}, {"osm_id": 5}, {"osm_way_id": 6}, {}]
    found = footprints(path, *given).keys.tolist()
    assert found[:4] == ["a", "way/1", "5", "6"]
    assert found[4].startswith("shape/")


def nested(path: Path) -> None:
    given = [{"tags": {"height": "20"}}, {"other_tags": '"height"=>"20"'}, {"building_levels": 4}]
    assert footprints(path, *given).top.tolist() == [20.0, 20.0, 14.0]


def overture(path: Path) -> None:
    given = [
        {"num_floors": 4},
        {"is_underground": True},
        {"building_id": "x", "num_floors": 4, "min_floor": 2},
        {"numFloors": 6},
        {"isUnderground": True},
    ]
    found = footprints(path, *given)
    expected = [(0.0, 14.0), (7.0, 14.0), (0.0, 21.0)]
    assert (sorted(solids(found)), found.left_out) == (sorted(expected), {UNDERGROUND: 2})


def renderers(path: Path) -> None:
    given = [
        {"height": 20, "minHeight": 10},
        {"height": 21, "minLevel": 2},
        {"height": 22, "render_min_height": 5},
        {"height": 23, "underground": "false"},
        {"height": 24, "underground": "true"},
    ]
    found = footprints(path, *given)
    assert solids(found) == [(10.0, 20.0), (7.0, 21.0), (5.0, 22.0), (0.0, 23.0)]
    assert found.left_out == {UNDERGROUND: 1}


def overture_level(path: Path) -> None:
    assert len(footprints(path, {"level": -1, "is_underground": False}).keys) == 1


def unused(path: Path) -> None:
    found = footprints(path, {"id": "a", "confidence": 0.1, "names": {"primary": "x"}, "sources": [1]})
    assert found.top.tolist() == [random_height("a", 0)]


def column(path: Path) -> None:
    refused(lambda: footprints(path, {"HAUTEUR": 10}), "height_property=HAUTEUR")
    assert footprints(path, {"HAUTEUR": 10}, {"height": 4}, {"height": 4}).alike == {"HAUTEUR": 1}
    assert footprints(path, {"HAUTEUR": 10}, columns=Columns("HAUTEUR")).top.tolist() == [10.0]
    feet = footprints(
        path, {"HAUTEUR": 10, "etages": 9}, {"etages": 2}, columns=Columns("HAUTEUR", "etages", "ft")
    )
    assert feet.top.tolist() == pytest.approx([3.048, 7.0])


EXAMPLES: dict[str, Callable[[Path], None]] = {
    "`building`": building,
    "`building=construction`, `demolished:building` and the like": gone,
    "`building=roof`, `carport`, `canopy`": lambda path: _equal(
        solids(
            mapped(path, {"building": "roof", "height": "6"}, YES | {"building": "roof", "min_height": "4"})
        ),
        [(5.5, 6.0), (4.0, 20.0)],
    ),
    "`building:part`": part,
    "`type=multipolygon`": multipolygon,
    "`type=building`": gathered,
    "`height`, `building:height`": lengths,
    "`building:levels`, `roof:levels`, `roof:height`": storeys,
    "`min_height`, `building:min_level`, `min_level`": lambda path: _equal(
        solids(
            footprints(
                path,
                {"height": 9, "min_height": 4},
                {"height": 9, "building:min_level": 2},
                {"height": 9, "min_level": 1},
            )
        ),
        [(4.0, 9.0), (7.0, 9.0), (3.5, 9.0)],
    ),
    "texts of heights that cannot be read": texts,
    "`height` of 0 or -1": none,
    "`location`, `layer`, `level`, `building:max_level`, `underground` and the like": underground,
    "`roof:shape`, `material`": roofs,
    "`ele`": elevation,
    "`action`, `visible`": deleted,
    "numbers below 0": negative,
    "order of the objects": order,
    "`version`": version,
    "`bounds`": bounds,
    "`remark`": remark,
    "changes (`.osc`), history (`.osh`)": changes,
    "a ring with a corner outside the file": edge,
    "a ring that is open, crosses or touches itself": rings,
    "the same footprint twice": twice,
    "`geometry` of GeoJSON": geometry,
    "`crs` of GeoJSON": system,
    "latitude before longitude": swapped,
    "`id`, `@id`, `osm_id`, `osm_way_id`": names,
    "`tags`, `other_tags`, `building_levels`": nested,
    "`num_floors`, `min_floor`, `is_underground`, `building_id` of Overture": overture,
    "`minHeight`, `minLevel`, `render_min_height`, `underground` of renderers": (renderers),
    "`level` of Overture": overture_level,
    "`confidence`, `names`, `sources`": unused,
    "a column of another name, such as `HAUTEUR`": column,
}


def _equal(found: object, expected: object) -> None:
    assert found == expected


@pytest.mark.parametrize("field", fields("radio/osm"))
def test_line_of_the_card_is_true(field: str, tmp_path: Path) -> None:
    EXAMPLES[field](tmp_path)


def test_every_example_is_a_line_of_the_card() -> None:
    assert EXAMPLES.keys() == set(fields("radio/osm"))
