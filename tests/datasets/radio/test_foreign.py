"""Footprints in other formats are refused by what they are, with the line that makes GeoJSON of them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from datasets.radio.buildings import read_buildings
from datasets.radio.mapped import MapError

GOOGLE = (
    b'latitude,longitude,area_in_meters,confidence,geometry,full_plus_code\n1,2,3,.7,"POLYGON((1 2))",6\n'
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x00\x00\x27\x0a" + bytes(96), "is a shapefile, .*ogr2ogr -t_srs EPSG:4326 map.geojson map.shp"),
        (b"SQLite format 3\x00" + bytes(96), "such as a GeoPackage, .*ogr2ogr"),
        (b"PAR1" + bytes(96), "such as GeoParquet, .*ogr2ogr"),
        (b"fgb\x03fgb\x00" + bytes(96), "a FlatGeobuf file, .*ogr2ogr"),
        (b"PK\x03\x04" + bytes(96), "a ZIP archive, .*unpack it"),
        (b"\xfd7zXZ\x00" + bytes(96), "packed by xz, .*unxz"),
        (b'<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"></kml>', "is KML, .*map.kml"),
        (GOOGLE, r"a table of footprints \(CSV\), .*GEOM_POSSIBLE_NAMES=geometry"),
        (gzip.compress(GOOGLE), r"a table of footprints \(CSV\)"),
    ],
)
def test_other_format_is_named_with_what_to_do(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "map.bin").write_bytes(content)
    with pytest.raises(MapError, match=said) as error:
        read_buildings(tmp_path / "map.bin")
    assert "\n" not in str(error.value)
