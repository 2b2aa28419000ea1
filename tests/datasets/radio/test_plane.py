"""The plane of a map: across the antimeridian, and with a footprint on the other side of the Earth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import shapely

from datasets.radio.buildings import read_buildings
from datasets.radio.mapped import MapError


def houses(path: Path, west: list[float], south: float = -16.8) -> Path:
    """Houses of 0.0004 x 0.0003 degrees."""
    wrapped = [[(x + 180) % 360 - 180 for x in (each, each + 0.0004)] for each in west]
    rings = [[[a, south], [b, south], [b, south + 3e-4], [a, south + 3e-4]] for a, b in wrapped]
    polygons = [{"type": "Polygon", "coordinates": [[*ring, ring[0]]]} for ring in rings]
    features = [
        {"type": "Feature", "id": f"house {number}", "properties": {"height": 9}, "geometry": polygon}
        for number, polygon in enumerate(polygons)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_village_on_both_sides_of_the_antimeridian_lies_in_one_plane(tmp_path: Path) -> None:
    here = read_buildings(houses(tmp_path / "a.geojson", [177.0 + 0.001 * n for n in range(4)]))
    across = read_buildings(houses(tmp_path / "b.geojson", [179.9978 + 0.001 * n for n in range(4)]))
    assert across.epsg in (32701, 32760)
    assert len(across.keys) == 4
    sides = [each.extent[2] - each.extent[0] for each in (here, across)]
    assert sides[1] == pytest.approx(sides[0], rel=5e-3)  # scale and north of the grid differ
    assert shapely.area(across.polygons) == pytest.approx(shapely.area(here.polygons), rel=5e-3)


def test_few_footprints_far_from_all_others_are_named(tmp_path: Path) -> None:
    path = houses(tmp_path / "a.geojson", [24.0 + 0.001 * number for number in range(9)] + [2.0])
    with pytest.raises(MapError, match=r"1 of 10 footprints lie far .* house 9 at longitude 2, latitude -16"):
        read_buildings(path)


def test_map_across_a_border_of_zones_keeps_its_measures(tmp_path: Path) -> None:
    inside = read_buildings(houses(tmp_path / "a.geojson", [26.999]))
    across = read_buildings(houses(tmp_path / "b.geojson", [29.999, 30.001]))
    assert shapely.area(across.polygons) == pytest.approx(shapely.area(inside.polygons)[0], rel=3e-3)


def test_north_and_south_are_told_by_the_middle(tmp_path: Path) -> None:
    assert read_buildings(houses(tmp_path / "a.geojson", [24.0, 24.01], 0.001)).epsg == 32635
    assert read_buildings(houses(tmp_path / "a.geojson", [24.0, 24.01], -0.001)).epsg == 32735
