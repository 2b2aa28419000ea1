"""Dominant paths against unfolded lengths worked out by hand, on walls and drawn cities."""

from __future__ import annotations

import math

import numpy as np
import pytest

from physics.geometry import SPEED_OF_LIGHT
from physics.propagation import friis_path_gain
from physics.raytracing import dominant, edges, roofs
from physics.raytracing.dominant import dominant_paths
from physics.raytracing.roofs import BendLoss

CELL, FREQUENCY = 2.0, 5.9e9
TURN = 2.0 * np.pi


def walled(height: float, rows: slice = slice(None)) -> np.ndarray:
    """A wall two cells thick, in columns 20 and 21 of a plain of 40 by 40 cells."""
    building = np.zeros((40, 40))
    building[rows, 20:22] = height
    return building


def city(seed: int = 0) -> np.ndarray:
    """Blocks of several heights with streets between."""
    rng = np.random.default_rng(seed)
    blocks = np.where(rng.random((8, 8)) < 0.7, rng.uniform(5.0, 25.0, (8, 8)), 0.0)
    building = np.kron(blocks, np.ones((5, 5)))
    building[::5] = building[:, ::5] = 0.0
    return building


def find(building: np.ndarray, mast: tuple[float, float, float], *heights: float, ground: float = 0.0):
    flat = np.full(building.shape, ground)
    return dominant_paths(building, flat, np.array(mast), np.array(heights), CELL, FREQUENCY)


def ways_to(mast: tuple[float, float, float], shape: tuple[int, int], height: float) -> np.ndarray:
    """Vectors (y, x, 3) from the receivers to the mast."""
    row, column = np.indices(shape)
    return np.stack(
        [mast[0] - (column + 0.5) * CELL, mast[1] - (row + 0.5) * CELL, np.full(shape, mast[2] - height)], -1
    )


def turned(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.abs(np.mod(one - other + np.pi, TURN) - np.pi)


def test_direct_path_is_free_space_and_points_to_the_transmitter() -> None:
    mast = (31.0, 45.0, 12.0)
    found, bends = find(np.zeros((40, 40)), mast, 1.5, 30.0, ground=500.0)
    for plane, height in enumerate((1.5, 30.0)):
        way = ways_to(mast, (40, 40), height)
        distance = np.linalg.norm(way, axis=-1)
        np.testing.assert_allclose(found.delay[plane] * SPEED_OF_LIGHT, distance, rtol=1e-12)
        np.testing.assert_allclose(found.path_gain[plane], friis_path_gain(distance, FREQUENCY))
        off_axis = np.hypot(way[..., 0], way[..., 1]) > 0
        assert turned(found.azimuth[plane], np.arctan2(way[..., 0], way[..., 1]))[off_axis].max() < 1e-9
        zenith = np.arctan2(np.hypot(way[..., 0], way[..., 1]), way[..., 2])
        np.testing.assert_allclose(found.zenith[plane], zenith, atol=1e-9)
    assert found.line_of_sight.all() and not bends.any()


def test_long_wall_is_passed_over_its_two_upper_edges() -> None:
    mast, receiver = (11.0, 41.0, 2.0), (71.0, 41.0)
    found, bends = find(walled(10.0), mast, 2.0)
    row, column = int(receiver[1] / CELL), int(receiver[0] / CELL)
    up = math.atan2(8.0, 29.5)  # the wall reaches from 40 to 44 m; points of the ray lie near its faces
    assert bends[0, row, column] == 2
    length = found.delay[0, row, column] * SPEED_OF_LIGHT
    assert length == pytest.approx(2 * math.hypot(8.0, 28.5) + 3.0, abs=0.3)
    expected = friis_path_gain(length, FREQUENCY) - 2 * BendLoss().of(np.array(up))
    assert found.path_gain[0, row, column] == pytest.approx(expected, abs=0.2)
    assert found.azimuth[0, row, column] == pytest.approx(3 * math.pi / 2)
    assert found.zenith[0, row, column] == pytest.approx(math.pi / 2 - up, abs=0.02)


def test_high_wall_with_an_end_is_passed_around_it() -> None:
    building = walled(60.0, slice(0, 25))  # it ends 50 m north of the southern edge
    mast, (row, column) = (21.0, 31.0, 2.0), (15, 30)
    found, bends = find(building, mast, 2.0)
    corners = np.array([[39.0, 51.0], [45.0, 51.0]])
    receiver = (np.array([column, row]) + 0.5) * CELL
    points = np.stack([mast[:2], *corners, receiver])
    assert bends[0, row, column] == 2
    length = found.delay[0, row, column] * SPEED_OF_LIGHT
    assert length == pytest.approx(np.linalg.norm(np.diff(points, axis=0), axis=1).sum(), abs=1e-6)
    way = corners[1] - receiver
    assert found.azimuth[0, row, column] == pytest.approx(np.mod(math.atan2(way[0], way[1]), TURN))
    assert found.zenith[0, row, column] == pytest.approx(math.pi / 2)


def test_path_around_an_edge_stays_below_its_top() -> None:
    building = walled(8.0, slice(0, 25))
    _, bends = find(building, (21.0, 31.0, 30.0), 2.0)
    assert bends[0, 15, 22] == 1  # close behind the wall: down over its far edge


@pytest.mark.parametrize("height", [3.0, 24.0])
def test_no_path_through_a_city_is_faster_than_light_or_stronger_than_free_space(height: float) -> None:
    building = city()
    mast = (41.0, 1.0, height)
    found, bends = find(building, mast, 1.5, 10.0)
    for plane, receiver in enumerate((1.5, 10.0)):
        distance = np.linalg.norm(ways_to(mast, building.shape, receiver), axis=-1)
        outdoor = building < receiver
        np.testing.assert_array_equal(found.reached[plane], outdoor)
        ahead = found.first_delay[plane] * SPEED_OF_LIGHT - distance
        assert np.nanmin(ahead) > -1e-6
        direct = found.line_of_sight[plane]
        assert np.abs(ahead[direct]).max() < 1e-6
        lost = friis_path_gain(distance, FREQUENCY) - found.path_gain[plane]
        assert (lost[outdoor & ~direct] > BendLoss().least).all()
        assert (bends[plane][~outdoor] == -1).all()
    assert {0, 1, 2} <= set(bends.ravel().tolist())


def test_way_around_corners_is_never_weaker_than_over_the_roofs_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    building, mast = city(1), (41.0, 1.0, 3.0)
    found, _ = find(building, mast, 1.5)
    monkeypatch.setattr(dominant, "around_edges", lambda *_: _[-1])
    over, _ = find(building, mast, 1.5)
    gained = (found.path_gain - over.path_gain)[found.reached]
    assert gained.min() >= 0.0
    assert (gained > 1.0).mean() > 0.1


def test_blocks_of_receivers_and_edges_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    mast = (41.0, 1.0, 3.0)
    whole, bends = find(city(), mast, 1.5, 10.0)
    monkeypatch.setattr(edges, "PAIRS", 1000)
    monkeypatch.setattr(roofs, "POINTS", 5000)
    apart, again = find(city(), mast, 1.5, 10.0)
    np.testing.assert_array_equal(bends, again)
    for name in ("path_gain", "delay", "azimuth", "zenith"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(apart, name), name)


@pytest.mark.parametrize(
    ("mast", "heights", "said"),
    [
        (
            (41.0, 9.0, 5.0),
            (1.5,),
            "is 5 m above the ground, inside a building of 30 m; put it above the roof",
        ),
        ((90.0, 9.0, 5.0), (1.5,), r"stands at \(90, 9\) m; expected it on the raster of 80 m by 80 m"),
        ((11.0, 9.0, 5.0), (1.5, -1.0), "a receiver's height is -1 m; expected heights above the ground"),
    ],
)
def test_what_has_no_path_is_refused(mast: tuple, heights: tuple, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        find(walled(30.0), mast, *heights)
