"""OpenStreetMap files as they were mapped: ways, multipolygons, and what is no building."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as xml

import pytest
import shapely

from datasets.radio.mapped import CUT, DRAWN, GONE, OPEN, MapError
from datasets.radio.osm import read_osm
from tests.datasets.radio.maps import OsmMap, real, square

YES = {"building": "yes"}


def test_multipolygon_keeps_its_courtyard_and_its_tags(tmp_path: Path) -> None:
    drawn = OsmMap()
    ring, court = drawn.way(square(0, 0, 40)), drawn.way(square(10, 10, 20))
    number = drawn.relation([ring], [court], YES | {"height": "12"})
    mapped = read_osm(drawn.write(tmp_path / "a.osm"))
    assert mapped.keys == [f"relation/{number}"]
    assert mapped.tags[0]["height"] == "12"
    (polygon,) = shapely.get_parts(mapped.shapes)
    assert len(polygon.interiors) == 1


def test_outer_ring_that_is_tagged_as_well_does_not_fill_the_courtyard(tmp_path: Path) -> None:
    drawn = OsmMap()
    ring, court = drawn.way(square(0, 0, 40), YES), drawn.way(square(10, 10, 20))
    number = drawn.relation([ring], [court], YES)
    assert read_osm(drawn.write(tmp_path / "a.osm")).keys == [f"relation/{number}"]


def test_building_in_a_courtyard_is_kept(tmp_path: Path) -> None:
    drawn = OsmMap()
    ring, court = drawn.way(square(0, 0, 40)), drawn.way(square(10, 10, 20), YES)
    number = drawn.relation([ring], [court], YES)
    assert set(read_osm(drawn.write(tmp_path / "a.osm")).keys) == {f"way/{court}", f"relation/{number}"}


def test_way_that_crosses_itself_is_not_lost(tmp_path: Path) -> None:
    drawn = OsmMap()
    number = drawn.way([(0, 0), (20, 20), (20, 0), (0, 20)], YES)
    assert read_osm(drawn.write(tmp_path / "a.osm")).keys == [f"way/{number}"]


@pytest.mark.parametrize(
    "tags",
    [
        {"highway": "service"},
        {"building": "no"},
        {"building:part": "no"},
        {"building": ""},
    ],
)
def test_what_does_not_stand_above_the_ground_is_no_building(tags: dict, tmp_path: Path) -> None:
    drawn = OsmMap()
    drawn.way(square(0, 0, 40), tags)
    mapped = read_osm(drawn.write(tmp_path / "a.osm"))
    assert (mapped.keys, mapped.left_out) == ([], {})


def test_open_way_is_no_building_and_is_counted(tmp_path: Path) -> None:
    drawn = OsmMap()
    drawn.way(square(0, 0, 40), YES)
    drawn.ways[0].remove(drawn.ways[0].findall("nd")[-1])
    mapped = read_osm(drawn.write(tmp_path / "a.osm"))
    assert (mapped.keys, mapped.left_out) == ([], {OPEN: 1})


def test_point_is_counted_unless_it_is_a_door(tmp_path: Path) -> None:
    drawn = OsmMap()
    for number, value in enumerate(("yes", "entrance")):
        drawn.way(square(100 * number, 0, 40))
        xml.SubElement(drawn.nodes[-1], "tag", k="building", v=value)
    assert read_osm(drawn.write(tmp_path / "a.osm")).left_out == {DRAWN: 1}


def test_what_was_a_building_is_counted(tmp_path: Path) -> None:
    drawn = OsmMap()
    drawn.way(square(0, 0, 40), {"demolished:building": "yes"})
    drawn.way(square(100, 0, 40), {"building": "construction"})
    assert read_osm(drawn.write(tmp_path / "a.osm")).left_out == {GONE: 2}


def test_building_cut_by_the_edge_of_the_extract_is_counted(tmp_path: Path) -> None:
    drawn = OsmMap()
    drawn.way(square(0, 0, 40), YES)
    drawn.nodes.pop()
    ring, _ = drawn.way(square(100, 0, 40)), drawn.way(square(200, 0, 40), YES)
    drawn.relation([ring, 999_999], [], YES)
    mapped = read_osm(drawn.write(tmp_path / "a.osm"))
    assert len(mapped.keys) == 1
    assert mapped.left_out == {CUT: 2}


def test_bounds_of_the_file_are_what_it_covers(tmp_path: Path) -> None:
    drawn = OsmMap(bounds=(0, 0, 500, 500))
    drawn.way(square(0, 0, 40), YES)
    west, south, east, north = read_osm(drawn.write(tmp_path / "a.osm")).bounds or (0, 0, 0, 0)
    assert (west, south, east, north) == pytest.approx((24.94, 60.17, 24.95, 60.18), abs=0.01)
    assert read_osm(OsmMap().write(tmp_path / "b.osm")).bounds is None


def test_country_is_refused_by_its_bounds_before_it_is_read(tmp_path: Path) -> None:
    bounds = '<bounds minlat="47" minlon="5" maxlat="55" maxlon="15"/>'
    (tmp_path / "a.osm").write_text(f'<osm version="0.6">{bounds}</osm>')
    with pytest.raises(MapError, match=r"a\.osm: the map reaches over 10.0 x 8.0 degrees.*osmium extract -b"):
        read_osm(tmp_path / "a.osm")


def test_bounds_across_the_antimeridian_go_on_above_180(tmp_path: Path) -> None:
    bounds = '<bounds minlat="-17" minlon="179.9" maxlat="-16.8" maxlon="-179.9"/>'
    (tmp_path / "a.osm").write_text(f'<osm version="0.6">{bounds}</osm>')
    assert read_osm(tmp_path / "a.osm").bounds == pytest.approx((179.9, -17.0, 180.1, -16.8))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.osm", b""),
        ("empty.osm.pbf", b""),
        ("text.osm", b"hello"),
        ("zeros.osm.pbf", bytes(100)),
        ("page.osm", b"<html><body>429 Too Many Requests</body></html>"),
    ],
)
def test_broken_file_is_answered_in_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MapError, match=f"{name} is no whole OSM file .*download") as error:
        read_osm(tmp_path / name)
    assert "\n" not in str(error.value)


def test_download_that_stopped_half_way_is_refused(tmp_path: Path) -> None:
    whole = real("Helsinki").read_bytes()
    (tmp_path / "half.osm.pbf").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MapError, match="is no whole OSM file"):
        read_osm(tmp_path / "half.osm.pbf")


@pytest.mark.parametrize(
    ("name", "buildings", "cut"),
    [("Helsinki", 570, 60), ("test", 2171, 48), ("planet_10_068_48_135_10_071_48_137", 32, 1)],
)
def test_real_extracts_are_read_whole(name: str, buildings: int, cut: int) -> None:
    mapped = read_osm(real(name))
    assert (len(mapped.keys), mapped.left_out[CUT]) == (buildings, cut)
    assert len(set(mapped.keys)) == len(mapped.keys)
