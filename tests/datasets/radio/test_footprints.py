"""The coarse grids of buildings in the package are those of the scenes."""

from __future__ import annotations

import numpy as np
import pytest

from datasets.radio.footprints import SPACING, built_up, probe
from physics.raytracing.scenes import CITIES

SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in CITIES if name != "etoile"]


@pytest.mark.parametrize("name", ["etoile", *SLOW])
def test_grid_in_the_package_is_that_of_the_scene(name: str) -> None:
    np.testing.assert_array_equal(built_up(name), probe(name))


@pytest.mark.parametrize("name", CITIES)
def test_grid_covers_the_city(name: str) -> None:
    area, (rows, columns) = CITIES[name], built_up(name).shape
    assert 0 <= rows * SPACING - (area.north - area.south) < SPACING
    assert 0 <= columns * SPACING - (area.east - area.west) < SPACING
