"""Windows: placed by the seed, built up, validation apart, groups of those that overlap."""

from __future__ import annotations

import numpy as np
import pytest

from datasets.radio.windows import (
    TRAIN,
    VALIDATION,
    Placed,
    check_corners,
    group_overlapping,
    place_city,
)
from physics.raytracing.scenes import Window, load_city


def test_validation_windows_lie_apart_from_training_windows() -> None:
    placed = place_city("etoile", 1, 128.0, 4.0, 0.2, (30, 6, 0))
    train = [p.window for p in placed if p.subset == TRAIN]
    validation = [p.window for p in placed if p.subset == VALIDATION]
    assert (len(train), len(validation)) == (30, 6)
    assert not any(a.overlaps(b) for a in train for b in validation)


def test_windows_lie_inside_the_city_with_enough_buildings() -> None:
    for placed in place_city("etoile", 2, 128.0, 4.0, 0.3, (10, 0, 0)):
        placed.window.check_inside("etoile")
        building, _ = load_city("etoile").heights(placed.window)
        assert (building > 0).mean() > 0.2  # the coarse count may miss a little


def test_windows_are_a_function_of_the_seed() -> None:
    first, again, other = (place_city.__wrapped__("etoile", s, 128.0, 4.0, 0.2, (3, 0, 0)) for s in (1, 1, 2))
    assert first == again != other


def test_given_corners_are_taken_in_turn() -> None:
    corners = ((-100.0, -100.0), (0.0, 0.0))
    placed = place_city("etoile", 0, 128.0, 4.0, 0.0, (3, 0, 0), corners)
    assert [(p.window.west, p.window.south) for p in placed] == [*corners, corners[0]]


def test_no_room_for_validation_is_said_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="apart from the validation windows; ask for fewer or smaller"):
        place_city("etoile", 0, 512.0, 4.0, 0.0, (4, 2, 0))


def test_window_larger_than_the_city_is_refused() -> None:
    with pytest.raises(ValueError, match="lies outside the scene 'etoile'"):
        check_corners("etoile", 1000.0, 4.0)


def test_groups_join_windows_that_overlap_through_others() -> None:
    corners = [(0, 0), (400, 0), (2000, 0), (800, 0), (0, 0)]
    placed = [Placed("munich", Window(x, y), TRAIN) for x, y in corners]
    placed.append(Placed("florence", Window(0, 0), TRAIN))
    groups = group_overlapping(tuple(placed))
    assert groups[0] == groups[1] == groups[3] == groups[4]
    assert len(np.unique(groups)) == 3
