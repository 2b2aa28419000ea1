"""GeoJSON of footprints: polygons with properties, and what is none."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely

from datasets.radio.buildings import read_buildings
from datasets.radio.geojson import read_geojson
from datasets.radio.mapped import DRAWN, INVALID, MapError
from tests.datasets.radio.maps import Ring, degrees, square, write_geojson

POINT = {"type": "Point", "coordinates": [24.9, 60.1]}


def test_properties_are_tags_and_numbers_become_words(tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "a.geojson", [(square(0, 0, 20), {"height": 12.5, "name": None})])
    assert read_geojson(path).tags == [{"height": "12.5"}]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_file_is_read_with_a_byte_order_mark(encoding: str, tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "a.geojson", [(square(0, 0, 20), {"name": "Höhe"})])
    path.write_text(path.read_text(encoding="utf-8"), encoding=encoding)
    assert read_geojson(path).tags == [{"name": "Höhe"}]


def test_key_is_the_name_given_else_the_shape_whatever_the_order(tmp_path: Path) -> None:
    named = (square(0, 0, 20), {"@id": "way/7"})
    plain = [(square(50 * number, 0, 20), {}) for number in range(1, 4)]
    one = read_geojson(write_geojson(tmp_path / "a.geojson", [named, *plain])).keys
    two = read_geojson(write_geojson(tmp_path / "b.geojson", [*plain[::-1], named])).keys
    assert one[0] == "way/7"
    assert one == [two[3], *two[2::-1]]
    assert len(set(one)) == 4


def test_where_some_features_are_tagged_as_buildings_the_others_are_none(tmp_path: Path) -> None:
    footprints = [(square(0, 0, 20), {"building": "yes"}), (square(50, 0, 90), {"landuse": "grass"})]
    assert len(read_geojson(write_geojson(tmp_path / "a.geojson", footprints)).keys) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is no whole JSON"),
        ("[]", "is no GeoJSON of footprints: found list, expected a FeatureCollection"),
        ('{"type": "Stack"}', "found 'Stack', expected a FeatureCollection"),
        ('{"type": "Topology"}', "is TopoJSON, .*ogr2ogr -t_srs EPSG:4326"),
        ('{"type": "CityJSON"}', "is CityJSON, .*export its footprints as GeoJSON"),
        ('{"elements": [], "remark": "timed out"}', r"JSON of Overpass \(timed out\), .*`\[out:xml\]`"),
        ('{"geometryType": "esriGeometryPolygon", "features": []}', "JSON of ArcGIS, .*`f=geojson`"),
        ('{"a": 1}\n{"a": ', "line 2 is no whole JSON"),
        ('{"type": "FeatureCollection", "features": []}', "has no polygon of a building"),
        ('{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}', "has no polygon"),
        ('{"type": "Feature", "geometry": null}', "has no polygon of a building"),
        ('{"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}', "1 whose shape cannot be read"),
        ('{"type": "Polygon", "coordinates": "here"}', "1 whose shape cannot be read"),
    ],
)
def test_file_without_footprints_is_answered_in_one_line(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(content)
    with pytest.raises(MapError, match=said) as error:
        read_geojson(path)
    assert "\n" not in str(error.value)


def test_coordinates_in_metres_are_refused(tmp_path: Path) -> None:
    ring = [[385500.0, 6672000.0], [385520.0, 6672000.0], [385520.0, 6672020.0], [385500.0, 6672000.0]]
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    with pytest.raises(MapError, match=r"has the coordinates \(385500, 6.672e\+06\).*export it in WGS84"):
        read_geojson(path)


def system(name: str) -> dict[str, object]:
    return {"type": "name", "properties": {"name": name}}


def moved(epsg: int, ring: Ring) -> dict[str, object]:
    """A polygon in a projected reference system."""
    transformer = pyproj.Transformer.from_crs(4326, epsg, always_xy=True)
    corners = [list(transformer.transform(*corner)) for corner in degrees(ring)]
    return {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}


@pytest.mark.parametrize("name", ["urn:ogc:def:crs:EPSG::3067", "EPSG:3067", "3067"])
def test_projected_coordinates_are_converted(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.geojson").write_text(json.dumps(moved(3067, square(0, 0, 20)) | {"crs": system(name)}))
    (shape,) = read_geojson(tmp_path / "a.geojson").shapes
    expected = shapely.Polygon(degrees(square(0, 0, 20)))
    assert shapely.hausdorff_distance(shape, expected) < 1e-8


@pytest.mark.parametrize(
    ("crs", "said"),
    [
        (system("local grid"), "coordinate system local grid, which is unknown; export it in WGS84"),
        (system("EPSG:3857"), "says that it is in .*EPSG:3857.*coordinates like longitude and latitude"),
        ({"type": "link"}, "states a coordinate system without a name"),
    ],
)
def test_coordinate_system_that_cannot_be_used_is_refused_by_its_name(
    crs: dict, said: str, tmp_path: Path
) -> None:
    path = write_geojson(tmp_path / "a.geojson", [(square(0, 0, 20), {})], crs=crs)
    with pytest.raises(MapError, match=said):
        read_geojson(path)


def askew(number: int) -> Ring:
    """A house of 20 m x 10 m that does not lie along the meridians."""
    turn = np.exp(1j * (0.3 + 0.05 * number))
    corners = 60 * number + turn * np.array([0, 20, 20 + 10j, 10j])
    return [(float(corner.real), float(corner.imag)) for corner in corners]


@pytest.mark.parametrize("swap", [False, True])
def test_latitude_before_longitude_is_seen_by_the_corners_of_houses(swap: bool, tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "a.geojson", [(askew(number), {}) for number in range(20)])
    content = json.loads(path.read_text())
    if not swap:
        assert len(read_geojson(path).keys) == 20
        return
    for feature in content["features"]:
        feature["geometry"]["coordinates"][0] = [
            corner[::-1] for corner in feature["geometry"]["coordinates"][0]
        ]
    path.write_text(json.dumps(content))
    with pytest.raises(MapError, match="GeoJSON has longitude before latitude, so swap them"):
        read_geojson(path)


def test_latitude_above_90_can_only_be_a_longitude(tmp_path: Path) -> None:
    ring = [[40.1, -105.1], [40.1, -105.2], [40.2, -105.2], [40.1, -105.1]]
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    with pytest.raises(MapError, match=r"\(40.1, -105.1\); GeoJSON has longitude before latitude"):
        read_geojson(tmp_path / "a.geojson")


def lines(path: Path, text: Callable[[dict], str]) -> bytes:
    """Two footprints, each written by itself."""
    footprints = [(square(100 * number, 0, 20), {"height": 5 + number}) for number in range(2)]
    features = json.loads(write_geojson(path, footprints).read_text())["features"]
    return "".join(map(text, features)).encode()


@pytest.mark.parametrize(
    "text",
    [
        lambda feature: json.dumps(feature) + "\n",
        lambda feature: "\x1e" + json.dumps(feature, indent=1) + "\n",
    ],
)
@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_one_feature_a_line_is_read_whatever_the_name(
    text: Callable[[dict], str], packed: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    content = packed(lines(tmp_path / "a.geojson", text))
    for name in ("a.geojsonl", "a.csv.gz", "a.GEOJSON"):
        (tmp_path / name).write_bytes(content)
        assert read_buildings(tmp_path / name).top.tolist() == [5.0, 6.0]


def test_packed_footprints_cut_short_are_answered_in_one_line(tmp_path: Path) -> None:
    content = gzip.compress(lines(tmp_path / "a.geojson", lambda feature: json.dumps(feature) * 300))
    (tmp_path / "a.csv.gz").write_bytes(content[:-20])
    with pytest.raises(MapError, match=r"a\.csv\.gz cannot be unpacked .*download it again"):
        read_buildings(tmp_path / "a.csv.gz")


@pytest.mark.parametrize(
    "change",
    [
        lambda geometry: geometry | {"coordinates": [geometry["coordinates"][0][:-1]]},
        lambda geometry: {"type": "GeometryCollection", "geometries": [POINT, geometry]},
        lambda geometry: {"type": "MultiPolygon", "coordinates": [geometry["coordinates"]]},
        lambda geometry: geometry | {"coordinates": [[[*each, 3.0] for each in geometry["coordinates"][0]]]},
    ],
    ids=["not closed", "in a collection", "multipolygon", "with altitudes"],
)
def test_polygon_is_read_in_every_dress(change: Callable[[dict], dict], tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "a.geojson", [(square(0, 0, 20), {"height": 5})])
    content = json.loads(path.read_text())
    content["features"][0]["geometry"] = change(content["features"][0]["geometry"])
    path.write_text(json.dumps(content))
    assert shapely.area(read_buildings(path).polygons) == pytest.approx([400.0], rel=1e-3)


def test_what_is_no_polygon_is_counted_by_cause(tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "a.geojson", [(square(0, 0, 20), {"height": 5})])
    content = json.loads(path.read_text())
    geometries = [POINT, None, {"type": "Polygon"}, {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}]
    content["features"] += [{"type": "Feature", "properties": {}, "geometry": each} for each in geometries]
    path.write_text(json.dumps(content))
    assert read_geojson(path).left_out == {DRAWN: 2, INVALID: 2}


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_corners_without_end_are_answered_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    ring = "[[0, Infinity], [0, NaN], [1, 1], [0, Infinity]]"
    path.write_text(f'{{"type": "Polygon", "coordinates": [{ring}]}}', encoding="utf-8")
    with pytest.raises(MapError, match=r"has the coordinates \(0, inf\)"):
        read_geojson(path)
