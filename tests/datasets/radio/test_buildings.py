"""Buildings of a map in metres: projected, repaired, raised, with parts instead of their outlines."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely

from datasets.radio.buildings import Buildings, map_name, read_buildings
from datasets.radio.heights import SOURCES
from datasets.radio.mapped import MapError
from datasets.radio.outlines import clean
from datasets.radio.plane import utm_zone
from physics.raytracing.extrusion import height_raster
from physics.raytracing.scenes import Window, extruded_scene
from tests.datasets.radio.maps import EAST, EPSG, NORTH, OsmMap, Ring, real, square, write_geojson

YES = {"building": "yes", "height": "20"}
BOUNDS = (0.0, 0.0, 500.0, 500.0)


def drawn(tmp_path: Path, *ways: tuple[Ring, dict]) -> Buildings:
    """The buildings of a map of ways."""
    osm_map = OsmMap()
    for ring, tags in ways:
        osm_map.way(ring, tags)
    return read_buildings(osm_map.write(tmp_path / "a.osm"))


def height_at(buildings: Buildings, x: float, y: float) -> float:
    """Height at a point in metres east and north of the test's own origin."""
    east, north = x + EAST - buildings.origin[0], y + NORTH - buildings.origin[1]
    return float(height_raster(buildings.polygons, buildings.top, np.array([east]), np.array([north]))[0, 0])


def test_square_of_40_m_measures_40_m_in_its_utm_zone(tmp_path: Path) -> None:
    buildings = drawn(tmp_path, (square(100, 60, 40), YES))
    assert buildings.epsg == EPSG
    west, south, east, north = shapely.total_bounds(buildings.polygons) + np.tile(buildings.origin, 2)
    expected = (EAST + 100, NORTH + 60, EAST + 140, NORTH + 100)
    assert (west, south, east, north) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("longitude", "latitude", "epsg"),
    [
        (24.9, 60.2, 32635),
        (-78.9, 36.0, 32617),
        (151.2, -33.9, 32756),
        (180.0, 0.0, 32660),
        (-180.0, 0.0, 32601),
    ],
)
def test_utm_zone_is_that_of_the_middle(longitude: float, latitude: float, epsg: int) -> None:
    assert utm_zone((longitude - 0.01, latitude, longitude + 0.01, latitude)) == epsg


def test_beyond_utm_is_said() -> None:
    with pytest.raises(MapError, match="latitude 85: UTM reaches"):
        utm_zone((0, 85, 0, 85))


def test_map_of_more_than_a_zone_is_refused() -> None:
    with pytest.raises(MapError, match=r"reaches over 20.0 x 1.0 degrees.*cut out a town: `osmium extract"):
        utm_zone((0, 50, 20, 51))


def test_courtyard_is_open_ground_in_the_raster_and_in_the_traced_scene(tmp_path: Path) -> None:
    osm_map = OsmMap()
    ring, court = osm_map.way(square(0, 0, 60)), osm_map.way(square(20, 20, 20))
    osm_map.relation([ring], [court], YES)
    buildings = read_buildings(osm_map.write(tmp_path / "a.osm"))
    assert height_at(buildings, 30, 30) == 0.0
    assert height_at(buildings, 10, 30) == 20.0
    scene = extruded_scene(buildings.polygons, buildings.top, buildings.bottom, area=(-9, -9, 70, 70))
    window = Window(-2.0, -2.0, 64.0, 4.0)
    x, y = window.west + window.centres, window.south + window.centres
    raster = height_raster(buildings.polygons, buildings.top, x, y)
    np.testing.assert_allclose(scene.heights(window)[0], raster, atol=1e-3)


def test_multipolygon_of_two_outer_rings_has_one_height(tmp_path: Path) -> None:
    osm_map = OsmMap()
    rings = [osm_map.way(square(0, 0, 30)), osm_map.way(square(50, 0, 30))]
    osm_map.relation(rings, [], {"building": "yes"})
    buildings = read_buildings(osm_map.write(tmp_path / "a.osm"))
    assert (len(buildings.polygons), len(buildings.keys)) == (2, 1)
    assert np.ptp(buildings.top) == 0.0


def test_part_overrides_the_height_of_its_outline_where_it_stands(tmp_path: Path) -> None:
    tower = {"building:part": "yes", "height": "60 m"}
    podium = {"building:part": "yes", "building:levels": "2"}
    buildings = drawn(
        tmp_path, (square(0, 0, 60), YES), (square(0, 0, 20), tower), (square(30, 30, 20), podium)
    )
    assert height_at(buildings, 10, 10) == 60.0
    assert height_at(buildings, 40, 40) == 7.0
    assert height_at(buildings, 10, 40) == 20.0
    assert shapely.area(buildings.polygons).sum() == pytest.approx(3600.0, rel=1e-3)


def test_outline_that_parts_fill_is_gone_and_leaves_no_sliver(tmp_path: Path) -> None:
    half = [(0, 0), (30, 0), (30, 60), (0, 60)]
    rest = [(30, 0), (59.8, 0), (59.8, 60), (30, 60)]
    part = {"building:part": "yes", "height": "9"}
    buildings = drawn(tmp_path, (square(0, 0, 60), YES), (half, part), (rest, part))
    assert len(buildings.keys) == 2
    assert buildings.top.max() == 9.0


def test_part_without_a_height_has_that_of_its_outline_and_its_source(tmp_path: Path) -> None:
    buildings = drawn(tmp_path, (square(0, 0, 60), YES), (square(0, 0, 20), {"building:part": "yes"}))
    assert height_at(buildings, 10, 10) == 20.0
    assert {SOURCES[source] for source in buildings.source} == {"height"}


def test_part_that_hangs_keeps_the_ground_below_it_open(tmp_path: Path) -> None:
    bridge = {"building:part": "yes", "height": "20", "min_height": "6"}
    buildings = drawn(tmp_path, (square(0, 0, 60), YES), (square(20, 0, 20), bridge))
    hanging = buildings.bottom > 0
    assert buildings.bottom[hanging].tolist() == [6.0]
    assert shapely.area(buildings.polygons[~hanging]).sum() == pytest.approx(3200.0, rel=1e-3)


def test_part_outside_every_outline_stands_by_itself(tmp_path: Path) -> None:
    part = {"building:part": "yes", "height": "9"}
    buildings = drawn(tmp_path, (square(0, 0, 60), YES), (square(100, 0, 20), part))
    assert height_at(buildings, 110, 10) == 9.0
    assert height_at(buildings, 10, 10) == 20.0


def test_random_heights_do_not_depend_on_the_order_or_on_the_rest_of_the_file(tmp_path: Path) -> None:
    def heights(numbers: list[int], name: str) -> dict[str, float]:
        osm_map = OsmMap()
        for number in numbers:
            osm_map.way(square(50.0 * number, 0, 20), {"building": "yes"}, number=9000 + number)
        buildings = read_buildings(osm_map.write(tmp_path / name))
        return dict(
            zip(buildings.keys.tolist(), buildings.top[np.argsort(buildings.owner)].tolist(), strict=True)
        )

    every, some = heights([1, 2, 3, 4, 5, 6], "a.osm"), heights([6, 3], "b.osm")
    assert len(set(every.values())) > 1
    assert some == {key: every[key] for key in some}


def test_seed_changes_random_heights_and_no_others(tmp_path: Path) -> None:
    ways = [(square(50.0 * number, 0, 20), {"building": "yes"}) for number in range(20)]
    footprints = [*ways, (square(0, 100, 20), {"building": "yes", "height": "44"})]
    path = write_geojson(tmp_path / "a.geojson", footprints)
    one, two = (read_buildings(path, seed) for seed in (0, 1))
    known = one.source[one.owner] == SOURCES.index("height")
    assert one.top[known].tolist() == two.top[known].tolist() == [44.0]
    assert (one.top[~known] != two.top[~known]).any()


def test_rings_that_cross_themselves_are_repaired_and_keep_both_lobes() -> None:
    bow_tie = shapely.Polygon([(0, 0), (20, 20), (20, 0), (0, 20)])
    polygons, owner = clean(np.array([bow_tie]))
    assert shapely.is_valid(polygons).all()
    assert shapely.area(polygons).sum() == pytest.approx(200.0)
    assert owner.tolist() == [0, 0]


def test_rings_without_an_area_and_repeated_corners_go() -> None:
    line = shapely.Polygon([(0, 0), (10, 0), (20, 0), (0, 0)])
    repeated = shapely.Polygon([(0, 0), (0, 0), (10, 0), (10, 0.001), (10, 10), (0, 10)])
    spike = shapely.Polygon([(0, 0), (10, 0), (10, 10), (30, 10), (10, 10), (0, 10)])
    polygons, owner = clean(np.array([line, shapely.Polygon(), repeated, spike]))
    assert owner.tolist() == [2, 3]
    assert shapely.get_num_coordinates(polygons[0]) == 5
    assert shapely.area(polygons).tolist() == pytest.approx([100.0, 100.0], abs=0.1)


def test_extent_is_what_the_file_says_it_covers(tmp_path: Path) -> None:
    osm_map = OsmMap(bounds=BOUNDS)
    osm_map.way(square(480, 480, 40), YES)
    west, south, east, north = read_buildings(osm_map.write(tmp_path / "a.osm")).extent
    for side in (east - west, north - south):
        assert 460 < side < 501  # north of the grid is not quite north of the degrees


@pytest.mark.parametrize("packed", [bytes, gzip.compress, bz2.compress])
def test_map_is_known_whatever_its_name(packed: Callable[[bytes], bytes], tmp_path: Path) -> None:
    osm_map = OsmMap()
    osm_map.way(square(0, 0, 40), YES)
    content = packed(osm_map.write(tmp_path / "a.osm").read_bytes())
    for name in ("MAP.OSM", "map.json", "map"):
        (tmp_path / name).write_bytes(content)
        assert len(read_buildings(tmp_path / name).keys) == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.shp", b"", r"a\.shp is empty or of an unknown format, expected an OpenStreetMap extract"),
        ("a.osm", b"<html><body>429 Too Many Requests", r"a\.osm is a web page, expected an OpenStreetMap"),
        ("a.osm", b"", "is no whole OSM file"),
        ("a.geojson", b"", "is no whole JSON"),
        ("a.osm", b'<osm version="0.6"></osm>', "holds no building; take a larger extract"),
        ("missing.osm", None, "there is no file"),
    ],
)
def test_unusable_file_is_answered_in_one_line(
    name: str, content: bytes | None, said: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(MapError, match=said) as error:
        read_buildings(tmp_path / name)
    assert "\n" not in str(error.value)


def test_extract_with_nothing_but_cut_buildings_says_so(tmp_path: Path) -> None:
    osm_map = OsmMap()
    osm_map.way(square(0, 0, 40), YES)
    osm_map.nodes.pop()
    with pytest.raises(
        MapError, match="no building, but 1 cut by the edge of the map; take a larger extract"
    ):
        read_buildings(osm_map.write(tmp_path / "a.osm"))


def test_name_of_a_map_is_that_of_its_file() -> None:
    assert map_name(Path("a/Helsinki.osm.pbf")) == "Helsinki"
    assert map_name(Path("planet_10.068.osm")) == "planet_10.068"


def test_helsinki_has_levels_without_level_courtyards_and_a_height_in_words() -> None:
    buildings = read_buildings(real("Helsinki"))
    counts = np.bincount(buildings.source, minlength=len(SOURCES))
    assert counts[SOURCES.index("building:levels")] > 200  # none of them carries the tag `level`
    assert shapely.get_num_interior_rings(buildings.polygons).sum() >= 70
    assert 12.13 in buildings.top
    assert shapely.is_valid(buildings.polygons).all()


def test_helsinki_raster_is_that_of_its_traced_scene() -> None:
    buildings = read_buildings(real("Helsinki"))
    scene = extruded_scene(buildings.polygons, buildings.top, buildings.bottom, area=(-200, -200, 1200, 1800))
    window = Window(240.3, 600.7, 512.0, 4.0)
    x, y = window.west + window.centres, window.south + window.centres
    raster, traced = height_raster(buildings.polygons, buildings.top, x, y), scene.heights(window)[0]
    assert (raster > 0).mean() > 0.3
    assert (np.abs(raster - traced) > 1e-3).mean() < 1e-3  # a ray may miss where two walls meet
