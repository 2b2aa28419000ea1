"""Transmitters stand over the roofs around them, at the altitude their record says."""

from __future__ import annotations

import numpy as np
import pytest

from datasets.radio.transmitters import Placing, in_scene, place_transmitters, require_over_roofs
from physics.raytracing.scenes import Window

CELL = 4.0


def rngs(count: int = 50) -> list[np.random.Generator]:
    return [np.random.default_rng(number) for number in range(count)]


@pytest.fixture
def rasters() -> tuple[np.ndarray, np.ndarray]:
    building = np.zeros((32, 32), np.float32)
    building[4, 4] = 40.0  # a tower in the south-west
    terrain = np.tile(np.linspace(0, 31, 32, dtype=np.float32), (32, 1))  # rises eastwards
    return building, terrain


def test_highest_roof_rule_clears_the_whole_window(rasters: tuple[np.ndarray, np.ndarray]) -> None:
    placing = Placing("highest_roof", 0.0, (2.0, 3.0), 0.8, 0.0)
    positions = place_transmitters(*rasters, CELL, placing, rngs())
    altitude = in_scene(positions, rasters[1], Window(100.0, 200.0, 128.0, CELL))[:, 2]
    assert (altitude >= 44.0 + 2.0 - 1e-4).all()
    assert (altitude <= 44.0 + 3.0 + 1e-4).all()


def test_local_roof_rule_looks_no_farther_than_its_radius(rasters: tuple[np.ndarray, np.ndarray]) -> None:
    placing = Placing("local_roof", 8.0, (2.0, 3.0), 1.0, 0.0)
    positions = place_transmitters(rasters[0], np.zeros_like(rasters[1]), CELL, placing, rngs())
    near = np.hypot(positions[:, 0] - 18.0, positions[:, 1] - 18.0) < 8.0
    assert (positions[~near, 2] < 4.0).all()


def test_transmitters_keep_to_the_middle_and_above_the_least_height(
    rasters: tuple[np.ndarray, np.ndarray],
) -> None:
    placing = Placing("local_roof", 8.0, (2.0, 3.0), 0.5, 15.0)
    positions = place_transmitters(*rasters, CELL, placing, rngs())
    assert positions[:, :2].min() >= 32.0
    assert positions[:, :2].max() <= 96.0
    assert positions[:, 2].min() == 15.0


def test_scene_position_adds_the_corner_and_the_ground_below() -> None:
    terrain = np.arange(4.0).reshape(2, 2)
    positions = np.array([[5.0, 1.0, 10.0], [8.0, 8.0, 10.0]])  # the second on the edge
    np.testing.assert_allclose(
        in_scene(positions, terrain, Window(100.0, 200.0, 8.0, 4.0)), [[105, 201, 11], [108, 208, 13]]
    )


def test_a_transmitter_inside_a_building_is_named(rasters: tuple[np.ndarray, np.ndarray]) -> None:
    positions = np.array([[18.0, 18.0, 41.0], [90.0, 90.0, 2.0], [18.0, 18.0, 39.0]])
    require_over_roofs(positions[:2], rasters[0], CELL, 4)
    with pytest.raises(ValueError, match="of record 6 stands 39 m above the ground, in a building of 40 m"):
        require_over_roofs(positions, rasters[0], CELL, 4)
