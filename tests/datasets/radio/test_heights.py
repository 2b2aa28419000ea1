"""Heights of buildings: what the tags say, in the documented order, else a draw of the building's own."""

from __future__ import annotations

import numpy as np
import pytest

from datasets.radio.heights import SOURCES, height_of, random_height, read_length, read_levels, unreadable


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        ("15", 15.0),
        ("15 m", 15.0),
        ("15.5m", 15.5),
        ("15,5 m", 15.5),
        ("12.13 m", 12.13),
        ("8 metres", 8.0),
        ("49'", 14.9352),
        ("49 ft", 14.9352),
        ("49'6\"", 15.0876),
        ("3;4", 4.0),
        ("3 m; 4.5", 4.5),
        ("about;7", 7.0),
        ("~12", 12.0),
        ("ca. 12", 12.0),
        ("est. 12 m", 12.0),
        ("+12", 12.0),
        ("12m.", 12.0),
        ("12 mtr", 12.0),
        ("12 м", 12.0),
        ("12\u00a0m", 12.0),
        ("1200 cm", 12.0),
        ("1.2e1", 12.0),
        ("0012", 12.0),
        ("10-12", 12.0),
        ("10 m \u2013 12 m", 12.0),
        ("10;12 m", 12.0),
        ("6'6\"", 1.9812),
        ("6'-6\"", 1.9812),
        ("6\u20326\u2033", 1.9812),
        ("40 feet", 12.192),
    ],
)
def test_height_with_a_unit_is_read(text: str, metres: float) -> None:
    assert read_length(text) == pytest.approx(metres)


@pytest.mark.parametrize(
    "text",
    [None, "", "high", "-3", "15 km", "2010-12", "12/15", ">9", "1,234", "1e9", "5000", "m", "nan", "15 x"],
)
def test_what_is_no_height_is_passed_over(text: str | None) -> None:
    assert read_length(text) is None
    assert read_levels(None if text is None else f"{text} storeys") is None


@pytest.mark.parametrize(
    ("text", "storeys"),
    [("4", 4), ("2,5", 2.5), ("3;4", 4), ("3-4", 4), ("G+4", 5), ("R+2", 3), ("4 floors", 4), ("~4", 4)],
)
def test_storeys_are_read(text: str, storeys: float) -> None:
    assert read_levels(text) == storeys


@pytest.mark.parametrize("text", ["2+1", "3,4", "many", "500"])
def test_what_is_no_number_of_storeys_is_passed_over(text: str) -> None:
    assert read_levels(text) is None


def test_texts_that_cannot_be_read_are_counted_and_those_for_no_height_are_not() -> None:
    tags = [
        {"height": "tall"},
        {"height": "tall", "building:levels": "2+1"},
        *({"height": text} for text in ("-1", "-1.0", "0", "0.0", "0 m", "NaN", "12 storeys", "~12")),
        {"min_height": "3 storeys"},
    ]
    assert unreadable(tags) == {"height=tall": 2, "building:levels=2+1": 1, "min_height=3 storeys": 1}


@pytest.mark.parametrize(
    ("tags", "top", "source"),
    [
        ({"height": "12 storeys"}, 42.0, "building:levels"),
        ({"height": "12 storeys", "building:levels": "9"}, 31.5, "building:levels"),
        ({"height": "20", "building:height": "30", "building:levels": "9"}, 20.0, "height"),
        ({"building:height": "30", "building:levels": "9"}, 30.0, "building:height"),
        ({"height": "unknown", "building:levels": "9"}, 31.5, "building:levels"),
        ({"height": "0", "building:levels": "2"}, 7.0, "building:levels"),
        ({"building:levels": "4", "roof:levels": "1"}, 17.5, "building:levels"),
        ({"building:levels": "0", "roof:levels": "0.5"}, 1.75, "building:levels"),
    ],
)
def test_height_comes_before_building_height_before_levels(tags: dict, top: float, source: str) -> None:
    found = height_of("way/1", tags, 0)
    assert (found.top, SOURCES[found.source]) == (pytest.approx(top), source)


def test_levels_count_without_a_tag_level() -> None:
    assert height_of("way/1", {"building": "yes", "building:levels": "6"}, 0).top == 21.0


def test_no_usable_tag_gives_a_draw_and_says_so() -> None:
    for tags in ({}, {"building:levels": "0"}, {"height": "tall"}):
        found = height_of("way/1", tags, 3)
        assert found.top == random_height("way/1", 3)
        assert SOURCES[found.source] == "random"


def test_random_height_follows_from_the_key_and_the_seed_alone() -> None:
    first = [random_height(f"way/{number}", 0) for number in range(200)]
    again = [random_height(f"way/{number}", 0) for number in reversed(range(200))]
    assert first == again[::-1]
    assert first != [random_height(f"way/{number}", 1) for number in range(200)]
    assert first != [random_height(f"relation/{number}", 0) for number in range(200)]


def test_random_heights_are_storeys_about_five_of_them() -> None:
    storeys = np.array([random_height(f"way/{number}", 0) for number in range(2000)]) / 3.5
    assert storeys.mean() == pytest.approx(5.0, abs=0.1)
    assert storeys.std() == pytest.approx(np.sqrt(1 + 1 / 12), abs=0.1)
    assert (storeys % 1 == 0).all()
    assert storeys.min() >= 1


@pytest.mark.parametrize(
    ("tags", "bottom"),
    [
        ({"height": "20", "min_height": "5 m"}, 5.0),
        ({"building:levels": "6", "building:min_level": "2"}, 7.0),
        ({"building:levels": "6", "min_level": "1"}, 3.5),
        ({"height": "20", "min_height": "20"}, 0.0),
        ({"height": "20", "min_height": "?", "min_level": "2"}, 7.0),
        ({"height": "20"}, 0.0),
        ({"height": "6", "building": "roof"}, 5.5),
        ({"height": "6", "building:part": "canopy"}, 5.5),
        ({"height": "6", "building": "roof", "min_height": "4"}, 4.0),
    ],
)
def test_part_that_hangs_begins_at_its_least_height_if_that_lies_below_its_roof(
    tags: dict, bottom: float
) -> None:
    assert height_of("way/1", tags, 0).bottom == pytest.approx(bottom)


def test_part_without_a_height_has_that_of_its_outline() -> None:
    assert height_of("way/1", {}, 0, outline=(33.0, 0)) == (0.0, 33.0, 0)
    assert height_of("way/1", {"height": "4"}, 0, outline=(33.0, 2)) == (0.0, 4.0, 0)
