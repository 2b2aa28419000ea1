"""Properties of footprints by the names of several schemas, and the columns that a user names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from datasets.radio.buildings import Buildings, read_buildings
from datasets.radio.heights import SOURCES
from datasets.radio.mapped import UNDERGROUND, MapError
from datasets.radio.properties import Columns, alike, to_tags
from tests.datasets.radio.maps import square, write_geojson


def read(path: Path, *properties: dict[str, Any], columns: Columns | None = None) -> Buildings:
    footprints = [(square(100.0 * number, 0, 40), each) for number, each in enumerate(properties)]
    return read_buildings(write_geojson(path / "a.geojson", footprints), columns=columns)


def rows(buildings: Buildings) -> dict[str, tuple[float, float, str]]:
    """Bottom, top and source by key."""
    sources = [SOURCES[source] for source in buildings.source[buildings.owner]]
    keys = buildings.keys[buildings.owner].tolist()
    return dict(zip(keys, zip(buildings.bottom, buildings.top, sources, strict=True), strict=True))


def test_overture_is_read(tmp_path: Path) -> None:
    buildings = read(
        tmp_path,
        {"id": "a", "height": 21.5, "num_floors": 6, "names": {"primary": "Hall"}, "sources": [{}]},
        {
            "id": "b",
            "height": None,
            "num_floors": 4,
            "num_floors_underground": 2,
            "level": -1,
            "is_underground": False,
        },
        {"id": "c", "height": 30.0, "is_underground": True},
        {"id": "d", "building_id": "a", "num_floors": 8, "min_floor": 6},
        {"id": "e", "height": 9.0, "min_height": 3.0, "roof_height": 2.0, "has_parts": False},
    )
    assert rows(buildings) == {
        "a": (0.0, 21.5, "height"),
        "b": (0.0, 14.0, "building:levels"),
        "d": (21.0, 28.0, "building:levels"),
        "e": (3.0, 9.0, "height"),
    }
    assert buildings.left_out == {UNDERGROUND: 1}


def test_height_of_minus_one_is_unknown(tmp_path: Path) -> None:
    buildings = read(tmp_path, {"id": 1, "height": -1.0}, {"id": 2, "height": 7.25}, {"id": 3, "height": 0})
    assert [source for *_, source in rows(buildings).values()] == ["random", "height", "random"]
    assert buildings.unreadable == {}


@pytest.mark.parametrize(
    ("properties", "tags"),
    [
        ({"tags": {"height": "8", "building": "yes"}}, {"height": "8", "building": "yes"}),
        ({"tags": json.dumps({"height": "8"})}, {"height": "8"}),
        ({"other_tags": '"height"=>"8","name"=>"a \\"b\\""'}, {"height": "8", "name": 'a "b"'}),
        ({"building_levels": 4, "building_part": "yes"}, {"building:levels": "4", "building:part": "yes"}),
        ({"building": "", "name": None, "bbox": [1, 2]}, {}),
        ({"building": float("nan")}, {}),
    ],
)
def test_tags_are_found_where_programs_put_them(properties: dict, tags: dict) -> None:
    found = to_tags(properties)
    assert {key: found.get(key) for key in tags} == tags
    assert "building" not in found or "building" in tags


def test_named_columns_are_read_and_nothing_else_is(tmp_path: Path) -> None:
    properties = [
        {"id": 1, "HAUTEUR": 100, "etages": 3, "height": 5},
        {"id": 2, "HAUTEUR": "12 m", "etages": 3},
        {"id": 3, "HAUTEUR": None, "etages": 3},
    ]
    feet = rows(read(tmp_path, *properties, columns=Columns("HAUTEUR", "etages", "ft")))
    assert feet == {
        "1": (0.0, pytest.approx(30.48), "height"),
        "2": (0.0, 12.0, "height"),
        "3": (0.0, 10.5, "building:levels"),
    }


@pytest.mark.parametrize(
    "name", ["HAUTEUR", "Hoogte", "BLDG_HT", "etages", "storeys", "HEIGHT", "heightroof"]
)
def test_heights_of_another_name_only_are_refused_until_somebody_names_them(
    name: str, tmp_path: Path
) -> None:
    properties = [{"id": 1, name: 12.5}, {"id": 2, name: 9}]
    with pytest.raises(MapError, match=f"2 of 2 buildings have the property {name} .*height_property={name}"):
        read(tmp_path, *properties)
    assert [top for _, top, _ in rows(read(tmp_path, *properties, columns=Columns(name))).values()] == [
        12.5,
        9,
    ]
    drawn = read(tmp_path, *properties, columns=Columns("height"))
    assert {source for *_, source in rows(drawn).values()} == {"random"}
    assert drawn.alike == {name: 2}


def test_column_that_no_building_has_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(MapError, match="no building has the property 'HAUTER'; there are HAUTEUR"):
        read(tmp_path, {"HAUTEUR": 3}, columns=Columns("HAUTER"))


@pytest.mark.parametrize(
    "name",
    ["height", "num_floors", "roof:height", "maxheight", "ground_height", "level", "min_height", "name"],
)
def test_what_is_read_or_is_another_height_is_not_held_for_one(name: str) -> None:
    assert not alike([{name: "12"}], Columns())


def test_some_heights_of_another_name_are_counted(tmp_path: Path) -> None:
    assert read(tmp_path, {"height": 4}, {"storeys": 3}).alike == {"storeys": 1}
