"""GeoJSON of footprints: polygons with properties, and what is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datasets.radio.geojson import read_geojson
from datasets.radio.mapped import MapError
from tests.datasets.radio.maps import square, write_geojson


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
        ("{", "is no JSON"),
        ("[]", "is no GeoJSON of footprints: found list, expected a FeatureCollection"),
        ('{"type": "Topology"}', "found 'Topology', expected a FeatureCollection"),
        ('{"type": "FeatureCollection", "features": []}', "has no polygon of a building"),
        ('{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}', "has no polygon"),
        ('{"type": "Feature", "geometry": null}', "has no polygon of a building"),
        ('{"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}', "polygon 0 cannot be read"),
        ('{"type": "Polygon", "coordinates": "here"}', "polygon 0 cannot be read"),
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


def test_another_coordinate_system_is_refused_by_its_name(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}
    path = write_geojson(tmp_path / "a.geojson", [(square(0, 0, 20), {})], crs=crs)
    with pytest.raises(MapError, match="coordinate system urn:ogc:def:crs:EPSG::3857; export it in WGS84"):
        read_geojson(path)
