"""Which tags are those of a building that stands above the ground today."""

from __future__ import annotations

import pytest

from datasets.radio.mapped import GONE, UNDERGROUND
from datasets.radio.standing import absence, is_building, is_part, was_building

YES = {"building": "yes"}


@pytest.mark.parametrize(
    "tags",
    [
        {"location": "underground"},
        {"layer": "-1"},
        {"level": "-2;-1"},
        {"building:max_level": "-1"},
        {"building:levels": "-1"},
        {"building:levels": "0", "building:levels:underground": "2"},
        {"is_underground": "True"},
    ],
)
def test_what_is_below_the_ground_is_told(tags: dict[str, str]) -> None:
    assert absence(YES | tags) == UNDERGROUND


@pytest.mark.parametrize(
    "tags",
    [
        {"location": "overground", "layer": "-1"},
        {"layer": "1"},
        {"level": "-1;0"},
        {"level": "ground"},
        {"building:levels:underground": "2"},
        {"building:levels": "0", "building:levels:underground": "2", "height": "5"},
        {"is_underground": "False", "level": "-1"},
        {"building": "ruins"},
        {"abandoned": "yes"},
        {"construction": "minor"},
    ],
)
def test_what_reaches_above_the_ground_stands(tags: dict[str, str]) -> None:
    assert absence(YES | tags) == ""


@pytest.mark.parametrize(
    "tags", [{"building": "construction"}, {"building": "demolished"}, {"building": "yes", "razed": "yes"}]
)
def test_what_does_not_stand_today_is_told(tags: dict[str, str]) -> None:
    assert absence(tags) == GONE


def test_prefix_of_a_life_cycle_is_no_building_any_more() -> None:
    tags = {"demolished:building": "yes"}
    assert was_building(tags)
    assert not is_building(tags)
    assert not was_building(tags | YES)


def test_part_is_told_from_a_whole_building() -> None:
    assert is_part({"building:part": "yes"})
    assert is_part({"building:part": "yes", "building": "no"})
    assert not is_part({"building:part": "yes", "building": "yes"})
