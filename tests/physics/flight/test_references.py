"""Reference paths: shape, and velocities that are the derivatives of positions."""

import math
from collections.abc import Callable

import array_api_strict
import numpy as np
import pytest

from physics.flight.references import (
    Reference,
    circle,
    goals,
    harmonic,
    heading,
    lemniscate,
    plane,
    polyline,
)

TIME = np.linspace(0.0, 12.0, 24_001)
CENTRE = np.array([3.0, -2.0, 9.0])
FIRST, SECOND = plane(np.array([1.0, -2.0, 0.5]), 0.7)


def lissajous(time: np.ndarray) -> Reference:
    size = np.diag([5.0, 3.0, 1.0])
    return harmonic(time, CENTRE, size, np.array([0.5, 1.0, 1.5]), np.array([0.1, 0.2, 0.3]))


PATHS: dict[str, Callable[[np.ndarray], Reference]] = {
    "circle": lambda time: circle(time, CENTRE, FIRST, SECOND, 4.0, 0.8),
    "lemniscate": lambda time: lemniscate(time, CENTRE, FIRST, SECOND, 4.0, 0.8),
    "lissajous": lissajous,
}


@pytest.mark.parametrize("name", PATHS)
def test_velocity_and_acceleration_are_derivatives(name: str) -> None:
    path = PATHS[name](TIME)
    for value, rate in ((path.position, path.velocity), (path.velocity, path.acceleration)):
        np.testing.assert_allclose(np.gradient(value, TIME, axis=0)[1:-1], rate[1:-1], atol=2e-6)


def test_circle_keeps_its_radius_its_plane_and_its_speed() -> None:
    path = PATHS["circle"](TIME)
    np.testing.assert_allclose(np.linalg.norm(path.position - CENTRE, axis=1), 4.0)
    np.testing.assert_allclose((path.position - CENTRE) @ np.array([1.0, -2.0, 0.5]), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(path.velocity, axis=1), 3.2)
    np.testing.assert_allclose(path.position[0], CENTRE + 4.0 * FIRST)


def test_lemniscate_crosses_its_centre_twice_a_turn() -> None:
    turn = 2.0 * math.pi / 0.8
    path = PATHS["lemniscate"](np.array([0.25, 0.75]) * turn)
    np.testing.assert_allclose(path.position, [CENTRE, CENTRE], atol=1e-12)
    ahead = PATHS["lemniscate"](np.array([turn / 8.0])).position[0] - CENTRE
    np.testing.assert_allclose(ahead, 4.0 * (math.sqrt(0.5) * FIRST + SECOND))


@pytest.mark.parametrize("normal", [(0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (-0.3, 0.9, 0.1)])
def test_plane_is_right_handed_about_its_normal(normal: tuple[float, float, float]) -> None:
    first, second = plane(np.array(normal), 1.2)
    np.testing.assert_allclose(np.cross(first, second), np.array(normal) / np.linalg.norm(normal))


def test_polyline_goes_at_constant_speed_through_its_points_and_rests_at_the_last() -> None:
    points = np.array([[0.0, 0.0, 5.0], [3.0, 4.0, 5.0], [3.0, 4.0, 15.0]])
    time = np.linspace(0.0, 10.0, 101)
    path = polyline(time, points, 2.0)
    np.testing.assert_allclose(path.position[0], points[0])
    np.testing.assert_allclose(path.position[25], points[1], atol=1e-12)  # 5 m
    np.testing.assert_allclose(path.position[50], [3.0, 4.0, 10.0])
    np.testing.assert_allclose(path.position[75:], np.tile(points[2], (26, 1)))
    np.testing.assert_allclose(np.linalg.norm(path.velocity[:75], axis=1), 2.0)
    np.testing.assert_array_equal(path.velocity[76:], 0.0)
    np.testing.assert_allclose(np.diff(path.position, axis=0)[:24] / 0.1, path.velocity[:24], atol=1e-9)


def test_a_goal_holds_from_its_time_on() -> None:
    points = np.array([[0.0, 0.0, 1.0], [5.0, 0.0, 1.0], [5.0, 5.0, 1.0]])
    path = goals(np.array([0.0, 0.9, 1.0, 2.4, 2.5, 9.0]), points, np.array([0.0, 1.0, 2.5]))
    np.testing.assert_array_equal(path.position, points[[0, 0, 1, 1, 2, 2]])
    np.testing.assert_array_equal(path.velocity, 0.0)


def test_heading_looks_along_the_motion_and_stays_at_rest() -> None:
    velocity = np.array([[0, 0, 1], [1, 0, 0], [0, 2, 0], [0.01, -0.01, 3], [-1, 0, 0]], dtype=float)
    expected = [0.4, 0.0, math.pi / 2, math.pi / 2, math.pi]
    np.testing.assert_allclose(heading(velocity, at_rest=0.4), expected)


def test_paths_are_the_same_on_a_strict_array_library() -> None:
    xp = array_api_strict
    time, rng = np.linspace(0.0, 5.0, 20), np.random.default_rng(0)
    points, times = rng.normal(size=(4, 3)), np.array([0.0, 1.0, 2.0, 4.0])
    given = [xp.asarray(each) for each in (time, CENTRE, points, times)]
    first, second = plane(xp.asarray(np.array([1.0, -2.0, 0.5])), 0.7)
    pairs = [
        (lemniscate(given[0], given[1], first, second, 4.0, 0.8), PATHS["lemniscate"](time)),
        (polyline(given[0], given[2], 1.5), polyline(time, points, 1.5)),
        (goals(given[0], given[2], given[3]), goals(time, points, times)),
    ]
    for theirs, ours in pairs:
        np.testing.assert_allclose(np.asarray(theirs.position), ours.position, atol=1e-12)
        np.testing.assert_allclose(np.asarray(theirs.velocity), ours.velocity, atol=1e-12)
    np.testing.assert_allclose(np.asarray(heading(given[2])), heading(points))
