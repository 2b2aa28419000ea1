"""Rays in a window of a raster are those of the whole raster, read in pieces."""

import math

import array_api_strict
import numpy as np
import pytest
import torch

from physics.geometry import View, Window, direct_ray, link_geometry

CELL, RECEIVER, FREQUENCY = 4.0, 2.0, 3.66e9
LIBRARIES = pytest.mark.parametrize("xp", [np, torch, array_api_strict], ids=["numpy", "torch", "strict"])


def city(rows: int = 150, columns: int = 220) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    blocks = rng.uniform(5, 40, (rows // 10, columns // 10)) * (rng.random((rows // 10, columns // 10)) < 0.4)
    building = np.kron(blocks, np.ones((10, 10))).astype(np.float32)
    terrain = np.float32(20 * np.sin(np.arange(rows) / 30)[:, None] + np.zeros(columns))
    return building, terrain


def in_window(xp, building, terrain, position, window, pieces, **options):  # type: ignore[no-untyped-def]
    """Links and rays of a window, from a raster that gives no more than what it is asked for."""
    rows, columns = building.shape
    place = (
        slice(window.row, window.row + window.rows),
        slice(window.column, window.column + window.columns),
    )
    row, column = (int(np.clip(position[axis] / CELL, 0, n - 1)) for axis, n in ((1, rows), (0, columns)))

    def surface(piece: Window):  # type: ignore[no-untyped-def]
        pieces.append(piece)
        cut = (
            slice(piece.row, piece.row + piece.rows),
            slice(piece.column, piece.column + piece.columns),
        )
        return xp.asarray(building[cut] + terrain[cut])

    view = View(window, rows, columns, xp.asarray(terrain[row, column]), surface)
    inputs = (xp.asarray(terrain[place]), xp.asarray(position), CELL, RECEIVER)
    ray = direct_ray(xp.asarray(building[place]), *inputs, FREQUENCY, view=view, **options)
    return link_geometry(*inputs, view), ray, place


@LIBRARIES
@pytest.mark.parametrize("position", [(300.0, 200.0, 25.0), (850.0, 590.0, 40.0), (-60.0, -20.0, 30.0)])
@pytest.mark.parametrize("longest", [math.inf, 5.0])
def test_a_window_equals_its_part_of_the_whole(xp, position, longest) -> None:  # type: ignore[no-untyped-def]
    building, terrain = city()
    at = np.float32(position)
    inputs = (xp.asarray(terrain), xp.asarray(at), CELL, RECEIVER)
    link = link_geometry(*inputs)
    ray = direct_ray(xp.asarray(building), *inputs, FREQUENCY, 16, longest)
    for window in (Window(0, 0, 40, 40), Window(60, 150, 40, 40), Window(110, 180, 40, 40)):
        pieces: list[Window] = []
        near, seen, place = in_window(xp, building, terrain, at, window, pieces, steps=16, longest=longest)
        for whole, part in ((link, near), (ray, seen)):
            for name in whole._fields:
                expected = np.asarray(getattr(whole, name))[place]
                # torch computes the ends of its vectors with other instructions, one bit apart.
                np.testing.assert_allclose(np.asarray(getattr(part, name)), expected, rtol=1e-6, err_msg=name)
        assert max(piece.rows * piece.columns for piece in pieces) <= 4 * 40 * 40


def test_a_long_ray_has_as_many_parts_as_its_length_asks_for() -> None:
    building = np.zeros((3, 600))
    building[1, 290] = 30.0  # one cell, 4 m wide, half way of a ray of 2.3 km
    ground, at = np.zeros_like(building), np.array([2.0, 6.0, 25.0])
    coarse = direct_ray(building, ground, at, CELL, RECEIVER, FREQUENCY)
    fine = direct_ray(building, ground, at, CELL, RECEIVER, FREQUENCY, 64, 3.0)
    far = (1, 580)
    assert float(fine.blocked_length[far]) == pytest.approx(4.0, abs=1.5)
    assert float(fine.clearance[far]) < -10
    assert float(coarse.blocked_length[far]) in (0.0, pytest.approx(2318 / 64, rel=0.01))
    # Rays that are short enough are as they were.
    near = (slice(None), slice(0, 40))
    for one, other in zip(coarse, fine, strict=True):
        np.testing.assert_array_equal(one[near], other[near])
